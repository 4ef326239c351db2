"""A scan from its study to its run folder: interrupted ones keep their rows and can go on."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from lattice import InputError
from machines.requirements import PASS
from optics.beams.parquet import read_parquet, write_parquet
from studies.exit_codes import Exit
from studies.provenance import provenance, toolkit_version
from studies.results import Quantity, StudyResult
from studies.runs.building import open_run
from studies.runs.contents import OLD_ROWS, is_complete
from studies.runs.logs import LOGGER, RunLog, messages
from studies.runs.results_json import json_text
from studies.runs.rows import CASE, begin_rows, kept_rows, open_segment, read_rows, remove_rows, rows_about
from studies.runs.running import RunOptions, failures_logged
from studies.runs.store import results_of
from studies.scan import cases as scan_cases
from studies.scan.asked import plan
from studies.scan.facts import gather_scan
from studies.scan.figures import figures
from studies.scan.plan import COMPUTED, STATUS, Axis, Plan
from studies.scan.quantities import MOST_CASES
from studies.spec.schema import StudySpec, as_mapping
from studies.terminal import number, show

TABLE = "tables/scan.parquet"


@dataclass(frozen=True)
class ScanFinished:
    """A scan that was written: its table, the object of results.json, its folder."""

    table: pd.DataFrame
    results: dict[str, Any]
    folder: Path


def scan_to_folder(
    study: StudySpec, file: Path | None, axes: tuple[Axis, ...], options: RunOptions, resume: bool
) -> ScanFinished:
    """Compute and write the scan of a study; ``resume`` goes on from the rows that an interrupted one has left."""
    from studies.report import render, report_date

    report_date()  # a wrong one is said before hours are computed
    log = RunLog(options.jobs)
    folder = options.out or Path("runs") / f"{study.name}-scan"
    with (
        messages(options.verbose, options.quiet, log),
        open_run(folder, options.force, resume) as run,
        failures_logged(run, log),
    ):
        made, finished = _planned(study, file, axes, run.place, resume)
        if finished is not None:
            LOGGER.info("%s holds this scan already, whole", folder)
            return ScanFinished(finished, results_of(run.place), folder)
        table = _table(made, run.place, options)
        results = run.finish(_result(made, table), render, log.text, partial(_save, table, _about(made)))
    return ScanFinished(table, results, folder)


def _planned(
    study: StudySpec, file: Path | None, axes: tuple[Axis, ...], place: Path, resume: bool
) -> tuple[Plan, pd.DataFrame | None]:
    """The scan, with its rows made ready, and its table when it is finished. InputError when another one is there."""
    made = plan(study, file, axes)
    begun = rows_about(place) if resume else None
    if begun is not None:
        _check_same(begun, made, place)
    elif resume and (place / OLD_ROWS).is_file():
        _take_over(made, place)
    elif resume and is_complete(place):
        return made, _finished(made, place)
    else:
        remove_rows(place)
        begin_rows(place, _about(made))
    return made, None


def _about(made: Plan) -> dict[str, Any]:
    """What two scans must share for their rows to stand in one table."""
    about = {
        "scan": [axis.text for axis in made.axes],
        "study": as_mapping(made.resolved.study),
        "design": {name: float(value) for name, value in made.design.parameters.items()},
        "inputs": provenance(0, made.resolved.hashed)["inputs"],
        "version": toolkit_version(),
    }
    return dict(json.loads(json.dumps(about)))


def _check_same(found: Mapping[str, Any], made: Plan, place: Path) -> None:
    """InputError, naming what differs, when rows belong to another scan. Old ones say less of what they belong to."""
    names = {"scan": "grid", "study": "study", "design": "strengths", "inputs": "input file", "version": "version"}
    other = [word for key, word in names.items() if key in found and found[key] != _about(made)[key]]
    if other or "scan" not in found:
        raise InputError(
            f"{place} holds another scan (other {', '.join(other) or 'contents'}): --resume cannot go on; give --force "
            "to begin again, or another folder with --out"
        )


def _take_over(made: Plan, place: Path) -> None:
    """Go on from the rows of a scan that was interrupted when they were kept in one file."""
    table, about = read_parquet(place / OLD_ROWS, needs=[STATUS])
    _check_same(about, made, place)
    begin_rows(place, _about(made))
    with open_segment(place) as segment:
        segment.append(np.arange(len(table)), table)


def _finished(made: Plan, place: Path) -> pd.DataFrame:
    if not (place / TABLE).is_file():
        raise InputError(f"{place} holds a finished run that is no scan: give another folder with --out")
    table, about = read_parquet(place / TABLE, needs=[STATUS])
    _check_same(about, made, place)
    return table


def _table(made: Plan, place: Path, options: RunOptions) -> pd.DataFrame:
    """All rows, read from where each was kept as soon as it was finished."""
    left = np.setdiff1d(np.arange(made.number), read_rows(place)[CASE])
    LOGGER.info("scanning %s cases", f"{made.number:,}")
    try:
        with _bar(made.number, made.number - len(left), options.quiet) as told, open_segment(place) as segment:
            for numbers, table in scan_cases.rows(made, left, options.jobs, told):
                segment.append(numbers, table)
    except BaseException:
        if not kept_rows(place):
            remove_rows(place)
        raise
    return read_rows(place).drop(columns=CASE)


def _save(table: pd.DataFrame, about: Mapping[str, Any], folder: Path) -> None:
    (folder / TABLE).parent.mkdir(exist_ok=True)
    write_parquet(folder / TABLE, table, about)


@contextmanager
def _bar(total: int, first: int, quiet: bool) -> Iterator[Any]:
    """A progress bar on a terminal, nothing elsewhere."""
    hidden = quiet or not sys.stderr.isatty() or bool(os.environ.get("NO_COLOR"))
    with tqdm(total=total, initial=first, unit=" cases", unit_scale=True, disable=hidden, file=sys.stderr) as bar:
        yield bar.update


# ------------------------------------------------------------------------------------------------------- the result


def _result(made: Plan, table: pd.DataFrame) -> StudyResult:
    resolved = made.resolved
    return StudyResult(
        name=f"{resolved.name}-scan",
        title=f"{resolved.title}: scan over {', '.join(axis.name for axis in made.axes)}",
        machine=resolved.machine_name,
        particle=str(resolved.particle),
        study=as_mapping(resolved.study),
        lattice=made.design,
        quantities=tuple(_counts(made, table)),
        verdicts=(),
        figures=figures(gather_scan(made, table)),
        methods=tuple(_methods(made)),
        warnings=tuple(_warnings(made, table)),
        provenance={
            **provenance(resolved.study.seed, resolved.hashed),
            "scan": "; ".join(axis.text for axis in made.axes),
        },
        headline=f"{int(feasible(made, table).sum()):,} of {len(table):,} cases pass all of {len(made.judged)} "
        f"requirements that a scan can judge",
    )


def feasible(made: Plan, table: pd.DataFrame) -> pd.Series[bool]:
    """Cases that were computed and pass every requirement that the scan judges."""
    good = table[STATUS] == COMPUTED
    for requirement in made.judged:
        good &= table[requirement.id] == PASS if requirement.id in table else False
    return good


def _counts(made: Plan, table: pd.DataFrame) -> Iterator[Quantity]:
    counts: Mapping[str, tuple[Any, str]] = {
        "cases": (len(table), "points of the grid"),
        "computed": ((table[STATUS] == COMPUTED).sum(), "cases with an answer"),
        "feasible": (feasible(made, table).sum(), f"cases that pass all of {len(made.judged)} requirements"),
    }
    for name, (count, method) in counts.items():
        yield Quantity(f"scan.{name}", float(count), "1", 0.0, "own maps alone", method, "scan-region")
    for requirement in made.judged:
        passed = float((table[requirement.id] == PASS).sum()) if requirement.id in table else 0.0
        method = f"cases that pass: {requirement.text}"
        yield Quantity(f"scan.{requirement.id}", passed, "1", 0.0, "own maps alone", method, "scan-region")


def _methods(made: Plan) -> Iterator[str]:
    spans = "; ".join(f"{a.name} from {a.lower:g} to {a.upper:g}, {a.number} values" for a in made.axes)
    yield f"Scan over a regular grid: {spans}. All other parameters are those of the design."
    if made.resolved.study.match is not None:
        yield "The study's match was made once; the grid departs from its solution and no case is matched again."
    if made.names:
        yield (
            "Each case by our own maps alone: matrices and second derivatives of every element that changes, exact "
            "bends, peaks of beta and dispersion inside elements in closed form; the room of beams (grids of at most "
            f"{MOST_CASES:,} cases) from optics cut into parts. Xsuite does not repeat the cases: run "
            "the study itself at a chosen point for a comparison and for all its requirements."
        )
    else:
        yield "Each case is the whole study, with its comparison of the engines."


def _warnings(made: Plan, table: pd.DataFrame) -> Iterator[str]:
    yield from made.resolved.warnings
    failed = int((table[STATUS] != COMPUTED).sum())
    if failed:
        reasons = table.loc[table[STATUS] != COMPUTED, STATUS].value_counts()
        yield f"{failed:,} of {len(table):,} cases have no answer; most often: {reasons.index[0]}."
    if made.unjudged:
        listed = ", ".join(f"{r.id} ({r.quantity})" for r in made.unjudged)
        yield f"Not judged in a scan: {listed}."


def show_scan(finished: ScanFinished, as_json: bool) -> int:
    """Print the counts (or the JSON object) and return the exit code: 1 when a case has no answer."""
    if as_json:
        show(json_text(finished.results).rstrip())
    else:
        for name, quantity in finished.results["quantities"].items():
            show(f"{number(quantity['value'], 10):>12}  {name.removeprefix('scan.')}: {quantity['method']}")
        show(f"\ntable: {finished.folder / TABLE}\nreport: {finished.folder / 'report.html'}")
    return Exit.OK if bool((finished.table[STATUS] == COMPUTED).all()) else Exit.WANTING
