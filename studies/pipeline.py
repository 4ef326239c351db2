"""From a study to a finished run folder, and what the terminal is told of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lattice.errors import HadronOpticsError
from machines.requirements import PASS, Verdict
from studies.commands.terminal import number, show, table
from studies.results import StudyResult
from studies.runs.logs import LOGGER, RunLog, messages
from studies.runs.results_json import json_text
from studies.runs.store import RunFolder, open_run, write_log, write_run
from studies.spec.schema import AnyStudy

if TYPE_CHECKING:
    from studies.ring_optics.study import Outcome

OK, WANTING, NO_ANSWER, INTERRUPTED = 0, 1, 3, 130


@dataclass(frozen=True)
class RunOptions:
    """What the command line says of a run beside the study itself."""

    out: Path | None = None
    force: bool = False
    jobs: int = 1
    verbose: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Finished:
    """A run that was written: its result, the object of results.json, its folder, whether its match converged.

    ``interrupted`` when Ctrl-C ended its tracking and what was finished is kept.
    """

    result: StudyResult
    results: dict[str, Any]
    folder: Path
    converged: bool
    interrupted: bool = False


def run_to_folder(study: AnyStudy, file: Path | None, options: RunOptions) -> Finished:
    """Resolve, compute and write a study. ``file`` is where it was read from (paths in it are relative to that)."""
    from studies.report import render

    log = RunLog(options.jobs)
    folder = options.out or Path("runs") / str(study.name)
    with messages(options.verbose, options.quiet, log):
        compute = _prepared(study, file)
        with _opened(folder, options.force, log) as run_folder:
            outcome = compute()
            LOGGER.info("writing %s", run_folder.path)
            results = write_run(run_folder.path, outcome.result, render, log.text, outcome.save)
    return Finished(outcome.result, results, folder, outcome.converged, outcome.interrupted)


def _prepared(study: AnyStudy, file: Path | None) -> Callable[[], Outcome]:
    """The study resolved, to be computed by the module for its kind."""
    from studies.linac.spec import LinacStudy
    from studies.spec.schema import Study

    if isinstance(study, LinacStudy):
        from studies.linac.resolution import resolve_linac
        from studies.linac.study import compute as compute_linac

        return partial(compute_linac, resolve_linac(study, file))
    from studies.ring_optics import study as optics_design
    from studies.slow_extraction import study as slow_extraction
    from studies.spec.resolution import resolve

    assert isinstance(study, Study)
    resolved = resolve(study, file)
    if study.study == "energy-switching":
        from studies.energy_switching import study as energy_switching

        return partial(energy_switching.compute, resolved)
    if study.study == "switching-comparison":
        from studies.treatment import study as switching_comparison

        return partial(switching_comparison.compute, resolved)
    compute = slow_extraction.compute if study.study == "extraction" else optics_design.compute
    return partial(compute, resolved)


@contextmanager
def _opened(folder: Path, force: bool, log: RunLog) -> Iterator[RunFolder]:
    """A run folder made ready before anything is computed; what became of a failure is in its log, or nothing is."""
    run_folder = open_run(folder, force)
    try:
        yield run_folder
    except HadronOpticsError:
        run_folder.abandon()
        raise
    except Exception as error:
        log.lines.append(traceback.format_exc())
        write_log(run_folder.path, log.text())
        error.add_note(str(run_folder.path / "log.txt"))
        raise
    except KeyboardInterrupt:
        log.lines.append("interrupted")
        write_log(run_folder.path, log.text())
        raise


def show_verdicts(finished: Finished, as_json: bool) -> int:
    """Print the verdicts (or the JSON object) and return the exit code."""
    if as_json:
        show(json_text(finished.results).rstrip())
        return _exit_code(finished)
    verdicts = finished.results["verdicts"]
    if verdicts:
        rows = [_verdict_row(verdict) for verdict in finished.result.verdicts]
        show(table(("requirement", "quantity", "value", "limit", "unit", "margin", "verdict"), rows, (2, 3, 5)))
    words = [verdict["verdict"] for verdict in verdicts]
    show(f"\n{words.count(PASS)} passed, {words.count('FAIL')} failed, {words.count('NOT EVALUATED')} not evaluated")
    _show_where(finished)
    return _exit_code(finished)


def _verdict_row(verdict: Verdict) -> tuple[str, ...]:
    """Cells of one verdict, with both limits where there are two; a value that is lost in its error is 0."""
    need, value = verdict.requirement, verdict.value
    lost = value is not None and verdict.error is not None and abs(value) < verdict.error
    limits = [f"{sign} {limit:.5g}" for sign, limit in ((">=", need.lower), ("<=", need.upper)) if limit is not None]
    between = limits[0] if len(limits) == 1 else f"{need.lower:.5g} to {need.upper:.5g}"
    unit = "" if need.unit == "1" else need.unit
    shown = (number(0.0 if lost else value, 5), between, unit, number(verdict.margin, 5))
    return need.id, need.quantity, *shown, verdict.verdict


def show_match(finished: Finished, as_json: bool) -> int:
    """Print the conflict where there is one, targets before and after, the parameters, and return the exit code."""
    if as_json:
        show(json_text(finished.results).rstrip())
        return _exit_code(finished)
    frames = {entry.id: entry.frame for entry in finished.result.tables}
    for name in ("match-values", "match-limits", "match-parameters", "match-conflict"):
        if name not in frames:
            continue
        frame = frames[name]
        numeric = [column for column, dtype in enumerate(frame.dtypes) if dtype.kind == "f"]
        rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
        show(table([str(column) for column in frame.columns], rows, numeric) + "\n")
    _show_where(finished)
    return _exit_code(finished)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "ok" if value else "OUT"
    return number(value, 10) if isinstance(value, float) else str(value)


def _show_where(finished: Finished) -> None:
    for warning in finished.result.warnings:
        LOGGER.debug("warning: %s", warning)
    show(f"report: {finished.folder / 'report.html'}")


def _exit_code(finished: Finished) -> int:
    if finished.interrupted:
        click.echo("interrupted: what was tracked is kept, the report says what is missing", err=True)
        return INTERRUPTED
    if not finished.converged:
        return NO_ANSWER
    return OK if all(verdict["verdict"] == PASS for verdict in finished.results["verdicts"]) else WANTING
