"""What a person gets who uses values of the toolkit in another way than they are meant: words, and the way."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

import lattice as rooms
from lattice import (
    Aperture,
    Bend,
    Drift,
    InputError,
    Lattice,
    LatticeError,
    Marker,
    Quadrupole,
    ReferenceParticle,
    read_madx,
    write_madx,
)
from lattice.errors import ArgumentError
from lattice.expressions.comparison import alike, compute_alike
from lattice.reference import PROTON_MASS, Species

#: As a notebook calls them, without a type checker.
drift: Any = Drift
quadrupole: Any = Quadrupole
aperture: Any = Aperture
bend: Any = Bend
particle: Any = ReferenceParticle
made: Any = Lattice

CELL = Lattice(
    "cell",
    elements=[
        Quadrupole("qf", length=0.3, k1="kf"),
        Drift("d", length=1.0),
        Quadrupole("qd", length=0.3, k1="kd"),
        Drift("d", length=1.0),
    ],
    parameters={"kf": 1.2, "ratio": 1.1, "kd": "-ratio*kf", "spare": 3.0},
)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: drift("d", l=1.0),
            r"Drift has no 'l'; did you mean 'length'\? Drift takes name and, by name, aperture",
        ),
        (lambda: drift("d", 1.0), r"Drift: 1\.0 must be given by its name\. Drift takes name"),
        (lambda: quadrupole("q", length=0.3, kl=1.0), r"Quadrupole has no 'kl'"),
        (lambda: aperture("ellipse", 0.05), r"Aperture needs half_y\. Aperture takes shape, half_x, half_y"),
        (lambda: bend("b"), r"Bend needs length, angle"),
        (lambda: drift("d", name="d"), r"Drift is given name twice"),
        (lambda: particle("proton", energy=1e9), r"has no 'energy'.*kinetic_energy_per_u"),
        (lambda: made("cell", [drift("d")]), r"Lattice: \[.* must be given by its name"),
        (lambda: aperture("rectangle", 0.1, 0.1, 0.0, 0.0, None, None, 5.0), r"Aperture: 5\.0 is too many"),
    ],
)
def test_a_value_made_with_wrong_arguments_says_what_it_takes(make: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        make()


def test_wrong_arguments_are_what_python_and_the_toolkit_call_them() -> None:
    assert issubclass(ArgumentError, TypeError)
    assert issubclass(ArgumentError, InputError)


def test_an_error_inside_a_right_call_is_its_own() -> None:
    with pytest.raises(LatticeError, match="must be a number"):
        drift("d", length={})


def test_help_shows_the_arguments_of_the_kind_itself() -> None:
    assert list(signature(Drift).parameters) == ["name", "aperture", "length"]


def test_a_circle_is_told_to_be_an_ellipse() -> None:
    with pytest.raises(LatticeError, match="a circle is an ellipse of equal half sizes"):
        Aperture("circle", 0.05, 0.05)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("qff", r"no element 'qff'; did you mean 'qf'\?"),
        ("qf_99", r"no element 'qf_99'; did you mean 'qf'\?"),
        ("d::7", r"no element 'd::7': 'd' stands 2 times, from 'd::0'"),
        ("septum", r"no element 'septum'; it has qf, d, qd"),
    ],
)
def test_an_unknown_element_names_the_nearest_or_what_is_there(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        CELL[name]


@pytest.mark.parametrize(("name", "meant"), [("Quadrupol", "Quadrupole"), ("RBend", "Bend"), ("read_mad", "read_madx")])
def test_an_unknown_name_of_the_package_names_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(AttributeError, match=f"did you mean '{meant}'"):
        getattr(rooms, name)


def test_lattices_and_parameters_that_are_set_say_how_another_is_made() -> None:
    cell: Any = CELL
    with pytest.raises(InputError, match=r"lattice\.with_parameters\(kf=\.\.\.\)"):
        cell.parameters["kf"] = 1.0
    with pytest.raises(InputError, match=r"lattice\.with_new_parameters\(k=\.\.\.\)"):
        cell.parameters["k"] = 1.0
    with pytest.raises(InputError, match=r"lattice\.with_parameters\(kf=\.\.\.\)"):
        cell.parameters.kf = 1.0
    with pytest.raises(FrozenInstanceError, match=r"lattice\.with_parameters\(kf=\.\.\.\)"):
        cell.kf = 1.0
    with pytest.raises(InputError, match=r"lattice\.replace\('qf', element\)"):
        cell["qf"] = Drift("qf")
    with pytest.raises(InputError, match=r"lattice\.remove\('qf'\)"):
        del cell["qf"]


def test_a_dependent_parameter_that_is_set_names_the_free_ones() -> None:
    assert CELL.parameters.sources("kd") == ("kf", "ratio")
    with pytest.raises(LatticeError, match=r"'kd' depends on others \('-ratio\*kf'\): set kf, ratio"):
        CELL.with_parameters(kd=1.0)


def test_parameters_that_move_nothing_are_told() -> None:
    assert CELL.unused_parameters == ("spare",)
    assert CELL.summary()["in no strength"] == "spare"


def test_one_of_several_elements_goes_and_leaves_its_length() -> None:
    """The drift has a name of its own, so that the others keep theirs and it can be cut."""
    ring = (2 * CELL).remove("qf::0", keep_length=True)
    assert [one.name for one in ring][:5] == ["qf_left_1", "d", "qd", "d", "qf"]
    assert ring.length == (2 * CELL).length
    again = ring.remove("qf", keep_length=True)
    assert [one.name for one in again if "left" in one.name] == ["qf_left_1", "qf_left_2"]
    cut = CELL.remove("qf", keep_length=True).insert(Marker("m"), at=0.1)
    assert [one.name for one in cut][:3] == ["qf_left_1_1", "m", "qf_left_1_2"]


def test_elements_out_of_order_in_a_sequence_are_told_as_that(tmp_path: Path) -> None:
    path = tmp_path / "ring.seq"
    path.write_text("q: quadrupole, l=0.2;\ns: sequence, l=4;\na: q, at=1;\nb: q, at=3;\nc: q, at=2;\nendsequence;\n")
    with pytest.raises(
        LatticeError,
        match=r"ring\.seq:5: 'c' stands before 'b' in the machine and behind it in the file: it begins at s = 1\.9 m, "
        r"'b' at s = 2\.9 m\. Put",
    ):
        read_madx(path)


def test_places_counted_from_another_element_are_told_with_what_from_means(tmp_path: Path) -> None:
    """Centres: c at 1 - 0.6 = 0.4 m; lengths 0.2 m."""
    path = tmp_path / "ring.seq"
    path.write_text("q: quadrupole, l=0.2;\ns: sequence, l=4;\na: q, at=1;\nc: q, at=-0.6, from=a;\nendsequence;\n")
    with pytest.raises(
        LatticeError, match=r"it begins at s = 0\.3 m, 'a' at s = 0\.9 m; from=a counts from the centre of 'a'\. Put"
    ):
        read_madx(path)


def test_elements_that_overlap_are_still_told_as_that(tmp_path: Path) -> None:
    path = tmp_path / "ring.seq"
    path.write_text("q: quadrupole, l=0.2;\ns: sequence, l=4;\na: q, at=1;\nb: q, at=1.1;\nendsequence;\n")
    with pytest.raises(LatticeError, match=r"'a' and 'b' overlap by 0\.1 m"):
        read_madx(path)


def test_a_name_that_madx_cannot_take_is_told_by_the_writer(tmp_path: Path) -> None:
    """MAD-X has a command START: it stops at an element of this name."""
    line = Lattice("line", elements=[Marker("start"), Drift("d", length=1.0)])
    assert write_madx(line, tmp_path / "line.seq") == {"start": "start_1"}
    assert write_madx(CELL, tmp_path / "cell.seq") == {}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("-kf", "( - kf)", True),
        ("kf", "-1.0 * (( - 1.0 * kf))", True),
        ("kf*1.0", "kf", True),
        ("a+b+c", "((a + b) + c)", True),
        ("a+(b+c)", "a+b+c", False),
        ("2*kf", "kf*2", False),
        ("1/kf", "kf", False),
        ("-kf", "kf", False),
        ("-a*-b", "a*b", True),
        ("-2^2", "4", False),
        ("twopi/n", "6.283185307179586 / n", True),
        ("e", "2.718281828459045", False),
    ],
)
def test_expressions_are_alike_where_their_numbers_are_equal_to_the_last_bit(
    first: str, second: str, same: bool
) -> None:
    assert alike(first, second) is same


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2*pi/k", "(6.283185307179586 / k)", True),
        ("2*kf", "kf*2", True),
        ("a+(b+c)-d", "c-d+a+b", True),
        ("a*(b+c)/d", "a*b/d + a*c/d", True),
        ("sin(2*a)+cos(b)", "cos(b)+sin(a*2)", True),
        ("sqrt(a*b)/3", "0.3333333333333333*sqrt(b*a)", True),
        ("asin(20*a)", "asin(a*20)", True),
        ("2*kf", "kf*2.00000000000002", False),  # 1e-14 more: 45 rounding units
        ("kf", "kd", False),
        ("kf+1e-9*kd", "kf", False),
        ("abs(kf)", "kf", False),
        ("(kf^2)^0.5", "kf", False),
        ("min(kf, 100)", "kf", False),
        ("min(kf, 100)", "min(kf, 200)", False),
        ("sin(a)", "cos(a)", False),
        ("1/(a-a)", "5", False),
        ("e", "2.718281828459045", False),
    ],
)
def test_expressions_are_equal_where_they_compute_the_same_to_rounding(first: str, second: str, same: bool) -> None:
    assert compute_alike(first, second) is same
    assert compute_alike(second, first) is same


def test_lattices_are_equal_whatever_the_blanks_and_brackets_of_their_expressions() -> None:
    other = Lattice(
        "other",
        elements=[CELL["qf"], CELL[1], Quadrupole("qd", length=0.3, k1="( 1.0 * kd )"), CELL[1]],
        parameters={**CELL.parameters.definitions, "kd": "(-1.0 * ratio) * kf"},
    )
    assert CELL.equals(other)
    assert not CELL.equals(other.with_parameters(kf=1.3))
    assert not CELL.equals(other.replace("qd", Quadrupole("qd", length=0.3, k1="-kd")))


def test_lattices_are_equal_after_madx_whose_energy_is_the_total_one(tmp_path: Path) -> None:
    """The kinetic energy comes back as E - m: with rounding units of E, 938 MeV and more, at 60 keV as at 430 MeV."""
    energies = [6e4, 7.1e6, 60.3e6, 200000000.00000006, 430.7e6]
    for energy in energies:
        cell = CELL.with_particle(ReferenceParticle("H-", kinetic_energy_per_u=energy))
        write_madx(cell, tmp_path / "cell.seq")
        assert cell.equals(read_madx(tmp_path / "cell.seq"))


@pytest.mark.parametrize(
    "other",
    [
        None,
        ReferenceParticle("proton", kinetic_energy_per_u=60e6 + 1e-5),  # of 1e9 eV, 2e-7 eV is a unit
        ReferenceParticle("antiproton", kinetic_energy_per_u=60e6),
        ReferenceParticle(Species("proton", PROTON_MASS * (1 + 1e-13), 1), kinetic_energy_per_u=60e6),
    ],
)
def test_lattices_of_other_particles_are_not_equal(other: ReferenceParticle | None) -> None:
    cell = CELL.with_particle(ReferenceParticle("proton", kinetic_energy_per_u=60e6))
    assert cell.equals(cell.with_particle(ReferenceParticle("proton", kinetic_energy_per_u=60e6)))
    assert not cell.equals(cell.with_particle(other))
    assert not cell.with_particle(other).equals(cell)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("table", r"optics\.elements\(lattice\)"),
        ("to_frame", r"optics\.elements\(lattice\)"),
        ("write_xsuite", r"optics\.to_xsuite\(lattice\)\.to_json\(path\).*lattice-optimize convert"),
        ("read_xsuite", r"optics\.from_xsuite\(line\).*lattice-optimize convert"),
        ("write", r"from lattice import write_madx .*write_madx\(lattice, path\).*optics\.to_xsuite"),
        ("read", r"from lattice import read_madx \(read_json, read_pals"),
    ],
)
def test_what_has_another_home_is_told_of_the_package_and_of_a_lattice(name: str, way: str) -> None:
    for of, words in ((rooms, "module 'lattice' has no attribute"), (CELL, "a Lattice has no")):
        with pytest.raises(AttributeError, match=f"{words} '{name}': .*{way}") as found:
            getattr(of, name)
        assert found.value.obj is None  # Python adds no name of its own


def test_a_name_that_lattices_do_not_have_names_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"a Lattice has no 'lenght'; did you mean 'length'\?"):
        CELL.lenght  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"a Lattice has no 'kf': its parameter is lattice\.parameters\['kf'\]"):
        CELL.kf  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(CELL, "_repr_mimebundle_")
    assert CELL.equals(pickle.loads(pickle.dumps(CELL)))
    assert CELL.equals(copy.deepcopy(CELL))
