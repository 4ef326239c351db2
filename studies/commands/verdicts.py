"""What the terminal is told of a finished run, and the exit code that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from machines.requirements import PASS, PROGRAM, Verdict, counted
from studies.exit_codes import Exit
from studies.report.severity import has_margin, severity
from studies.runs.results_json import json_text
from studies.runs.running import Finished
from studies.terminal import number, show, table


def show_verdicts(finished: Finished, as_json: bool) -> int:
    """Print the verdicts (or the JSON object) and return the exit code."""
    if as_json:
        show(json_text(finished.results).rstrip())
        return _exit_code(finished)
    verdicts = finished.results["verdicts"]
    if finished.result.outside:
        show(f"nothing passes: {finished.result.outside}\n")
    if verdicts:
        rows = [_verdict_row(verdict) for verdict in finished.result.verdicts]
        show(table(("requirement", "quantity", "value", "limit", "unit", "margin", "verdict", "kind"), rows, (2, 3, 5)))
    show(f"\n{counted(finished.result.verdicts)}")
    _show_where(finished)
    return _exit_code(finished)


def _verdict_row(verdict: Verdict) -> tuple[str, ...]:
    """Cells of one verdict, with both limits where there are two; one lost in the arithmetic is 0."""
    need, value = verdict.requirement, verdict.value
    lost = value is not None and abs(value) < verdict.numerical
    limits = [f"{sign} {limit:.5g}" for sign, limit in ((">=", need.lower), ("<=", need.upper)) if limit is not None]
    between = limits[0] if len(limits) == 1 else f"{need.lower:.5g} to {need.upper:.5g}"
    unit = "" if need.unit == "1" else need.unit
    shown = (number(0.0 if lost else value, 5), between, unit, number(verdict.margin, 5))
    return need.id, need.quantity, *shown, verdict.verdict, verdict.kind


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
    """What did not pass with its reason, the warnings, and where the report is."""
    for verdict in finished.result.verdicts:
        if verdict.verdict != PASS:
            show(f"{verdict.requirement.id}: {verdict.verdict}: {verdict.reason}")
    for warning in finished.result.warnings:
        show(f"warning: {warning}")
    smallest = _smallest(finished.result.verdicts)
    if smallest:
        show(smallest)
    show(f"report: {finished.folder / 'report.html'}")


def _smallest(verdicts: Sequence[Verdict]) -> str:
    """The smallest margin of the machine's requirements; "" where none has a margin."""
    judged = [one for one in verdicts if one.kind != PROGRAM and has_margin(one)]
    if not judged:
        return ""
    least = min(judged, key=severity)
    need = least.requirement
    unit = "" if need.unit == "1" else f" {need.unit}"
    return f"smallest margin: {need.id}, {need.quantity}: {number(least.margin, 4)}{unit} ({least.verdict})"


def _exit_code(finished: Finished) -> int:
    if finished.interrupted:
        click.echo("interrupted: what was tracked is kept, the report says what is missing", err=True)
        return Exit.INTERRUPTED
    if not finished.converged:
        return Exit.NO_ANSWER
    return Exit.OK if all(verdict["verdict"] == PASS for verdict in finished.results["verdicts"]) else Exit.WANTING
