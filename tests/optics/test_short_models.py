"""Models of few steps: a match that asks for functions at places gets from them what ``twiss`` gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lattice import Bend, Drift, Element, Kicker, Lattice, Quadrupole, Sextupole, SRotation
from machines.cnao_like import cnao
from optics import Target, Vary, match, twiss
from optics.maps.plan import arguments_of, cut, make_plan
from optics.maps.steps import Setting, steps
from optics.matching.checks import checked_problem
from optics.matching.places import Places
from optics.matching.problem import Case, Problem
from tests.optics.test_maps import CASES, PROTON

#: Rounding of some hundred products, of numbers up to 100 and of their derivatives by strengths.
ROUNDING = 1e-10


def cells(number: int, *, knobs: int = 1) -> Lattice:
    """A ring of FODO cells with bends; in the first ``knobs`` of them the quadrupoles have the strengths kf and -kd."""

    def cell(i: int) -> list[Element]:
        strength = "kf" if i < knobs else 1.1
        return [
            Quadrupole(f"qf{i}", length=0.3, k1=strength),
            Drift(f"a{i}", length=0.7),
            Bend(f"b{i}", length=1.0, angle=2 * np.pi / number, e1=0.05),
            Quadrupole(f"qd{i}", length=0.3, k1="-kd" if i < knobs else -1.0),
            Drift(f"c{i}", length=1.5),
        ]

    elements = [element for i in range(number) for element in cell(i)]
    return Lattice("cells", elements=elements, parameters={"kf": 1.1, "kd": 1.0}, particle=PROTON)


def problem(lattice: Lattice, targets: list[Target], vary: list[Vary] | None = None, **options: Any) -> Problem:
    vary = vary or [Vary("kf"), Vary("kd")]
    return checked_problem([Case(lattice=lattice, targets=targets, **options)], vary)


def both_ways(problem: Problem, monkeypatch: pytest.MonkeyPatch, relative: float = 0.01) -> tuple[Any, Any]:
    """Points of a problem around its first by short models, and by the optics of the whole lattice."""
    points = problem.first * (1.0 + relative * np.array([0.0, 1.0, -0.7])[:, None])
    short = problem.evaluate(points)
    assert problem._places_of(problem.cases[0]) is not None
    monkeypatch.setattr(Places, "of", classmethod(lambda *_: None))
    return short, Problem(problem.cases, problem.vary).evaluate(points)


def assert_equal(short: Any, whole: Any) -> None:
    for name in ("rows", "values", "jacobian", "slopes"):
        found, expected = getattr(short, name), getattr(whole, name)
        assert np.isfinite(expected).all()
        assert np.abs(found - expected).max() <= ROUNDING * max(np.abs(expected).max(), 1.0)
    assert np.array_equal(short.met, whole.met)


def every_kind(place: str, other: str) -> list[Target]:
    columns = [Target(name, 1.0, at=place) for name in ("betx", "alfx", "mux", "dx", "dpx", "bety", "alfy", "muy")]
    return [Target("qx", 1.666), Target("qy", 1.74), *columns, Target("mux", 0.3, between=(place, other))]


def test_numbers_and_derivatives_are_those_of_twiss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three families of the CNAO ring, one tied to another, at the real part and along every knob."""
    vary = [Vary("kf"), Vary("kd", tied={"kr": 0.3})]
    assert_equal(*both_ways(problem(cnao(), every_kind("symp", "_end"), vary), monkeypatch, relative=0.003))


@pytest.mark.parametrize("knobs", [1, 2])
def test_phases_of_long_stretches_are_whole(knobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the knobs lie ten cells and nearly two turns of phase, which one product would lose."""
    ring = cells(12, knobs=knobs)
    short, whole = both_ways(problem(ring, every_kind("b7", "b9")), monkeypatch)
    assert whole.values[0, 0] > 2.0
    assert_equal(short, whole)


def test_a_line_begins_with_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    start = {"betx": 3.0, "alfx": -0.5, "mux": 0.25, "bety": 5.0, "alfy": 0.4, "dx": 0.3, "dpx": -0.1}
    targets = [Target("qx", 1.0), Target("betx", 3.0, at="_end"), Target("dx", 0.1, at="b2")]
    targets.append(Target("mux", 1.0, at="b2"))
    assert_equal(*both_ways(problem(cells(12), targets, start=start), monkeypatch))


def test_steps_that_turn_the_planes_over_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a turn about the axis changes the sign of x and y: two of them are no rotation by a whole turn of phase."""
    over = SRotation("over", angle=np.pi)
    ring = Lattice("turned", elements=[*cells(6).elements, over, over], parameters={"kf": 1.1, "kd": 1.0})
    targets = [Target("qx", 1.0), Target("qy", 1.0), Target("mux", 1.0, at="over::1")]
    assert_equal(*both_ways(problem(ring, targets, particle=PROTON), monkeypatch))


def test_unstable_points_are_unknown() -> None:
    found = problem(cells(6), [Target("qx", 1.0)]).evaluate(np.array([[1.1, 1.0], [40.0, 1.0], [1.2, 1.0]]))
    assert np.isfinite(found.rows).all(axis=1).tolist() == [True, False, True]


def test_what_is_held_is_multiplied_out_again_when_it_changes() -> None:
    """A lattice with another strength between the knobs, and back again: each match is of its own lattice."""
    ring = cells(6)
    definitions = {**ring.parameters.definitions, "other": -1.0}
    elements = [Quadrupole("qd3", length=0.3, k1="other") if e.name == "qd3" else e for e in ring.elements]
    ring = Lattice("cells", elements=elements, parameters=definitions, particle=PROTON)
    targets = [Target("qx", 2.177), Target("qy", 0.606)]
    found = []
    for strength in (-1.0, -0.9, -1.0):
        result = match(ring.with_parameters(other=strength), vary=[Vary("kf"), Vary("kd")], targets=targets, restarts=0)
        assert result.success
        assert (twiss(result.lattice).qx, twiss(result.lattice).qy) == pytest.approx((2.177, 0.606), abs=1e-11)
        found.append(result.parameters["kf"])
    assert found[0] == found[2] != found[1]


def of_kicks() -> tuple[Lattice, list[Vary]]:
    ring = cells(6)
    kicked = [*ring.elements, Kicker("h", hkick="h")]
    return Lattice("k", elements=kicked, parameters={"kf": 1.1, "kd": 1.0, "h": 0.0}, particle=PROTON), [Vary("h")]


def with_gradient(text: str, **parameters: Any) -> Lattice:
    ring = cells(6)
    elements = [*ring.elements, Quadrupole("own", length=0.2, k1=text)]
    return Lattice("g", elements=elements, parameters={"kf": 1.1, "kd": 1.0, **parameters}, particle=PROTON)


def test_what_short_models_do_not_tell_goes_through_twiss() -> None:
    """Orbits, gradients that are no straight line, lengths, coupled planes, chromaticity: as without short models."""
    lattice, vary = of_kicks()
    assert match(lattice, vary=vary, targets=[Target("x", 1e-4, at="b2")], restarts=0).success
    bent = with_gradient("kf^2/20")
    assert match(bent, vary=[Vary("kf")], targets=[Target("qx", twiss(bent).qx + 1e-3)], restarts=0).success
    long = cells(6)
    drift, parameters = Drift("more", length="more"), {**long.parameters.definitions, "more": 0.1}
    long = Lattice("long", elements=[*long.elements, drift], parameters=parameters)
    tried = problem(long, [Target("qx", 1.2)], [Vary("more")], particle=PROTON).evaluate(np.array([[0.2], [-0.2]]))
    assert np.isfinite(tried.rows).tolist() == [[True], [False]]  # a length below 0 is no lattice
    sextupoles = [*cells(6).elements, Sextupole("s", length=0.2, k2="k2")]
    corrected = Lattice("s", elements=sextupoles, parameters={"kf": 1.1, "kd": 1.0, "k2": 0.1}, particle=PROTON)
    chromaticity = Target("dqx", twiss(corrected).dqx + 0.01)
    assert match(corrected, vary=[Vary("k2")], targets=[chromaticity], restarts=0).success
    skew = [*cells(6).elements, Quadrupole("skew", length=0.2, k1=0.0, k1s="ks")]
    coupled = Lattice("c", elements=skew, parameters={"kf": 1.1, "kd": 1.0, "ks": 0.1}, particle=PROTON)
    assert match(coupled, vary=[Vary("kf")], targets=[Target("qx", twiss(coupled).qx + 1e-3)], restarts=0).success


@pytest.mark.parametrize("element", CASES, ids=lambda element: f"{element.kind}-{element.name}")
def test_strengths_that_are_handed_on_are_the_arguments_of_the_steps(element: Element) -> None:
    """Every kind of element with all its strengths as parameters: what a plan has seen is what the steps are given."""
    parameters: dict[str, float] = {}

    def named(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(named(part) for part in value)
        if not isinstance(value, float) or value == 0.0:
            return value
        parameters[f"p{len(parameters)}"] = value
        return f"p{len(parameters) - 1}"

    given = replace(element, **{name: named(value) for name, value in element.strengths().items()})
    if not parameters:
        return
    lattice = Lattice("one", elements=[given, Drift("d", length=0.1)], parameters=parameters, particle=PROTON)
    (moving,) = make_plan(lattice, PROTON, "full").moving
    parts, _, _ = cut(steps(given, lattice.value, Setting(PROTON, "full")), 1)
    expected = arguments_of(parts, make_plan(lattice, PROTON, "full").bank, 1)
    if moving.handed_on is not None:
        found = moving.rest.copy()
        for row, position, text in moving.handed_on:
            found[row, :, position] = lattice.value(text)
        assert np.array_equal(found, expected)
    handed = ("Quadrupole", "Sextupole", "Octupole", "Solenoid", "Drift", "ThinSolenoid", "SRotation", "Translation")
    if type(given).__name__ in handed and not getattr(given, "tilt", 0.0):
        assert moving.handed_on is not None
