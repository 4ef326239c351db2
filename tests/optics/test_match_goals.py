"""What a match can vary and aim at: ties, lengths, ranges, advances, formulas, beam sizes, several working points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lattice import Drift, InputError, Lattice, Marker, Quadrupole, ReferenceParticle
from lattice.elements import Aperture
from optics import Beam, Case, Limit, Target, Vary, knob, match, match_together, twiss, with_knob
from optics.aperture import BeamEdge, clearance
from optics.linear.solution import functions_inside

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
START = {"betx": 5.0, "alfx": 0.0, "bety": 5.0, "alfy": 0.0, "dx": 1.0}
BEAM = Beam(PROTON, 5e-6, 3e-6, sigma_delta=1e-3)


def line(count: int = 6, aperture: Aperture | None = None) -> Lattice:
    """Quadrupoles k1, k2 ... with drifts of the length "gap" and markers m1, m2 ... behind them."""
    elements: list[Any] = []
    for i in range(1, count + 1):
        quadrupole = Quadrupole(f"q{i}", length=0.3, k1=f"k{i}", aperture=aperture)
        elements += [quadrupole, Drift(f"d{i}", length="gap"), Marker(f"m{i}")]
    values = {f"k{i}": 0.6 * (-1) ** i for i in range(1, count + 1)}
    return Lattice("line", elements=elements, parameters={**values, "gap": 1.0}, particle=PROTON)


FODO = Lattice(
    "fodo",
    elements=[
        Quadrupole("qf", length=0.4, k1="kf"),
        Drift("d1", length="gap"),
        Marker("middle"),
        Quadrupole("qd", length=0.4, k1="kd"),
        Drift("d2", length="gap"),
    ],
    parameters={"kf": 0.7, "kd": -0.7, "gap": 2.0},
    particle=PROTON,
)
QUADS = [Vary(f"k{i}", -3.0, 3.0) for i in range(1, 7)]


def test_tied_strengths_move_together() -> None:
    result = match(FODO, vary=[Vary("kf", 0.1, 2.0, tied={"kd": -1.0})], targets=[Target("qx", 0.22)])
    assert result.success, result.message
    assert result.lattice.parameters["kd"] == -result.lattice.parameters["kf"]
    # a symmetric FODO cell has equal tunes: exact
    assert twiss(result.lattice).qy == pytest.approx(0.22, abs=1e-12)
    assert result.values_before["qx"] == pytest.approx(twiss(FODO).qx, abs=1e-15)


def test_lengths_are_parameters_with_exact_derivatives() -> None:
    targets = [Target("qx", 0.2), Target("length", 6.0), Target("betx", 4.0, at="middle")]
    result = match(FODO, vary=[Vary("gap", 0.1), Vary("kf"), Vary("kd")], targets=targets, restarts=0)
    point, h = dict(result.parameters), 1e-6
    for column, name in enumerate(point):
        up, down = (twiss(FODO.with_parameters({**point, name: point[name] + sign * h})) for sign in (1, -1))
        for row, target in enumerate(targets):
            slope = float(up.value(target.quantity, target.at) - down.value(target.quantity, target.at)) / (2 * h)
            # central differences: h^2 f''' and rounding / h
            assert result.sensitivity[row, column] == pytest.approx(slope, rel=1e-6, abs=1e-7)
    free = match(FODO, vary=[Vary("gap", 0.1), Vary("kf"), Vary("kd")], targets=targets[1:])
    assert free.success, free.message
    assert free.lattice.length == pytest.approx(6.0, abs=1e-9)


def test_a_negative_length_is_never_tried() -> None:
    short = Lattice("short", elements=[FODO, Drift("rest", length="2 - gap")], particle=PROTON)
    result = match(short, vary=[Vary("gap", 0.5, 9.0), Vary("kf", 0.1, 2.0)], targets=[Target("qx", 0.15)], seed=3)
    assert result.success, result.message
    assert 0.5 <= result.parameters["gap"] <= 2.0


def test_phase_advance_between_two_places() -> None:
    targets = [Target("mux", 0.25, between=("m2", "m5")), Target("betx", 5.0, at="_end")]
    result = match(line(), vary=QUADS, targets=targets, start=START)
    assert result.success, result.message
    optics = twiss(result.lattice, start=START)
    assert optics.value("mux", "m5") - optics.value("mux", "m2") == pytest.approx(0.25, abs=1e-8)
    assert list(result.residuals) == ["mux@m2:m5", "betx@_end"]


def test_a_target_over_a_range_holds_at_every_entrance() -> None:
    goal = Target("betx", 5.0, between=("m5", "d6"))  # behind one quadrupole what it was before it
    result = match(line(), vary=QUADS, targets=[goal], start=START)
    assert result.success, result.message
    optics = twiss(result.lattice, start=START)
    inside = optics["betx"][optics.row("m5") : optics.row("d6") + 1]
    np.testing.assert_allclose(inside, 5.0, atol=1e-6)
    worst = inside[np.argmax(np.abs(inside - 5.0))] - 5.0
    assert result.residuals["betx@m5:d6"] == pytest.approx(worst, abs=1e-12)


def test_formulas_of_quantities_and_parameters() -> None:
    targets = [Target("betx@m3 - bety@m3", 0.0), Target("betx@m6/bety@m6", 2.0), Target("k1 + k6", 0.5)]
    result = match(line(), vary=QUADS, targets=targets, start=START, limits=[Limit("abs(alfx@m6)", upper=1.0)])
    assert result.success, result.message
    optics = twiss(result.lattice, start=START)
    assert optics.value("betx", "m3") == pytest.approx(optics.value("bety", "m3"), abs=1e-6)
    assert optics.value("betx", "m6") == pytest.approx(2 * optics.value("bety", "m6"), rel=1e-6)
    assert result.parameters["k1"] + result.parameters["k6"] == pytest.approx(0.5, abs=1e-6)
    assert abs(optics.value("alfx", "m6")) <= 1.0


def test_a_formula_without_a_finite_value_is_named() -> None:
    result = match(FODO, vary=[Vary("kf", 0.5, 0.9)], targets=[Target("log(-betx@middle)", 1.0)])
    assert not result.success
    assert "log(-betx@middle) has no finite value" in result.message


def test_beam_size_within_a_limit_everywhere() -> None:
    limit = Limit("size_x", upper=0.018, beam=BEAM, sigmas=3.0)
    goals = [Target(name, value, at="_end") for name, value in (("betx", 5.0), ("alfx", 0.0))]
    result = match(line(), vary=QUADS, targets=goals, limits=[limit], start=START)
    assert result.success, result.message
    fine = twiss(result.lattice, start=START).inside(100)
    size = 3.0 * np.sqrt(5e-6 * fine["betx"] + (1e-3 * fine["dx"]) ** 2)
    assert size.max() <= 0.018 * (1 + 1e-6)  # interpolated between eighths of a magnet


def test_beam_size_within_the_aperture_of_each_element() -> None:
    opening = Aperture("ellipse", 0.02, 0.015)
    bare = line(aperture=opening)
    limits = [Limit(f"size_{plane}", upper="aperture", beam=BEAM, sigmas=3.0) for plane in "xy"]
    goals = [Target("betx", 8.0, at="_end"), Target("bety", 8.0, at="_end")]
    result = match(bare, vary=QUADS, targets=goals, limits=limits, start=START)
    assert result.success, result.message
    fine = twiss(result.lattice, start=START).inside(50)
    magnets = fine[fine["element"].str.startswith("q")]
    assert (3.0 * np.sqrt(3e-6 * magnets["bety"])).max() <= 0.015 * (1 + 1e-6)
    assert result.residuals["size_x<aperture"] == 0.0


@pytest.mark.parametrize("at", ["_end", "d6:end"])
def test_beam_size_at_the_end_of_a_line(at: str) -> None:
    """The opening there is that of the last element, or of the one that is named."""
    optics = twiss(line(), start={**START, "x": 2e-3})
    limit = Limit("size_x", upper="aperture", at=at, beam=BEAM, sigmas=3.0, full_width=2e-3)
    size = 3.0 * np.sqrt(5e-6 * optics["betx"] + (1e-3 * optics["dx"]) ** 2) + 1e-3 * abs(optics["dx"])
    reach = float((abs(optics["x"]) + size)[-1])  # behind a marker, which changes nothing
    assert limit.excess(optics, None)[0] == pytest.approx(reach - 1e3, rel=1e-14)  # nothing limits it
    last = "m6" if at == "_end" else "d6"
    elements = [
        replace(element, aperture=Aperture("ellipse", 0.01, 0.02)) if element.name == last else element
        for element in line().elements
    ]
    narrow = Lattice("narrow", elements=elements, parameters=line().parameters.definitions, particle=PROTON)
    found = limit.excess(twiss(narrow, start={**START, "x": 2e-3}), None)[0]
    assert found == pytest.approx(reach - 0.01, rel=1e-12)


@pytest.mark.parametrize("plane", ["x", "y"])
def test_excess_over_the_aperture_is_minus_the_clearance(plane: str) -> None:
    """An offset opening, orbit, dispersion and coupled modes; 500 cuts beside the limit's eighths: 1e-7 m."""
    opening = Aperture("rectellipse", 0.03, 0.02, offset_x=-3e-3, offset_y=2e-3, ellipse_x=0.025, ellipse_y=0.03)
    elements = [
        Quadrupole("qa", length=0.5, k1=1.1, k1s=0.4, aperture=opening),
        Drift("da", length=0.7),
        Quadrupole("qb", length=0.5, k1=-1.2, aperture=opening),
    ]
    optics = twiss(Lattice("l", elements=elements), PROTON, start={**START, "x": 2e-3, "y": -1e-3, "dpx": 0.3})
    beam = replace(BEAM, delta=-1e-3)
    limit = Limit(f"size_{plane}", upper="aperture", beam=beam, sigmas=2.0, full_width=1.5e-3)
    fine = functions_inside(optics, 8)
    room = clearance(optics, BeamEdge(beam, 2.0, 1.5e-3), plane, slices=500).value
    assert limit.excess(optics, fine)[0] == pytest.approx(-room, abs=1e-7)


@pytest.mark.parametrize("plane", ["x", "y"])
@pytest.mark.parametrize(
    ("edge", "orbit"),
    [
        (BeamEdge(replace(BEAM, delta=-1e-3), 2.0, 1.5e-3), {}),
        (BeamEdge(replace(BEAM, sigma_delta=0.0), 2.0), {"x": 2e-4, "px": 3e-4, "y": -1e-4, "py": -2e-4}),
    ],
    ids=["dispersion", "orbit"],
)
def test_the_slope_of_the_reach_is_that_of_its_values(edge: BeamEdge, orbit: dict[str, float], plane: str) -> None:
    """Central differences over 2 mm inside a coupled magnet, off momentum; 1e-5 of the largest.

    Dispersion and orbit one by one, for D' takes the orbit's slope times the momentum spread for nothing.
    """
    quadrupole = Quadrupole("q", length=1.0, k1=1.1, k1s=0.6)
    start = {**START, "dpx": -0.2, "dy": -0.5, "dpy": 0.1, "alfx": 0.4, "alfy": -0.3, **orbit}
    optics = twiss(Lattice("l", elements=[quadrupole]), PROTON, start=start, delta=2e-3)
    fine = functions_inside(optics, 1000)
    reach, slope = (ask(fine.column, plane, -4e-3)[0] for ask in (edge.reach, edge.reach_slope))
    expected = (reach[2:] - reach[:-2]) / 2e-3
    np.testing.assert_allclose(slope[1:-1] / (1 + optics.delta), expected, atol=1e-5 * np.max(np.abs(expected)))


def test_working_points_together_with_shared_and_own_knobs() -> None:
    cases = [
        Case(lattice=FODO, targets=[Target("qx", 0.20), Target("qy", 0.21)], name="low"),
        Case(lattice=FODO, targets=[Target("qx", 0.24)], name="high"),
    ]
    vary = [Vary("kd", -2.0, -0.1), Vary("kf", 0.1, 2.0, case="low"), Vary("kf", 0.1, 2.0, case="high")]
    result = match_together(cases, vary=vary)
    assert result.success, result.message
    assert set(result.parameters) == {"kd", "kf@low", "kf@high"}
    low, high = (twiss(result.lattices[name]) for name in ("low", "high"))
    assert (low.qx, low.qy, high.qx) == pytest.approx((0.20, 0.21, 0.24), abs=1e-8)
    assert result.lattices["low"].parameters["kd"] == result.lattices["high"].parameters["kd"]
    # a case's knob does not move the other's target
    assert result.sensitivity[2, 1] == 0.0
    assert result.residuals["high: qx"] == pytest.approx(0.0, abs=1e-8)


def test_start_conditions_of_a_line_are_knobs() -> None:
    """What enters a line is found again from what leaves it: one start that gives it, to rounding."""
    strengths, entered = line(4), {"betx": 12.0, "alfx": -0.7, "bety": 4.0, "alfy": 0.7}
    end = twiss(strengths, start=entered)
    found = match(
        strengths,
        vary=[Vary("start.betx", 1.0, 30.0), Vary("start.alfx", -3.0, 3.0)],
        targets=[Target(name, float(end.value(name, "_end")), at="_end") for name in ("betx", "alfx")],
        start={**entered, "betx": 5.0, "alfx": 0.0},
    )
    assert found.success
    assert found.start == pytest.approx(entered, abs=1e-6)  # the tolerance of betas and alphas
    assert found.starts_of_lines[""] == found.start
    assert not any(name.startswith("start.") for name in found.lattice.parameters)
    with pytest.raises(InputError, match=r"'start.beta' is no start condition that can be varied; did you mean 'bet"):
        match(strengths, vary=[Vary("start.beta")], targets=found.targets, start=entered)


def test_frozen_knobs_and_targets_switched_off() -> None:
    vary = [Vary("kf", 0.1, 2.0), Vary("kd", -2.0, -0.1, active=False)]
    targets = [Target("qx", 0.15), Target("qy", 0.4, active=False)]
    limits = [Limit("betx", upper=0.1, active=False)]
    result = match(FODO, vary=vary, targets=targets, limits=limits)
    assert result.success, result.message
    assert result.lattice.parameters["kd"] == -0.7
    assert list(result.residuals) == ["qx"]


def test_steps_can_be_undone() -> None:
    result = match(
        FODO, vary=[Vary("kf", 0.1, 2.0), Vary("kd", -2.0, -0.1)], targets=[Target("qx", 0.17), Target("qy", 0.18)]
    )
    assert dict(result.step(0).parameters) == dict(FODO.parameters)
    assert dict(result.step(-1).parameters) == dict(result.lattice.parameters)
    costs = [cost for cost, _ in result.history]
    assert costs == sorted(costs, reverse=True)
    with pytest.raises(InputError, match="there is no step 99"):
        result.step(99)


def test_a_solved_response_becomes_a_knob() -> None:
    result = match(FODO, vary=[Vary("kf"), Vary("kd")], targets=[Target("qx", 0.22), Target("qy", 0.21)])
    ring = knob(result, "qx")
    assert ring.parameters["dqx_knob"] == 0.0
    assert twiss(ring).qx == pytest.approx(0.22, abs=1e-12)
    step = 1e-4
    moved = twiss(ring.with_parameters(dqx_knob=step))
    # first order: what is left is the second derivative of the tunes, of order 1, times step^2
    assert (moved.qx, moved.qy) == pytest.approx((0.22 + step, 0.21), abs=50 * step**2)
    both = with_knob(ring, "other", {"kf": -0.5})
    assert both.with_parameters(other=0.2).parameters["kf"] == pytest.approx(ring.parameters["kf"] - 0.1, abs=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Vary("kf", tied={"kf": 1.0}), "tied names other parameters"),
        (lambda: Vary("kf", tied={"kd": 0.0}), "factors that are not 0"),
        (lambda: Vary("kf", tied={"kd": "x"}), "the factor of 'kd' must be a finite number"),  # type: ignore[dict-item]
        (lambda: Target("betx@m1 -", 0.0), "cannot read the expression 'betx@m1 -'"),
        (lambda: Target("btx@m1 - 1", 0.0), "unknown column 'btx' in 'btx@m1'; did you mean 'betx'"),
        (lambda: Target("betx@m1 - 1", 0.0, at="m1"), "a formula names its places itself"),
        (lambda: Target("qx", 0.0, between=("m1", "m2")), "between takes two places"),
        (lambda: Limit("size_x", upper=0.01, beam=BEAM, full_width=-1e-3), "must not be negative"),
        (lambda: Limit("betx", upper=9.0, full_width=1e-3), "full_width is that of a beam"),
        (lambda: Limit("betx", upper=9.0, beam=BEAM), "a beam goes with size_x and size_y"),
        (lambda: Limit("betx", upper="aperture"), "the aperture limits size_x and size_y"),
        (lambda: Limit("size_x", upper=0.01, beam=BEAM, sigmas=0.0), "sigmas must be positive"),
        (lambda: Limit("betx", upper=-1.0), "so must its limits be"),
    ],
)
def test_goals_of_every_kind_are_checked_when_they_are_made(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vary": [Vary("kf", tied={"kx": 1.0})]}, "no parameter 'kx'"),
        ({"vary": [Vary("kf", tied={"kd": 1.0}), Vary("kd")]}, "'kd' is varied twice"),
        ({"vary": [Vary("kf", case="high")]}, "there is no case 'high'"),
        ({"vary": [Vary("kf", active=False)]}, "all parameters are frozen"),
        ({"targets": [Target("qx", 0.2, active=False)]}, "all targets are switched off"),
        ({"vary": ["kf"]}, r"expected vary=\[Vary.*found 'kf' among them"),
        ({"vary": Vary("kf")}, r"expected vary=\[Vary"),
        ({"targets": ["qx=0.2"]}, r"expected targets=\[Target.*found 'qx=0.2'"),
        ({"limits": ["betx<9"]}, r"expected limits=\[Limit"),
        ({"restarts": -1}, "restarts must be a whole number from 0 on, found -1"),
        ({"seed": "x"}, "seed must be a whole number"),
        ({"vary": [Vary("start.betx")]}, "a ring has no start conditions"),
        ({"targets": [Target("betx@midle - 1", 0.0)]}, "no element 'midle'; did you mean 'middle'"),
        ({"targets": [Target("betx@middle - kff", 0.0)]}, "names 'kff'.*did you mean 'kf'"),
        ({"targets": [Target("betx - 1", 0.0)]}, "'betx' in 'betx - 1' needs a place"),
        ({"targets": [Target("mux", 0.2, between=("qd", "qf"))]}, "is empty in 'fodo': 'qd' must lie before 'qf'"),
        ({"limits": [Limit("qx", upper=0.1)]}, "target qx = 0.2 lies outside the limit qx<0.1"),
        ({"targets": [Target("betx", 9.0, at="qf")], "limits": [Limit("betx", upper=8.0)]}, "outside the limit betx<8"),
        ({"limits": [Limit("bety", upper=8.0), Limit("bety", lower=9.0)]}, "contradict each other"),
        ({"method": "newton"}, "method must be one of auto, local"),
        ({"polish": "beta"}, "polish must be one of peak_beta"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"vary": [Vary("kf")], "targets": [Target("qx", 0.2)], **changes}
    with pytest.raises(InputError, match=message):
        match(FODO, **arguments)


def test_a_knob_that_cannot_be_is_refused() -> None:
    result = match(FODO, vary=[Vary("kf")], targets=[Target("qx", 0.22), Target("qy", 0.2)], restarts=0)
    with pytest.raises(InputError, match="qx cannot be moved alone"):
        knob(result, "qx")
    with pytest.raises(InputError, match="no target 'qz'"):
        knob(result, "qz")
    with pytest.raises(InputError, match="has a parameter 'kd' already"):
        with_knob(FODO, "kd", {"kf": 1.0})
