"""What the terminal is told of a comparison, and the exit code that follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd

from lattice.errors import counted as amount
from machines.requirements import FAIL, PASS, PROGRAM, counted
from studies.exit_codes import Exit
from studies.runs.compare.compared import NOT_ASKED, Compared
from studies.runs.results_json import json_text
from studies.terminal import number, show, table

_SHOWN = 8  # requirements whose margin changed


def show_comparison(found: Compared, results: dict[str, Any], folder: Path, as_json: bool) -> int:
    """Print what differs (or the JSON object) and return the exit code: 1 when a verdict turned to FAIL."""
    if as_json:
        show(json_text(results).rstrip())
        return Exit.WANTING if found.worse else Exit.OK
    for title, frame, columns in _tables(found):
        if len(frame):
            numeric = [place for place, name in enumerate(columns) if frame[name].dtype.kind == "f"]
            rows = [[_cell(value) for value in row] for row in frame[list(columns)].itertuples(index=False)]
            show(f"{title}\n{table(columns, rows, numeric)}\n")
    show(_turned(found.verdicts))
    show(f"A: {counted(found.first.verdicts)}\nB: {counted(found.second.verdicts)}")
    show(f"report: {folder / 'report.html'}")
    return Exit.WANTING if found.worse else Exit.OK


def _tables(found: Compared) -> Iterator[tuple[str, pd.DataFrame, tuple[str, ...]]]:
    """Title, rows and the columns that a terminal has room for."""
    yield "Parameters that differ", found.parameters, ("parameter", "A", "B", "B - A")
    yield "Numbers that differ", found.quantities, ("quantity", "unit", "A", "B", "B - A")
    limits = ("requirement", "lower A", "upper A", "unit A", "lower B", "upper B", "unit B")
    yield "Limits that changed", found.limits, limits
    margins = ("requirement", "margin A", "margin B", "change of margin", "unit", "A", "B")
    yield "Margins that changed", _margins(found.requirements), margins
    verdicts = ("requirement", "kind", "quantity", "A", "B", "margin A", "margin B", "unit")
    yield "Verdicts that differ", found.verdicts, verdicts


def _margins(requirements: pd.DataFrame) -> pd.DataFrame:
    """The requirements whose margin changed, those that matter most first; the report has all."""
    changed = requirements[requirements["change of margin"].abs() > 1e-12 * requirements["margin A"].abs()]
    return changed[changed["kind"] != PROGRAM].head(_SHOWN)


def _turned(verdicts: pd.DataFrame) -> str:
    """How many verdicts turned, those on the machine and the checks of the program apart."""
    checks = verdicts["kind"] == PROGRAM
    machine, program = (_turns(part) for part in (verdicts[~checks], verdicts[checks]))
    return f"machine: {machine}" + (f"; checks of the program: {program}" if checks.any() else "")


def _turns(part: pd.DataFrame) -> str:
    worse = ((part["B"] == FAIL) & (part["A"] != FAIL)).sum()
    better = ((part["B"] == PASS) & ~part["A"].isin((PASS, NOT_ASKED))).sum()
    alone = [f"; {count} asked in {run} alone" for run, other in ("AB", "BA") if (count := _unasked(part, other))]
    return f"{amount(int(worse), 'verdict')} turned to FAIL, {better} to PASS{''.join(alone)}"


def _unasked(part: pd.DataFrame, run: str) -> int:
    """How many of the requirements a run does not ask."""
    return int((part[run] == NOT_ASKED).sum())


def _cell(value: Any) -> str:
    return number(value if isfinite(value) else None, 8) if isinstance(value, float) else str(value)
