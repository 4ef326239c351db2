"""Transfer lines: what their source gives comes out, wrong files are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lattice import InputError, LatticeError, ReferenceParticle
from machines.lines.reader import read_line
from machines.registry import kind_of, line_named, ring_named
from optics import twiss


def test_the_starting_set_gives_what_its_source_says() -> None:
    """38.947 x 4.271 m and a dispersion of -1.85 m at the isocentre, up to 14 m on the way (CNAO/optics, HEBT)."""
    machine = line_named("cnao-room3")
    particle = ReferenceParticle.from_rigidity("carbon-12", 3.1847)
    optics = twiss(machine.line, particle, start=dict(machine.entering("carbon-12").functions))
    assert optics.value("betx", machine.isocentre) == pytest.approx(38.947, abs=1e-3)
    assert optics.value("bety", machine.isocentre) == pytest.approx(4.271, abs=1e-3)
    assert optics.value("dx", machine.isocentre) == pytest.approx(-1.85, abs=0.01)
    assert 14.0 < abs(optics["dx"]).max() < 15.0


def test_the_line_begins_where_its_ring_has_the_magnetic_septum() -> None:
    """The first magnet of the line is that septum: same length, same kick."""
    machine = line_named("cnao-room3")
    septum = ring_named(machine.ring).ring[machine.ring_place]
    first = machine.line[0]
    assert machine.line.length == pytest.approx(51.5315135, abs=1e-9)
    assert first.length == septum.length  # type: ignore[attr-defined]
    assert abs(first.angle) == septum.kick  # type: ignore[attr-defined]
    assert kind_of("cnao-room3") == "line"


def test_a_species_without_a_beam_and_a_line_that_is_a_ring_are_told() -> None:
    with pytest.raises(InputError, match="knows no entering beam of helium-4, only of carbon-12, proton"):
        line_named("cnao-room3").entering("helium-4")
    with pytest.raises(InputError, match="'cnao' is a ring, here a line is needed: cnao-room3, "):
        line_named("cnao")


def test_the_line_of_the_linac_is_an_achromat() -> None:
    """Each half of its arc sends the dispersion of the other back to nothing (Brown, SLAC-75, chapter 4)."""
    machine = line_named("linac-room")
    assert (machine.linac, machine.ring, kind_of("linac-room")) == ("linac", "", "line")
    particle = ReferenceParticle("proton", kinetic_energy_per_u=150e6)
    optics = twiss(machine.line, particle, start={"betx": 1.0, "bety": 1.0})
    inside, behind = optics.value("dx", "la_grid"), optics.value("dx", "lt_grid_1")
    assert abs(inside) > 0.2
    assert abs(behind) < 0.01 * abs(inside)


GOOD = """
title = "A line"
length = 3.0
start = "here"
ring = "cnao"
ring_place = "s0_016a_msp"
isocentre = "end"
elements = [
    { name = "q", kind = "quadrupole", at = 1.0, length = 0.4, k1 = "kq" },
    { name = "end", kind = "marker", at = 3.0 },
]
[energies_MeV_per_u]
proton = [60.0, 250.0]
[apertures]
pipe = { shape = "ellipse", half_x = 0.03, half_y = 0.03 }
[strengths]
kq = 1.0
"""


def test_a_line_of_ones_own_is_read(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD)
    (tmp_path / "requirements.toml").write_text("")
    machine = read_line(tmp_path, "own", "own")
    assert [element.name for element in machine.line] == ["drift_01", "q", "drift_02", "end"]
    assert machine.energies["proton"] == (60e6, 250e6)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('kind = "quadrupole"', 'kind = "quadrupol"', "own.toml, element 'q': unknown kind 'quadrupol'; did you mean"),
        ('k1 = "kq"', "k2 = 1.0", "unknown key 'k2'"),
        ("at = 1.0,", "", "own.toml, element 'q': missing at"),
        ('k1 = "kq"', 'aperture = "pip"', "unknown aperture 'pip'; did you mean 'pipe'"),
        ("pipe =", "tube =", "missing pipe"),
        ('ring = "cnao"', "", "own.toml: a line begins at a ring or at a linac: give either"),
        ('ring = "cnao"', 'linac = "linac"', "ring and ring_place belong together"),
        ("length = 3.0", "longth = 3.0", "unknown key 'longth'; did you mean 'length'"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    (tmp_path / "own.toml").write_text(GOOD.replace(old, new, 1))
    (tmp_path / "requirements.toml").write_text("")
    with pytest.raises(InputError, match=told):
        read_line(tmp_path, "own", "own")


def test_elements_that_overlap_are_told(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD.replace("at = 3.0", "at = 1.1"))
    (tmp_path / "requirements.toml").write_text("")
    with pytest.raises(LatticeError, match=r"'end' begins 0\.1 m before the end of 'q'"):
        read_line(tmp_path, "own", "own")
