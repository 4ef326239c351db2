"""Compiled pieces of the fast tracker, as they are written, each against the formula that it is named after."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np
import pytest

from extraction.spill import looking
from extraction.spill.fate import APERTURE, CIRCULATES, EXTRACTED, UNBOUNDED, fate
from extraction.spill.lanes import leaving, moments, turn
from extraction.spill.lanes.rows import (
    AHEAD,
    BEFORE,
    CLOCK,
    CUT,
    DELTA_LEFT,
    HERE,
    IMAGINARY,
    LANES,
    LEAN_X,
    LEAN_Y,
    LEVEL,
    LIMIT_X,
    LIMIT_Y,
    N_OWN,
    N_RECORD,
    N_STATE,
    ORBIT_BEFORE,
    OWN_DELTA,
    PX_LEFT,
    PY_LEFT,
    QUICK_X,
    QUICK_Y,
    REAL,
    SLOPE,
    STATUS,
    TIME,
    TIME_SLOPE,
    TURN,
    TURN_IMAGINARY,
    TURN_REAL,
    X_LEFT,
    Y_LEFT,
    T,
)
from extraction.spill.lanes.turn import STAGE
from extraction.spill.looking import BEYOND, FAR, WITHIN
from extraction.spill.sections.corrections import TERMS_X, TERMS_Y, monomials_x, monomials_y
from extraction.spill.sections.kicks import FIFTH, FOURTH, curvatures, slopes
from lattice.arrays import Array

ELLIPSE = np.array([9.0, -1.5, 5.0, 0.4])


def python(function: Any) -> Any:
    """What is compiled, as it is written, with all that it calls."""
    plain = function.py_func
    calls = {name: plain.__globals__.get(name) for name in plain.__code__.co_names}
    named = {name: python(one) for name, one in calls.items() if hasattr(one, "py_func")}
    named = {**plain.__globals__, **named}
    return FunctionType(plain.__code__, named, plain.__name__, plain.__defaults__)


def rows(draw: np.random.Generator, number: int, low: float = -1.0) -> Array:
    return np.asarray(draw.uniform(low, 1.0, number * LANES))


def row(values: Array, number: int) -> Array:
    return values[number * LANES : (number + 1) * LANES]


def section(draw: np.random.Generator, determinant: float = 1.0) -> Array:
    """A matrix (2, 2) of this determinant."""
    a, b, c = draw.uniform(0.5, 2.0, 3)
    return np.array([[a, b], [c, (determinant + b * c) / a]])


# ----------------------------------------------------------------------------------------------- kicks and amplitudes


def potential(x: Any, y: Any) -> list[Any]:
    """The eight terms of V as the kicks' text has them."""
    return [
        *(x**3 / 3, x * y**2, x**4 / 4, x**2 * y**2 / 2, y**4 / 4),
        *(x**5 / 5, x**3 * y**2, x * y**4),
    ]


@pytest.mark.parametrize("terms", [FOURTH, FIFTH])
def test_kicks_and_curvatures_are_derivatives_of_the_potential(terms: int) -> None:
    """Complex steps: the derivative of a polynomial to rounding."""
    x, y, step = np.array([0.7, -0.4]), np.array([-0.3, 0.9]), 1e-30
    by_x, by_y = slopes(x, y, terms)
    np.testing.assert_allclose(by_x, np.array(potential(x + 1j * step, y))[:terms].imag / step, atol=1e-14)
    np.testing.assert_allclose(by_y, np.array(potential(x, y + 1j * step))[:terms].imag / step, atol=1e-14)
    by_xx, by_xy, by_yy = curvatures(x, y, terms)
    along_x, along_y = slopes(x + 1j * step, y + 0j, terms), slopes(x + 0j, y + 1j * step, terms)
    np.testing.assert_allclose(by_xx, along_x[0].imag / step, atol=1e-14)
    np.testing.assert_allclose(by_xy, along_x[1].imag / step, atol=1e-14)
    np.testing.assert_allclose(by_xy, along_y[0].imag / step, atol=1e-14)
    np.testing.assert_allclose(by_yy, along_y[1].imag / step, atol=1e-14)


@pytest.mark.parametrize("terms", [FOURTH, FIFTH])
def test_the_closer_look_kicks_as_the_maps_do(terms: int) -> None:
    k = np.random.default_rng(1).uniform(0.5, 1.5, terms)
    by_x, by_y = slopes(np.array([0.7]), np.array([-0.3]), terms)
    assert python(looking.kick)(0.7, -0.3, k) == pytest.approx((k @ by_x[:, 0], k @ by_y[:, 0]), rel=1e-14)


def test_an_amplitude_is_twice_the_action() -> None:
    """gamma u^2 + 2 alpha u p + beta p^2 with gamma = (1 + alpha^2) / beta."""
    u, p, beta, alpha = 0.7, -0.3, 9.0, -1.5
    wanted = (1 + alpha**2) / beta * u**2 + 2 * alpha * u * p + beta * p**2
    assert python(looking.square)(u, p, beta, alpha) == pytest.approx(wanted, rel=1e-14)


def test_a_section_carries_the_ellipse_as_its_matrix_of_determinant_one() -> None:
    """M Sigma M^T with Sigma = (beta -alpha; -alpha gamma)."""
    draw = np.random.default_rng(2)
    lane = section(draw, 1.3).ravel()
    matrix = np.array(python(looking._symplectic)(np.concatenate([[5.0, 5.0], lane]), 2)).reshape(2, 2)
    np.testing.assert_allclose(matrix * np.sqrt(1.3), lane.reshape(2, 2), rtol=1e-14)
    beta, alpha = 9.0, -1.5
    sigma = matrix @ np.array([[beta, -alpha], [-alpha, (1 + alpha**2) / beta]]) @ matrix.T
    found = python(looking._carried)(matrix.ravel(), beta, alpha)
    assert found == pytest.approx((sigma[0, 0], -sigma[0, 1]), rel=1e-13)


def test_an_opening_ends_at_its_rectangle_and_at_its_ellipse() -> None:
    """x0, y0, 1 / half widths, 1 / half axes: the larger of |u| / a, |v| / b and (u / c)^2 + (v / d)^2."""
    opening = np.array([0.2, -0.1, 1 / 3.0, 1 / 2.0, 1 / 4.0, 1 / 2.5])
    outside = python(looking.outside)
    assert outside(opening, 0.2 - 2.7, -0.1 + 0.2) == pytest.approx(0.9, rel=1e-14)
    assert outside(opening, 0.2 + 0.1, -0.1 - 1.8) == pytest.approx(0.9, rel=1e-14)
    assert outside(opening, 0.2 - 2.8, -0.1 - 1.9) == pytest.approx((2.8 / 4) ** 2 + (1.9 / 2.5) ** 2, rel=1e-14)


@pytest.mark.parametrize("terms", [0, FOURTH, FIFTH])
def test_a_stage_is_a_drift_then_a_lens_and_the_kick_of_its_potential(terms: int) -> None:
    draw = np.random.default_rng(18)
    z, stage = rows(draw, 4), rows(draw, STAGE + terms)
    x, px, y, py = (row(z, k).copy() for k in range(4))
    drift_x, drift_y, lens_x, lens_y = (row(stage, k) for k in range(4))
    x, y = x + drift_x * px, y + drift_y * py
    wanted = [x, px - lens_x * x, y, py - lens_y * y]
    if terms:
        k = stage[STAGE * LANES :].reshape(terms, LANES)
        by_x, by_y = slopes(x, y, terms)
        wanted[1], wanted[3] = wanted[1] - np.sum(k * by_x, axis=0), wanted[3] - np.sum(k * by_y, axis=0)
    python(turn.kicked if terms else turn.drifted)(z, stage)
    if terms == FIFTH:
        python(turn.kicked_fifth)(z, stage)
    np.testing.assert_allclose(z.reshape(4, LANES), wanted, rtol=0, atol=1e-14)


# ------------------------------------------------------------------------------------------------------- closer look


def test_corrections_are_their_monomials() -> None:
    draw = np.random.default_rng(3)
    c, t, z = draw.uniform(-1.0, 1.0, (TERMS_X + TERMS_Y, 3)), 0.6, draw.uniform(0.5, 1.5, 4)
    values = np.asarray(np.polynomial.polynomial.polyval(t, c.T))
    wanted = monomials_x(z[None])[0] @ values[:TERMS_X], monomials_y(z[None])[0] @ values[TERMS_X:]
    assert python(looking._corrected)(c, t, *z) == pytest.approx(wanted, rel=1e-13)
    assert python(looking._polynomial)(c[0], t) == pytest.approx(values[0], rel=1e-14)


def test_tables_of_a_place_are_made_up_once_a_moment() -> None:
    draw = np.random.default_rng(4)
    stack, weights = draw.uniform(-1.0, 1.0, (3, 36, 2)), draw.uniform(-1.0, 1.0, (2, 3))
    cache, known, table = np.zeros((36, 2)), np.full(3, -1), python(looking._table)
    for moment in (0, 1):
        wanted = np.einsum("k,krp->rp", weights[moment], stack[:, 12:24])
        np.testing.assert_allclose(table(cache, known, 1, moment, stack, weights), wanted, rtol=0, atol=1e-15)
        assert list(known) == [-1, moment, -1]
    kept = table(cache, known, 1, 1, 0.0 * stack, weights)  # not made up again
    np.testing.assert_allclose(kept, wanted, rtol=0, atol=1e-15)
    assert np.all(cache[:12] == 0.0)
    assert np.all(cache[24:] == 0.0)
    assert table(cache, known, 2, 0, stack[:1], weights) == pytest.approx(stack[0, 24:])


class Ring:
    """Three sections with a kick behind each but the last, and two places in each, at the momentum ``t``."""

    first = np.array([0, 2, 4, 6])
    t = 0.3
    excited = (1, 0.04)

    def __init__(self) -> None:
        draw = np.random.default_rng(5)
        self.matrices = np.array([[section(draw, 1.2), section(draw, 0.9)] for _ in range(3)])
        self.kicks = draw.uniform(-0.5, 0.5, (2, FOURTH))
        self.lane = np.concatenate([self.matrices.ravel(), self.kicks.ravel()])
        self.stack = draw.uniform(0.2, 1.0, (1, 72, 2))
        self.corrections = draw.uniform(-0.3, 0.3, (6, TERMS_X + TERMS_Y, 2))
        self.begin = draw.uniform(0.1, 0.2, 4)

    def beginnings(self) -> tuple[list[Array], list[Array]]:
        """Coordinates at the sections' beginnings, and twice the action in the ellipses that are carried there."""
        z, (bx, ax, by, ay) = self.begin, ELLIPSE
        sigmas = [np.array([[b, -a], [-a, (1 + a * a) / b]]) for b, a in ((bx, ax), (by, ay))]
        states, sizes = [], []
        for j, (pair, kick) in enumerate(zip(self.matrices, [*self.kicks, np.zeros(FOURTH)], strict=True)):
            inverse = [np.linalg.inv(sigma) for sigma in sigmas]
            states.append(z)
            sizes.append(np.array([z[:2] @ inverse[0] @ z[:2], z[2:] @ inverse[1] @ z[2:]]))
            m, n = (one / np.sqrt(np.linalg.det(one)) for one in pair)
            sigmas = [m @ sigmas[0] @ m.T, n @ sigmas[1] @ n.T]
            z = np.concatenate([m @ z[:2], n @ z[2:]])
            by_x, by_y = slopes(z[:1], z[2:3], FOURTH)
            z = z - [0.0, kick @ by_x[:, 0], 0.0, kick @ by_y[:, 0]]
            if j == self.excited[0]:
                z[1] += self.excited[1]
        return states, sizes

    def positions(self, corrected: bool) -> Array:
        """Absolute x, px, y, py (6, 4) at each place."""
        found = []
        for place in range(6):
            z = self.beginnings()[0][place // 2]
            table = self.stack[0, 12 * place : 12 * place + 12]
            of_place = np.asarray(np.polynomial.polynomial.polyval(self.t, table.T))
            x, y, p, q = (
                of_place[3 * k] + of_place[3 * k + 1 : 3 * k + 3] @ part
                for k, part in enumerate((z[:2], z[2:], z[:2], z[2:]))
            )
            if corrected:
                values = np.asarray(np.polynomial.polynomial.polyval(self.t, self.corrections[place].T))
                x += monomials_x(z[None])[0] @ values[:TERMS_X]
                y += monomials_y(z[None])[0] @ values[TERMS_X:]
            found.append([x, p, y, q])
        return np.array(found)

    def look(self, how: int, openings: Array, limits: Array) -> Any:
        memory = (np.zeros((72, 2)), np.full(6, -1))
        watch = (ELLIPSE, limits, self.first, openings, self.stack, np.ones((1, 1)), self.corrections)
        return python(looking.look)(
            self.lane, 24, FOURTH, tuple(self.begin), self.t, how, self.excited, watch, memory, 0
        )


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("how", [WITHIN, BEYOND, FAR])
def test_the_closer_look_finds_the_place_and_what_is_there(how: int, place: int) -> None:
    """One box about where the particle is, one part in 10^9 too narrow in x or in y; all others are far away."""
    ring = Ring()
    wanted = ring.positions(corrected=how != FAR)[place]
    openings = np.zeros((6, 6))
    assert ring.look(how, openings, np.zeros((3, 2)))[0] == -1
    for plane, index in ((0, 2), (2, 3)):
        for more, found in ((1 + 1e-9, place), (1 - 1e-9, -1)):
            narrow = openings.copy()
            narrow[place, index] = more / abs(wanted[plane])
            at, there = ring.look(how, narrow, np.zeros((3, 2)))
            assert at == found
            if at >= 0:
                np.testing.assert_allclose(there, wanted, rtol=1e-12)


@pytest.mark.parametrize("plane", [0, 1])
@pytest.mark.parametrize("section_of", range(3))
def test_sections_are_looked_at_where_either_amplitude_is_larger_than_proven(section_of: int, plane: int) -> None:
    ring = Ring()
    shut = np.full((6, 6), 1e9)
    limits = np.array(ring.beginnings()[1]) * (1 + 1e-9)
    assert ring.look(WITHIN, shut, limits)[0] == -1
    limits[section_of, plane] *= 1 - 2e-9
    assert ring.look(WITHIN, shut, limits)[0] == 2 * section_of
    assert ring.look(BEYOND, shut, limits)[0] == 0


def test_a_turn_of_the_closer_look_ends_where_its_last_section_begins() -> None:
    ring = Ring()
    np.testing.assert_allclose(
        ring.look(FAR, np.zeros((6, 6)), np.zeros((3, 2)))[1], ring.beginnings()[0][-1], rtol=1e-12
    )


# ----------------------------------------------------------------------------------------------------- a new moment


@pytest.mark.parametrize("powers", range(1, 11))
def test_numbers_of_a_momentum_are_their_polynomials(powers: int) -> None:
    draw = np.random.default_rng(6)
    table, t, vector = draw.uniform(-1.0, 1.0, (3, powers)), rows(draw, 1), np.zeros(3 * LANES)
    python(moments._refresh)(vector, t, table)
    wanted = np.polynomial.polynomial.polyval(t, table.T)
    np.testing.assert_allclose(vector.reshape(3, LANES), wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1.01])
def test_a_new_moment_has_its_momenta_orbits_and_times(scale: float, relative: bool) -> None:
    """delta of the magnets' momentum; absolute coordinates stay; T / velocity: beta gamma (1 + own + shift) is that of
    the particle, and 1 / scale of it that of the magnets' momentum."""
    draw = np.random.default_rng(7)
    state, own, shift, speed = 1e-3 * rows(draw, N_STATE), rows(draw, N_OWN), 2e-3, 0.6
    row(state, STATUS)[:] = np.where(np.arange(LANES) % 3 == 0, EXTRACTED, CIRCULATES)
    tables, centre, half_width = draw.uniform(-1e-3, 1e-3, (2, 5, 3)), 1e-4, 5e-3
    tables[:, 4, 0] = 1.0
    vector, before = rows(draw, 5), state.copy()
    old = vector[: 4 * LANES].copy()
    python(moments.new_moment)(
        *(state, own, vector, vector[: 4 * LANES], vector[4 * LANES :], (tables, centre, half_width, speed)),
        *(7, shift, scale, relative),
    )
    delta = (1 + row(before, OWN_DELTA) + shift) * scale - 1
    np.testing.assert_allclose(row(own, T), (delta - centre) / half_width, rtol=1e-12)
    np.testing.assert_allclose(row(own, SLOPE), 1 / (1 + delta), rtol=1e-14)
    np.testing.assert_array_equal(own[ORBIT_BEFORE * LANES : (ORBIT_BEFORE + 4) * LANES], old)
    wanted = np.polynomial.polynomial.polyval(row(own, T), tables[1].T)  # the last one holds on
    np.testing.assert_allclose(vector[: 4 * LANES], wanted[:4].ravel(), rtol=0, atol=1e-15)
    momentum = speed * (1 + row(before, OWN_DELTA) + shift)
    velocity = [one / np.sqrt(1 + one**2) for one in (momentum, scale * momentum)]
    np.testing.assert_allclose(row(vector, 4), wanted[4] * velocity[1] / velocity[0], rtol=1e-12)
    moves = (row(state, STATUS) == CIRCULATES) & (not relative)
    moved = np.where(np.tile(moves, 4), old - vector[: 4 * LANES], 0.0)
    np.testing.assert_allclose(state[: 4 * LANES] - before[: 4 * LANES], moved, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(state[4 * LANES :], before[4 * LANES :])


def test_phases_of_the_exciter_are_those_of_each_lanes_clock() -> None:
    draw = np.random.default_rng(8)
    state, own, time = rows(draw, N_STATE), rows(draw, N_OWN), 1e-6 * rows(draw, 1, 0.5)
    row(state, CLOCK)[:] = 1e-5 * rows(draw, 1, 0.0)
    row(state, STATUS)[:] = np.where(np.arange(LANES) % 3 == 0, EXTRACTED, CIRCULATES)
    python(moments.new_phases)(state, own, time, 3e5, 0.7e-6, 6)
    ahead = row(state, CLOCK) / 0.7e-6 - 6
    assert ahead.min() < -1
    assert ahead.max() > 2
    np.testing.assert_allclose(row(own, AHEAD), np.clip(ahead, -1, 2), rtol=0, atol=1e-12)
    wanted = np.exp(2j * np.pi * 3e5 * row(state, CLOCK)) * (row(state, STATUS) == CIRCULATES)
    np.testing.assert_allclose(row(own, REAL) + 1j * row(own, IMAGINARY), wanted, rtol=0, atol=1e-12)
    on = np.exp(2j * np.pi * 3e5 * time)
    np.testing.assert_allclose(row(own, TURN_REAL) + 1j * row(own, TURN_IMAGINARY), on, rtol=0, atol=1e-12)


def test_the_time_of_a_turn_changes_as_its_polynomial_with_the_momentum() -> None:
    draw = np.random.default_rng(9)
    own, polynomial = rows(draw, N_OWN), draw.uniform(-1.0, 1.0, 5)
    python(moments.new_time_slopes)(own, polynomial, 5e-3, 0.97)
    slope = np.polynomial.Polynomial(polynomial).deriv()(row(own, T)) * 0.97 / 5e-3
    np.testing.assert_allclose(row(own, TIME_SLOPE), slope, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("terms", [FOURTH, FIFTH])
def test_a_path_of_lenses_and_drifts_is_the_sections_and_their_kicks(terms: int) -> None:
    """Three sections, the second with drifts before it: each lens and drift multiplied out again, lane by lane."""
    draw = np.random.default_rng(14)
    sections = np.array([[[section(draw, 1.1) for _ in range(LANES)] for _ in "xy"] for _ in range(3)])
    kicks = draw.uniform(-1.0, 1.0, (2, terms, LANES))
    vector = np.concatenate([sections.transpose(0, 1, 3, 4, 2).ravel(), kicks.ravel()])
    extras = np.array([[0.0, 0.0], [0.7, 0.0], [0.0, 0.0]])
    path = np.full((5, (STAGE + terms) * LANES), np.nan)
    python(moments.new_path)(path, vector, extras, terms)
    for stage, kick in ((1, 0), (3, 1)):
        np.testing.assert_array_equal(path[stage, STAGE * LANES :], kicks[kick].ravel())
    for lane in range(LANES):
        for plane in (0, 1):

            def drift_and_lens(stage: int, plane: int = plane, lane: int = lane) -> Array:
                drift, lens = (row(path[stage], at + plane)[lane] for at in (0, 2))
                return np.array([[1.0, drift], [-lens, 1.0 - lens * drift]])

            whole = np.linalg.multi_dot([drift_and_lens(stage) for stage in (4, 3, 2, 1)])
            lens = np.array([[1.0, 0.0], [-row(path[0], 2 + plane)[lane], 1.0]])
            wanted = np.linalg.multi_dot(sections[::-1, plane, lane]) / np.sqrt(1.1) ** 3
            np.testing.assert_allclose(whole @ lens, lens @ wanted, rtol=0, atol=1e-12)  # the next turn's lens is in it


# ---------------------------------------------------------------------------------------------- who may leave, who does


def limits_of(side: float, limits: Array, t: Any = 0.0) -> tuple[Array, Array, Array, tuple[float, ...]]:
    """Own rows with the limits of a moment, the lanes' orbits, the first lens, and the wires."""
    draw = np.random.default_rng(10)
    orbit = np.concatenate([5e-3 * rows(draw, 1), 1e-3 * rows(draw, 1), np.zeros(2 * LANES)])
    own, lens = np.zeros(N_OWN * LANES), np.concatenate([np.zeros(2 * LANES), 0.3 * rows(draw, 2)])
    row(own, SLOPE)[:], row(own, T)[:] = 1.0 + 0.1 * rows(draw, 1), t
    wires = (side, side * 0.03, 1e-4, 0.8, side * 4e-3, 2.5e-3, 0.0)
    state = np.zeros(N_STATE * LANES)
    state[2 * LANES : 4 * LANES] = np.concatenate([1e-2 * rows(draw, 1), 1e-3 * rows(draw, 1)])
    python(moments.new_limits)(state, own, limits, lens, orbit, ELLIPSE, wires)
    return own, orbit, lens, wires


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_quick_tests_ellipse_touches_the_wires(side: float) -> None:
    """The depth behind the wires at their begin and their end, all around the ellipse: the largest is 0."""
    own, orbit, _, (_, position, _, length, angle, _, _) = limits_of(side, np.full((1, 1, 2), np.inf))
    phase = np.linspace(0.0, 2 * np.pi, 20_001)[:, None]
    size = np.sqrt(row(own, QUICK_X) / ELLIPSE[0])
    x = size * np.sqrt(ELLIPSE[0]) * np.cos(phase) + row(orbit, 0)
    p = -size / np.sqrt(ELLIPSE[0]) * (np.sin(phase) + ELLIPSE[1] * np.cos(phase)) + row(orbit, 1)
    begin = side * (x - position)
    end = begin + side * length * (p * row(own, SLOPE) - angle)
    deepest = np.max(np.maximum(begin, end), axis=0)
    np.testing.assert_allclose(deepest, 0.0, rtol=0, atol=3e-9)  # 0.03 m x (half a step of phase)^2 / 2
    np.testing.assert_allclose(row(own, QUICK_Y), 0.4**2)


def test_the_quick_tests_amplitudes_stand_behind_the_first_lens() -> None:
    """u^2 + (alpha u + beta p)^2 in front of it is u^2 + (lean u + beta p')^2 behind, p' = p - lens u."""
    own, _, lens, _ = limits_of(1.0, np.full((1, 1, 2), np.inf))
    for lean, beta, alpha, of in ((LEAN_X, *ELLIPSE[:2], 2), (LEAN_Y, *ELLIPSE[2:], 3)):
        u, p = 0.7, -0.3
        behind = row(own, lean) * u + beta * (p - row(lens, of) * u)
        np.testing.assert_allclose(behind, alpha * u + beta * p, rtol=1e-12)


def test_proven_amplitudes_are_those_of_each_lanes_momentum_and_height() -> None:
    """Two levels of four momenta, t from -1 to 1; nothing is proven beyond. Quick limits: times beta, no wires near."""
    limits = 1e-7 * (1.0 + np.arange(16.0).reshape(2, 4, 2))
    limits[:, :, 1] *= [[1.0], [1e4]]
    t = np.linspace(-1.2, 1.2, LANES)
    own, _, _, _ = limits_of(1.0, limits, t)
    cell = np.floor((t + 1) / 2 * 4).astype(int)
    known = (cell >= 0) & (cell < 4)
    inside = cell.clip(0, 3)
    height = np.random.default_rng(10)
    for _ in range(5):
        rows(height, 1)  # the draws before those of the heights
    y, q = 1e-2 * rows(height, 1), 1e-3 * rows(height, 1)
    square = (y**2 + (ELLIPSE[3] * y + ELLIPSE[2] * q) ** 2) / ELLIPSE[2]
    level = np.where(known & (square > limits[0, inside, 1]), 1, 0)
    np.testing.assert_array_equal(row(own, LEVEL), level)
    for plane, (of, quick, beta) in enumerate(((LIMIT_X, QUICK_X, ELLIPSE[0]), (LIMIT_Y, QUICK_Y, ELLIPSE[2]))):
        wanted = np.where(known, limits[level, inside, plane], -1.0)
        np.testing.assert_allclose(row(own, of), wanted, rtol=1e-14)
        np.testing.assert_allclose(row(own, quick), np.minimum(beta * wanted, 0.16), rtol=1e-14)


def test_lanes_that_are_not_proven_are_counted() -> None:
    """Twice the action against each lane's limits, one part in 10^9 on either side."""
    draw = np.random.default_rng(11)
    here, own = rows(draw, 4), rows(draw, N_OWN)
    sizes = [
        python(looking.square)(row(here, 0), row(here, 1), *ELLIPSE[:2]),
        python(looking.square)(row(here, 2), row(here, 3), *ELLIPSE[2:]),
    ]
    for near_x, near_y, count in ((1e-9, 1e-9, 0), (-1e-9, 1e-9, LANES), (1e-9, -1e-9, LANES)):
        row(own, LIMIT_X)[:], row(own, LIMIT_Y)[:] = sizes[0] * (1 + near_x), sizes[1] * (1 + near_y)
        assert python(leaving.count_unproven)(here, own, ELLIPSE) == count


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_lanes_at_the_septum_are_those_whose_fate_is_not_to_circulate(side: float) -> None:
    draw = np.random.default_rng(12)
    _, orbit, _, wires = limits_of(side, np.full((1, 1, 2), np.inf))
    here, slope = np.concatenate([0.06 * rows(draw, 1), 2e-2 * rows(draw, 1), 0.1 * rows(draw, 2)]), rows(draw, 1, 0.8)
    ends = [
        python(fate)(row(here, 0)[i] + row(orbit, 0)[i], (row(here, 1)[i] + row(orbit, 1)[i]) * slope[i], wires)
        for i in range(LANES)
    ]
    leaves = sum(end != CIRCULATES for end in ends)
    assert 5 < leaves < LANES - 5
    assert python(leaving.count_beyond)(here, orbit, slope, wires) == leaves
    far = 0.0 * here
    row(far, 0)[:2], row(far, 2)[:2] = -side * 0.5, 0.51  # a metre of both planes together
    row(far, 2)[2] = np.nan
    assert python(leaving.count_beyond)(far, 0.0 * orbit, slope, wires) == 3


def test_what_leaves_is_written_down_and_its_lane_is_parked() -> None:
    """Absolute coordinates, momenta in units of the reference particle's; the clock is later by the turns it misses."""
    draw = np.random.default_rng(13)
    state, own, record = rows(draw, N_STATE), rows(draw, N_OWN), np.zeros(N_RECORD)
    before, others = own.copy(), state.copy()
    python(leaving._leave)(state, own, 3, EXTRACTED, record, 17, 2.5e-6, 0.97, 5)
    x, px, y, py = (before[(BEFORE + k) * LANES + 3] for k in range(4))
    assert record[[X_LEFT, PX_LEFT, Y_LEFT, PY_LEFT]] == pytest.approx([x, px / 0.97, y, py / 0.97], rel=1e-15)
    assert record[[TURN, CUT]] == pytest.approx([17, 5])
    assert record[TIME] == pytest.approx(others[CLOCK * LANES + 3] + 2.5e-6, rel=1e-15)
    assert record[DELTA_LEFT] == others[OWN_DELTA * LANES + 3]
    assert [row(state, k)[3] for k in range(4)] == [0.0] * 4
    assert row(state, STATUS)[3] == EXTRACTED
    assert row(own, REAL)[3] == row(own, IMAGINARY)[3] == 0.0
    left = np.delete(state.reshape(N_STATE, LANES), 3, axis=1)
    np.testing.assert_array_equal(left, np.delete(others.reshape(N_STATE, LANES), 3, axis=1))


def test_lanes_stand_in_front_of_the_first_lens() -> None:
    draw = np.random.default_rng(15)
    state, own, lens = rows(draw, N_STATE), np.zeros(N_OWN * LANES), rows(draw, 4)
    here = python(leaving.stand)(state, own, lens)
    x, px, y, py = (row(state, k) for k in range(4))
    wanted = np.concatenate([x, px + row(lens, 2) * x, y, py + row(lens, 3) * y])
    np.testing.assert_allclose(here, wanted, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(own[HERE * LANES : (HERE + 4) * LANES], here)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_who_leaves_at_the_septum_has_its_fate_written_down(side: float, seed: int) -> None:
    """About their orbits, each lane for itself: the fate of absolute x and of px times its slope; 4 turns late."""
    draw = np.random.default_rng(seed)
    _, orbit, _, wires = limits_of(side, np.full((1, 1, 2), np.inf))
    state, own, record = rows(draw, N_STATE), rows(draw, N_OWN), np.zeros((LANES, N_RECORD))
    row(own, SLOPE)[:], time = 1.0 + 0.5 * rows(draw, 1), 1e-6 * rows(draw, 1, 0.5)
    here = np.concatenate([0.06 * rows(draw, 1), 2e-2 * rows(draw, 1), 0.1 * rows(draw, 2)])
    row(here, 0)[0], row(here, 2)[0] = -side * 0.5, 0.51  # a metre of both planes together
    row(here, 0)[1], row(here, 2)[1] = -side * 0.5, 0.49
    row(here, 0)[2] = side * 0.06
    row(state, STATUS)[:] = CIRCULATES
    row(state, STATUS)[2] = APERTURE  # gone before
    clock = row(state, CLOCK).copy()
    python(leaving.at_septum)(state, own, here, orbit, time, wires, record, 11, 4, 0.97)
    ends = [
        python(fate)(row(here, 0)[i] + row(orbit, 0)[i], (row(here, 1) + row(orbit, 1))[i] * row(own, SLOPE)[i], wires)
        for i in range(LANES)
    ]
    ends[:3] = [UNBOUNDED, ends[1], APERTURE]
    assert ends[1] == CIRCULATES
    np.testing.assert_array_equal(row(state, STATUS), ends)
    gone = np.flatnonzero((np.array(ends) != CIRCULATES) & (np.arange(LANES) != 2))
    assert len(gone) > 2
    at = (here + np.concatenate([orbit[: 2 * LANES], np.zeros(2 * LANES)])).reshape(4, LANES)[:, gone]
    wanted = [np.full(len(gone), 11), clock[gone] + 4 * time[gone], at[0], at[1] / 0.97, at[2], at[3] / 0.97]
    np.testing.assert_allclose(record[gone][:, [TURN, TIME, X_LEFT, PX_LEFT, Y_LEFT, PY_LEFT]].T, wanted, rtol=1e-14)
    assert np.all(record[gone, CUT] == -1)
    assert not record[np.setdiff1d(np.arange(LANES), gone)].any()


def test_each_lane_is_looked_at_by_how_far_out_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a lane takes to the closer look: its maps, coordinates, kick, and the limits of its level and momentum.

    Within the region of the fit; to 1.7 times its squares, or where no momentum is tabulated, beyond it; else far.
    """
    draw = np.random.default_rng(17)
    state, own, record = rows(draw, N_STATE), rows(draw, N_OWN), np.zeros((LANES, N_RECORD))
    here, vector, time = rows(draw, 4), rows(draw, 3), 1e-6 * rows(draw, 1, 0.5)
    here.reshape(4, LANES)[:, [0, 1, -1]] *= 0.1  # near the orbit, at momenta outside of the table on either side
    row(state, STATUS)[:], row(own, LEVEL)[:] = CIRCULATES, np.arange(LANES) % 2
    row(state, STATUS)[5] = EXTRACTED
    row(own, T)[:] = np.linspace(-1.2, 1.2, LANES)
    wide, high = (
        python(looking.square)(row(here, 2 * k), row(here, 2 * k + 1), *ELLIPSE[2 * k : 2 * k + 2]) for k in (0, 1)
    )
    row(own, LIMIT_X)[:], row(own, LIMIT_Y)[:] = 0.5 * wide, 2 * high
    row(own, LIMIT_X)[7], row(own, LIMIT_Y)[8] = 2 * wide[7], 0.5 * high[8]
    region = np.quantile(wide, 0.4), np.quantile(high, 0.6)
    cells, signal, seen = np.arange(48.0).reshape(2, 4, 3, 2), (0.3 - 0.2j, -0.1 + 0.5j), {}

    def look(lane: Any, offset: int, terms: int, z: Any, t: float, how: int, excited: Any, *rest: Any) -> Any:
        (i,) = np.flatnonzero(vector[:LANES] == lane[0])
        seen[int(i)] = (lane, z, t, how, excited, rest[0][1])
        assert (offset, terms, rest[1], rest[2], rest[0][2:]) == (24, 5, "memory", 3, ("and", "more"))
        return (6 if i == 9 else -1), (0.1, 0.2, 0.3, 0.4)

    at_apertures = python(leaving.at_apertures)
    monkeypatch.setitem(at_apertures.__globals__, "look", look)
    watch = (ELLIPSE, cells, region, "and", "more")
    at_apertures(
        *(state, own, here, vector, (5, 24, 1), watch, "memory", 3, signal, time, record, 17, 2, 0.97),
    )
    assert set(seen) == set(range(LANES)) - {5, 7}
    t = row(own, T)
    cell = np.floor((t + 1) / 2 * 4).astype(int)
    for i, (lane, z, at, how, excited, limits) in seen.items():
        np.testing.assert_array_equal(lane, vector[i::LANES])
        np.testing.assert_array_equal(z, here[i::LANES])
        assert at == t[i]
        known = 0 <= cell[i] < 4 and t[i] >= -1
        out = max(wide[i] / region[0], high[i] / region[1])
        assert how == (FAR if out > 1.7 else BEYOND if out > 1 or not known else WITHIN), i
        np.testing.assert_array_equal(limits, cells[i % 2, cell[i] if known else 0])
        now = signal[0] + row(own, AHEAD)[i] * (signal[1] - signal[0])
        kick = (now * (row(own, REAL)[i] + 1j * row(own, IMAGINARY)[i])).real
        assert excited == (1, pytest.approx(kick if i != 9 else excited[1]))
    assert {seen[i][3] for i in seen} == {WITHIN, BEYOND, FAR}
    assert list(np.flatnonzero(row(state, STATUS) == APERTURE)) == [9]
    wanted = [17, 0.1, 0.2 / 0.97, 0.3, 0.4 / 0.97, 6]
    assert record[9, [TURN, X_LEFT, PX_LEFT, Y_LEFT, PY_LEFT, CUT]] == pytest.approx(wanted)
    assert record[9, TIME] == pytest.approx(row(state, CLOCK)[9] + 2 * time[9], rel=1e-14)
