"""Lattices as JSON: nothing is lost, and a broken file says what is wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lattice import (
    Aperture,
    FileError,
    HadronOpticsError,
    Lattice,
    LatticeError,
    Marker,
    RFGap,
    read_json,
    read_madx,
    write_json,
)
from lattice.elements import ELEMENT_KINDS
from lattice.expressions.functions import CONSTANTS
from lattice.interchange import lattice_from_data, lattice_to_data, lattice_to_json
from tests.lattice.test_elements import KINDS, changed, example, plain_strengths
from tests.lattice.test_madx_writer import EVERYTHING

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def same(one: Lattice, other: Lattice) -> bool:
    """Equal in every part, to the last bit and to the sign of zero."""
    return lattice_to_json(one) == lattice_to_json(other) and one.particle == other.particle


def test_everything_comes_back(tmp_path: Path) -> None:
    ring = Lattice(
        "ring",
        elements=[*EVERYTHING.elements, RFGap("gap", volt=-0.0, phase="-a")],
        parameters=EVERYTHING.parameters.definitions,
        particle=EVERYTHING.particle,
        warnings=["ring.seq:1: title, 'Müller </script> {{x}}'"],
    )
    write_json(ring, tmp_path / "ring.json")
    back = read_json(tmp_path / "ring.json")
    assert back.elements == ring.elements
    assert back.parameters.definitions == ring.parameters.definitions
    assert back.particle == ring.particle
    assert (back.name, back.warnings) == (ring.name, ring.warnings)
    assert same(ring, back)


@pytest.mark.parametrize("kind", KINDS)
@given(value=st.floats(1e-300, 1.0))  # a likely size in every unit
def test_every_strength_of_every_kind_comes_back(kind: str, value: float) -> None:
    for attribute in plain_strengths(example(kind)):
        lattice = Lattice(
            "x", elements=[changed(kind, attribute, value), Marker("end", aperture=Aperture("ellipse", 1, 2))]
        )
        assert lattice_from_data(json.loads(lattice_to_json(lattice))).elements == lattice.elements


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9_.]{0,8}", fullmatch=True), _NUMBERS | st.just("2*pi"), max_size=5),
    st.lists(_NUMBERS, min_size=1, max_size=4),
    st.text(max_size=20),
)
def test_parameters_and_texts_come_back(parameters: dict[str, Any], array: list[float], text: str) -> None:
    parameters = {name: value for name, value in parameters.items() if name not in CONSTANTS}
    lattice = Lattice("x", elements=[Marker("m")], parameters={**parameters, "zz": array}, warnings=[text])
    back = lattice_from_data(json.loads(lattice_to_json(lattice)))
    assert same(lattice, back)
    assert np.array_equal(back.parameters["zz"], array)


def test_complex_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LatticeError, match="parameter 'k' is complex"):
        write_json(Lattice("x", elements=[Marker("m")], parameters={"k": 1j}), tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"x\.json:1: no valid JSON here"),
        (b'{"schema": 1,\n"kind": "lattice",\n', r"x\.json:3: no valid JSON here"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"[" * 100_000, "nested too deep, a lattice in JSON was expected"),
        (b"[1, NaN]", "NaN is no number that a file may hold"),
        (b'{"schema": 1, "kind": "lattice", "name": "a", "name": "b"}', "the key 'name' stands twice"),
        (b"[]", 'expected an object with "schema": 1'),
        (b'{"__class__": "Line"}', 'expected an object with "schema": 1'),
        (b'{"schema": 2, "kind": "lattice"}', "schema 2 is unknown here, schema 1 is"),
    ],
)
def test_files_of_another_kind_are_file_errors(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_json(tmp_path / "x.json")


def test_a_missing_file_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no such lattice file"):
        read_json(tmp_path / "x.json")


WRONG = [
    (("nmae",), "x", r"lattice: unknown key 'nmae'; did you mean 'name'\?"),
    (("name",), 3, "name must be a text, found '3'"),
    (("parameters",), [], "parameters must be an object"),
    (("parameters", "a"), None, "parameter 'a'"),
    (("parameters", "a"), [[1.0]], "parameter 'a'"),
    (("parameters", "a"), "2*", "parameter 'a': cannot read the expression"),
    (("parameters", "a"), 10**400, "parameter 'a'"),
    (("elements",), None, "elements must be an object"),
    (("elements", "qf"), 3, "element 'qf' must be an object"),
    (("elements", "qf", "kind"), "quadrupol", r"element 'qf': unknown kind 'quadrupol'; did you mean 'quadrupole'\?"),
    (("elements", "qf", "kind"), [], "element 'qf': unknown kind"),
    (("elements", "qf", "kk1"), 1.0, r"quadrupole 'qf': unknown key 'kk1'; did you mean 'k1'\?"),
    (("elements", "qf", "k1"), [1.0], "quadrupole 'qf': k1 must be a number"),
    (("elements", "qf", "k1"), True, "quadrupole 'qf': k1 must be a number"),
    (("elements", "qf", "k1"), None, "quadrupole 'qf': k1 must be a number"),
    (("elements", "qf", "k1"), 10**400, "k1 must be a number|k1 must be finite"),
    (("elements", "qf", "length"), -1.0, "Quadrupole 'qf': length must not be negative"),
    (("elements", "mp", "knl"), [[1.0]], "multipole 'mp': knl must be a number"),
    (("elements", "qf", "aperture"), 0.1, "aperture of 'qf' must be an object"),
    (("elements", "qf", "aperture"), {}, "aperture of 'qf': shape is missing"),
    (("elements", "qf", "aperture", "half_x"), "a", "aperture of 'qf': half_x must be a number"),
    (("elements", "qf", "aperture", "shape"), "round", "aperture shape must be"),
    (("sequence",), ["qf", "qg"], r"sequence: there is no element 'qg'; did you mean 'qf'\?|'qg'"),
    (("sequence",), [1], "sequence: there is no element 1"),
    (("sequence",), [], "holds no elements"),
    (("warnings",), [1], "warnings must be a text"),
    (("particle",), "proton", "particle must be an object"),
    (("particle", "charge"), 1.5, "particle: charge must be a whole number"),
    (("particle", "mass"), -1.0, "mass must be a positive number"),
    (("particle", "kinetic_energy_per_u"), 0.0, "kinetic_energy_per_u must be a positive number"),
    (("particle", "spin"), 0.5, "particle: unknown key 'spin'"),
]


@pytest.mark.parametrize(("keys", "value", "message"), WRONG)
def test_wrong_content_names_its_place(tmp_path: Path, keys: tuple[str, ...], value: object, message: str) -> None:
    data = lattice_to_data(EVERYTHING)
    part = data
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    (tmp_path / "x.json").write_text(json.dumps(data))
    with pytest.raises(HadronOpticsError, match=rf"x\.json: .*(?:{message})"):
        read_json(tmp_path / "x.json")


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(sorted(ELEMENT_KINDS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_content_ends_in_a_lattice_or_in_our_errors(data: st.DataObject) -> None:
    content: Any = json.loads(json.dumps(lattice_to_data(EVERYTHING)))
    part = content
    while isinstance(part, (dict, list)) and part and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
        if data.draw(st.integers(0, 2)) == 0 or not isinstance(part[key], (dict, list)):
            part[key] = data.draw(_JSON)
            break
        part = part[key]
    with suppress(HadronOpticsError):
        assert isinstance(lattice_from_data(content), Lattice)


def test_files_of_others_name_their_readers(tmp_path: Path) -> None:
    path = tmp_path / "line.json"
    path.write_text('{"elements": {}, "element_names": []}')
    with pytest.raises(FileError, match=r"a file of Xsuite: read_xsuite_json .*from_xsuite"):
        read_json(path)
    path.write_text('{"element_names": [], "length": NaN}')  # as Xsuite writes what is not known
    with pytest.raises(FileError, match="a file of Xsuite, which read_xsuite_json"):
        read_json(path)
    path.write_text("kf := 1; q: quadrupole, l=1;")
    with pytest.raises(FileError, match=r"no valid JSON here.*MAD-X is read by lattice\.read_madx"):
        read_json(path)
    other = tmp_path / "line.lte"
    other.write_text("Q: QUAD, L=1\n")
    with pytest.raises(FileError, match=r"a file of this name is read by lattice\.read_elegant"):
        read_madx(other)
