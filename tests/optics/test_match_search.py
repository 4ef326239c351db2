"""How a match searches, what it prefers among solutions, and what it says where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lattice import Bend, Drift, Lattice, Marker, Multipole, Quadrupole, ReferenceParticle, read_madx
from lattice.arrays import Array
from optics import Limit, Target, Vary, match, twiss, verify
from optics.matching.checks import checked_problem
from optics.matching.optimise import Settings, least_squares
from optics.matching.problem import Case
from optics.matching.search import METHODS, sample, stabilised
from tests.optics.test_match_goals import FODO, PROTON

START = {"betx": 9.0, "alfx": 0.2, "bety": 4.0, "alfy": 0.7}
ROUND = [Target(name, value, at="_end") for name, value in (("betx", 5.0), ("alfx", 0.0), ("bety", 5.0), ("alfy", 0.0))]
BETAS = [Limit("betx", upper=20.0), Limit("bety", upper=20.0)]
TUNES = [Target("qx", 0.22), Target("qy", 0.21)]
KNOBS = [Vary("kf", 0.05, 3.0), Vary("kd", -3.0, -0.05)]


def line(count: int, seed: int) -> Lattice:
    """Quadrupoles with strengths drawn evenly from -2 to 2 m^-2."""
    elements: list[Any] = [Drift("d0", length=0.5)]
    for i in range(count):
        elements += [Quadrupole(f"q{i}", length=0.3, k1=f"k{i}"), Drift(f"d{i + 1}", length=1.2)]
    drawn = np.random.default_rng(seed).uniform(-2.0, 2.0, count)
    values = {f"k{i}": float(value) for i, value in enumerate(drawn)}
    return Lattice("line", elements=[*elements, Marker("end")], parameters=values, particle=PROTON)


def quadrupoles(count: int) -> list[Vary]:
    """All of them, within 2 m^-2."""
    return [Vary(f"k{i}", -2.0, 2.0) for i in range(count)]


# Rosenbrock's function as a sum of squares: its minimum is 0 at (1, 1), along a curved valley.
def _rosenbrock(points: Array) -> tuple[Array, Array, Array]:
    x, y = points.T
    residuals = np.stack([10 * (y - x**2), 1 - x], axis=1)
    jacobians = np.stack([np.stack([-20 * x, 10 + 0 * x], axis=1), np.stack([-1 + 0 * x, 0 * x], axis=1)], axis=1)
    return residuals, jacobians, np.abs(residuals).max(axis=1) < 1e-9


def test_least_squares_from_many_starts_at_once() -> None:
    starts = np.random.default_rng(1).uniform(-3, 3, (20, 2))
    box = (np.full(2, -5.0), np.full(2, 5.0), np.ones(2))
    runs = least_squares(_rosenbrock, starts, *box, Settings(first_only=False))
    assert runs.good.all()
    np.testing.assert_allclose(runs.points, 1.0, atol=1e-9)
    alone = least_squares(_rosenbrock, starts[3:4], *box, Settings(first_only=False))
    np.testing.assert_allclose(alone.points[0], runs.points[3], atol=1e-12)  # a batch is its runs one by one


def test_least_squares_keeps_its_bounds() -> None:
    lower, upper = np.array([-5.0, -5.0]), np.array([0.5, 5.0])
    runs = least_squares(_rosenbrock, np.array([[-2.0, 2.0]]), lower, upper, np.ones(2))
    # with x <= 1/2 the least is at x = 1/2, y = x^2, where the gradient pushes against the bound alone
    np.testing.assert_allclose(runs.points[0], [0.5, 0.25], atol=1e-6)


def test_knobs_that_do_the_same_share_the_work() -> None:
    def function(points: Array) -> tuple[Array, Array, Array]:
        residual = points.sum(axis=1, keepdims=True) - 1.0
        return residual, np.ones((len(points), 1, 2)), np.abs(residual[:, 0]) < 1e-12

    unbounded = (np.full(2, -np.inf), np.full(2, np.inf), np.ones(2))
    runs = least_squares(function, np.zeros((1, 2)), *unbounded, Settings(damping=1e-15))
    np.testing.assert_allclose(runs.points[0], 0.5, atol=1e-12)  # the smallest step, by singular values


@pytest.mark.parametrize("method", ["local", "gauss_newton"])
@pytest.mark.parametrize("start", [0.0, 1.5])
def test_a_linear_problem_is_solved_however_far_its_solution(method: str, start: float) -> None:
    """Chromaticities are linear in sextupoles: steps grow, and thin ones of 1e-5 m^-2 a unit are found in a few."""
    ring = with_sextupoles("1e-5*a", "0").with_parameters(a=start)
    wanted = twiss(with_sextupoles("1e-5*a", "0").with_parameters(a=-20000.0)).dqx
    result = match(ring, vary=[Vary("a")], targets=[Target("dqx", wanted)], method=method)
    assert result.success
    assert result.parameters["a"] == pytest.approx(-20000.0, rel=1e-6)
    assert result.evaluations < 20


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_same_cell(method: str) -> None:
    result = match(FODO, vary=KNOBS, targets=TUNES, method=method)
    assert result.success, result.message
    # one cell only has these tunes in the first stable region
    reference = match(FODO, vary=KNOBS, targets=TUNES, method="local")
    assert result.parameters == pytest.approx(dict(reference.parameters), abs=1e-9)
    assert method in ("auto", result.method)


def test_an_unstable_start_walks_into_stability() -> None:
    problem = checked_problem([Case(lattice=FODO, targets=TUNES)], KNOBS)
    lost = np.array([[2.5, -0.3], [0.2, -2.8], [3.0, -3.0]])
    assert not np.isfinite(problem.evaluate(lost, derivatives=False).rows).all(axis=1).any()
    found = stabilised(problem, lost)
    assert len(found) == 3
    assert np.isfinite(problem.evaluate(found, derivatives=False).rows).all()


@pytest.mark.parametrize("seed", range(4))
def test_twelve_quadrupoles_with_a_beta_limit_from_random_starts(seed: int) -> None:
    result = match(line(12, seed), vary=quadrupoles(12), targets=ROUND, limits=BETAS, start=START)
    assert result.success, result.message
    fine = twiss(result.lattice, start=START).inside(100)
    assert fine[["betx", "bety"]].to_numpy().max() <= 20.0 * (1 + 1e-6)


def test_the_same_seed_searches_the_same_way() -> None:
    first, again = (
        match(line(6, 5), vary=quadrupoles(6), targets=ROUND, start=START, method="multistart", seed=4)
        for _ in range(2)
    )
    assert first.parameters == again.parameters
    assert [s.margin for s in first.solutions] == [s.margin for s in again.solutions]


def test_polish_uses_the_freedom_that_is_left() -> None:
    lattice, vary = line(8, 2), quadrupoles(8)
    plain = match(lattice, vary=vary, targets=ROUND, limits=BETAS, start=START)

    def polished(aim: str) -> Any:
        result = match(lattice, vary=vary, targets=ROUND, limits=BETAS, start=START, polish=aim, restarts=4)
        assert result.success, result.message
        return result

    def peak(result: Any) -> float:
        optics = twiss(result.lattice, start=START)
        return float(max(optics.maximum("betx"), optics.maximum("bety")))

    def gradient(result: Any) -> float:
        return float(np.linalg.norm(list(result.parameters.values())))

    best = {aim: polished(aim) for aim in ("peak_beta", "gradient", "margin")}
    assert peak(best["peak_beta"]) < peak(plain)
    assert gradient(best["gradient"]) < gradient(plain)
    assert best["margin"].margin > max(plain.margin, 0.01)
    # each is best in its own
    assert peak(best["peak_beta"]) <= min(peak(best["gradient"]), peak(best["margin"])) + 1e-6
    assert gradient(best["gradient"]) <= min(gradient(best["peak_beta"]), gradient(best["margin"])) + 1e-6


def test_solutions_are_verified_by_the_second_engine() -> None:
    result = match(line(6, 1), vary=quadrupoles(6), targets=ROUND, start=START)
    assert result.success, result.message
    checked = verify(result)  # with the result's own start conditions
    assert checked.success, checked.message


def test_the_conflict_is_named_with_the_least_relaxation() -> None:
    # betx at the entrance of a FODO cell is fixed by its tunes: a third target cannot be met
    free = match(FODO, vary=KNOBS, targets=TUNES)
    here = float(twiss(free.lattice).value("betx", "qf"))
    targets = [*TUNES, Target("betx", 1.1 * here, at="qf")]
    result = match(FODO, vary=KNOBS, targets=targets, restarts=2)
    assert not result.success
    assert set(result.conflicts) == {"qx", "qy", "betx@qf"}
    assert "were not met together" in result.message
    assert "3 targets for 2 knobs" in result.message
    # tunes count in hundredths, betas in tenths of themselves: it is cheapest that one target gives way alone
    assert len(result.relaxation) == 1
    if "betx@qf" in result.relaxation:
        assert result.relaxation["betx@qf"] == pytest.approx(-0.1 * here, rel=1e-6)


def test_goals_that_have_nothing_to_do_with_it_are_left_out_of_the_conflict() -> None:
    other = Target("length", 5.5)
    vary = [*KNOBS, Vary("gap", 0.5, 4.0)]
    limit = Limit("betx", upper=1.0)
    result = match(FODO, vary=vary, targets=[TUNES[0], other], limits=[limit], restarts=2)
    assert not result.success
    assert "betx<1" in result.conflicts
    assert result.relaxation["betx<1"] > 0


def test_a_target_that_no_knob_moves_is_named_at_once() -> None:
    result = match(FODO, vary=KNOBS, targets=[TUNES[0], Target("dx", 1.0, at="qd")])
    assert not result.success
    assert "no knob moves dx@qd, it stays at 0" in result.message
    assert result.conflicts == ("dx@qd",)
    assert result.diagnosis.unmoved == ("dx@qd",)
    assert result.evaluations < 30  # nothing is searched for


def test_a_knob_in_no_strength_is_told(tmp_path: Path) -> None:
    """k1 = kq of a MAD-X file is the number of kq then: kq moves nothing afterwards."""
    file = tmp_path / "cell.seq"
    file.write_text(
        "kq = 1; f: quadrupole, l=0.3, k1=kq; g: quadrupole, l=0.3, k1=-kq; o: drift, l=1; c: line=(f, o, g, o);"
    )
    ring = read_madx(file).with_particle(PROTON)
    result = match(ring, vary=[Vary("kq")], targets=[Target("qx", 0.2)], restarts=0)
    assert not result.success
    assert "no strength is written in kq (k1 = kq in a MAD-X file takes its number, k1 := its name)" in result.message


def test_the_diagnosis_tells_what_the_knobs_do() -> None:
    idle = Lattice("idle", elements=FODO.elements, parameters={**FODO.parameters, "spare": 1.0}, particle=PROTON)
    result = match(idle, vary=[*KNOBS, Vary("spare")], targets=TUNES)
    found = result.diagnosis
    assert (found.rank, found.idle, found.unmoved, found.active_bounds) == (2, ("spare",), (), ())
    assert found.leading == {"qx": "kf", "qy": "kd"}
    assert found.condition == pytest.approx(1.0, abs=3.0)  # two planes, two quadrupoles: well posed
    # a per cent of a knob, by the sensitivity that is tested against differences
    expected = 0.01 * abs(result.parameters["kf"]) * result.sensitivity[0, 0]
    assert found.table.loc["qx", "kf"] == pytest.approx(expected, rel=1e-12)


def test_active_bounds_are_named() -> None:
    result = match(
        FODO, vary=[Vary("kf", 0.1, 0.75), KNOBS[1]], targets=[Target("qx", 0.4), Target("qy", 0.2)], restarts=1
    )
    assert not result.success
    assert result.diagnosis.active_bounds == ("kf at its upper bound 0.75",)
    assert "kf at its upper bound 0.75" in result.message


def with_sextupoles(*strengths: str) -> Lattice:
    """The FODO cell with a bend of 0.2 rad behind each quadrupole, thin sextupoles of these strengths behind "qf"."""
    elements = list(FODO.elements)
    bends = [Bend(f"b{i}", length=0.5, angle=0.2) for i in (1, 2)]
    thin = [Multipole(f"s{i}", knl=(0.0, 0.0, name)) for i, name in enumerate(strengths)]
    elements = [elements[0], *thin, bends[0], *elements[1:4], bends[1], *elements[4:]]
    values = dict.fromkeys("ab", 0.1) | {"weak": 0.0}
    return Lattice("sextupoles", elements=elements, parameters={**FODO.parameters, **values}, particle=PROTON)


def test_a_knob_that_hardly_moves_a_target_is_called_dead_and_its_bound_no_reason() -> None:
    """A sextupole of 1e-9 per unit of its knob changes Q'x by 1e-9 of what is missing, not by its bound of 60."""
    ring = with_sextupoles("a", "1e-9*weak")
    natural = twiss(ring).dqx
    result = match(ring, vary=[Vary("weak", 0.0, 60.0)], targets=[Target("dqx", natural + 1.0)], restarts=2)
    assert not result.success
    assert "no knob moves dqx noticeably" in result.message
    assert "bound 60" not in result.message
    assert "even alone" not in result.message


def test_a_knob_that_falls_short_by_its_bound_is_told_with_it_and_dead_ones_are_not() -> None:
    ring = with_sextupoles("a", "1e-9*weak")
    vary = [Vary("a", 0.0, 0.2), Vary("weak", 0.0, 60.0)]
    result = match(ring, vary=vary, targets=[Target("dqx", twiss(ring).dqx + 1.0)], restarts=2)
    assert "dqx was not reached even alone (a at its upper bound 0.2)" in result.message


def test_knobs_that_act_in_one_ratio_are_called_one() -> None:
    """Two thin sextupoles at one place: one change of both chromaticities, by either."""
    ring = with_sextupoles("a", "b")
    natural = twiss(ring)
    targets = [Target("dqx", natural.dqx + 0.5), Target("dqy", natural.dqy + 0.5)]
    result = match(ring, vary=[Vary("a", -9.0, 9.0), Vary("b", -9.0, 9.0)], targets=targets, restarts=2)
    assert not result.success
    assert (result.diagnosis.rank, result.diagnosis.parallel) == (1, (("a", "b"),))
    assert "the 2 knobs move the 2 targets as 1 would: a and b move all targets in one ratio" in result.message


def test_solutions_are_ranked_by_their_margin() -> None:
    result = match(line(6, 3), vary=quadrupoles(6), targets=ROUND, start=START, method="multistart", restarts=16)
    assert result.success, result.message
    assert result.margin == result.solutions[0].margin
    for solution in result.solutions:
        optics = twiss(result.lattice.with_parameters(solution.parameters), start=START)
        # kept when within the targets' tolerance
        assert optics.value("betx", "_end") == pytest.approx(5.0, abs=1e-6)
        room = min(2.0 - abs(value) for value in solution.parameters.values()) / 4.0
        assert solution.margin == pytest.approx(room, abs=1e-12)


def test_a_particle_is_still_needed() -> None:
    with pytest.raises(Exception, match="names no particle"):
        match(FODO.with_particle(None), vary=KNOBS, targets=TUNES)
    other = ReferenceParticle("carbon-12", kinetic_energy_per_u=100e6)
    assert match(FODO.with_particle(None), other, vary=KNOBS, targets=TUNES).particle is other


def test_starts_are_the_best_of_a_sample_and_others_of_it_none_twice() -> None:
    """Of 101 the 51 best of it in their order, then others."""
    problem = checked_problem([Case(lattice=FODO, targets=TUNES)], KNOBS)
    for seed in range(6):
        found = sample(problem, 101, 1.0, np.random.default_rng(seed))
        assert found.shape == np.unique(found, axis=0).shape == (101, len(KNOBS))
        costs = (problem.evaluate(found, derivatives=False).rows ** 2).sum(axis=1)
        assert (np.diff(costs[:51]) >= 0).all()
