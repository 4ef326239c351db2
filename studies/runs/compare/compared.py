"""What differs between two finished runs: parameters, quantities, requirements with margins, and limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isclose, nan
from typing import Any

import pandas as pd

from machines.requirements import FAIL, Requirement, Verdict
from studies.results import Quantity, StudyResult
from studies.runs.compare.refusal import check_comparable
from studies.vocabulary import quantity_named, unit_factor

#: Differences below this part of a value are rounding, not a change.
_ROUNDING = 1e-12
#: Of a requirement that the other run alone judges.
NOT_ASKED = "not asked"


@dataclass(frozen=True)
class Compared:
    """Two results and the tables of what differs; ``worse`` are requirements whose verdict turned to FAIL.

    ``requirements`` holds every one of both, with values, margins and their change, those that turned first, then those
    that lost most of their margin; ``limits`` those whose limits changed.
    """

    first: StudyResult
    second: StudyResult
    parameters: pd.DataFrame
    quantities: pd.DataFrame
    verdicts: pd.DataFrame
    requirements: pd.DataFrame
    limits: pd.DataFrame
    worse: tuple[str, ...]


def compare_runs(first: StudyResult, second: StudyResult) -> Compared:
    """What changed from ``first`` to ``second``; a quantity counts as changed beyond the error it is known to.

    InputError for two that cannot be compared, with the reason (``check_comparable``).
    """
    check_comparable(first, second)
    pairs = _pairs(first.verdicts, second.verdicts)
    verdicts = _verdicts(pairs)
    turned = verdicts[(verdicts["B"] == FAIL) & (verdicts["A"] != FAIL)] if len(verdicts) else verdicts
    return Compared(
        first=first,
        second=second,
        parameters=_parameters(first, second),
        quantities=_quantities(first, second),
        verdicts=verdicts,
        requirements=_requirements(pairs),
        limits=_limits(pairs),
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


Pair = tuple[Verdict | None, Verdict | None]


def _pairs(first: Sequence[Verdict], second: Sequence[Verdict]) -> list[Pair]:
    """Verdicts on the same requirement: of one id and one quantity, those of several in their order."""
    a, b = _by_requirement(first), _by_requirement(second)
    return [(a.get(key), b.get(key)) for key in dict.fromkeys((*a, *b))]


def _by_requirement(verdicts: Sequence[Verdict]) -> dict[tuple[str, str, int], Verdict]:
    seen: dict[tuple[str, str], int] = defaultdict(int)
    found = {}
    for verdict in verdicts:
        key = (verdict.requirement.id, verdict.requirement.quantity)
        found[(*key, seen[key])] = verdict
        seen[key] += 1
    return found


def _asked(pair: Pair) -> Requirement:
    """The requirement, as the second run has it where it has one."""
    verdict = pair[1] or pair[0]
    assert verdict is not None
    return verdict.requirement


def _verdicts(pairs: Sequence[Pair]) -> pd.DataFrame:
    rows = [_flipped(pair) for pair in pairs if _word(pair[0]) != _word(pair[1])]
    return _frame(("requirement", "text", "kind", "quantity", "A", "B", "margin A", "margin B", "unit"), rows)


def _requirements(pairs: Sequence[Pair]) -> pd.DataFrame:
    columns = ("requirement", "text", "kind", "unit", "value A", "value B", "margin A", "margin B", "change of margin")
    ordered = sorted(pairs, key=_most_changed)
    return _frame((*columns, "A", "B"), [_side_by_side(pair) for pair in ordered])


def _side_by_side(pair: Pair) -> tuple[Any, ...]:
    asked = _asked(pair)
    values = _pair(*(_of(verdict, "value", asked.unit) for verdict in pair))[:2]
    return asked.id, asked.text, asked.kind, asked.unit, *values, *_margins(pair), *map(_word, pair)


def _margins(pair: Pair) -> tuple[float, float, float]:
    return _pair(*(_of(verdict, "margin", _asked(pair).unit) for verdict in pair))


def _of(verdict: Verdict | None, what: str, unit: str) -> float | None:
    """The value or margin of a verdict in a unit that both runs are told in."""
    number = None if verdict is None else getattr(verdict, what)
    if verdict is None or number is None or verdict.requirement.unit == unit:
        return number
    asked = quantity_named(verdict.requirement.quantity)
    return float(number * unit_factor(asked, verdict.requirement.unit) / unit_factor(asked, unit))


def _most_changed(pair: Pair) -> tuple[bool, bool, float, str]:
    """Those that turned to FAIL first, then the others that turned, then by the part of the margin that was lost."""
    a, b, _ = _margins(pair)
    words = [_word(verdict) for verdict in pair]
    kept = b / a if a and a == a and b == b else 1.0
    return not (words[1] == FAIL != words[0]), words[0] == words[1], kept, _asked(pair).id


def _limits(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Requirements that both runs have and that ask something else in each."""
    rows = []
    for a, b in pairs:
        if a is not None and b is not None and _ends(a.requirement) != _ends(b.requirement):
            rows.append((b.requirement.id, b.requirement.quantity, *_ends(a.requirement), *_ends(b.requirement)))
    return _frame(("requirement", "quantity", "lower A", "upper A", "unit A", "lower B", "upper B", "unit B"), rows)


def _ends(requirement: Requirement) -> tuple[float, float, str]:
    """Its limits and their unit; none is -inf or inf, which are equal to themselves."""
    lower = -inf if requirement.lower is None else requirement.lower
    return lower, inf if requirement.upper is None else requirement.upper, requirement.unit


def _word(verdict: Verdict | None) -> str:
    return verdict.verdict if verdict else NOT_ASKED


def _flipped(pair: Pair) -> tuple[Any, ...]:
    asked = _asked(pair)
    margins = _margins(pair)[:2]
    return asked.id, asked.text, asked.kind, asked.quantity, *map(_word, pair), *margins, asked.unit


def _frame(columns: tuple[str, ...], rows: list[Any]) -> pd.DataFrame:
    return pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows], columns=list(columns))
