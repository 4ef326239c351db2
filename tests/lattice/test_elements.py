"""Elements are values: frozen, checked when made, and refused with a message that names them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from lattice import (
    Aperture,
    Bend,
    Drift,
    Lattice,
    LatticeError,
    Marker,
    Multipole,
    Octupole,
    Quadrupole,
    Sextupole,
    Solenoid,
)
from lattice.elements import ELEMENT_KINDS, Element

KINDS = sorted(ELEMENT_KINDS)


def example(kind: str, name: str = "x") -> Element:
    """An element of a kind with the least it needs."""
    known = ELEMENT_KINDS[kind]
    needed = [field.name for field in dataclasses.fields(known) if field.default is dataclasses.MISSING]
    values: dict[str, Any] = {field: 0.5 for field in needed if field != "name"}
    return known(name, **values)


def changed(kind: str, attribute: str, value: object) -> Element:
    """The example of a kind with one attribute changed."""
    changes: dict[str, Any] = {attribute: value}
    return dataclasses.replace(example(kind), **changes)


def plain_strengths(element: Element) -> list[str]:
    """Strengths that are one number, not a list."""
    return [name for name, value in element.strengths().items() if not isinstance(value, tuple)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_made_and_never_changes(kind: str) -> None:
    element = example(kind, "QF.1")
    assert element.name == "qf.1"
    assert element == example(kind, "qf.1")
    assert hash(element) == hash(example(kind, "qf.1"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        element.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("kind", KINDS)
def test_every_strength_takes_numbers_and_expressions(kind: str) -> None:
    for attribute in plain_strengths(example(kind)):
        assert getattr(changed(kind, attribute, 1), attribute) == 1.0
        assert getattr(changed(kind, attribute, "2*KF"), attribute) == "2*kf"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", [math.nan, math.inf, "2*", "", {}, object(), 1j, True, b"1"])
def test_every_strength_refuses_what_makes_no_sense(kind: str, wrong: object) -> None:
    for attribute in plain_strengths(example(kind)):
        with pytest.raises(LatticeError, match=rf"{ELEMENT_KINDS[kind].__name__} 'x': {attribute}"):
            changed(kind, attribute, wrong)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "length" in example(kind).strengths()])
def test_lengths_are_not_negative(kind: str) -> None:
    with pytest.raises(LatticeError, match=r"'x': length must not be negative, found -0\.1"):
        changed(kind, "length", -0.1)


@pytest.mark.parametrize("name", ["", "a b", "a,b", "a;b", "a:b", "f(x)", 'a"b', None, 3])
def test_names_are_words(name: object) -> None:
    with pytest.raises(LatticeError, match="an element's name must be a word"):
        Marker(name)  # type: ignore[arg-type]


def test_lists_of_strengths_are_kept_as_written() -> None:
    assert Multipole("m", knl=[0, "kf", 1]).knl == (0.0, "kf", 1.0)  # type: ignore[arg-type]
    with pytest.raises(LatticeError, match="Multipole 'm': knl"):
        Multipole("m", knl=(0.0, "kf+"))
    with pytest.raises(LatticeError, match="Multipole 'm': knl and ksl must be lists"):
        Multipole("m", knl=0.3)  # type: ignore[arg-type]


def test_a_bend_needs_a_length() -> None:
    with pytest.raises(LatticeError, match="a thin dipole is a Multipole"):
        Bend("mb", length=0.0, angle=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hexagon", 0.1, 0.1), "must be rectangle, ellipse or rectellipse, found 'hexagon'"),
        (("ellipse", 0.0, 0.1), "must be positive"),
        (("ellipse", -0.1, 0.1), "must be positive"),
        (("ellipse", math.nan, 0.1), "half_x must be a finite number of m, found nan"),
        (("rectangle", math.inf, 0.1), "half_x must be a finite number of m, found inf"),
        (("rectangle", "0.1", 0.1), "half_x must be a finite number of m, found '0.1'"),
        (("rectangle", True, 0.1), "half_x must be a finite number of m, found True"),
        (("rectangle", 0.1, 0.1, math.nan), "offset_x must be a finite number"),
        (("rectellipse", 0.1, 0.1, 0.0, 0.0, -0.1, 0.1), "ellipse_x = -0.1"),
        (("rectangle", 60.0, 35.0), "half_x is in m and at most 10, found 60: if that is in mm, give it in m"),
        (("ellipse", 0.1, 0.1, 0.0, 0.0, 0.2, 0.2), "belong to shape 'rectellipse'"),
        (("rectellipse", 0.1, 0.1), "belong to shape 'rectellipse'"),
    ],
)
def test_apertures_that_make_no_sense_are_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(LatticeError, match=message):
        Aperture(*arguments)  # type: ignore[arg-type]


def test_an_aperture_belongs_to_an_element() -> None:
    opening = Aperture("rectellipse", 0.07, 0.03, ellipse_x=0.07, ellipse_y=0.04)
    assert Drift("d", length=1.0, aperture=opening).aperture == opening
    with pytest.raises(LatticeError, match="Quadrupole 'qf': aperture must be an Aperture"):
        Quadrupole("qf", length=1.0, aperture=0.1)  # type: ignore[arg-type]


def test_a_flag_is_true_or_false() -> None:
    with pytest.raises(LatticeError, match="Bend 'b': kill_ent_fringe must be True or False, found 'off'"):
        Bend("b", length=1.0, angle=0.1, kill_ent_fringe="off")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "attribute", "value", "unit"),
    [
        ("bend", "e1", 10.0, "degrees"),
        ("bend", "angle", 22.5, "degrees"),
        ("quadrupole", "tilt", 45.0, "degrees"),
        ("bend", "hgap", 36.0, "mm"),
        ("kicker", "hkick", 2.5, "mrad"),
        ("electrostaticseptum", "position", 35.0, "mm"),
        ("electrostaticseptum", "gap", 20.0, "mm"),
        ("drift", "length", 5e5, "mm"),
    ],
)
def test_a_number_in_another_unit_is_told_with_the_unit(kind: str, attribute: str, value: float, unit: str) -> None:
    """Degrees, millimetres and milliradians are wrong by 1e3 and 57: no machine has such a magnet."""
    for wrong in (value, -value) if attribute != "length" else (value,):
        with pytest.raises(LatticeError, match=f"'x': {attribute} .*"):
            changed(kind, attribute, wrong)
    with pytest.raises(LatticeError, match=f"'x': {attribute} is in .* if that is in {unit}, give it in"):
        Lattice("x", elements=[changed(kind, attribute, "v")], parameters={"v": value})


def test_an_opening_without_limit_may_be_as_wide_as_other_codes_write_it() -> None:
    assert Aperture("rectangle", 1e10, 0.03).half_x == 1e10


@pytest.mark.parametrize("kind", ELEMENT_KINDS.values())
def test_every_element_has_a_length(kind: type[Element]) -> None:
    thick: dict[str, Any] = {f.name: 0.5 for f in dataclasses.fields(kind) if f.name in ("length", "angle")}
    assert kind("e", **thick).length == thick.get("length", 0.0)  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", [None, [1.0, 2.0], (1.0,)])
def test_a_strength_is_one_number(value: Any) -> None:
    with pytest.raises(LatticeError, match="Quadrupole 'q': k1 must be a number or an expression"):
        Quadrupole("q", length=0.3, k1=value)


def test_how_an_element_is_changed_is_said() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match=r"Quadrupole 'q': k1 .*dataclasses\.replace\(element"):
        Quadrupole("q", length=0.3).k1 = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Quadrupole("q", length=0.0, k1=1.0),
        lambda: Sextupole("s", length=0.0, k2="k"),
        lambda: Octupole("o", length=0.0, k3s=1.0),
        lambda: Solenoid("b", length=0.0, ks=1.0),
    ],
)
def test_a_strength_along_no_length_is_refused(make: Callable[[], Element]) -> None:
    with pytest.raises(LatticeError, match=r"length is 0, so that k\w+ does nothing: .*thin Multipole"):
        make()


def test_a_magnet_of_hundreds_of_metres_is_taken_for_millimetres() -> None:
    with pytest.raises(LatticeError, match="length is in m and at most 100, found 300: if that is in mm"):
        Quadrupole("q", length=300.0)
    assert Drift("d", length=300.0).length == 300.0
