"""Settings of a line for many beams at once: derivatives, spots reached, limits and reasons."""

from __future__ import annotations

import numpy as np
import pytest

from lattice import (
    Aperture,
    Bend,
    Drift,
    Element,
    InputError,
    Kicker,
    Lattice,
    Quadrupole,
    ReferenceParticle,
    SRotation,
)
from optics import Moments, twiss
from optics.line.question import Question
from optics.line.response import responses
from optics.line.settings import settings

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=120e6)
NAMES = tuple(f"k{n}" for n in range(1, 9))


def line(angle: float = 0.0, radius: float = 0.033) -> Lattice:
    """Eight quadrupoles, a bend behind the fourth: what makes no dispersion behind it is set by those in front."""
    pipe = Aperture("ellipse", radius, radius)
    elements: list[Element] = [SRotation("turn", angle=angle)] if angle else []
    for number, name in enumerate(NAMES):
        elements += [
            Drift(f"d{number}", length=1.0, aperture=pipe),
            Quadrupole(f"q{number}", length=0.4, k1=name, aperture=pipe),
        ]
        if number == 3:
            elements += [Drift("e", length=0.5), Bend("b", length=1.0, angle=0.2, e1=0.1, e2=0.1, aperture=pipe)]
    elements.append(Drift("last", length=3.0, aperture=pipe))
    values = dict(zip(NAMES, (0.8, -1.2, 0.9, 0.7, -0.9, 1.0, -1.3, 0.8), strict=True))
    return Lattice("line", elements=elements, parameters=values)


def beams(count: int, spread: float = 5e-4) -> Moments:
    scale = np.linspace(1.0, 0.5, count)
    return Moments.from_functions(
        PROTON,
        {"betx": 8.0, "alfx": 0.3, "bety": 5.0, "alfy": 0.2, "dx": -0.4, "dpx": 0.05},
        emittance_x=1.5e-6 * scale,
        emittance_y=1.0e-6 * scale,
        sigma_delta=spread,
    )


def test_moments_and_derivatives_are_those_of_twiss_and_of_differences() -> None:
    turned, some = line(0.4), beams(3)
    random = np.random.default_rng(2)
    values = {name: turned.parameters[name] + 0.1 * random.standard_normal(3) for name in NAMES}
    found = responses(turned, PROTON, values, some.sigma, "_end")
    for k in range(3):
        own = turned.with_parameters({name: float(value[k]) for name, value in values.items()})
        optics = twiss(own, PROTON, start=Moments(PROTON, some.sigma[k]))
        np.testing.assert_allclose(np.sqrt(found.squares[k, :, 0]), optics["size_x"], rtol=1e-12)
        np.testing.assert_allclose(np.sqrt(found.squares[k, :, 1]), optics["size_y"], rtol=1e-12)
        assert found.end[k, 0, 2] / np.sqrt(found.end[k, 0, 0] * found.end[k, 2, 2]) == pytest.approx(
            optics.value("corr_xy", "_end"), rel=1e-10
        )
    step = 1e-6
    for number, name in enumerate(NAMES):
        high, low = (
            responses(turned, PROTON, {**values, name: values[name] + h}, some.sigma, "_end") for h in (step, -step)
        )
        ends, squares = (high.end - low.end) / (2 * step), (high.squares - low.squares) / (2 * step)
        np.testing.assert_allclose(found.end_slopes[:, number], ends, rtol=0, atol=1e-7 * np.abs(ends).max() + 1e-15)
        np.testing.assert_allclose(
            found.slopes[..., number], squares, rtol=0, atol=1e-7 * np.abs(squares).max() + 1e-15
        )


def test_what_is_asked_has_the_slopes_of_differences() -> None:
    """Sizes, dispersion, openings that the beam does not keep, and bounds: each miss moved by each knob."""
    some, count = beams(2), len(NAMES)
    here = {name: np.full(2, float(line().parameters[name])) for name in NAMES}
    rows = responses(line(), PROTON, here, some.sigma, "_end").squares.shape[1]
    limits = np.full((2, count), 0.75)
    halves, wanted = np.full((rows - 1, 2), 0.004), np.full((2, 2), 3e-3)
    asked = Question(line(), PROTON, NAMES, some.sigma, wanted, "_end", -limits, limits, halves, 3.0, "full")
    values, cases = np.stack(list(here.values()), axis=1), np.arange(2)
    misses, slopes = asked.rows(values, cases)
    assert (misses[:, 6:-count] > 0).any()
    for knob in range(count):
        step = 1e-6 * np.eye(count)[knob]
        ahead, behind = (asked.rows(values + sign * step, cases)[0] for sign in (1, -1))
        np.testing.assert_allclose(slopes[:, :, knob], (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-6)


def test_a_family_of_two_quadrupoles_is_one_knob() -> None:
    """Derivatives by a parameter that two others follow are those of differences."""
    tied = Lattice(
        "tied",
        elements=line().elements,
        parameters={**{name: line().parameters[name] for name in NAMES}, "k4": "-1.1*k5", "k2": "k5 - 0.1"},
    )
    values, step = {"k5": np.array([-1.2])}, 1e-6
    found = responses(tied, PROTON, values, beams(1).sigma, "_end")
    high, low = (responses(tied, PROTON, {"k5": values["k5"] + h}, beams(1).sigma, "_end") for h in (step, -step))
    np.testing.assert_allclose(found.end_slopes[:, 0], (high.end - low.end) / (2 * step), rtol=1e-6, atol=1e-13)


def test_spots_chosen_in_x_and_y_alone_are_reached_free_of_dispersion() -> None:
    size_x, size_y = np.array([2e-3, 3e-3, 4e-3, 3e-3]), np.array([3e-3, 2e-3, 4e-3, 3e-3])
    found = settings(line(), beams(4), vary=NAMES, size_x=size_x, size_y=size_y, at="_end", limits=4.0)
    assert found.reached.all(), found.reasons
    for case in range(4):
        optics = twiss(found.of(case), PROTON, start=Moments(PROTON, beams(4).sigma[case]))
        assert optics.value("size_x", "_end") == pytest.approx(size_x[case], rel=1e-6)
        assert optics.value("size_y", "_end") == pytest.approx(size_y[case], rel=1e-6)
        assert abs(optics.value("dx_lab", "_end")) * 5e-4 < 1e-6 * size_x[case]
        assert 3 * optics["size_x"].max() < 0.033 * (1 + 1e-6)
    assert np.abs(found.values).max() <= 4.0 + 1e-6


@pytest.mark.parametrize("strength", [0.0, -2.0])
def test_a_poor_beginning_is_left_by_a_search(strength: float) -> None:
    """All quadrupoles alike lead nowhere by steps alone (0.1 to 0.2 mm of dispersion are left in every case)."""
    begin = np.full((4, 8), strength)
    found = settings(line(), beams(4), vary=NAMES, size_x=3e-3, size_y=2e-3, at="_end", limits=4.0, start=begin)
    assert found.reached.all(), found.reasons
    assert np.abs(found.values).max() <= 4.0 + 1e-6


def test_neighbouring_beams_have_neighbouring_settings() -> None:
    """2 % of emittance from beam to beam move no strength by more than 2 % of the largest."""
    found = settings(line(), beams(30), vary=NAMES, size_x=3e-3, size_y=3e-3, at="_end", limits=4.0)
    assert found.reached.all(), found.reasons[int(np.argmin(found.reached))]
    assert np.abs(np.diff(found.values, axis=0)).max() < 0.02 * np.abs(found.values).max()


def gantry() -> Lattice:
    """The line, then a plain turn of the frame and a bend: a gantry without a rotator."""
    turn = Lattice("turn", elements=(SRotation("turn", angle="gantry_angle"),), parameters={"gantry_angle": 0.0})
    image = [Quadrupole("lens", length=0.4, k1=-0.4), Drift("out", length=1.0)]
    return line() + turn + Lattice("image", elements=image)


def test_one_setting_serves_every_angle_of_a_gantry() -> None:
    """A beam of equal emittances that is round at the turn: told at every angle as twiss has it."""
    even = Moments.from_functions(PROTON, {"betx": 8.0, "bety": 5.0}, emittance_x=1e-6, emittance_y=1e-6)
    angles = np.radians([0.0, 30.0, 90.0])
    found = settings(
        gantry(),
        Moments(PROTON, np.array([even.sigma] * 2)),
        vary=NAMES,
        size_x=np.array([3e-3, 4e-3]),
        size_y=np.array([3e-3, 4e-3]),
        at="_end",
        limits=4.0,
        turned=("gantry_angle", angles),
    )
    for case in range(2):
        for k, angle in enumerate(angles):
            optics = twiss(found.of(case, angle), PROTON, start=even)
            sizes = [optics.value(f"size_{plane}", "_end") for plane in "xy"]
            np.testing.assert_allclose(found.spots.sizes[case, k], sizes, rtol=1e-10)
            divergences = [optics.value(f"size_p{plane}", "_end") for plane in "xy"]
            np.testing.assert_allclose(found.spots.divergences[case, k], divergences, rtol=1e-10)
            slopes = [optics.value(f"slope_{p}", "_end") / d for p, d in zip("xy", divergences, strict=True)]
            np.testing.assert_allclose(found.spots.slopes[case, k], slopes, rtol=1e-9, atol=1e-12)
    worst = np.abs(found.spots.sizes / found.wanted[:, None] - 1).max(axis=2).argmax(axis=1)
    np.testing.assert_array_equal(found.sizes, found.spots.sizes[[0, 1], worst])
    # the lens makes x and y unlike: no setting is round at all angles, and the reason names the angle
    assert not found.reached.any()
    assert "deg, not 3" in found.reasons[0]


def test_what_cannot_be_reached_is_told() -> None:
    weak = settings(line(), beams(1), vary=NAMES, size_x=1e-4, size_y=1e-4, at="_end", limits=1.5, restarts=1)
    assert not weak.reached[0]
    assert "size_x is" in weak.reasons[0] or "size_y is" in weak.reasons[0]
    assert "mm, not 0.1" in weak.reasons[0]
    narrow = settings(
        line(radius=0.006), beams(1), vary=NAMES, size_x=3e-3, size_y=3e-3, at="_end", limits=4.0, restarts=1
    )
    assert not narrow.reached[0]
    assert "sigma take" in narrow.reasons[0] or "mm, not 3" in narrow.reasons[0]


@pytest.mark.parametrize(
    ("vary", "size", "told"),
    [
        ((), 3e-3, "need parameters to vary"),
        (("kx",), 3e-3, "unknown parameter 'kx'"),
        (NAMES, -1.0, "must be positive numbers of m"),
    ],
)
def test_wrong_questions_are_refused(vary: tuple[str, ...], size: float, told: str) -> None:
    with pytest.raises(InputError, match=told):
        settings(line(), beams(2), vary=vary, size_x=size, size_y=3e-3, at="_end", limits=4.0)


def test_moments_of_another_number_of_cases_and_no_knobs_are_refused() -> None:
    with pytest.raises(InputError, match=r"moments are one \(6, 6\) a case, 2 of them: found the shape \(3, 6, 6\)"):
        responses(line(), PROTON, {"k1": np.array([0.8, 0.9])}, beams(3).sigma, "_end")
    with pytest.raises(InputError, match="name one at least"):
        responses(line(), PROTON, {}, beams(1).sigma, "_end")


def test_a_kicked_axis_and_a_shared_element_are_refused() -> None:
    kicked = line() + Kicker("c", hkick=1e-3)
    with pytest.raises(InputError, match="is no orbit"):
        settings(kicked, beams(1), vary=NAMES, size_x=3e-3, size_y=3e-3, at="_end", limits=4.0)
    shared = Lattice(
        "shared",
        elements=(Quadrupole("q", length=0.3, k1="a + b"), Drift("d", length=1.0)),
        parameters={"a": 1.0, "b": 0.5},
    )
    with pytest.raises(InputError, match="'q' depends on 'b' and on 'a'"):
        settings(shared, beams(1), vary=("a", "b"), size_x=3e-3, size_y=3e-3, at="_end", limits=4.0)
    with pytest.raises(InputError, match="'k1' is varied too"):
        settings(line(), beams(1), vary=("k1",), size_x=3e-3, size_y=3e-3, at="_end", limits=4.0, turned=("k1", (0.0,)))
    with pytest.raises(InputError, match="limits of 'k2' are missing"):
        settings(line(), beams(1), vary=("k1", "k2"), size_x=3e-3, size_y=3e-3, at="_end", limits={"k1": (-1.0, 1.0)})
