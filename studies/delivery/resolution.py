"""From a study of a delivery as written to everything it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lattice import InputError, Lattice, Quadrupole, ReferenceParticle
from lattice.errors import did_you_mean, listed
from lattice.interchange import lattice_to_json
from machines.lines.machine import LineMachine
from machines.registry import line_named
from machines.requirements import Requirement
from studies.delivery.assumed import with_assumed
from studies.delivery.spec import DeliveryStudy
from studies.runs.contents import LATTICE
from studies.spec.checking import told_in
from studies.spec.judged import judged_requirements, requirement_spec
from studies.spec.lattice_files import line_of
from studies.spec.schema import as_mapping
from studies.spec.toml_text import toml_text


@dataclass(frozen=True)
class SetLine:
    """A line whose strengths ``vary`` are to be found, to ``gradient`` [T/m], for spots at an ``isocentre``."""

    title: str
    line: Lattice
    vary: tuple[str, ...]
    isocentre: str
    gradient: float


@dataclass(frozen=True)
class ResolvedDelivery:
    """A study of a delivery with nothing left open; ``particles`` are those of the energies, ascending."""

    study: DeliveryStudy
    name: str
    title: str
    machine: LineMachine | None
    line: Lattice
    isocentre: str
    particles: tuple[ReferenceParticle, ...]
    requirements: tuple[Requirement, ...]
    outside: str = ""
    rival: SetLine | None = None
    inputs: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def machine_name(self) -> str:
        """How results call the line."""
        return self.machine.name if self.machine else self.line.name

    @property
    def angles(self) -> tuple[float, ...]:
        """Angles of the gantry [rad]; one, 0, of a line without."""
        gantry = self.study.gantry
        return (0.0,) if gantry is None else tuple(map(float, np.radians(gantry.angles_deg)))

    @property
    def turned(self) -> tuple[str, tuple[float, ...]] | None:
        """The line's parameter that is the angle of its gantry, and the angles; None of a line without."""
        gantry = self.study.gantry
        return None if gantry is None else (gantry.parameter, self.angles)

    @property
    def top_rigidity(self) -> float:
        """What fields are judged at [T m]: the machine's top rigidity or the study's own, the larger."""
        top = (self.machine.top_particle,) if self.machine else ()
        return float(max(one.magnetic_rigidity for one in (*self.particles, *top)))

    @property
    def gradient(self) -> float:
        """Largest gradient [T/m]."""
        assert self.study.largest_gradient_T_per_m is not None
        return self.study.largest_gradient_T_per_m

    @property
    def own(self) -> SetLine:
        """The line of the study, as what is set."""
        title = self.machine.title if self.machine else self.line.name
        return SetLine(title, self.line, self.study.vary, self.isocentre, self.gradient)

    @property
    def hashed(self) -> dict[str, bytes]:
        """The inputs that provenance tells, by name."""
        return {
            "study.toml (resolved)": toml_text(as_mapping(self.study)).encode(),
            "lattice before the study (as JSON)": lattice_to_json(self.line).encode(),
            **self.inputs,
        }


def resolve(study: DeliveryStudy, file: Path | None) -> ResolvedDelivery:
    """Everything it means; InputError for names that the line does not have, FileError for a lattice not readable."""
    with told_in(file, "machine"):
        machine = line_named(study.machine) if study.machine else None
    line, inputs = line_of(study, machine, file)
    study = with_assumed(study, line, machine)
    isocentre = study.isocentre or (machine.isocentre if machine else "")
    for place in (isocentre, *study.planes):
        line.row(place)  # names what is not there
    name = study.name or f"{study.machine or line.name}-{study.study}"
    requirements = judged_requirements(study, name)
    vary = tuple(_known(line, name) for name in study.vary) or _settable(line, machine)
    _check_gantry(line, study, vary)
    explicit = study.model_copy(
        update={
            **({} if machine else {"lattice": LATTICE, "sequence": None, "root": None}),
            "name": name,
            "isocentre": isocentre,
            "vary": vary,
            "parameters": {k: v for k, v in line.parameters.items() if not line.parameters.is_dependent(k)},
            "largest_gradient_T_per_m": _gradient(study, machine),
            "machine_requirements": False,
            "requirement": tuple(requirement_spec(one) for one in requirements),
        }
    )
    title = study.title or f"{study.title_begins} {machine.title if machine else line.name}"
    particles = _particles(study)
    outside = machine.outside(study.particle, particles) if machine else ""
    return ResolvedDelivery(
        study=explicit,
        name=name,
        title=title,
        machine=machine,
        line=line,
        isocentre=isocentre,
        particles=_reached(particles, machine, study.particle) if outside else particles,
        requirements=requirements,
        outside=outside,
        rival=_rival(study, file),
        inputs=inputs,
    )


def _rival(study: DeliveryStudy, file: Path | None) -> SetLine | None:
    """The line that the gantry's is compared with."""
    if study.gantry is None or study.gantry.compare is None:
        return None
    with told_in(file, "gantry.compare"):
        machine = line_named(study.gantry.compare)
    vary = _settable(machine.line, machine)
    _check_gantry(machine.line, study, vary)
    return SetLine(machine.title, machine.line, vary, machine.isocentre, _gradient(study, machine))


def _known(line: Lattice, name: str) -> str:
    if name not in line.parameters:
        raise InputError(
            f"vary: line '{line.name}' has no parameter '{name}'{did_you_mean(name, line.parameters) or '.'} "
            f"Its parameters: {listed(line.parameters)}"
        )
    return name


def _check_gantry(line: Lattice, study: DeliveryStudy, vary: tuple[str, ...]) -> None:
    if study.gantry is None:
        return
    name = study.gantry.parameter
    if name not in line.parameters:
        raise InputError(
            f"gantry.parameter: line '{line.name}' has no parameter '{name}'"
            f"{did_you_mean(name, line.parameters) or ': nothing of it turns'}"
        )
    if line.parameters.is_dependent(name) or name in vary:
        raise InputError(f"gantry.parameter: '{name}' has to be a parameter of its own that is not varied")


def _settable(line: Lattice, machine: LineMachine | None) -> tuple[str, ...]:
    """What the machine sets spots with, or else every strength of its own."""
    return (machine.settable if machine else ()) or _own_strengths(line)


def _own_strengths(line: Lattice) -> tuple[str, ...]:
    """Parameters that are the k1 of quadrupoles, in the order of the line."""
    found: dict[str, None] = {}
    for element in line.elements:
        if isinstance(element, Quadrupole) and element.k1 in line.parameters:
            found[str(element.k1)] = None
    free = tuple(name for name in found if not line.parameters.is_dependent(name))
    if not free:
        raise InputError(f"line '{line.name}' has no quadrupole whose k1 is a parameter: nothing can be set")
    return free


def _gradient(study: DeliveryStudy, machine: LineMachine | None) -> float:
    if study.largest_gradient_T_per_m is not None:
        return study.largest_gradient_T_per_m
    if machine is None or "gradient" not in machine.ratings:
        raise InputError("the line names no rating of its gradients: give largest_gradient_T_per_m")
    return machine.ratings["gradient"].value


def _particles(study: DeliveryStudy) -> tuple[ReferenceParticle, ...]:
    asked = study.energies
    assert asked is not None  # assumed where the file is silent
    energies = np.linspace(asked.lower_MeV_per_u, asked.upper_MeV_per_u, asked.number)
    return tuple(ReferenceParticle(study.particle, kinetic_energy_per_u=1e6 * float(one)) for one in energies)


def _reached(
    particles: tuple[ReferenceParticle, ...], machine: LineMachine | None, species: str
) -> tuple[ReferenceParticle, ...]:
    """The energies that the linac before the line gives; all where it gives none of them, or there is no linac."""
    if machine is None or not machine.linac or species not in machine.energies:
        return particles
    low, top = machine.energies[species]
    given = [one for one in particles if low * (1 - 1e-9) <= one.kinetic_energy_per_u <= top * (1 + 1e-9)]
    return tuple(given) if len(given) > 1 else particles


def text_of(particles: tuple[ReferenceParticle, ...]) -> str:
    """Species and energies, as heads and captions say them."""
    low, high = (one.kinetic_energy_per_u / 1e6 for one in (particles[0], particles[-1]))
    per = "MeV/u" if particles[0].nucleons > 1 else "MeV"
    return f"{particles[0].species} from {low:g} to {high:g} {per}"
