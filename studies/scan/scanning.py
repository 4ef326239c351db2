"""A scan from its study to its run folder: interrupted ones keep their rows and can go on."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from lattice import InputError
from lattice.arrays import Array
from optics.beams.parquet import read_parquet, write_parquet_parts
from studies.exit_codes import Exit
from studies.provenance import provenance, toolkit_version
from studies.runs.building import open_run
from studies.runs.contents import OLD_ROWS, is_complete
from studies.runs.logs import LOGGER, RunLog, messages
from studies.runs.ordered import Rows
from studies.runs.results_json import json_text
from studies.runs.rows import begin_rows, kept_rows, open_segment, processors, remove_rows, rows_about
from studies.runs.running import RunOptions, failures_logged
from studies.runs.store import results_of
from studies.scan import cases as scan_cases
from studies.scan.asked import plan
from studies.scan.plan import COMPUTED, STATUS, Axis, Plan
from studies.scan.result import result_of
from studies.scan.slicing import Slice, missing_slices, open_slice
from studies.spec.schema import StudySpec, as_mapping
from studies.terminal import number, show

TABLE = "tables/scan.parquet"


#: Enters the executor that computes the cases, and how many tasks to give it at a time.
Elsewhere = Callable[[], AbstractContextManager[tuple[Executor, int]]]


@dataclass(frozen=True)
class Way:
    """How the cases of a scan come about: ``resume`` goes on from rows that are there, ``collect`` computes none.

    ``elsewhere``: who computes them, instead of worker processes here.
    """

    resume: bool = False
    collect: bool = False
    elsewhere: Elsewhere | None = None


@dataclass(frozen=True)
class ScanFinished:
    """A scan that was written: the object of results.json, its folder."""

    results: dict[str, Any]
    folder: Path


def scan_to_folder(
    study: StudySpec, file: Path | None, axes: tuple[Axis, ...], options: RunOptions, way: Way
) -> ScanFinished:
    """Compute and write the scan of a study."""
    from studies.report import render, report_date

    report_date()  # a wrong one is said before hours are computed
    log = RunLog(options.jobs)
    folder = folder_of(study, options)
    with (
        messages(options.verbose, options.quiet, log),
        open_run(folder, options.force, way.resume or way.collect) as run,
        failures_logged(run, log),
    ):
        made, finished = _planned(study, file, axes, run.place, way)
        if finished:
            LOGGER.info("%s holds this scan already, whole", folder)
            return ScanFinished(results_of(run.place), folder)
        _compute(made, run.place, options, way)
        for kind in processors(run.place):
            LOGGER.debug("rows computed on %s", kind)
        rows = Rows(run.place)
        results = run.finish(result_of(made, rows.parts), render, log.text, partial(_save, rows, _about(made)))
        log.told()
    return ScanFinished(results, folder)


def folder_of(study: StudySpec, options: RunOptions) -> Path:
    """The run folder of a scan."""
    return options.out or Path("runs") / f"{study.name}-scan"


@dataclass(frozen=True)
class SliceFinished:
    """A slice whose rows are on the disk: how many cases it has, how many of them without an answer."""

    part: Slice
    folder: Path
    cases: int
    unanswered: int


def slice_to_folder(
    study: StudySpec, file: Path | None, axes: tuple[Axis, ...], options: RunOptions, part: Slice
) -> SliceFinished:
    """Compute what is missing of one slice of a scan, into a segment of its own."""
    folder = folder_of(study, options)
    with messages(options.verbose, options.quiet):
        made = plan(study, file, axes)
        own = part.cases(made.number)
        with open_slice(folder, part, _about(made), partial(_check_same, made=made, place=folder)) as (place, segment):
            left = np.intersect1d(own, Rows(place).missing(made.number))
            LOGGER.info("slice %d of %d: %s cases", part.number, part.of, f"{len(left):,}")
            with progress_bar(len(own), len(own) - len(left), options.quiet) as told:
                for numbers, table in scan_cases.rows(made, left, options.jobs, told):
                    segment.append(numbers, table)
            mine = [one[STATUS][one.index.isin(own)] for one in Rows(place).parts()]
    unanswered = sum(int((status != COMPUTED).sum()) for status in mine)
    return SliceFinished(part, folder, sum(map(len, mine)), unanswered)


def _planned(study: StudySpec, file: Path | None, axes: tuple[Axis, ...], place: Path, way: Way) -> tuple[Plan, bool]:
    """The scan, with its rows made ready, and whether it is finished. InputError when another one is there."""
    made, resume = plan(study, file, axes), way.resume or way.collect
    begun = rows_about(place) if resume else None
    if begun is not None:
        _check_same(begun, made, place)
    elif resume and (place / OLD_ROWS).is_file():
        _take_over(made, place)
    elif resume and is_complete(place):
        _check_finished(made, place)
        return made, True
    elif way.collect:
        raise InputError(f"{place} holds no rows of a scan to collect: compute slices into it with --slice K/N")
    else:
        remove_rows(place)
        begin_rows(place, _about(made))
    return made, False


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


def _check_finished(made: Plan, place: Path) -> None:
    if not (place / TABLE).is_file():
        raise InputError(f"{place} holds a finished run that is no scan: give another folder with --out")
    _, about = read_parquet(place / TABLE, needs=[STATUS], only=[STATUS])
    _check_same(about, made, place)


def _compute(made: Plan, place: Path, options: RunOptions, way: Way) -> None:
    """Have a row of every case on the disk, each kept as soon as it is finished."""
    left = Rows(place).missing(made.number)
    if way.collect and len(left):
        raise InputError(_missing(made, place, left))
    LOGGER.info("scanning %s cases", f"{made.number:,}")
    try:
        with (
            progress_bar(made.number, made.number - len(left), options.quiet) as told,
            open_segment(place) as segment,
            _rows(made, left, options, way, told) as rows,
        ):
            for numbers, table in rows:
                segment.append(numbers, table)
    except BaseException:
        if not kept_rows(place):
            remove_rows(place)
        raise


@contextmanager
def _rows(made: Plan, left: Array, options: RunOptions, way: Way, told: scan_cases.Told) -> Iterator[scan_cases.Rows]:
    """The rows that are left, computed here or elsewhere."""
    if way.elsewhere is None or not len(left):
        yield scan_cases.rows(made, left, options.jobs, told)
        return
    with way.elsewhere() as (executor, window):
        yield scan_cases.rows_elsewhere(made, left, executor, window, told)


def _missing(made: Plan, place: Path, left: Array) -> str:
    slices = ", ".join(missing_slices(place, left, made.number))
    which = f", of the slices {slices}" if slices else ""
    return f"{len(left):,} of {made.number:,} cases are missing{which}: compute them, or let --resume do it here"


def _save(rows: Rows, about: Mapping[str, Any], folder: Path) -> None:
    (folder / TABLE).parent.mkdir(exist_ok=True)
    write_parquet_parts(folder / TABLE, rows.parts(), rows.schema, about)


@contextmanager
def progress_bar(total: int, first: int, quiet: bool) -> Iterator[Any]:
    """A progress bar on a terminal, nothing elsewhere."""
    hidden = quiet or not sys.stderr.isatty() or bool(os.environ.get("NO_COLOR"))
    with tqdm(total=total, initial=first, unit=" cases", unit_scale=True, disable=hidden, file=sys.stderr) as bar:
        yield bar.update


def show_slice(finished: SliceFinished) -> int:
    """Print what became of a slice and return the exit code: 1 when a case has no answer."""
    without = f", {finished.unanswered:,} without an answer" if finished.unanswered else ""
    show(f"slice {finished.part.number}/{finished.part.of}: {finished.cases:,} cases in {finished.folder}{without}")
    return Exit.WANTING if finished.unanswered else Exit.OK


def show_scan(finished: ScanFinished, as_json: bool) -> int:
    """Print the counts (or the JSON object) and return the exit code: 1 when a case has no answer."""
    if as_json:
        show(json_text(finished.results).rstrip())
    else:
        for name, quantity in finished.results["quantities"].items():
            show(f"{number(quantity['value'], 10):>12}  {name.removeprefix('scan.')}: {quantity['method']}")
        show(f"\ntable: {finished.folder / TABLE}\nreport: {finished.folder / 'report.html'}")
    counts = finished.results["quantities"]
    return Exit.OK if counts["scan.computed"]["value"] == counts["scan.cases"]["value"] else Exit.WANTING
