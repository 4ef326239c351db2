"""Ranges, Bragg curves and the layers of a target against laws and published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from lattice import InputError, NoSolution, ReferenceParticle
from optics.matter.bragg import NUCLEAR_LOSS, DoseModel, depth_dose, peak_sigma
from optics.matter.layers import SpotPlan, Target, Treatment, layer_ranges, planned, spots_in_layer
from optics.matter.ranges import energy_of, energy_of_range, range_in_water, range_of, range_text

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


def bethe_range(species: str, energy: float) -> float:
    """Range [m] by integrating the Bethe formula in water: I = 78 eV (ICRU 90), charge of Pierce and Blann."""
    kind = ReferenceParticle(species, kinetic_energy_per_u=energy * 1e6).kind
    electron, excitation, coulomb, electrons = 0.51099895, 78e-6, 0.307075, 0.55508  # MeV, MeV, MeV cm^2, mol/g

    def steps(per_u: float) -> float:
        gamma = 1 + per_u * kind.nucleons / (kind.mass / 1e6)
        beta2 = 1 - gamma**-2
        charge = abs(kind.charge) * (1 - np.exp(-125 * np.sqrt(beta2) * abs(kind.charge) ** (-2 / 3)))
        most = 2 * electron * beta2 * gamma**2
        power = coulomb * electrons * charge**2 / beta2 * (np.log(most / excitation) - beta2)
        return float(kind.nucleons / power / 100)

    return float(quad(steps, 1.0, energy, limit=200)[0])


@pytest.mark.parametrize(
    ("species", "low", "high"), [("proton", 60.0, 230.0), ("helium-4", 60.0, 230.0), ("carbon-12", 100.0, 430.0)]
)
def test_ranges_are_those_of_the_bethe_formula(species: str, low: float, high: float) -> None:
    """2.2 % at worst (helium of 110 MeV/u): a single power is no better over these energies."""
    for energy in np.linspace(low, high, 12):
        assert range_of(species, energy) == pytest.approx(bethe_range(species, energy), rel=0.022)


def test_carbon_reaches_what_a_clinic_measures() -> None:
    """399.06 MeV/u of carbon reach 270 mm behind 3.3 mm of nozzle (CNAO/optics, synchro/LGEN); 2 % as above."""
    assert range_of("carbon-12", 399.0627) == pytest.approx(0.2733, rel=0.02)


def test_the_dose_at_the_entrance_is_the_stopping_power() -> None:
    """150 MeV protons: 5.443 MeV cm^2/g (PSTAR); carbon of 400 MeV/u: 108.5 (Bethe), 7 % off as a power law is."""
    bare = DoseModel(energy_spread=0.0, nuclear_loss=0.0)
    for species, energy, stopping, within in (("proton", 150.0, 5.443, 0.01), ("carbon-12", 400.0, 108.5, 0.07)):
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
    with pytest.raises(NoSolution, match=r"400 mm needs proton of 255 MeV/u.* ends at 230 MeV/u, which reaches 333"):
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
    assert range_text(carbon.kind) == "R = 0.00105 E^1.7 (cm, MeV/u)"  # 0.00316 A / Z^2
