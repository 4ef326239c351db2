"""The files of a run, written into a folder that nobody else sees yet; results.json is the last one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from lattice import Lattice, LatticeError, write_json, write_madx
from studies.results import FigureData, StudyResult, TableData
from studies.runs.contents import (
    DETAILS,
    LATTICE,
    LATTICE_MADX,
    LOG,
    LOG_TITLE,
    REPORT,
    RESULTS,
    STUDY,
    listed_files,
)
from studies.runs.frames import column_kinds, csv_text
from studies.runs.locks import LOCK
from studies.runs.results_json import SCHEMA, json_text, plain, results_object, verdict_details
from studies.runs.store import Render, assembled
from studies.spec.toml_text import toml_text


def write_files(
    folder: Path,
    result: StudyResult,
    render: Render,
    log: Callable[[], str],
    save: Callable[[Path], None] | None = None,
) -> dict[str, Any]:
    """Write the whole run and return the object of results.json.

    The report is rendered from what was written, so that rendering again gives the same bytes; ``save`` writes what the
    report does not need.
    """
    if save is not None:
        save(folder)
    for name in ("tables", "figures"):
        (folder / name).mkdir(exist_ok=True)
    for name, text in _data_files(result):
        _write(folder / name, text)
    _write_lattice(folder, result.lattice)
    _write(folder / DETAILS, json_text({**_details(result), "files": _files(folder)}))
    results = results_object(result)
    _write(folder / REPORT, render(assembled(folder, json.loads(json_text(results)))))
    _write(folder / LOG, f"{LOG_TITLE}\n{log()}")
    _write(folder / RESULTS, json_text(results))
    return results


def _write(path: Path, text: str) -> None:
    """Nobody sees the folder yet and all of it goes to the disk in the end: no file needs a care of its own."""
    path.write_bytes(text.encode("utf-8"))


def _files(folder: Path) -> list[str]:
    """All files of the run: what a later run in the same folder may remove."""
    return sorted({*listed_files(folder), DETAILS, REPORT, LOG, RESULTS} - {LOCK})


def _data_files(result: StudyResult) -> Iterator[tuple[str, str]]:
    yield STUDY, toml_text(result.study)
    for table in result.tables:
        yield f"tables/{table.id}.csv", csv_text(table.frame)
    for figure in result.figures:
        yield f"figures/{figure.id}.json", json_text(plain(figure.plotly))
        yield f"figures/{figure.id}.csv", csv_text(figure.table)


def _write_lattice(folder: Path, lattice: Lattice) -> None:
    write_json(lattice, folder / LATTICE)
    with suppress(LatticeError):  # MAD-X cannot hold this machine: the file is asked for only where it can
        write_madx(lattice, folder / LATTICE_MADX)


def _details(result: StudyResult) -> dict[str, Any]:
    """What the report needs beside results.json, the tables and the figures."""
    return {
        "schema": SCHEMA,
        "title": result.title,
        "headline": result.headline,
        "wanting": result.wanting,
        "outside": result.outside,
        "particle": result.particle,
        "figures_of_quantities": {quantity.name: quantity.figure for quantity in result.quantities},
        "places_of_quantities": {quantity.name: quantity.at for quantity in result.quantities if quantity.at},
        "verdicts": [verdict_details(verdict) for verdict in result.verdicts],
        "unasked": [vars(one) for one in result.unasked],
        "figures": [_described(figure, figure.table) for figure in result.figures],
        "tables": [{**_described(table, table.frame), "digits": table.digits} for table in result.tables],
        "methods": list(result.methods),
        "assumptions": list(result.assumptions),
        "references": list(result.references),
    }


def _described(item: FigureData | TableData, frame: Any) -> dict[str, Any]:
    return {"id": item.id, "title": item.title, "caption": item.caption, "columns": column_kinds(frame)}
