"""One case of a search again: the study with its design's strengths and the case's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lattice import InputError
from optics.beams.parquet import read_parquet
from studies.scan.plan import STATUS
from studies.search.asked import LATTICE, TABLE, at_lattice
from studies.search.keys import with_keys
from studies.spec.schema import RingStudy, StudySpec


def at_point(study: StudySpec, point: str) -> StudySpec:
    """The study at a case, ``RUN:CASE``, of a finished search: its strengths, and no match.

    InputError for another kind of study and a case that is not there, FileError for a folder that is no search.
    """
    folder, colon, case = point.rpartition(":")
    if not colon or not case.isdecimal():
        raise InputError(f"--point {point!r}: expected RUN:CASE, for example runs/my-search:412")
    if not (study.keyed or isinstance(study, RingStudy)):
        raise InputError(f'--point: a study of study = "{study.study}" has no search')
    table, about = read_parquet(Path(folder) / TABLE, needs=[STATUS])
    if int(case) >= len(table):
        raise InputError(f"--point {point}: the search has {len(table):,} cases, numbered from 0")
    return at_case(study, dict(table.iloc[int(case)]), about)


def at_case(study: StudySpec, row: Mapping[Any, Any], about: Mapping[str, Any]) -> StudySpec:
    """The study at the machine that a ``row`` of its search is of; ``about``: what the search's table says of itself.

    InputError for a lattice that the search does not name.
    """
    design, knobs = dict(about["design"]), [str(one["name"]) for one in about["search"]["vary"]]
    if LATTICE in row:
        return _of_a_lattice(study, row, design, about)
    own = {name: float(row[name]) for name in knobs}
    if not isinstance(study, RingStudy):
        whole = [str(one["name"]) for one in about["search"]["vary"] if one.get("whole")]
        return with_keys(study, {key: round(value) if key in whole else value for key, value in own.items()})
    return _with_strengths(study, {**design, **own})


def _of_a_lattice(
    study: StudySpec, row: Mapping[Any, Any], designs: dict[str, Any], about: Mapping[str, Any]
) -> RingStudy:
    """The study of the lattice that a case is of."""
    assert isinstance(study, RingStudy)
    files = {Path(name).stem: name for name in (str(study.lattice), *about["search"]["lattices"])}
    if row[LATTICE] not in files or row[LATTICE] not in designs:
        raise InputError(f"--point: the case is of a lattice '{row[LATTICE]}', which the search does not name")
    design = dict(designs[row[LATTICE]])
    own = {str(one["name"]): float(row[one["name"]]) for one in about["search"]["vary"] if one["name"] in design}
    return _with_strengths(at_lattice(study, files[row[LATTICE]]), {**design, **own})


def _with_strengths(study: RingStudy, values: Mapping[str, Any]) -> RingStudy:
    """The study with these values of parameters and no match."""
    strengths = {str(name): float(value) for name, value in values.items()}
    return study.model_copy(update={"parameters": strengths, "match": None})
