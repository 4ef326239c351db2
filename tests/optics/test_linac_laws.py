"""Laws of a linac: rigidity, scaling of jitter and acceptance, trips, the clock of the lost."""

from __future__ import annotations

from dataclasses import replace
from math import acos, cos, cosh, pi, radians, sin, sinh, sqrt

import numpy as np
import pytest

from lattice import ReferenceParticle
from lattice.arrays import Array
from optics.linac import (
    Linac,
    PermanentQuadrupole,
    Pipe,
    matched_start,
    periods,
    track,
    transport,
)
from optics.linac.bucket import bucket, longitudinal_acceptance, transverse_acceptance
from optics.linac.structure.cut import downstream, upstream
from optics.linac.switching.energies import stages
from optics.linac.switching.jitter import pulse_energies
from optics.linac.switching.settings import settings_for
from optics.linac.switching.trips import recovery
from tests.linac_machines import CCL_ENTRANCE, FREQUENCY, ccl, ccl_bunch

SPEED = 299792458.0

# ------------------------------------------------------------------------------------------------------ focusing


def off(linac: Linac) -> Linac:
    """The linac with its RF off."""
    return linac.with_units(amplitude=dict.fromkeys(linac.units, 0.0))


def coasting(energy: float) -> Linac:
    """The linac with its RF off for protons of ``energy`` [eV], which its lenses focus."""
    return replace(off(ccl()), particle=ReferenceParticle("proton", kinetic_energy_per_u=energy))


def stiffer(linac: Linac, factor: float) -> Linac:
    """All momenta and all gradients times ``factor``."""
    momentum = factor * linac.particle.momentum
    kinetic = momentum**2 / (sqrt(momentum**2 + linac.particle.mass**2) + linac.particle.mass)
    particle = ReferenceParticle(linac.particle.kind, kinetic_energy_per_u=kinetic / linac.particle.nucleons)
    gradients = [factor * magnet.gradient for magnet in linac.quadrupoles]
    return replace(linac, particle=particle).with_gradients(gradients)


@pytest.mark.parametrize("factor", [0.7, 1.5])
def test_advances_without_rf_depend_on_gradient_over_momentum_alone(factor: float) -> None:
    """k = q G / p: rounding of some hundred matrices."""
    whole, scaled = periods(coasting(120e6)), periods(stiffer(coasting(120e6), factor))
    for one, other in zip(whole, scaled, strict=True):
        assert (other.mux, other.muy) == pytest.approx((one.mux, one.muy), rel=1e-9)
        assert (one.mux, one.muy) == pytest.approx((one.mux_without_rf, one.muy_without_rf), rel=1e-12)
        assert 0.02 < one.mux < 0.3
    assert max(abs(one.mux - one.muy) for one in whole) > 1e-3  # planes can be told from each other


def channel(focusing: float, defocusing: float) -> Linac:
    """Three lenses of 30 mm and of these gradients [T/m] in turn, 0.2 and 0.15 m apart."""
    lens = {"length": 0.03, "bore": 5e-3}
    return Linac(
        "channel",
        CCL_ENTRANCE,
        (
            Pipe("d0", length=0.1, bore=5e-3),
            PermanentQuadrupole("q1", gradient=focusing, **lens),
            Pipe("d1", length=0.2, bore=5e-3),
            PermanentQuadrupole("q2", gradient=defocusing, **lens),
            Pipe("d2", length=0.15, bore=5e-3),
            PermanentQuadrupole("q3", gradient=focusing, **lens),
        ),
    )


def lens(gradient: float, length: float) -> Array:
    """Thick lens of K = G / (B rho): the textbook's matrix."""
    strength = gradient / CCL_ENTRANCE.magnetic_rigidity
    k = sqrt(abs(strength))
    if strength > 0:
        return np.array([[cos(k * length), sin(k * length) / k], [-k * sin(k * length), cos(k * length)]])
    return np.array([[cosh(k * length), sinh(k * length) / k], [k * sinh(k * length), cosh(k * length)]])


def straight(length: float) -> Array:
    return np.array([[1.0, length], [0.0, 1.0]])


def period_matrix(focusing: float, defocusing: float) -> Array:
    """From the middle of the first lens to that of the third."""
    half = lens(focusing, 0.015)
    return half @ straight(0.15) @ lens(defocusing, 0.03) @ straight(0.2) @ half


def test_the_advance_of_a_period_is_that_of_thick_lenses() -> None:
    """cos(mu) is half the trace of the textbook's matrices, in x and, with signs turned, in y."""
    (found,) = periods(channel(60.0, -55.0))
    advances = [acos(0.5 * np.trace(period_matrix(sign * 60, -sign * 55))) / (2 * pi) for sign in (1, -1)]
    assert (found.mux, found.muy) == pytest.approx(advances, rel=1e-9)
    assert (found.mux_without_rf, found.muy_without_rf) == pytest.approx(advances, rel=1e-9)
    assert (found.s, found.end) == pytest.approx((0.115, 0.525), rel=1e-12)
    assert found.energy == pytest.approx(37.5e6, rel=1e-12)


def test_advances_with_acceleration_are_those_of_the_block_of_determinant_one() -> None:
    """cos(mu) = trace / (2 det^(1/2)) of a period's block, which the RF damps; its energy is that at its start."""
    run = transport(ccl())
    for period in periods(ccl())[::10]:
        first, last = (int(np.argmin(np.abs(run.s - s))) for s in (period.s, period.end))
        block = run.between(first, last)
        assert np.linalg.det(block[:2, :2]) < 0.99
        for i, advance in ((0, period.mux), (2, period.muy)):
            part = block[i : i + 2, i : i + 2]
            assert cos(2 * pi * advance) == pytest.approx(0.5 * np.trace(part) / sqrt(np.linalg.det(part)), abs=1e-9)
        assert period.energy == pytest.approx(float(run.energy[first]), rel=1e-12)


def test_a_matched_beam_is_the_periodic_solution_carried_back() -> None:
    """beta = m12 / sin(mu), alpha = (m11 - m22) / (2 sin(mu)) in the middle of q1; carried back by the inverse."""
    start = matched_start(channel(60.0, -55.0))
    for sign, plane in ((1, "x"), (-1, "y")):
        matrix = period_matrix(sign * 60, -sign * 55)
        sine = sqrt(1 - (0.5 * np.trace(matrix)) ** 2)
        beta, alpha = matrix[0, 1] / sine, (matrix[0, 0] - matrix[1, 1]) / (2 * sine)
        back = np.linalg.inv(lens(sign * 60, 0.015) @ straight(0.1))
        sigma = back @ np.array([[beta, -alpha], [-alpha, (1 + alpha**2) / beta]]) @ back.T
        assert (start[f"bet{plane}"], start[f"alf{plane}"]) == pytest.approx((sigma[0, 0], -sigma[0, 1]), rel=1e-9)


# ---------------------------------------------------------------------------------------------------- acceptance


def drift(bore: float = 4e-3) -> Linac:
    """Three pipes, the middle one narrower."""
    return Linac(
        "pipes",
        CCL_ENTRANCE,
        (
            Pipe("a", length=0.5, bore=bore),
            Pipe("b", length=1.0, bore=0.75 * bore),
            Pipe("c", length=1.5, bore=bore),
        ),
    )


def beta_behind(s: float, beta: float, alpha: float) -> float:
    """beta - 2 alpha s + (1 + alpha^2) / beta s^2 in a field-free space."""
    return beta - 2 * alpha * s + (1 + alpha**2) / beta * s**2


@pytest.mark.parametrize(("plane", "beta", "alpha"), [("x", 1.2, 1.5), ("y", 3.0, 0.4)])
def test_an_acceptance_is_bore_squared_beta_gamma_over_the_largest_beta(plane: str, beta: float, alpha: float) -> None:
    """Places that count: 0 and 3 m at 4 mm, 0.5 to 1.5 m at 3 mm; beta is convex, its largest at an end of a pipe."""
    places = [(0.0, 4e-3), (0.5, 3e-3), (1.5, 4e-3), (3.0, 4e-3)]
    least = min(bore**2 / beta_behind(s, beta, alpha) for s, bore in places)
    momentum = CCL_ENTRANCE.momentum / CCL_ENTRANCE.mass
    found = transverse_acceptance(transport(drift()), plane, beta, alpha)
    assert found == pytest.approx(least * momentum, rel=1e-9)
    assert transverse_acceptance(transport(drift(8e-3)), plane, beta, alpha) == pytest.approx(4 * found, rel=1e-12)


@pytest.mark.parametrize(("plane", "column"), [("x", 0), ("y", 2)])
def test_what_starts_within_the_acceptance_passes_and_what_starts_outside_touches(plane: str, column: int) -> None:
    """720 particles on the ellipse, RF off: 1 % inside in amplitude all pass, 1 % outside some are lost.

    The beam is looked at slice by slice, 15 mm apart at most, as the matrices are.
    """
    bunch, linac = ccl_bunch(), off(ccl())
    beta, alpha = getattr(bunch, f"bet{plane}"), getattr(bunch, f"alf{plane}")
    acceptance = transverse_acceptance(transport(linac), plane, beta, alpha)
    emittance = acceptance * CCL_ENTRANCE.mass / CCL_ENTRANCE.momentum
    turn = np.linspace(0, 2 * pi, 720, endpoint=False)
    start = np.zeros((720, 6))
    start[:, column] = sqrt(emittance * beta) * np.cos(turn)
    start[:, column + 1] = -sqrt(emittance / beta) * (alpha * np.cos(turn) + np.sin(turn))
    assert track(linac, 0.99 * start).alive.all()
    assert 0 < track(linac, 1.01 * start).transmission < 1


def test_without_rf_what_is_held_is_the_window() -> None:
    """41 x 41 points over +-1 rad and +-1 MeV; within 0.42 MeV lie 17 rows of 41 points."""
    found = longitudinal_acceptance(off(ccl()), phase=1.0, energy=1e6, window=0.42e6, frequency=FREQUENCY, points=41)
    assert list(found.phase[[0, -1]]) + list(found.energy[[0, -1]]) == pytest.approx([-1, 1, -1e6, 1e6], rel=1e-12)
    assert found.accepted.any(axis=1).sum() == 17
    assert found.area == pytest.approx(17 * 41 * 0.05 * 50e3, rel=1e-12)


# -------------------------------------------------------------------------------------------------------- bucket


def test_small_and_large_oscillations_are_those_of_the_textbook() -> None:
    """k^2 = 2 pi q E0T sin(-phi) / (m c^2 (beta gamma)^3 lambda) and the separatrix through the unstable point -phi.

    Height: (half of) H at phi minus H at -phi; at the ends of the width the potential is that of the unstable point.
    """
    tank, particle = ccl().tanks[0], CCL_ENTRANCE
    phi, force, wavelength = tank.synchronous_phase, tank.e0t / particle.mass, SPEED / tank.frequency
    momentum3 = (particle.momentum / particle.mass) ** 3
    held = bucket(tank, particle)
    assert held.k_longitudinal**2 == pytest.approx(2 * pi * force * sin(-phi) / (momentum3 * wavelength), rel=1e-12)
    assert held.k_transverse**2 == pytest.approx(held.k_longitudinal**2 / 2, rel=1e-12)

    def potential(phase: float) -> float:  # d(dw)/ds = force (cos(phase) - cos(phi))
        return force * (sin(phase) - phase * cos(phi))

    assert held.phase_high == -phi
    assert potential(held.phase_low) == pytest.approx(potential(held.phase_high), rel=1e-9)
    kinetic = potential(held.phase_high) - potential(phi)  # pi / (momentum3 lambda) dw^2 at the synchronous phase
    assert held.half_height == pytest.approx(particle.mass * sqrt(kinetic * momentum3 * wavelength / pi), rel=1e-9)


# ---------------------------------------------------------------------------------------------------- the lost


def test_the_lost_are_told_by_the_clock_of_their_place() -> None:
    """A slope of 4 mrad touches 3 mm in the second pipe of 0.5 m and is seen at its end, 1 m behind the entrance.

    There it is late by 1 / cos(angle) - 1 of the way and has its momentum still.
    """
    linac = Linac("pipes", CCL_ENTRANCE, tuple(Pipe(f"p{i}", length=0.5, bore=3e-3) for i in range(3)))
    start = np.zeros((2, 6))
    start[1, 1] = 4e-3
    lost = track(linac, start).lost.iloc[0]
    assert (lost.particle, lost.piece, lost.cause) == (1, "p1", "bore")
    assert lost.s == pytest.approx(1.0, rel=1e-12)
    slope = 4e-3 / sqrt(1 - 4e-3**2)
    assert lost.x == pytest.approx(slope, rel=1e-12)
    assert lost.zeta == pytest.approx(-(1 / sqrt(1 - 4e-3**2) - 1), rel=1e-6)  # 8 um of the way's rounding of 1e-16
    assert (lost.px, lost.py, lost.y) == pytest.approx((4e-3, 0, 0), rel=1e-12)
    assert lost.delta == pytest.approx(0, abs=1e-14)


def test_a_loss_among_accelerated_particles_is_told_about_the_reference_particle_there() -> None:
    """In step with the bunch: energies within 2 % (delta 1 %), not a tank's gain off; within a tenth of a turn."""
    lost = track(ccl(), ccl_bunch().sample(2000, seed=9)).lost
    assert len(lost) > 20
    assert np.abs(lost.delta).max() < 0.01
    assert np.abs(lost.zeta).max() < 0.1 * 0.1 * 0.6  # a tenth of beta lambda at 230 MeV


# -------------------------------------------------------------------------------------------- settings and jitter


def jitter(amplitude: float, phase: float) -> float:
    units = len(ccl().units)
    pulses = pulse_energies(
        ccl(), np.ones((1, units)), np.zeros((1, units)), amplitude=amplitude, phase=phase, samples=40, seed=4
    )
    return float(pulses.std())


def test_jitter_is_linear_in_the_errors() -> None:
    """Errors so small that second orders, of 1e-5 of them, are not seen; amplitude and phase each on its own."""
    for amplitude, phase in ((1e-6, 0.0), (0.0, 1e-6)):
        assert jitter(3 * amplitude, 3 * phase) == pytest.approx(3 * jitter(amplitude, phase), rel=1e-3)
        assert jitter(amplitude, phase) > 0
    assert jitter(0.0, 0.0) < 1e-6  # eV


def test_jitter_is_the_sum_of_what_each_unit_s_errors_do() -> None:
    """First order: for each unit the slope of W by amplitude and by phase times its draw; here from 40 pulses' rms.

    The slopes come from transport through the linac with one unit off its design, not from the pulses' own walk.
    """
    linac = ccl().with_units(amplitude=dict.fromkeys(ccl().units[2:], 0.0))
    on = np.array([[1.0, 1.0, *[0.0] * 8]])
    for amplitude, phase in ((1e-5, 0.0), (0.0, 1e-5)):
        pulses = pulse_energies(
            ccl(), on, np.zeros((1, 10)), amplitude=amplitude, phase=phase, samples=4000, seed=4, cut=3.0
        )
        slopes = [_moved(linac, unit, amplitude, phase) for unit in linac.units[:2]]
        cut = 0.9866  # rms of a Gaussian that ends at three: 1 - 6 phi(3) / (2 Phi(3) - 1) = 0.9866^2
        expected = cut * sqrt(slopes[0] ** 2 + slopes[1] ** 2)
        assert pulses.std() == pytest.approx(expected, rel=0.035)  # 4,000: 1.1 %, three times


def _moved(linac: Linac, unit: str, amplitude: float, phase: float) -> float:
    """What an error of a unit adds to the final energy [eV]."""
    ends = [
        float(transport(linac.with_units({unit: 1.0 + sign * amplitude}, {unit: sign * phase})).energy[-1])
        for sign in (1, -1)
    ]
    return 0.5 * (ends[0] - ends[1])


def test_settings_give_their_energy_and_the_spread_that_they_state() -> None:
    """1 eV as asked for; the spread is that of the same 256 particles, those that come to the last unit, behind it.

    At a node of the phase's curve, five eighths into a unit: there turning the phase leaves no more spread than not.
    """
    linac, start, reached = ccl(), ccl_bunch().sample(256, seed=6), stages(ccl())
    units = (1, 5, 8)
    wanted = np.array([reached[unit] + 0.625 * (reached[unit + 1] - reached[unit]) for unit in units])
    settings, unturned = (settings_for(linac, wanted, start, turn) for turn in (True, False))
    for row, unit in enumerate(units):
        assert transport(settings.applied(linac, row)).energy[-1] == pytest.approx(wanted[row], abs=1.0)
        assert list(settings.amplitudes[row, :unit]) == [1.0] * unit
        assert not settings.amplitudes[row, unit + 1 :].any()
        first = next(tank.name for tank in linac.tanks if tank.unit == linac.units[unit])
        before = upstream(linac, first)
        assert before is not None
        behind = downstream(linac, first)
        amplitudes, phases = (
            dict(zip(behind.units, map(float, values[row, unit:]), strict=True))
            for values in (settings.amplitudes, settings.phases)
        )
        end = track(behind.with_units(amplitudes, phases), track(before, start).survivors, apertures=False)
        assert end.energies.std() == pytest.approx(settings.sigma_energy[row], rel=1e-6)  # phases by another sum
    assert not unturned.phases.any()
    assert (settings.sigma_energy <= unturned.sigma_energy).all()


# ---------------------------------------------------------------------------------------------------------- trips


@pytest.mark.parametrize("number", [6, 8, 9])
def test_a_trip_leaves_what_its_settings_give(number: int) -> None:
    """The energy stated is that of the linac so set; without units behind, or with none that helps, what was there."""
    linac = ccl()
    found = recovery(linac, linac.units[number])
    assert transport(found.applied(linac)).energy[-1] == pytest.approx(found.energy, rel=1e-9)
    assert found.untouched == stages(linac)[number] <= found.energy
    assert list(found.amplitudes[:number]) == [1.0] * number
    assert found.amplitudes[number] == 0.0
    assert (found.energy > found.untouched) is bool(found.amplitudes[number + 1 :].any())


@pytest.mark.parametrize("degrees", [20, 30])
def test_units_behind_a_trip_run_their_own_synchronous_phase_from_the_crest(degrees: float) -> None:
    """The first unit behind, another section's for once, gives most where its phase is turned back by its own."""
    tanks = [tank for tank in ccl().tanks if tank.unit == ccl().units[7]]
    linac = ccl().with_pieces(replace(tank, synchronous_phase=radians(-degrees)) for tank in tanks)
    found = recovery(linac, linac.units[6])
    alone = found.amplitudes.copy()
    alone[8:] = 0.0

    def energy(turn: float) -> float:
        phases = found.phases.copy()
        phases[7] += radians(turn)
        ends = pulse_energies(linac, alone[None], phases[None], amplitude=0.0, phase=0.0, samples=1, seed=0)
        return float(ends[0, 0])

    crest = energy(degrees)
    assert crest > energy(0.0) > stages(linac)[6]
    assert crest > energy(degrees - 2)
    assert crest > energy(degrees + 2)
    gained = crest - stages(linac)[6]
    assert energy(degrees - 1) == pytest.approx(energy(degrees + 1), abs=1e-4 * gained)  # even about the crest
