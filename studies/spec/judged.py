"""Which requirements a study judges, its machine's and its own; nothing is computed or built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lattice import InputError
from machines.machine import Machine
from machines.registry import MACHINES, machine_named
from machines.requirements import ASSUMED, PROGRAM, Requirement, Unasked, kind_told
from studies.spec.schema import RequirementSpec, StudySpec, as_mapping
from studies.vocabulary import IMPERFECTIONS, checks_program


def judged_requirements(study: StudySpec, name: str) -> tuple[Requirement, ...]:
    """The machine's requirements for this question, then the study's own; InputError for an id of both."""
    judged = machine_requirements(study)
    stated = {one.id: one for one in _of_question_of(study)}
    own = tuple(_told_changed(own_requirement(spec, name), stated) for spec in study.requirement)
    taken = {requirement.id for requirement in judged}
    for requirement in own:
        if requirement.id in taken:
            raise InputError(
                f"requirement '{requirement.id}' is the machine's own: choose another id, or set "
                "machine_requirements = false to judge the study's own requirements only"
            )
    return (*judged, *own)


def _told_changed(requirement: Requirement, stated: Mapping[str, Requirement]) -> Requirement:
    """A requirement under the id of one of the machine's; with another limit it is assumed, and its source says so."""
    its = stated.get(requirement.id)
    if its is None or requirement.kind == PROGRAM or _limit(its) == _limit(requirement):
        return requirement
    limits = " to ".join(f"{limit:g}" for limit in (its.lower, its.upper) if limit is not None)
    note = f"the machine's own limit is {limits} {'' if its.unit == '1' else its.unit}".rstrip()
    source = requirement.source if note in requirement.source else f"{requirement.source}; changed: {note}"
    return replace(requirement, kind=ASSUMED, source=source)


def _limit(one: Requirement) -> tuple[object, ...]:
    return one.quantity, one.lower, one.upper, one.unit


def not_asked(machine: str, question: str, judged: Iterable[Requirement]) -> tuple[Unasked, ...]:
    """What machines of its kind are asked in this question and this study is not, each with the reason.

    None for a lattice of one's own, and where the machine is asked nothing of the kind.
    """
    if machine not in MACHINES:
        return ()
    named, ids = machine_named(machine), {one.id for one in judged}
    lacking = (one for one in named.unasked if one.study == f"{named.name}-{question}")
    left = (one for one in _of_question(named, question) if one.id not in ids)
    return (*lacking, *(Unasked(one.id, one.text, one.study, _why_left(one)) for one in left))


def _why_left(requirement: Requirement) -> str:
    if requirement.quantity in IMPERFECTIONS:
        return "the study has no table [imperfections]"
    return "the study says machine_requirements = false"


def own_requirement(spec: RequirementSpec, study: str) -> Requirement:
    """A requirement of a study file."""
    return Requirement(
        id=spec.id,
        text=spec.text,
        quantity=f"{spec.quantity}@{spec.at}" if spec.at else spec.quantity,
        unit=spec.unit or "1",
        source=spec.source,
        study=study,
        lower=spec.lower,
        upper=spec.upper,
        kind=kind_of(spec),
    )


def kind_of(spec: RequirementSpec) -> str:
    """What a verdict on it is: the quantity says whether it is a check of the program, else the file does."""
    return PROGRAM if checks_program(spec.quantity) else kind_told(spec.kind, spec.assumed, spec.id)


def requirement_spec(requirement: Requirement) -> RequirementSpec:
    """A requirement as a study file holds it."""
    return RequirementSpec(
        id=requirement.id,
        text=requirement.text,
        quantity=requirement.quantity,
        lower=requirement.lower,
        upper=requirement.upper,
        unit=requirement.unit,
        source=requirement.source,
        kind=None if requirement.kind == PROGRAM else requirement.kind,  # type: ignore[arg-type]
    )


def machine_requirements(study: StudySpec) -> tuple[Requirement, ...]:
    """Those that the machine has for this question; the ones on imperfections only where the study has machines with
    errors. None without a machine, or with ``machine_requirements = false``. InputError for an unknown machine.
    """
    if not study.machine_requirements:
        return ()
    found = _of_question_of(study)
    with_errors = not {"imperfections", "tolerances"}.isdisjoint(as_mapping(study))
    return tuple(requirement for requirement in found if with_errors or requirement.quantity not in IMPERFECTIONS)


def _of_question_of(study: StudySpec) -> tuple[Requirement, ...]:
    """All that the machine of a study is asked in its question; none without a machine."""
    return () if study.machine is None else _of_question(machine_named(study.machine), study.study)


def _of_question(machine: Machine, question: str) -> tuple[Requirement, ...]:
    """A ring's requirements name the machine and the question ("cnao-optics"), a linac's the question alone."""
    return machine.requirements_of(f"{machine.name}-{question}") or machine.requirements_of(question)
