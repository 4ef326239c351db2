"""Generations of points, each made of what was learned of those before: pymoo's NSGA-II, alone or with models of what
was computed, or points drawn evenly.

K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, IEEE Trans. Evol. Comput. 6, 182 (2002), doi:10.1109/4235.996017;
J. Blank, K. Deb, IEEE Access 8, 89497 (2020), doi:10.1109/ACCESS.2020.2990567 (pymoo). What comes depends on the seed
and on the scores alone, so that an interrupted search goes the same way again over the rows that it has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lattice.arrays import Array
from studies.search.asked import Search
from studies.search.choosing.foreseeing import foreseen
from studies.search.choosing.polishing import polishing
from studies.search.choosing.pymoo_parts import pymoo
from studies.search.scoring import NO_ANSWER, Generations, Scores


def generations(search: Search) -> Generations:
    """The points of each generation, the design's own first among those of the first; then those of the polishing."""
    seen: list[tuple[Array, Scores]] = []
    yield from _kept(_random(search) if search.spec.method == "random" else _evolved(search, seen), seen)
    if search.spec.polish:
        yield from polishing(search, seen)


def _kept(points_of: Generations, seen: list[tuple[Array, Scores]]) -> Generations:
    """The same generations; their points and scores are ``seen``."""
    points = next(points_of)
    while True:
        scores = yield points
        seen.append((points, scores))
        try:
            points = points_of.send(scores)
        except StopIteration:
            return


def _random(search: Search) -> Generations:
    drawn = np.random.default_rng(search.seed)
    for number in range(search.spec.generations):
        points = drawn.uniform(search.lower, search.upper, (search.spec.population, len(search.knobs)))
        if number == 0:
            points[0] = search.start
        yield search.settled(points)


def _evolved(search: Search, seen: Sequence[tuple[Array, Scores]]) -> Generations:
    """NSGA-II; with ``seen``, what was computed so far, part of each generation is what models foresee."""
    moo = pymoo()
    algorithm = moo.NSGA2(pop_size=search.spec.population, sampling=_first(search))
    problem = moo.Problem(
        n_var=len(search.knobs),
        n_obj=len(search.objectives),
        n_ieq_constr=max(len(search.constraints), 1),
        xl=search.lower,
        xu=search.upper,
    )
    algorithm.setup(problem, termination=("n_gen", search.spec.generations), seed=search.seed)
    while algorithm.has_next():
        offspring = algorithm.ask()
        if offspring is None or len(offspring) == 0:
            return
        points = search.settled(np.asarray(offspring.get("X"), dtype=float))
        if search.spec.method == "surrogate" and seen:
            points = foreseen(search, seen, points, np.asarray(algorithm.pop.get("X"), dtype=float))
        offspring.set("X", points)
        scores = yield points
        known = moo.StaticProblem(problem, F=_finite(scores), G=scores.broken)
        moo.Evaluator().eval(known, offspring)
        algorithm.tell(infills=offspring)


def _first(search: Search) -> Array:
    """Points of a Latin hypercube, the design's own in the place of the first."""
    from scipy.stats import qmc

    drawn = qmc.LatinHypercube(len(search.knobs), rng=np.random.default_rng(search.seed))
    points = qmc.scale(drawn.random(search.spec.population), search.lower, search.upper)
    points[0] = search.start
    return np.asarray(points)


def _finite(scores: Scores) -> Array:
    """Objectives without holes: a case that has no answer breaks its constraints so far that its own never count."""
    return np.where(np.isfinite(scores.objectives), scores.objectives, NO_ANSWER)
