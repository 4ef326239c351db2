"""From a computed number to a quantity and to the verdict on it: one guard, one rule, for every kind of study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from typing import TypeVar

import numpy as np

from lattice.errors import HadronOpticsError, InputError
from machines.requirements import FAIL, PASS, PROGRAM, Requirement, Verdict, judge
from studies.results import Quantity
from studies.vocabulary import MATCHED, computed_by, quantity_named, remedy_of, unit_factor

Facts = TypeVar("Facts")

BOTH = "own maps and Xsuite"
ALONE = "own maps alone"
FORMULA = "closed formula"
ROUNDING = 1e-12  # relative; products of some hundred matrices in double precision


@dataclass(frozen=True)
class Number:
    """A computed number with its errors, where it comes from and the figure that shows it.

    ``numerical``: of engines, steps, rounding; ``statistical``: of a sample, at 95 %. ``withheld`` says why it must not
    be judged. ``at`` is the element of the final lattice (or the unit of a linac) that it is found at, "" for one of
    the whole machine.
    """

    value: float
    numerical: float
    engine: str
    method: str
    figure: str = ""
    statistical: float = 0.0
    withheld: str = ""
    at: str = ""


#: What computes each quantity of a kind of study from its facts.
Numbers = Mapping[str, Callable[[Facts], Number]]


def evaluated(names: Iterable[str], numbers: Numbers[Facts], facts: Facts, engine: str = ALONE) -> tuple[Quantity, ...]:
    """Each quantity of ``names`` once, in order; what cannot be computed has no value, and its method says why."""
    return tuple(measured(name, partial(_computed, name, numbers, facts), engine) for name in dict.fromkeys(names))


def _computed(name: str, numbers: Numbers[Facts], facts: Facts) -> Number:
    return _entry(name, numbers)(facts)


def _entry(name: str, numbers: Numbers[Facts]) -> Callable[[Facts], Number]:
    if name not in numbers:
        raise InputError(f"'{name}' is computed by studies of {computed_by(name)}")
    return numbers[name]


def measured(name: str, compute: Callable[[], Number], engine: str = ALONE) -> Quantity:
    """A quantity from what computes it; an error of the toolkit is the reason why there is no value.

    ``engine``: what a number without a value would have rested on.
    """
    try:
        number = compute()
    except HadronOpticsError as error:
        return missing(name, str(error), engine)
    if not isfinite(number.value):
        return replace(missing(name, "no finite value", number.engine), figure=number.figure)
    unit = quantity_named(name).kind.unit
    return Quantity(
        name=name,
        value=number.value,
        unit=unit,
        numerical=number.numerical,
        engine=number.engine,
        method=number.method,
        figure=number.figure,
        withheld=number.withheld,
        statistical=number.statistical,
        at=number.at,
    )


def worst_of(values: Iterable[float], largest: bool = True) -> int:
    """The place of the ``largest`` (or least) of some values; of the first that is nan, as nothing is worse to know."""
    found = np.fromiter(values, dtype=float)
    if not len(found):
        raise InputError("there is nothing to take the worst of")
    return int(np.argmax(found) if largest else np.argmin(found))


def missing(name: str, reason: str, engine: str = ALONE) -> Quantity:
    """A quantity that has no value, and why."""
    return Quantity(name, None, quantity_named(name).kind.unit, None, engine, f"not computed: {reason}")


def verdicts_on(
    requirements: Iterable[Requirement], quantities: Sequence[Quantity], unreached: str = "", spent: str = ""
) -> tuple[Verdict, ...]:
    """The verdict on each requirement, in order; ``unreached`` says why the design was not, and then none is judged.

    ``spent`` says why a match cannot take one more target: a remedy that asks for one then says so.

    A quantity that says why it must not be judged (``withheld``) is not. A requirement whose quantity is not among
    ``quantities`` is NOT EVALUATED.
    """
    known = {quantity.name: quantity for quantity in quantities}
    return tuple(_verdict(one, known.get(one.quantity), unreached, spent) for one in requirements)


def _verdict(requirement: Requirement, quantity: Quantity | None, unreached: str, spent: str) -> Verdict:
    """The judgement in the requirement's unit."""
    if quantity is None or quantity.value is None:
        return judge(requirement, None, None, quantity.method if quantity else "this study does not compute it")
    factor = unit_factor(quantity_named(requirement.quantity), requirement.unit)
    known = quantity.numerical if requirement.kind == PROGRAM else quantity.error
    value, error = quantity.value / factor, None if known is None else known / factor
    if unreached:
        return judge(requirement, None, None, f"{unreached}: {value:.6g} at its best point")
    if quantity.withheld:
        return judge(requirement, None, None, f"{value:.4g} is not judged: {quantity.withheld}")
    verdict = replace(judge(requirement, value, error), numerical=(quantity.numerical or 0.0) / factor)
    alone = "rests on our maps alone" if quantity.engine == ALONE and verdict.verdict in (PASS, FAIL) else ""
    failed = verdict.verdict == FAIL
    where, mended = (quantity.method.split(";")[0], _mended(requirement, spent)) if failed else ("", "")
    return replace(verdict, reason="; ".join(filter(None, (verdict.reason, where, mended, alone))))


def _mended(requirement: Requirement, spent: str) -> str:
    """What a designer can turn, of a requirement of the machine."""
    remedy = "" if requirement.kind == PROGRAM else remedy_of(requirement.quantity)
    but = f", but {spent}" if spent and remedy == MATCHED else ""
    return f"remedy: {remedy}{but}" if remedy else ""


def no_pass_outside(verdicts: Iterable[Verdict], outside: str) -> tuple[Verdict, ...]:
    """The verdicts, none of them PASS when the study lies ``outside`` the range of its machine; a FAIL stays one."""
    return tuple(_not_evaluated(one, outside) if outside and one.verdict == PASS else one for one in verdicts)


def _not_evaluated(verdict: Verdict, outside: str) -> Verdict:
    return judge(verdict.requirement, None, None, f"{verdict.value:.4g} is not judged: {outside}")
