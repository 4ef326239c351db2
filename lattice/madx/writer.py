"""Write a lattice as a MAD-X file: parameters, elements, and a SEQUENCE (a LINE where lengths vary)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lattice.elements import (
    Aperture,
    Bend,
    Collimator,
    DipoleEdge,
    Drift,
    ElectrostaticSeptum,
    Element,
    Kicker,
    MagneticSeptum,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Quadrupole,
    RFCavity,
    Separator,
    Sextupole,
    Solenoid,
    SRotation,
    ThinSolenoid,
    Translation,
    XRotation,
    YRotation,
)
from lattice.errors import LatticeError
from lattice.files import write_text_atomic
from lattice.lattice import BEFORE_PATH, Lattice, checked_lattice
from lattice.madx.arithmetic import times_power_of_ten
from lattice.madx.beam import beam_text
from lattice.madx.classes import SEPTUM
from lattice.madx.expression import madx_expression
from lattice.madx.legal import illegal_parameters, legal_names, with_parameters_called

#: MAD-X class of each kind; septa by way of a parent that tells our reader what they are.
_CLASSES: dict[type[Element], str] = {
    Drift: "drift",
    Bend: "sbend",
    Quadrupole: "quadrupole",
    Sextupole: "sextupole",
    Octupole: "octupole",
    Multipole: "multipole",
    Solenoid: "solenoid",
    ThinSolenoid: "solenoid",
    DipoleEdge: "dipedge",
    SRotation: "srotation",
    XRotation: "xrotation",
    YRotation: "yrotation",
    Translation: "translation",
    Separator: "elseparator",
    Kicker: "kicker",
    Monitor: "monitor",
    Marker: "marker",
    RFCavity: "rfcavity",
    Collimator: "collimator",
    ElectrostaticSeptum: "electrostatic_septum",
    MagneticSeptum: "magnetic_septum",
}
#: Class of a monitor or corrector of one plane.
_ONE_PLANE = {
    (Monitor, "x"): "hmonitor",
    (Monitor, "y"): "vmonitor",
    (Kicker, "x"): "hkicker",
    (Kicker, "y"): "vkicker",
}
_SEPTUM_PARENTS = {
    "electrostatic_septum": "placeholder",
    "magnetic_septum": "placeholder",
}


def write_madx(lattice: Lattice, path: str | Path) -> dict[str, str]:
    """Write a lattice as a MAD-X file, whole or not at all; expressions stay expressions.

    Positions are entrances (refer=entry). Septa are drift-like classes; what MAD-X cannot say of them stands in
    variables ``element.position`` ... that read_madx takes back. Names of elements and parameters that MAD-X cannot
    take are changed and the original is in a comment.

    Equation:
        read_madx(write_madx(lattice)) has the optics of lattice.

    Returns:
        What is called otherwise in the file, because MAD-X cannot take its name: {"start": "start_1"}; {} as a rule.
        Numbers are written in MAD-X's units (m, rad, m^-n; BEAM in GeV).

    Raises:
        LatticeError: what MAD-X cannot hold (an RFGap, array parameters), by name.
        FileError: the file cannot be written.

    Source:
        The MAD-X user's guide.

    Example:
        >>> from lattice import Drift, Quadrupole, read_madx
        >>> parts = [Quadrupole("q", length=0.3, k1="kf"), Drift("d", length=1.0)]
        >>> write_madx(Lattice("cell", elements=parts, parameters={"kf": 2.0}), "cell.seq")
        {}
        >>> print(round(read_madx("cell.seq").length, 9))
        1.3
    """
    write_text_atomic(path, madx_text(checked_lattice(lattice, "write_madx", BEFORE_PATH)))
    elements, parameters = _names(lattice)
    return {name: here for name, here in (*elements.items(), *parameters.items()) if name != here}


def _names(lattice: Lattice) -> tuple[dict[str, str], dict[str, str]]:
    """How elements are called in a file of MAD-X, and those parameters that cannot keep their names."""
    distinct = {element.name: element for element in lattice.elements}
    names = legal_names(distinct)
    return names, illegal_parameters(lattice, _septum_names(distinct.values(), names))


def madx_text(lattice: Lattice) -> str:
    """The text of the MAD-X file."""
    if lattice.batch is not None:
        raise LatticeError(f"lattice '{lattice.name}' has array parameters, which MAD-X cannot hold: take one case")
    names, renamed = _names(lattice)
    sequence = legal_names([lattice.name], names.values())[lattice.name]
    lattice = with_parameters_called(lattice, renamed)
    distinct = {element.name: element for element in lattice.elements}
    blocks = [
        [f"! lattice '{lattice.name}', written by hadron-optics"],
        [beam_text(lattice.particle)] if lattice.particle is not None else [],
        [f"! parameter '{name}' is called {here} here" for name, here in renamed.items()],
        list(_parameters(lattice)),
        [f"{parent}: {base};" for parent, base in _SEPTUM_PARENTS.items() if _has(distinct.values(), parent)],
        [line for name, element in distinct.items() for line in _element(element, names[name])],
        list(_beamline(lattice, sequence, names)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _has(elements: Iterable[Element], parent: str) -> bool:
    return any(_CLASSES.get(type(element)) == parent for element in elements)


# -- parameters --


def _parameters(lattice: Lattice) -> Iterator[str]:
    for name, value in lattice.parameters.definitions.items():
        if np.iscomplexobj(value):
            raise LatticeError(f"parameter '{name}' is complex, which MAD-X cannot hold")
        if isinstance(value, str):
            place = f"parameter '{name}'"
            yield f"{name} := {_expression(place, value)};"
        else:
            yield f"{name} = {value!r};"


def _expression(place: str, text: str) -> str:
    try:
        return madx_expression(text)
    except LatticeError as error:
        raise LatticeError(f"{place}: {error}") from None


# -- elements --


def _element(element: Element, name: str) -> Iterator[str]:
    if type(element) not in _CLASSES:
        raise LatticeError(
            f"{type(element).__name__} '{element.name}': MAD-X has no such element; write this lattice as JSON"
        )
    if isinstance(element, Translation) and element.aperture is not None:
        raise LatticeError(f"{element.where('aperture')}: MAD-X's TRANSLATION takes none; put it on a marker beside it")
    if name != element.name:
        yield f"! '{element.name}' is called {name} here"
    if isinstance(element, (ElectrostaticSeptum, MagneticSeptum)):
        yield from _septum_variables(element, name)
    parts = [f"{name}: {_class_of(element)}"]
    for attribute, value in _attributes(element).items():
        if isinstance(value, tuple) or value != 0.0 or attribute == "fintx":
            parts.append(_assignment(element, attribute, value))
    parts += [f"{flag}=true" for flag in element.flag_names() if getattr(element, flag)]
    yield ", ".join([*parts, *_aperture(element.aperture)]) + ";"


def _class_of(element: Element) -> str:
    """MAD-X's drifts have no aperture, its placeholders have and are drifts otherwise."""
    if isinstance(element, Drift) and element.aperture is not None:
        return "placeholder"
    kind = type(element)
    return _ONE_PLANE.get((kind, getattr(element, "plane", "both")), _CLASSES[kind])


def _attributes(element: Element) -> dict[str, Any]:
    """The element's strengths by MAD-X's attribute names, without what is not given."""
    values = {name: value for name, value in element.strengths().items() if value is not None and value != ()}
    if isinstance(element, (ElectrostaticSeptum, MagneticSeptum)):
        values = {"length": values["length"]}
    if isinstance(element, Kicker) and element.plane != "both":
        values["kick"] = values.pop("hkick" if element.plane == "x" else "vkick")
    if isinstance(element, Separator):
        values |= {name: times_power_of_ten(values[name], -6) for name in ("ex", "ey")}  # MV/m
    if isinstance(element, RFCavity):
        values |= {name: times_power_of_ten(values[name], -6) for name in ("volt", "freq")}  # MV, MHz
    return {"l" if name == "length" else name: value for name, value in values.items()}


def _septum_names(elements: Iterable[Element], names: Mapping[str, str]) -> set[str]:
    """Names of all variables that may say something of a septum."""
    septa = [element for element in elements if isinstance(element, (ElectrostaticSeptum, MagneticSeptum))]
    return {f"{names[septum.name]}.{attribute}" for septum in septa for attribute in SEPTUM}


def _septum_variables(element: Element, name: str) -> Iterator[str]:
    """What MAD-X cannot say of a septum, for people and for our reader."""
    for attribute in SEPTUM:
        value = getattr(element, attribute)
        if value != 0.0:
            yield f"{_assignment(element, attribute, value).replace(attribute, f'{name}.{attribute}', 1)};"


def _assignment(element: Element, attribute: str, value: Any) -> str:
    place = element.where(attribute)
    if isinstance(value, tuple):
        parts = [_expression(place, part) if isinstance(part, str) else repr(part) for part in value]
        return f"{attribute}:={{{', '.join(parts)}}}"
    return f"{attribute}:={_expression(place, value)}" if isinstance(value, str) else f"{attribute}={value!r}"


def _aperture(aperture: Aperture | None) -> list[str]:
    if aperture is None:
        return []
    sizes = [aperture.half_x, aperture.half_y, aperture.ellipse_x, aperture.ellipse_y]
    text = ", ".join(repr(float(size)) for size in sizes if size is not None)
    parts = [f"apertype={aperture.shape}", f"aperture={{{text}}}"]
    if aperture.offset_x or aperture.offset_y:
        parts.append(f"aper_offset={{{float(aperture.offset_x)!r}, {float(aperture.offset_y)!r}}}")
    return parts


# -- the sequence --


def _beamline(lattice: Lattice, name: str, names: dict[str, str]) -> Iterator[str]:
    varies = any(isinstance(getattr(element, "length", 0.0), str) for element in lattice.elements)
    if varies or lattice.length == 0:
        if varies:
            yield "! a line, not a sequence: some lengths are expressions, and positions would not follow them"
        members = [names[element.name] for element in lattice.elements]
        rows = ",\n  ".join(", ".join(members[at : at + 8]) for at in range(0, len(members), 8))
        yield f"{name}: line = (\n  {rows});"
        return
    yield f"{name}: sequence, refer=entry, l={float(lattice.length)!r};"
    for element, at in zip(lattice.elements, lattice.s, strict=False):
        yield f"  {names[element.name]}, at={float(at)!r};"
    yield "endsequence;"
