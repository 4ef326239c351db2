"""What every machine has, ring, linac or line: name, title, energies, requirements, and what it was taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lattice import ReferenceParticle
from machines.requirements import Requirement, Unasked


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine as data; each ``kind`` adds what it consists of.

    ``energies`` gives the lowest and highest kinetic energy per u [eV] of each species. ``assumptions`` are sentences,
    ``references`` what was read; ``unasked`` what others of its kind are asked and it is not.
    """

    kind: ClassVar[str]

    name: str
    title: str
    energies: Mapping[str, tuple[float, float]]
    requirements: tuple[Requirement, ...]
    assumptions: tuple[str, ...]
    references: tuple[str, ...]
    unasked: tuple[Unasked, ...] = ()

    def requirements_of(self, study: str) -> tuple[Requirement, ...]:
        """The requirements that ``study`` judges."""
        return tuple(requirement for requirement in self.requirements if requirement.study == study)

    @property
    def studies(self) -> tuple[str, ...]:
        """Names of the studies that judge the requirements, each once, in their order."""
        return tuple(dict.fromkeys(requirement.study for requirement in self.requirements))

    @property
    def top_particle(self) -> ReferenceParticle:
        """The particle of the highest magnetic rigidity that the machine accelerates."""
        particles = (ReferenceParticle(name, kinetic_energy_per_u=top) for name, (_, top) in self.energies.items())
        return max(particles, key=lambda particle: particle.magnetic_rigidity)
