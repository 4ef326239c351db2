"""What came of a search: its cases with their scores, the front, how it converged, what bounds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice.arrays import Array
from studies.scan.plan import STATUS
from studies.search.asked import LATTICE, Search
from studies.search.choosing.modelling import ranking, smoothest
from studies.search.front import coverage, front
from studies.search.judgement import Judgement
from studies.search.limits import Constraint
from studies.search.scoring import NO_ANSWER, Scores, scored

_STEPS = 60  # points of the convergence
_RANKED = 30  # points of the curve of what models foretold: each takes four fits
_NEAR = 0.01  # of a limit's size: a constraint that near to its limit binds


@dataclass(frozen=True, eq=False)
class SearchFacts:
    """A finished search: ``table`` with a row a case (its number is the case's id) and ``scores`` of each.

    ``front``: ids of the cases that none beats; ``counts`` and ``covered``: how much of the objectives the front covers
    after so many cases, up to the corner ``worst``; ``binding`` (c,): share of the front that stands at the limit of
    each constraint, ``kept`` (c,): share of the cases with its value that keep it. ``nearest``: the case that breaks
    the constraints least. ``foretold``: how well models of the cases before rank as many as a generation has by each
    objective, by the number of cases then; no row where no models are used. ``rejudged``: what chosen machines are when
    the whole study judges them.
    """

    search: Search
    table: pd.DataFrame
    scores: Scores
    front: Array
    counts: Array
    covered: Array
    worst: Array
    binding: Array
    kept: Array
    nearest: int
    conflict: str
    foretold: pd.DataFrame
    rejudged: tuple[Judgement, ...] = ()

    @property
    def lattices(self) -> dict[str, Array]:
        """Of a search of several lattices the numbers of the cases of each, else nothing."""
        parts = [part.lattice for part in self.search.parts]
        return {name: np.flatnonzero((self.table[LATTICE] == name).to_numpy()) for name in parts}


def gathered(search: Search, table: pd.DataFrame) -> SearchFacts:
    """Front, convergence and constraints of the cases of a search."""
    scores = scored(search, table)
    found = front(scores)
    counts = np.unique(np.linspace(1, len(table), min(_STEPS, len(table))).round().astype(int))
    covered, worst = coverage(scores, counts)
    total = scores.broken.sum(axis=1)
    return SearchFacts(
        search=search,
        table=table,
        scores=scores,
        front=found,
        counts=counts,
        covered=covered,
        worst=worst,
        binding=np.array([_binds(one, _values(table, one), found) for one in search.constraints]),
        kept=np.array([_kept(column) for column in scores.broken.T[: len(search.constraints)]]),
        nearest=int(np.argmin(total)),
        conflict="" if len(found) else _conflict(search, scores),
        foretold=_foretold(search, table, scores),
    )


def _foretold(search: Search, table: pd.DataFrame, scores: Scores) -> pd.DataFrame:
    """Rankings of the next ``population`` cases by models of those before; of a search of one lattice with models."""
    each, columns = search.spec.population, [one.quantity for one in search.objectives]
    points = table[[knob.name for knob in search.knobs]].to_numpy()
    modelled = search.spec.method == "surrogate" and not search.parts
    ends = range(2 * each, len(table) + 1, each) if modelled else range(0)
    some = ends[:: max(1, -(-len(ends) // _RANKED))]
    found = [_ranking(search, points[:end], scores.only(slice(end)))[: len(columns)] for end in some]
    return pd.DataFrame(np.reshape(found, (len(some), len(columns))), index=list(some), columns=columns)


def _ranking(search: Search, points: Array, scores: Scores) -> Array:
    """How the last ``population`` cases are ranked by models of those before, smoothed as the search does it."""
    each = search.spec.population
    last, before = slice(len(points) - each, None), max(len(points) - 2 * each, 0)
    parts = [slice(0, before), slice(before, len(points) - each)] if before else [slice(0, len(points) - each)]
    seen = [(points[part], scores.only(part)) for part in parts]
    return ranking(search, seen, points[last], scores.only(last), smoothest(search, seen))


def _values(table: pd.DataFrame, one: Constraint) -> Array:
    return np.asarray(table[one.quantity], dtype=float)


def _kept(broken: Array) -> float:
    """Share of the cases that have the value which keep its limits; of none 1."""
    known = broken[broken < NO_ANSWER]
    return float(np.mean(known == 0.0)) if len(known) else 1.0


def _binds(one: Constraint, values: Array, found: Array) -> float:
    """Share of the cases ``found`` whose value stands within a hundredth of a limit's size.

    That of two limits is the way between them, of limits that are 0 the span of the ``values`` of all cases.
    """
    if not len(found):
        return 0.0
    known = values[np.isfinite(values)]
    size = one.scale if any(limit and np.isfinite(limit) for limit in (one.lower, one.upper)) else float(np.ptp(known))
    room = np.minimum(values[found] - one.lower, one.upper - values[found])
    return float(np.mean(room <= _NEAR * min(size, one.upper - one.lower)))


def _conflict(search: Search, scores: Scores) -> str:
    """Why nothing is feasible: a constraint that no case keeps, else two that no case keeps together."""
    if not scores.answered.any():
        return "no case has an answer"
    holds = scores.broken[scores.answered] == 0.0
    names = [one.id for one in search.constraints]
    alone = [name for name, column in zip(names, holds.T, strict=True) if not column.any()]
    if alone:
        return f"no case keeps {', '.join(alone)}"
    pairs = list(_pairs(names, holds))
    if pairs:
        return "no case keeps together " + "; ".join(f"{a} and {b}" for a, b in pairs[:3])
    return "each two constraints are kept by some case, all of them by none"


def _pairs(names: list[str], holds: Array) -> Iterator[tuple[str, str]]:
    for i, first in enumerate(names):
        for j in range(i):
            if not (holds[:, i] & holds[:, j]).any():
                yield names[j], first


def never_broken(facts: SearchFacts) -> Iterator[tuple[Constraint, tuple[str, ...], tuple[float, float]]]:
    """Constraints that no case of some lattices breaks: within their bounds these judge nothing.

    Each with the names of those lattices ("" where there is one alone), and the least and largest value there. A
    lattice none of whose cases has the value is left out.
    """
    groups = facts.lattices or {"": np.arange(len(facts.table))}
    for one in facts.search.constraints:
        values = _values(facts.table, one)
        known = {name: values[cases][np.isfinite(values[cases])] for name, cases in groups.items()}
        kept = {name: v for name, v in known.items() if len(v) and np.all((v >= one.lower) & (v <= one.upper))}
        if kept:
            every = np.concatenate(list(kept.values()))
            yield one, tuple(kept), (float(every.min()), float(every.max()))


def reasons(facts: SearchFacts) -> pd.Series[int]:
    """How many cases have no answer, or were passed over, for which reason."""
    status = facts.table[STATUS].str.replace(r" = \S+", "", regex=True)
    return status[~facts.scores.answered].value_counts()
