"""When a linac's pulses come: whole intervals, of settling or of the beam line's magnets, by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lattice import ReferenceParticle
from machines.linacs.machine import LinacMachine
from machines.linacs.supplies import Pulse

PULSE = Pulse(
    length=5e-6, repetition=200.0, amplitude_settling=4e-3, low_level=2e-3, magnet_slew=4.0, magnet_settling=3e-3
)


@pytest.mark.parametrize(
    ("time", "pulses"),
    [(0.0, 0), (0.001, 1), (0.00499, 1), (0.00501, 2), (0.00995, 2), (0.02, 4)],
)
def test_times_end_with_the_next_pulse(time: float, pulses: int) -> None:
    """200 Hz: every 5 ms; 9.95 ms are two of them, however near."""
    assert PULSE.whole_pulses(time) == pytest.approx(pulses * 0.005, abs=1e-12)


def test_rounding_is_no_pulse() -> None:
    """0.07 s at 100 Hz are 7 pulses, though 0.07 * 100 is 7.000000000000001 to the machine."""
    assert 0.07 * 100.0 > 7.0
    assert replace(PULSE, repetition=100.0).whole_pulses(0.07) == pytest.approx(0.07, abs=1e-12)


def test_a_change_waits_for_the_slower_of_rf_and_magnets() -> None:
    """RF: 4 + 2 + 0.005 ms, two pulses. Magnets: p from 340.87 to 551.35 MeV/c, 0.702 T m, 175.5 ms and 3."""
    low, high = (ReferenceParticle("proton", kinetic_energy_per_u=energy) for energy in (60e6, 150e6))
    way = high.magnetic_rigidity - low.magnetic_rigidity
    assert way == pytest.approx((551.35 - 340.87) / 299.792, abs=1e-4)
    assert PULSE.change_time(low, low) == pytest.approx(0.010)
    assert PULSE.change_time(low, high) == PULSE.change_time(high, low) == pytest.approx(0.180)
    settled = replace(PULSE, magnet_slew=way / 0.0975)  # 97.5 ms, with the settling 100.5
    assert settled.change_time(low, high) == pytest.approx(0.105)


def test_energies_of_a_change_are_those_of_the_whole_particle() -> None:
    """1,200 and 2,400 MeV of carbon: 100 and 200 MeV a nucleon."""
    asked: list[tuple[float, float]] = []

    def change_time(before: ReferenceParticle, after: ReferenceParticle) -> float:
        asked.append((before.kinetic_energy_per_u, after.kinetic_energy_per_u))
        return 0.1

    carbon = ReferenceParticle("carbon-12", kinetic_energy_per_u=1e8)
    machine: Any = SimpleNamespace(
        linac=SimpleNamespace(particle=carbon), pulse=SimpleNamespace(change_time=change_time)
    )
    assert LinacMachine.change_time(cast(LinacMachine, machine), 1.2e9, 2.4e9) == 0.1
    assert asked[0] == pytest.approx((1e8, 2e8))
