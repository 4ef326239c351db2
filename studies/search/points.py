"""One case of a search again: the study with its design's strengths and the case's own."""

from __future__ import annotations

from pathlib import Path

from lattice import InputError
from optics.beams.parquet import read_parquet
from studies.scan.plan import STATUS
from studies.search.keys import with_keys
from studies.search.searching import TABLE
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
    design = {str(name): float(value) for name, value in dict(about["design"]).items()}
    knobs = [str(one["name"]) for one in about["search"]["vary"]]
    own = {name: float(table[name].iloc[int(case)]) for name in knobs}
    if not isinstance(study, RingStudy):
        whole = [str(one["name"]) for one in about["search"]["vary"] if one.get("whole")]
        return with_keys(study, {key: round(value) if key in whole else value for key, value in own.items()})
    return study.model_copy(update={"parameters": {**design, **own}, "match": None})
