"""Finished runs read from their folders: the result, from which its report is rendered again without computing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from lattice import read_json
from lattice.errors import FileError
from lattice.files import write_text_atomic
from machines.requirements import Unasked
from studies.results import FigureData, StudyResult, TableData
from studies.runs.contents import (
    DETAILS,
    LATTICE,
    REPORT,
    RESULTS,
    ROWS,
    STUDY,
    is_complete,
    is_dossier,
    is_interrupted,
)
from studies.runs.form import check_details, check_results, check_verdict
from studies.runs.frames import read_csv
from studies.runs.locks import only_writer
from studies.runs.results_json import quantity_from, verdict_from
from studies.spec.checking import parse_toml, read_text
from studies.vocabulary.older import keys_renamed

Render = Callable[[StudyResult], str]


def read_run(folder: Path) -> StudyResult:
    """The result a run folder holds; FileError when it holds none, an interrupted or a damaged one."""
    if is_interrupted(folder):
        raise FileError(f"{folder} holds an interrupted run ({RESULTS} is missing): {_go_on(folder)}")
    if is_dossier(folder):
        raise FileError(f"{folder} holds a dossier: the folders of its runs were expected")
    if not is_complete(folder):
        raise FileError(f"{folder} holds no run: {RESULTS} was expected there")
    with damage_told(folder):
        where = str(folder / RESULTS)
        result = assembled(folder, check_results(_read_json(folder / RESULTS), where))
        for verdict in result.verdicts:
            check_verdict(verdict, where)
        return result


def results_of(folder: Path) -> dict[str, Any]:
    """The object of results.json of a finished run."""
    with damage_told(folder):
        return dict(_read_json(folder / RESULTS))


def _go_on(folder: Path) -> str:
    return "go on with scan --resume" if (folder / ROWS).is_dir() else "run the study again"


def rewrite_report(folder: Path, render: Render) -> Path:
    """Render the report of a finished run again from its folder alone; FileError for a damaged one."""
    result = read_run(folder)
    with only_writer(folder), damage_told(folder):
        write_text_atomic(folder / REPORT, render(result))
    return folder / REPORT


@contextmanager
def damage_told(folder: Path) -> Iterator[None]:
    """What a run folder gives has been read and rendered once, when it was written: what fails now is damaged.

    FileError that names the folder, for whatever is raised within.
    """
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        reason = str(error) or "too deep"
        raise FileError(f"{folder}: the run folder is damaged ({type(error).__name__}: {reason})") from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_text(path), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: not valid JSON: {error}") from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def assembled(folder: Path, results: Mapping[str, Any]) -> StudyResult:
    """The result of the object of results.json and the files beside it."""
    details = check_details(_read_json(folder / DETAILS), str(folder / DETAILS))
    figures_of, places = details["figures_of_quantities"], details.get("places_of_quantities", {})
    quantities = results["quantities"].items()
    verdicts = zip(results["verdicts"], details["verdicts"], strict=True)
    return StudyResult(
        name=results["study"],
        title=details["title"],
        machine=results["machine"],
        particle=details["particle"],
        study=_study(folder / STUDY),
        lattice=read_json(folder / LATTICE),
        quantities=tuple(
            quantity_from(name, stored, figures_of[name], places.get(name, "")) for name, stored in quantities
        ),
        verdicts=tuple(verdict_from(stored, more) for stored, more in verdicts),
        figures=tuple(_read_figure(folder, stored) for stored in details["figures"]),
        tables=tuple(_read_table(folder, stored) for stored in details["tables"]),
        methods=tuple(details["methods"]),
        assumptions=tuple(details["assumptions"]),
        references=tuple(details["references"]),
        warnings=tuple(results["warnings"]),
        provenance=results["provenance"],
        headline=details.get("headline", ""),
        wanting=details.get("wanting", False),
        outside=details.get("outside", ""),
        unasked=tuple(Unasked(**one) for one in details.get("unasked", ())),
    )


def _study(path: Path) -> dict[str, Any]:
    study = parse_toml(read_text(path), str(path))
    list(keys_renamed(study, str(path)))  # silently: it was written by the toolkit
    return study


def _read_figure(folder: Path, stored: Mapping[str, Any]) -> FigureData:
    path = folder / "figures" / f"{_plain_id(stored)}.json"
    table = read_csv(read_text(path.with_suffix(".csv")), stored["columns"])
    return FigureData(stored["id"], stored["title"], stored["caption"], _read_json(path), table)


def _read_table(folder: Path, stored: Mapping[str, Any]) -> TableData:
    text = read_text(folder / "tables" / f"{_plain_id(stored)}.csv")
    frame = read_csv(text, stored["columns"])
    return TableData(stored["id"], stored["title"], stored["caption"], frame, stored.get("digits", 6))


def _plain_id(stored: Mapping[str, Any]) -> str:
    """The id of a table or figure, which is a file's name in this folder and no way out of it."""
    if not re.fullmatch(r"[\w-]+", stored["id"]):
        raise FileError(f"a run folder's table or figure has the id {stored['id']!r}, which is no plain word")
    return str(stored["id"])
