"""What the figures of a scan are made of: its cases from best to worst, and the optics of some that are chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import Lattice
from lattice.arrays import Array
from machines.requirements import PASS, Requirement
from optics import Optics, twiss
from studies.scan.plan import COMPUTED, STATUS, Plan

#: Classes of ``classes_of``: how many requirements a case fails (2: or more), and without an answer.
PASSES, NO_ANSWER = 0, 3
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
    """A finished scan: ``table`` with a row a case, the ``classes`` of its rows, those that are ``chosen``.

    ``tunes`` are the design's; ``optics`` belong to the design and the chosen cases, in this order, and are empty
    when there is nothing to choose from.
    """

    plan: Plan
    table: pd.DataFrame
    classes: Array
    chosen: Array
    tunes: tuple[float, float] | None
    optics: tuple[CaseOptics, ...]


def gather_scan(made: Plan, table: pd.DataFrame) -> ScanFacts:
    """Classes of all cases; optics of the design and of cases chosen over the region. UnstableOptics of a design."""
    classes = classes_of(made.judged, table)
    chosen = chosen_cases(made, table, classes)
    if not len(chosen) and not {"qx", "qy"} <= set(table):
        return ScanFacts(made, table, classes, chosen, None, ())
    design = _optics(made, {})
    looked_at = tuple(_looked_at(made, table, chosen, design)) if len(chosen) else ()
    return ScanFacts(made, table, classes, chosen, (float(design.qx), float(design.qy)), looked_at)


def classes_of(judged: Sequence[Requirement], table: pd.DataFrame) -> Array:
    """Class of each case: 0 passes all, 1 fails one, 2 fails more, 3 has no answer."""
    failed = np.zeros(len(table), dtype=int)
    for requirement in judged:
        failed += (table[requirement.id] != PASS).to_numpy() if requirement.id in table else 1
    return np.where(table[STATUS] == COMPUTED, np.minimum(failed, 2), NO_ANSWER)


def chosen_cases(made: Plan, table: pd.DataFrame, classes: Array) -> Array:
    """Rows of cases with optics, far from each other: most of them of the best class there is."""
    best = classes.min(initial=NO_ANSWER)
    if best == NO_ANSWER or not made.names:
        return np.array([], dtype=int)
    good, others = np.flatnonzero(classes == best), np.flatnonzero((classes != best) & (classes < NO_ANSWER))
    places = np.concatenate([_spread(made, table, good, _BEST), _spread(made, table, others, _OTHERS)])
    return np.asarray(np.sort(places))


def _spread(made: Plan, table: pd.DataFrame, rows: Array, count: int) -> Array:
    """Of some rows those that lie farthest from each other, one after another."""
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _LOOKED_AT)).round().astype(int))]
    if len(rows) <= count:
        return rows
    places = np.stack([(table[a.name].to_numpy()[rows] - a.lower) / (a.upper - a.lower) for a in made.axes], axis=1)
    found = [int(np.argmin(np.abs(places - np.median(places, axis=0)).sum(axis=1)))]
    distance = np.full(len(rows), np.inf)
    while len(found) < count:
        distance = np.minimum(distance, np.linalg.norm(places - places[found[-1]], axis=1))
        found.append(int(np.argmax(distance)))
    return np.asarray(rows[found])


def _looked_at(made: Plan, table: pd.DataFrame, chosen: Array, design: Optics) -> Iterator[CaseOptics]:
    yield _case(made, design)
    for row in table.iloc[chosen].to_dict("records"):
        yield _case(made, _optics(made, {axis.name: float(row[axis.name]) for axis in made.axes}))


def _case(made: Plan, optics: Optics) -> CaseOptics:
    axes = {axis.name: float(np.real(optics.lattice.parameters[axis.name])) for axis in made.axes}
    return CaseOptics(axes, optics.lattice, optics.inside(_SLICES))


def _optics(made: Plan, axes: Mapping[str, float]) -> Optics:
    return twiss(made.design.with_parameters(axes), made.particle, fringe=made.resolved.study.model.fringe)
