"""BEAM statements and the reference particle they stand for. MAD-X works in GeV and total energies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import hypot, isclose, sqrt

from lattice.expressions.functions import CONSTANTS
from lattice.madx.syntax import words
from lattice.madx.text import Statement
from lattice.reference import SPECIES, SPEED_OF_LIGHT, ReferenceParticle, Species

_GEV = 1e9
_HEAVIEST, _WHOLE = 300, 1e-6  # nucleons of an ion; how near its charge is to a whole number

#: The particles MAD-X knows (whatever MASS and CHARGE say).
_MADX_SPECIES = {
    **{name: SPECIES[name] for name in ("positron", "electron", "proton", "antiproton")},
    "posmuon": Species("posmuon", CONSTANTS["mumass"] * _GEV, 1),
    "negmuon": Species("negmuon", CONSTANTS["mumass"] * _GEV, -1),
    "ion": Species("ion", CONSTANTS["nmass"] * _GEV, 1),
}
#: GeV; lead in the largest collider that is planned has 4e6.
_HIGHEST = 2e7
#: Ways to give the energy, the first one given counts.
_ENERGIES = ("energy", "pc", "gamma", "beta", "brho")
_OTHERS = words(
    "ex exn ey eyn et sigt sige kbunch npart bcurrent bunched radiate sequence deltap circ freq0 alfa u0 qs arad"
    " dtbyds pdamp n1min"
)
#: What is told of the beam and its ring, and no lattice keeps.
NOT_KEPT = _OTHERS - {"sequence"}
NUMBERS = frozenset(("mass", "charge", "bv", *_ENERGIES))
KNOWN = NUMBERS | _OTHERS | {"particle"}


@dataclass(frozen=True)
class Beam:
    """What the BEAM statements so far have said; MAD-X's defaults are positrons of 1 GeV."""

    statement: Statement
    species: Species = SPECIES["positron"]
    parts: int = 1  # nucleons, where mass, charge and energy are those of one: charge = 54/208
    named: bool = False
    energy: tuple[str, float] = ("energy", 1.0)
    bv: float = 1.0

    def updated(self, statement: Statement, particle: str | None, numbers: dict[str, float]) -> Beam:
        """After another BEAM statement; what it does not mention stays."""
        species, parts = self._species(statement, particle, numbers)
        given = next(((way, numbers[way]) for way in _ENERGIES if way in numbers), None)
        named = self.named or particle is not None or "mass" in numbers
        energy = given or self._kept_energy(species, parts)
        bv = numbers.get("bv", self.bv)
        return replace(self, statement=statement, species=species, parts=parts, named=named, energy=energy, bv=bv)

    def _species(self, statement: Statement, particle: str | None, numbers: dict[str, float]) -> tuple[Species, int]:
        """The species, and how many parts it has of which the numbers are those of one."""
        own = {"mass", "charge"} & numbers.keys()
        if particle is None and (not own or (self.named and self.species.name in _MADX_SPECIES.keys() - {"ion"})):
            return self.species, self.parts
        if particle in _MADX_SPECIES and (particle != "ion" or not own):
            return _MADX_SPECIES[particle], 1
        if particle not in (None, "ion") and "mass" not in numbers:
            raise statement.cannot_be_read(
                f"particle '{particle}' is none that MAD-X knows ({', '.join(_MADX_SPECIES)}): give its mass and charge"
            )
        kept = particle is None and "mass" not in numbers
        usual, parts = (self.species, self.parts) if kept else (_MADX_SPECIES["ion"], 1)
        charge = numbers.get("charge", usual.charge / parts)
        mass = numbers["mass"] * _GEV if "mass" in numbers else usual.mass / parts
        parts = _parts(statement, charge, mass)
        return _species_of(particle or "ion", parts * mass, round(parts * charge)), parts

    def _kept_energy(self, species: Species, parts: int) -> tuple[str, float]:
        """MAD-X keeps the total energy when only the particle changes."""
        same = isclose(species.mass, self.species.mass, rel_tol=1e-12) and species.charge == self.species.charge
        same = same and parts == self.parts
        return self.energy if same else ("energy", self._total_energy())

    def _total_energy(self) -> float:
        way, value = self.energy
        return value if way == "energy" else self.particle().total_energy / _GEV / self.parts

    def particle(self) -> ReferenceParticle:
        """The reference particle; FileError's or LatticeError's place is the last BEAM statement."""
        way, value = self.energy
        mass = self.species.mass / _GEV / self.parts
        if self.bv != 1.0:
            raise self.statement.cannot_be_read(
                "bv: only beams in the direction of the sequence (bv = 1) are read; of the LHC's second beam take the "
                "file that is written in its direction (beam 4)"
            )
        self._refuse_impossible(way, value, mass)
        if way == "brho":
            return ReferenceParticle.from_rigidity(self.species, value)
        if way == "pc":
            return ReferenceParticle.from_momentum(self.species, self.parts * value * _GEV)
        if way == "beta":
            return ReferenceParticle.from_momentum(self.species, self.species.mass * value / sqrt(1 - value**2))
        kinetic = value - mass if way == "energy" else (value - 1) * mass
        return ReferenceParticle(self.species, kinetic_energy_per_u=self.parts * kinetic * _GEV / self.species.nucleons)

    def _refuse_impossible(self, way: str, value: float, mass: float) -> None:
        lowest = {"energy": mass, "gamma": 1.0}.get(way, 0.0)
        if value <= lowest or (way == "beta" and value >= 1):
            limits = "between 0 and 1" if way == "beta" else f"greater than {lowest:g}"
            raise self.statement.makes_no_sense(
                f"beam: {way} must be {limits}, found {value:g} (energy and pc in GeV and of the whole particle)"
            )
        if way in ("energy", "pc") and value > _HIGHEST:
            raise self.statement.makes_no_sense(
                f"beam: {way} is in GeV, found {value:g}: if that is eV, write {way} = {value / _GEV:g}"
            )

    def attribute(self, name: str) -> float | None:
        """``beam->name`` as MAD-X gives it; None for what is not followed here."""
        particle = self.particle()
        charge = particle.charge / self.parts
        pc = particle.momentum / _GEV / self.parts
        values = {
            "mass": particle.mass / _GEV / self.parts,
            "charge": charge,
            "energy": hypot(pc, particle.mass / _GEV / self.parts),
            "pc": pc,
            "gamma": particle.gamma,
            "beta": particle.beta,
            "brho": pc * _GEV / (abs(charge) * SPEED_OF_LIGHT),
            "bv": self.bv,
        }
        return values.get(name)


def _parts(statement: Statement, charge: float, mass: float) -> int:
    """1 for a whole charge; else how many nucleons of this mass [eV] and charge have a whole one, 104 for 54/208."""
    if charge == round(charge) and charge != 0:
        return 1
    parts = Fraction(charge).limit_denominator(_HEAVIEST).denominator
    whole = abs(parts * charge - round(parts * charge)) < _WHOLE and round(parts * charge) != 0
    if not whole or abs(charge) > 1 or round(mass / (CONSTANTS["umass"] * _GEV)) != 1:
        raise statement.makes_no_sense(
            f"the charge of a beam is a whole number other than 0, or that of one nucleon, as a fraction, with its "
            f"mass (54/208 with mass = 0.9315), found charge {charge:g} and mass {mass / _GEV:g} GeV"
        )
    return parts


def _species_of(name: str, mass: float, charge: int) -> Species:
    """A species of the given mass [eV]: one of ours where it is the same, else a new one."""
    for known in SPECIES.values():
        if known.charge == charge and isclose(known.mass, mass, rel_tol=1e-9):
            return known
    return Species(name, mass, charge, max(1, round(mass / (CONSTANTS["umass"] * _GEV))))


def beam_text(particle: ReferenceParticle) -> str:
    """The BEAM statement of a particle, with the momentum in GeV/c."""
    pc = f"pc={particle.momentum / _GEV!r}"
    if particle.species in _MADX_SPECIES and particle.kind == _MADX_SPECIES[particle.species]:
        return f"beam, particle={particle.species}, {pc};"
    name = "ion" if particle.species in _MADX_SPECIES else particle.species
    return f'beam, particle="{name}", mass={particle.mass / _GEV!r}, charge={particle.charge}, {pc};'
