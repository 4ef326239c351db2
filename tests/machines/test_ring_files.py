"""The files of a ring: every key arrives, in SI units, at what it is for. Made up, all numbers unequal."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from lattice import FileError, InputError, LatticeError, Monitor
from machines.requirements import ASSUMED, PUBLISHED
from machines.rings.files import GeometryFile, MachineFile
from machines.rings.machine import RingMachine
from machines.rings.reader import read_ring
from tests.checkout import ROOT

ABOUT = """
title = "A ring of two bends"
ring = "oval"
default_working_point = "slow"
assumptions = ["it is flat"]
references = ["a napkin", "its back"]

[energies_MeV_per_u]
proton = [61.0, 251.0]
helium-4 = [71.0, 221.0]

[strengths.weak]
kq = 0.3
ks = -1.5
[strengths.strong]
kq = 0.4

[[working_point]]
name = "slow"
species = "proton"
kinetic_energy_MeV_per_u = 62.0
strengths = "weak"
qx = 1.6
qy = 1.7
note = "as drawn"
source = "assumed: a napkin"
assumed = true

[[working_point]]
name = "Fast"
species = "helium-4"
kinetic_energy_MeV_per_u = 220.0
strengths = "strong"
source = "its back"

[[beam]]
name = "a thin one"
working_point = "Fast"
emittance_x = 0.5e-6
emittance_y = 0.7e-6
momentum_spread = 0.003
sigmas = 2.5
source = "its back"
"""
GEOMETRY = """
length = 20.0
start = "the mark"

[parameters]
rf_volt = 5.0

[places]
septum = "b1"

[apertures]
chamber = [0.14, 0.07]
flat = [0.13, 0.06]
wide = [0.20, 0.10]

[aperture_of]
q2 = "wide"

[group.bends]
kind = "bend"
length = 3.0
angle = 3.141592653589793
aperture = "flat"
role = "main bend"
at = { b1 = 5.0, b2 = 15.0 }

[group.q1]
kind = "quadrupole"
length = 0.5
k1 = "-kq"
supply = "kq"
plane = "vertical"
at = [1.0, 11.0]

[group.more]
kind = "quadrupole"
length = 0.4
k1 = "kq"
supply = "kp"
plane = "horizontal"
at = { q2 = 8.0 }

[group.sextupoles]
kind = "sextupole"
length = 0.2
k2 = "ks"
supply = "ks"
plane = "horizontal"
amperes_per_gradient = 9.5
role = "resonance"
at = { s1 = 9.0 }

[group.steerers]
kind = "kicker"
length = 0.1
vkick = "{name}_kick"
plane = "vertical"
at = { c1 = 2.5, c2 = 12.5 }

[group.eyes]
kind = "monitor"
plane = "horizontal"
at = { m1 = 3.0 }

[[rating]]
quantity = "bend_field"
value = 1.4
unit = "T"
source = "its back"

[[rating]]
quantity = "gradient"
value = 3.6
unit = "T/m"
source = "assumed: as drawn"
assumed = true
"""
REQUIREMENTS = """
[[requirement]]
id = "A-01"
text = "Not too strong"
quantity = "max_gradient"
lower = 0.1
upper = 3.6
unit = "T/m"
source = "its back"
kind = "published"
study = "optics"
machines = ["oval-ring", "another"]

[[requirement]]
id = "A-02"
text = "Of another machine"
quantity = "max_betx"
upper = 17.0
unit = "m"
source = "nowhere"
study = "optics"
machines = ["another"]

[[requirement]]
id = "A-03"
text = "Leaves"
quantity = "spill_efficiency"
lower = 0.9
unit = "1"
source = "assumed: so"
assumed = true
study = "extraction"
machines = ["oval-ring"]
"""


def written(folder: Path, about: str = ABOUT, geometry: str = GEOMETRY, requirements: str = REQUIREMENTS) -> Path:
    for name, text in (("oval-ring", about), ("oval", geometry), ("requirements", requirements)):
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> RingMachine:
    return read_ring(written(tmp_path_factory.mktemp("ring")), "oval-ring")


def test_what_every_machine_has(machine: RingMachine) -> None:
    assert (machine.kind, machine.name, machine.title) == ("ring", "oval-ring", "A ring of two bends")
    assert dict(machine.energies) == {"proton": (61e6, 251e6), "helium-4": (71e6, 221e6)}
    assert machine.assumptions == ("it is flat",)
    assert machine.references == ("a napkin", "its back")
    # p/q of helium at 221 MeV/u is 1.9 times that of protons of 251 MeV
    assert machine.top_particle.species == "helium-4"
    assert machine.top_particle.kinetic_energy_per_u == 221e6


def test_working_points(machine: RingMachine) -> None:
    slow, fast = machine.working_points.values()
    assert (slow.name, slow.qx, slow.qy, slow.note) == ("slow", 1.6, 1.7, "as drawn")
    assert (slow.source, slow.assumed) == ("assumed: a napkin", True)
    assert (slow.particle.species, slow.particle.kinetic_energy_per_u) == ("proton", 62e6)
    assert dict(slow.strengths) == {"kq": 0.3, "ks": -1.5}
    assert (fast.qx, fast.qy, fast.note, fast.assumed) == (None, None, "", False)
    assert (fast.particle.species, fast.particle.kinetic_energy_per_u) == ("helium-4", 220e6)
    assert machine.working_point() is slow
    assert machine.working_point("FAST") is fast


def test_the_lattice_of_a_working_point(machine: RingMachine) -> None:
    ring = machine.lattice("fast")
    assert ring.particle == machine.working_point("fast").particle
    assert (ring.parameters["kq"], ring.parameters["ks"], ring.parameters["rf_volt"]) == (0.4, 0.0, 5.0)
    assert machine.lattice().parameters["ks"] == -1.5
    # of the geometry itself: strengths 0, parameters of the file as they are
    assert (machine.ring.parameters["kq"], machine.ring.parameters["rf_volt"]) == (0.0, 5.0)


def test_elements_stand_at_their_centres(machine: RingMachine) -> None:
    ring = machine.ring
    assert ring.length == pytest.approx(20.0, abs=1e-12)  # rounding of a sum of 20 lengths
    centres = {"b1": 5.0, "b2": 15.0, "q1::0": 1.0, "q1::1": 11.0, "q2": 8.0, "s1": 9.0, "c2": 12.5, "m1": 3.0}
    for name, centre in centres.items():
        at = ring.index(name)
        assert (ring.s[at] + ring.s[at + 1]) / 2 == pytest.approx(centre, abs=1e-12)


def test_attributes_are_those_of_the_element(machine: RingMachine) -> None:
    ring = machine.lattice()
    assert ring["b1"].strengths()["angle"] == 3.141592653589793
    assert ring.value(ring["q2"].strengths()["k1"]) == 0.3
    assert ring.value(ring.elements[ring.index("q1::0")].strengths()["k1"]) == -0.3
    assert ring["c1"].strengths()["vkick"] == "c1_kick"
    assert ring["c2"].strengths()["vkick"] == "c2_kick"
    assert isinstance(ring["m1"], Monitor)
    assert ring["m1"].plane == "x"


def test_apertures_are_half_of_the_full_openings(machine: RingMachine) -> None:
    expected = {"b1": (65, 30), "q2": (100, 50), "s1": (70, 35), "drift_01": (70, 35)}  # mm
    for name, halves in expected.items():
        aperture = machine.ring[name].aperture
        assert aperture is not None
        assert (aperture.shape, 1e3 * aperture.half_x, 1e3 * aperture.half_y) == (
            "rectangle",
            *map(pytest.approx, halves),
        )


def test_families_roles_and_places(machine: RingMachine) -> None:
    families = machine.families
    assert list(families) == ["kq", "kp", "ks"]
    assert families["kq"].elements == ("q1", "q1")
    assert (families["kq"].kind, families["kq"].plane, families["kq"].parameter) == ("quadrupole", "vertical", "kq")
    assert families["kq"].amperes_per_gradient is None
    assert (families["ks"].elements, families["ks"].amperes_per_gradient) == (("s1",), 9.5)
    assert dict(machine.roles) == {"b1": "main bend", "b2": "main bend", "s1": "resonance"}
    assert dict(machine.places) == {"septum": "b1"}


def test_ratings_and_beams(machine: RingMachine) -> None:
    ratings = machine.ratings
    assert {name: (rating.value, rating.unit, rating.assumed) for name, rating in ratings.items()} == {
        "bend_field": (1.4, "T", False),
        "gradient": (3.6, "T/m", True),
    }
    (beam,) = machine.beams
    assert (beam.name, beam.working_point, beam.source, beam.assumed) == ("a thin one", "Fast", "its back", False)
    assert (beam.emittance_x, beam.emittance_y, beam.momentum_spread, beam.sigmas) == (0.5e-6, 0.7e-6, 0.003, 2.5)


def test_the_edge_of_a_beam_is_geometric(machine: RingMachine) -> None:
    """Normalised emittance over beta gamma; gamma is 1 + T/m with CODATA's mass of the proton."""
    particle = machine.working_point("slow").particle
    (beam,) = machine.beams
    edge = beam.edge(particle)
    gamma = 1 + 62e6 / 938.272_089e6
    over = (gamma**2 - 1) ** 0.5
    assert (edge.beam.emittance_x, edge.beam.emittance_y) == pytest.approx((0.5e-6 / over, 0.7e-6 / over), rel=1e-8)


def test_requirements_are_those_that_name_the_machine(machine: RingMachine) -> None:
    first, second = machine.requirements
    assert (first.id, first.lower, first.upper, first.unit, first.kind) == ("A-01", 0.1, 3.6, "T/m", PUBLISHED)
    assert (second.id, second.lower, second.upper, second.unit, second.kind) == ("A-03", 0.9, None, "1", ASSUMED)
    assert machine.studies == ("oval-ring-optics", "oval-ring-extraction")
    assert machine.requirements_of("oval-ring-extraction") == (second,)
    assert machine.requirements_of("optics") == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("about", 'title = "A', 'titel = "A', "oval-ring.toml: unknown key 'titel'; did you mean 'title'?"),
        ("about", 'ring = "oval"', "", "oval-ring.toml: missing ring"),
        ("about", "qx = 1.6", "qz = 1.6", "working point 'slow': unknown key 'qz'. Known: name, particle, strengths"),
        ("about", 'species = "helium-4"', "", "oval-ring.toml, working point 'Fast': missing species"),
        ("about", '"strong"', '"stronk"', "'Fast': there are no strengths 'stronk'; did you mean 'strong'?"),
        ("about", '"helium-4"', '"helium-5"', "did you mean 'helium-4'?"),
        ("about", "sigmas = 2.5", "", "oval-ring.toml, beam: missing sigmas"),
        ("geometry", "length = 20.0", "", "oval.toml: missing length"),
        ("geometry", "length = 20.0", "length = 16.0", "the elements are 0.5 m longer than the 16 m"),
        ("geometry", "b1 = 5.0", "b1 = 2.5", "'b1' begins 0.25 m before the end of '"),
        ("geometry", 'kind = "sextupole"', 'kind = "sextupol"', "group 'sextupoles': unknown kind 'sextupol'; did you"),
        ("geometry", 'kind = "sextupole"', "", "group 'sextupoles': missing kind"),
        (
            "geometry",
            'k2 = "ks"',
            'k3 = "ks"',
            "group 'sextupoles': unknown key 'k3'. Known: name, aperture, length, k2",
        ),
        ("geometry", 'q2 = "wide"', 'q2 = "wider"', "group 'more': unknown aperture 'wider'; did you mean 'wide'?"),
        ("geometry", "chamber = [0.14, 0.07]", "", "apertures: missing chamber"),
        ("geometry", 'unit = "T"', 'units = "T"', "oval.toml, rating: unknown key 'units'; did you mean 'unit'?"),
        ("requirements", 'study = "extraction"', "", "requirements.toml, A-03: missing study"),
        ("requirements", "lower = 0.9", "least = 0.9", "requirements.toml, A-03: unknown key 'least'"),
        (
            "requirements",
            '"published"',
            '"publisht"',
            "requirement 'A-01': unknown kind 'publisht'; did you mean 'publ",
        ),
        ("requirements", '"its back"', '""', "requirement 'A-01': a published limit needs its source"),
        (
            "requirements",
            "assumed = true\nstudy",
            'kind = "published"\nassumed = true\nstudy',
            "A-03: kind = 'published' and",
        ),
        ("requirements", "lower = 0.1", "lower = 4.1", "requirement 'A-01': lower 4.1 is above upper 3.6"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(file: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    texts = {"about": ABOUT, "geometry": GEOMETRY, "requirements": REQUIREMENTS}
    assert texts[file].count(old) >= 1
    texts[file] = texts[file].replace(old, new, 1)
    with pytest.raises((InputError, LatticeError)) as told:
        read_ring(written(tmp_path, **texts), "oval-ring")
    assert message in str(told.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"oval-ring\.toml: cannot be read \(No such file or directory\)"):
        read_ring(tmp_path, "oval-ring")
    written(tmp_path, geometry="length = ")
    with pytest.raises(FileError, match=r"oval\.toml: is no TOML: Invalid value"):
        read_ring(tmp_path, "oval-ring")


@pytest.mark.parametrize("table", [MachineFile, GeometryFile])
def test_every_key_is_documented(table: type[MachineFile | GeometryFile]) -> None:
    text = (ROOT / "docs" / "machines.md").read_text(encoding="utf-8")
    assert [field.name for field in fields(table) if f"`{field.name}`" not in text] == []
