"""Run folders: a finished study on disk, from which its report can be rendered again without computing.

log.txt is written first and marks the folder as a run; results.json is written last, so that a folder without it is
an interrupted run. Each file is whole or not there at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from lattice import InputError, Lattice, LatticeError, read_json, write_json, write_madx
from lattice.errors import FileError
from lattice.files import write_text_atomic
from studies.results import FigureData, StudyResult, TableData
from studies.runs.frames import column_kinds, csv_text, read_csv
from studies.runs.results_json import (
    SCHEMA,
    json_text,
    plain,
    quantity_from,
    results_object,
    verdict_details,
    verdict_from,
)
from studies.spec.checking import parse_toml, read_text
from studies.spec.toml_text import toml_text

RESULTS = "results.json"
LOG = "log.txt"
REPORT = "report.html"
DETAILS = "report.json"
STUDY = "study.toml"
LATTICE = "lattice.json"
LATTICE_MADX = "lattice.seq"
LINAC = "linac.toml"
LOG_TITLE = "lattice-optimize: log of one run"
_FILES = (RESULTS, REPORT, DETAILS, STUDY, LATTICE, LATTICE_MADX, LINAC)
SPILL = "spill"
_FOLDERS = ("tables", "figures")

Render = Callable[[StudyResult], str]


@dataclass(frozen=True)
class RunFolder:
    """A folder that was made ready for a run: ``made`` are the folders that did not exist before."""

    path: Path
    made: tuple[Path, ...]

    def abandon(self) -> None:
        """Leave nothing of a run that came to nothing; a finished run in the same folder stays."""
        if not is_complete(self.path):
            with suppress(OSError):
                (self.path / LOG).unlink()
        for folder in self.made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def is_complete(folder: Path) -> bool:
    """True when the folder holds a finished run."""
    return (folder / RESULTS).is_file()


def is_interrupted(folder: Path) -> bool:
    """True when a run was begun in the folder and not finished."""
    try:
        begun = (folder / LOG).read_text(encoding="utf-8", errors="replace").startswith(LOG_TITLE)
    except OSError:
        return False
    return begun and not is_complete(folder)


def open_run(folder: Path, force: bool = False) -> RunFolder:
    """Make a folder ready before anything is computed.

    InputError when it holds a finished run (and not ``force``) or files that are no run's; FileError when it cannot
    be written.
    """
    if is_complete(folder) and not force:
        raise InputError(f"{folder} holds a finished run: give --force to replace it, or another folder with --out")
    foreign = [name for name in (*_FILES, *_FOLDERS, SPILL) if (folder / name).exists()]
    if foreign and not is_complete(folder) and not is_interrupted(folder):
        raise InputError(f"{folder} is no run folder but holds {', '.join(foreign)}: give another folder with --out")
    made = tuple(_missing(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        RunFolder(folder, made).abandon()
        raise FileError(
            f"{folder}: the run folder cannot be written ({_reason(error)}); give another with --out"
        ) from None
    if not is_complete(folder):
        write_log(folder, "begun, not finished\n")
    return RunFolder(folder, made)


def _reason(error: OSError) -> str:
    in_the_way = isinstance(error, (FileExistsError, NotADirectoryError))
    return "a file of that name is in the way" if in_the_way else error.strerror or str(error)


def _missing(folder: Path) -> Iterator[Path]:
    """The folders on the way that do not exist yet, deepest first."""
    while not folder.exists() and folder != folder.parent:
        yield folder
        folder = folder.parent


def write_run(
    folder: Path,
    result: StudyResult,
    render: Render,
    log: Callable[[], str],
    save: Callable[[Path], None] | None = None,
) -> dict[str, Any]:
    """Write the whole run, results.json last, and return its object.

    The report is rendered from what was written, so that rendering again gives the same bytes; ``save`` writes what the
    report does not need.
    """
    _clear(folder)
    if save is not None:
        save(folder)
    for name in _FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    for name, text in _data_files(result):
        write_text_atomic(folder / name, text)
    _write_lattice(folder, result.lattice)
    results = results_object(result)
    write_text_atomic(folder / REPORT, render(_assembled(folder, json.loads(json_text(results)))))
    write_log(folder, log())
    write_text_atomic(folder / RESULTS, json_text(results))
    return results


def write_log(folder: Path, text: str) -> None:
    """Write log.txt: times, host, workers and paths, which stand nowhere else."""
    write_text_atomic(folder / LOG, f"{LOG_TITLE}\n{text}")


def _clear(folder: Path) -> None:
    """Remove what an earlier run left, results.json first; nothing else in the folder is touched."""
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        for path in sorted((folder / name).glob("*.*")):
            if path.suffix in (".csv", ".json", ".tfs"):
                path.unlink()
    for path in sorted((folder / SPILL).glob("*.*")):
        if path.suffix in (".h5", ".parquet"):
            path.unlink()


def _data_files(result: StudyResult) -> Iterator[tuple[str, str]]:
    yield STUDY, toml_text(result.study)
    for table in result.tables:
        yield f"tables/{table.id}.csv", csv_text(table.frame)
    for figure in result.figures:
        yield f"figures/{figure.id}.json", json_text(plain(figure.plotly))
        yield f"figures/{figure.id}.csv", csv_text(figure.table)
    yield DETAILS, json_text(_details(result))


def _write_lattice(folder: Path, lattice: Lattice) -> None:
    write_json(lattice, folder / LATTICE)
    try:
        write_madx(lattice, folder / LATTICE_MADX)
    except LatticeError:  # MAD-X cannot hold this machine: the contract asks for the file only where it can
        (folder / LATTICE_MADX).unlink(missing_ok=True)


def _details(result: StudyResult) -> dict[str, Any]:
    """What the report needs beside results.json, the tables and the figures."""
    return {
        "schema": SCHEMA,
        "title": result.title,
        "headline": result.headline,
        "wanting": result.wanting,
        "particle": result.particle,
        "figures_of_quantities": {quantity.name: quantity.figure for quantity in result.quantities},
        "verdicts": [verdict_details(verdict) for verdict in result.verdicts],
        "figures": [_described(figure, figure.table) for figure in result.figures],
        "tables": [{**_described(table, table.frame), "digits": table.digits} for table in result.tables],
        "methods": list(result.methods),
        "assumptions": list(result.assumptions),
        "references": list(result.references),
    }


def _described(item: FigureData | TableData, frame: Any) -> dict[str, Any]:
    return {"id": item.id, "title": item.title, "caption": item.caption, "columns": column_kinds(frame)}


def read_run(folder: Path) -> StudyResult:
    """The result a run folder holds; FileError when it holds none, an interrupted or a damaged one."""
    if is_interrupted(folder):
        raise FileError(f"{folder} holds an interrupted run ({RESULTS} is missing): run the study again")
    if not is_complete(folder):
        raise FileError(f"{folder} holds no run: {RESULTS} was expected there")
    results = _read_json(folder / RESULTS)
    try:
        if results["schema"] != SCHEMA:
            raise FileError(f"{folder / RESULTS}: schema {results['schema']!r} found, {SCHEMA} expected")
        return _assembled(folder, results)
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{folder}: the run folder is damaged ({type(error).__name__}: {error})") from None


def rewrite_report(folder: Path, render: Render) -> Path:
    """Render the report of a finished run again from its folder alone."""
    write_text_atomic(folder / REPORT, render(read_run(folder)))
    return folder / REPORT


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise FileError(f"{path}: not valid JSON: {error}") from None


def _assembled(folder: Path, results: Mapping[str, Any]) -> StudyResult:
    details = _read_json(folder / DETAILS)
    figures_of = details["figures_of_quantities"]
    quantities = results["quantities"].items()
    verdicts = zip(results["verdicts"], details["verdicts"], strict=True)
    return StudyResult(
        name=results["study"],
        title=details["title"],
        machine=results["machine"],
        particle=details["particle"],
        study=parse_toml(read_text(folder / STUDY), str(folder / STUDY)),
        lattice=read_json(folder / LATTICE),
        quantities=tuple(quantity_from(name, stored, figures_of[name]) for name, stored in quantities),
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
    )


def _read_figure(folder: Path, stored: Mapping[str, Any]) -> FigureData:
    path = folder / "figures" / f"{stored['id']}.json"
    table = read_csv(read_text(path.with_suffix(".csv")), stored["columns"])
    return FigureData(stored["id"], stored["title"], stored["caption"], _read_json(path), table)


def _read_table(folder: Path, stored: Mapping[str, Any]) -> TableData:
    text = read_text(folder / "tables" / f"{stored['id']}.csv")
    frame = read_csv(text, stored["columns"])
    return TableData(stored["id"], stored["title"], stored["caption"], frame, stored.get("digits", 6))
