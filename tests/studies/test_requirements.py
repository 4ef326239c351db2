"""Requirements of the machines: what they judge is in the vocabulary, and a study of that name asks for it."""

from __future__ import annotations

from math import pi, sqrt

import pytest

from lattice import ReferenceParticle
from machines.machine import Machine
from machines.registry import MACHINES, machine_named
from machines.requirements import ASSUMED, PROGRAM, PUBLISHED, Requirement
from machines.rings.machine import RingMachine
from studies.registry import ROOMS, study_of
from studies.spec.builtin import builtin_names, study_path
from studies.spec.judged import judged_requirements, machine_requirements, not_asked
from studies.spec.study_file import load_study
from studies.vocabulary import IMPERFECTIONS, checks_program, quantity_named
from tests.studies.builtin_verdicts import STUDIES, kinds_of, verdicts_of

ALL = [(machine_named(name), one) for name in MACHINES for one in machine_named(name).requirements]


@pytest.mark.parametrize(("machine", "requirement"), ALL, ids=lambda value: getattr(value, "id", None))
def test_a_quantity_is_in_the_vocabulary_its_place_in_the_machine(machine: Machine, requirement: Requirement) -> None:
    quantity = quantity_named(requirement.quantity)
    if quantity.place:
        assert isinstance(machine, RingMachine)
        assert quantity.place in (*machine.places, *machine.ring.names)


@pytest.mark.parametrize(("machine", "requirement"), ALL, ids=lambda value: getattr(value, "id", None))
def test_a_requirement_is_of_a_kind_of_study(machine: Machine, requirement: Requirement) -> None:
    assert requirement.study.removeprefix(f"{machine.name}-") in ROOMS or requirement.study in ROOMS


def test_every_requirement_is_judged_by_a_built_in_study() -> None:
    """None is written down that nobody asks for; a line that is compared with another is asked what that one is."""
    studies = [load_study(path) for path in map(study_path, builtin_names()) if path is not None]
    judged = {(study.machine, one.study, one.id) for study in studies for one in machine_requirements(study)}
    twins = {
        gantry.compare: study.machine for study in studies if (gantry := getattr(study, "gantry", None)) is not None
    }
    asked = {(twins.get(machine.name, machine.name), one.study, one.id) for machine, one in ALL}
    assert asked - judged == set()
    assert set(twins) == {"cnao-gantry-plain"}


def test_every_built_in_study_has_its_verdicts_written_down() -> None:
    assert set(STUDIES) == set(builtin_names())


@pytest.mark.parametrize("name", STUDIES)
def test_a_verdict_is_written_down_for_each_requirement_and_no_other(name: str) -> None:
    path = study_path(name)
    assert path is not None
    asked = [requirement.id for requirement in judged_requirements(load_study(path), name)]
    assert [one for one, _ in verdicts_of(name)] == asked


@pytest.mark.parametrize("name", STUDIES)
def test_the_kind_of_every_verdict_is_written_down(name: str) -> None:
    path = study_path(name)
    assert path is not None
    judged = judged_requirements(load_study(path), name)
    assert [(requirement.id, requirement.kind) for requirement in judged] == kinds_of(name)


@pytest.mark.parametrize(("machine", "requirement"), ALL, ids=lambda value: getattr(value, "id", None))
def test_what_tells_of_the_program_is_a_check_of_it(machine: Machine, requirement: Requirement) -> None:
    assert (requirement.kind == PROGRAM) == checks_program(requirement.quantity)
    assert requirement.source.strip()


@pytest.mark.parametrize("name", ["pimms", "medaustron"])
def test_what_a_machine_is_not_asked_is_told_with_the_reason(name: str) -> None:
    """Every requirement that the CNAO-like ring has for optics or extraction is asked of the others or told."""
    other, cnao = machine_named(name), machine_named("cnao")
    for question in ("optics", "extraction"):
        asked = other.requirements_of(f"{name}-{question}")
        told = {one.id: one.reason for one in not_asked(name, question, asked)}
        wanted = {one.id for one in cnao.requirements_of(f"cnao-{question}")}
        assert wanted - {one.id for one in asked} == set(told)
        assert [one for one, reason in told.items() if not reason or reason.startswith("it is stated for")] == []


def test_a_study_that_leaves_requirements_out_says_so() -> None:
    cnao = machine_named("cnao")
    asked = [one for one in cnao.requirements_of("cnao-optics") if one.quantity not in IMPERFECTIONS][1:]
    told = {one.id: one.reason for one in not_asked("cnao", "optics", asked)}
    assert told["OPT-01"] == "the study says machine_requirements = false"
    assert told["OPT-30"] == "the study has no table [imperfections]"
    assert not_asked("a ring of one's own", "optics", ()) == ()


def test_a_limit_that_was_changed_is_nobody_s_but_the_changer_s() -> None:
    """A published limit widened in the study of a run, or on the command line: assumed, and its source says so."""
    path = study_path("cnao-optics")
    assert path is not None
    resolved = study_of("optics").resolve(load_study(path), path)
    place = next(k for k, one in enumerate(resolved.requirements) if one.kind == PUBLISHED)
    asked = list(resolved.study.requirement)
    asked[place] = asked[place].model_copy(update={"lower": 1.0})
    changed = resolved.study.model_copy(update={"requirement": tuple(asked)})
    found = study_of("optics").resolve(changed, None)
    assert found.requirements[place].kind == ASSUMED
    assert found.requirements[place].source.endswith("changed: the machine's own limit is 1.4295")
    assert [one.kind for k, one in enumerate(found.requirements) if k != place] == [
        one.kind for k, one in enumerate(resolved.requirements) if k != place
    ]
    assert study_of("optics").resolve(found.study, None).requirements == found.requirements  # said once


def test_a_limit_changed_on_the_command_line_says_so() -> None:
    path = study_path("cnao-delivery")
    assert path is not None
    (before, after) = (load_study(path, changes).requirement[0] for changes in ([], ["requirement.0.upper=100"]))
    assert after.source == f"{before.source}; changed by --set"
    assert after.kind == "assumed"
    other = load_study(path, ["requirement.0.text=something else"]).requirement[0]
    assert other.source == before.source


def test_what_a_line_is_not_asked_is_told_with_the_reason() -> None:
    """The fixed room has nothing that turns; the gantries are asked all that lines are."""
    told = {one.id: one.reason for one in not_asked("cnao-room3", "delivery", machine_named("cnao-room3").requirements)}
    assert set(told) == {"DEL-10", "DEL-11", "DEL-12"}
    assert told["DEL-11"] == "nothing of the line turns"
    assert machine_named("cnao-gantry").unasked == ()
    assert machine_named("linac-room").unasked == ()


def limits_of(name: str, study: str) -> dict[str, Requirement]:
    return {one.id: one for one in machine_named(name).requirements if one.study.endswith(study)}


def test_assumed_limits_of_a_ring_follow_from_its_other_limits() -> None:
    """Chromaticity, beta at the septum and Hardt residual by the arithmetic of SOURCES.md, from other requirements.

    Stable area of a third-integer resonance 48 sqrt(3) pi^2 (dQ / S)^2, spiral step 3/4 S x^2 / sqrt(beta) (PIMMS I).
    """
    optics, extraction = limits_of("cnao", "-optics"), limits_of("cnao", "-extraction")
    stack, wires, kick = 0.004, 35e-3, 2.5e-3  # dp/p, m, rad
    step, beta = 1e-3 * (extraction["EXT-01"].lower or 0), optics["OPT-05"].upper or 0
    strength = step * sqrt(beta) / (0.75 * wires**2)
    particle = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
    area = pi * 2.45**2 * 0.52e-6 / (particle.beta * particle.gamma)
    spread = strength * sqrt(area / (48 * sqrt(3) * pi**2))
    assert spread == pytest.approx(1.6e-3, rel=0.03)  # told with two digits
    chromaticity = optics["OPT-03"]
    assert 2 * spread < -(chromaticity.upper or 0) * stack < 3 * spread
    assert -(chromaticity.lower or 0) * stack < (optics["OPT-02"].lower or 0)
    gap = 1e-3 * ((extraction["EXT-05"].lower or 0) + (optics["OPT-11"].lower or 0))
    assert optics["OPT-08"].lower == pytest.approx(gap / kick)
    residual = limits_of("cnao", "-energy-switching")["SWI-03"].upper or 0
    angle = residual * stack / sqrt(optics["OPT-08"].lower or 0)
    assert 0.5e-3 * (extraction["EXT-04"].upper or 0) < angle < 0.6e-3 * (extraction["EXT-04"].upper or 0)
