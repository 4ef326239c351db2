"""What a study's assumptions move: its quantities computed again with each of them up and down, and what that leaves.

The error of the model is the root of the sum of squares of the larger of each assumption's two moves: assumptions are
taken as independent of one another, and their uncertainties as half widths of the same meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, isfinite, nan, sqrt
from typing import Generic, TypeVar

import pandas as pd

from lattice.errors import HadronOpticsError
from machines.requirements import FAIL, PROGRAM, Requirement, Verdict
from studies.results import Quantity, TableData
from studies.spec.assumption import AssumptionSpec
from studies.terminal import LOGGER, unheard
from studies.vocabulary import quantity_named, unit_factor

R = TypeVar("R")
#: Which of some quantities a key can move.
Touched = Callable[[str, tuple[str, ...]], tuple[str, ...]]
#: Quantities of a resolved study that a key was moved of, those of the names among them.
Compute = Callable[[R, str, tuple[str, ...]], Sequence[Quantity]]


@dataclass(frozen=True)
class MovedCase(Generic[R]):
    """A resolved study with one assumption ``down`` and ``up``."""

    assumption: AssumptionSpec
    down: R
    up: R


@dataclass(frozen=True)
class Moved:
    """One assumption: the change of each quantity, in its own unit, when it is moved ``down`` and ``up``.

    inf where a quantity has a value and lost it; ``reason`` says why where all of them did.
    """

    assumption: AssumptionSpec
    down: Mapping[str, float]
    up: Mapping[str, float]
    reason: str = ""

    def larger(self, name: str) -> float:
        """The larger move of a quantity; 0 for one that was not asked."""
        return max(abs(self.down.get(name, 0.0)), abs(self.up.get(name, 0.0)))


def all_moves(
    cases: Sequence[MovedCase[R]],
    unmoved: Mapping[str, float],
    names: tuple[str, ...],
    touched: Touched,
    compute: Compute[R],
) -> tuple[Moved, ...]:
    """What each assumption moves of the quantities ``names``, whose values are ``unmoved`` where nothing is moved."""
    found = []
    for number, case in enumerate(cases, 1):
        key = case.assumption.key
        asked = touched(key, names)
        LOGGER.info("assumption %d of %d moved: %s %s", number, len(cases), key, case.assumption.size)
        base = {name: unmoved[name] for name in asked if name in unmoved}
        with unheard():
            found.append(_moved_by(case, base, asked, compute))
    return tuple(found)


def _moved_by(case: MovedCase[R], base: Mapping[str, float], asked: tuple[str, ...], compute: Compute[R]) -> Moved:
    sides, reasons = [], []
    for resolved in (case.down, case.up) if base else ():
        try:
            values = values_of(compute(resolved, case.assumption.key, asked))
        except HadronOpticsError as error:
            reasons.append(str(error))
            values = {}
        sides.append({name: values[name] - value if name in values else inf for name, value in base.items()})
    down, up = sides or ({}, {})
    return Moved(case.assumption, down, up, "; ".join(dict.fromkeys(reasons)))


def values_of(quantities: Iterable[Quantity]) -> dict[str, float]:
    """The values of those that have one."""
    return {quantity.name: quantity.value for quantity in quantities if quantity.value is not None}


def with_model_errors(
    quantities: Sequence[Quantity], moves: Sequence[Moved], names: Sequence[str] = ()
) -> tuple[Quantity, ...]:
    """The quantities with the error of their model where they were computed with assumptions moved.

    It is 0 for those of ``names`` that no assumption reaches.
    """
    return tuple(_with_model_error(quantity, moves, quantity.name in names) for quantity in quantities)


def _with_model_error(quantity: Quantity, moves: Sequence[Moved], asked: bool) -> Quantity:
    mine = [move for move in moves if quantity.name in move.down]
    if not mine:
        return replace(quantity, model=0.0) if asked else quantity
    lost = next((move for move in mine if not isfinite(move.larger(quantity.name))), None)
    why = f"it has no value with {lost.assumption.told}" + (f": {lost.reason}" if lost.reason else "") if lost else ""
    root = sqrt(sum(move.larger(quantity.name) ** 2 for move in mine))
    least = max(_ROUNDING * abs(quantity.value or 0.0), _OF_ARITHMETIC * (quantity.numerical or 0.0))
    root = root if root > least else 0.0
    return replace(quantity, model=root, withheld=quantity.withheld or why)


# ------------------------------------------------------------------------------------------------------ what it says


def told_what_decides(
    verdicts: Iterable[Verdict], moves: Sequence[Moved], quantities: Iterable[Quantity]
) -> tuple[Verdict, ...]:
    """The verdicts; one that fails within its error names the assumption that moves its value most, or the sample."""
    known = {quantity.name: quantity for quantity in quantities}
    return tuple(_told(verdict, moves, known.get(verdict.requirement.quantity)) for verdict in verdicts)


def _told(verdict: Verdict, moves: Sequence[Moved], quantity: Quantity | None) -> Verdict:
    if verdict.verdict != FAIL or verdict.kind == PROGRAM or verdict.margin is None or quantity is None:
        return verdict
    told = _most(verdict, moves, quantity) if verdict.margin >= 0 else _remedy(verdict, moves)
    return replace(verdict, reason=f"{verdict.reason}; {told}") if told else verdict


def _most(verdict: Verdict, moves: Sequence[Moved], quantity: Quantity) -> str:
    """What the error is mostly of: an assumption, or the sample and how much larger that would have to be."""
    worst = max(moves, key=lambda move: move.larger(quantity.name), default=None)
    moved = 0.0 if worst is None else worst.larger(quantity.name)
    if quantity.statistical > max(moved, quantity.numerical or 0.0):
        return f"most of the error: the sample{_larger(verdict, quantity)}"
    return f"most of the error: {worst.assumption.told}" if worst is not None and moved > 0 else ""


def _larger(verdict: Verdict, quantity: Quantity) -> str:
    """By how much a sample would have to grow for the requirement to be met; "" where no sample does it."""
    factor = unit_factor(quantity_named(quantity.name), verdict.requirement.unit)
    room = ((verdict.margin or 0.0) * factor - (quantity.numerical or 0.0)) ** 2 - (quantity.model or 0.0) ** 2
    times = quantity.statistical**2 / room if room > 0 else inf
    return f", one {max(ceil(times), 2)} times as large may settle it" if times <= _FAR**2 else ""


_FAR = 10.0  # uncertainties: beyond them a straight line says nothing


def _remedy(verdict: Verdict, moves: Sequence[Moved]) -> str:
    """By how much the assumption that helps soonest would have to be off for the value to reach its limit."""
    need, name = verdict.requirement, verdict.requirement.quantity
    short = -(verdict.margin or 0.0) * unit_factor(quantity_named(name), need.unit)
    better = -1.0 if need.upper is not None and (verdict.value or 0.0) > need.upper else 1.0
    sides = ((move, word, better * side.get(name, 0.0)) for move in moves for side, word in _sides(move))
    found = [(short / gain, move, word) for move, word, gain in sides if gain > 0 and isfinite(gain)]
    times, move, word = min(found, key=lambda one: one[0], default=(inf, None, ""))
    if move is None:
        return ""
    if times > _FAR:
        return f"no assumption reaches the limit within {_FAR:g} times its uncertainty"
    far = f"{times:.2g} times its {move.assumption.size} (linear)"
    return f"the limit is reached with {move.assumption.key} {word} by {far}"


def _sides(move: Moved) -> tuple[tuple[Mapping[str, float], str], ...]:
    return (move.down, "lower"), (move.up, "higher")


def without_model_error(quantities: Iterable[Quantity], requirements: Iterable[Requirement]) -> tuple[str, ...]:
    """Which judged quantities of the machine have no error of the model, and which nothing moves, in sentences."""
    asked = {one.quantity for one in requirements if one.kind != PROGRAM}
    known = {one.name: one.model for one in quantities if one.name in asked and one.value is not None}
    none, unmoved = ([name for name, model in known.items() if model == size] for size in (None, 0.0))
    if none and len(none) == len(known):
        return ("No error of the model is known: the study states no assumption with its uncertainty.",)
    told = ("Without an error of the model", none), ("Moved by no stated assumption", unmoved)
    return tuple(f"{what}: {', '.join(names)}." for what, names in told if names)


def passes_up_to(verdict: Verdict, quantity: Quantity, move: Moved) -> float:
    """Factor on one assumption's uncertainty up to which the requirement is met, the others as they are.

    From margin = sqrt(rest^2 + (k move)^2) + numerical; 0 where it is not met even without the assumption.
    """
    factor = unit_factor(quantity_named(quantity.name), verdict.requirement.unit)
    mine = move.larger(quantity.name)
    room = (verdict.margin or 0.0) * factor - (quantity.numerical or 0.0)
    rest = max(quantity.spread**2 - mine**2, 0.0)
    return sqrt(room**2 - rest) / mine if room > 0 and room**2 > rest and isfinite(mine) else 0.0


def move_table(moves: Sequence[Moved], quantities: Sequence[Quantity], verdicts: Sequence[Verdict]) -> TableData:
    """The table of the report: what each assumption moves, the one that leaves least margin first."""
    known = {quantity.name: quantity for quantity in quantities}
    judged = [one for one in verdicts if one.kind != PROGRAM and one.margin is not None]
    rows = [
        _row(verdict, known[verdict.requirement.quantity], move)
        for verdict in judged
        for move in moves
        if move.larger(verdict.requirement.quantity) > _least(known[verdict.requirement.quantity])
    ]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS)).sort_values("passes up to uncertainty x", kind="stable")
    return TableData(ASSUMPTIONS, "What each assumption moves", _CAPTION, frame.reset_index(drop=True), 3)


#: Id of that table.
ASSUMPTIONS = "sensitivity-assumptions"
_ROUNDING = 1e-9  # of a value
_OF_ARITHMETIC = 1e-3  # of its numerical error: less is no move
_COLUMNS = (
    *("requirement", "quantity", "unit", "assumption", "uncertain by", "moved down", "moved up"),
    *("part of the model's error [%]", "passes up to uncertainty x", "uncertainty from"),
)
_CAPTION = (
    "Every judged quantity is computed again with each assumption moved down and up by its uncertainty; the model's "
    "error is the root of the sum of squares of the larger moves. 'Passes up to' is the factor on one uncertainty at "
    "which the verdict turns, the others as they are (0: it does not pass). What an assumption does not move is left "
    "out."
)


def _least(quantity: Quantity) -> float:
    """Less than this is the arithmetic's."""
    return max(_ROUNDING * abs(quantity.value or 0.0), quantity.numerical or 0.0)


def _row(verdict: Verdict, quantity: Quantity, move: Moved) -> tuple[object, ...]:
    need, name = verdict.requirement, quantity.name
    factor = unit_factor(quantity_named(name), need.unit)
    share = 100 * (move.larger(name) / quantity.model) ** 2 if quantity.model and isfinite(quantity.model) else nan
    moved = (side.get(name, 0.0) / factor for side in (move.down, move.up))
    told = (move.assumption.key, move.assumption.size)
    return need.id, name, need.unit, *told, *moved, share, passes_up_to(verdict, quantity, move), move.assumption.why
