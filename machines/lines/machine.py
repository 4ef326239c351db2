"""A transfer line as a machine: elements, the beam that enters, ratings, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import ClosedMapping
from machines.machine import Machine
from machines.rings.machine import Rating


@dataclass(frozen=True)
class EnteringBeam:
    """The functions that a line is given for a species, ``betx`` ... ``dpx``: an ellipse in the beam's place."""

    species: str
    functions: Mapping[str, float]
    source: str


@dataclass(frozen=True, kw_only=True, repr=False)
class LineMachine(Machine):
    """Everything known of one line; data.

    ``line`` has the strengths of its starting set. ``ring`` and ``ring_place``: the ring and the element whose entrance
    the line begins at, or ``linac``: the linac whose exit that is. ``isocentre``: the place where the patient is.
    ``settable``: strengths that set the spot (default: all); the others are those of every energy. ``sections``: what
    the parts of the line are called, by the letters that names of their elements begin with.
    """

    kind: ClassVar[str] = "line"

    line: Lattice
    isocentre: str
    ratings: Mapping[str, Rating]
    ring: str = ""
    ring_place: str = ""
    linac: str = ""
    beams: tuple[EnteringBeam, ...] = ()
    settable: tuple[str, ...] = ()
    sections: Mapping[str, str] = field(default_factory=ClosedMapping)

    def outside(self, species: str, particles: Sequence[ReferenceParticle]) -> str:
        """Why energies lie outside what the line is described for; "" where they do not."""
        if species not in self.energies:
            return f"{self.name} is described for {', '.join(self.energies)}, not for {species}"
        low, top = self.energies[species]
        wrong = [
            one.kinetic_energy_per_u
            for one in particles
            if not low * (1 - 1e-9) <= one.kinetic_energy_per_u <= top * (1 + 1e-9)
        ]
        if not wrong:
            return ""
        told = f"{wrong[0] / 1e6:g} MeV/u" if len(wrong) == 1 else f"{wrong[0] / 1e6:g} to {wrong[-1] / 1e6:g} MeV/u"
        return f"{told} lies outside the energies of {self.name} ({species}: {low / 1e6:g} to {top / 1e6:g} MeV/u)"

    def entering(self, species: str) -> EnteringBeam:
        """What the source of the line says of the beam of a species; InputError where it says nothing."""
        found = [beam for beam in self.beams if beam.species == species]
        if not found:
            known = ", ".join(beam.species for beam in self.beams) or "none"
            raise InputError(f"line '{self.name}' knows no entering beam of {species}, only of {known}")
        return found[0]
