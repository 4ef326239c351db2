"""The reference particle: relativity between its quantities, masses with their source, and known working points."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lattice import InputError, ReferenceParticle, Species
from lattice.reference import SPECIES
from tests.bethe import bethe_range

_NAMES = st.sampled_from(sorted(SPECIES))
_ENERGIES = st.floats(1e3, 1e13)


@given(_NAMES, _ENERGIES)
def test_relativity_holds(name: str, energy: float) -> None:
    p = ReferenceParticle(name, kinetic_energy_per_u=energy)
    assert p.total_energy**2 == pytest.approx(p.momentum**2 + p.mass**2, rel=1e-13)
    assert p.momentum == pytest.approx(p.mass * p.beta * p.gamma, rel=1e-13)
    assert p.kinetic_energy == pytest.approx(p.nucleons * energy, rel=1e-15)
    assert p.magnetic_rigidity * abs(p.charge) * 299_792_458.0 == pytest.approx(p.momentum, rel=1e-15)


@given(_NAMES, _ENERGIES)
def test_momentum_and_rigidity_lead_back(name: str, energy: float) -> None:
    """From 1 keV per nucleon on without cancellation: some roundings only."""
    p = ReferenceParticle(name, kinetic_energy_per_u=energy)
    for other in (
        ReferenceParticle.from_momentum(name, p.momentum),
        ReferenceParticle.from_rigidity(name, p.magnetic_rigidity),
    ):
        assert other.kinetic_energy_per_u == pytest.approx(energy, rel=4e-15)


@pytest.mark.parametrize(
    ("name", "mass"),
    [  # nuclear masses of CODATA 2022 [eV]; our ions leave out the electrons' binding (below 2 keV for oxygen)
        ("proton", 938.27208943e6),
        ("deuteron", 1875.61294500e6),
        ("helium-3", 2808.39161112e6),
        ("helium-4", 3727.3794118e6),
    ],
)
def test_masses_are_those_of_codata(name: str, mass: float) -> None:
    assert SPECIES[name].mass == pytest.approx(mass, rel=1e-7)


@pytest.mark.parametrize("name", sorted(SPECIES))
def test_mass_per_nucleon_is_that_of_a_nucleon(name: str) -> None:
    species = SPECIES[name]
    if species.mass > 1e8:
        assert species.mass / species.nucleons == pytest.approx(935e6, rel=5e-3)
        assert abs(species.charge) <= species.nucleons


def test_working_points_of_therapy() -> None:
    """Rigidities that every table of hadron therapy quotes: 60 MeV protons 1.137 T m, 400 MeV/u carbon 6.346 T m."""
    assert ReferenceParticle("proton", kinetic_energy_per_u=60e6).magnetic_rigidity == pytest.approx(1.137, abs=5e-4)
    carbon = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
    assert carbon.magnetic_rigidity == pytest.approx(6.346, abs=5e-4)
    assert carbon.beta == pytest.approx(0.7145, abs=2e-4)
    assert "MeV/u" in str(carbon)
    assert "B rho = 6.34" in str(carbon)


def test_ranges_in_water() -> None:
    """Protons of 150 MeV: 15.77 cm (ICRU 49); helium as fast has 3.9726 / 4 of it; an electron's is another law."""
    proton = ReferenceParticle("proton", kinetic_energy_per_u=150e6)
    assert proton.range_in_water == pytest.approx(0.1577, rel=5e-4)
    carbon = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
    assert carbon.range_in_water == pytest.approx(bethe_range("carbon-12", 400.0), abs=0.06e-3)
    helium = ReferenceParticle("helium-4", kinetic_energy_per_u=150e6 * 3.97260 / 4)  # masses over the proton's
    assert helium.range_in_water == pytest.approx(3.97260 / 4 * proton.range_in_water, rel=1e-5)
    assert "range in water 157.7 mm" in str(proton)
    assert "range" not in str(ReferenceParticle("electron", kinetic_energy_per_u=1e9))


@pytest.mark.parametrize("energy", [0, -1e6, 1e-300, 1e300, math.nan, math.inf, "60 MeV", "60e6", True, None])
def test_energies_that_make_no_sense_are_refused(energy: object) -> None:
    with pytest.raises(InputError, match="kinetic_energy_per_u must"):
        ReferenceParticle("proton", kinetic_energy_per_u=energy)  # type: ignore[arg-type]


def test_unknown_species_suggest_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown species 'Carbon12'; did you mean 'carbon-12'\? Known: proton"):
        ReferenceParticle("Carbon12", kinetic_energy_per_u=1e6)
    with pytest.raises(InputError, match="a species is a name"):
        ReferenceParticle(12, kinetic_energy_per_u=1e6)  # type: ignore[arg-type]


def test_own_species_are_taken() -> None:
    stripped_once = Species("carbon-12 4+", 12 * 931.494e6, 4, 12)
    assert ReferenceParticle(stripped_once, kinetic_energy_per_u=7e6).charge == 4
    for wrong in ({"mass": -1.0, "charge": 1}, {"mass": 1e9, "charge": 0}, {"mass": math.nan, "charge": 1}):
        with pytest.raises(InputError, match="species 'x'"):
            Species("x", **wrong)  # type: ignore[arg-type]


def test_energies_and_masses_in_mev_are_told() -> None:
    with pytest.raises(InputError, match="found 60: if that is MeV, give 60e6"):
        ReferenceParticle("proton", kinetic_energy_per_u=60)
    with pytest.raises(InputError, match=r"mass is in eV .*, found 938.27: if that is MeV, give 938.27e6"):
        Species("p", 938.27, 1)


def test_the_spread_of_the_energy_is_that_of_the_momentum_twice_when_slow_and_once_when_fast() -> None:
    """T = p^2 / 2m: dT/T = 2 dp/p; T = p c: dT/T = dp/p; between them by a difference of two momenta."""
    slow, fast = (ReferenceParticle("proton", kinetic_energy_per_u=energy) for energy in (1e3, 1e15))
    assert slow.energy_spread(1e-3) == pytest.approx(2e-3, rel=1e-5)
    assert fast.energy_spread(1e-3) == pytest.approx(1e-3, rel=1e-5)
    here = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
    ends = [ReferenceParticle.from_momentum("carbon-12", here.momentum * (1 + part)) for part in (-1e-6, 1e-6)]
    change = (ends[1].kinetic_energy - ends[0].kinetic_energy) / here.kinetic_energy
    assert here.energy_spread(2e-6) == pytest.approx(change, rel=1e-8)


@pytest.mark.parametrize(
    ("name", "mass", "charge", "nucleons"),
    [  # CODATA 2022 and AME2020: 12 u less 4 electrons; two or three hydrogen atoms less one; an atom and one more [eV]
        ("C4+", 12 * 931.49410372e6 - 4 * 0.51099895069e6, 4, 12),
        ("12C4+", 12 * 931.49410372e6 - 4 * 0.51099895069e6, 4, 12),
        ("carbon-12 4+", 12 * 931.49410372e6 - 4 * 0.51099895069e6, 4, 12),
        ("H2+", 2 * (938.27208943e6 + 0.51099895069e6) - 0.51099895069e6, 1, 2),
        ("H3+", 3 * (938.27208943e6 + 0.51099895069e6) - 0.51099895069e6, 1, 3),
        ("H-", 938.27208943e6 + 2 * 0.51099895069e6, -1, 1),
        ("He+", 3727.3794118e6 + 0.51099895069e6, 1, 4),
        ("3He1+", 2808.39161112e6 + 0.51099895069e6, 1, 3),
        ("Pb54+", 207.976651901230 * 931.49410372e6 - 54 * 0.51099895069e6, 54, 208),
    ],
)
def test_ions_that_keep_electrons(name: str, mass: float, charge: int, nucleons: int) -> None:
    """To 1e-7: the binding of the electrons is left out; any case, and its rigidity follows."""
    particle = ReferenceParticle(name.lower(), kinetic_energy_per_u=7e6)
    assert particle.mass == pytest.approx(mass, rel=1e-7)
    assert (particle.charge, particle.nucleons) == (charge, nucleons)
    assert particle.magnetic_rigidity == pytest.approx(particle.momentum / abs(charge) / 299_792_458.0, rel=1e-15)
    assert ReferenceParticle(particle.species, kinetic_energy_per_u=7e6) == particle


def test_ions_of_hydrogen_are_called_as_chemists_do() -> None:
    for name in ("H2+", "H3+", "H-"):
        assert ReferenceParticle(name.lower(), kinetic_energy_per_u=7e6).species == name


def test_an_ion_without_electrons_is_the_nucleus() -> None:
    for name, nucleus in {"C6+": "carbon-12", "H+": "proton", "D+": "deuteron", "He2+": "helium-4"}.items():
        assert ReferenceParticle(name, kinetic_energy_per_u=1e8) == ReferenceParticle(nucleus, kinetic_energy_per_u=1e8)


def test_in_water_an_ion_loses_its_electrons() -> None:
    """The range of C4+ is that of carbon, that of H2+ the proton's of the same energy per nucleon."""
    for name, nucleus in {"C4+": "carbon-12", "H2+": "proton"}.items():
        ranges = [ReferenceParticle(one, kinetic_energy_per_u=1e8).range_in_water for one in (name, nucleus)]
        assert ranges[0] == ranges[1]


@pytest.mark.parametrize(("name", "words"), [("C7+", "has 6 electrons"), ("X4+", "unknown species"), ("C+4", "C4+")])
def test_an_ion_that_is_none(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ReferenceParticle(name, kinetic_energy_per_u=1e8)


@pytest.mark.parametrize("name", ["C12", "12C", "C-12", "c 12"])
def test_symbols_with_a_mass_number_lead_to_the_ion(name: str) -> None:
    with pytest.raises(InputError, match=r"unknown species '.*'; did you mean 'carbon-12'\? Known: proton"):
        ReferenceParticle(name, kinetic_energy_per_u=1e8)


def test_what_resembles_no_species_ends_with_a_stop() -> None:
    with pytest.raises(InputError, match=r"unknown species 'xx99'\. Known: proton"):
        ReferenceParticle("xx99", kinetic_energy_per_u=1e8)


def test_an_energy_in_gev_is_named_beside_one_in_mev() -> None:
    with pytest.raises(InputError, match=r"if that is MeV, give 0\.12e6, if GeV 0\.12e9"):
        ReferenceParticle("proton", kinetic_energy_per_u=0.12)
