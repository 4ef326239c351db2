"""What a lattice needs to know of an Xsuite line: elements, expressions, particle. Does not import Xsuite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from lattice import (
    Aperture,
    Bend,
    Element,
    FileError,
    Kicker,
    Lattice,
    LatticeError,
    Monitor,
    ReferenceParticle,
    Species,
)
from lattice.elements import ELEMENT_KINDS
from lattice.expressions.functions import CONSTANTS
from lattice.expressions.parsing import parse_expression
from lattice.reference import SPECIES
from optics.engines.xsuite import recovering
from optics.engines.xsuite.expressions import text_of
from optics.engines.xsuite.faces import face_names
from optics.engines.xsuite.source import Source, SourceElement

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


def lattice_of(source: Source) -> Lattice:
    """Lattice of an Xsuite line; LatticeError naming what cannot be carried over."""
    reader = _LineReader(source)
    elements = [reader.element(name) for name in source.element_names if name not in reader.limits]
    return Lattice(
        reader.name,
        elements=elements,
        parameters=reader.parameters,
        particle=_reference(source.particle),
        warnings=reader.warnings,
    )


def _reference(particle: tuple[float, float, float] | None) -> ReferenceParticle | None:
    """The particle of mass [eV], charge [e] and momentum [eV/c]; None for one at rest."""
    if particle is None or not particle[2] > 0.0:
        return None
    mass, charge, momentum = particle
    if abs(charge - round(charge)) > 1e-9:
        raise LatticeError(f"particle_ref: the charge of a particle is a whole number here, found {charge:g}")
    return ReferenceParticle.from_momentum(_species(mass, round(charge)), momentum)


def _species(mass: float, charge: int) -> Species:
    """The known species of this charge and mass (codes differ by 1e-8 in their constants), or a nameless one."""
    for known in SPECIES.values():
        if known.charge == charge and abs(known.mass / mass - 1) < 1e-6:
            return known
    return Species("particle", mass, charge, nucleons=max(1, round(mass / 931.494e6)))


class _LineReader:
    """Reads elements as numbers or expressions and remembers which variables they use."""

    def __init__(self, source: Source) -> None:
        self.source = source
        metadata = _checked_metadata(source.metadata.get(METADATA, {}))
        self.name = metadata.get("name") or source.name or "line"
        self.kinds: Mapping[str, Any] = metadata.get("kinds", {})
        self.planes: Mapping[str, str] = metadata.get("planes", {})
        self.apertures: Mapping[str, Any] = metadata.get("apertures", {})
        self.faces: Mapping[str, Any] = metadata.get("faces", {})
        self.limits = {limit for name in self.apertures for limit in limit_names(name)}
        self.limits |= {face for name in self.faces for face in face_names(name)}
        constants = {name: name.lower() for name in source.variables if _is_constant(source, name)}
        self.variables = _by_our_names(name for name in source.variables if name not in constants)
        self.variables.update({name: (variable,) for name, variable in metadata.get("parameters", {}).items()})
        named = {variable: name for name, variables in self.variables.items() for variable in variables}
        self.names: Mapping[str, str] = {**constants, **named}
        self.parameters: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.read: dict[str, Element] = {}
        self._use(metadata.get("parameters", {}))

    def element(self, name: str) -> Element:
        if name not in self.read:
            found = self.source.element(name)
            fields = {field: self._value(name, found, field, value) for field, value in found.fields.items()}
            try:
                self.read[name] = self._restored(recovering.recover(name, found.kind, fields))
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                raise FileError(
                    f"element '{name[:60]}': its fields, or what metadata.{METADATA} says of it, make no {found.kind} "
                    f"({error})"
                ) from None
        return self.read[name]

    def _value(self, name: str, element: SourceElement, field: str, value: Any) -> Any:
        if isinstance(value, str):
            return value
        place = f"{element.kind} '{name}': {field}"
        if isinstance(value, list):
            deferred = [element.expressions.get((field, index)) for index in range(len(value))]
            return [self._strength(place, part, text) for part, text in zip(value, deferred, strict=True)]
        return self._strength(place, value, element.expressions.get((field, None)))

    def _strength(self, place: str, number: float, expression: str | None) -> Any:
        """The expression behind a value in our grammar, or the number where it cannot be told in it."""
        text = self._told(place, number, expression)
        if text is None:
            return number
        self._use(sorted(parse_expression(text).names))
        return text

    def _told(self, place: str, number: float, expression: str | None) -> str | None:
        text = None if expression is None else text_of(expression, self.names)
        if expression is not None and text is None:
            self.warnings.append(f"{place}: '{expression[:80]}' cannot be told here; its value {number:.9g} is taken")
        return text

    def _use(self, names: Iterable[str]) -> None:
        """Take variables, and those that they depend on, as parameters."""
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name in self.variables and name not in self.parameters:
                number, expression = self.source.variable(self._one(name))
                text = self._told(f"variable '{name}'", number, expression)
                self.parameters[name] = number if text is None else text
                waiting += [] if text is None else sorted(parse_expression(text).names)

    def _one(self, name: str) -> str:
        """Xsuite's name of the variable; names differ in more than their case here."""
        if len(self.variables[name]) > 1:
            same = " and ".join(f"'{variable}'" for variable in self.variables[name])
            raise LatticeError(f"variables {same} differ in case only, which makes no difference here: rename one")
        return self.variables[name][0]

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


def _by_our_names(variables: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Xsuite's variables by lower-case name; one that is called as a constant of ours is, with an underscore behind."""
    found: dict[str, tuple[str, ...]] = {}
    for variable in variables:
        name = variable.lower()
        name = f"{name}_" if name in CONSTANTS.keys() - {"e"} else name
        found[name] = (*found.get(name, ()), variable)
    return found


def _is_constant(source: Source, variable: str) -> bool:
    """True for a variable that is one of our constants, as those are that Xsuite's loader of MAD-X files sets."""
    name = variable.lower()
    return name in CONSTANTS.keys() - {"e"} and source.variable(variable) == (CONSTANTS[name], None)


def _checked_metadata(metadata: Any) -> Mapping[str, Any]:
    """What ``metadata_of`` wrote; FileError for what has another shape."""
    shapes = {"parameters": str, "kinds": dict, "planes": str, "faces": dict, "apertures": dict}
    name = metadata.get("name", "") if isinstance(metadata, Mapping) else None
    good = isinstance(name, str) and all(
        isinstance(metadata.get(key, {}), Mapping) and all(isinstance(v, kind) for v in metadata.get(key, {}).values())
        for key, kind in shapes.items()
    )
    if not good:
        raise FileError(f"metadata.{METADATA} is not as this toolkit writes it: take it out of the file")
    found: Mapping[str, Any] = metadata
    return found
