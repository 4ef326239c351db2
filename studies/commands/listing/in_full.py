"""What ``lattice-optimize list NAME`` prints: all that is known of one machine, or of one study before it is run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lattice import InputError
from lattice.errors import did_you_mean, listed
from machines.linacs.machine import LinacMachine
from machines.lines.machine import LineMachine
from machines.machine import Machine
from machines.registry import MACHINES, machine_named
from machines.requirements import PROGRAM, Requirement
from machines.rings.machine import RingMachine
from studies.commands.listing.durations import expected, last_run
from studies.commands.options import SHORT_WORDS
from studies.registry import ROOMS
from studies.spec.builtin import builtin_names, looks_like_file, question, study_path
from studies.spec.judged import kind_of, machine_requirements
from studies.spec.schema import RequirementSpec, StudySpec, as_mapping
from studies.spec.study_file import load_study
from studies.terminal import number


def in_full(name: str) -> str:
    """Text on the machine or study called ``name`` (any case), or on a study file.

    InputError suggests the nearest name when there is none; FileError for a file that cannot be read.
    """
    found = ["\n".join(lines) for lines in _called(name)]
    if found:
        return "\n\n".join(found)
    if looks_like_file(name):
        return "\n".join(_study(load_study(Path(name)), Path(name)))
    _refuse_kind(name.strip().lower())
    known = tuple(dict.fromkeys((*MACHINES, *builtin_names())))
    raise InputError(f"unknown machine or study '{name}'{did_you_mean(name, known) or '.'} Known: {', '.join(known)}")


def _called(name: str) -> Iterator[Iterator[str]]:
    """The built-in study and the machine of that name: both where both have it."""
    built_in = study_path(name)
    if built_in is not None:
        yield _study(load_study(built_in), built_in)
    if name.strip().lower() in MACHINES:
        yield _machine(machine_named(name))


def _refuse_kind(word: str) -> None:
    """InputError for a kind of study, which is asked for by ``new``."""
    if word in ROOMS or word in SHORT_WORDS:
        raise InputError(
            f"'{word}' is a kind of study: 'lattice-optimize new {word} NAME' writes one to begin from, "
            f"'lattice-optimize schema {word}' says its keys, 'lattice-optimize list' shows those built in"
        )


# ------------------------------------------------------------------------------------------------------- machines


def _machine(machine: Machine) -> Iterator[str]:
    yield f"{machine.name}: {machine.title}"
    yield _row("kind", machine.kind)
    yield _row("energies", "; ".join(_energies(*item) for item in machine.energies.items()))
    if isinstance(machine, RingMachine):
        yield from _ring(machine)
    if isinstance(machine, LinacMachine):
        yield from _linac(machine)
    if isinstance(machine, LineMachine):
        yield from _line(machine)
    yield _row("studies", ", ".join(name for name in builtin_names() if _is_of(name, machine)))
    yield from _listed("assumptions", machine.assumptions)
    yield from _listed("references", machine.references)


def _energies(species: str, ends: tuple[float, float]) -> str:
    return f"{species} {ends[0] / 1e6:g} to {ends[1] / 1e6:g} MeV/u"


def _is_of(study: str, machine: Machine) -> bool:
    path = study_path(study)
    return path is not None and load_study(path).machine == machine.name


def _ring(machine: RingMachine) -> Iterator[str]:
    yield _row("length", f"{machine.ring.length:.6g} m")
    yield _row("parameters", f"{', '.join(machine.families)} (of the magnet families)")
    yield _row("places", ", ".join(f"{place} ({element})" for place, element in machine.places.items()))
    ratings = (f"{rating.quantity} {rating.value:g} {rating.unit}" for rating in machine.ratings.values())
    yield _row("ratings", ", ".join(ratings))
    points = (
        f"{point.name}{' (default)' if point.name == machine.default_working_point else ''}: {point.note or '-'}"
        for point in machine.working_points.values()
    )
    yield from _listed("working points", points)


def _linac(machine: LinacMachine) -> Iterator[str]:
    yield _row("sections", ", ".join(section.name for section in machine.table.section))
    yield _row("pulses", f"{machine.table.pulse.length_us:g} us, {machine.table.pulse.repetition_Hz:g} Hz")


def _line(machine: LineMachine) -> Iterator[str]:
    yield _row("length", f"{machine.line.length:.6g} m")
    place = f"at '{machine.ring_place}' of {machine.ring}" if machine.ring else f"at the exit of {machine.linac}"
    yield _row("begins", place)
    yield _row("isocentre", machine.isocentre)
    yield _row("parameters", f"{len(machine.line.parameters)} strengths: {listed(machine.line.parameters, 4)}")
    ratings = (f"{rating.quantity} {rating.value:g} {rating.unit}" for rating in machine.ratings.values())
    yield _row("ratings", ", ".join(ratings))


# -------------------------------------------------------------------------------------------------------- studies


def _study(study: StudySpec, path: Path) -> Iterator[str]:
    name = study.name or path.stem
    yield f"{name}: {study.title or study.study}"
    yield _row("answers", question(path) or study.study)
    yield _row("kind", study.study)
    yield from (_row("needs" if first == 0 else "", need) for first, need in enumerate(_needs(as_mapping(study))))
    yield _row("takes", _takes(name))
    judged: tuple[Requirement | RequirementSpec, ...] = (*machine_requirements(study), *study.requirement)
    yield from _listed(f"judges {len(judged)} requirements", (_judged(requirement) for requirement in judged))


def _needs(content: Mapping[str, Any]) -> Iterator[str]:
    """What it works on, what it may vary and must reach, and the studies whose results it takes."""
    for key in ("machine", "lattice", "linac"):
        if isinstance(content.get(key), str):
            at = f" at {content['working_point']}" if key == "machine" and content.get("working_point") else ""
            yield f"{key} {content[key]}{at}"
    match = content.get("match") or {}
    if match:
        goals = ", ".join(_goal(target) for target in match["targets"])
        yield f"a match of {', '.join(knob['name'] for knob in match['vary'])} to {goals}"
    others = [table["study"] for table in content.values() if isinstance(table, dict) and "study" in table]
    if others:
        yield f"what the studies {', '.join(others)} compute (it computes them)"


def _goal(target: Mapping[str, Any]) -> str:
    place = f"@{target['at']}" if target.get("at") else ""
    return f"{target['quantity']}{place} = {number(target['value'])}"


def _takes(name: str) -> str:
    last = last_run(Path("runs") / name)
    measured = expected(name)
    usual = "not measured" if measured == "-" else f"about {measured} on two processors"
    here = f"; the run in runs/{name}: {last}" if last else ""
    return f"{usual}{here}; the first run of all compiles for about a minute more"


def _judged(requirement: Requirement | RequirementSpec) -> str:
    kind = requirement.kind if isinstance(requirement, Requirement) else kind_of(requirement)
    told = "check of the program" if kind == PROGRAM else kind
    return f"{requirement.id}  {requirement.text} ({_quantity(requirement)} {_limits(requirement)}, {told})"


def _quantity(requirement: Requirement | RequirementSpec) -> str:
    if isinstance(requirement, RequirementSpec) and requirement.at:
        return f"{requirement.quantity}@{requirement.at}"
    return requirement.quantity


def _limits(requirement: Requirement | RequirementSpec) -> str:
    unit = "" if requirement.unit in ("1", None) else f" {requirement.unit}"
    low, high = requirement.lower, requirement.upper
    if low is not None and high is not None:
        return f"from {number(low)} to {number(high)}{unit}"
    return f"at least {number(low)}{unit}" if low is not None else f"at most {number(high)}{unit}"


# ---------------------------------------------------------------------------------------------------------- lines


def _row(label: str, text: str) -> str:
    return f"  {label:<12}{text}"


def _listed(label: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"  {label}:"
        yield from (f"    {line}" for line in found)
