"""A scan from its study to its run folder: interrupted ones keep their rows and can go on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from lattice import HadronOpticsError, InputError
from machines.requirements import PASS
from optics.beams.parquet import read_parquet, write_parquet
from studies.exit_codes import Exit
from studies.provenance import provenance
from studies.results import Quantity, StudyResult
from studies.runs.logs import LOGGER, RunLog, messages
from studies.runs.results_json import json_text
from studies.runs.running import RunOptions
from studies.runs.store import is_complete, open_run, write_log, write_run
from studies.scan import cases as scan_cases
from studies.scan.asked import plan
from studies.scan.facts import gather_scan
from studies.scan.figures import figures
from studies.scan.plan import COMPUTED, STATUS, Axis, Plan
from studies.scan.quantities import MOST_CASES
from studies.spec.schema import StudySpec, as_mapping
from studies.terminal import number, show

TABLE = "tables/scan.parquet"
#: Rows of a scan that was interrupted; a finished scan in the same folder stays until the new one is finished.
PART = "tables/scan.part.parquet"


@dataclass(frozen=True)
class ScanFinished:
    """A scan that was written: its table, the object of results.json, its folder."""

    table: pd.DataFrame
    results: dict[str, Any]
    folder: Path


def scan_to_folder(
    study: StudySpec, file: Path | None, axes: tuple[Axis, ...], options: RunOptions, resume: bool
) -> ScanFinished:
    """Compute and write the scan of a study. An interruption keeps the finished rows, ``resume`` goes on from them."""
    from studies.report import render

    log = RunLog(options.jobs)
    folder = options.out or Path("runs") / f"{study.name}-scan"
    with messages(options.verbose, options.quiet, log):
        before = _rows_before(folder) if resume else None
        made = plan(study, file, axes)
        if before is not None and before[1] != _about(made):
            raise InputError(f"{folder} holds another scan (other study, grid or strengths): --resume cannot go on")
        run_folder = open_run(folder, options.force or resume)
        try:
            table = _table(made, folder, before[0] if before else pd.DataFrame(), options)
            results = write_run(folder, _result(made, table), render, log.text, _saving(made, table))
        except HadronOpticsError:
            run_folder.abandon()
            raise
        except KeyboardInterrupt:
            log.lines.append("interrupted")
            write_log(folder, log.text())
            raise
    return ScanFinished(table, results, folder)


def _rows_before(folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    if (folder / PART).is_file():
        return read_parquet(folder / PART, needs=[STATUS])
    found = "a finished scan" if is_complete(folder) else "no rows"
    raise InputError(f"{folder} holds {found} and nothing of an interrupted scan: run it without --resume")


def _about(made: Plan) -> dict[str, Any]:
    """What two scans must share for their rows to stand in one table."""
    return {
        "scan": [axis.text for axis in made.axes],
        "study": as_mapping(made.resolved.study),
        "design": {name: float(value) for name, value in made.design.parameters.items()},
    }


def _table(made: Plan, folder: Path, before: pd.DataFrame, options: RunOptions) -> pd.DataFrame:
    """All rows; when it is interrupted, those that were finished are kept on disk."""
    parts = [before] if len(before) else []
    LOGGER.info("scanning %s cases", f"{made.number:,}")
    try:
        with _bar(made.number, len(before), options.quiet) as told:
            for part in scan_cases.rows(made, len(before), options.jobs, told):
                parts.append(part)
    except BaseException:
        if parts:
            (folder / PART).parent.mkdir(exist_ok=True)
            write_parquet(folder / PART, pd.concat(parts, ignore_index=True), _about(made))
        raise
    return pd.concat(parts, ignore_index=True)


def _saving(made: Plan, table: pd.DataFrame) -> Callable[[Path], None]:
    """What writes the table into a run folder."""

    def save(folder: Path) -> None:
        (folder / TABLE).parent.mkdir(exist_ok=True)
        write_parquet(folder / TABLE, table, _about(made))
        (folder / PART).unlink(missing_ok=True)

    return save


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
