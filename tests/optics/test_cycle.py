"""The cycle of a synchrotron and the steps within a spill: times by hand, and laws that hold for any circuit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lattice import Lattice, NoSolution, Quadrupole, ReferenceParticle, Sextupole
from optics.magnets import family_of, magnet_families
from optics.ramping.acceleration import (
    RingRF,
    adiabatic_time,
    check_transition,
    ramp_programme,
    rounded_ramp,
    rounded_rate,
)
from optics.ramping.circuits import Circuit, MagnetCircuit, check_fields, check_ratings
from optics.ramping.cycle import PHASES, CyclePlan, check_ramp, cycle_times, timeline
from optics.ramping.magnet_models import EddyCurrents, Excitation, Hysteresis, Supply
from optics.ramping.species import species_cycle
from optics.ramping.steps import STEP_PARTS, StepPlan, step_times

INJECTED = ReferenceParticle("proton", kinetic_energy_per_u=7e6)
PARTICLES = [ReferenceParticle("proton", kinetic_energy_per_u=energy) for energy in (100e6, 120e6)]
CAVITY = RingRF(77.6, 0.257, 1, 5000.0)
ENERGIES = np.array([100.0, 120.0])


def plan(**changes: float | bool) -> CyclePlan:
    """No settling, no rounding, no way over the top unless it is asked for."""
    usual: dict[str, float | bool] = {
        "injection": 0.1,
        "rounding": 0.0,
        "preparation": 0.05,
        "extraction": 1.0,
        "field_tolerance": 1e-4,
        "standardise": False,
        "top_current": 0.9,
        "adiabaticity": 0.3,
        "capture_voltage": 500.0,
    }
    return CyclePlan(**{**usual, **changes})  # type: ignore[arg-type]


def bend(
    resistance: float = 0.0,
    injection: float = 0.1,
    volts: float = 1e6,
    delay: float = 1e-9,
    largest_current: float = 2000.0,
) -> Circuit:
    """1 mT for an ampere: 1000 and 1100 A at extraction; 1000 A/s, 1 H."""
    supply = Supply(
        largest_current=largest_current,
        largest_voltage=volts,
        largest_slew=1000.0,
        resistance=resistance,
        inductance=1.0,
    )
    magnet = MagnetCircuit("bend", "T", Excitation(1e-3), supply, EddyCurrents(delay, 0.01), Hysteresis(1e-4, 0.02))
    return Circuit(magnet, injection, np.array([1.0, 1.1]))


def step_plan(up: bool) -> StepPlan:
    return StepPlan(slew=0.5, preparation=0.05, loss=0.2, field_tolerance=1e-4, up=up)


# ------------------------------------------------------------------------------------------------------------ cycle


def test_the_parts_of_a_cycle_by_hand() -> None:
    """From 100 A to 1000 and 1100 A at 1000 A/s: 0.9 and 1.0 s up, the same down; eddy currents settle at once."""
    times = cycle_times([bend()], PARTICLES, INJECTED, RingRF(77.6, 0.257, 1, 1e6), plan())
    assert times["ramp"].to_numpy() == pytest.approx([0.9, 1.0])
    assert times["ramp down"].to_numpy() == pytest.approx([0.9, 1.0])
    assert times["settling"].to_numpy() == pytest.approx([0.05, 0.05])  # the preparation
    assert (times["standardisation"] == 0.0).all()
    assert times["capture"].iloc[0] == pytest.approx(adiabatic_time(CAVITY, INJECTED, 5.0, 500.0, 0.3))
    assert times["change"].to_numpy() == pytest.approx(times[list(PHASES)].sum(axis=1) - 1.0)
    assert list(times["slowest"]) == ["bend", "bend"]


def test_a_cavity_that_gives_less_than_the_magnets_could_take_sets_the_ramp() -> None:
    """Circumference times the change of B rho over 0.8 of the largest voltage, the synchronous phase's sine at most."""
    times = cycle_times([bend()], PARTICLES, INJECTED, RingRF(77.6, 0.257, 1, 100.0), plan())
    change = PARTICLES[1].magnetic_rigidity - INJECTED.magnetic_rigidity
    assert times["ramp"].iloc[1] == pytest.approx(77.6 * change / 80.0)


def test_the_way_over_the_top_adds_twice_what_is_above() -> None:
    """From 1000 A to 0.9 of 2000 A and down to 100 A: (800 + 1700 - 900) A more, at 1000 A/s."""
    times = cycle_times([bend()], PARTICLES, INJECTED, CAVITY, plan(standardise=True))
    assert times["standardisation"].to_numpy() == pytest.approx([1.6, 1.4])


@given(st.floats(50.0, 1900.0), st.floats(0.0, 1.9))
def test_without_resistance_up_and_down_take_the_same_time(volts: float, injection: float) -> None:
    """L dI/dt alone asks for the same voltage either way; with R I the way up has less to spare than the way down."""
    even = bend(0.0, injection, volts)
    up = even.ramp_time(even.injection_current, even.currents)
    assert up == pytest.approx(even.ramp_time(even.currents, even.injection_current), rel=1e-12)
    lossy = bend(0.9 * volts / 1100.0, 0.1, volts)
    currents = lossy.currents, lossy.injection_current
    assert (lossy.ramp_time(currents[1], currents[0]) >= lossy.ramp_time(currents[0], currents[1])).all()


def test_of_two_circuits_the_slower_counts() -> None:
    """A quadrupole at half the slew takes 1.8 and 2.0 s for what the bend does in 0.9 and 1.0, up and down; its eddy
    currents, at 0.5 T/s, are behind by 0.5e-3 of 1.0 T: ln 5 time constants of 10 ms."""
    slow = bend(delay=1e-3)
    slow = replace(slow, magnet=replace(slow.magnet, name="quadrupole", supply=replace(slow.magnet.supply, **HALF)))
    for circuits in ([bend(), slow], [slow, bend()]):
        times = cycle_times(circuits, PARTICLES, INJECTED, RingRF(77.6, 0.257, 1, 1e6), plan(preparation=0.0))
        assert times["ramp"].to_numpy() == pytest.approx([1.8, 2.0])
        assert times["ramp down"].to_numpy() == pytest.approx([1.8, 2.0])
        assert times["settling"].iloc[0] == pytest.approx(0.01 * np.log(5.0))
        assert list(times["slowest"]) == ["quadrupole", "quadrupole"]


HALF = {"largest_slew": 500.0}


def test_a_bipolar_supply_goes_through_zero() -> None:
    """From -100 A to 1000 A: 0.1 s and 1.0 s."""
    assert bend(injection=-0.1).ramp_time(-100.0, 1000.0) == pytest.approx(1.1)


def test_settling_lasts_until_the_eddy_currents_are_below_the_tolerance() -> None:
    """Lag of 1 ms behind 1 T/s is 1e-3 T of 1.0 T: ln(1e-3 / 1e-4) time constants of 10 ms."""
    times = cycle_times([bend(delay=1e-3)], PARTICLES, INJECTED, RingRF(77.6, 0.257, 1, 1e9), plan(preparation=0.0))
    assert times["settling"].iloc[0] == pytest.approx(0.01 * np.log(10.0))


def test_a_timeline_has_no_gaps_and_lasts_as_long_as_its_parts() -> None:
    row = cycle_times([bend()], PARTICLES, INJECTED, CAVITY, plan(standardise=True)).iloc[0]
    line = timeline(row)
    assert line["begin"].iloc[1:].to_numpy() == pytest.approx(line["end"].iloc[:-1].to_numpy())
    assert line["end"].iloc[-1] == pytest.approx(row["change"] + row["extraction"])


def test_what_a_supply_or_magnet_cannot_do_is_named() -> None:
    low = bend(largest_current=1050.0)
    with pytest.raises(NoSolution, match=r"'bend' needs up to 1100 A, rated 1050 A.*at 120 MeV/u; .* works is 100"):
        check_ratings([low], ENERGIES)
    with pytest.raises(NoSolution, match="needs 110 V to hold its current, rated 105 V: exceeded from 120 MeV/u"):
        check_ratings([bend(resistance=0.1, volts=105.0)], ENERGIES)
    with pytest.raises(NoSolution, match=r"'bend' needs 1\.1 T, rated 1\.05: exceeded at 120 MeV/u"):
        check_fields([bend()], [1.05], ENERGIES)
    with pytest.raises(NoSolution, match=r"rated 1\.0985: exceeded at 120 MeV/u"):
        check_fields([bend()], [1.0985], ENERGIES)
    for rating in (None, 1.1, 1.099):  # ratings are given to few digits: a thousandth above is none
        check_fields([bend()], [rating], ENERGIES)
    with pytest.raises(NoSolution, match=r"0\.95 s cannot be met from 120 to 120 MeV/u: 'bend' needs 1 s"):
        check_ramp(cycle_times([bend()], PARTICLES, INJECTED, RingRF(77.6, 0.257, 1, 1e6), plan()), ENERGIES, 0.95)


# ------------------------------------------------------------------------------------------------------------ steps


def test_a_step_up_leaves_no_hysteresis_and_one_down_does() -> None:
    """One bend, 1.0 to 1.1 T: 0.1 T at 1 T/s and half the slew is 0.2 s; down it leaves width (1 - e^-5) / 1.0."""
    down, up = (step_times([bend()], PARTICLES, CAVITY, plan(), step_plan(up)).iloc[0] for up in (False, True))
    assert (down["ramp"], up["ramp"]) == pytest.approx((0.2, 0.2))
    assert down["hysteresis_bend"] == pytest.approx(1e-4 * (1 - np.exp(-5)))
    assert up["hysteresis_bend"] == 0.0
    assert up["recapture"] != down["recapture"]  # another energy is captured
    assert down["step"] == pytest.approx(down[list(STEP_PARTS)].sum())


def test_the_beam_is_captured_again_at_the_energy_that_it_leaves() -> None:
    """Down from the second energy, up from the first."""
    for up, particle in ((False, PARTICLES[1]), (True, PARTICLES[0])):
        row = step_times([bend()], PARTICLES, CAVITY, plan(), step_plan(up)).iloc[0]
        assert row["recapture"] == pytest.approx(adiabatic_time(CAVITY, particle, 5.0, 500.0, 0.3))


# --------------------------------------------------------------------------------------------------------------- RF


@given(st.floats(0.01, 0.5))
def test_a_rounded_ramp_rises_evenly_and_is_its_own_mirror(rounding: float) -> None:
    part = np.linspace(0.0, 1.0, 101)
    rise = rounded_ramp(part, rounding)
    assert (rise[0], rise[-1]) == pytest.approx((0.0, 1.0))
    assert rise + rise[::-1] == pytest.approx(np.ones(101))
    assert (np.diff(rise) > 0).all()
    slope = np.max(np.diff(rise)) / 0.01
    assert slope <= 1.0 / (1.0 - rounding) + 1e-9


def test_the_rf_follows_the_ramp_from_injection_to_the_top() -> None:
    """Frequency: beta c over the circumference at both ends; the phase goes to 0 with the rate of the field."""
    found = ramp_programme(CAVITY, INJECTED, PARTICLES[1], ramp=1.0, rounding=0.1, area=0.5)
    ends = [found["frequency"].iloc[i] for i in (0, -1)]
    assert ends == pytest.approx([CAVITY.frequency(INJECTED), CAVITY.frequency(PARTICLES[1])])
    assert found["phase"].iloc[[0, -1]].max() < 0.5 * found["phase"].iloc[1:-1].max()
    assert found["area"].to_numpy() == pytest.approx(np.full(len(found), 0.5), rel=1e-6)
    gain = found["voltage"] * np.sin(np.radians(found["phase"]))
    rise = PARTICLES[1].magnetic_rigidity - INJECTED.magnetic_rigidity
    assert gain.max() == pytest.approx(CAVITY.circumference * rise / 0.9, rel=1e-9)  # 1 s, of which 0.1 s is rounded
    assert np.trapezoid(gain, found["time"]) == pytest.approx(CAVITY.circumference * rise, rel=1e-3)


@pytest.mark.parametrize("rounding", [0.0, 0.1, 0.37, 0.5])
def test_the_rate_of_a_rounded_ramp_is_its_derivative(rounding: float) -> None:
    """Away from its corners a parabola's or a line's central difference is exact."""
    part = np.linspace(0.013, 0.987, 60)
    difference = (rounded_ramp(part + 1e-6, rounding) - rounded_ramp(part - 1e-6, rounding)) / 2e-6
    assert rounded_rate(part, rounding) == pytest.approx(difference, abs=1e-8)


def test_a_ramp_that_is_all_rounded_asks_for_the_voltage_of_its_middle() -> None:
    """Twice the mean rate for a moment: what lies between two times of the programme is not left out."""
    found = ramp_programme(CAVITY, INJECTED, PARTICLES[1], ramp=0.5, rounding=0.4, area=0.3)
    rise = PARTICLES[1].magnetic_rigidity - INJECTED.magnetic_rigidity
    gain = found["voltage"] * np.sin(np.radians(found["phase"]))
    assert gain.max() == pytest.approx(CAVITY.circumference * 2 * rise / 0.5, rel=1e-9)


def test_a_ramp_through_transition_is_refused() -> None:
    """alpha_p = 0.8: gamma_t = 1.118, protons of 110.7 MeV."""
    with pytest.raises(NoSolution, match=r"crosses transition \(gamma = 1\.118, 110\.\d+ MeV/u\)"):
        check_transition(RingRF(77.6, 0.8, 1, 5000.0), INJECTED, PARTICLES[1])


# ---------------------------------------------------------------------------------------------------------- species


def test_times_at_the_energies_that_are_known_are_those_that_are_known() -> None:
    cycle = species_cycle(
        PARTICLES, INJECTED, [bend(injection=0.1)], CAVITY, plan=plan(), steps=step_plan(False), bucket_area=0.5
    )
    changes, steps = cycle.times_at(cycle.energies)
    assert changes == pytest.approx(cycle.times["change"].to_numpy())
    assert steps == pytest.approx(cycle.steps["step"].to_numpy())
    between = cycle.times_at(np.array([110.0]))[0]
    assert changes[0] < between[0] < changes[1]
    assert isinstance(cycle.rf, pd.DataFrame)


# --------------------------------------------------------------------------------------------------------- families


def ring() -> Lattice:
    elements = (
        Quadrupole("qf", length=0.3, k1="kf"),
        Quadrupole("qd", length=0.3, k1="kd"),
        Quadrupole("qs", length=0.3, k1=0.1, k1s="ks"),
        Sextupole("sx", length=0.2, k2="2 * s0"),
    )
    return Lattice("ring", elements=elements, parameters={"kf": 0.3, "kd": "-1.5 * kf", "ks": 0.0, "s0": 1.0, "no": 1})


def test_a_family_is_what_a_free_parameter_sets_through_others_too() -> None:
    """kd is 1.5 kf: the strongest magnet that kf sets has 1.5 times it; s0 counts twice, no sets nothing."""
    assert magnet_families(ring()) == {"kf": "quadrupole", "ks": "quadrupole", "s0": "sextupole"}
    found = [family_of(ring(), name) for name in ("kf", "s0")]
    assert [family.unit for family in found if family] == ["T/m", "T/m^2"]
    assert [family.per_setting for family in found if family] == pytest.approx([1.5, 2.0])
    assert family_of(ring(), "no") is None
