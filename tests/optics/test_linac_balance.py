"""The balance of a linac: RF power, lost power and space charge by hand and by laws; settings applied and timed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import pi, radians

import numpy as np
import pandas as pd
import pytest

from lattice import NoSolution, ReferenceParticle
from machines.linacs.supplies import Pulse, Supply
from optics.linac import LinacTracked, SpaceCharge, Transport, design_pass, periods, track, transport
from optics.linac.balance import defocusing, lost_power, tank_table, unit_table
from optics.linac.bucket import bucket
from optics.linac.field_integration import integrated_energies
from optics.linac.focusing import structure_periods
from optics.linac.result import WINDOW, kept, moments
from optics.linac.structure.errors import Errors
from optics.linac.structure.power import kilpatrick_field
from optics.linac.switching.between import energies_between
from optics.linac.switching.bunches import arrived_at, beam_at_exit, bunches_at
from optics.linac.switching.energies import amplitudes_for, stages
from optics.linac.switching.settings import Settings
from optics.linac.switching.trips import recovery
from optics.matter.ranges import range_in_water
from tests.linac_machines import CCL_ENTRANCE, FREQUENCY, ccl, ccl_bunch, tank

SUPPLY = Supply(shunt_impedance=70e6, surface_field_ratio=4.0, klystron=7e6, waveguide_loss=0.1)
CURRENT, DUTY = 300e-6, 1e-3


@cache
def run() -> Transport:
    return transport(ccl())


@cache
def units() -> pd.DataFrame:
    supplies = dict.fromkeys(ccl().units, SUPPLY)
    return unit_table(ccl(), run(), supplies, current=CURRENT, duty=DUTY)


# -------------------------------------------------------------------------------------------------------- RF power


def test_the_beam_takes_what_it_gains_in_all_units_together() -> None:
    """I (W_out - W_in) / e: 300 uA over 192.9 MV are 58 kW."""
    gained = run().energy[-1] - CCL_ENTRANCE.kinetic_energy
    assert units()["beam"].sum() == pytest.approx(CURRENT * gained, rel=1e-12)
    assert units()["exit"].iloc[-1] == pytest.approx(run().energy[-1])
    assert (np.diff(units()["exit"]) > 0).all()


def test_a_unit_feeds_copper_beam_and_waveguide() -> None:
    """(E0T)^2 L / Z of each of its tanks; a tenth is lost on the way: 2.7 to 5.4 MW a unit, 41.7 MW in all [ran]."""
    first = units().iloc[0]
    tanks = [one for one in ccl().tanks if one.unit == first["unit"]]
    assert first["copper"] == pytest.approx(sum((28.475e6 / 2) ** 2 * one.length / 70e6 for one in tanks), rel=2e-3)
    assert first["needed"] == pytest.approx((first["copper"] + first["beam"]) / 0.9)
    assert first["share"] == pytest.approx(first["needed"] / 7e6)
    assert first["average"] == pytest.approx(first["needed"] * DUTY)
    assert units()["copper"].sum() == pytest.approx(41.7e6, rel=0.01)


def test_half_the_amplitude_takes_a_quarter_of_the_copper_s_power() -> None:
    weak = design_pass(tank(e0=pi**-1 * 28.475e6))  # half of the usual 2/pi
    strong = design_pass(tank())
    powers = [
        unit_table(one, transport(one), {"1": SUPPLY}, current=0.0, duty=1.0).iloc[0]["copper"]
        for one in (weak, strong)
    ]
    assert powers[0] == pytest.approx(powers[1] / 4)


def test_a_tank_s_row_by_hand() -> None:
    """16 cells at -20 degrees: exit 40.509 MeV [ran, two codes]; 4 E0 over Kilpatrick's field; its own bucket."""
    one = design_pass(tank(radians(-20)))
    row = tank_table(one, transport(one), {"1": SUPPLY}, integrated_energies(one)).iloc[0]
    assert row["entrance"] == 37.5e6
    assert row["entrance"] + row["gain"] == pytest.approx(40.509e6, abs=2e3)
    assert row["gain_fields"] == pytest.approx(row["gain"], rel=1e-4)
    assert row["surface"] == pytest.approx(4.0 * 2 / pi * 28.475e6)
    assert row["kilpatrick"] == pytest.approx(row["surface"] / kilpatrick_field(FREQUENCY))
    assert 2.5 * radians(20) < row["bucket_width"] < 3.5 * radians(20)  # about three times the synchronous phase
    middle = ReferenceParticle("proton", kinetic_energy_per_u=row["entrance"] + 0.5 * row["gain"])
    held = bucket(one.tanks[0], middle)
    assert row["bucket_height"] == pytest.approx(held.half_height, rel=1e-9)
    assert row["bucket_width"] == pytest.approx(held.phase_high - held.phase_low, rel=1e-9)
    upright = design_pass(tank(0.0))
    crest = tank_table(upright, transport(upright), {"1": SUPPLY}).iloc[0]
    assert np.isnan(crest["bucket_height"])  # on the crest nothing is held
    assert np.isnan(crest["gain_fields"])  # nor integrated unless it is asked for


# ------------------------------------------------------------------------------------------------------- lost power


def ended(lost_at: list[float], particles: int) -> LinacTracked:
    """Particles of which some are lost at places s [m]."""
    lost = pd.DataFrame({"particle": np.arange(len(lost_at)), "s": lost_at})
    alive = np.arange(particles) >= len(lost_at)
    return LinacTracked(CCL_ENTRANCE, np.zeros((particles, 6)), alive, lost)


def test_lost_particles_carry_the_energy_of_their_place() -> None:
    """One of four at the entrance, one at the end: (37.5 + 230) MV times a quarter of the current."""
    end = float(run().energy[-1])
    power = lost_power(ccl(), run(), ended([0.0, ccl().length], 4), CURRENT)
    assert power == pytest.approx(CURRENT * (CCL_ENTRANCE.kinetic_energy + end) / 4, rel=1e-9)
    assert lost_power(ccl(), run(), ended([], 4), CURRENT) == 0.0


def test_no_more_power_is_lost_than_the_lost_share_of_the_beam_s() -> None:
    start = ccl_bunch().sample(400, seed=1)
    tracked = kept(ccl(), track(ccl(), start))
    power = lost_power(ccl(), run(), tracked, CURRENT)
    beam = CURRENT * float(run().energy[-1])
    assert 0 < power <= (1 - tracked.transmission) * beam
    assert power >= (1 - tracked.transmission) * CURRENT * CCL_ENTRANCE.kinetic_energy


def test_what_is_far_from_the_energy_is_lost_behind_the_last_piece() -> None:
    """At +-5 % of the energy (delta about 2.7 % of the momentum) a particle is kept, at -20 % it is not."""
    states = np.zeros((2, 6))
    states[:, 5] = [-0.027, -0.12]
    tracked = LinacTracked(CCL_ENTRANCE, states, np.array([True, True]), pd.DataFrame())
    found = kept(ccl(), tracked)
    assert WINDOW == 0.1
    assert list(found.alive) == [True, False]
    assert list(found.lost["cause"]) == ["energy"]


# ----------------------------------------------------------------------------------------------------- space charge


def test_space_charge_undoes_focusing_in_proportion_to_the_charge_and_not_at_all_without() -> None:
    sizes = run().sizes(ccl_bunch().covariance)
    found = structure_periods(ccl())
    one, two, none = (defocusing(SpaceCharge(charge), ccl(), run(), sizes, found) for charge in (1e-13, 2e-13, 0.0))
    assert two == pytest.approx(2 * one)
    assert (none, one > 0) == (0.0, True)


def test_the_worst_period_is_the_one_whose_own_number_is_largest() -> None:
    """A bunch of constant sizes: the ratio of each period by ``SpaceCharge.strength`` itself, the weaker plane's."""
    charge, found = SpaceCharge(1e-13), structure_periods(ccl())
    sizes = np.full((len(run().s), 6), 5e-4)
    alone = []
    for period in found:
        particle = ReferenceParticle("proton", kinetic_energy_per_u=period.energy)
        advance = min(period.mux_without_rf, period.muy_without_rf)
        alone.append(charge.strength(np.full(3, 5e-4), particle, advance, period.end - period.s))
    assert defocusing(charge, ccl(), run(), sizes, found) == pytest.approx(max(alone), rel=1e-9)
    assert defocusing(charge, ccl(), run(), sizes, ()) == 0.0


def test_sizes_count_by_the_length_they_are_had_over() -> None:
    """Rows are closer in quadrupoles: sizes along a straight line have the mean square of a line, (a2 + ab + b2)/3."""
    charge, period = SpaceCharge(1e-13), structure_periods(ccl())[3]
    share = np.clip((run().s - period.s) / (period.end - period.s), 0.0, 1.0)
    sizes = np.repeat((5e-4 + 3e-4 * share)[:, None], 6, axis=1)
    mean = np.sqrt((5e-4**2 + 5e-4 * 8e-4 + 8e-4**2) / 3)
    particle = ReferenceParticle("proton", kinetic_energy_per_u=period.energy)
    advance = min(period.mux_without_rf, period.muy_without_rf)
    alone = charge.strength(np.full(3, mean), particle, advance, period.end - period.s)
    assert defocusing(charge, ccl(), run(), sizes, (period,)) == pytest.approx(alone, rel=1e-4)  # trapezia: (ds)^2


def test_periods_of_the_structure_lie_between_tanks() -> None:
    """All quadrupoles of this linac stand alone between two tanks but the last, behind which there is none."""
    inside, all_of = structure_periods(ccl()), periods(ccl())
    assert 0 < len(inside) <= len(all_of)
    assert {period.s for period in inside} <= {period.s for period in all_of}
    last = ccl().tanks[-1]
    assert max(period.end for period in inside) < ccl().length - last.length


# --------------------------------------------------------------------------------------------------------- settings


@dataclass(frozen=True)
class _Half:
    """Nine units as designed and the last at half its field."""

    settings: Settings

    @classmethod
    def made(cls) -> _Half:
        amplitudes = np.ones((2, 10))
        amplitudes[0, 9] = 0.5
        return cls(Settings(amplitudes, np.zeros((2, 10)), np.zeros(2)))


def test_the_last_unit_that_is_on_is_the_last_with_an_amplitude() -> None:
    amplitudes = np.array([[1.0, 1.0, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.3, 0.0]])
    assert list(Settings(amplitudes, 0 * amplitudes, np.zeros(4)).last_units) == [2, 0, 0, 2]


def test_what_is_tracked_in_parts_is_what_is_tracked_whole() -> None:
    """The units that all settings share are tracked once: the same particles arrive, at the same places."""
    start, settings = ccl_bunch().sample(200, seed=2), _Half.made().settings
    for row, end in enumerate(bunches_at(ccl(), settings, start)):
        whole = kept(settings.applied(ccl(), row), track(settings.applied(ccl(), row), start))
        arrived = arrived_at(end, 214e6)
        assert arrived.transmission == whole.transmission
        assert np.sort(arrived.survivors[:, 0]) == pytest.approx(np.sort(whole.survivors[:, 0]), abs=1e-12)


def test_the_beam_at_the_exit_is_that_of_its_particles() -> None:
    """Moments, and the emittance that bet and alf go with: size^2 = eps bet, divergence^2 = eps (1 + alf^2) / bet."""
    start = ccl_bunch().sample(300, seed=3)
    end = next(iter(bunches_at(ccl(), _Half.made().settings, start)))
    row, arrived = beam_at_exit(end, 214e6), arrived_at(end, 214e6)
    assert row["energy"] == pytest.approx(arrived.energies.mean())
    assert row["energy"] == pytest.approx(214.47e6, rel=2e-3)  # PHYSICS: last unit at half amplitude, RF-Track
    assert row["sigma_energy"] == pytest.approx(arrived.energies.std())
    assert row["range"] == pytest.approx(range_in_water(row["energy"], CCL_ENTRANCE.kind))
    for plane in "xy":
        geometric = row[f"emittance_{plane}"] / (arrived.particle.beta * arrived.particle.gamma)
        assert row[f"size_{plane}"] ** 2 == pytest.approx(geometric * row[f"bet{plane}"], rel=0.02)
        gamma = (1 + row[f"alf{plane}"] ** 2) / row[f"bet{plane}"]
        assert row[f"divergence_{plane}"] ** 2 == pytest.approx(geometric * gamma, rel=0.02)


def test_a_setting_with_which_nothing_arrives_says_at_which_energy() -> None:
    with pytest.raises(NoSolution, match=r"at 70 MeV nothing is left"):
        arrived_at(NoSolution("nothing is left"), 70e6)


def missed(count: int) -> float:
    """Largest miss [eV] half way between so many energies of the last unit, settings by scaling it."""
    reached = stages(ccl())
    energies = np.linspace(reached[-2] + 2e6, reached[-1] - 1e6, count)
    amplitudes = amplitudes_for(ccl(), energies)
    found = energies_between(ccl(), Settings(amplitudes, 0 * amplitudes, np.zeros(count)), energies)
    assert found["wanted"].to_numpy() == pytest.approx(0.5 * (energies[1:] + energies[:-1]))
    return float((found["energy"] - found["wanted"]).abs().max())


def test_energies_between_the_rows_of_one_unit_come_out_the_better_the_closer_the_rows_are() -> None:
    """A hundredth and a half of the unit's 25 MeV with five rows; a monotone cubic gains an order at least in twice as
    many, a quarter.
    """
    assert missed(5) < 0.015 * 25e6
    assert missed(9) < 0.3 * missed(5)


def test_one_row_of_a_unit_has_nothing_between() -> None:
    amplitudes = np.ones((1, 10))
    assert len(energies_between(ccl(), Settings(amplitudes, 0 * amplitudes, np.zeros(1)), np.array([230e6]))) == 0


def test_a_trip_of_the_last_unit_leaves_what_needs_no_new_phase() -> None:
    found = recovery(ccl(), ccl().units[-1])
    assert found.energy == found.untouched == pytest.approx(stages(ccl())[-2])
    assert transport(found.applied(ccl())).energy[-1] == pytest.approx(found.energy, rel=1e-9)


def test_scaled_errors_keep_their_cut() -> None:
    errors = Errors(offset=1e-4, roll=1e-3, amplitude=1e-2, cut=2.5)
    assert errors.scaled(2.0) == replace(errors, offset=2e-4, roll=2e-3, amplitude=2e-2)
    assert errors.scaled(1.0) == errors


# -------------------------------------------------------------------------------------------------------- timing


PULSE = Pulse(
    length=5e-6, repetition=200.0, amplitude_settling=1e-3, low_level=2e-3, magnet_slew=4.0, magnet_settling=3e-3
)


def test_the_linac_switches_between_pulses_as_long_as_it_settles_in_time() -> None:
    """3.005 ms fit between pulses of 5 ms; 6.005 ms take two."""
    assert PULSE.switching_time == pytest.approx(5e-3)
    assert replace(PULSE, low_level=5e-3).switching_time == pytest.approx(10e-3)
    assert PULSE.duty == pytest.approx(1e-3)


def test_the_magnets_behind_set_the_pace_where_they_are_slower() -> None:
    """p = sqrt(T (T + 2 m)): B rho of 230 and 150 MeV is 2.3218 and 1.8391 T m; 0.4827 / 4 s and 3 ms: 25 pulses."""
    ends = [ReferenceParticle("proton", kinetic_energy_per_u=energy) for energy in (230e6, 150e6)]
    assert [end.magnetic_rigidity for end in ends] == pytest.approx([2.3218, 1.8391], abs=1e-4)
    assert PULSE.change_time(*ends) == pytest.approx(125e-3)
    assert PULSE.change_time(ends[1], ends[0]) == PULSE.change_time(*ends)
    assert PULSE.change_time(ends[0], ends[0]) == PULSE.switching_time


def test_moments_of_a_cloud_by_hand() -> None:
    """Four particles of six, one column a number: means and sizes are those of their own coordinates."""
    cloud = np.array([[1e-3, 5e-4, 2e-3, -7e-4, 3e-3, 0.0]] * 4) * np.array([[1.0], [2.0], [4.0], [5.0]])
    found = moments(cloud, CCL_ENTRANCE, 6)
    spread = np.std([1.0, 2.0, 4.0, 5.0])
    assert found["transmission"] == pytest.approx(4 / 6, abs=1e-15)
    assert (found["x"], found["y"]) == pytest.approx((3e-3, 6e-3))
    assert (found["size_x"], found["size_y"], found["sigma_zeta"]) == pytest.approx(
        (1e-3 * spread, 2e-3 * spread, 3e-3 * spread)
    )
    assert (found["energy"], found["reference_energy"]) == pytest.approx((37.5e6, 37.5e6), rel=1e-9)
