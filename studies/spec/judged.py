"""Which requirements of its machine a study judges; nothing is computed or built."""

from __future__ import annotations

from machines.machine import Machine
from machines.registry import machine_named
from machines.requirements import Requirement
from studies.spec.schema import StudySpec, as_mapping
from studies.vocabulary import IMPERFECTIONS


def machine_requirements(study: StudySpec) -> tuple[Requirement, ...]:
    """Those that the machine has for this question; the ones on imperfections only where the study has machines with
    errors. None without a machine, or with ``machine_requirements = false``. InputError for an unknown machine.
    """
    if study.machine is None or not study.machine_requirements:
        return ()
    found = _of_question(machine_named(study.machine), study.study)
    with_errors = "imperfections" in as_mapping(study)
    return tuple(requirement for requirement in found if with_errors or requirement.quantity not in IMPERFECTIONS)


def _of_question(machine: Machine, question: str) -> tuple[Requirement, ...]:
    """A ring's requirements name the machine and the question ("cnao-optics"), a linac's the question alone."""
    return machine.requirements_of(f"{machine.name}-{question}") or machine.requirements_of(question)
