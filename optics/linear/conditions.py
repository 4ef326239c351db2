"""What an optics is computed for: a lattice, a particle, a momentum, and where the functions begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.memory import Memory
from optics.linear.moments import Moments

#: The place behind the last element.
END = "_end"


def element_of(place: str) -> str:
    """Name of the element that a place belongs to: "qf:end" and "qf" belong to "qf", "qf::1:end" to "qf::1"."""
    name = place.lower()
    return name[: -len(":end")] if name.endswith(":end") and not name.endswith("::end") else name


@dataclass(frozen=True, eq=False, repr=False)
class Conditions:
    """The question that an ``Optics`` answers: enough to ask it again, with slices or at another momentum.

    ``fringe``: "full" or "linear"; ``delta``: momentum deviation of the orbit; ``periodic``: of a ring, not of a line.
    ``start`` (batch, 15) functions at the beginning in the order of ``propagation``, ``start_orbit`` (batch, 6),
    ``start_modes`` (batch, 4, 4) the modes there when the planes are coupled, ``start_chromatic`` what the start of a
    line says of wx, ddx ... ``moments``: of the beam that a line begins with, where it is known. ``memory`` keeps
    the functions inside elements that were computed for these conditions.
    """

    lattice: Lattice
    particle: ReferenceParticle
    fringe: str
    delta: float
    periodic: bool
    start: Array
    start_orbit: Array
    start_modes: Array | None
    start_chromatic: Mapping[str, float]
    memory: Memory = field(default_factory=Memory, kw_only=True)
    moments: Moments | None = field(default=None, kw_only=True)

    def row(self, place: str) -> int:
        """Row of a place: an element's name is its entrance, "name:end" its exit, "_end" the end of the line."""
        if not isinstance(place, str):
            raise InputError(f"a place is an element's name or 'name:end', found {place!r}")
        return self.lattice.row(place)
