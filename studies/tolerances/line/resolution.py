"""From the tolerances of a line as written to everything they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lattice import InputError, Lattice, ReferenceParticle
from lattice.interchange import lattice_to_json
from machines.lines.machine import LineMachine
from machines.registry import line_named
from machines.requirements import Requirement
from studies.runs.contents import LATTICE
from studies.spec.checking import told_in
from studies.spec.judged import judged_requirements, requirement_spec
from studies.spec.lattice_files import line_of
from studies.spec.schema import as_mapping
from studies.spec.toml_text import toml_text
from studies.tolerances.line.assumed import entering_of, particle_of, with_assumed
from studies.tolerances.line.spec import LineTolerancesStudy, SettingSpec


@dataclass(frozen=True)
class ResolvedLine:
    """Tolerances of a line with nothing left open."""

    study: LineTolerancesStudy
    name: str
    title: str
    machine: LineMachine | None
    line: Lattice
    isocentre: str
    particle: ReferenceParticle
    requirements: tuple[Requirement, ...]
    outside: str = ""
    inputs: Mapping[str, bytes] = field(default_factory=dict)

    def at(self, setting: SettingSpec) -> ResolvedLine:
        """The same line at another energy. InputError for parameters that it has not."""
        particle = ReferenceParticle(self.particle.species, kinetic_energy_per_u=1e6 * setting.kinetic_energy_MeV_per_u)
        line = self.line.with_parameters(setting.parameters).with_particle(particle)
        return replace(self, line=line, particle=particle, study=self.study.model_copy(update={"settings": ()}))

    @property
    def energies(self) -> tuple[ReferenceParticle, ...]:
        """The particle at every energy, as the study names them."""
        return (self.particle, *(self.at(setting).particle for setting in self.study.settings))

    @property
    def machine_name(self) -> str:
        """How results call the line."""
        return self.machine.name if self.machine else self.line.name

    @property
    def hashed(self) -> dict[str, bytes]:
        """The inputs that provenance tells, by name."""
        return {
            "study.toml (resolved)": toml_text(as_mapping(self.study)).encode(),
            "lattice before the study (as JSON)": lattice_to_json(self.line).encode(),
            **self.inputs,
        }


def resolve_line(study: LineTolerancesStudy, file: Path | None) -> ResolvedLine:
    """Everything it means; InputError for names that the line does not have, FileError for a lattice not readable."""
    with told_in(file, "machine"):
        machine = line_named(study.machine) if study.machine else None
    line, inputs = line_of(study, machine, file)
    if not line.elements:
        raise InputError(f"line '{line.name}' has no element")
    study = with_assumed(study, line, machine)
    isocentre = study.isocentre or (machine.isocentre if machine else "")
    line.row(isocentre)  # names what is not there
    name = study.name or f"{study.machine or line.name}-{study.study}"
    requirements = judged_requirements(study, name)
    own = line.parameters
    explicit = study.model_copy(
        update={
            **({} if machine else {"lattice": LATTICE, "sequence": None, "root": None}),
            "name": name,
            "isocentre": isocentre,
            "entering": entering_of(study, machine),
            "parameters": {key: value for key, value in own.items() if not own.is_dependent(key)},
            "machine_requirements": False,
            "requirement": tuple(requirement_spec(one) for one in requirements),
        }
    )
    particle = particle_of(explicit)
    resolved = ResolvedLine(
        study=explicit,
        name=name,
        title=study.title or f"{study.title_begins} {machine.title if machine else line.name}",
        machine=machine,
        line=line.with_particle(particle),
        isocentre=isocentre,
        particle=particle,
        requirements=requirements,
        inputs=inputs,
    )
    energies = sorted(resolved.energies, key=lambda one: one.kinetic_energy_per_u)
    return replace(resolved, outside=machine.outside(particle.species, energies) if machine else "")
