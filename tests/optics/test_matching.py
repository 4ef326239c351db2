"""Matching: the matched rings, exact Jacobians, limits inside elements, starts that fail, and what has no solution."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from lattice import Drift, InputError, Kicker, Lattice, Marker, Quadrupole, ReferenceParticle
from machines.cnao_like import cnao
from optics import Limit, MatchResult, Target, Vary, match, twiss
from optics.matching.checks import checked_problem
from optics.matching.problem import Case
from optics.matching.search import Objective

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
KNOBS = [Vary("kf", 0.25, 0.35), Vary("kd", 0.4, 0.6), Vary("kr", 0.4, 0.6)]
GOALS = [Target("qx", 1.666), Target("qy", 1.74), Target("dx", 0.0, at="symp")]
FODO = Lattice(
    "fodo",
    elements=[
        Quadrupole("qf", length=0.4, k1="kf"),
        Drift("d1", length=2.0),
        Quadrupole("qd", length=0.4, k1="-kd"),
        Drift("d2", length=2.0),
    ],
    parameters={"kf": 0.8, "kd": 0.8, "idle": 1.0, "both": "kf + kd"},
    particle=PROTON,
)
TUNES = [Target("qx", 0.21), Target("qy", 0.23)]


# Matched with Xsuite (exact bends, full fringe). Its dispersion is uncertain by 1e-8 to 3e-8 m (step of its matrix),
# which with dD/dk of 41 m^3 for kr leaves 6e-10 in the strengths.
@pytest.mark.parametrize(
    ("qx", "kf", "kd", "kr"),
    [(1.662, 0.2896165080, 0.4946175175, 0.4968431499), (1.666, 0.2912133254, 0.4954575537, 0.4970950872)],
)
def test_cnao_is_matched_as_by_xsuite(qx: float, kf: float, kd: float, kr: float) -> None:
    result = match(cnao(), vary=KNOBS, targets=[Target("qx", qx), *GOALS[1:]])
    assert result.success, result.message
    assert result.parameters == pytest.approx({"kf": kf, "kd": kd, "kr": kr}, abs=7e-10)
    assert max(map(abs, result.residuals.values())) < 1e-11
    optics = twiss(result.lattice)
    assert (optics.qx, optics.qy, optics.value("dx", "symp")) == pytest.approx((qx, 1.74, 0.0), abs=1e-11)
    assert result.parameters_before["kf"] == cnao().parameters["kf"]


def test_sensitivities_are_exact() -> None:
    targets = [*GOALS, Target("dqx", -2.0), Target("betx", 10.0, at="symp"), Target("momentum_compaction", 0.26)]
    result = match(cnao(), vary=[*KNOBS, Vary("s0")], targets=targets, restarts=0)
    h, point = 1e-6, dict(result.parameters)
    for column, name in enumerate(point):
        up, down = (twiss(cnao().with_parameters({**point, name: point[name] + sign * h})) for sign in (1, -1))
        for row, target in enumerate(targets):
            slope = float(up.value(target.quantity, target.at) - down.value(target.quantity, target.at)) / (2 * h)
            # the differences: h^2 f''' and rounding/h
            assert result.sensitivity[row, column] == pytest.approx(slope, rel=1e-6, abs=1e-7), target.label


def test_the_jacobian_knows_limits_inside_elements() -> None:
    limits = [Limit("betx", upper=15.0), Limit("dx", lower=0.5, between=("symp", "_end")), Limit("bety", lower=3.0)]
    case = Case(lattice=cnao(), particle=PROTON, targets=GOALS, limits=limits)
    objective = Objective(checked_problem([case], KNOBS))
    point, h = np.array([[0.291, 0.495, 0.497]]), 1e-7
    residuals, jacobian, _ = objective(point)
    assert np.count_nonzero(residuals[0, 3:]) > 10
    for i in range(3):
        step = h * (np.arange(3) == i)
        slope = (objective(point + step)[0] - objective(point - step)[0])[0] / (2 * h)
        # 1e-4 of a slope of up to 1e2: a maximum that moves across a slice during the difference
        np.testing.assert_allclose(jacobian[0, :, i], slope, rtol=1e-4, atol=1e-5)


def test_limits_are_kept_inside_elements() -> None:
    free = match(cnao(), vary=KNOBS, targets=GOALS[:2])
    limit = 16.5
    assert twiss(free.lattice).maximum("betx") > limit
    result = match(cnao(), vary=KNOBS, targets=GOALS[:2], limits=[Limit("betx", upper=limit)])
    assert result.success, result.message
    # aimed a millionth inside; interpolation between eighths of a magnet leaves as much
    assert twiss(result.lattice).inside(200)["betx"].max() <= limit * (1 + 1e-6)
    assert result.residuals["betx<16.5"] == 0.0


def test_what_cannot_be_is_said_by_name_without_an_exception() -> None:
    result = match(
        FODO, vary=[Vary("kf", 0.5, 1.0)], targets=[Target("qx", 0.21), Target("betx", 1.0, at="qf")], restarts=1
    )
    assert not result.success
    assert "no solution" in result.message
    assert "betx@qf misses 1 by" in result.message
    optics = twiss(result.lattice)
    assert result.residuals["betx@qf"] == pytest.approx(optics.value("betx", "qf") - 1.0, abs=1e-12)  # unscaled, signed
    assert result.residuals["qx"] == pytest.approx(optics.qx - 0.21, abs=1e-12)
    assert 0.5 <= result.parameters["kf"] <= 1.0


def test_a_limit_that_cannot_be_kept_is_named_with_its_excess() -> None:
    limits = [Limit("betx", upper=1.0)]
    result = match(FODO, vary=[Vary("kf"), Vary("kd")], targets=TUNES, limits=limits, restarts=0)
    assert not result.success
    assert "betx<1 is exceeded by" in result.message
    assert result.residuals["betx<1"] == pytest.approx(twiss(result.lattice).maximum("betx") - 1.0, rel=1e-9)


@pytest.mark.parametrize("kf", [0.3, 1.6, 30.0])
def test_poor_and_unstable_starts_find_the_way(kf: float) -> None:
    start = FODO.with_parameters(kf=kf)
    result = match(start, vary=[Vary("kf", 0.1, 2.0), Vary("kd", 0.1, 2.0)], targets=TUNES)
    assert result.success, result.message
    good = match(FODO, vary=[Vary("kf"), Vary("kd")], targets=TUNES)
    assert result.parameters == pytest.approx(dict(good.parameters), abs=1e-9)
    assert result.parameters_before["kf"] == kf


def test_a_bound_that_holds_the_answer_back() -> None:
    result = match(FODO, vary=[Vary("kf", 0.1, 0.85), Vary("kd", 0.1, 2.0)], targets=TUNES, restarts=0)
    assert not result.success
    assert result.parameters["kf"] == pytest.approx(0.85, abs=1e-6)
    assert result.residuals["qx"] < 0


def test_a_region_without_bounded_motion() -> None:
    result = match(FODO, vary=[Vary("kf", 20.0, 30.0)], targets=[Target("qx", 0.2)])
    assert not result.success
    assert "bounded motion" in result.message


def test_no_closed_orbit_is_no_exception_either() -> None:
    kicked = Lattice("kicked", elements=[FODO, Kicker("k", hkick=1e-3)], particle=PROTON)
    result = match(kicked, vary=[Vary("kf", 0.5, 1.5)], targets=[Target("qx", 0.2)], delta=-0.999, restarts=2)
    assert not result.success


def test_the_orbit_is_matched_with_kickers() -> None:
    # D and x at the marker by two kicks: linear to 1e-6, so Newton needs two steps
    elements = [Kicker("k1", hkick="h1"), *FODO.elements, Kicker("k2", hkick="h2"), Marker("end")]
    bump = Lattice("bump", elements=elements, parameters={**FODO.parameters, "h1": 0.0, "h2": 0.0}, particle=PROTON)
    start = {"betx": 5.0, "bety": 5.0}
    goals = [Target("x", 1e-3, at="end"), Target("px", 0.0, at="end")]
    result = match(bump, vary=[Vary("h1"), Vary("h2")], targets=goals, start=start)
    assert result.success, result.message
    optics = twiss(result.lattice, start=start)
    assert (optics.value("x", "end"), optics.value("px", "end")) == pytest.approx((1e-3, 0.0), abs=1e-12)


def test_a_transfer_line_is_matched_from_its_start() -> None:
    start = {"betx": 9.07, "alfx": 0.22, "bety": 3.94, "alfy": 0.75}
    line = Lattice(
        "line",
        elements=[[Quadrupole(f"q{i}", length=0.3, k1=f"k{i}"), Drift(f"d{i}", length=1.5)] for i in range(4)],
        parameters={"k0": 0.6, "k1": -0.7, "k2": 0.7, "k3": -0.5},
        particle=PROTON,
    )
    reachable = twiss(line.with_parameters(k0=0.7, k1=-0.8, k2=0.75, k3=-0.4), start=start)
    targets = [Target(name, float(reachable[name][-1]), at="_end") for name in ("betx", "alfx", "bety", "alfy")]
    result = match(line, vary=[Vary(f"k{i}", -2, 2) for i in range(4)], targets=targets, start=start)
    assert result.success, result.message
    assert twiss(result.lattice, start=start)["betx"][-1] == pytest.approx(reachable["betx"][-1], abs=1e-6)


def test_the_same_seed_gives_the_same_answer() -> None:
    def run(seed: int) -> MatchResult:
        start = FODO.with_parameters(kf=30.0)
        return match(start, vary=[Vary("kf", 0.1, 2.0), Vary("kd", 0.1, 2.0)], targets=TUNES, seed=seed)

    first, again = run(3), run(3)
    assert first.parameters == again.parameters
    assert first.history == again.history
    assert first.evaluations == again.evaluations
    assert FODO.parameters["kf"] == 0.8  # nothing is changed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vary": [Vary("idl")]}, "no parameter 'idl'; did you mean 'idle'"),
        ({"vary": [Vary("both")]}, "'both' depends on others"),
        ({"vary": [Vary("kf"), Vary("KF")]}, "'kf' is varied twice"),
        ({"vary": []}, "at least one Vary"),
        ({"targets": []}, "at least one Vary and one Target"),
        ({"targets": [Target("qx", 0.2), Target("qx", 0.3)]}, "target qx is given 2 times"),
        ({"targets": [Target("betx", 3.0, at="qff")]}, "no element 'qff'; did you mean 'qf'"),
        ({"limits": [Limit("betx", upper=3.0, between=("qf", "qx"))]}, "no element 'qx'"),
        ({"limits": [Limit("betx", upper=3.0, between=("qd", "qf"))]}, "'qd' must lie before 'qf'"),
        ({"targets": [Target("dqx", 0.0)], "start": {"betx": 1.0, "bety": 1.0}}, "chromaticity belongs to a ring"),
        ({"fringe": "none"}, "fringe must be"),
        ({"lattice": FODO.with_parameters(kf=[1.0, 2.0])}, "holds 2"),
    ],
)
def test_wrong_names_are_refused_at_once(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"lattice": FODO, "vary": [Vary("kf")], "targets": [Target("qx", 0.2)], **changes}
    with pytest.raises(InputError, match=message):
        match(arguments.pop("lattice"), **arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Target("dqz", 1.0), "unknown quantity 'dqz'; did you mean 'dq"),
        (lambda: Target("emittance", 1.0), "unknown quantity 'emittance'. Known: .*betx"),
        (lambda: Target("betx", 1.0), "'betx' needs a place"),
        (lambda: Target("qx", 1.0, at="qf"), "belongs to the whole lattice"),
        (lambda: Target("betx", -1.0, at="qf"), "a beta function is positive"),
        (lambda: Target("qx", float("nan")), "value must be a finite number"),
        (lambda: Target("qx", 1.0, tolerance=0.0), "must be positive"),
        (lambda: Limit("betx"), "needs a lower or an upper limit"),
        (lambda: Limit("betx", lower=3.0, upper=2.0), "is above upper"),
        (lambda: Limit("qx", upper=2.0, between=("a", "b")), "between takes two places"),
        (lambda: Vary("kf", 2.0, 1.0), "must be below upper"),
        (lambda: Vary("kf", "low"), "lower must be a finite number"),  # type: ignore[arg-type]
    ],
)
def test_goals_are_checked_when_they_are_made(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_limits_are_given_by_name() -> None:
    """A second number alone would have to be a lower limit, which nobody reads so."""
    with pytest.raises(TypeError, match="must be given by its name"):
        Limit("betx", 20.0)  # type: ignore[call-arg]


@pytest.mark.slow
def test_matching_does_not_load_xsuite() -> None:
    code = (
        "import sys; from tests.optics.test_matching import FODO, TUNES; from optics import match, Vary;"
        "assert match(FODO, vary=[Vary('kf'), Vary('kd')], targets=TUNES).success;"
        "sys.exit(any(name in sys.modules for name in ('xtrack', 'xobjects', 'cpymad', 'plotly')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
