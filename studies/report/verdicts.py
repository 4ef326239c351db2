"""The tables of requirements and of checks: one row a verdict, the most serious first, with what it rests on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from machines.requirements import PROGRAM, Requirement, Verdict
from studies.report.severity import severity
from studies.report.written import error_parts, judged_parts, limit_text, margin_text, more_digits
from studies.results import FigureData, Quantity
from studies.vocabulary.typesetting import unit_text


@dataclass(frozen=True)
class Gauge:
    """Value and limits on a line from 0 to 100: the allowed ``band``, the ``value`` and the ``error`` about it.

    All are kept on the line.
    """

    band_start: float
    band_end: float
    value: float
    error_start: float
    error_end: float


@dataclass(frozen=True)
class VerdictRow:
    """One row of the requirement table, as text.

    ``anchor`` is its place on the page, ``basis`` that of what it rests on, ``figure`` what shows it. ``note`` is what
    a reviewer's note on it is kept under: id, quantity and which of those of one id and quantity, the same in every
    rendering.
    """

    anchor: str
    basis: str
    verdict: Verdict
    kind: str
    value: str
    error: str
    limit: str
    margin: str
    unit: str
    engine: str
    method: str
    errors: str
    figure: FigureData | None
    gauge: Gauge | None
    note: str = ""


def verdict_rows(
    verdicts: Sequence[Verdict], quantities: Sequence[Quantity], figures: Sequence[FigureData]
) -> tuple[VerdictRow, ...]:
    """Rows of all verdicts: the most serious first (``severity``)."""
    by_name = {quantity.name: quantity for quantity in quantities}
    by_id = {figure.id: figure for figure in figures}
    ordered = sorted(zip(verdicts, _note_keys(verdicts), strict=True), key=lambda pair: severity(pair[0]))
    return tuple(replace(_row(i, verdict, by_name, by_id), note=key) for i, (verdict, key) in enumerate(ordered, 1))


def _note_keys(verdicts: Sequence[Verdict]) -> list[str]:
    """Id, quantity and number among those of one id and quantity, in the order of the study."""
    seen: Counter[tuple[str, str]] = Counter()
    keys = []
    for verdict in verdicts:
        one = (verdict.requirement.id, verdict.requirement.quantity)
        seen[one] += 1
        keys.append(json.dumps([*one, seen[one]], ensure_ascii=False))
    return keys


def rows_of_machine(rows: Iterable[VerdictRow]) -> tuple[VerdictRow, ...]:
    """Those that say something of the machine."""
    return tuple(row for row in rows if row.verdict.kind != PROGRAM)


def rows_of_program(rows: Iterable[VerdictRow]) -> tuple[VerdictRow, ...]:
    """The checks of the program itself."""
    return tuple(row for row in rows if row.verdict.kind == PROGRAM)


def _two_sided(verdict: Verdict) -> bool:
    return verdict.requirement.lower is not None and verdict.requirement.upper is not None


def _row(number: int, verdict: Verdict, quantities: dict[str, Quantity], figures: dict[str, FigureData]) -> VerdictRow:
    requirement = verdict.requirement
    quantity = quantities.get(requirement.quantity)
    limits = [limit for limit in (requirement.lower, requirement.upper) if limit is not None]
    value, error = judged_parts(verdict.value, verdict.spread, limits)
    return VerdictRow(
        anchor=f"requirement-{number}",
        basis=f"basis-{number}",
        verdict=verdict,
        kind=verdict.verdict.lower().replace(" ", "-"),
        value=value,
        error=error,
        limit=limit_text(requirement.lower, requirement.upper),
        margin=margin_text(verdict.margin, verdict.spread, more_digits(verdict.value, verdict.spread, limits)),
        unit=unit_text(requirement.unit),
        engine=quantity.engine if quantity else "",
        method=quantity.method if quantity else "",
        errors=_errors(quantity, verdict),
        figure=figures.get(quantity.figure) if quantity else None,
        gauge=_gauge(verdict),
    )


def _errors(quantity: Quantity | None, verdict: Verdict) -> str:
    """The errors of the value told apart; of a check of the program the numerical one decides and is all there is."""
    if quantity is None or quantity.value is None:
        return ""
    if verdict.kind == PROGRAM:
        return error_parts(quantity.numerical, 0.0, 0.0, quantity.unit).partition(";")[0]
    return error_parts(quantity.numerical, quantity.statistical, quantity.model, quantity.unit)


def _gauge(verdict: Verdict) -> Gauge | None:
    """A two-sided limit in the middle half of the line; a one-sided one at four fifths, or one fifth, from zero."""
    value, line = verdict.value, _line(verdict.requirement)
    if value is None or line is None:
        return None
    (start, end), place = line
    low, middle, high = (_kept(place(value + shift)) for shift in (-verdict.spread, 0.0, verdict.spread))
    return Gauge(start, end, middle, low, high)


def _line(need: Requirement) -> tuple[tuple[float, float], Callable[[float], float]] | None:
    """Where the allowed band stands on the line, and where a value does; None for limits that give no scale."""
    lower, upper = need.lower, need.upper
    if lower is not None and upper is not None:
        return ((25.0, 75.0), lambda value: 25.0 + 50.0 * (value - lower) / (upper - lower)) if upper > lower else None
    if upper is not None:
        return ((0.0, 75.0), lambda value: 75.0 * value / upper) if upper > 0 else None
    if lower is None or lower <= 0:
        return None
    return (25.0, 100.0), lambda value: 25.0 * value / lower if value <= lower else 25.0 + 75.0 * (1 - lower / value)


def _kept(place: float) -> float:
    return round(min(max(place, 0.0), 100.0), 1)
