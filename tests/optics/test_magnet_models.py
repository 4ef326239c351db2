"""Magnets, supplies and RF: each model against its own law."""

from __future__ import annotations

import numpy as np
import pytest

from lattice import InputError, NoSolution, ReferenceParticle
from optics.ramping.acceleration import RingRF, adiabatic_time, moving_bucket, rf_programme
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
    with pytest.raises(InputError, match="raises the voltage"):
        adiabatic_time(RING, proton, 500.0, 5.0, 0.1)
