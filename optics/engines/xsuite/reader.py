"""What a lattice needs to know of an Xsuite line: elements, expressions, particle. Does not import Xsuite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from lattice import Aperture, Bend, Element, Kicker, Lattice, Monitor, ReferenceParticle, Species
from lattice.elements import ELEMENT_KINDS
from lattice.parameters import parse_expression
from lattice.reference import SPECIES
from optics.engines.xsuite import elements as xsuite_elements
from optics.engines.xsuite.expressions import text_of
from optics.engines.xsuite.faces import face_names

#: Where a line keeps what Xsuite has no place for: kinds that track as drifts, names of parameters.
METADATA = "hadron_optics"


_FRAMES = ("srotation", "xrotation", "yrotation", "translation")
_INERT_WITHOUT_STRENGTHS = ("drift", "marker", "kicker", "multipole", *_FRAMES)


def metadata_of(lattice: Lattice, variables: Mapping[str, str]) -> dict[str, Any]:
    """What a line has to remember so that reading it gives the same lattice; ``variables``: our name to Xsuite's."""
    return {
        "name": lattice.name,
        "parameters": dict(variables),
        "kinds": {element.name: _kind(element) for element in lattice.elements if _is_inert(element)},
        "planes": {e.name: plane for e in lattice.elements if (plane := getattr(e, "plane", "both")) != "both"},
        "faces": {e.name: {"h1": e.h1, "h2": e.h2} for e in lattice.elements if isinstance(e, Bend)},
        "apertures": {e.name: asdict(e.aperture) for e in lattice.elements if e.aperture is not None},
    }


def limit_names(name: str) -> tuple[str, str]:
    """Names of the limit elements before and after the element ``name``."""
    return f"{name}_aperture_in", f"{name}_aperture_out"


def _kind(element: Element) -> dict[str, Any]:
    strengths = {name: value for name, value in element.strengths().items() if value is not None}
    return {"kind": element.kind, **strengths}


def _is_inert(element: Element) -> bool:
    """True for what tracks as a drift or a marker: Xsuite forgets which kind it was."""
    if element.kind in ("monitor", "collimator", "electrostaticseptum", "magneticseptum"):
        return True
    if element.kind in ("thinsolenoid", "separator"):  # one that acts has no counterpart in Xsuite
        return True
    return element.kind in _INERT_WITHOUT_STRENGTHS and not any(
        value for name, value in element.strengths().items() if name != "length"
    )


def lattice_of(line: Any) -> Lattice:
    """Lattice of an Xsuite line; LatticeError naming what cannot be carried over."""
    reader = _LineReader(line)
    elements = [reader.element(name) for name in line.element_names if name not in reader.limits]
    return Lattice(reader.name, elements=elements, parameters=reader.parameters, particle=_reference(line))


def _reference(line: Any) -> ReferenceParticle | None:
    if line.particle_ref is None or not float(line.particle_ref.p0c[0]) > 0.0:
        return None
    mass, charge = float(line.particle_ref.mass0), round(float(line.particle_ref.q0))
    return ReferenceParticle.from_momentum(_species(mass, charge), float(line.particle_ref.p0c[0]))


def _species(mass: float, charge: int) -> Species:
    """The known species of this charge and mass (codes differ by 1e-8 in their constants), or a nameless one."""
    for known in SPECIES.values():
        if known.charge == charge and abs(known.mass / mass - 1) < 1e-6:
            return known
    return Species("particle", mass, charge, nucleons=max(1, round(mass / 931.494e6)))


class _LineReader:
    """Reads elements as numbers or expressions and remembers which variables they use."""

    def __init__(self, line: Any) -> None:
        self.line = line
        metadata = line.metadata.get(METADATA, {})
        self.name = metadata.get("name") or getattr(line, "name", None) or "line"
        self.kinds: Mapping[str, Any] = metadata.get("kinds", {})
        self.planes: Mapping[str, str] = metadata.get("planes", {})
        self.apertures: Mapping[str, Any] = metadata.get("apertures", {})
        self.faces: Mapping[str, Any] = metadata.get("faces", {})
        self.limits = {limit for name in self.apertures for limit in limit_names(name)}
        self.limits |= {face for name in self.faces for face in face_names(name)}
        self.variables = {name.lower(): name for name in list(line.vars.keys())}
        self.variables.update(metadata.get("parameters", {}))
        self.parameters: dict[str, Any] = {}
        self.read: dict[str, Element] = {}
        for name in metadata.get("parameters", {}):
            self._use(name)

    def element(self, name: str) -> Element:
        if name not in self.read:
            element = self.line.get(name)
            kind = type(element).__name__
            xsuite_elements.check_known(name, kind)
            found = xsuite_elements.recover(name, kind, self._fields(element, self.line.ref[name]))
            self.read[name] = self._restored(found)
        return self.read[name]

    def _fields(self, element: Any, ref: Any) -> dict[str, Any]:
        names = [field for field in getattr(element, "_xofields", {}) if not field.startswith("_")]
        return {field: self._value(getattr(element, field), getattr(ref, field)) for field in names}

    def _value(self, value: Any, ref: Any) -> Any:
        if isinstance(value, str):
            return value
        if np.ndim(value):
            return [self._strength(ref[index], float(part)) for index, part in enumerate(value)]
        return self._strength(ref, float(value))

    def _strength(self, ref: Any, number: float) -> Any:
        """The expression behind a value in our grammar, or the number where it cannot be told in it."""
        text = None if ref._expr is None else text_of(str(ref._expr), {v: k for k, v in self.variables.items()})
        if text is None:
            return number
        for name in sorted(parse_expression(text).names):
            self._use(name)
        return text

    def _use(self, name: str) -> None:
        if name in self.variables and name not in self.parameters:
            ref = self.line.vars[self.variables[name]]
            self.parameters[name] = float(ref._value)
            self.parameters[name] = self._strength(ref, float(ref._value))

    def _restored(self, element: Element) -> Element:
        """With its aperture, plane and, where inert, the kind it had before it went to Xsuite, at its length of now."""
        known = dict(self.kinds.get(element.name, {}))
        kind = ELEMENT_KINDS.get(known.pop("kind", ""))
        if kind is not None and _is_inert(element):
            if "length" in known:
                known["length"] = element.strengths().get("length", 0.0)
            element = kind(element.name, **known)
        if element.name in self.planes and isinstance(element, (Kicker, Monitor)):
            element = replace(element, plane=self.planes[element.name])
        if isinstance(element, Bend):
            element = replace(element, **self.faces.get(element.name, {}))
        aperture = self.apertures.get(element.name)
        return element if aperture is None else replace(element, aperture=Aperture(**aperture))
