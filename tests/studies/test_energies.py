"""The extraction at every working point of the machine: which these are, what changes with the energy, what fails."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import pi, sqrt

import pytest

from extraction import Septum, third_integer_resonance
from extraction.resonance.momenta import case_at
from extraction.septum import electric_field, magnetic_field
from lattice import InputError, ReferenceParticle
from machines.registry import machine_named
from machines.requirements import FAIL, PASS
from studies.charts.kit.evidence import with_evidence
from studies.judging import verdicts_on
from studies.pipeline import Asked, judged
from studies.registry import study_of
from studies.slow_extraction.energies import deciding, working_particles
from studies.slow_extraction.energy_figures import energy_figures
from studies.slow_extraction.facts import ExtractionFacts, gather_extraction, with_other_septum, with_points
from studies.slow_extraction.quantities import evaluate
from studies.slow_extraction.spec import ExtractionStudy
from studies.spec.builtin import study_path
from studies.spec.resolution import Resolved
from studies.spec.study_file import load_study
from studies.vocabulary import OF_ENERGIES
from tests.extraction_rings import SEPTUM, reference

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
CARBON = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
WIRES = Septum(
    "es", position=0.035, kick=2.5e-3, length=0.8, magnetic_at="ms", magnetic_kick=0.05, magnetic_length=0.65
)


def resolved(*changes: str, name: str = "cnao-extraction") -> Resolved[ExtractionStudy]:
    path = study_path(name)
    assert path is not None
    found: Resolved[ExtractionStudy] = study_of("extraction").resolve(load_study(path, changes), path)
    return found


@cache
def facts() -> ExtractionFacts:
    return gather_extraction(resolved(), Asked(tuple(OF_ENERGIES), report=False, engines=False))


# ---------------------------------------------------------------------------------------------------- the fields


@pytest.mark.parametrize("particle", [PROTON, CARBON], ids=["proton", "carbon"])
def test_the_septas_fields_bend_by_their_kicks(particle: ReferenceParticle) -> None:
    """Force over momentum: kick = q E (L / v) / p and kick = q v B (L / v) / p, in eV and charges of the proton."""
    electric, magnetic = electric_field(WIRES, particle), magnetic_field(WIRES, particle)
    momentum, charge = particle.momentum, particle.charge  # p c [eV]
    assert charge * electric * WIRES.length / (particle.beta * momentum) == pytest.approx(WIRES.kick, rel=1e-12)
    speed_of_light = 299792458.0
    bent = charge * magnetic * speed_of_light * WIRES.magnetic_length / momentum
    assert bent == pytest.approx(WIRES.magnetic_kick, rel=1e-12)


def test_a_septum_without_length_or_kick_has_no_field() -> None:
    with pytest.raises(InputError, match="needs the length and the kick"):
        electric_field(Septum("es", position=0.035, kick=2e-3), PROTON)
    with pytest.raises(InputError, match="a magnetic septum"):
        magnetic_field(Septum("es", position=0.035), PROTON)


# ------------------------------------------------------------------------------------------------ working points


def test_the_working_points_are_the_ends_and_the_middle_of_each_species() -> None:
    """CNAO: protons of 60 to 250 MeV, carbon of 115 to 400 MeV/u; the study's own energy stands among them once."""
    names = [(one.species, one.kinetic_energy_per_u / 1e6) for one in working_particles(resolved())]
    carbon = [("carbon-12", 115.0), ("carbon-12", 257.5), ("carbon-12", 400.0)]
    assert names == [("proton", 60.0), ("proton", 155.0), ("proton", 250.0), *carbon]
    other = working_particles(resolved("working_point=extraction-proton-227MeV"))
    assert [one.kinetic_energy_per_u / 1e6 for one in other[:4]] == [60.0, 155.0, 227.0, 250.0]
    assert len(other) == 7


def test_the_same_normalised_strengths_give_every_particle_the_same_arm() -> None:
    """Magnets know a particle by its rigidity alone."""
    ring = reference(1.664)
    light, heavy = (third_integer_resonance(ring, particle, at=SEPTUM).arm(0.035) for particle in (PROTON, CARBON))
    assert heavy.px == pytest.approx(light.px, rel=1e-10)
    assert heavy.spiral_step == pytest.approx(light.spiral_step, rel=1e-10)


def test_each_beam_leaves_where_the_triangle_is_as_large_as_its_edge() -> None:
    """pi A^2 = area with A = 2.45 sqrt(emittance).

    The wedge is straight between the 13 momenta of its table: 3e-3 of an amplitude where it bends most.
    """
    found = facts()
    for point in found.points:
        normalised = 0.75e-6 if point.particle.species == "carbon-12" else 0.52e-6
        assert point.emittance == pytest.approx(normalised / (point.particle.beta * point.particle.gamma), rel=1e-12)
        outermost = min(point.momenta)  # the stack waits below the resonance
        case = case_at(found.ring.with_particle(point.particle), found.septum, outermost)
        assert case.resonance is not None
        assert sqrt(case.resonance.stable_area / pi) == pytest.approx(2.45 * sqrt(point.emittance), rel=5e-3)


def test_the_studys_own_point_holds_its_own_numbers() -> None:
    found = facts()
    own = next(point for point in found.points if point.particle.species == "proton" and min(point.steps) < 2.7e-3)
    assert own.steps == tuple(case.arm.spiral_step for case in found.cases if case.arm)
    assert own.momenta == tuple(case.delta for case in found.cases)
    steps = {point.name: min(point.steps) for point in found.points}
    assert min(steps, key=lambda name: steps[name]) == "carbon-12, 115 MeV/u"  # of the largest emittance


def test_the_limits_of_the_worst_stand_beside_all_of_them() -> None:
    """One figure each for both fields, step and loss, whose axis carries the quantity that is judged."""
    drawn = {one.id: one for one in energy_figures(facts().points)}
    assert [one.shows[0].quantity for one in drawn.values()] == list(OF_ENERGIES)
    judged_by = [one for one in machine_named("cnao").requirements if one.quantity in OF_ENERGIES]
    found = evaluate([one.quantity for one in judged_by], facts())
    figures, quantities = with_evidence(list(drawn.values()), verdicts_on(judged_by, found), found)
    for need, one in zip(judged_by, quantities, strict=True):
        (figure,) = (figure for figure in figures if figure.id == one.figure)
        names = [shape["name"] for shape in figure.plotly["layout"]["shapes"]]
        assert f"{need.id}, limit" in names
        assert f"{need.id}, scale" not in names  # on the axis itself, not on a gauge below


def test_the_points_that_decide_tell_the_same_as_all() -> None:
    """The largest field and the largest loss, by the first, middle and last of seven momenta."""
    own = facts()
    some = deciding(own.points)
    assert {one.species for one in some} == {"carbon-12"}
    fewer = with_points(own, some)
    values = [evaluate(list(OF_ENERGIES), one) for one in (own, fewer)]
    for whole, part in zip(*values, strict=True):
        assert part.value == pytest.approx(whole.value, rel=0.02)  # a mean over fewer momenta, else the same


def test_another_kick_and_other_wires_keep_the_arms() -> None:
    """Fields go with the kick; what the wires take of a beam goes with their thickness, their angle aside."""
    own = with_points(facts(), deciding(facts().points))
    kicked = with_other_septum(own, resolved("extraction.septum_kick=0.00275", "extraction.wire_thickness=0.0002"))
    for before, after in zip(own.points, kicked.points, strict=True):
        assert after.electric == pytest.approx(1.1 * before.electric, rel=1e-12)
        assert after.steps == before.steps
        assert before.loss < after.loss < 2 * before.loss


# -------------------------------------------------------------------------------------------------- what can fail


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ("extraction.septum_kick=0.0064", "EXT-16"),  # 10.9 MV/m for carbon of 400 MeV/u, 0.93 for the study's own
        ("extraction.wire_thickness=0.0002", "EXT-18"),
        ("parameters.sr=-2.3", "EXT-17"),  # a weaker sextupole, a smaller step
    ],
)
def test_each_requirement_fails_where_a_machine_cannot(change: str, failed: str) -> None:
    study = resolved("spill.tracked=false", change)
    verdicts = {one.requirement.id: one.verdict for one in judged(study_of("extraction"), study).verdicts}
    assert verdicts[failed] == FAIL
    if failed == "EXT-16":
        assert verdicts["EXT-17"] == PASS


def test_a_study_with_its_own_beam_has_the_machines_for_other_species() -> None:
    changes = ("beam.normalised_emittance_x_um=0.4", "beam.normalised_emittance_y_um=0.5", "beam.momentum_spread=0.004")
    found = gather_extraction(
        resolved(*changes, "beam.sigmas=2.0"), Asked(("worst_spiral_step",), report=False, engines=False)
    )
    for point in found.points:
        normalised = point.emittance * point.particle.beta * point.particle.gamma
        assert normalised == pytest.approx(0.75e-6 if point.particle.species == "carbon-12" else 0.4e-6)


def test_a_species_without_a_beam_is_told_and_its_field_is_judged() -> None:
    """The machine without its beam of carbon: no step of carbon, and the field that carbon needs."""
    study = resolved()
    assert study.machine is not None
    beams = tuple(beam for beam in study.machine.beams if "carbon" not in beam.name)
    cases = tuple(case for case in study.beams if "carbon" not in case.beam.name)
    poorer = replace(study, machine=replace(study.machine, beams=beams), beams=cases)
    points = gather_extraction(poorer, Asked(("worst_spiral_step",), report=False, engines=False)).points
    heaviest = points[-1]
    assert "no beam of carbon-12 is known" in heaviest.reason
    assert not heaviest.steps
    assert heaviest.electric == pytest.approx(4.249e6, rel=1e-3)
