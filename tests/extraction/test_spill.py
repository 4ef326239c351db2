"""``track_spill``: laws of what is tracked, what it says of odd spills, and what it refuses."""

from __future__ import annotations

import importlib.util
import os
import signal
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction import BetatronCore, RFKnockout, Ripple, Septum, Spill, TuneSweep, track_spill
from lattice import InputError, LatticeError, UnstableOptics
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics import Beam, twiss
from optics.beams.beam import sample_beam
from optics.maps.lattices.turns import turns
from tests.extraction_rings import PROTON, SEPTUM, reference

RING = reference(1.666)
TURN = float(RING.length) / (PROTON.beta * SPEED_OF_LIGHT)
STILL = BetatronCore([(0.0, 0.0)])
ACROSS = BetatronCore([(0.0, 0.0), (800 * TURN, 8e-4)])


@cache
def wide(count: int = 300) -> Array:
    """A beam that the core drives out within hundreds of turns."""
    beam = Beam(PROTON, 4e-6, 1e-6, delta=-7e-4)
    optics = twiss(RING, PROTON, chromatic=False)
    return sample_beam(beam, optics, count, seed=3, momenta="uniform", full_width=4e-4, coasting=True)


@cache
def driven_out() -> Spill:
    return track_spill(RING, PROTON, wide(), ACROSS, SEPTUM, turns=800)


# ---------------------------------------------------------------------------------------------- laws


def test_without_a_driver_nothing_is_lost_and_the_action_stays() -> None:
    """20,000 turns of amplitudes so small (0.1 um) that the motion is linear: the action is constant to rounding."""
    optics = twiss(RING, PROTON, chromatic=False)
    phase = np.linspace(0.0, 2 * np.pi, 64, endpoint=False)
    start = np.zeros((64, 6))
    for plane, offset in (("x", 0), ("y", 2)):
        beta, alpha = float(optics[f"bet{plane}"][0]), float(optics[f"alf{plane}"][0])
        start[:, offset] = 1e-7 * np.cos(phase)
        start[:, offset + 1] = -1e-7 * (np.sin(phase) + alpha * np.cos(phase)) / beta
    spill = track_spill(RING, PROTON, start, STILL, SEPTUM, turns=20_000)
    assert len(spill.extracted) == len(spill.lost) == 0
    assert "none of 64 particles" in spill.notes[0]
    for plane, offset in (("x", 0), ("y", 2)):
        beta, alpha = float(optics[f"bet{plane}"][0]), float(optics[f"alf{plane}"][0])
        u, v = spill.circulating[:, offset], spill.circulating[:, offset + 1]
        action = (u**2 + (alpha * u + beta * v) ** 2) / 1e-14
        # The sextupoles' own share, S X dQ^-1, is 1e-5 at this amplitude; drift over the turns would come on top.
        np.testing.assert_allclose(action, 1.0, rtol=0, atol=1e-3)
        assert abs(np.mean(action) - 1.0) < 1e-4


def test_threads_change_nothing() -> None:
    one, two = (track_spill(RING, PROTON, wide(), ACROSS, SEPTUM, turns=800, threads=threads) for threads in (1, 2))
    pd.testing.assert_frame_equal(one.extracted, two.extracted, check_exact=True)
    pd.testing.assert_frame_equal(one.lost, two.lost, check_exact=True)
    np.testing.assert_array_equal(one.circulating, two.circulating)


def test_every_particle_is_extracted_lost_or_circulating_once() -> None:
    spill = driven_out()
    stays = np.flatnonzero(np.all(np.isfinite(spill.circulating), axis=1))
    numbers = np.concatenate([spill.extracted["particle"], spill.lost["particle"], stays])
    assert len(spill.extracted) > 100
    assert len(spill.lost) > 0
    assert len(stays) > 0
    np.testing.assert_array_equal(np.sort(numbers), np.arange(300))
    assert spill.extracted["turn"].between(0, 799).all()
    assert set(spill.lost["cause"]) == {"wires"}
    assert np.all(np.diff(spill.extracted["time"]) >= 0)
    assert np.all(spill.extracted["x"] > 0.035)


def test_a_summary_counts_what_became_of_the_particles() -> None:
    spill = driven_out()
    told = spill.summary()
    stays = int(np.sum(np.all(np.isfinite(spill.circulating), axis=1)))
    assert (told["particles"], told["extracted"], told["circulating"]) == (300, len(spill.extracted), stays)
    assert told["lost"] == f"{len(spill.lost)}: {len(spill.lost)} wires"
    assert told["turns"] == f"800 ({800 * TURN:.6g} s)"
    assert told["engine"] == "sectional"


def test_a_spill_cut_in_two_is_the_first_part_of_the_whole() -> None:
    """Also where the last block of turns is a short one (32 turns are one)."""
    part = track_spill(RING, PROTON, wide(), BetatronCore(ACROSS.programme), SEPTUM, turns=301)
    whole = driven_out().extracted
    # The maps' momentum range follows the duration, so that they differ in the last digits.
    early = whole[whole["turn"] < 301]
    assert abs(len(part.extracted) - len(early)) <= 0.05 * len(early)
    assert part.turns == 301
    assert part.extracted["turn"].max() < 301


def test_each_particle_keeps_its_own_clock() -> None:
    """On the closed orbit of its momentum a particle's time is that of the exact turn, times the turns."""
    turn = turns(RING, PROTON, "full", slices=1, first_element=0)[0]
    orbits = np.stack([turn.closed_orbit(delta) for delta in np.linspace(-1e-3, 2e-3, 7)])
    slip = (turn.track(orbits) - orbits)[:, 4]
    spill = track_spill(RING, PROTON, orbits, STILL, SEPTUM, turns=1000)
    # 1e-10 of the time of a turn is what the maps' polynomials may miss
    np.testing.assert_allclose(
        spill.circulating[:, 4] - orbits[:, 4], 1000 * slip, rtol=0, atol=1e-9 * 1000 * float(RING.length)
    )


def test_a_beam_is_drawn_with_its_seed() -> None:
    beam = Beam(PROTON, 4e-6, 1e-6, sigma_delta=1e-4, delta=-6e-4)
    options: dict[str, Any] = {"turns": 64, "count": 64}
    one, same, other = (
        track_spill(RING, PROTON, beam, ACROSS, SEPTUM, seed=seed, **options).circulating for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other, equal_nan=True)


# ---------------------------------------------------------------------------------------------- what it says


def test_a_programme_that_extracts_everything_at_once_is_noted() -> None:
    jump = BetatronCore([(0.0, 0.0), (TURN, 4e-4)])
    spill = track_spill(RING, PROTON, wide(), jump, SEPTUM, turns=60_000)
    assert any("everything at once" in note for note in spill.notes)


def test_a_beam_that_begins_outside_the_stable_area_is_noted() -> None:
    outside = wide()[:100].copy()
    outside[:, 0] += 0.02  # the triangle's nearest side is at 6 mm
    spill = track_spill(RING, PROTON, outside, STILL, SEPTUM, turns=200)
    assert any("begins outside the stable area" in note for note in spill.notes)


def test_what_begins_outside_the_chamber_is_lost_and_leaves_the_maps_of_the_others_alone() -> None:
    beam = wide()[:100].copy()
    beam[3] = (0.5, 0.0, 0.3, 0.0, 0.0, 0.0)
    spill = track_spill(RING, PROTON, beam, STILL, SEPTUM, turns=200)
    assert spill.misfit < 1e-3
    assert 3 in spill.lost["particle"].to_numpy()


def test_a_beam_most_of_which_is_lost_is_noted() -> None:
    outside = wide()[:100].copy()
    outside[:, 2] += 0.2  # no chamber is so high
    outside[:4, 2], outside[:4, 0] = 0.0, 0.02
    spill = track_spill(RING, PROTON, outside, STILL, SEPTUM, turns=200)
    assert 0 < len(spill.extracted) < len(spill.lost)
    assert any("more than were extracted" in note for note in spill.notes)


def test_why_nothing_is_extracted_is_said() -> None:
    linear = RING.with_parameters({"s0": 0.0, "s1": 0.0, "sr": 0.0})
    spill = track_spill(linear, PROTON, wide()[:32], ACROSS, SEPTUM, turns=64)
    assert "no sextupole that is on" in spill.notes[0]
    other_side = replace(Septum.of(RING, SEPTUM), position=-0.06)
    spill = track_spill(RING, PROTON, np.zeros((4, 6)), STILL, other_side, turns=64)
    assert "wires at x = -60 mm" in spill.notes[0]


@pytest.mark.parametrize("engine", ["sectional", "xsuite"])
def test_ctrl_c_keeps_what_was_tracked(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extraction.spill.sectional._STRIDE", 64 * 100)
    done: list[int] = []

    def stop_after_two(turn: int) -> None:
        done.append(turn)
        if len(done) == 2:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    spill = track_spill(RING, PROTON, wide()[:60], ACROSS, SEPTUM, turns=2000, engine=engine, progress=stop_after_two)
    assert signal.getsignal(signal.SIGINT) is before
    assert spill.interrupted
    assert spill.turns < 2000
    assert any("interrupted after" in note for note in spill.notes)
    stays = int(np.sum(np.isfinite(spill.circulating[:, 0])))
    assert len(spill.extracted) + len(spill.lost) + stays == 60


# ---------------------------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beam": np.zeros((0, 6))}, "n > 0"),
        ({"beam": np.zeros((3, 4))}, r"shape \(3, 4\)"),
        ({"beam": "protons"}, "must be a Beam"),
        ({"beam": np.full((2, 6), np.nan)}, "particle 0"),
        ({"septum": "se_010a_es"}, "se_010a_esp"),
        ({"septum": "symp"}, "not an ElectrostaticSeptum"),
        ({"septum": 0.035}, "Septum or the name"),
        ({"driver": "core"}, "must be one of"),
        ({"driver": TuneSweep("kg", [(0.0, 0.3)])}, "has no parameter 'kg'"),
        ({"driver": BetatronCore(lambda time: float("nan"))}, "finite"),
        ({"driver": BetatronCore(lambda time: 1 / 0)}, "programme cannot be evaluated: ZeroDivisionError"),
        ({"turns": 0}, "turns"),
        ({"threads": 0}, "threads"),
        ({"engine": "madx"}, "sectional, xsuite"),
        ({"engine": "xsuite", "context": "cuda"}, "cpu, cupy, opencl"),
        ({"context": "cupy"}, "engine='xsuite'"),
        ({"turns": True}, "turns"),
        ({"ripple": 3}, "Ripple values"),
        ({"ripple": Ripple("kg", ((1e-5, 50.0, 0.0),))}, "has no parameter 'kg'"),
        ({"beam": np.full((2, 6), 5.0)}, "coordinates are in m"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"beam": wide(), "driver": STILL, "septum": SEPTUM, "turns": 10, **change}
    beam, driver, septum = (given.pop(name) for name in ("beam", "driver", "septum"))
    with pytest.raises((InputError, LatticeError), match=message):
        track_spill(RING, PROTON, beam, driver, septum, **given)


@pytest.mark.parametrize("context", ["cupy", "opencl"])
def test_a_device_that_is_not_there_is_named(context: str) -> None:
    pytest.importorskip("xobjects")
    if importlib.util.find_spec("cupy" if context == "cupy" else "pyopencl"):
        pytest.skip("there is one")
    with pytest.raises(InputError, match=f"cannot compute on '{context}' here"):
        track_spill(RING, PROTON, wide()[:4], STILL, SEPTUM, turns=2, engine="xsuite", context=context)


@pytest.mark.parametrize("programme", [[(0.0, 0.0), (1e-3, float("nan"))], [(1e-3, 0.0), (0.0, 1e-3)], []])
def test_a_programme_rises_in_time_and_is_finite(programme: list[tuple[float, float]]) -> None:
    with pytest.raises(InputError, match="times must rise"):
        BetatronCore(programme)


def test_several_lattices_in_one_are_refused() -> None:
    batch = RING.with_parameters({"kf": np.array([0.29, 0.291])})
    with pytest.raises(InputError, match="one Lattice"):
        track_spill(batch, PROTON, wide(), STILL, SEPTUM, turns=10)


def test_a_momentum_without_stable_motion_is_refused() -> None:
    far = wide()[:4].copy()
    far[:, 5] = 0.1  # Q' = -2.26: beyond the half integer
    far[:, :4] = 0.0
    with pytest.raises(UnstableOptics):
        track_spill(RING, PROTON, far, STILL, SEPTUM, turns=10)


def test_more_memory_than_there_is_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.sysconf
    monkeypatch.setattr(os, "sysconf", lambda name: 1 if name == "SC_AVPHYS_PAGES" else real(name))
    with pytest.raises(InputError, match="track fewer"):
        track_spill(RING, PROTON, wide(), STILL, SEPTUM, turns=10)


def test_an_exciter_needs_an_element_of_the_ring() -> None:
    driver = RFKnockout("s2_008a_cs", [(0.0, 1e-6)], tune=0.666)
    with pytest.raises(InputError, match="s2_008a_csh"):
        track_spill(RING, PROTON, wide(), driver, Septum(at=SEPTUM, position=0.035), turns=10)


def test_a_late_feed_forward_leaves_the_difference_of_both_sines() -> None:
    ripple = Ripple("kf", ((1e-4, 50.0, 0.3), (2e-5, 600.0, 1.0)))
    times = np.linspace(0.0, 0.04, 401)
    left = ripple.factors(times) - 0.8 * (ripple.factors(times - 1e-4) - 1.0)
    np.testing.assert_allclose(
        ripple.compensated(0.8, delay=1e-4).factors(times), left, rtol=0, atol=1e-15
    )  # rounding of 1
    assert np.all(ripple.compensated(1.0).factors(times) == 1.0)
    with pytest.raises(InputError, match="feed-forward must be finite"):
        ripple.compensated(float("nan"))
