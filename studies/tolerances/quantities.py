"""Quantities of tolerances: what the wanted share of machines keeps, yields with exact intervals, the budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from optics.statistics import Proportion, least_sample, percentile, reach
from studies.judging import ALONE, ROUNDING, Number, measured
from studies.results import Quantity
from studies.tolerances.outcome import Answer, numbers_of
from studies.vocabulary import quantity_named

#: Numbers of which a machine must have enough, where all others must not be too large.
ENOUGH = ("clearance_errors", "clearance_es_errors", "transmission_errors", "spiral_step_errors")
YIELDS = ("yield_all", "budget_yield")
_PANELS, _NUMBERS = 6, "tolerances-numbers"  # numbers of machines in one figure: more cannot be read on paper
_MOST = 0.5  # what fewer machines keep is no limit that machines keep


def evaluate(
    names: Iterable[str], found: Answer, lacking: Callable[[str], str] = lambda name: ""
) -> tuple[Quantity, ...]:
    """Each quantity of ``names`` once, in order, and the yield of every requirement; ``lacking``: why one has none."""
    asked = dict.fromkeys((*(name for name in found.machines if name != "status"), *YIELDS, *names))
    judged = tuple(measured(name, lambda name=name: _number(name, found, lacking)) for name in asked)  # type: ignore[misc]
    return (*judged, *_yields(found))


def _number(name: str, found: Answer, lacking: Callable[[str], str]) -> Number:
    if name == "yield_all":
        if found.all is None:
            raise InputError("no requirement is on a number of each machine")
        return _share(found.all, f"machines that keep all of {len(found.limits)} requirements", "tolerances-yield")
    if name == "budget_yield":
        if found.budget is None:
            raise InputError(found.unallotted)
        return _share(found.budget.check, "machines drawn from the budget that keep all", "tolerances-budget")
    if name not in found.machines:
        raise InputError(lacking(name) or "no beam lives in the machine, or nothing of it has this number")
    number = _bound(name, found.machines[name].to_numpy(), found.question.wanted)
    number = replace(number, figure=figure_of(name, numbers_of(found.machines)))
    return _beside_tracking(number, found.apart[name]) if name in found.apart else number


def _beside_tracking(number: Number, apart: float) -> Number:
    """A number of leading order with how far it is from tracking at most; withheld where nothing could be tracked."""
    if not np.isfinite(apart):
        return replace(number, withheld=number.withheld or "no machine's arm could be tracked beside leading order")
    method = f"{number.method}; leading order beside the exact arm without errors, at most {apart:.2g} from tracking"
    return replace(number, numerical=max(apart, number.numerical), method=method)


def _share(found: Proportion, what: str, figure: str) -> Number:
    value, error = reach(found)
    interval = f"{found.lower:.4g} to {found.upper:.4g} of {found.total} (Clopper and Pearson, 95 %)"
    return Number(value, 0.0, ALONE, f"{what}; {interval}", figure, statistical=error)


def _bound(name: str, values: Array, wanted: float) -> Number:
    """What the wanted share of the machines does not exceed, or has at least; missing machines count as the worst."""
    percent, sign = 100.0 * wanted, -1.0 if name in ENOUGH else 1.0
    value, error = percentile(sign * values, percent)
    words = "had at least by" if name in ENOUGH else "not exceeded by"
    text = quantity_named(name).kind.text
    method = f"{text}, {words} {percent:g} % of the machines; error: order statistics of {len(values)} at 95 %"
    least = least_sample(percent)
    few = (
        "" if len(values) >= least or np.isfinite(error) else f"{len(values)} machines are too few: {least} are needed"
    )
    number = Number(sign * value, ROUNDING * abs(value), ALONE, method, statistical=error)
    return replace(number, withheld=few or ("" if wanted >= _MOST else f"{percent:g} % are not most of the machines"))


def _yields(found: Answer) -> Iterator[Quantity]:
    """The yield of each requirement by itself."""
    for limit, one in zip(found.limits, found.yields, strict=True):
        value, error = reach(one)
        method = (
            f"machines that keep: {limit.requirement.text}; {one.lower:.4g} to {one.upper:.4g} of {one.total} (Clopper "
            "and Pearson, 95 %)"
        )
        name = f"yield.{limit.requirement.id}"
        yield Quantity(name, value, "1", 0.0, ALONE, method, "tolerances-yield", statistical=error)


def panels_of(names: Sequence[str]) -> dict[str, list[str]]:
    """Figures of the numbers ``names``, by id: at most so many each, as even as they get.

    >>> panels_of(["a", "b", "c"])
    {'tolerances-numbers': ['a', 'b', 'c']}
    """
    figures = -(-len(names) // _PANELS)
    begins = [len(names) * i // figures for i in range(figures + 1)]
    ids = [_NUMBERS, *(f"{_NUMBERS}-{i}" for i in range(2, figures + 1))]
    return {id: list(names[begins[i] : begins[i + 1]]) for i, id in enumerate(ids[:figures])}


def figure_of(name: str, names: Sequence[str]) -> str:
    """The id of the figure that shows a number."""
    return next(id for id, shown in panels_of(names).items() if name in shown)
