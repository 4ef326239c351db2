"""Pieces of both trackers: frames of a moment, samples of the exciter, who leaves when, loops over lanes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from extraction.drivers.drivers import RFKnockout
from extraction.spill.fate import APERTURE, CATHODE, CIRCULATES, EXTRACTED, UNBOUNDED
from extraction.spill.lanes import turn as loops
from extraction.spill.lanes.rows import (
    AHEAD,
    CLOCK,
    IMAGINARY,
    LANES,
    LEAN_X,
    LEAN_Y,
    N_OWN,
    N_STATE,
    OWN_DELTA,
    PHASE,
    QUICK_X,
    QUICK_Y,
    REAL,
    TIME_SLOPE,
    TURN_IMAGINARY,
    TURN_REAL,
)
from extraction.spill.sections.proof import _Walk
from extraction.spill.setup import turns_between_settings
from extraction.spill.xsuite import _Buckets, _coordinates, _ends, _Flock, _Frame, _Runner
from lattice import ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
TURN = 0.7e-6  # [s]
LENGTH = PROTON.beta * SPEED_OF_LIGHT * TURN


# ------------------------------------------------------------------------------------ Xsuite's coordinates of a moment


def moment(scale: float, shift: float, now: int = 3, each: int = 8) -> _Frame:
    """Of magnets scaled by 1 / ``scale``, and a core that has given ``shift``."""
    setup: Any = SimpleNamespace(
        moments=lambda first, count: np.array([float(first)] * count),
        schedule=SimpleNamespace(scale=lambda times: scale + 0 * times, shift=lambda times: shift + 0 * times),
        particle=PROTON,
        turns_each=each,
        revolution_time=TURN,
        ring=SimpleNamespace(length=LENGTH),
    )
    return _Frame.of(setup, now)


def flock(number: int = 6) -> tuple[Array, Array]:
    """Coordinates x, px, y, py, own dp/p and clocks."""
    draw = np.random.default_rng(1)
    return draw.normal(size=(number, 5)) * [1e-2, 1e-3, 1e-2, 1e-3, 1e-3], draw.uniform(0.0, 1e-4, number)


def test_in_a_moment_s_frame_momenta_are_the_same_in_electronvolt() -> None:
    """p = p0 (1 + own + shift) is (1 + delta) of the magnets' momentum, transverse ones likewise; times are distances
    of that momentum's velocity."""
    frame, (coordinates, clock) = moment(0.98, 2e-3), flock()
    local = frame.local(coordinates, clock)
    own = PROTON.momentum * (1.0 + coordinates[:, 4] + 2e-3)
    assert frame.momentum == pytest.approx(PROTON.momentum / 0.98, rel=1e-15)
    assert frame.momentum * (1.0 + local[:, 5]) == pytest.approx(own, rel=1e-14)
    assert frame.momentum * local[:, [1, 3]] == pytest.approx(PROTON.momentum * coordinates[:, [1, 3]], rel=1e-14)
    assert local[:, [0, 2]] == pytest.approx(coordinates[:, [0, 2]], rel=1e-15)
    beta = ReferenceParticle.from_momentum("proton", frame.momentum).beta
    assert frame.begin == pytest.approx(3 * 8 * TURN)
    assert local[:, 4] == pytest.approx(-beta * SPEED_OF_LIGHT * (clock - frame.begin), rel=1e-12)


def test_a_frame_leads_back() -> None:
    frame, (coordinates, clock) = moment(1.03, -1e-3), flock()
    local = frame.local(coordinates, clock)
    assert frame.absolute(local) == pytest.approx(coordinates, rel=1e-11)
    assert frame.time(local[:, 4], np.zeros(6)) == pytest.approx(clock, rel=1e-12)
    later = frame.time(local[:, 4], np.full(6, 5.0)) - clock  # five turns of the magnets' own momentum
    assert later == pytest.approx(5 * LENGTH / frame.velocity, rel=1e-9)


def test_a_particle_belongs_to_the_moment_whose_middle_is_nearest() -> None:
    """Moments of 8 turns begin half a moment before their middle at 0, 8, 16 turns; none before the first."""
    clock = TURN * np.array([-9.0, 0.0, 3.9, 4.1, 11.9, 12.1])
    one = _Flock(np.zeros((6, 5)), clock, np.zeros(6, int), np.zeros(6, int), np.zeros((6, 8)))
    setup: Any = SimpleNamespace(turns_each=8, revolution_time=TURN)
    assert list(one.moments(setup)) == [0, 0, 0, 1, 1, 2]


def test_what_a_flock_has_left_to_do() -> None:
    status = np.array([CIRCULATES, EXTRACTED, CIRCULATES, CIRCULATES])
    one = _Flock(np.zeros((4, 5)), np.zeros(4), np.array([7, 2, 9, 8]), status, np.zeros((4, 8)))
    assert list(one.going(9)) == [0, 3]
    assert one.turns_done(9) == 7
    gone = _Flock(one.coordinates, one.clock, one.turn, np.full(4, EXTRACTED), one.record)
    assert (gone.turns_done(9), list(gone.going(9))) == (9, [])


def test_a_flock_begins_as_late_as_it_lies_behind() -> None:
    """zeta = -beta c t; what circulates is told with it again, about the turns done; what left is nan."""
    given = np.random.default_rng(2).normal(size=(3, 6)) * 1e-3
    setup: Any = SimpleNamespace(
        coordinates=given,
        particle=PROTON,
        revolution_time=TURN,
        schedule=SimpleNamespace(shift=lambda times: 2e-3 + 0 * times),
    )
    one = _Flock.of(setup)
    assert one.clock == pytest.approx(-given[:, 4] / (PROTON.beta * SPEED_OF_LIGHT), rel=1e-15)
    one.turn[:], one.status[1] = 4, EXTRACTED
    one.clock[:] += 4 * TURN
    told = _coordinates(setup, one)
    assert told[[0, 2]] == pytest.approx(given[[0, 2]] + [0, 0, 0, 0, 0, 2e-3], abs=1e-12)
    assert np.isnan(told[1]).all()


# --------------------------------------------------------------------------------------------------- what acts on them


@pytest.mark.parametrize("now", [0, 5])
def test_the_exciter_s_samples_are_its_kick_in_the_middle_of_each(now: int) -> None:
    """A sine of 3 urad is 3 urad cos(2 pi Q t / T); the samples begin six turns before the moment does."""
    knockout = RFKnockout(at="x", tune=0.28, bandwidth=0.0, programme=((0.0, 3e-6), (1.0, 3e-6)), excitation="sine")
    setup = SimpleNamespace(revolution_time=TURN, turns_each=8)
    runner: Any = SimpleNamespace(_setup=setup, _samples=40 * 64, _lead=6, _in_turn=64)
    signal = _Runner._signal(runner, knockout, now)
    times = ((np.arange(40 * 64) + 0.5) / 64 + now * 8 - 6) * TURN
    assert signal == pytest.approx(3e-6 * np.cos(2 * np.pi * 0.28 * times / TURN), abs=1e-15)


def test_buckets_count_the_periods_that_went_before() -> None:
    """At 1, 2 and 4 kHz in moments of 1 ms: 0, 1 and 3 periods before each; the phase at the end of the turn."""
    buckets = _Buckets(100.0, np.array([1e3, 2e3, 4e3]), np.array([0.0, 1.0, 3.25]), 1e-3)
    assert buckets.at(0, 0.25e-3) == pytest.approx((100.0, 1e3, 2 * np.pi * 0.25))
    assert buckets.at(1, 0.3e-3) == pytest.approx((100.0, 2e3, 2 * np.pi * 0.6))
    assert buckets.at(7, 0.1e-3) == pytest.approx((100.0, 4e3, 2 * np.pi * 0.65))  # the last one holds on


@pytest.mark.parametrize(
    ("frequency", "buckets", "turns"),
    [
        (0.0, None, 32),
        (0.0, 1, 16),
        (1e3, None, 32),
        (1.0 / (32 * 8.2 * TURN), None, 8),
        (1.0 / (32 * 7.9 * TURN), None, 4),
    ],
)
def test_settings_are_held_for_a_power_of_two_of_turns(frequency: float, buckets: int | None, turns: int) -> None:
    """32 moments to a period: 8.2 turns are 8, 7.9 are 4; where buckets move 16 at most."""
    schedule: Any = SimpleNamespace(highest_frequency=frequency, buckets=buckets)
    assert turns_between_settings(schedule, TURN) == turns


# ---------------------------------------------------------------------------------------------------------- who leaves


def test_the_first_end_of_each_particle_counts() -> None:
    """Three turns: one circulates, one reaches the wires' other side at the second, one is lost in the second turn at
    an opening and one beyond all bounds in the first; one that the septum takes before is not lost behind it."""
    geometry = (1.0, 0.03, 1e-4, 0.8, 0.0, 2.5e-3, 0.02)
    history = np.zeros((4, 5, 6))
    history[1:, 1, 0] = 0.04  # extracted: inside the gap of the septum
    history[2:, 2] = history[1:, 3] = np.nan
    history[0:, 4, 0] = 0.04
    run: Any = SimpleNamespace(
        coordinates=history,
        place=np.array([-1, -1, 12, 3, 7]),
        turn=np.array([0, 0, 1, 0, 2]),
        unbounded=np.array([False, False, False, True, False]),
    )
    ends, left = _ends(run, geometry)
    assert list(ends) == [CIRCULATES, EXTRACTED, APERTURE, UNBOUNDED, EXTRACTED]
    assert list(left) == [3, 1, 1, 0, 0]
    assert max(CIRCULATES, EXTRACTED, CATHODE) < min(APERTURE, UNBOUNDED)


# ----------------------------------------------------------------------------------------------------- loops over lanes


def python(function: Any) -> Any:
    """What is compiled, as it is written."""
    return function.py_func


def rows(draw: np.random.Generator, number: int, low: float = -1.0) -> Array:
    return np.asarray(draw.uniform(low, 1.0, number * LANES))


def row(values: Array, number: int) -> Array:
    return values[number * LANES : (number + 1) * LANES]


def test_the_quick_test_counts_who_is_outside_either_ellipse() -> None:
    """x^2 + (lean x + beta p)^2 against each lane's own limit, in x and in y: to one part in 10^9 on either side."""
    draw = np.random.default_rng(3)
    z, own = rows(draw, 4), rows(draw, N_OWN)
    squares = [
        row(z, place) ** 2 + (row(own, lean) * row(z, place) + beta * row(z, place + 1)) ** 2
        for place, lean, beta in ((0, LEAN_X, 3.0), (2, LEAN_Y, 7.0))
    ]
    for near_x, near_y, outside in ((1e-9, 1e-9, 0), (-1e-9, 1e-9, LANES), (1e-9, -1e-9, LANES)):
        row(own, QUICK_X)[:] = squares[0] * (1 + near_x)
        row(own, QUICK_Y)[:] = squares[1] * (1 + near_y)
        assert python(loops.count_outside)(z, own, 3.0, 7.0) == outside


def test_an_exciter_s_kick_is_the_real_part_of_envelope_times_phase() -> None:
    """The envelope is between those of now and a turn later; the phase goes on by the lane's own turn."""
    draw = np.random.default_rng(4)
    z, own = rows(draw, 4), rows(draw, N_OWN)
    before = z.copy()
    phase = row(own, REAL) + 1j * row(own, IMAGINARY)
    on = row(own, TURN_REAL) + 1j * row(own, TURN_IMAGINARY)
    now, later = 0.3 - 0.2j, -0.1 + 0.5j
    kick = ((now + row(own, AHEAD) * (later - now)) * phase).real
    python(loops.excited)(z, own, now, later)
    assert row(z, 1) == pytest.approx(row(before, 1) + kick, rel=1e-12)
    assert np.array_equal(np.delete(z.reshape(4, LANES), 1, 0), np.delete(before.reshape(4, LANES), 1, 0))
    assert row(own, REAL) + 1j * row(own, IMAGINARY) == pytest.approx(phase * on, rel=1e-12)


def test_a_bucket_s_step_is_one_of_a_pendulum() -> None:
    """phi grows by 2 pi f T, then delta by V sin phi of the new phase, then T by its slope times that."""
    draw = np.random.default_rng(5)
    state, own, times = rows(draw, N_STATE), rows(draw, N_OWN), 1e-6 * rows(draw, 1, 0.5)
    clock, phase, delta = (row(state, number).copy() for number in (CLOCK, PHASE, OWN_DELTA))
    before = times.copy()
    python(loops.bucket_step)(state, own, times, 2e5, 1e-3)
    turned = (phase + 2 * np.pi * 2e5 * before) % (2 * np.pi)
    assert row(state, CLOCK) == pytest.approx(clock + before, rel=1e-15)
    assert row(state, PHASE) == pytest.approx(turned, rel=1e-12)
    assert row(state, OWN_DELTA) - delta == pytest.approx(1e-3 * np.sin(turned), abs=1e-15)
    assert times - before == pytest.approx(row(own, TIME_SLOPE) * 1e-3 * np.sin(turned), abs=1e-18)


def test_a_lens_can_be_taken_off_again() -> None:
    draw = np.random.default_rng(6)
    z, lens = rows(draw, 4), rows(draw, loops.STAGE)
    before = z.copy()
    python(loops.through_lens)(z, lens, 1.0)
    assert row(z, 1) == pytest.approx(row(before, 1) - row(lens, 2) * row(before, 0), rel=1e-14)
    assert row(z, 3) == pytest.approx(row(before, 3) - row(lens, 3) * row(before, 2), rel=1e-14)
    python(loops.through_lens)(z, lens, -1.0)
    assert z == pytest.approx(before, abs=1e-15)


def test_kicks_come_from_a_potential_that_is_the_same_above_and_below() -> None:
    """d px / dy = d py / dx by differences, all terms together; y and py mirrored change with their sign alone."""
    draw = np.random.default_rng(7)
    stage = rows(draw, loops.STAGE + 8)
    stage[: 4 * LANES] = 0.0  # no drift and no lens

    def kick(x: Array, y: Array) -> tuple[Array, Array]:
        z = np.concatenate([x, 0 * x, y, 0 * y])
        python(loops.kicked)(z, stage)
        python(loops.kicked_fifth)(z, stage)
        return row(z, 1), row(z, 3)

    x, y, step = rows(draw, 1), rows(draw, 1), 1e-6
    over_y = (kick(x, y + step)[0] - kick(x, y - step)[0]) / (2 * step)
    over_x = (kick(x + step, y)[1] - kick(x - step, y)[1]) / (2 * step)
    assert over_y == pytest.approx(over_x, abs=1e-8)
    assert kick(x, -y)[0] == pytest.approx(kick(x, y)[0], abs=1e-15)
    assert kick(x, -y)[1] == pytest.approx(-kick(x, y)[1], abs=1e-15)


# --------------------------------------------------------------------------------------------------- what is proven


def test_amplitudes_of_a_section_are_those_that_touch_its_nearest_opening() -> None:
    """An ellipse of 40 x 20 mm and a box of 30 x 25 mm, the orbit 3 and 2 mm off: with 8 mm of height the corner of the
    beam lies on the ellipse, x + 3 mm and 8 + 2 mm; higher than an opening nothing is proven."""
    roots = np.array([[[2.0, 4.0], [3.0, 4.0], [1.0, 1.0]]])
    offset = np.array([[[3e-3, 2e-3]] * 3])
    openings = np.zeros((3, 6))
    openings[0, 4:], openings[0, 2:4] = [1 / 0.04, 1 / 0.02], [1 / 0.04, 1 / 0.02]
    openings[1:, 2:4] = [1 / 0.03, 1 / 0.025]
    with np.errstate(divide="ignore"):
        room = 1.0 / openings[:, 2:4] - offset
    betas, no_kicks = np.ones((1, 3, 2)), np.zeros((1, 2, 0))
    one = _Walk(betas, betas[:, 1:], no_kicks, room, offset, roots, openings, sections=np.array([0, 1, 1]))
    ellipse, box, free = one._sections(2e-3)[0]
    assert ((2.0 * ellipse + 3e-3) / 0.04) ** 2 + ((8e-3 + 2e-3) / 0.02) ** 2 == pytest.approx(1.0, rel=1e-12)
    assert 3.0 * box == pytest.approx(0.027, rel=1e-12)
    assert free == np.inf
    assert (one._sections(0.03)[0][:2] < 0).all()
