"""A machine as a value: its ring, working points, magnet families, ratings, beams and requirements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lattice import InputError, Lattice, ReferenceParticle
from lattice.errors import did_you_mean
from machines.requirements import Requirement


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

    ``emittance_x``, ``emittance_y``: normalised rms [m]; ``momentum_spread``: full width of dp/p; the envelope is
    ``sigmas`` x sqrt(beta emittance / (beta gamma)) + |D| momentum_spread / 2.
    """

    name: str
    working_point: str
    emittance_x: float
    emittance_y: float
    momentum_spread: float
    sigmas: float
    source: str
    assumed: bool = False


@dataclass(frozen=True)
class Machine:
    """Everything known of one machine; data, with ``lattice`` to build it at a working point.

    ``ring`` holds the geometry with all strengths 0. ``energies`` gives the lowest and highest kinetic energy per u
    [eV] of each species. ``places`` maps what a study looks for ("electrostatic_septum", "symp", ...) to element
    names, ``roles`` elements to what they are.
    """

    name: str
    title: str
    ring: Lattice
    working_points: Mapping[str, WorkingPoint]
    default_working_point: str
    energies: Mapping[str, tuple[float, float]]
    families: Mapping[str, MagnetFamily]
    ratings: Mapping[str, Rating]
    beams: tuple[MachineBeam, ...]
    places: Mapping[str, str]
    roles: Mapping[str, str]
    requirements: tuple[Requirement, ...]
    assumptions: tuple[str, ...]
    references: tuple[str, ...]

    def working_point(self, name: str | None = None) -> WorkingPoint:
        """The working point called ``name`` (any case), the default one for None; InputError for an unknown name."""
        wanted = self.default_working_point if name is None else name
        known = {point.lower(): point for point in self.working_points}
        if wanted.lower() not in known:
            raise InputError(
                f"machine '{self.name}' has no working point '{wanted}'{did_you_mean(wanted, known)}"
                f" Known: {', '.join(self.working_points)}"
            )
        return self.working_points[known[wanted.lower()]]

    def lattice(self, working_point: str | None = None) -> Lattice:
        """The ring with strengths and particle of a working point; InputError for an unknown name."""
        point = self.working_point(working_point)
        return self.ring.with_parameters(point.strengths).with_particle(point.particle)

    def requirements_of(self, study: str) -> tuple[Requirement, ...]:
        """The requirements that ``study`` judges."""
        return tuple(requirement for requirement in self.requirements if requirement.study == study)

    @property
    def top_particle(self) -> ReferenceParticle:
        """The particle of the highest magnetic rigidity that the machine accelerates."""
        particles = (ReferenceParticle(name, kinetic_energy_per_u=top) for name, (_, top) in self.energies.items())
        return max(particles, key=lambda particle: particle.magnetic_rigidity)
