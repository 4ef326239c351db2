"""What every machine has, ring, linac or line: name, title, energies, requirements, and what it was taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lattice import ReferenceParticle
from lattice.showing import Showing
from machines.requirements import Requirement, Unasked


@dataclass(frozen=True, kw_only=True, repr=False)
class Machine(Showing):
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

    def summary(self) -> Mapping[str, Any]:
        """Name, energies of each species, and how many requirements its studies judge."""
        ends = {name: f"{low / 1e6:g} to {top / 1e6:g} MeV/u" for name, (low, top) in self.energies.items()}
        return {
            "name": self.name,
            "title": self.title,
            "energies": ends,
            "requirements": {study: len(self.requirements_of(study)) for study in self.studies},
            "assumptions": len(self.assumptions),
            "references": len(self.references),
        }

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
