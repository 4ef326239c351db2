"""A ring as a machine: geometry, working points, magnet families, ratings, beams and places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lattice import InputError, Lattice, ReferenceParticle
from lattice.errors import did_you_mean
from machines.machine import Machine

if TYPE_CHECKING:
    from optics.aperture import BeamEdge


@dataclass(frozen=True)
class WorkingPoint:
    """Particle and strengths of one setting of a machine; ``strengths`` maps parameters of the lattice to values.

    ``qx``, ``qy`` are the tunes wanted (None where the source gives none). ``assumed`` marks a setting without a
    published source.
    """

    name: str
    particle: ReferenceParticle
    strengths: Mapping[str, float]
    source: str
    qx: float | None = None
    qy: float | None = None
    note: str = ""
    assumed: bool = False


@dataclass(frozen=True)
class MagnetFamily:
    """Magnets on one power supply: their ``elements`` and the lattice ``parameter`` that sets them.

    ``kind`` is the kind of element; ``plane`` the plane it serves ("horizontal", "vertical" or "coupling").
    ``amperes_per_gradient`` [A per T/m^(n-1)] is known for few.
    """

    name: str
    kind: str
    parameter: str
    plane: str
    elements: tuple[str, ...]
    amperes_per_gradient: float | None = None


#: The quantity of the rating of each kind of magnet.
RATED = {"bend": "bend_field", "quadrupole": "gradient", "sextupole": "sextupole_gradient"}


@dataclass(frozen=True)
class Rating:
    """Largest ``value`` in ``unit`` that the magnets may be run at: bend_field, gradient, sextupole_gradient."""

    quantity: str
    value: float
    unit: str
    source: str
    assumed: bool = False


@dataclass(frozen=True)
class MachineBeam:
    """The beam that has to fit at one working point.

    ``emittance_x``, ``emittance_y``: normalised rms [m]; ``momentum_spread``: full width of dp/p; the edge is that of
    ``optics.aperture``, ``sigmas`` x rms betatron size + |D| momentum_spread / 2.
    """

    name: str
    working_point: str
    emittance_x: float
    emittance_y: float
    momentum_spread: float
    sigmas: float
    source: str
    assumed: bool = False

    def edge(self, particle: ReferenceParticle) -> BeamEdge:
        """What has to fit when it is a beam of ``particle``: geometric emittances, sigmas and the full spread."""
        from optics.aperture import BeamEdge  # compiled maps are loaded with it: to say what a ring is takes none
        from optics.beams.beam import Beam

        beam = Beam.normalised(particle, self.emittance_x, self.emittance_y)
        return BeamEdge(beam, self.sigmas, self.momentum_spread)


@dataclass(frozen=True, kw_only=True, repr=False)
class RingMachine(Machine):
    """Everything known of one ring; data, with ``lattice`` to build it at a working point.

    ``ring`` holds the geometry with all strengths 0. ``places`` maps what a study looks for ("electrostatic_septum",
    "symp", ...) to element names, ``roles`` elements to what they are.
    """

    kind: ClassVar[str] = "ring"

    ring: Lattice
    working_points: Mapping[str, WorkingPoint]
    default_working_point: str
    families: Mapping[str, MagnetFamily]
    ratings: Mapping[str, Rating]
    beams: tuple[MachineBeam, ...]
    places: Mapping[str, str]
    roles: Mapping[str, str]

    def rating(self, kind: str) -> Rating | None:
        """What magnets of a ``kind`` ("bend", "quadrupole", "sextupole") may be run at; None where it is not known."""
        return self.ratings.get(RATED.get(kind, ""))

    def working_point(self, name: str | None = None) -> WorkingPoint:
        """The working point called ``name`` (any case), the default one for None; InputError for an unknown name."""
        wanted = self.default_working_point if name is None else name
        known = {point.lower(): point for point in self.working_points}
        if wanted.lower() not in known:
            raise InputError(
                f"machine '{self.name}' has no working point '{wanted}'{did_you_mean(wanted, known) or '.'}"
                f" Known: {', '.join(self.working_points)}"
            )
        return self.working_points[known[wanted.lower()]]

    def lattice(self, working_point: str | None = None) -> Lattice:
        """The ring with strengths and particle of a working point; InputError for an unknown name."""
        point = self.working_point(working_point)
        return self.ring.with_parameters(point.strengths).with_particle(point.particle)
