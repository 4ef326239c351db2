"""The rings of the CNAO-like machine: geometry and families against their published totals."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from importlib.resources import files
from math import pi

import pytest

from lattice import Bend, Drift, ElectrostaticSeptum, Kicker, Lattice, LatticeError, MagneticSeptum, Monitor, RFCavity
from machines.cnao_like import cnao, medaustron, pimms
from machines.registry import RINGS, ring_named
from machines.rings.files import GeometryFile
from machines.rings.geometry import build_ring
from machines.tables import read_toml, record

LATTICES = {"cnao": cnao, "pimms": pimms, "medaustron": medaustron}


def geometry(name: str) -> GeometryFile:
    return record(GeometryFile, read_toml(files("machines").joinpath("cnao_like"), name), name)


@pytest.fixture(params=LATTICES)
def ring(request: pytest.FixtureRequest) -> Lattice:
    return LATTICES[request.param]()


@pytest.mark.parametrize(("name", "length"), [("cnao", 77.648080330), ("pimms", 75.24), ("medaustron", 77.648080330)])
def test_circumference(name: str, length: float) -> None:
    # CNAO design file and CERN/PS 99-010; 1e-12 m is the rounding of a sum of 100 lengths
    assert LATTICES[name]().length == pytest.approx(length, abs=1e-12)


def test_bends_close_the_ring(ring: Lattice) -> None:
    bends = [element for element in ring.elements if isinstance(element, Bend)]
    assert len(bends) == 16
    # exact law: one turn; sixteen roundings of pi/8
    assert sum(ring.value(bend.angle) for bend in bends) == pytest.approx(2 * pi, abs=1e-14)
    # parallel pole faces: e1 + e2 is the bending angle
    assert all(ring.value(bend.e1) + ring.value(bend.e2) == ring.value(bend.angle) for bend in bends)


@pytest.mark.parametrize("name", RINGS.machines)
def test_elements_stand_where_the_geometry_file_puts_them(name: str) -> None:
    ring = ring_named(name).ring
    table = geometry("pimms_ring" if name == "pimms" else "cnao_ring").group
    for group in table.values():
        for element, centre in group["at"].items() if isinstance(group["at"], dict) else ():
            at = ring.index(element)
            # 1e-8 m: positions are published to ten digits, so neighbours meet within a few 1e-9 m
            assert (ring.s[at] + ring.s[at + 1]) / 2 == pytest.approx(centre, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("cnao", {"kf": 8, "kr": 8, "kd": 8, "s0": 2, "s1": 2, "sr": 1, "kacq": 1, "kskq": 1}),
        ("pimms", {"qf1": 8, "qf2": 8, "qd": 8, "qa": 1, "xcf": 2, "xcd": 2, "xrr_a": 1, "xrr_b": 1}),
    ],
)
def test_magnets_of_each_family(name: str, numbers: dict[str, int]) -> None:
    # 24 main quadrupoles in three families, as published for both rings
    machine = ring_named(name)
    in_ring = Counter(element.name for element in machine.ring.elements)
    found = {
        family.name: sum(in_ring[element] for element in dict.fromkeys(family.elements))
        for family in machine.families.values()
    }
    assert found == numbers


def test_a_family_moves_its_magnets_and_no_others() -> None:
    ring = cnao().with_parameters(kd=0.5)
    family = ring_named("cnao").families["kd"]
    assert {ring.value(ring[name].strengths()["k1"]) for name in family.elements} == {-0.5}
    assert ring.value(ring["se_018a_qus"].strengths()["k1"]) == 0.2912136711


def test_cnao_begins_at_the_septum_and_has_its_devices() -> None:
    ring = cnao()
    assert isinstance(ring.elements[0], ElectrostaticSeptum)
    assert ring.elements[0].name == "se_010a_esp"
    assert isinstance(ring["s0_016a_msp"], MagneticSeptum)
    assert isinstance(ring["s8_020a_cav"], RFCavity)
    assert ring["s4_015a_bec"] == Drift("s4_015a_bec", length=1.5, aperture=ring["s4_015a_bec"].aperture)
    assert sum(isinstance(element, Monitor) for element in ring.elements) == 20
    correctors = [e for e in ring.elements if isinstance(e, Kicker) and e.name.endswith(("_csh", "_csv"))]
    assert len(correctors) == 18


def test_correctors_are_parameters_of_their_own() -> None:
    ring = cnao().with_parameters(se_016a_csh_kick=1e-3, sf_005a_csv_kick=-2e-3)
    assert ring.value(ring["se_016a_csh"].strengths()["hkick"]) == 1e-3
    assert ring.value(ring["sf_005a_csv"].strengths()["vkick"]) == -2e-3
    assert ring.value(ring["s0_029a_csh"].strengths()["hkick"]) == 0.0


def test_fringe_field_of_the_bends_is_a_parameter_and_off() -> None:
    bend = cnao().resolved(cnao()["sf_001a_mbs"])
    assert (bend.strengths()["hgap"], bend.strengths()["fint"]) == (0.0, 0.0)
    operation = cnao().with_parameters(hgap=0.036, fint=0.5)
    bend = operation.resolved(operation["sf_001a_mbs"])
    assert (bend.strengths()["hgap"], bend.strengths()["fint"]) == (0.036, 0.5)


def test_every_element_has_an_aperture(ring: Lattice) -> None:
    assert all(element.aperture is not None for element in ring.elements)


def test_apertures_of_the_cnao_ring() -> None:
    # published full openings, mm
    expected = {"sf_001a_mbs": (145, 64), "se_018a_qus": (145, 74), "se_013a_puh": (131, 71), "sb_012a_qus": (158, 76)}
    for name, (x, y) in expected.items():
        aperture = cnao()[name].aperture
        assert aperture is not None
        assert (2e3 * aperture.half_x, 2e3 * aperture.half_y) == pytest.approx((x, y))


def test_overlapping_magnets_are_refused_by_name() -> None:
    pimms_ring = geometry("pimms_ring")
    group = {**pimms_ring.group["xcd"], "at": {"xcd1": 10.49, "xcd2": 47.91}}
    with pytest.raises(LatticeError, match=r"'qf2' begins 0\.0875 m before the end of '"):
        build_ring("wrong", replace(pimms_ring, group={**pimms_ring.group, "xcd": group}))
