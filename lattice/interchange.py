"""Lattices as JSON: everything a Lattice holds, and nothing is lost on the way there and back.

Schema 1: {"schema": 1, "kind": "lattice", "name", "particle", "parameters", "elements", "sequence", "warnings"}.
``elements`` holds each element once, by name, with its kind and the attributes that differ from the default;
``sequence`` their names in order. A strength is a number or an expression, an array parameter a list of numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from lattice.elements import ELEMENT_KINDS, Aperture, Element
from lattice.errors import FileError, HadronOpticsError, LatticeError, did_you_mean
from lattice.files import other_reader, read_bytes, write_text_atomic
from lattice.json_text import parse_json
from lattice.lattice import BEFORE_PATH, Lattice, checked_lattice
from lattice.reference import ReferenceParticle, Species

SCHEMA = 1
_KEYS = ("schema", "kind", "name", "particle", "parameters", "elements", "sequence", "warnings")
_PARTICLE_KEYS = ("species", "mass", "charge", "nucleons", "kinetic_energy_per_u")


def write_json(lattice: Lattice, path: str | Path) -> None:
    """Write a lattice as JSON, whole or not at all.

    Equation:
        elements (expressions too), parameters, apertures and particle that are read are those that were written.

    Returns:
        None: numbers are written in the units of the constructors (m, rad, m^-n), to the last bit.

    Raises:
        LatticeError: complex parameters.
        FileError: it cannot be written.

    Source:
        The toolkit's own format, schema 1.

    Example:
        >>> from lattice import Quadrupole
        >>> line = Lattice("line", elements=[Quadrupole("q", length=0.3, k1="kf")], parameters={"kf": 2.0})
        >>> write_json(line, "line.json")
        >>> dict(read_json("line.json").parameters)
        {'kf': 2.0}
    """
    write_text_atomic(path, lattice_to_json(checked_lattice(lattice, "write_json", BEFORE_PATH)))


def read_json(path: str | Path) -> Lattice:
    """The lattice of a JSON file.

    Equation:
        elements (expressions too), parameters, apertures and particle that are read are those that were written.

    Returns:
        Lattice, in the units of its constructors (m, rad, m^-n).

    Raises:
        FileError: it is no such file.
        LatticeError: its content makes no sense.

    Source:
        The toolkit's own format, schema 1.

    Example:
        >>> from lattice import Drift
        >>> write_json(Lattice("line", elements=[Drift("d", length="2*half")], parameters={"half": 0.5}), "line.json")
        >>> print(read_json("line.json").length)
        1.0
    """
    content = read_bytes(path, "lattice file")
    try:
        data = parse_json(content, path, "a lattice in JSON")
    except FileError as error:
        raise FileError(f"{error}{_other(path, content)}") from None
    try:
        return lattice_from_data(data)
    except HadronOpticsError as error:
        raise type(error)(f"{path}: {error}") from None


def _other(path: str | Path, content: bytes) -> str:
    """Who reads a file that is no JSON."""
    madx = b";" in content and not content.lstrip().startswith((b"{", b"["))
    if b'"element_names"' in content:
        return "; this is a file of Xsuite, which read_xsuite_json of optics.engines.xsuite.files reads"
    return other_reader(path, "read_json") or ("; MAD-X is read by lattice.read_madx" if madx else "")


def lattice_to_json(lattice: Lattice) -> str:
    """The text of the JSON file: one line an element and a parameter."""
    data = lattice_to_data(lattice)
    blocks = []
    for key, value in data.items():
        if key in ("parameters", "elements") and value:
            lines = ",\n".join(f"    {_line(name)}: {_line(part)}" for name, part in value.items())
            blocks.append(f"  {_line(key)}: {{\n{lines}\n  }}")
        else:
            blocks.append(f"  {_line(key)}: {_line(value)}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


# -- to plain data --


def lattice_to_data(lattice: Lattice) -> dict[str, Any]:
    """A lattice as dictionaries, lists, texts and numbers."""
    return {
        "schema": SCHEMA,
        "kind": "lattice",
        "name": lattice.name,
        "particle": None if lattice.particle is None else _particle_to_data(lattice.particle),
        "parameters": {name: _parameter(name, value) for name, value in lattice.parameters.definitions.items()},
        "elements": {element.name: element_to_data(element) for element in lattice.elements},
        "sequence": [element.name for element in lattice.elements],
        "warnings": list(lattice.warnings),
    }


def _particle_to_data(particle: ReferenceParticle) -> dict[str, Any]:
    return {key: getattr(particle, key) for key in _PARTICLE_KEYS}


def _parameter(name: str, value: Any) -> Any:
    if np.iscomplexobj(value):
        raise LatticeError(f"parameter '{name}' is complex, which a file cannot hold: give it a number")
    return value.tolist() if isinstance(value, np.ndarray) else value


def element_to_data(element: Element) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": element.kind}
    for attribute in fields(element):
        value = getattr(element, attribute.name)
        if attribute.name != "name" and (attribute.default is MISSING or not _same(value, attribute.default)):
            data[attribute.name] = _aperture_to_data(value) if isinstance(value, Aperture) else value
    return data


def _same(value: Any, default: Any) -> bool:
    """Equal and written the same way (-0.0 is not 0.0)."""
    return bool(value == default and repr(value) == repr(default))


def _aperture_to_data(aperture: Aperture) -> dict[str, Any]:
    values = {field.name: getattr(aperture, field.name) for field in fields(aperture)}
    return {
        name: value if isinstance(value, str) else float(value) for name, value in values.items() if value is not None
    }


# -- from plain data --


def lattice_from_data(data: Any) -> Lattice:
    """The lattice of such data. FileError for another format or schema, LatticeError for wrong content."""
    if isinstance(data, dict) and "kind" not in data and {"element_names", "lines"} & data.keys():
        raise FileError(
            "this is a file of Xsuite: read_xsuite_json of optics.engines.xsuite.files reads it, optics.from_xsuite "
            "takes a line that xtrack has loaded"
        )
    if not isinstance(data, dict) or data.get("kind") != "lattice" or "schema" not in data:
        raise FileError('this is no lattice of ours: expected an object with "schema": 1 and "kind": "lattice"')
    if data["schema"] != SCHEMA:
        raise FileError(f"schema {data['schema']!r} is unknown here, schema {SCHEMA} is: use a newer version")
    _check_keys("lattice", data, _KEYS)
    elements = _expect("elements", data.get("elements"), dict)
    made = {name: element_from_data(name, entry) for name, entry in elements.items()}
    return Lattice(
        _expect("name", data.get("name"), str),
        elements=[_named(made, name) for name in _expect("sequence", data.get("sequence"), list)],
        parameters=_expect("parameters", data.get("parameters", {}), dict),
        particle=_particle_from_data(data.get("particle")),
        warnings=[_expect("warnings", text, str) for text in _expect("warnings", data.get("warnings", []), list)],
    )


def _named(made: Mapping[str, Element], name: Any) -> Element:
    if not isinstance(name, str) or name not in made:
        hint = did_you_mean(name, made) if isinstance(name, str) else ""
        raise LatticeError(f"sequence: there is no element {name!r}{hint}")
    return made[name]


def element_from_data(name: str, data: Any) -> Element:
    entry = dict(_expect(f"element '{name}'", data, dict))
    kind = entry.pop("kind", None)
    if not isinstance(kind, str) or kind not in ELEMENT_KINDS:
        hint = did_you_mean(kind, ELEMENT_KINDS) if isinstance(kind, str) else ""
        raise LatticeError(f"element '{name}': unknown kind {kind!r}{hint} Known: {', '.join(ELEMENT_KINDS)}")
    known = ELEMENT_KINDS[kind]
    attributes = (*known.strength_names(), *known.flag_names(), *known.choices, "aperture")
    _check_keys(f"{kind} '{name}'", entry, attributes)
    if entry.get("aperture") is not None:
        entry["aperture"] = _aperture_from_data(name, entry["aperture"])
    for field in fields(known):
        if field.default is MISSING and field.name not in ("name", *entry):
            raise LatticeError(f"{kind} '{name}': {field.name} is missing")
    strengths = {key: _strength(known, name, key, value) for key, value in entry.items()}
    return known(name, **strengths)


def _strength(kind: type[Element], name: str, attribute: str, value: Any) -> Any:
    """A number, an expression, null where that is the default, and for knl and ksl a list of these."""
    place = f"{kind.kind} '{name}': {attribute}"
    if attribute in kind.flag_names():
        return value  # checked by the element
    if isinstance(value, Aperture | str) or (value is None and getattr(kind, attribute, 0.0) is None):
        return value
    if isinstance(value, list) and getattr(kind, attribute, None) == ():
        return tuple(part if isinstance(part, str) else _number(place, part) for part in value)
    return _number(place, value)


def _aperture_from_data(name: str, data: Any) -> Aperture:
    place = f"aperture of '{name}'"
    values = _expect(place, data, dict)
    _check_keys(place, values, [field.name for field in fields(Aperture)])
    for key in ("shape", "half_x", "half_y"):
        if key not in values:
            raise LatticeError(f"{place}: {key} is missing")
    shape = _expect(f"{place}: shape", values["shape"], str)
    sizes = {key: _number(f"{place}: {key}", value) for key, value in values.items() if key != "shape"}
    return Aperture(shape, **sizes)


def _particle_from_data(data: Any) -> ReferenceParticle | None:
    if data is None:
        return None
    _check_keys("particle", _expect("particle", data, dict), _PARTICLE_KEYS)
    for key in _PARTICLE_KEYS:
        if key not in data:
            raise LatticeError(f"particle: {key} is missing")
    charge, nucleons = (_whole(f"particle: {key}", data[key]) for key in ("charge", "nucleons"))
    mass = _number("particle: mass", data["mass"])
    species = Species(_expect("particle: species", data["species"], str), mass, charge, nucleons)
    energy = _number("particle: kinetic_energy_per_u", data["kinetic_energy_per_u"])
    return ReferenceParticle(species, kinetic_energy_per_u=energy)


def _check_keys(place: str, data: Mapping[str, Any], known: Any) -> None:
    for key in data:
        if key not in known:
            raise LatticeError(f"{place}: unknown key '{key}'{did_you_mean(str(key), known)} Known: {', '.join(known)}")


def _expect(place: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        name = {"dict": "an object", "list": "a list", "str": "a text"}[kind.__name__]
        raise LatticeError(f"{place} must be {name}, found {str(value)[:60]!r}")
    return value


def _number(place: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise LatticeError(f"{place} must be a number, found {str(value)[:60]!r}")
    return float(value)


def _whole(place: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise LatticeError(f"{place} must be a whole number, found {str(value)[:60]!r}")
    return value
