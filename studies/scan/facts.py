"""What the figures of a scan are made of: its cases from best to worst, and the optics of some that are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import Lattice
from lattice.arrays import Array
from optics import Optics, twiss
from studies.scan.counting import NO_ANSWER
from studies.scan.drawn import drawn_cases, evenly
from studies.scan.plan import Plan

_BEST, _OTHERS = 14, 7  # cases of the best class, and of the others that have optics
_LOOKED_AT = 4000  # cases among which they are chosen
_SLICES = 4  # of an element, where its optics are drawn


@dataclass(frozen=True, eq=False)
class CaseOptics:
    """A case as it is looked at: the values of the ``axes``, its ``lattice``, and ``table`` of Optics.inside."""

    axes: Mapping[str, float]
    lattice: Lattice
    table: pd.DataFrame


@dataclass(frozen=True, eq=False)
class ScanFacts:
    """A finished scan: the ``classes`` of its cases (``counting``), those that are ``chosen``.

    ``table``: a row for each case that is drawn, its index the number of the case. ``tunes`` are the design's;
    ``optics`` belong to the design and the chosen cases, in this order, and are empty when there is nothing to choose
    from.
    """

    plan: Plan
    table: pd.DataFrame
    classes: Array
    chosen: Array
    tunes: tuple[float, float] | None
    optics: tuple[CaseOptics, ...]


def gather_scan(made: Plan, classes: Array, rows: Callable[[Array], pd.DataFrame]) -> ScanFacts:
    """Optics of the design and of cases chosen over the region; ``rows`` gives those of some cases, by their number.

    UnstableOptics of a design.
    """
    chosen = chosen_cases(made, classes)
    table = rows(np.union1d(drawn_cases(made, classes), chosen))
    if not len(chosen) and not {"qx", "qy"} <= set(table):
        return ScanFacts(made, table, classes, chosen, None, ())
    design = _optics(made, {})
    looked_at = tuple(_looked_at(made, chosen, design)) if len(chosen) else ()
    return ScanFacts(made, table, classes, chosen, (float(design.qx), float(design.qy)), looked_at)


def chosen_cases(made: Plan, classes: Array) -> Array:
    """Cases with optics, far from each other: most of them of the best class there is."""
    best = classes.min(initial=NO_ANSWER)
    if best == NO_ANSWER or not made.names:
        return np.array([], dtype=int)
    good, others = np.flatnonzero(classes == best), np.flatnonzero((classes != best) & (classes < NO_ANSWER))
    places = np.concatenate([_spread(made, good, _BEST), _spread(made, others, _OTHERS)])
    return np.asarray(np.sort(places))


def _spread(made: Plan, cases: Array, count: int) -> Array:
    """Of some cases those that lie farthest from each other, one after another."""
    cases = cases[evenly(len(cases), _LOOKED_AT)] if len(cases) else cases
    if len(cases) <= count:
        return cases
    places = np.stack([(made.cases[a.name][cases] - a.lower) / (a.upper - a.lower) for a in made.axes], axis=1)
    found = [int(np.argmin(np.abs(places - np.median(places, axis=0)).sum(axis=1)))]
    distance = np.full(len(cases), np.inf)
    while len(found) < count:
        distance = np.minimum(distance, np.linalg.norm(places - places[found[-1]], axis=1))
        found.append(int(np.argmax(distance)))
    return np.asarray(cases[found])


def _looked_at(made: Plan, chosen: Array, design: Optics) -> Iterator[CaseOptics]:
    yield _case(made, design)
    for number in chosen:
        yield _case(made, _optics(made, {axis.name: float(made.cases[axis.name][number]) for axis in made.axes}))


def _case(made: Plan, optics: Optics) -> CaseOptics:
    axes = {axis.name: float(np.real(optics.lattice.parameters[axis.name])) for axis in made.axes}
    return CaseOptics(axes, optics.lattice, optics.inside(_SLICES))


def _optics(made: Plan, axes: Mapping[str, float]) -> Optics:
    return twiss(made.design.with_parameters(axes), made.particle, fringe=made.resolved.study.model.fringe)
