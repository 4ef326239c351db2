"""Names from strangers: none of them becomes a statement of a file or a command to a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lattice import (
    Bend,
    Drift,
    ElectrostaticSeptum,
    InputError,
    Lattice,
    LatticeError,
    Marker,
    Quadrupole,
    ReferenceParticle,
    Species,
    read_json,
    read_madx,
    write_json,
    write_madx,
)
from lattice.madx.writer import madx_text
from tests.madx_session import START, madx, used_optics

HOSTILE = [
    "a\nsystem, 'x';",
    "a\rb",
    'a"; stop;',
    "it's",
    "\x1b[2Jring",
    "a\u202eb",
    "a\u2028b",
    "a\x85b",
    "\x00",
    "",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_lattice_has_no_such_name(name: str) -> None:
    with pytest.raises(LatticeError, match="the name of a lattice must be"):
        Lattice(name, elements=[Marker("m")])


@pytest.mark.parametrize("name", [*HOSTILE, "a b", "ms\x1b"], ids=ascii)
def test_no_element_species_or_parameter_has_such_a_name(name: str) -> None:
    with pytest.raises(LatticeError, match="name must be a word") as told:
        Marker(name)
    assert str(told.value).isprintable()
    with pytest.raises(LatticeError, match="name of a parameter is") as told:
        Lattice("x", elements=[Marker("m")], parameters={name: 1.0})
    assert str(told.value).isprintable()
    if name != "a b":
        with pytest.raises(InputError, match="species' name"):
            Species(name, 1e9, 1)


def test_a_file_cannot_bring_one_either(tmp_path: Path) -> None:
    write_json(Lattice("ring", elements=[Marker("m")]), tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(text.replace('"name": "ring"', r'"name": "ring\nsystem, \"touch pwned\";"'))
    with pytest.raises(LatticeError, match="the name of a lattice must be one line"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("name", ["pi", "TWOPI", "clight", "emass"])
def test_constants_are_no_parameters(name: str) -> None:
    with pytest.raises(LatticeError, match="this is a constant"):
        Lattice("x", elements=[Marker("m")], parameters={name: 3.0})


def test_names_that_differ_in_case_only_are_one_name() -> None:
    with pytest.raises(LatticeError, match="'k' is given twice"):
        Lattice("x", elements=[Marker("m")], parameters={"K": 1.0, "k": 2.0})
    with pytest.raises(LatticeError, match="given twice"):
        Lattice("x", elements=[Marker("m")], parameters={"k": 1.0}).with_parameters({"K": 1.0, "k": 2.0})


@pytest.mark.parametrize("value", [True, [True, False], "", ["1", "2"], b"1", None, {}])
def test_parameters_are_numbers(value: Any) -> None:
    with pytest.raises(LatticeError, match="parameter 'k'"):
        Lattice("x", elements=[Marker("m")], parameters={"k": value})


#: Parameters that MAD-X cannot take: a constant, commands, too long, an arrow, its own underscore; one that may stay.
NAMES = {"e": 0.2, "twiss": 0.3, "ms->kick": 0.002, "_k": 0.1, "k" * 60: 0.4, "kf": 0.5, "es.kick": 0.7, "e_1": "2*e"}
RENAMED = Lattice(
    "all",
    elements=[
        Quadrupole("q", length=0.5, k1="1e1*e + exp(twiss)/sin(_k)"),
        Bend("b", length=1.0, angle=0.2, e1="e_1-ms->kick"),
        ElectrostaticSeptum("es", length=1.0, kick="es.kick", position="kf/100"),
        Drift("d", length=f"{'k' * 60}+kf"),
    ],
    parameters=NAMES,
    particle=ReferenceParticle("proton", kinetic_energy_per_u=60e6),
)


def test_parameters_are_renamed_as_elements_are(tmp_path: Path) -> None:
    write_madx(RENAMED, tmp_path / "all.seq")
    text = (tmp_path / "all.seq").read_text()
    assert "! parameter 'twiss' is called twiss_1 here" in text
    back = read_madx(tmp_path / "all.seq")
    for ours, theirs in zip(RENAMED.elements, back.elements, strict=True):
        assert back.resolved(theirs).strengths() == RENAMED.resolved(ours).strengths()
    changed = back.with_parameters(twiss_1=0.4)
    wanted = RENAMED.with_parameters(twiss=0.4)
    assert changed.value(changed["q"].strengths()["k1"]) == wanted.value(wanted["q"].strengths()["k1"])


@pytest.mark.madx
def test_madx_computes_the_same_with_the_new_names() -> None:
    with madx(madx_text(RENAMED)) as session:
        used_optics(session, "all", START)
        assert session.eval("q->k1") == pytest.approx(RENAMED.resolved(RENAMED["q"]).strengths()["k1"], rel=1e-14)


def test_a_lattice_may_have_the_name_of_an_element(tmp_path: Path) -> None:
    lattice = Lattice("ring", elements=[Drift("ring", length=1.0), Quadrupole("q", length=0.5, k1=0.3)])
    for write, read, path in (
        (write_madx, read_madx, tmp_path / "a.seq"),
        (write_json, read_json, tmp_path / "a.json"),
    ):
        write(lattice, path)
        assert read(path).elements == lattice.elements


def test_blanks_in_expressions_are_blanks(tmp_path: Path) -> None:
    lattice = Lattice("a", elements=[Quadrupole("q", length=0.5, k1="k\n+\x1c1")], parameters={"k": 0.1, "m": "k\t*2"})
    assert lattice["q"].strengths()["k1"] == "k + 1"
    assert lattice.parameters.definitions["m"] == "k *2"
    with pytest.raises(LatticeError, match="cannot read the expression"):
        Quadrupole("q", length="\u0663")  # a digit of another script
