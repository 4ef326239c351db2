"""From a study as written to everything it means: machine or file, strengths, particle, beams, requirements."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, nextafter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from lattice import ElectrostaticSeptum, InputError, Lattice, ReferenceParticle
from lattice.errors import did_you_mean, listed
from lattice.files import read_bytes
from lattice.interchange import lattice_to_json
from lattice.lattice import COUNTS_AS_0
from lattice.reference import SPECIES
from machines.registry import ring_named
from machines.requirements import Requirement
from machines.rings.machine import MachineBeam, RingMachine
from optics.linear.rings import told_elsewhere
from studies.spec.checking import Findings, told_in
from studies.spec.judged import judged_requirements, requirement_spec
from studies.spec.lattice_files import called_within, read_lattice
from studies.spec.lattice_warnings import told
from studies.spec.schema import BeamSpec, RingStudy, as_mapping
from studies.spec.subjects import given_particle, told_as_a_cell
from studies.spec.toml_text import toml_text
from studies.vocabulary import quantity_named

LATTICE = "lattice.json"
_REFERENCE = re.compile(r"@\s*([\w.$#]+(?:::\d+)?(?::end)?)")  # the place in a formula's betx@place

_UNDEFINED = re.compile(rf"'([^']+)' {COUNTS_AS_0}")

_RANGE_ROUNDING = 1e-9  # of energies that are written in MeV/u and held in eV


@dataclass(frozen=True)
class BeamCase:
    """A beam and the lattice it has to fit in. ``follows`` when that is the lattice of the study itself."""

    beam: MachineBeam
    lattice: Lattice
    particle: ReferenceParticle
    follows: bool


Spec = TypeVar("Spec", bound=RingStudy)


@dataclass(frozen=True)
class Wires:
    """Where a study takes its extraction: the place of the electrostatic septum and the position of its wires [m]."""

    place: str | None = None
    position: float | None = None


@dataclass(frozen=True)
class Resolved(Generic[Spec]):
    """A study of a ring or a line with nothing left open. ``study`` is what study.toml holds.

    ``top_particle``: of the machine's or the study's own, the one of the larger rigidity. ``outside``: why the study
    lies outside the range that the machine is described for, "" where it does not.
    """

    study: Spec
    name: str
    title: str
    lattice: Lattice
    particle: ReferenceParticle
    top_particle: ReferenceParticle
    machine: RingMachine | None
    beams: tuple[BeamCase, ...]
    requirements: tuple[Requirement, ...]
    warnings: tuple[str, ...]
    inputs: Mapping[str, bytes] = field(default_factory=dict)
    wires: Wires = Wires()
    outside: str = ""

    @property
    def machine_name(self) -> str:
        """How results call the machine."""
        return self.machine.name if self.machine else self.lattice.name

    @property
    def start(self) -> dict[str, float] | None:
        """Optics at the beginning of a line; None for a ring."""
        return self.study.start.model_dump() if self.study.start else None

    @property
    def septum(self) -> str:
        """The electrostatic septum; InputError without the one."""
        if self.wires.place is None:
            kinds = [element.kind for element in self.lattice.elements]
            found = kinds.count("electrostaticseptum")
            raise InputError(f"'{self.lattice.name}' has {found} electrostatic septa, one is needed")
        return self.wires.place

    @property
    def hashed(self) -> dict[str, bytes]:
        """The inputs that provenance tells, by name."""
        return {
            "study.toml (resolved)": toml_text(as_mapping(self.study)).encode(),
            "lattice before the study (as JSON)": lattice_to_json(self.lattice).encode(),
            **self.inputs,
        }


def resolve_ring(
    study: Spec,
    file: Path | None,
    *,
    completed: Callable[[Spec, Lattice, RingMachine | None], Spec] = lambda study, lattice, machine: study,
    inputs: Mapping[str, bytes] = MappingProxyType({}),
) -> Resolved[Spec]:
    """Everything a study of a ring or a line means. ``file`` is where it was read from: paths are relative to that.

    ``completed`` writes out what a kind of study takes from lattice and machine; ``inputs``: further ones for the
    provenance. InputError for names that the machine or lattice does not have; FileError for a lattice that cannot be
    read.
    """
    with told_in(file, "machine"):
        machine = ring_named(study.machine) if study.machine else None
    lattice, read = _initial_lattice(study, machine, file)
    particle = _particle(study, lattice, file)
    lattice = lattice.with_particle(particle)
    name = study.name or (f"{study.machine or lattice.name}-{study.study}")
    findings = Findings()
    placed = _with_places(study, lattice, machine, file, findings)
    places = machine.places if machine else {}
    requirements: tuple[Requirement, ...] = ()
    with findings.gathered(), told_in(file):
        requirements = judged_requirements(placed, name)
    for one in requirements:
        with findings.gathered(), told_in(file):
            _check_place(one, lattice, places)
    findings.tell()
    whole = completed(placed, lattice, machine)
    explicit = _explicit(whole, name, lattice, particle, machine, requirements)
    outside = _outside(particle, machine)
    return Resolved(
        study=explicit,
        name=name,
        title=study.title or f"{study.title_begins} {machine.title if machine else lattice.name}",
        lattice=lattice,
        particle=particle,
        top_particle=_of_larger_rigidity(machine, particle),
        machine=machine,
        beams=tuple(_beams(whole, lattice, particle, machine)),
        requirements=requirements,
        warnings=(
            *_reader_warnings(lattice),
            *_no_ring(whole, lattice, machine),
            *([f"{outside}."] if outside else []),
        ),
        inputs={**read, **inputs},
        wires=Wires(_septum(lattice, machine)),
        outside=outside,
    )


def _septum(lattice: Lattice, machine: RingMachine | None) -> str | None:
    """The electrostatic septum: the machine's, or the only one of the lattice."""
    if machine is not None and "electrostatic_septum" in machine.places:
        return machine.places["electrostatic_septum"]
    pairs = zip(lattice.names, lattice.elements, strict=True)
    found = [name for name, element in pairs if isinstance(element, ElectrostaticSeptum)]
    return found[0] if len(found) == 1 else None


def _initial_lattice(
    study: RingStudy, machine: RingMachine | None, file: Path | None
) -> tuple[Lattice, dict[str, bytes]]:
    if machine is not None:
        with told_in(file):
            return machine.lattice(study.working_point).with_parameters(study.parameters), {}
    path = (file.parent if file else Path()) / str(study.lattice)
    lattice = read_lattice(path, study.sequence, called_within(study.root, file))
    with told_in(file, "parameters"):
        return lattice.with_parameters(study.parameters), {path.name: read_bytes(path)}


def _particle(study: RingStudy, lattice: Lattice, file: Path | None) -> ReferenceParticle:
    """The lattice's particle with what the study says instead; InputError when neither says it all."""
    with told_in(file, "particle"):
        particle = given_particle(lattice.particle, study.particle, study.kinetic_energy_MeV_per_u)
        if particle is None:
            raise InputError(
                f"lattice '{lattice.name}' names no particle: give particle and kinetic_energy_MeV_per_u in a study "
                "file, or --particle and --energy on the command line"
            )
    return particle


def _with_places(
    study: Spec, lattice: Lattice, machine: RingMachine | None, file: Path | None, findings: Findings
) -> Spec:
    """The study with the machine's names of places ("electrostatic_septum") replaced by those of elements.

    Places that are not there go to ``findings``, each with its goal.
    """
    places = machine.places if machine else {}

    def element(place: str | None) -> str | None:
        if place is None:
            return None
        name, colon, end = place.partition(":end")
        return f"{_element_name(name, lattice, places)}{colon}{end}"

    if study.match is None:
        return study

    def placed(goal: Any) -> Any:
        with findings.gathered(), told_in(file, "match"):
            return of_elements(goal)
        return goal

    def of_elements(goal: Any) -> Any:
        quantity = _REFERENCE.sub(lambda found: f"@{element(found[1])}", goal.quantity)
        between = goal.between and tuple(element(place) for place in goal.between)
        return goal.model_copy(update={"quantity": quantity, "at": element(goal.at), "between": between})

    targets = tuple(map(placed, study.match.targets))
    limits = tuple(map(placed, study.match.limits))
    return study.model_copy(update={"match": study.match.model_copy(update={"targets": targets, "limits": limits})})


def _element_name(name: str, lattice: Lattice, places: Mapping[str, str]) -> str:
    """Name of a row of the lattice: its own, or the machine's for a place; InputError suggests the nearest."""
    if name in lattice.names or name == "_end":
        return name
    if name in places:
        return places[name]
    if any(row.startswith(f"{name}::") for row in lattice.names):
        lattice.index(name)  # raises, listing them
    known = (*lattice.names, *places)
    hint = did_you_mean(name, known) or "."
    raise InputError(f"'{lattice.name}' has no place '{name}'{hint} Its places: {listed((*places, *lattice.names))}")


def _check_place(requirement: Requirement, lattice: Lattice, places: Mapping[str, str]) -> None:
    """InputError for a requirement whose quantity or place does not exist."""
    try:
        quantity = quantity_named(requirement.quantity)
        if quantity.place:
            _element_name(quantity.place.removesuffix(":end"), lattice, places)
    except (ValueError, InputError) as error:
        raise InputError(f"requirement '{requirement.id}': {error}") from None


def _explicit(
    study: Spec,
    name: str,
    lattice: Lattice,
    particle: ReferenceParticle,
    machine: RingMachine | None,
    requirements: Iterable[Requirement],
) -> Spec:
    """The study with everything written out; a lattice file becomes the lattice.json of the run folder."""
    numbers = {key: value for key, value in lattice.parameters.items() if not lattice.parameters.is_dependent(key)}
    source: dict[str, Any] = {} if machine else {"lattice": LATTICE, "sequence": None, "root": None}
    if machine:
        source = {"working_point": machine.working_point(study.working_point).name}
    return study.model_copy(
        update={
            **source,
            "name": name,
            **_exact_energy(particle),
            "machine_requirements": False,
            "parameters": numbers,
            "requirement": tuple(requirement_spec(requirement) for requirement in requirements),
        }
    )


def _exact_energy(particle: ReferenceParticle) -> dict[str, Any]:
    """Particle and energy as keys of the study where they give the same particle to the last bit.

    Otherwise both are left to the working point or to lattice.json, which hold them in eV.
    """
    energy = particle.kinetic_energy_per_u / 1e6
    for candidate in (energy, nextafter(energy, 0.0), nextafter(energy, inf)):
        if candidate * 1e6 == particle.kinetic_energy_per_u and SPECIES.get(particle.species) == particle.kind:
            return {"particle": particle.species, "kinetic_energy_MeV_per_u": candidate}
    return {"particle": None, "kinetic_energy_MeV_per_u": None}


def _beams(
    study: RingStudy, lattice: Lattice, particle: ReferenceParticle, machine: RingMachine | None
) -> Iterable[BeamCase]:
    """The beam of the study, or else all beams of the machine, each at its own working point."""
    if study.beam is not None:
        yield BeamCase(_beam(study.beam), lattice, particle, follows=True)
        return
    if machine is None:
        return
    strengths = machine.working_point(study.working_point).strengths
    for beam in machine.beams:
        point = machine.working_point(beam.working_point)
        follows = dict(point.strengths) == dict(strengths)
        its = lattice if follows else machine.lattice(beam.working_point)
        yield BeamCase(beam, its.with_particle(point.particle), point.particle, follows)


def _beam(spec: BeamSpec) -> MachineBeam:
    return MachineBeam(
        name="beam of the study",
        working_point="",
        emittance_x=spec.normalised_emittance_x_um * 1e-6,
        emittance_y=spec.normalised_emittance_y_um * 1e-6,
        momentum_spread=spec.momentum_spread,
        sigmas=spec.sigmas,
        source="study file",
    )


def _reader_warnings(lattice: Lattice) -> Iterable[str]:
    undefined = [warning for warning in lattice.warnings if COUNTS_AS_0 in warning]
    if undefined:
        names = list(dict.fromkeys(name for warning in undefined for name in _UNDEFINED.findall(warning)))
        one = len(names) == 1
        yield (
            f"The lattice uses {'a name' if one else f'{len(names)} names'} that its file does not define, "
            f"{listed(names)}: {'it counts' if one else 'they count'} as 0, and so does every strength of "
            f"{'it' if one else 'them'} alone. Define {'it' if one else 'them'} in the file, or call the file that does"
        )
    for warning in told(one for one in lattice.warnings if one not in undefined):
        yield f"Passed over in reading the lattice: {warning}"


def _no_ring(study: RingStudy, lattice: Lattice, machine: RingMachine | None) -> Iterable[str]:
    """What is told of a lattice that is studied as a ring and is none."""
    told_elsewhere(lattice)
    if machine is None and study.start is None and (cell := told_as_a_cell(lattice, "[start] (betx, bety ...)")):
        yield cell


def _outside(particle: ReferenceParticle, machine: RingMachine | None) -> str:
    """Why a particle lies outside what the machine is described for; "" where it does not, or without a machine."""
    if machine is None:
        return ""
    if particle.species not in machine.energies:
        return f"{machine.name} is described for {', '.join(machine.energies)}, not for {particle.species}"
    low, top = (energy / 1e6 for energy in machine.energies[particle.species])
    found = particle.kinetic_energy_per_u / 1e6
    if found > top * (1 + _RANGE_ROUNDING):
        return f"{found:g} MeV/u is above the highest energy of {machine.name} ({particle.species}: {top:g} MeV/u)"
    if found < low * (1 - _RANGE_ROUNDING):
        return f"{found:g} MeV/u is below the lowest energy of {machine.name} ({particle.species}: {low:g} MeV/u)"
    return ""


def _of_larger_rigidity(machine: RingMachine | None, particle: ReferenceParticle) -> ReferenceParticle:
    """What fields are judged at: never less than the study's own rigidity."""
    if machine is None:
        return particle
    return max(machine.top_particle, particle, key=lambda one: one.magnetic_rigidity)
