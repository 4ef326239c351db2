"""What the terminal is told of a comparison, and the exit code that follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from machines.requirements import FAIL, PASS, PROGRAM, counted
from studies.exit_codes import Exit
from studies.runs.compare.compared import Compared
from studies.runs.results_json import json_text
from studies.terminal import number, show, table

_SHOWN = 8  # requirements whose margin changed


def show_comparison(found: Compared, results: dict[str, Any], folder: Path, as_json: bool) -> int:
    """Print what differs (or the JSON object) and return the exit code: 1 when a verdict turned to FAIL."""
    if as_json:
        show(json_text(results).rstrip())
        return Exit.WANTING if found.worse else Exit.OK
    for frame, shown in (
        (found.parameters, ("parameter", "A", "B", "B - A")),
        (found.quantities, ("quantity", "unit", "A", "B", "B - A")),
        (found.limits, ("requirement", "lower A", "upper A", "unit A", "lower B", "upper B", "unit B")),
        (_margins(found.requirements), ("requirement", "margin A", "margin B", "change of margin", "unit", "A", "B")),
        (found.verdicts, ("requirement", "kind", "quantity", "A", "B", "margin A", "margin B", "unit")),
    ):
        if len(frame):
            numeric = [place for place, name in enumerate(shown) if frame[name].dtype.kind == "f"]
            rows = [[_cell(value) for value in row] for row in frame[list(shown)].itertuples(index=False)]
            show(table(shown, rows, numeric) + "\n")
    show(_turned(found.verdicts))
    show(f"A: {counted(found.first.verdicts)}\nB: {counted(found.second.verdicts)}")
    show(f"report: {folder / 'report.html'}")
    return Exit.WANTING if found.worse else Exit.OK


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
    better = ((part["B"] == PASS) & (part["A"] != PASS)).sum()
    return f"{worse} verdicts turned to FAIL, {better} to PASS"


def _cell(value: Any) -> str:
    return number(None if value != value else value, 8) if isinstance(value, float) else str(value)
