"""Septa: values, crossing angle, loss on the wires, and the gap at the magnetic septum by maps and by Xsuite."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from extraction import Arm, Septum, Transport, crossing_angle, early_hit, transport, wire_loss
from extraction.septum import effective_thickness
from extraction.spill.fate import WIRES as ON_WIRES
from extraction.spill.fate import fate
from lattice import Drift, ElectrostaticSeptum, InputError, Lattice, MagneticSeptum
from machines.cnao_like import cnao
from optics.engines.xsuite.passages import xsuite_track
from optics.maps.lattices.turns import passage
from tests.extraction_rings import PROTON, SEPTUM, reference, solved

MAGNETIC = "s0_016a_msp"
WIRES = Septum(at=SEPTUM, position=0.035, thickness=1e-4, kick=2.5e-3, length=0.8, magnetic_at=MAGNETIC)


@cache
def arm() -> Arm:
    return solved(1.666).arm(0.035)


@cache
def carried() -> Transport:
    return transport(solved(1.666), WIRES, reference(1.666))


# ---------------------------------------------------------------------------------------------- values


def test_a_septum_of_the_lattice() -> None:
    found = Septum.of(cnao(), "SE_010A_esp", magnetic=MAGNETIC)
    assert found == replace(WIRES, gap=0.02, magnetic_thickness=0.01, magnetic_kick=0.05, magnetic_length=0.65)
    assert found.side == 1.0


def test_a_septum_on_the_other_side() -> None:
    line = Lattice(
        "line",
        elements=[ElectrostaticSeptum("es", length="l", position=-0.04, thickness=1e-4, kick=-2e-3, angle=1e-3)],
        parameters={"l": 0.7},
    )
    found = Septum.of(line, "es")
    assert (found.side, found.kick, found.length, found.angle) == (-1.0, 2e-3, 0.7, 1e-3)  # kick: outwards


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"position": 0.0}, ["position", "not be 0"]),
        ({"position": float("nan")}, ["position", "finite", "nan"]),
        ({"position": "35 mm"}, ["position", "'35 mm'"]),
        ({"position": 0.035, "thickness": -1e-4}, ["thickness", "negative", "-0.0001"]),
        ({"position": 0.035, "length": -1.0}, ["length", "negative"]),
        ({"position": 0.035, "kick": float("inf")}, ["kick", "finite"]),
    ],
)
def test_values_that_make_no_sense(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        Septum(at="es", **values)
    for word in ["'es'", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "magnetic", "words"),
    [
        ("se_010a_es", None, "did you mean 'se_010a_esp'"),
        (MAGNETIC, None, "MagneticSeptum, not an ElectrostaticSeptum"),
        (SEPTUM, "s8_028a_sxr", "Sextupole, not a MagneticSeptum"),
    ],
)
def test_elements_that_are_no_septa(name: str, magnetic: str | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Septum.of(cnao(), name, magnetic=magnetic)


# ---------------------------------------------------------------------------------------------- wires


def test_crossing_angle_is_that_of_the_track() -> None:
    # x' = px / (1 + delta) to second order in px; positive: the beam goes outwards more steeply than the wires
    assert crossing_angle(WIRES, arm()) == pytest.approx(arm().px)
    assert crossing_angle(replace(WIRES, angle=1e-3), arm()) == pytest.approx(arm().px - 1e-3)
    assert crossing_angle(WIRES, arm(), delta=0.01) == pytest.approx(arm().px / 1.01)
    other = solved(1.666).arm(-0.035)
    assert crossing_angle(replace(WIRES, position=-0.035), other) == pytest.approx(-other.px)


def test_effective_thickness_is_the_shadow_of_the_wires() -> None:
    aligned = replace(WIRES, angle=arm().px)
    assert effective_thickness(aligned, arm()) == pytest.approx(1e-4)
    assert effective_thickness(replace(WIRES, angle=arm().px + 5e-4), arm()) == pytest.approx(1e-4 + 0.8 * 5e-4)
    assert effective_thickness(replace(WIRES, angle=arm().px - 5e-4), arm()) == pytest.approx(1e-4 + 0.8 * 5e-4)


def test_the_other_arms_may_run_into_the_wires() -> None:
    """What the tracker says of the same passes; the wires of the ring are hit on none."""
    assert early_hit(replace(WIRES, length=0.8), arm()) is None
    tilted = replace(WIRES, length=0.8, angle=-0.06)
    hit = early_hit(tilted, arm())
    assert hit in [(x, px) for x, px in arm().after[1:3, :2]]
    assert hit is not None
    assert fate(*hit, (1.0, tilted.position, tilted.thickness, 0.8, tilted.angle, tilted.kick, 0.0)) == ON_WIRES


def test_thin_wires_lose_thickness_over_step() -> None:
    # To leading order. The arm grows as it goes, slower at the wires than on average over the step: the exact loss is
    # larger by about half the growth of the step over one step, 6 % each way here.
    aligned = replace(WIRES, angle=arm().px)
    losses = [wire_loss(aligned, arm(), thickness=thickness) for thickness in (1e-5, 1e-4)]
    assert losses[1] / losses[0] == pytest.approx(10.0, rel=0.01)
    assert losses[1] == pytest.approx(1e-4 / arm().spiral_step, rel=0.15)
    assert losses[1] > 1e-4 / arm().spiral_step
    assert wire_loss(aligned, arm()) == losses[1]  # its own thickness when aligned
    assert wire_loss(aligned, arm(), thickness=0.0) == pytest.approx(0.0, abs=1e-12)
    assert wire_loss(aligned, arm(), thickness=0.1) == 1.0  # wires thicker than the step


# ---------------------------------------------------------------------------------------------- to the magnetic septum


def test_the_gap_is_kick_times_sine_of_the_phase() -> None:
    # The kick of wires of length L is as if given at their middle: about the particle that is not kicked, what is
    # kicked moves by R12 kick + R11 (kick L/2 + thickness of the wires), and by 2 mm x 0.1 of second order in bends.
    ring, found = reference(1.666), carried()
    first, last = ring.index(SEPTUM), ring.index(MAGNETIC)
    assert found.phase_advance == pytest.approx(float(solved(1.666).optics["mux"][last]), abs=1e-12)
    inside = passage(ring, PROTON, "full", first, first + 1).track(np.array([[*arm().after[0], 0.0, 0.0]]))[0]
    matrix = passage(ring, PROTON, "full", first + 1, last).jacobian(inside)[1]
    kick, length, thickness = WIRES.kick, WIRES.length, WIRES.thickness
    linear = matrix[0, 1] * kick + matrix[0, 0] * (kick * length / 2 + thickness)
    assert found.gap == pytest.approx(abs(linear), rel=5e-3)
    # the closed formula takes the phase from the wires' beginning: L / (2 betx) = 0.024 rad of 0.4 too much
    assert found.gap_linear == pytest.approx(found.gap, rel=0.1)


@pytest.mark.parametrize("length", [0.0, 0.3, 0.8, 0.9])
def test_the_kick_is_given_in_the_middle_of_the_wires_whatever_element_they_begin_at(length: float) -> None:
    """The septum's element cut shorter, a drift behind it longer by as much: the same machine, the same gap.

    To the third order of slopes of 10 mrad, of which the drift has some before the kick, or behind it.
    """
    ring = reference(1.666)
    place = ring.index(SEPTUM)
    wires, behind = ring.elements[place : place + 2]
    assert isinstance(wires, ElectrostaticSeptum)
    assert isinstance(behind, Drift)
    whole = float(ring.s[place + 2] - ring.s[place])
    elements = list(ring.elements)
    elements[place] = replace(wires, length=length)
    elements[place + 1] = replace(behind, length=whole - length)
    cut = Lattice("cut", elements=elements, parameters=ring.parameters.definitions, particle=ring.particle)
    found = transport(solved(1.666), WIRES, cut, arm())
    assert found.gap == pytest.approx(carried().gap, rel=1e-6)
    np.testing.assert_allclose(found.extracted[:4], carried().extracted[:4], rtol=0, atol=2e-8)


def test_the_gap_grows_with_the_kick_from_the_wires_image() -> None:
    ring, found = reference(1.666), solved(1.666)
    none, half = (transport(found, replace(WIRES, kick=kick), ring) for kick in (0.0, 1.25e-3))
    assert none.gap_linear == 0.0
    assert none.gap < 2 * WIRES.thickness  # the wires' own image
    # linear but for sextupoles: particles at 40 mm
    assert carried().gap - none.gap == pytest.approx(2 * (half.gap - none.gap), rel=1e-3)
    np.testing.assert_array_equal(none.circulating, carried().circulating)


def test_xsuite_carries_the_beam_to_the_same_place() -> None:
    ring, found = reference(1.666), carried()
    first, last = ring.index(SEPTUM), ring.index(MAGNETIC)
    start = np.array([*arm().after[0], 0.0, 0.0])
    circulating, extracted = start.copy(), start.copy()
    extracted[0] += WIRES.thickness
    ahead = Lattice("wires", elements=ring.elements[: first + 1], parameters=dict(ring.parameters))
    behind = Lattice("behind", elements=ring.elements[first + 1 : last], parameters=dict(ring.parameters))
    state = xsuite_track(ahead, PROTON, np.stack([circulating, extracted]))[-1]
    state[1, 1] += WIRES.kick
    state[1, 0] += WIRES.kick * WIRES.length / 2
    ends = xsuite_track(behind, PROTON, state)[-1]
    # no sextupole between them: the same maps in another code
    np.testing.assert_allclose(found.circulating[:4], ends[0, :4], rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.extracted[:4], ends[1, :4], rtol=0, atol=1e-10)
    assert found.gap == pytest.approx(ends[1, 0] - ends[0, 0], abs=1e-10)


def test_the_way_goes_on_beyond_the_rings_end() -> None:
    ring = reference(1.666)
    cut = ring.index(SEPTUM) + 3  # a ring that begins between the two septa
    assert cut < ring.index(MAGNETIC)
    turned = Lattice(
        "turned",
        elements=[*ring.elements[cut:], *ring.elements[:cut]],
        parameters=dict(ring.parameters),
        particle=ring.particle,
    )
    found = transport(solved(1.666), WIRES, ring)
    from extraction import third_integer_resonance

    again = transport(third_integer_resonance(turned, at=SEPTUM), WIRES, turned)
    np.testing.assert_allclose(again.extracted, found.extracted, rtol=0, atol=1e-9)
    assert again.phase_advance == pytest.approx(found.phase_advance, abs=1e-9)
    assert again.gap_linear == pytest.approx(found.gap_linear, rel=1e-9)


def test_a_magnetic_septum_is_needed() -> None:
    with pytest.raises(InputError, match="magnetic_at"):
        transport(solved(1.666), replace(WIRES, magnetic_at=None), reference(1.666))
    with pytest.raises(InputError, match="did you mean 's0_016a_msp'"):
        transport(solved(1.666), replace(WIRES, magnetic_at="s0_016a_ms"), reference(1.666))


def test_the_magnetic_septum_of_the_ring_exists() -> None:
    assert isinstance(cnao()[MAGNETIC], MagneticSeptum)


def test_wires_in_millimetres_are_told() -> None:
    with pytest.raises(InputError, match="position is in m and at most 2, found 35: if that is in mm, give it in m"):
        Septum(at="es", position=35.0)
