"""Points that models of what was computed hold for the best: for cases that cost seconds.

Objectives and constraints of the cases so far have models over the knobs, interpolations by radial functions (R. G.
Regis, C. A. Shoemaker, INFORMS J. Comput. 19, 497 (2007), doi:10.1287/ijoc.1060.0182). NSGA-II runs on the models,
where a case costs nothing, and some of the points where it ends stand in a generation for as many of the search's own;
the others stay, so that it goes on where the models are wrong (Y. Jin, Swarm Evol. Comput. 1, 61 (2011),
doi:10.1016/j.swevo.2011.05.001). What comes depends on the seed and on the scores alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lattice.arrays import Array
from studies.search.asked import Search
from studies.search.choosing.modelling import APART, Model, cases_of, scaled, smoothest
from studies.search.choosing.pymoo_parts import pymoo
from studies.search.scoring import Scores

#: Of a generation, by the models.
SHARE = 0.5
_STEPS = 30  # generations on the models


def foreseen(search: Search, seen: Sequence[tuple[Array, Scores]], points: Array, population: Array) -> Array:
    """The points (n, k) of a generation, up to half of them those that models of what is ``seen`` hold for the best.

    ``seen``: points and scores of the generations before it; ``population`` (p, k): what the search goes on from. No
    point that was computed is computed again.
    """
    cases = cases_of(search, seen)
    model = Model(cases, smoothest(search, seen))
    best = search.settled(
        search.lower + _best(search, model, scaled(search, population), len(seen)) * (search.upper - search.lower)
    )
    new = best[_apart(scaled(search, best), cases.points)]
    number = min(len(new), round(SHARE * len(points)))
    chosen = np.random.default_rng((search.seed, len(seen))).choice(len(new), number, replace=False)
    return np.vstack([new[np.sort(chosen)], points[number:]])


def _apart(points: Array, others: Array) -> Array:
    """Which points (n, k) are none of the others, and none of those before them: (n,)."""
    found = np.ones(len(points), dtype=bool)
    for row, point in enumerate(points):
        before = np.vstack([others, points[:row][found[:row]]])
        found[row] = not (np.abs(before - point).max(axis=1) < APART).any()
    return found


def _best(search: Search, model: Model, population: Array, generation: int) -> Array:
    """Where NSGA-II ends on the models, begun from a population: the points that no other beats, (n, k)."""
    moo = pymoo()
    objectives, knobs = len(search.objectives), len(search.knobs)

    class Modelled(moo.Problem):  # type: ignore[misc, name-defined]
        def _evaluate(self, x: Array, out: dict[str, Any], *_: Any, **__: Any) -> None:
            found = model.at(x)
            out["F"], out["G"] = found[:, :objectives], found[:, objectives:]

    of = {"n_var": knobs, "n_obj": objectives, "n_ieq_constr": model.columns - objectives}
    algorithm = moo.NSGA2(pop_size=len(population), sampling=population)
    algorithm.setup(
        Modelled(**of, xl=np.zeros(knobs), xu=np.ones(knobs)),
        termination=("n_gen", _STEPS),
        seed=search.seed + generation,
    )
    while algorithm.has_next():
        algorithm.next()
    return np.asarray(algorithm.opt.get("X"), dtype=float)
