"""The published matching problems: each is what it says, and is solved."""

from __future__ import annotations

import pytest

from benchmarks.problems import SEEDS, Problem, problems
from lattice import Lattice, UnstableOptics
from optics import match, twiss

EVERY = problems()


def test_the_set_is_large_enough_and_starts_differ() -> None:
    assert len(EVERY) >= 20
    assert len({problem.name for problem in EVERY}) == len(EVERY)
    assert len(SEEDS) >= 5
    for problem in EVERY:
        starts = [tuple(problem.started(seed).parameters.values()) for seed in SEEDS]
        assert len(set(starts)) == len(SEEDS)
        again = problem.started(0).parameters
        assert tuple(again.values()) == starts[0]  # the seed says it all
        assert all(v.bounds[0] <= again[v.name] <= v.bounds[1] for v in problem.vary)


def test_a_start_is_no_solution() -> None:
    for problem in EVERY:
        parameters = problem.started(0).parameters
        assert not problem.is_solved_by({v.name: parameters[v.name] for v in problem.vary}), problem.name


@pytest.mark.parametrize("problem", EVERY, ids=[problem.name for problem in EVERY])
def test_every_problem_is_solved_from_its_first_start(problem: Problem) -> None:
    result = match(
        problem.started(0), vary=problem.vary, targets=problem.targets, limits=problem.limits, start=problem.start
    )
    assert result.success, result.message
    assert problem.is_solved_by(result.parameters)
    optics = twiss(result.lattice, start=problem.start)
    for limit in problem.limits:  # inside elements too, where the problem's own judge does not look
        assert isinstance(limit.upper, float)
        assert optics.maximum(limit.quantity) <= limit.upper * (1 + 1e-6)


def test_starts_that_have_no_optics_are_among_them() -> None:
    rings = [problem for problem in EVERY if problem.start is None]
    starts = [problem.started(seed) for problem in rings for seed in SEEDS]
    assert sum(not _is_stable(start) for start in starts) >= 10


def _is_stable(ring: Lattice) -> bool:
    try:
        return bool(twiss(ring).stable)
    except UnstableOptics:
        return False
