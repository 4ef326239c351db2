"""The reference particle: one species at one energy, with every quantity people quote it by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite, sqrt

from lattice.errors import InputError, did_you_mean
from lattice.ions import Ion, atom_called, ion_called
from lattice.magnitudes import as_number
from lattice.ranges import RangeLaw
from lattice.showing import Showing

SPEED_OF_LIGHT = 299_792_458.0  # m/s, exact
ATOMIC_MASS_UNIT = 931.494_103_72e6  # eV, CODATA 2022
ELECTRON_MASS = 0.510_998_950_69e6  # eV, CODATA 2022
PROTON_MASS = 938.272_089_43e6  # eV, CODATA 2022
ENERGIES = (1e3, 1e21)  # eV per nucleon: from a source's 1 keV to above any cosmic ray; squares stay far from overflow
_ROUNDING = 8 * 2.0**-52  # of a mass, of the total energy: of some additions and roots, and what is written in GeV
_LIGHTEST = 1e5  # eV; an electron has 5.1e5
_LIGHTEST_OF_IONS = 0.9e9  # eV; the range of electrons is another law

# Atomic masses [u] of neutral atoms, AME2020 (Wang et al., Chinese Physics C 45, 030003, 2021),
# charge number Z and nucleon number A. Fully stripped ions lose Z electrons; the electrons'
# binding energy (below 2 keV for oxygen, 1e-7 of the mass) is neglected.
_ATOMS = {
    "deuteron": (2.014_101_777_844, 1, 2),
    "helium-3": (3.016_029_321_967, 2, 3),
    "helium-4": (4.002_603_254_130, 2, 4),
    "lithium-7": (7.016_003_434_261, 3, 7),
    "carbon-12": (12.0, 6, 12),
    "oxygen-16": (15.994_914_619_257, 8, 16),
    "neon-20": (19.992_440_175_258, 10, 20),
    "argon-40": (39.962_383_122_037, 18, 40),
    "lead-208": (207.976_651_901_230, 82, 208),
}
_HYDROGEN = "hydrogen-1"
_NEUTRAL = {_HYDROGEN: (1.007_825_031_898, 1, 1), **_ATOMS}


@dataclass(frozen=True)
class Species(Showing):
    """A kind of particle: ``mass`` [eV], ``charge`` [e], ``nucleons`` (energies per u are per nucleon)."""

    name: str
    mass: float
    charge: int
    nucleons: int = 1

    def __post_init__(self) -> None:
        name, mass = self.name, as_number(self.mass)
        if not isinstance(name, str) or not name or not name.isprintable() or any(quote in name for quote in "\"'"):
            raise InputError(f"a species' name is a text without quotes and control characters, found {name!a}")
        if mass is None or not (isfinite(mass) and mass > 0):
            raise InputError(f"species '{self.name}': mass must be a positive number of eV, found {self.mass!r}")
        if self.mass < _LIGHTEST:
            raise InputError(
                f"species '{self.name}': mass is in eV (an electron has 511e3), found {self.mass:g}: if that is MeV, "
                f"give {self.mass:g}e6"
            )
        if self.charge == 0 or self.nucleons < 1:
            raise InputError(
                f"species '{self.name}': charge must not be 0 and nucleons at least 1, "
                f"found charge {self.charge!r} and nucleons {self.nucleons!r}"
            )


def _ion(name: str) -> Species:
    mass_u, charge, nucleons = _ATOMS[name]
    return Species(name, mass_u * ATOMIC_MASS_UNIT - charge * ELECTRON_MASS, charge, nucleons)


SPECIES: dict[str, Species] = {
    "proton": Species("proton", PROTON_MASS, 1),
    "antiproton": Species("antiproton", PROTON_MASS, -1),
    "electron": Species("electron", ELECTRON_MASS, -1),
    "positron": Species("positron", ELECTRON_MASS, 1),
    **{name: _ion(name) for name in _ATOMS},
}


def species_named(name: str) -> Species:
    """Return the species called ``name`` (any case), or the ion: ``C4+``, ``carbon-12 4+``, ``H2+``, ``H-``.

    InputError lists the nearest when there is none.
    """
    if not isinstance(name, str):
        raise InputError(f"a species is a name such as 'proton', found {name!r}")
    key = name.strip().lower()
    if key in SPECIES:
        return SPECIES[key]
    ion = ion_called(key)
    if ion is None or ion.atom not in _NEUTRAL:
        raise InputError(
            f"unknown species '{name}'{_nearest(key) or '.'} Known: {', '.join(SPECIES)}, and ions by their "
            f"charge: C4+, 'carbon-12 4+', H2+"
        )
    return _ion_with_electrons(name, ion)


def _ion_with_electrons(name: str, ion: Ion) -> Species:
    """Mass: that of the neutral atoms less the electrons that are gone; binding (1e-7 of it) is neglected."""
    mass_u, protons, nucleons = _NEUTRAL[ion.atom]
    if ion.charge > protons * ion.atoms:
        raise InputError(f"species '{name}': {ion.atom} has {protons} electrons to lose, not {ion.charge}")
    if ion.charge == protons and ion.atoms == 1:
        return SPECIES["proton" if ion.atom == _HYDROGEN else ion.atom]
    mass = ion.atoms * mass_u * ATOMIC_MASS_UNIT - ion.charge * ELECTRON_MASS
    if ion.atom == _HYDROGEN:
        return Species(name.strip().upper(), mass, ion.charge, ion.atoms * nucleons)
    charge = f"{ion.charge}+" if ion.charge > 0 else "-"
    return Species(
        f"{ion.atom} {charge}" if ion.atoms == 1 else name.strip().upper(), mass, ion.charge, ion.atoms * nucleons
    )


@dataclass(frozen=True, init=False)
class ReferenceParticle(Showing):
    """A species at one kinetic energy per nucleon [eV].

    ``ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)``. Ions are fully stripped, or named by their charge:
    "C4+", "H2+". A species the table does not hold is given as ``Species(name, mass, charge, nucleons)``. Raises
    InputError for an unknown species or an energy that is not a number within ``ENERGIES``.
    """

    species: str
    kinetic_energy_per_u: float
    kind: Species

    def __init__(self, species: str | Species, *, kinetic_energy_per_u: float) -> None:
        kind = species if isinstance(species, Species) else species_named(species)
        energy = _positive_number("kinetic_energy_per_u", kinetic_energy_per_u, "eV")
        if not ENERGIES[0] * (1 - 1e-9) <= energy <= ENERGIES[1]:
            raise InputError(
                f"kinetic_energy_per_u must lie within {ENERGIES[0]:g} and {ENERGIES[1]:g} eV, found {energy:g}"
                + (_of_another_unit(energy) if energy < ENERGIES[0] else "")
            )
        object.__setattr__(self, "species", kind.name)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "kinetic_energy_per_u", energy)

    @classmethod
    def from_momentum(cls, species: str | Species, momentum: float) -> ReferenceParticle:
        """Particle of total ``momentum`` [eV/c]."""
        kind = species if isinstance(species, Species) else species_named(species)
        p = _positive_number("momentum", momentum, "eV/c")
        kinetic = p * p / (sqrt(p * p + kind.mass**2) + kind.mass)  # E - m without cancellation
        return cls(kind, kinetic_energy_per_u=kinetic / kind.nucleons)

    @classmethod
    def from_rigidity(cls, species: str | Species, rigidity: float) -> ReferenceParticle:
        """Particle of magnetic ``rigidity`` B rho [T m]."""
        kind = species if isinstance(species, Species) else species_named(species)
        rigidity = _positive_number("rigidity", rigidity, "T m")
        return cls.from_momentum(kind, rigidity * abs(kind.charge) * SPEED_OF_LIGHT)

    @property
    def mass(self) -> float:
        """Rest energy [eV]."""
        return self.kind.mass

    @property
    def charge(self) -> int:
        """Charge [e]."""
        return self.kind.charge

    @property
    def nucleons(self) -> int:
        """Nucleon number A; energies per u are per nucleon."""
        return self.kind.nucleons

    @property
    def kinetic_energy(self) -> float:
        """Total kinetic energy [eV]."""
        return self.kinetic_energy_per_u * self.nucleons

    @property
    def total_energy(self) -> float:
        """Total energy [eV]."""
        return self.kinetic_energy + self.mass

    @property
    def momentum(self) -> float:
        """Momentum [eV/c]; p^2 = T (T + 2 m)."""
        return sqrt(self.kinetic_energy * (self.kinetic_energy + 2 * self.mass))

    @property
    def beta(self) -> float:
        """Velocity over the speed of light."""
        return self.momentum / self.total_energy

    @property
    def gamma(self) -> float:
        """Total energy over rest energy."""
        return self.total_energy / self.mass

    @property
    def magnetic_rigidity(self) -> float:
        """B rho = p / |q| [T m]."""
        return self.momentum / (abs(self.charge) * SPEED_OF_LIGHT)

    def geometric_emittance(self, normalised: float) -> float:
        """Emittance [m] of this particle's beam whose ``normalised`` one [m] is beta gamma times as large."""
        return normalised / (self.beta * self.gamma)

    def energy_spread(self, momentum_spread: float) -> float:
        """Relative spread of the kinetic energy for one of momentum: dT/T = (gamma + 1) / gamma dp/p."""
        return (self.gamma + 1) / self.gamma * momentum_spread

    @property
    def range_in_water(self) -> float:
        """Mean range in water [m] by the Bethe formula (``range_law``)."""
        return float(range_law(self.kind).range_of(self.kinetic_energy_per_u / 1e6))

    def __str__(self) -> str:
        per = "MeV/u" if self.nucleons > 1 else "MeV"
        reach = f", range in water {self.range_in_water * 1e3:.4g} mm" if self.mass > _LIGHTEST_OF_IONS else ""
        return (
            f"{self.species} {self.kinetic_energy_per_u / 1e6:.6g} {per}: p = {self.momentum / 1e6:.6g} MeV/c, "
            f"beta = {self.beta:.6g}, gamma = {self.gamma:.6g}, B rho = {self.magnetic_rigidity:.6g} T m{reach}"
        )


def same_particle(first: ReferenceParticle | None, second: ReferenceParticle | None) -> bool:
    """Whether two particles are one to rounding: name (in any case), charge, nucleons; mass and energy to few units.

    Files hold the total energy (MAD-X) or the momentum (Xsuite): the kinetic energy that is taken from these has
    rounding units of the total energy, not of its own.
    """
    if first is None or second is None:
        return first is second
    ours, theirs = first.kind, second.kind
    return (
        ours.name.lower() == theirs.name.lower()
        and (ours.charge, ours.nucleons) == (theirs.charge, theirs.nucleons)
        and abs(ours.mass - theirs.mass) <= _ROUNDING * ours.mass
        and abs(first.kinetic_energy - second.kinetic_energy) <= _ROUNDING * first.total_energy
    )


def range_law(kind: Species) -> RangeLaw:
    """The ranges of a species in water, by the Bethe formula; an ion loses its electrons in the first micrometres."""
    ion = ion_called(kind.name)
    if ion is not None and ion.atom in _NEUTRAL:
        return range_law(SPECIES["proton" if ion.atom == _HYDROGEN else ion.atom])
    return RangeLaw(kind.mass / PROTON_MASS / kind.charge**2, 1e-6 * kind.mass / kind.nucleons)


def _nearest(key: str) -> str:
    """The species whose symbol and mass number these are (C12, 12C, C-12), else the nearest name."""
    found = re.fullmatch(r"(\d*)([a-z]{1,2})[-_ ]?(\d*)", key)
    species = atom_called(found[2], found[1] or found[3]) if found else None
    return f"; did you mean '{species}'?" if species in SPECIES else did_you_mean(key, SPECIES)


def _of_another_unit(energy: float) -> str:
    """What a number of eV that is too small may be."""
    return f": if that is MeV, give {energy:g}e6, if GeV {energy:g}e9"


def _positive_number(what: str, value: float, unit: str) -> float:
    number = as_number(value)
    if number is None or not (isfinite(number) and number > 0):
        raise InputError(f"{what} must be a positive number of {unit}, found {value!r}")
    return number
