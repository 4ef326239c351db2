"""Generations of points, each made of what was learned of those before: pymoo's NSGA-II, or points drawn evenly.

K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, IEEE Trans. Evol. Comput. 6, 182 (2002), doi:10.1109/4235.996017;
J. Blank, K. Deb, IEEE Access 8, 89497 (2020), doi:10.1109/ACCESS.2020.2990567 (pymoo). What comes depends on the seed
and on the scores alone, so that an interrupted search goes the same way again over the rows that it has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from studies.search.asked import Search
from studies.search.polishing import polishing
from studies.search.scoring import NO_ANSWER, Generations, Scores


def generations(search: Search) -> Generations:
    """The points of each generation, the design's own first among those of the first; then those of the polishing."""
    seen: list[tuple[Array, Scores]] = []
    yield from _kept(_random(search) if search.spec.method == "random" else _evolved(search), seen)
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


def _evolved(search: Search) -> Generations:
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


def pymoo() -> Any:
    """The parts of pymoo that are used; InputError where it is not installed."""
    from types import SimpleNamespace

    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.evaluator import Evaluator
        from pymoo.core.problem import Problem
        from pymoo.problems.static import StaticProblem
    except ImportError:
        raise InputError("a search needs pymoo: pip install 'hadron-optics[search]'") from None
    return SimpleNamespace(NSGA2=NSGA2, Evaluator=Evaluator, Problem=Problem, StaticProblem=StaticProblem)
