"""What ``lattice-optimize list`` prints: machines with their working points, studies with what they judge."""

from __future__ import annotations

from collections.abc import Iterator

from machines.linacs.machine import LinacMachine
from machines.registry import LINACS, RINGS, linac_named, ring_named
from machines.requirements import Requirement
from machines.rings.machine import RingMachine
from studies.commands.terminal import number
from studies.linac.spec import LinacStudy
from studies.spec.builtin import FOLDER, builtin_names
from studies.spec.schema import StudySpec
from studies.spec.study_file import load_study


def catalogue() -> str:
    """Text of the list."""
    return "\n".join([*_machines(), *_studies()])


def _machines() -> Iterator[str]:
    yield "MACHINES"
    for name in RINGS.machines:
        machine = ring_named(name)
        yield f"\n{name}: {machine.title}"
        yield from (f"  {line}" for line in _machine(machine))
    for name in LINACS.machines:
        linac = linac_named(name)
        yield f"\n{name}: {linac.title}"
        yield from (f"  {line}" for line in _linac(linac))


def _machine(machine: RingMachine) -> Iterator[str]:
    tops = (f"{name} {low / 1e6:g} to {top / 1e6:g} MeV/u" for name, (low, top) in machine.energies.items())
    yield f"{machine.ring.length:.6g} m; {'; '.join(tops)}"
    families = ", ".join(machine.families)
    yield f"parameters of the magnet families: {families}"
    yield "working points:"
    for point in machine.working_points.values():
        default = " (default)" if point.name == machine.default_working_point else ""
        yield f"  {point.name}{default}"


def _linac(machine: LinacMachine) -> Iterator[str]:
    yield "; ".join(f"{name} {low / 1e6:g} to {top / 1e6:g} MeV/u" for name, (low, top) in machine.energies.items())
    yield f"sections: {', '.join(section.name for section in machine.table.section)}"


def _studies() -> Iterator[str]:
    yield "\nSTUDIES"
    for name in builtin_names():
        study = load_study(FOLDER / f"{name}.toml")
        yield f"\n{name}: {study.title or study.study}"
        yield from (f"  {line}" for line in _judged(study))


def _judged(study: StudySpec) -> Iterator[str]:
    requirements = _requirements(study)
    yield f"judges {len(requirements) + len(study.requirement)} requirements:"
    for requirement in requirements:
        yield f"  {requirement.id}  {requirement.text} ({_limits(requirement)})"


def _requirements(study: StudySpec) -> tuple[Requirement, ...]:
    """Those that the machine has for this study."""
    if not study.machine:
        return ()
    if isinstance(study, LinacStudy):
        return linac_named(study.machine).requirements_of(study.study)
    return ring_named(study.machine).requirements_of(f"{study.machine}-{study.study}")


def _limits(requirement: Requirement) -> str:
    unit = "" if requirement.unit == "1" else f" {requirement.unit}"
    low, high = requirement.lower, requirement.upper
    if low is not None and high is not None:
        return f"{requirement.quantity} from {number(low)} to {number(high)}{unit}"
    bound = f"at least {number(low)}" if low is not None else f"at most {number(high)}"
    return f"{requirement.quantity} {bound}{unit}"
