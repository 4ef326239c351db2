"""The tables of requirements and of checks: one row a verdict, the most serious first, with what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from machines.requirements import FAIL, NOT_EVALUATED, PASS, PROGRAM, Verdict
from studies.report.written import known_parts, limit_text, margin_text, unit_text
from studies.results import FigureData, Quantity

_SEVERITY = {FAIL: 0, NOT_EVALUATED: 1, PASS: 2}


@dataclass(frozen=True)
class Gauge:
    """Value and limits on a line from 0 to 100: the allowed ``band``, the ``value`` (kept on the line)."""

    band_start: float
    band_end: float
    value: float


@dataclass(frozen=True)
class VerdictRow:
    """One row of the requirement table, as text.

    ``anchor`` is its place on the page, ``basis`` that of what it rests on, ``figure`` what shows it.
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
    figure: FigureData | None
    gauge: Gauge | None


def verdict_rows(
    verdicts: Sequence[Verdict], quantities: Sequence[Quantity], figures: Sequence[FigureData]
) -> tuple[VerdictRow, ...]:
    """Rows of all verdicts: failed, not evaluated, passed; within each the smallest relative margin first."""
    by_name = {quantity.name: quantity for quantity in quantities}
    by_id = {figure.id: figure for figure in figures}
    ordered = sorted(verdicts, key=_seriousness)
    return tuple(_row(number, verdict, by_name, by_id) for number, verdict in enumerate(ordered, 1))


def rows_of_machine(rows: Iterable[VerdictRow]) -> tuple[VerdictRow, ...]:
    """Those that say something of the machine."""
    return tuple(row for row in rows if row.verdict.kind != PROGRAM)


def rows_of_program(rows: Iterable[VerdictRow]) -> tuple[VerdictRow, ...]:
    """The checks of the program itself."""
    return tuple(row for row in rows if row.verdict.kind == PROGRAM)


def _seriousness(verdict: Verdict) -> tuple[int, float, str]:
    requirement = verdict.requirement
    margin = verdict.margin if verdict.margin is not None else inf
    limits = [abs(limit) for limit in (requirement.lower, requirement.upper) if limit is not None]
    size = requirement.upper - requirement.lower if _two_sided(verdict) else max(limits)  # type: ignore[operator]
    return _SEVERITY[verdict.verdict], margin / (size or 1.0), requirement.id


def _two_sided(verdict: Verdict) -> bool:
    return verdict.requirement.lower is not None and verdict.requirement.upper is not None


def _row(number: int, verdict: Verdict, quantities: dict[str, Quantity], figures: dict[str, FigureData]) -> VerdictRow:
    requirement = verdict.requirement
    quantity = quantities.get(requirement.quantity)
    value, error = known_parts(verdict.value, verdict.error)
    return VerdictRow(
        anchor=f"requirement-{number}",
        basis=f"basis-{number}",
        verdict=verdict,
        kind=verdict.verdict.lower().replace(" ", "-"),
        value=value,
        error=error,
        limit=limit_text(requirement.lower, requirement.upper),
        margin=margin_text(verdict.margin, verdict.error),
        unit=unit_text(requirement.unit),
        engine=quantity.engine if quantity else "",
        method=quantity.method if quantity else "",
        figure=figures.get(quantity.figure) if quantity else None,
        gauge=_gauge(verdict),
    )


def _gauge(verdict: Verdict) -> Gauge | None:
    """A two-sided limit in the middle half of the line; a one-sided one at four fifths, or one fifth, from zero."""
    value, lower, upper = verdict.value, verdict.requirement.lower, verdict.requirement.upper
    if value is None:
        return None
    if lower is not None and upper is not None:
        if upper == lower:
            return None
        band, place = (25.0, 75.0), 25.0 + 50.0 * (value - lower) / (upper - lower)
    elif upper is not None:
        if upper <= 0:
            return None
        band, place = (0.0, 75.0), 75.0 * value / upper
    else:
        if lower is None or lower <= 0:
            return None
        band, place = (25.0, 100.0), 25.0 * value / lower
        place = 25.0 + 75.0 * (1 - lower / value) if value > lower else place
    return Gauge(*band, value=round(min(max(place, 0.0), 100.0), 1))
