"""A transfer line as a machine: elements, the beam that enters, ratings, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lattice import InputError, Lattice
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
    ``settable``: strengths that set the spot (default: all); the others are those of every energy.
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

    def entering(self, species: str) -> EnteringBeam:
        """What the source of the line says of the beam of a species; InputError where it says nothing."""
        found = [beam for beam in self.beams if beam.species == species]
        if not found:
            known = ", ".join(beam.species for beam in self.beams) or "none"
            raise InputError(f"line '{self.name}' knows no entering beam of {species}, only of {known}")
        return found[0]
