"""Two finished runs side by side: parameters, quantities and verdicts that differ, as one report."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isclose, nan
from pathlib import Path
from typing import Any

import pandas as pd

from machines.requirements import FAIL, PASS, PROGRAM, Verdict, counted
from studies.exit_codes import Exit
from studies.results import Quantity, StudyResult, TableData
from studies.runs.building import open_run
from studies.runs.logs import RunLog, messages
from studies.runs.results_json import json_text
from studies.runs.running import RunOptions
from studies.runs.store import read_run
from studies.terminal import number, show
from studies.terminal import table as terminal_table

#: Differences below this part of a value are rounding, not a change.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Compared:
    """Two results and the tables of what differs; ``worse`` are requirements whose verdict turned to FAIL."""

    first: StudyResult
    second: StudyResult
    parameters: pd.DataFrame
    quantities: pd.DataFrame
    verdicts: pd.DataFrame
    worse: tuple[str, ...]


def compare_runs(first: StudyResult, second: StudyResult) -> Compared:
    """What changed from ``first`` to ``second``; a quantity counts as changed beyond the error it is known to."""
    verdicts = _verdicts(first, second)
    turned = verdicts[(verdicts["B"] == FAIL) & (verdicts["A"] != FAIL)] if len(verdicts) else verdicts
    return Compared(
        first=first,
        second=second,
        parameters=_parameters(first, second),
        quantities=_quantities(first, second),
        verdicts=verdicts,
        worse=tuple(turned["requirement"]) if len(turned) else (),
    )


def _parameters(first: StudyResult, second: StudyResult) -> pd.DataFrame:
    a, b = (dict(one.lattice.parameters) for one in (first, second))
    names = [name for name in dict.fromkeys((*a, *b)) if not _same(a.get(name), b.get(name))]
    return _frame(("parameter", "A", "B", "B - A"), [(name, *_pair(a.get(name), b.get(name))) for name in names])


def _same(a: float | None, b: float | None) -> bool:
    return a is not None and b is not None and isclose(a, b, rel_tol=_ROUNDING, abs_tol=1e-300)


def _pair(a: float | None, b: float | None) -> tuple[float, float, float]:
    left, right = nan if a is None else float(a), nan if b is None else float(b)
    return left, right, right - left


def _quantities(first: StudyResult, second: StudyResult) -> pd.DataFrame:
    a, b = ({quantity.name: quantity for quantity in one.quantities} for one in (first, second))
    rows = []
    for name in dict.fromkeys((*a, *b)):
        left, right = a.get(name), b.get(name)
        if _changed(left, right):
            unit = (left or right or Quantity(name, None, "1", None, "", "")).unit
            values = _pair(_value(left), _value(right))
            rows.append((name, unit, *values, _known(left, right)))
    return _frame(("quantity", "unit", "A", "B", "B - A", "error of the difference"), rows)


def _changed(left: Quantity | None, right: Quantity | None) -> bool:
    a, b = _value(left), _value(right)
    if a is None or b is None:
        return a is not b
    return not _same(a, b) and abs(b - a) > _known(left, right)


def _value(quantity: Quantity | None) -> float | None:
    return None if quantity is None else quantity.value


def _known(left: Quantity | None, right: Quantity | None) -> float:
    """Errors of both that are not of their common model."""
    return sum((one.numerical or 0.0) + one.statistical for one in (left, right) if one is not None)


def _verdicts(first: StudyResult, second: StudyResult) -> pd.DataFrame:
    a, b = ({verdict.requirement.id: verdict for verdict in one.verdicts} for one in (first, second))
    rows = [
        _flipped(id, a.get(id), b.get(id)) for id in dict.fromkeys((*a, *b)) if _word(a.get(id)) != _word(b.get(id))
    ]
    return _frame(("requirement", "text", "kind", "quantity", "A", "B", "margin A", "margin B", "unit"), rows)


def _word(verdict: Verdict | None) -> str:
    return verdict.verdict if verdict else "not asked"


def _flipped(id: str, a: Verdict | None, b: Verdict | None) -> tuple[Any, ...]:
    asked = (b or a).requirement  # type: ignore[union-attr]
    margins = [nan if one is None or one.margin is None else one.margin for one in (a, b)]
    return id, asked.text, asked.kind, asked.quantity, _word(a), _word(b), *margins, asked.unit


def _frame(columns: tuple[str, ...], rows: list[Any]) -> pd.DataFrame:
    return pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows], columns=list(columns))


# ------------------------------------------------------------------------------------------------------ the report


def compare_to_folder(first: Path, second: Path, options: RunOptions) -> tuple[Compared, dict[str, Any], Path]:
    """Compare two run folders and write the report; FileError for a folder that holds no finished run."""
    from studies.report import render

    log = RunLog()
    folder = options.out or Path("runs") / f"{_name(first)}-and-{_name(second)}"
    with messages(options.verbose, options.quiet, log):
        found = compare_runs(read_run(first), read_run(second))
        result = _result(found, _name(first), _name(second))
        with open_run(folder, options.force) as run:
            results = run.finish(result, render, log.text)
    return found, results, folder


def _name(folder: Path) -> str:
    """What the folder is called, in letters: its name may be any bytes."""
    return os.fsencode(folder.resolve().name).decode("utf-8", "replace")


def _result(found: Compared, first: str, second: str) -> StudyResult:
    """The second run's verdicts, under what differs from the first."""
    a, b = found.first, found.second
    return StudyResult(
        name=f"{a.name}-and-{b.name}",
        title=f"{second} (B) beside {first} (A)",
        machine=b.machine if a.machine == b.machine else f"{a.machine} and {b.machine}",
        particle=b.particle if a.particle == b.particle else f"A: {a.particle}; B: {b.particle}",
        study=b.study,
        lattice=b.lattice,
        quantities=b.quantities,
        verdicts=b.verdicts,
        tables=tuple(_tables(found)),
        methods=tuple(_methods(found)),
        warnings=tuple(_warnings(found)),
        provenance={"A": a.provenance, "B": b.provenance},
    )


def _tables(found: Compared) -> Iterator[TableData]:
    contents: Mapping[str, tuple[str, str, pd.DataFrame]] = {
        "compare-verdicts": (
            "Verdicts that differ",
            "Margins in the unit of the requirement; positive inside.",
            found.verdicts,
        ),
        "compare-parameters": ("Parameters that differ", "Of the final lattices.", found.parameters),
        "compare-quantities": (
            "Quantities that differ",
            "By more than the numerical and statistical errors of both.",
            found.quantities,
        ),
    }
    for id, (title, caption, frame) in contents.items():
        if len(frame):
            yield TableData(id, title, caption, frame)


def _methods(found: Compared) -> Iterator[str]:
    yield (
        "Two finished runs, A and B, are read from their folders; nothing is computed. The requirement table and the "
        "quantities on this page are those of B. A quantity is listed when it differs by more than the sum of the "
        "numerical and statistical errors of both."
    )


def _warnings(found: Compared) -> Iterator[str]:
    a, b = found.first, found.second
    if found.worse:
        yield f"Turned to FAIL: {', '.join(found.worse)}."
    for what in ("machine", "particle"):
        if getattr(a, what) != getattr(b, what):
            yield f"The runs are of different {what}s: A has {getattr(a, what)}, B has {getattr(b, what)}."
    yield from (f"A: {warning}" for warning in a.warnings)
    yield from (f"B: {warning}" for warning in b.warnings)


def show_comparison(found: Compared, results: dict[str, Any], folder: Path, as_json: bool) -> int:
    """Print what differs (or the JSON object) and return the exit code: 1 when a verdict turned to FAIL."""
    if as_json:
        show(json_text(results).rstrip())
        return Exit.WANTING if found.worse else Exit.OK
    for frame, shown in (
        (found.parameters, ("parameter", "A", "B", "B - A")),
        (found.quantities, ("quantity", "unit", "A", "B", "B - A")),
        (found.verdicts, ("requirement", "kind", "quantity", "A", "B", "margin A", "margin B", "unit")),
    ):
        if len(frame):
            numeric = [place for place, name in enumerate(shown) if frame[name].dtype.kind == "f"]
            rows = [[_cell(value) for value in row] for row in frame[list(shown)].itertuples(index=False)]
            show(terminal_table(shown, rows, numeric) + "\n")
    show(_turned(found.verdicts))
    show(f"A: {counted(found.first.verdicts)}\nB: {counted(found.second.verdicts)}")
    show(f"report: {folder / 'report.html'}")
    return Exit.WANTING if found.worse else Exit.OK


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
