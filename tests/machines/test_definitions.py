"""Machines as values: working points, ratings, beams and requirements fit together and can be found."""

from __future__ import annotations

from importlib.resources import files

import pytest

from lattice import InputError
from machines.cnao_like import cnao
from machines.registry import RINGS, machine_named, ring_named
from machines.rings.machine import RingMachine


@pytest.fixture(params=RINGS.machines)
def machine(request: pytest.FixtureRequest) -> RingMachine:
    return ring_named(request.param)


def test_a_machine_is_found_in_any_case_and_read_once() -> None:
    assert machine_named("CNAO") is machine_named("cnao")


def test_an_unknown_machine_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'medaustron'"):
        machine_named("medaustro")


def test_an_unknown_working_point_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'extraction-proton-60mev'"):
        cnao("extraction-proton-6MeV")


def test_every_working_point_builds_a_lattice_with_its_particle(machine: RingMachine) -> None:
    for name, point in machine.working_points.items():
        ring = machine.lattice(name)
        assert ring.particle == point.particle
        assert {key: ring.parameters[key] for key in point.strengths} == dict(point.strengths)


def test_strengths_set_supplies_only(machine: RingMachine) -> None:
    supplies = {family.parameter for family in machine.families.values()}
    assert all(set(point.strengths) <= supplies for point in machine.working_points.values())


def test_extraction_energies_are_within_the_machine(machine: RingMachine) -> None:
    extraction = (point for name, point in machine.working_points.items() if not name.startswith("injection"))
    for point in extraction:
        lowest, highest = machine.energies[point.particle.species]
        assert lowest <= point.particle.kinetic_energy_per_u <= highest


def test_places_roles_and_families_name_elements_of_the_ring(machine: RingMachine) -> None:
    named = {element.name for element in machine.ring.elements}
    in_families = {element for family in machine.families.values() for element in family.elements}
    assert {*machine.places.values(), *machine.roles, *in_families} <= named


def test_beams_belong_to_working_points_of_their_species(machine: RingMachine) -> None:
    for beam in machine.beams:
        species = machine.working_point(beam.working_point).particle.species
        assert species.split("-")[0] in beam.name
        assert min(beam.emittance_x, beam.emittance_y, beam.momentum_spread, beam.sigmas) > 0


def test_the_ring_rigidity_is_that_of_carbon(machine: RingMachine) -> None:
    # 6.346 T m for carbon of 400 MeV/u (PIMMS II: 6.35 T m); protons of 800 MeV have 4.88 T m
    assert machine.top_particle.species == "carbon-12"
    assert machine.top_particle.magnetic_rigidity == pytest.approx(6.346, abs=1e-3)


def test_requirements_name_a_study_of_the_machine_and_no_id_twice(machine: RingMachine) -> None:
    studies = {requirement.study for requirement in machine.requirements}
    switching = {"cnao-energy-switching", "cnao-switching-comparison"} if machine.name == "cnao" else set()
    assert studies == {f"{machine.name}-optics", f"{machine.name}-extraction", *switching}
    for study in studies:
        ids = [requirement.id for requirement in machine.requirements_of(study)]
        assert len(ids) == len(set(ids)) > 0


def test_requirements_at_a_place_name_a_place_of_the_machine(machine: RingMachine) -> None:
    places = {r.quantity.partition("@")[2] for r in machine.requirements if "@" in r.quantity}
    assert places <= set(machine.places)


def test_a_limit_without_a_source_says_it_is_assumed(machine: RingMachine) -> None:
    sources = [(requirement.source, requirement.assumed) for requirement in machine.requirements]
    sources += [(rating.source, rating.assumed) for rating in machine.ratings.values()]
    sources += [(beam.source, beam.assumed) for beam in machine.beams]
    sources += [(point.source, point.assumed) for point in machine.working_points.values()]
    assert all(source for source, _ in sources)
    assert all(assumed == source.startswith("assumed") for source, assumed in sources)


def test_limits_are_the_ratings(machine: RingMachine) -> None:
    limits = {r.quantity: r.upper for r in machine.requirements_of(f"{machine.name}-optics")}
    rated = {quantity: rating.value for quantity, rating in machine.ratings.items()}
    assert limits["max_bend_field"] == rated["bend_field"]
    assert limits["max_gradient"] == rated["gradient"]
    assert limits["sextupole_strength"] == rated["sextupole_gradient"]


def test_transition_limit_is_the_gamma_of_the_fastest_particle(machine: RingMachine) -> None:
    limits = {r.quantity: r.lower for r in machine.requirements_of(f"{machine.name}-optics")}
    # exact kinematics 1 + T/m, carbon's mass per u or the proton's; four decimals are written in the file
    fastest = max(1 + top / mass for top, mass in _top_energies_and_masses(machine))
    assert limits["gamma_transition"] == pytest.approx(fastest, abs=6e-5)


def _top_energies_and_masses(machine: RingMachine) -> list[tuple[float, float]]:
    masses = {"proton": 938.272_089e6, "carbon-12": 931.494_104e6 - 6 * 0.510_999e6 / 12}
    return [(top, masses[species]) for species, (_, top) in machine.energies.items()]


def test_sources_are_in_the_package() -> None:
    text = files("machines.cnao_like").joinpath("SOURCES.md").read_text(encoding="utf-8")
    assert "**assumed**" in text.lower()
