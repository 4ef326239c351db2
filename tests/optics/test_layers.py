"""Ranges, Bragg curves and the layers of a target against laws and published numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lattice import InputError, NoSolution, ReferenceParticle
from lattice.ranges import stopping_power
from optics.matter.bragg import NUCLEAR_LOSS, DoseModel, broken_up, depth_dose, peak_sigma
from optics.matter.layers import SpotPlan, Target, Treatment, _level, layer_ranges, planned, spots_in_layer
from optics.matter.ranges import energy_of, energy_of_range, range_in_water, range_of, range_text
from tests.bethe import bethe_range

LITRE = Target(0.10, 0.20, 0.10, 2.0)
PLAN = SpotPlan(3e-3, 5e-3, 0.0)


@pytest.fixture(scope="module")
def litre() -> Treatment:
    return planned("proton", LITRE, (60.0, 250.0), DoseModel(), PLAN)


def test_range_and_energy_are_inverse_and_those_of_the_reference_particle() -> None:
    for species, energy in (("proton", 150.0), ("carbon-12", 300.0)):
        particle = ReferenceParticle(species, kinetic_energy_per_u=energy * 1e6)
        assert range_of(species, energy) == pytest.approx(particle.range_in_water, rel=1e-12)
        assert energy_of(species, range_of(species, energy)) == pytest.approx(energy, rel=1e-12)


def test_the_dose_in_depth_adds_up_to_the_energy_of_the_proton() -> None:
    """Without loss of primaries all energy is deposited: 1 Gy is 6.24e9 MeV/g; 5e-4 from the closed form."""
    depths = np.linspace(0.0, 0.2, 4001)
    model = DoseModel(energy_spread=0.0, nuclear_loss=0.0)
    for energy in (70.0, 150.0):
        dose = depth_dose("proton", energy, depths, model)
        assert np.trapezoid(dose, 100 * depths) / 1.602176634e-10 == pytest.approx(energy, rel=5e-4)


def test_one_litre_takes_the_energies_and_protons_that_are_known(litre: Treatment) -> None:
    """34 energies at 3 mm; 2 Gy a minute in a litre is 0.33 to 0.56 nA. The dose is level to 3 %."""
    assert litre.layers == 34
    current = litre.particles.sum() * 1.602176634e-19 / 60
    assert 0.33e-9 < current < 0.56e-9
    assert litre.level == pytest.approx((1.0, 1.0), abs=0.03)


@pytest.mark.parametrize("species", ["proton", "helium-4", "carbon-12", "oxygen-16"])
def test_ranges_are_those_of_the_bethe_formula(species: str) -> None:
    """1e-4 for the largest energy an ion gives an electron, 0.06 mm for the electrons that it catches at its end."""
    for energy in (5.0, 30.0, 60.0, 150.0, 230.0, 430.0):
        assert range_of(species, energy) == pytest.approx(bethe_range(species, energy), rel=1e-4, abs=0.06e-3)


#: CSDA range [g/cm^2] of protons in liquid water at MeV: NIST PSTAR (ICRU Report 49).
PSTAR = {50: 2.227, 70: 4.080, 100: 7.718, 150: 15.77, 200: 25.96, 230: 32.95, 250: 37.94}


def test_ranges_of_protons_are_those_of_the_tables() -> None:
    """0.25 %: the shell corrections, which the formula leaves out, at 50 MeV."""
    for energy, tabled in PSTAR.items():
        assert range_of("proton", energy) == pytest.approx(0.01 * tabled, rel=2.5e-3)


#: Energy [MeV/u] that CNAO extracts for each range [mm] behind its nozzle (CNAO/optics, synchro/LGEN).
CNAO = {
    "proton": {30: 62.58433969, 320: 227.5378286},
    "carbon-12": {30: 115.3740422, 270: 399.0626694},
}


@pytest.mark.parametrize(("species", "within"), [("proton", 0.2), ("carbon-12", 1.1)])
def test_a_clinic_s_energies_reach_what_it_states_behind_the_same_nozzle(species: str, within: float) -> None:
    """What is missing is the nozzle's thickness, 3.3 mm of water, the same at both ends [mm]; carbon to 0.4 %."""
    missing = [1e3 * float(range_of(species, energy)) - depth for depth, energy in CNAO[species].items()]
    assert missing == pytest.approx([3.3, 3.3], abs=within)


def test_no_energy_has_no_range_and_ions_of_equal_velocity_ranges_as_mass_over_charge_squared() -> None:
    assert range_of("proton", np.array([0.0, 1.0])) == pytest.approx([0.0, 24.58e-6])  # PSTAR
    assert energy_of("proton", np.array([0.0])) == 0.0
    proton, carbon = (ReferenceParticle(name, kinetic_energy_per_u=1e8) for name in ("proton", "carbon-12"))
    same = 100.0 * (carbon.mass / 12) / proton.mass  # MeV/u of carbon as fast as a proton of 100 MeV
    expected = carbon.mass / proton.mass / 36 * range_of("proton", 100.0)
    assert range_of("carbon-12", same) == pytest.approx(expected, rel=1e-9)


def test_the_stopping_power_is_the_slope_of_the_range() -> None:
    """dR/dE = 1 / S; and PSTAR's 5.445 MeV cm^2/g at 150 MeV."""
    slope = (range_of("proton", 150.1) - range_of("proton", 149.9)) / 0.2
    assert stopping_power(150.0) == pytest.approx(1 / slope, rel=1e-5)
    assert stopping_power(150.0) == pytest.approx(544.5, rel=1e-3)


def test_the_stopping_power_is_bethe_s() -> None:
    """Particle Data Group, eq. 34.5, written out for 150 MeV: beta^2 0.256, W 0.347 MeV, I 75 eV; rounding."""
    electron, proton, gamma = 0.51099895069, 938.27208943, 1 + 150 / 938.27208943
    square = 1 - 1 / gamma**2
    largest = 2 * electron * square * gamma**2 / (1 + 2 * gamma * electron / proton + (electron / proton) ** 2)
    bethe = math.log(2 * electron * square * gamma**2 * largest / 75e-6**2) / 2 - square
    assert stopping_power(150.0) == pytest.approx(100 * 0.307075 * 0.555087 / square * bethe, rel=1e-12)


def test_the_dose_at_the_entrance_is_the_stopping_power() -> None:
    """150 MeV protons: 5.443 MeV cm^2/g (PSTAR); carbon of 400 MeV/u: 108.5 (Bethe); 1.5 and 6 % off as a power is."""
    bare = DoseModel(energy_spread=0.0, nuclear_loss=0.0)
    for species, energy, stopping, within in (("proton", 150.0, 5.443, 0.015), ("carbon-12", 400.0, 108.5, 0.06)):
        dose = depth_dose(species, energy, np.array([0.0]), bare)[0] / 1.602176634e-10
        assert dose == pytest.approx(stopping, rel=within)


def test_weights_of_the_layers_are_smooth(litre: Treatment) -> None:
    """The deepest layer takes most, and behind it they fall: no layer is left out for a neighbour's sake."""
    assert litre.particles[0] == max(litre.particles)
    assert (litre.particles > 0).all()
    assert (np.diff(litre.particles[1:-2]) < 0).all()


def test_sharp_peaks_of_carbon_need_closer_layers() -> None:
    """A peak of 0.9 mm rms (0.57 mm straggling and 0.68 mm spread at 20 cm): level at 2 mm, ripple of 20 % at 5 mm."""
    carbon = DoseModel(nuclear_loss=0.06)
    assert peak_sigma("carbon-12", float(energy_of("carbon-12", 0.2)), carbon) == pytest.approx(0.88e-3, rel=0.02)
    close, wide = (planned("carbon-12", LITRE, (115.0, 400.0), carbon, SpotPlan(d, 5e-3, 0.0)) for d in (2e-3, 5e-3))
    assert close.level == pytest.approx((1.0, 1.0), abs=0.02)
    assert wide.level[1] > 1.15


def test_dose_scales_particles_and_nothing_else(litre: Treatment) -> None:
    double = planned("proton", Target(0.10, 0.20, 0.10, 4.0), (60.0, 250.0), DoseModel(), PLAN)
    assert double.particles == pytest.approx(2 * litre.particles, rel=1e-9, abs=1.0)
    assert double.energies == pytest.approx(litre.energies)


def test_a_volume_out_of_reach_says_what_works() -> None:
    with pytest.raises(NoSolution, match=r"400 mm needs proton of 258 MeV/u.* ends at 230 MeV/u, which reaches 329"):
        planned("proton", Target(0.3, 0.4, 0.1, 2.0), (70.0, 230.0), DoseModel(), PLAN)
    with pytest.raises(NoSolution, match=r"a proximal depth of 40\.\d+ mm works, or a range shifter"):
        planned("proton", Target(0.0, 0.02, 0.1, 2.0), (70.0, 230.0), DoseModel(), PLAN)
    with pytest.raises(InputError, match="below the distal"):
        Target(0.2, 0.1, 0.1, 2.0)


# ------------------------------------------------------------------------------------------- loss of primaries


@pytest.mark.parametrize(("species", "loss"), [("proton", 0.012), ("helium-4", 0.02), ("carbon-12", 0.06)])
def test_the_model_takes_the_nuclear_loss_of_the_species(species: str, loss: float) -> None:
    """1/cm: protons Bortfeld 1997, carbon Haettner 2006; helium assumed."""
    depths = np.linspace(0.0, 0.2, 41)
    energy = float(energy_of(species, 0.18))
    stated = depth_dose(species, energy, depths, DoseModel(nuclear_loss=loss))
    assert depth_dose(species, energy, depths, DoseModel()) == pytest.approx(stated, rel=1e-12)
    assert NUCLEAR_LOSS[species] == loss


def test_carbon_ions_are_not_lost_as_seldom_as_protons() -> None:
    """Of a beam (1 + beta (R - d)) / (1 + beta R) is left at depth d: at the end of 20 cm 1 of 2.2 carbon ions, or 1 of
    1.24 with the protons' loss. So the deepest layer takes 2.2 / 1.24 = 1.77 times what that loss would say; 2 % for
    what is lost behind the peak's middle and for the dose of the reactions themselves.
    """
    plan = SpotPlan(2e-3, 5e-3, 0.0)
    own, as_protons = (
        planned("carbon-12", LITRE, (115.0, 400.0), model, plan).particles[0]
        for model in (DoseModel(), DoseModel(nuclear_loss=0.012))
    )
    assert own / as_protons == pytest.approx(2.2 / 1.24, rel=0.02)


def test_of_carbon_that_goes_20_cm_more_than_half_breaks_up() -> None:
    """beta R / (1 + beta R) with 0.06 / cm: 1.2 / 2.2; and the share of a treatment is that of its deepest layer."""
    energy = float(energy_of("carbon-12", 0.2))
    assert broken_up("carbon-12", energy, DoseModel()) == pytest.approx(1.2 / 2.2, rel=1e-9)
    treatment = planned("carbon-12", LITRE, (115.0, 400.0), DoseModel(), SpotPlan(2e-3, 5e-3, 0.0))
    assert treatment.broken_up == pytest.approx(1.2 / 2.2, rel=1e-9)


def test_a_species_without_a_known_loss_says_what_to_give() -> None:
    with pytest.raises(InputError, match=r"loss of oxygen-16 in water is not known .* give nuclear_loss in 1/cm"):
        depth_dose("oxygen-16", 300.0, np.array([0.0]), DoseModel())
    assert depth_dose("oxygen-16", 300.0, np.array([0.0]), DoseModel(nuclear_loss=0.07))[0] > 0


# ----------------------------------------------------------------------------------------------------- geometry


def test_layers_are_even_from_the_distal_end_and_no_farther_apart_than_asked() -> None:
    """10 cm at 3 mm: 34 layers 2.94 mm apart, the first at 20 cm, the last one spacing behind the proximal end."""
    ranges = layer_ranges(LITRE, 3e-3)
    assert len(ranges) == 34
    assert (ranges[0], ranges[-1]) == pytest.approx((0.20, 0.10 + 0.1 / 34))
    assert np.diff(ranges) == pytest.approx(np.full(33, -0.1 / 34))


def test_spots_stand_on_a_square_grid_over_the_side_and_its_margins() -> None:
    """10 cm every 5 mm: 21 a side; with margins of 5 mm 23."""
    assert spots_in_layer(LITRE, PLAN) == 21**2
    assert spots_in_layer(LITRE, SpotPlan(3e-3, 5e-3, 5e-3)) == 23**2


def test_a_particle_s_range_is_the_same_whichever_energy_it_is_told_by() -> None:
    """A whole particle's energy is A times that per nucleon."""
    carbon = ReferenceParticle("carbon-12", kinetic_energy_per_u=300e6)
    assert range_in_water(12 * 300e6, carbon.kind) == pytest.approx(carbon.range_in_water, rel=1e-14)
    assert energy_of_range(carbon.range_in_water, carbon.kind) == pytest.approx(12 * 300e6, rel=1e-12)
    assert range_in_water(12 * 300e6, "carbon-12") == range_in_water(12 * 300e6, carbon.kind)
    assert energy_of_range(0.1, "carbon-12") == energy_of_range(0.1, carbon.kind)
    assert range_text() == "Bethe's formula integrated (water, I = 75 eV)"


def test_a_margin_of_spots_takes_as_many_more_particles_as_its_area() -> None:
    """Side 100 mm and 10 mm around it: 1.44 of the area; layers, fluences and dose are those without."""
    target = Target(0.10, 0.11, 0.10, 2.0)
    bare, wide = (planned("proton", target, (60.0, 250.0), DoseModel(), SpotPlan(5e-3, 5e-3, m)) for m in (0.0, 0.01))
    assert wide.particles == pytest.approx(1.44 * bare.particles, rel=1e-12)
    assert wide.dose == pytest.approx(bare.dose, rel=1e-12)


def test_layers_at_the_very_ends_of_the_energies_are_reached() -> None:
    """Depths of 100 to 110 mm in two layers of 5 mm, the shallower at 105 mm: energies from there to 110 mm do, and
    one part in 10^5 less at either end does not."""
    target = Target(0.10, 0.11, 0.05, 1.0)
    low, high = (float(energy_of("proton", depth)) for depth in (0.105, 0.11))
    assert layer_ranges(target, 5e-3) == pytest.approx([0.11, 0.105], rel=1e-12)
    assert planned("proton", target, (low, high), DoseModel(), SpotPlan(5e-3, 5e-3, 0.0)).layers == 2
    for limits, told in (((low * (1 + 1e-5), high), "begins at"), ((low, high * (1 - 1e-5)), "ends at")):
        with pytest.raises(NoSolution, match=told):
            planned("proton", target, limits, DoseModel(), SpotPlan(5e-3, 5e-3, 0.0))


def test_where_the_dose_leaves_weights_open_they_lie_on_a_straight_line() -> None:
    """Only the first, second and last of six layers give a dose, each at a depth of its own: 4 Gy of 1, 1 and 2 Gy.

    Second differences cost, and there are none on the line from 4 to 2 behind the first layer.
    """
    unit = np.zeros((3, 6))
    unit[0, 0], unit[1, 1], unit[2, 5] = 1.0, 1.0, 2.0
    assert _level(unit, 4.0) == pytest.approx([4.0, 4.0, 3.5, 3.0, 2.5, 2.0], rel=1e-9)
