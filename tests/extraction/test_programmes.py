"""Programmes that move a waiting stack through the resonance: where its ends come to, and how strong they are."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import pi

import numpy as np
import pandas as pd
import pytest

from extraction.drivers.drivers import BetatronCore, programme_value
from extraction.drivers.programmes import (
    core_programme,
    displacement_programme,
    exciter_place,
    knockout_programme,
    scaling_programme,
    sweep_programme,
)
from extraction.resonance.diagram import Steinbach, WaitingBeam
from extraction.resonance.stack import WaitingStack
from extraction.resonance.steinbach import Stack
from extraction.spill.waiting_beam import stack_beam
from lattice import InputError, Lattice
from optics import twiss
from optics.ramping.acceleration import RingRF
from tests.extraction_rings import PROTON, SEPTUM, reference

DURATION = 0.5
WIDTH, SIGMAS, EMITTANCE = 2e-3, 2.5, 1e-6


@cache
def stack(side: float = 1.0, resonant: float = -5e-4) -> WaitingStack:
    """A wedge of amplitude = 5 |delta - resonant|, by hand: the edge of 2.5 mm^1/2 leaves at 5e-4 from its tip."""
    deltas = resonant + np.array([-4e-3, -2e-3, 0.0, 2e-3, 4e-3])
    table = pd.DataFrame({"delta": deltas, "exact": 5 * np.abs(deltas - resonant)})
    diagram = Steinbach(resonant, side, table, Stack(np.zeros(1), np.zeros(1)), np.zeros(1))
    beam = WaitingBeam((EMITTANCE, EMITTANCE), WIDTH, SIGMAS)
    return WaitingStack(reference(1.664), PROTON, SEPTUM, diagram, beam)


# ------------------------------------------------------------------------------------------------------- the stack


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_stack_reaches_from_the_edge_of_the_wedge_inwards(side: float) -> None:
    """Near edge 5e-4 from the tip, far end 2e-3 behind; it has to move by 2.5e-3 and 3 % more, towards the tip."""
    one = stack(side, 0.0)
    assert one.edge == pytest.approx(side * 5e-4)
    assert one.far_end == pytest.approx(side * 2.5e-3)
    assert one.reach == pytest.approx(-side * 1.03 * 2.5e-3)
    assert one.stable_amplitude(side * 1e-3) == pytest.approx(5e-3)
    assert one.as_beam().delta == pytest.approx(side * 1.5e-3)
    assert one.as_beam(width=1e-3, shift=1e-4).delta == pytest.approx(side * 1e-3 + 1e-4)


def test_the_beam_fills_the_stack_and_no_more() -> None:
    """Momenta evenly between the ends; amplitudes about each momentum's orbit up to the cut.

    To 2 %: beta changes by as much over the stack, and amplitudes are told by the optics of its middle.
    """
    one = stack()
    states = stack_beam(one, 2000, seed=3)
    delta = states[:, 5]
    assert (delta.min(), delta.max()) == pytest.approx((one.edge, one.far_end), abs=5e-6)
    assert np.mean(delta) == pytest.approx(0.5 * (one.edge + one.far_end), abs=4 * WIDTH / np.sqrt(12 * 2000))
    amplitude = one.amplitudes(states)
    assert amplitude.max() <= 1.02 * one.beam.edge_amplitude
    cut = SIGMAS**2 / 2
    kept = 1 - cut * np.exp(-cut) / (1 - np.exp(-cut))  # <A^2> / (2 emittance) of an exponential that ends at the cut
    assert np.mean(amplitude**2) / (2 * EMITTANCE) == pytest.approx(kept, rel=0.08)  # 4 sigma of 2000 particles


# ---------------------------------------------------------------------------------------------------- moving drivers


def test_core_and_scaling_bring_the_far_end_through_the_resonance() -> None:
    """The core adds its reach; magnets scaled by s turn delta into (1 + delta) / (1 + s) - 1: the same to second order.

    A thousandth of the way, which is 2.5e-3.
    """
    one = stack()
    core, scaled = core_programme(one, DURATION), scaling_programme(one, DURATION)
    assert (programme_value(core.programme, 0.0), programme_value(scaled.programme, 0.0)) == (0.0, 0.0)
    moved = programme_value(core.programme, DURATION)
    assert one.far_end + moved == pytest.approx(one.diagram.resonant + 0.03 * (one.diagram.resonant - one.far_end))
    scaling = programme_value(scaled.programme, DURATION)
    assert (1 + one.far_end) / (1 + scaling) - 1 - one.far_end == pytest.approx(moved, rel=5e-3)


def test_a_sweep_brings_the_far_end_s_tune_to_the_resonance() -> None:
    """At the end of the programme the tune of the momentum that waited farthest is 5/3, but for the 3 % beyond."""
    ring = reference(1.664)
    resonant = -(twiss(ring).qx - 5 / 3) / twiss(ring).dqx
    one = stack(1.0, float(resonant))
    sweep = sweep_programme(one, DURATION, "kf")
    begin, end = (programme_value(sweep.programme, time) for time in (0.0, DURATION))
    assert begin == ring.parameters["kf"]
    there = twiss(ring.with_parameters(kf=end), delta=one.far_end).qx
    before = twiss(ring, delta=one.far_end).qx
    assert abs(there - 5 / 3) < 0.06 * abs(before - 5 / 3)
    assert np.sign(there - 5 / 3) == -np.sign(before - 5 / 3)  # a little beyond
    with pytest.raises(InputError, match=r"give spill\.sweep_parameter"):
        sweep_programme(one, DURATION, "")


def test_a_stretched_programme_is_the_same_programme_in_more_time() -> None:
    one = stack()
    for make in (core_programme, scaling_programme, lambda s, d: sweep_programme(s, d, "kf")):
        short, long = make(one, 0.1), make(one, 1.0)
        for part in (0.0, 0.3, 1.0):
            assert programme_value(short.programme, 0.1 * part) == pytest.approx(programme_value(long.programme, part))


# -------------------------------------------------------------------------------------------------- heating drivers


def test_the_kick_heats_the_beam_to_its_stable_amplitude() -> None:
    """a^2 beta / (4 b) a turn makes 2.1 times the stable amplitude squared in the spill."""
    one, width = stack(), 5e-4
    driver = knockout_programme(one, DURATION, width=width, bandwidth=0.01, tune=0.66, seed=4)
    kick = programme_value(driver.programme, DURATION / 2)
    assert kick == programme_value(driver.programme, 0.0)
    beta = float(twiss(one.ring)["betx"][one.ring.index(driver.at)])
    turns = DURATION / one.revolution_time
    assert kick**2 * beta / (4 * 0.01) * turns == pytest.approx(2.1 * one.stable_amplitude(one.inwards(width)) ** 2)
    assert (driver.tune, driver.bandwidth, driver.seed) == (0.66, 0.01, 4)


def test_a_band_that_is_not_given_covers_the_tunes_from_the_stack_to_the_resonance() -> None:
    one, width = stack(), 5e-4
    driver = knockout_programme(one, DURATION, width=width)
    own = twiss(one.ring).qx + twiss(one.ring).dqx * one.inwards(width) - 1.0
    low, high = driver.tune - driver.bandwidth / 2, driver.tune + driver.bandwidth / 2
    assert low < min(own, 2 / 3) < max(own, 2 / 3) < high


def test_no_exciter_stands_on_the_wires_or_where_there_is_no_place() -> None:
    ring = reference(1.664)
    assert exciter_place(ring, SEPTUM) != SEPTUM
    bends = [element for element in ring.elements if element.kind in ("bend", "quadrupole")]
    with pytest.raises(InputError, match=r"give spill\.knockout\.element"):
        exciter_place(Lattice("bare", elements=bends, parameters=dict(ring.parameters)), SEPTUM)


# -------------------------------------------------------------------------------------------------------- buckets


@pytest.mark.parametrize("sweeps", [1, 4])
def test_all_sweeps_of_buckets_together_displace_the_stack_by_its_reach(sweeps: int) -> None:
    """A sweep displaces by the bucket's area over 2 pi, 8 half heights of the stationary bucket."""
    one = stack()
    driver = displacement_programme(one, DURATION, sweeps=sweeps, harmonic=2)
    compaction = float(twiss(one.ring).momentum_compaction)
    half = RingRF(float(one.ring.length), compaction, 2, 1e6).full_height(PROTON, driver.volt)
    assert sweeps * 8 * half / (2 * pi) == pytest.approx(abs(one.reach))


def test_buckets_sweep_against_the_way_of_the_stack_and_clear_of_it() -> None:
    """The stack goes down in dp/p here: from below the resonance to above the far end, and back in no time."""
    one = stack()
    driver = displacement_programme(one, DURATION, sweeps=2)
    ends = [programme_value(driver.programme, time) for time in (0.0, 0.25, 0.25 + 0.5e-6, 0.5)]
    assert one.reach < 0
    assert ends[0] < one.diagram.resonant < one.far_end < ends[1]
    assert ends[2] == pytest.approx(ends[0])
    assert ends[3] == pytest.approx(ends[1])


def test_a_stack_without_momentum_spread_is_told_by_a_thousandth() -> None:
    still = replace(stack(), beam=WaitingBeam((EMITTANCE, EMITTANCE), 0.0, SIGMAS))
    assert abs(still.far_end - still.edge) == pytest.approx(1e-3)
    assert isinstance(core_programme(still, 1.0), BetatronCore)
