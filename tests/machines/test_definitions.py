"""Machines as values: working points, ratings, beams and requirements fit together and can be found."""

from __future__ import annotations

import doctest
import subprocess
import sys
from importlib.resources import files

import pytest

import machines
from lattice import (
    Drift,
    ElectrostaticSeptum,
    Element,
    InputError,
    Kicker,
    MagneticSeptum,
    Marker,
    ReferenceParticle,
    RFCavity,
    Sextupole,
)
from machines.cnao_like import cnao
from machines.registry import KINDS, MACHINES, RINGS, kind_of, machine_named, ring_named
from machines.requirements import ASSUMED, PROGRAM
from machines.rings.machine import MagnetFamily, RingMachine
from tests.checkout import ROOT


@pytest.fixture(params=RINGS.machines)
def machine(request: pytest.FixtureRequest) -> RingMachine:
    return ring_named(request.param)


def test_a_machine_is_found_in_any_case_and_read_once() -> None:
    assert machine_named("CNAO") is machine_named("cnao")


def test_every_machine_says_what_it_is() -> None:
    for name in MACHINES:
        machine = machine_named(name)
        assert (machine.name, machine.kind) == (name, kind_of(name))
        assert machine.title
        assert machine.requirements
        assert machine.assumptions
        assert machine.references
        assert all(0 < low < high for low, high in machine.energies.values())


def test_every_machine_is_of_one_kind() -> None:
    assert [kind.word for kind in KINDS] == ["ring", "linac", "line"]
    assert sorted(MACHINES) == sorted(name for kind in KINDS for name in kind.machines)
    assert {name: kind_of(name) for name in MACHINES} == {
        "cnao": "ring",
        "pimms": "ring",
        "medaustron": "ring",
        "linac": "linac",
        "cnao-room3": "line",
        "cnao-gantry": "line",
        "cnao-gantry-plain": "line",
        "linac-room": "line",
    }


def test_the_ring_that_stands_for_medaustron_says_so_in_its_title() -> None:
    assert machine_named("medaustron").title.startswith("MedAustron-like synchrotron: the CNAO ring")


def test_no_compiled_maps_are_loaded_to_say_what_a_machine_is() -> None:
    code = """
import sys
from machines.registry import MACHINES, machine_named
assert all(machine_named(name).title for name in MACHINES)
loaded = [name for name in sys.modules if name in ("numba", "scipy", "pandas") or name.startswith("optics")]
assert loaded == [], loaded
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "energies"),
    [
        ("cnao", {"proton": (60e6, 250e6), "carbon-12": (115e6, 400e6)}),
        ("pimms", {"proton": (60e6, 250e6), "carbon-12": (120e6, 400e6)}),
        ("medaustron", {"proton": (60e6, 800e6), "carbon-12": (120e6, 400e6)}),
        ("linac", {"proton": (70e6, 230e6)}),
    ],
)
def test_energies(name: str, energies: dict[str, tuple[float, float]]) -> None:
    """As published of CNAO (survey paper), PIMMS (CERN/PS 2000-007), MedAustron and LIGHT; eV per u."""
    assert dict(machine_named(name).energies) == energies


def test_beams_are_those_of_the_design_study(machine: RingMachine) -> None:
    """PIMMS II: 0.52 um (protons) and 0.75 um (carbon) rms normalised, full spread 0.4 %; edge at sqrt(6) sigma."""
    for beam in machine.beams:
        emittance = 0.75e-6 if "carbon" in beam.name else 0.52e-6
        assert (beam.emittance_x, beam.emittance_y, beam.momentum_spread) == (emittance, emittance, 0.004)
        assert beam.sigmas == pytest.approx(6**0.5, abs=0.005)  # written with two decimals
    waiting = machine.beams[0]
    assert (waiting.name, waiting.working_point) == ("waiting proton stack", "extraction-proton-60MeV")


def test_the_edge_of_a_beam_is_its_geometric_emittance_and_full_spread(machine: RingMachine) -> None:
    particle = machine.working_point("extraction-proton-60MeV").particle
    edge = machine.beams[0].edge(particle)
    gamma = 1 + 60e6 / 938.272_089e6  # 1 + T/m, the proton's mass by CODATA
    geometric = 0.52e-6 / (gamma**2 - 1) ** 0.5
    assert (edge.beam.emittance_x, edge.beam.emittance_y) == pytest.approx((geometric, geometric), rel=1e-8)
    assert (edge.sigmas, edge.full_width) == (2.45, 0.004)


@pytest.mark.parametrize(("name", "bend_field"), [("cnao", 1.5), ("pimms", 1.6), ("medaustron", 1.5)])
def test_ratings(name: str, bend_field: float) -> None:
    """CNAO's bends 1.5 T (Baylac 2007), those of PIMMS 1.6 T (usual for carbon ions, Kats 2002).

    Gradient and sextupoles 10 % above the operational tables (3.365, 56.3).
    """
    found = {rating.quantity: (rating.value, rating.unit) for rating in ring_named(name).ratings.values()}
    assert found == {
        "bend_field": (bend_field, "T"),
        "gradient": (3.7, "T/m"),
        "sextupole_gradient": (62.0, "T/m^2"),
    }
    assert (3.365 * 1.1, 56.3 * 1.1) == pytest.approx((3.7, 62.0), rel=2e-3)


def test_places_are_of_the_kind_that_studies_look_for(machine: RingMachine) -> None:
    kinds: dict[str, type[Element] | tuple[type[Element], ...]] = {
        "electrostatic_septum": ElectrostaticSeptum,
        "magnetic_septum": MagneticSeptum,
        "rf_cavity": RFCavity,
        "rf_knockout": (Kicker, Marker),  # marks in the lattices of PIMMS
        "symp": Marker,
        "betatron_core": (Drift, Marker),
        "resonance_sextupole": Sextupole,
    }
    for place, kind in kinds.items():
        if place in machine.places:
            assert isinstance(machine.ring[machine.places[place]], kind), place
    expected = {"electrostatic_septum", "injection_septum", "rf_cavity", "rf_knockout", "symp", "betatron_core"}
    assert expected <= set(machine.places)
    assert ("magnetic_septum" in machine.places) == (machine.name != "pimms")  # its lattices have none


def test_amperes_of_the_sextupoles() -> None:
    """Calibration of CNAO's operation [A per T/m^2]; of other families none is published."""
    found = {name: family.amperes_per_gradient for name, family in ring_named("cnao").families.items()}
    assert {name: value for name, value in found.items() if value is not None} == {
        "s0": 9.5003,
        "s1": 9.5142,
        "sr": 9.4632,
    }
    assert {family.amperes_per_gradient for family in ring_named("pimms").families.values()} == {None}


def test_planes_of_the_families_are_those_their_signs_serve() -> None:
    """A quadrupole of positive k1 focuses horizontally; the sign stands in the lattice, the plane in the family."""
    for machine in (ring_named("cnao"), ring_named("pimms")):
        for family in machine.families.values():
            if family.kind == "quadrupole" and family.plane != "coupling" and len(family.elements) > 1:
                point = machine.lattice()
                k1 = point.value(point.elements[machine.ring.names.index(first_row(machine, family))].strengths()["k1"])
                assert (k1 > 0) == (family.plane == "horizontal"), family.name


def first_row(machine: RingMachine, family: MagnetFamily) -> str:
    return next(row for row in machine.ring.names if row.partition("::")[0] == family.elements[0])


def test_an_unknown_machine_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown machine 'medaustro'; did you mean 'medaustron'"):
        machine_named("medaustro")
    with pytest.raises(InputError, match=r"unknown machine 'x'\. Known: cnao, pimms, medaustron, linac"):
        ring_named("x")


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
    more = (
        {"cnao-energy-switching", "cnao-switching-comparison", "cnao-tolerances"} if machine.name == "cnao" else set()
    )
    assert studies == {f"{machine.name}-optics", f"{machine.name}-extraction", *more}
    for study in studies:
        ids = [requirement.id for requirement in machine.requirements_of(study)]
        assert len(ids) == len(set(ids)) > 0


def test_requirements_at_a_place_name_a_place_of_the_machine(machine: RingMachine) -> None:
    places = {r.quantity.partition("@")[2] for r in machine.requirements if "@" in r.quantity}
    assert places <= set(machine.places)


def test_a_limit_without_a_source_says_it_is_assumed(machine: RingMachine) -> None:
    limits = [requirement for requirement in machine.requirements if requirement.kind != PROGRAM]
    sources = [(requirement.source, requirement.kind == ASSUMED) for requirement in limits]
    sources += [(rating.source, rating.assumed) for rating in machine.ratings.values()]
    sources += [(beam.source, beam.assumed) for beam in machine.beams]
    sources += [(point.source, point.assumed) for point in machine.working_points.values()]
    assert all(source for source, _ in sources)
    assert all(assumed == source.startswith("assumed") for source, assumed in sources)


#: Largest strengths of CNAO's operational tables [1/m^2, 1/m^3]: kd of carbon ions, sr.
OPERATION = {"max_gradient": (0.5310, "gradient"), "sextupole_strength": (8.877, "sextupole_gradient")}


def test_limits_are_the_ratings_or_what_the_magnets_are_run_at(machine: RingMachine) -> None:
    """Strengths that CNAO runs at, at the rigidity of carbon ions of 400 MeV/u; what is rated is no less."""
    limits = {r.quantity: r.upper for r in machine.requirements_of(f"{machine.name}-optics")}
    rated = {quantity: rating.value for quantity, rating in machine.ratings.items()}
    assert limits["max_bend_field"] == rated["bend_field"]
    for quantity, (strength, rating) in OPERATION.items():
        run_at = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6).magnetic_rigidity * strength
        expected = rated[rating] if machine.name == "pimms" else pytest.approx(run_at, rel=2e-3)  # four digits
        assert limits[quantity] == expected
        assert run_at <= rated[rating]


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


def test_the_examples_of_the_package_run() -> None:
    assert doctest.testmod(machines) == (0, 4)
