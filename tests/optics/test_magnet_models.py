"""Magnets, supplies and RF: each model against its own law."""

from __future__ import annotations

import numpy as np
import pytest

from lattice import InputError, NoSolution, ReferenceParticle
from optics.ramping.acceleration import RingRF, adiabatic_time, moving_bucket, rf_programme, synchrotron_frequency
from optics.ramping.magnet_models import EddyCurrents, Excitation, Hysteresis, Supply

RING = RingRF(circumference=77.648, momentum_compaction=0.2575, harmonic=1, largest_voltage=5e3)


def test_excitation_is_inverted_and_doubles_at_the_knee() -> None:
    curve = Excitation(gain=5e-4, knee=2.0, power=8.0, remanent=0.001)
    fields = np.linspace(-2.2, 2.2, 23)
    assert curve.field(curve.current(fields)) == pytest.approx(fields, abs=1e-12)  # rounding of Newton's method
    straight = Excitation(gain=5e-4)
    assert Excitation(gain=5e-4, knee=2.0).current(2.0) == pytest.approx(2 * straight.current(2.0), rel=1e-15)
    with pytest.raises(InputError, match="positive gain"):
        Excitation(gain=0.0)


def test_eddy_currents_have_settled_after_the_settling_time() -> None:
    eddy = EddyCurrents(delay=1e-3, time_constant=0.03)
    time = eddy.settling(3.0, 1.5, 1e-4)
    assert eddy.error(3.0, 1.5, time) == pytest.approx(1e-4, rel=1e-12)
    assert eddy.error(3.0, 1.5, 0.0) == pytest.approx(2e-3, rel=1e-15)  # delay times the rate over the field
    assert eddy.settling(1e-9, 1.5, 1e-4) == 0.0


def test_hysteresis_only_on_the_way_back_and_no_more_than_its_width() -> None:
    iron = Hysteresis(width=1e-3, reach=0.02)
    assert iron.error(1.0, 0.5) == 0.0
    assert iron.error(1.0, -10.0) == pytest.approx(1e-3, rel=1e-12)


def test_a_supply_ramps_no_faster_than_its_voltage_and_slew_allow() -> None:
    supply = Supply(3000.0, 1000.0, 1e9, resistance=0.1, inductance=0.2)
    time = supply.ramp_time(0.0, 2000.0)
    assert supply.voltage(2000.0, 2000.0 / time) == pytest.approx(1000.0, rel=1e-12)  # U = R I + L dI/dt at the top
    down = supply.ramp_time(2000.0, 500.0)  # the resistance helps: U = -1000 V where the current is least
    assert supply.voltage(500.0, -1500.0 / down) == pytest.approx(-1000.0, rel=1e-12)
    assert Supply(3000.0, 1e9, 500.0, 0.1, 0.2).ramp_time(0.0, 1000.0) == pytest.approx(2.0)
    assert np.isinf(Supply(3000.0, 100.0, 1e9, 0.1, 0.2).ramp_time(0.0, 2000.0))


@pytest.mark.parametrize(
    ("species", "energy", "frequency"),
    [
        ("proton", 7.0, 0.469),
        ("carbon-12", 7.0, 0.471),
        ("proton", 60.0, 1.318),
        ("proton", 227.0, 2.290),
        ("carbon-12", 399.0, 2.757),
    ],
)
def test_revolution_frequencies_of_cnao(species: str, energy: float, frequency: float) -> None:
    """MHz, quoted to a kHz (the energies of 7 MeV/u are rounded by more)."""
    found = RING.frequency(ReferenceParticle(species, kinetic_energy_per_u=energy * 1e6)) / 1e6
    assert found == pytest.approx(frequency, rel=2e-3)


def test_bucket_area_between_its_limits_and_near_the_rule_of_thumb() -> None:
    """alpha(0) = 1, alpha(90 deg) = 0; (1 - sin)/(1 + sin) is good to some 0.05 in between (Lee, chapter 3)."""
    assert (moving_bucket(0.0), moving_bucket(1.0)) == (1.0, 0.0)
    assert moving_bucket(1e-9) == pytest.approx(1.0, abs=1e-4)
    for sine in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert moving_bucket(sine) == pytest.approx((1 - sine) / (1 + sine), abs=0.05)
    with pytest.raises(InputError, match="between 0 and 1"):
        moving_bucket(1.2)


def test_the_voltage_gives_the_area_asked_for_and_says_when_it_cannot() -> None:
    proton = ReferenceParticle("proton", kinetic_energy_per_u=20e6)
    voltage = RING.voltage_for(proton, 0.1, 3.0)
    assert RING.area(proton, voltage, RING.gain_per_turn(proton, 3.0) / voltage) == pytest.approx(0.1, rel=1e-6)
    with pytest.raises(NoSolution, match=r"20 MeV/u.*needs more than 5000 V"):
        RING.voltage_for(proton, 5.0)


def test_the_energy_gained_is_the_energy_of_the_ramp() -> None:
    """Sum of q V sin(phi_s) over all turns against the difference of the kinetic energies: 1 % from 200 steps."""
    low, high = (ReferenceParticle("proton", kinetic_energy_per_u=e).magnetic_rigidity for e in (7e6, 100e6))
    times = np.linspace(0.0, 0.5, 200)
    table = rf_programme(RING, "proton", low + (high - low) * times / 0.5, times, 0.05)
    gain = table["voltage"] * np.sin(np.radians(table["phase"]))
    assert np.trapezoid(gain * table["frequency"], times) == pytest.approx(93e6, rel=0.01)


def test_capture_takes_longer_when_it_is_more_adiabatic() -> None:
    proton = ReferenceParticle("proton", kinetic_energy_per_u=7e6)
    assert adiabatic_time(RING, proton, 5.0, 500.0, 0.1) == pytest.approx(
        3 * adiabatic_time(RING, proton, 5.0, 500.0, 0.3), rel=1e-12
    )
    first = synchrotron_frequency(RING, proton, 100.0)  # at four times the voltage twice: t = (1 - 1/2)/(w0 n)
    assert adiabatic_time(RING, proton, 100.0, 400.0, 0.1) == pytest.approx(0.5 / first / 0.1, rel=1e-12)
    with pytest.raises(InputError, match="raises the voltage"):
        adiabatic_time(RING, proton, 500.0, 5.0, 0.1)


def test_the_slope_of_an_excitation_curve_is_its_derivative() -> None:
    """Central differences over 1e-6 of the field, below and above the knee and on both sides of zero: 1e-8."""
    curve = Excitation(gain=5e-4, knee=2.0, power=8.0, remanent=0.01)
    fields = np.array([-2.3, -1.0, 0.0, 0.4, 1.7, 2.3])
    slope = (curve.current(fields + 1e-6) - curve.current(fields - 1e-6)) / 2e-6
    assert curve.slope(fields) == pytest.approx(slope, rel=1e-7)


PROTON = ReferenceParticle("proton", kinetic_energy_per_u=20e6)


def kick_and_drift(volt: float) -> tuple[float, float]:
    """Of a turn: dp/p from the cavity over sin phi, and phase over dp/p: q V / (beta^2 E) and 2 pi h eta."""
    energy = PROTON.kinetic_energy + PROTON.mass
    slip = RING.momentum_compaction - (PROTON.mass / energy) ** 2
    return volt / ((PROTON.momentum / energy) ** 2 * energy), 2 * np.pi * RING.harmonic * slip


def test_particles_up_to_the_bucket_s_height_stay_in_it() -> None:
    """Turn by turn from the middle of the bucket: 0.1 % inside of its height they swing, 0.1 % outside they pass pi."""
    kick, drift = kick_and_drift(200.0)
    height = RING.full_height(PROTON, 200.0)
    delta, phase = height * np.array([0.999, 1.001]), np.zeros(2)
    furthest = np.zeros(2)
    for _ in range(8000):
        phase = phase + drift * delta / 2
        delta = delta + kick * np.sin(phase)
        phase = phase + drift * delta / 2
        furthest = np.maximum(furthest, np.abs(phase))
    assert furthest[0] < np.pi < furthest[1]
    assert RING.voltage_of_height(PROTON, height) == pytest.approx(200.0, rel=1e-12)


def test_small_swings_have_the_synchrotron_frequency() -> None:
    """2 cos(2 pi Q) is the trace of one turn, 2 + kick drift."""
    kick, drift = kick_and_drift(200.0)
    tune = np.arccos(1 + kick * drift / 2) / (2 * np.pi)
    revolution = PROTON.beta * 299_792_458.0 / RING.circumference
    assert synchrotron_frequency(RING, PROTON, 200.0) == pytest.approx(2 * np.pi * tune * revolution, rel=1e-5)


def test_the_area_of_a_bucket_is_that_between_its_separatrices() -> None:
    """Twice the integral of dE dt, dp/p = height cos(phi / 2) at sin phi_s = 0; trapezoids of 2,000 parts."""
    phase = np.linspace(-np.pi, np.pi, 2001)
    energy = PROTON.beta**2 * PROTON.total_energy * RING.full_height(PROTON, 200.0) * np.cos(phase / 2)
    area = 2 * np.trapezoid(energy, phase / (2 * np.pi * RING.frequency(PROTON)))
    assert RING.area(PROTON, 200.0) == pytest.approx(area, rel=1e-6)
    assert RING.area(PROTON, 200.0, 0.5) == pytest.approx(area * moving_bucket(0.5), rel=1e-6)


def test_a_moving_bucket_is_what_its_hamiltonian_encloses() -> None:
    """Points of a grid of (phi, dp/p) whose energy is below that of the unstable point, counted: 1 %."""
    sine = 0.4
    stable = np.arcsin(sine)
    phase, delta = np.meshgrid(np.linspace(-2 * np.pi, np.pi - stable, 1500), np.linspace(0.0, 2.2, 700))
    potential = np.cos(phase) + np.cos(stable) - (np.pi - stable - phase) * sine
    left = phase[0][np.flatnonzero((potential[0] < 0) & (phase[0] < stable))[-1]]
    inside = (delta**2 / 2 < potential) & (phase > left)
    cell = (phase[0, 1] - phase[0, 0]) * (delta[1, 0] - delta[0, 0])
    assert moving_bucket(sine) == pytest.approx(np.count_nonzero(inside) * cell / 8, rel=0.01)
