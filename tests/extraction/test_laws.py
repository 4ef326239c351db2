"""Laws of extraction that hold for any ring: seen in a mirror, run backwards, made larger, made of equal periods.

The ring is small: eight cells with bends, so that it has dispersion, and one sextupole in the first cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import pi, sin
from typing import Any

import numpy as np
import pytest

from extraction import (
    BetatronCore,
    ConstantOptics,
    Septum,
    Spill,
    ThirdIntegerResonance,
    third_integer_resonance,
    track_spill,
)
from extraction.resonance.sextupoles import complex_strengths, shares
from extraction.resonance.third_integer import virtual_sextupole
from extraction.spill.lanes.rows import LANES
from extraction.spill.sections import cuts
from lattice import Aperture, Bend, Drift, Element, Lattice, Marker, Quadrupole, Sextupole
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics import twiss
from tests.extraction_rings import PROTON, at_tune, fodo_ring

CELLS, TUNE, WIRES = 8, 5 / 3 - 2e-3, 0.03
STRONG = 15.0  # m^-3: the triangle is 1 cm large
#: Newton's method settles to 1e-13 m; the triangle is 1 cm large, the arm grows thirtyfold from it.
EXACT = 1e-8


def cell(k2: float) -> list[Element]:
    """4 m: a sextupole, a focusing quadrupole, a bend with turned faces, a defocusing quadrupole."""
    return [
        Sextupole("s" if k2 else "off", length=0.2, k2=k2),
        Quadrupole("qf", length=0.3, k1="kf"),
        Drift("d1", length=0.5),
        Bend("b", length=1.5, angle=2 * pi / CELLS, e1=0.2, e2=0.1, hgap=0.03, fint=0.5),
        Drift("d2", length=0.5),
        Quadrupole("qd", length=0.3, k1="kd"),
        Drift("d3", length=0.7),
    ]


def ring_of(sextupoles: tuple[float, ...]) -> Lattice:
    """A ring of as many cells, their sextupoles as strong; it begins at a marker."""
    elements = [Marker("here"), *(element for k2 in sextupoles for element in cell(k2))]
    return Lattice("small", elements=elements, parameters={"kf": 1.2, "kd": -1.3}, particle=PROTON)


@cache
def small() -> Lattice:
    return at_tune(ring_of((STRONG, *(0.0,) * 7)), TUNE, "kf", 1.3, 1.55)


def resonance(ring: Lattice, delta: float = 0.0) -> ThirdIntegerResonance:
    return third_integer_resonance(ring, PROTON, at="here", delta=delta)


def changed(ring: Lattice, change: Callable[[Element], Element], **parameters: float) -> Lattice:
    """Each element of a ring changed."""
    elements = [change(element) for element in ring.elements]
    return Lattice(ring.name, elements=elements, parameters={**ring.parameters, **parameters}, particle=PROTON)


def turned_in_x(element: Any) -> Element:
    """The element seen in a mirror: bends the other way, fields even in x turned."""
    if isinstance(element, Bend):
        angle, e1, e2 = (-float(value) for value in (element.angle, element.e1, element.e2))
        return replace(element, angle=angle, e1=e1, e2=e2)
    if isinstance(element, Sextupole):
        return replace(element, k2=-float(element.k2))
    assert isinstance(element, Element)
    return element


def run_backwards(ring: Lattice) -> Lattice:
    """The ring the other way round, from its marker on: bends' faces are exchanged."""
    elements = [
        replace(element, e1=element.e2, e2=element.e1) if isinstance(element, Bend) else element
        for element in ring.elements[:0:-1]
    ]
    first = ring.elements[0]
    return Lattice(ring.name, elements=[first, *elements], parameters=dict(ring.parameters), particle=PROTON)


def larger(ring: Lattice, a: float) -> Lattice:
    """All lengths times ``a``, gradients over a^2, sextupoles over a^3: the same picture in other units."""

    def scaled(element: Any) -> Element:
        if isinstance(element, Sextupole):
            return replace(element, length=float(element.length) * a, k2=float(element.k2) / a**3)
        if isinstance(element, Bend):
            return replace(element, length=float(element.length) * a, hgap=float(element.hgap) * a)
        return element if isinstance(element, Marker) else replace(element, length=element.length * a)

    strengths = {name: value / a**2 for name, value in ring.parameters.items()}
    return changed(ring, scaled, **strengths)


def same_points(found: Array, expected: Array, order: tuple[int, ...] = (0, 1, 2)) -> None:
    """The three points in one of their cyclic orders."""
    turns = [np.max(np.abs(found - np.roll(expected[list(order)], k, axis=0))) for k in range(3)]
    assert min(turns) < EXACT * np.max(np.abs(expected))


# ---------------------------------------------------------------------------------------------- the resonance


@pytest.mark.parametrize("delta", [0.0, -1e-3])
def test_a_ring_in_a_mirror_has_the_mirrored_triangle_and_arms(delta: float) -> None:
    """All of x, px turned; |S| the same, S of the other sign: its phase half of 1/3 turns on; Q' as it was."""
    ours, theirs = resonance(small(), delta), resonance(changed(small(), turned_in_x), delta)
    same_points(theirs.fixed_points, -ours.fixed_points)
    assert theirs.stable_area == pytest.approx(ours.stable_area, rel=EXACT)
    assert theirs.virtual_sextupole == pytest.approx(ours.virtual_sextupole, rel=1e-12)
    assert (theirs.virtual_phase - ours.virtual_phase) % (1 / 3) == pytest.approx(1 / 6, abs=1e-9)
    for side in (-1.0, 1.0):
        right, left = ours.arm(side * WIRES), theirs.arm(-side * WIRES)
        assert (left.px, left.spiral_kick) == pytest.approx((-right.px, -right.spiral_kick), rel=1e-6)
        assert (left.spiral_step, left.slope) == pytest.approx((right.spiral_step, right.slope), rel=1e-6)
        assert left.curvature == pytest.approx(-right.curvature, rel=1e-5)
        assert theirs.kobayashi.spiral_step(-side * WIRES) == pytest.approx(
            ours.kobayashi.spiral_step(side * WIRES), rel=1e-9
        )


def test_sextupoles_of_the_other_sign_are_the_mirror_of_a_straight_ring() -> None:
    """Without bends only the sextupole is not even: -k2 turns x and px of the fixed points."""
    rings = [at_tune(fodo_ring(8, k2l), 5 / 3 - 2e-3, "k", 1.0, 4.6) for k2l in (30.0, -30.0)]
    ours, theirs = (third_integer_resonance(ring, PROTON, at="kick") for ring in rings)
    same_points(theirs.fixed_points, -ours.fixed_points)
    assert theirs.virtual_sextupole == pytest.approx(ours.virtual_sextupole, rel=1e-12)
    assert ours.arm(1e-3).px == pytest.approx(-theirs.arm(-1e-3).px, rel=1e-6)


def test_a_ring_run_backwards_has_the_same_triangle_with_the_angles_turned() -> None:
    """Time reversed: px turns, the order of tracking too, and the outgoing arm was the incoming one."""
    ours, theirs = resonance(small()), resonance(run_backwards(small()))
    same_points(theirs.fixed_points, ours.fixed_points * [1.0, -1.0], (0, 2, 1))
    assert theirs.stable_area == pytest.approx(ours.stable_area, rel=EXACT)
    assert theirs.multipliers == pytest.approx(1 / ours.multipliers[::-1], rel=1e-6)
    assert theirs.virtual_sextupole == pytest.approx(ours.virtual_sextupole, rel=1e-12)
    whole = 3 * (theirs.virtual_phase + ours.virtual_phase - ours.tune)  # from here on, and from here back
    assert whole == pytest.approx(round(whole), abs=1e-9)


def test_arms_are_drawn_as_far_from_their_orbit_to_both_sides() -> None:
    """Off momentum the orbit is millimetres away; what is drawn ends within a spiral step of the limit."""
    found, limit = resonance(small(), delta=-1e-3), 0.03
    away = np.concatenate([arm[:, 0] for arm in found.arms(limit)]) - found.orbit[0]
    assert abs(found.orbit[0]) > 1e-3
    for side in (1, -1):
        assert 0.8 * limit < np.max(side * away) <= limit


@pytest.mark.parametrize("a", [2.0, 0.4])
def test_a_larger_ring_has_a_larger_triangle(a: float) -> None:
    """x, steps and areas times a, slopes over a, curvatures over a^2; |S| = beta^(3/2) k2 L/2 over the root of a."""
    ours, theirs = resonance(small()), resonance(larger(small(), a))
    same_points(theirs.fixed_points, ours.fixed_points * [a, 1.0])
    assert theirs.stable_area == pytest.approx(a * ours.stable_area, rel=EXACT)
    assert theirs.virtual_sextupole == pytest.approx(ours.virtual_sextupole / a**0.5, rel=1e-12)
    assert theirs.virtual_phase == pytest.approx(ours.virtual_phase, abs=1e-12)
    here, there = ours.arm(-WIRES), theirs.arm(-a * WIRES)
    assert (there.px, there.spiral_kick) == pytest.approx((here.px, here.spiral_kick), rel=1e-6)
    assert there.spiral_step == pytest.approx(a * here.spiral_step, rel=1e-6)
    assert (a * there.slope, a**2 * there.curvature) == pytest.approx((here.slope, here.curvature), rel=1e-5)


@pytest.mark.parametrize("tune", [1.55, 1.6, 1.72])
def test_equal_periods_add_up_as_a_geometric_series(tune: float) -> None:
    """S = S1 sum e^(6 pi i n Q/N) over N periods: |S1 sin(3 pi Q)/sin(3 pi Q/N)|, each share of S1."""
    optics = twiss(at_tune(ring_of((2.0,) * CELLS), tune, "kf", 1.1, 1.7), PROTON)
    strengths = [share.strength for share in shares(optics, *complex_strengths(optics, 0))]
    assert strengths == pytest.approx([strengths[0]] * CELLS, rel=1e-9)
    series = sin(3 * pi * tune) / sin(3 * pi * tune / CELLS)
    assert virtual_sextupole(optics, 0)[0] == pytest.approx(strengths[0] * abs(series), rel=1e-7)


# ---------------------------------------------------------------------------------------------- spills


SEPTUM = Septum(at="here", position=WIRES, thickness=2e-4, kick=2e-3, length=0.3, gap=0.004, angle=6e-3)
TURN = float(ring_of((0.0,) * CELLS).length) / (PROTON.beta * SPEED_OF_LIGHT)
TURNS = 400


def beam(count: int = 96) -> Array:
    """Inside the triangle, flat but not quite, of one per mille of momenta."""
    random = np.random.default_rng(7)
    states = random.uniform(-1.0, 1.0, (count, 6)) * [0.005, 0.0015, 0.003, 0.001, 0.0, 5e-4]
    return np.asarray(states)


def tracked(ring: Lattice, states: Array, septum: Septum = SEPTUM, driver: Any = None, **more: Any) -> Spill:
    core = BetatronCore([(0.0, 0.0), (TURNS * TURN, 3e-3)])
    return track_spill(ring, PROTON, states, driver or core, septum, turns=TURNS, **more)


@cache
def spill() -> Spill:
    """Driven across the resonance: much is extracted, some hit the wires or the cathode."""
    return tracked(small(), beam())


#: The sectional maps of two rings are two fits: in hundreds of turns what they miss grows to a hundredth of the spiral
#: step of 3.5 mm. Of one ring they are one fit.
TWO_FITS, ONE_FIT = 3.5e-5, 1e-6


@pytest.fixture
def fine_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps of sections within 1 um at the wires: rings of other sizes would be fitted unlike."""
    monkeypatch.setattr(cuts, "AT_WIRES", 1e-6)


def compare(theirs: Spill, sizes: Array, ours: Spill, within: float) -> None:
    """The same particles leave at the same turn and for the same cause, coordinates times ``sizes``."""
    assert list(theirs.lost["particle"]) == list(ours.lost["particle"])
    assert list(theirs.lost["cause"]) == list(ours.lost["cause"])
    assert list(theirs.extracted["particle"]) == list(ours.extracted["particle"])
    assert list(theirs.extracted["turn"]) == list(ours.extracted["turn"])
    columns = ["x", "px", "y", "py"]
    for one, other in ((theirs.extracted, ours.extracted), (theirs.lost, ours.lost)):
        apart = np.abs(one[columns].to_numpy() / sizes - other[columns].to_numpy())
        assert float(np.max(apart, initial=0.0)) < within


def grazers(found: Spill) -> list[int]:
    """Particles that meet the inner face of the wires closer than two fits agree: by another fit they may pass."""
    at_wires = found.lost[found.lost["cause"] == "wires"]
    return [int(one) for one in at_wires["particle"][(at_wires["x"] - SEPTUM.position).abs() < TWO_FITS]]


def without(found: Spill, particles: list[int]) -> Spill:
    kept = (table[~table["particle"].isin(particles)] for table in (found.extracted, found.lost))
    return replace(found, extracted=next(kept), lost=next(kept))


@pytest.mark.usefixtures("fine_fits")
def test_the_spill_of_these_laws_has_all_there_is() -> None:
    found = spill()
    assert len(found.extracted) > LANES
    assert set(found.lost["cause"]) >= {"wires", "cathode"}


MIRROR = np.array([-1.0, -1.0, 1.0, 1.0])
TURNED = replace(SEPTUM, position=-WIRES, angle=-SEPTUM.angle)


@pytest.mark.usefixtures("fine_fits")
def test_a_spill_in_a_mirror() -> None:
    """Ring, wires and beam turned in x: the same leave at the same turn, x and px turned."""
    states = beam() * [-1.0, -1.0, 1.0, 1.0, 1.0, 1.0]
    compare(tracked(changed(small(), turned_in_x), states, TURNED), MIRROR, spill(), TWO_FITS)


@pytest.mark.usefixtures("fine_fits")
@pytest.mark.parametrize("a", [4.0])
def test_a_spill_of_a_larger_ring_takes_longer(a: float) -> None:
    """All lengths and the time of the programme times a: turns stay, x and times are a times as large."""
    septum = replace(
        SEPTUM,
        position=a * SEPTUM.position,
        thickness=a * SEPTUM.thickness,
        length=a * SEPTUM.length,
        gap=a * SEPTUM.gap,
    )
    core = BetatronCore([(0.0, 0.0), (a * TURNS * TURN, 3e-3)])
    theirs = tracked(larger(small(), a), beam() * [a, 1.0, a, 1.0, a, 1.0], septum, core)
    grazing = grazers(spill())
    assert len(grazing) <= 2
    theirs, ours = without(theirs, grazing), without(spill(), grazing)
    compare(theirs, np.array([a, 1.0, a, 1.0]), ours, TWO_FITS)
    np.testing.assert_allclose(theirs.extracted["time"], a * ours.extracted["time"], rtol=1e-9)
    assert theirs.duration == pytest.approx(a * spill().duration, rel=1e-12)


@pytest.mark.parametrize("engine", ["sectional", "xsuite"])
def test_magnets_scaled_by_a_hundredth_are_another_reference(engine: str) -> None:
    """All magnets 1 + 1 %, the beam too: px and py over 1.01 are those of the ring as it was, and so is all else.

    dp/p of the particles is of the reference momentum, of which theirs is 1.01 times as large, and 1.01 (1 + dp/p).
    """
    states = beam()[:32]
    ours = tracked(small(), states, driver=BetatronCore([(0.0, 1.4e-3)]), engine=engine)
    stiffer = np.array([1.0, 1.01, 1.0, 1.01])
    scaled = states.copy()
    scaled[:, :4] *= stiffer
    scaled[:, 5] = 1.01 * (1.0 + states[:, 5] + 1.4e-3) - 1.0
    theirs = tracked(small(), scaled, driver=ConstantOptics([(0.0, 0.01)]), engine=engine)
    assert len(ours.extracted) > 8
    compare(theirs, stiffer, ours, ONE_FIT)
    ratio = (1 + theirs.extracted["delta"]) / (1 + ours.extracted["delta"])
    np.testing.assert_allclose(ratio, 1.01, rtol=1e-12)


@pytest.mark.parametrize("engine", ["sectional", "xsuite"])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (2e-4, -1e-4)])
def test_an_elliptic_chamber_is_as_high_as_it_is(engine: str, offset: tuple[float, float]) -> None:
    """Half axes of 2 and 1 mm at the start: a particle in each direction from the middle, 1 % inside and outside."""
    chamber = Aperture("ellipse", 2e-3, 1e-3, offset_x=offset[0], offset_y=offset[1])
    straight = at_tune(fodo_ring(8, 30.0), 5 / 3 - 2e-3, "k", 1.0, 4.6)
    elements = [replace(straight.elements[0], aperture=chamber), *straight.elements[1:]]
    ring = Lattice("narrow", elements=elements, parameters=dict(straight.parameters), particle=PROTON)
    phase = np.linspace(0.0, 2 * pi, 16, endpoint=False)
    states = np.zeros((32, 6))
    for half, size in ((0, 0.99), (16, 1.01)):
        states[half : half + 16, 0] = offset[0] + size * 2e-3 * np.cos(phase)
        states[half : half + 16, 2] = offset[1] + size * 1e-3 * np.sin(phase)
    septum = replace(SEPTUM, at="kick", position=4e-3)
    still = BetatronCore([(0.0, 0.0)])
    found = track_spill(ring, PROTON, states, still, septum, turns=1, engine=engine)
    early = found.lost[found.lost["turn"] == 0]
    assert list(early["particle"]) == list(range(16, 32))
    assert set(early["cause"]) == {"aperture"}
    assert set(early["place"]) == {"kick"}
