"""Write a lattice as a PALS file in YAML: variables, elements, one beam line, a lattice that uses it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from lark import Token, Tree

from lattice.building.mirror import opposite, product
from lattice.elements import (
    Aperture,
    Bend,
    Drift,
    Element,
    Kicker,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Quadrupole,
    RFCavity,
    Sextupole,
    Solenoid,
)
from lattice.errors import LatticeError
from lattice.expressions.functions import CONSTANTS
from lattice.expressions.parsing import parse_expression
from lattice.files import write_text_atomic
from lattice.formats.pals.reader import EXTENSION
from lattice.interchange import element_to_data
from lattice.lattice import BEFORE_PATH, Lattice, checked_lattice
from lattice.madx.legal import with_parameters_called
from lattice.reference import ReferenceParticle

_LEGAL = re.compile(r"[a-z_][a-z0-9_]*")
_TAKEN = {"begin", "include", "use", "constants", "variables", "set", "controllers", "superimpose", "facility", "pals"}
_FUNCTIONS = {"ceil": "ceiling"}
_LACKING = ("log10", "erf", "erfc", "frac", "round", "min", "max")
_SPECIES = {"helium-3": "helion"}
_PLAIN_SPECIES = ("proton", "antiproton", "electron", "positron", "deuteron")
Groups = dict[str, Any]


def write_pals(lattice: Lattice, path: str | Path) -> None:
    """Write a lattice as a PALS file in YAML, whole or not at all; expressions stay expressions.

    Kinds for which PALS has no word (septa, rotations, electric fields ...) stand as a Drift or Marker with their data
    under ``hadron_optics``, an extension that read_pals takes back; a comment says so. Names that PALS cannot take are
    changed, the original stands in a comment.

    Returns:
        None: numbers are written in m, rad, m^-n and eV, to the last bit.

    Raises:
        LatticeError: array parameters, functions that PALS lacks.
        FileError: the file cannot be written.

    Source:
        The PALS standard, text of August 2026.

    Example:
        >>> from lattice import Quadrupole, read_pals
        >>> cell = Lattice("cell", elements=[Quadrupole("q", length=0.3, k1="kf")], parameters={"kf": 2.0})
        >>> write_pals(cell, "c.pals.yaml")
        >>> print(read_pals("c.pals.yaml").parameters["kf"])
        2.0
    """
    write_text_atomic(path, pals_text(checked_lattice(lattice, "write_pals", BEFORE_PATH)))


def pals_text(lattice: Lattice) -> str:
    """The text of the file."""
    if lattice.batch is not None:
        raise LatticeError(f"lattice '{lattice.name}' has array parameters, which PALS cannot hold: take one case")
    called = _legal(lattice.parameters, _TAKEN)
    changed = {name: ours for name, ours in called.items() if name != ours}
    lattice = with_parameters_called(lattice, changed)
    distinct = {element.name: element for element in lattice.elements}
    names = _legal(distinct, {*_TAKEN, *called.values()})
    line = next(iter(_legal([lattice.name], {*_TAKEN, *called.values(), *names.values()}).values()))
    return "\n".join(
        [
            f"# lattice '{lattice.name}', written by hadron-optics; the text of the standard is that of August 2026",
            *(f"# parameter '{name}' is called {ours} here" for name, ours in changed.items()),
            *(f"# '{name}' is called {names[name]} here" for name in distinct if names[name] != name),
            "PALS:",
            "  extension_labels:",
            "    names:",
            f"      {EXTENSION}: kinds of elements that PALS has no word for",
            "  facility:",
            *_variables(lattice),
            *_beginning(lattice.particle),
            *(row for name, element in distinct.items() for row in _element(element, names[name])),
            f"    - {line}:",
            "        kind: BeamLine",
            "        line:",
            *(["          - begin"] if lattice.particle is not None else []),
            *(f"          - {names[element.name]}" for element in lattice.elements),
            f"    - {_legal(['whole'], {*names.values(), *called.values(), line})['whole']}:",
            "        kind: Lattice",
            f"        branches: [{line}]",
            "",
        ]
    )


def _legal(names: Any, taken: Any) -> dict[str, str]:
    """For each name one that PALS takes, all different and none of ``taken``."""
    used, found = set(taken), {}
    for name in sorted(names, key=lambda name: _LEGAL.fullmatch(name) is None):
        stem = re.sub(r"[^a-z0-9_]+", "_", name)
        stem = stem if _LEGAL.fullmatch(stem) else f"x{stem}"
        found[name] = next(c for n in range(len(used) + 2) if (c := f"{stem}_{n}" if n else stem) not in used)
        used.add(found[name])
    return found


# -- values --


def _variables(lattice: Lattice) -> Iterator[str]:
    definitions = lattice.parameters.definitions
    if definitions:
        yield "    - variables:"
    for name, value in definitions.items():
        if np.iscomplexobj(value):
            raise LatticeError(f"parameter '{name}' is complex, which PALS cannot hold")
        shown = _value("parameter " + name, value)
        yield f"        {name}: {shown}"


def _value(place: str, value: Any) -> str:
    """A strength as YAML: a number, or an expression in quotes."""
    if not isinstance(value, str):
        return repr(float(value))
    try:
        return json.dumps(f"expr({_written(parse_expression(value).tree)})")
    except LatticeError as error:
        raise LatticeError(f"{place}: {error}") from None


def _written(node: Tree[Token] | Token) -> str:
    """An expression with every bracket written, constants as numbers."""
    if isinstance(node, Token):
        return str(node)
    kind, parts = node.data, node.children
    if kind == "number":
        return str(parts[0]).lower().replace("d", "e")
    if kind == "name":
        name = str(parts[0])
        return repr(CONSTANTS[name]) if name in CONSTANTS.keys() - {"e"} else name
    if kind == "call":
        return _call(str(parts[0]), [_written(part) for part in parts[1:]])
    if kind == "sign":
        minus = [str(part) for part in parts[:-1]].count("-") % 2
        return f"({'-' if minus else ''}{_written(parts[-1])})"
    return f"({('^' if kind == 'pow' else '').join(_written(part) for part in parts)})"


def _call(function: str, arguments: list[str]) -> str:
    if function in _LACKING:
        raise LatticeError(f"PALS has no function {function}()")
    return f"{_FUNCTIONS.get(function, function)}({', '.join(arguments)})"


def _beginning(particle: ReferenceParticle | None) -> Iterator[str]:
    if particle is None:
        return
    yield "    - begin:"
    yield "        kind: BeginningEle"
    yield "        ReferenceP:"
    yield f"          species_ref: {json.dumps(_species(particle))}"
    yield f"          pc_ref: {particle.momentum!r}"


def _species(particle: ReferenceParticle) -> str:
    if particle.species in _PLAIN_SPECIES or particle.species in _SPECIES:
        return _SPECIES.get(particle.species, particle.species)
    found = re.fullmatch(r"([a-z]+)-(\d+)(?: (\d+)\+)?", particle.species)
    if found is None or found[1] not in _SYMBOLS:
        raise LatticeError(f"PALS has no name for the particle '{particle.species}'; take it off (with_particle(None))")
    return f"#{found[2]}{_SYMBOLS[found[1]]}+{particle.charge}"


_SYMBOLS = {"helium": "He", "lithium": "Li", "carbon": "C", "oxygen": "O", "neon": "Ne", "argon": "Ar", "lead": "Pb"}


# -- elements --


def _element(element: Element, name: str) -> Iterator[str]:
    writer = _WRITERS.get(type(element))
    length = getattr(element, "length", 0.0)
    described = None if writer is None else writer(element)
    kind, groups = described or ("Marker" if length == 0.0 else "Drift", {})
    if described is None:
        yield f"    # PALS has no word for this {element.kind}: other programs take it as a {kind}"
    yield f"    - {name}:"
    yield f"        kind: {kind}"
    if length != 0.0:
        yield f"        length: {_value(element.where('length'), length)}"
    for group, values in {**groups, "ApertureP": _aperture(element.aperture)}.items():
        rows = [f"          {key}: {_shown(element, key, value)}" for key, value in values.items() if value != 0.0]
        yield from [f"        {group}:", *rows] if rows else []
    if extension := _extension(element, described is None):
        yield f"        {EXTENSION}: {json.dumps(extension, allow_nan=False)}"


def _shown(element: Element, key: str, value: Any) -> str:
    return value if key in ("shape", "location", "zero_phase", "Kn0_from_g_ref") else _value(element.where(key), value)


def _extension(element: Element, whole: bool) -> Groups:
    """What PALS has no word for: a whole kind, or flags, words and openings of one that it has."""
    data = {key: value for key, value in element_to_data(element).items() if key != "length"}
    if element.aperture is not None and element.aperture.shape != "rectellipse":
        data.pop("aperture")
    own = ("aperture", "lrad", *element.flag_names(), *element.choices)
    return data if whole else {key: value for key, value in data.items() if key in own}


def _aperture(aperture: Aperture | None) -> Groups:
    if aperture is None or aperture.shape == "rectellipse":
        return {}
    shape = "ELLIPTICAL" if aperture.shape == "ellipse" else "RECTANGULAR"
    centre = {"x_center": aperture.offset_x, "y_center": aperture.offset_y}
    width = {"x_width": 2 * aperture.half_x, "y_width": 2 * aperture.half_y}
    return {**centre, **width, "shape": shape, "location": "EVERYWHERE"}


def _magnet(kind: str, order: int) -> Callable[[Any], tuple[str, Groups]]:
    def write(element: Any) -> tuple[str, Groups]:
        strengths = getattr(element, f"k{order}"), getattr(element, f"k{order}s")
        poles = {f"Kn{order}": strengths[0], f"Ks{order}": strengths[1], f"tilt{order}": element.tilt}
        return kind, {"MagneticMultipoleP": poles}

    return write


def _multipole(element: Multipole) -> tuple[str, Groups] | None:
    """None for one whose dipole bends the reference orbit, which those of PALS do not."""
    dipole = [part[0] for part in (element.knl, element.ksl) if part]
    if any(part != 0.0 for part in dipole):
        return None
    poles: Groups = {}
    for letter, strengths in (("n", element.knl), ("s", element.ksl)):
        poles |= {f"K{letter}{order}L": strength for order, strength in enumerate(strengths) if strength != 0.0}
    orders = sorted({int(re.sub(r"\D", "", key)) for key in poles})
    return "Multipole", {"MagneticMultipoleP": poles | {f"tilt{order}": element.tilt for order in orders}}


def _bend(bend: Bend) -> tuple[str, Groups]:
    fintx = bend.fint if bend.fintx is None else bend.fintx
    shape = {"angle_ref": bend.angle, "e1": bend.e1, "e2": bend.e2, "h1": bend.h1, "h2": bend.h2}
    edges = {"edge1_int": _times(bend.fint, bend.hgap), "edge2_int": _times(fintx, bend.hgap)}
    poles: Groups = {"Kn1": bend.k1, "Kn2": bend.k2}
    if bend.k0 is not None:
        poles["Kn0"] = bend.k0
        shape |= {"Kn0_from_g_ref": "false"} if bend.k0 == 0.0 else {}
    return "Bend", {"BendP": {**shape, **edges, "tilt_ref": bend.tilt}, "MagneticMultipoleP": poles}


def _times(a: Any, b: Any) -> Any:
    return 0.0 if 0.0 in (a, b) else product(a, b)


def _kicker(kicker: Kicker) -> tuple[str, Groups]:
    poles = {"Kn0L": opposite(kicker.hkick), "Ks0L": kicker.vkick, "tilt0": kicker.tilt}
    return "Kicker", {"MagneticMultipoleP": poles}


def _cavity(cavity: RFCavity) -> tuple[str, Groups]:
    """MAD's lag counts from the zero crossing."""
    wave = {"voltage": cavity.volt, "frequency": cavity.freq, "harmon": cavity.harmon, "phase": cavity.lag}
    return "RFCavity", {"RFP": {**wave, "zero_phase": "BELOW_TRANSITION"}}


_WRITERS: Mapping[type[Element], Callable[[Any], tuple[str, Groups] | None]] = {
    Drift: lambda element: ("Drift", {}),
    Marker: lambda element: ("Marker", {}),
    Monitor: lambda element: ("Instrument", {}),
    Quadrupole: _magnet("Quadrupole", 1),
    Sextupole: _magnet("Sextupole", 2),
    Octupole: _magnet("Octupole", 3),
    Multipole: _multipole,
    Bend: _bend,
    Kicker: _kicker,
    Solenoid: lambda element: ("Solenoid", {"SolenoidP": {"Ksol": element.ks}}),
    RFCavity: _cavity,
}
