"""A lattice as an Xsuite line, with parameters and expressions alive in it.

All bodies are exact: bends ("bend-kick-bend") with full or linear fringe, drifts, and kicks between exact drifts in
quadrupoles, sextupoles, octupoles and correctors; quadrupole fringes are off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import xtrack as xt

from lattice import InputError, Lattice, ReferenceParticle
from lattice.lattice import checked_lattice
from optics.engines.xsuite import elements as xsuite_elements
from optics.engines.xsuite.elements import KICKS
from optics.engines.xsuite.expressions import deferred
from optics.engines.xsuite.faces import face_names, faces
from optics.engines.xsuite.reader import METADATA, limit_names, metadata_of
from optics.maps.lattices.checked import checked_fringe


def to_xsuite(
    lattice: Lattice,
    particle: ReferenceParticle | None = None,
    fringe: str = "full",
    *,
    apertures: bool = False,
    quadrupole_kicks: int = KICKS,
    sextupole_kicks: int = KICKS,
) -> xt.Line:
    """Xsuite line with the same elements, names and positions; parameters and expressions stay live in it.

    ``fringe`` ("full" or "linear") is that of the bends. ``quadrupole_kicks``: kicks between exact drifts in each
    quadrupole, ``sextupole_kicks`` in each sextupole, octupole and corrector, by an integrator of sixth order in slices
    of seven: fewer are faster and less exact (14 and 7: half the time, 3e-5 of a stable area).
    ``apertures=True`` adds a limit element before and after every element that has an aperture (named
    ``<element>_aperture_in`` and ``_out``). A parameter that bears the name of an element is called ``<name>_value`` in
    the line; an expression with a function Xsuite lacks (min, max, asinh ...) becomes its number.

    Returns:
        xtrack.Line with ``particle`` (default: the lattice's own) as its reference.

    Raises:
        InputError: an array of lattices, an unknown fringe.
        LatticeError: an element Xsuite cannot express (the gap of a linac cell).

    Example:
        >>> from machines.cnao_like import cnao
        >>> print(round(to_xsuite(cnao()).get_length(), 3))  # doctest: +SKIP
        77.648
    """
    model = xsuite_elements.Model(checked_fringe(fringe), quadrupole_kicks, sextupole_kicks)
    if checked_lattice(lattice, "to_xsuite").batch is not None:
        raise InputError(f"lattice '{lattice.name}' holds {lattice.batch} lattices in one; take one of them first")
    writer = _Writer(lattice, xt.Environment(), variable_names(lattice))
    writer.define()
    for element in {element.name: element for element in lattice.elements}.values():
        exact = lattice.resolved(element) if xsuite_elements.needs_numbers(element) else element
        writer.place(element.name, *xsuite_elements.describe(exact, model))
        for name, face in faces(element, fringe).items():
            writer.place(name, *face)
        if apertures and element.aperture is not None:
            limit = xsuite_elements.describe_aperture(element.aperture)
            for name in limit_names(element.name):
                writer.place(name, *limit)
    names = [name for part in components(lattice, fringe, apertures) for name in part]
    line = writer.environment.new_line(components=names)
    line.metadata[METADATA] = metadata_of(lattice, writer.variables)
    reference = particle or lattice.particle
    if reference is not None:
        line.particle_ref = reference_of(reference)
    return line


def reference_of(reference: ReferenceParticle) -> xt.Particles:
    """The reference particle of a line."""
    return xt.Particles(mass0=reference.mass, q0=reference.charge, p0c=reference.momentum)


def components(lattice: Lattice, fringe: str, apertures: bool) -> Iterator[tuple[str, ...]]:
    """What stands in the line for each element: limits, pole faces, the element."""
    for element in lattice.elements:
        acting = faces(element, fringe)
        entrance, exit_ = face_names(element.name)
        names = [name for name in (entrance, element.name, exit_) if name == element.name or name in acting]
        before, after = limit_names(element.name)
        yield (before, *names, after) if apertures and element.aperture is not None else tuple(names)


def line_elements(lattice: Lattice, fringe: str, apertures: bool) -> list[int]:
    """For each element of the line that ``to_xsuite`` makes: the index of the lattice's element it belongs to."""
    parts = enumerate(components(lattice, checked_fringe(fringe), apertures))
    return [index for index, names in parts for _ in names]


def variable_names(lattice: Lattice) -> dict[str, str]:
    """What each parameter of the lattice is called in the line."""
    elements = {element.name for element in lattice.elements}
    return {name: f"{name}_value" if name in elements else name for name in lattice.parameters}


@dataclass(frozen=True)
class _Writer:
    """Puts parameters and elements into an environment, expressions as Xsuite's deferred ones."""

    lattice: Lattice
    environment: xt.Environment
    variables: Mapping[str, str]

    def define(self) -> None:
        definitions = self.lattice.parameters.definitions
        for name, value in self.lattice.parameters.items():
            self.environment.vars[self.variables[name]] = float(value)
        for name, definition in definitions.items():
            if isinstance(definition, str):
                self._set(self.environment.vars, self.variables[name], definition)

    def place(self, name: str, kind: str, fields: Mapping[str, Any]) -> None:
        """Create one element with numbers, then attach the expressions."""
        numbers = {field: value if field in _WORDS else self._number(value) for field, value in fields.items()}
        self.environment.elements[name] = getattr(xt, kind)(**numbers)
        for field, value in fields.items():
            for index, part in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(part, str) and field not in _WORDS:
                    self._attach(name, field, index if isinstance(value, list) else None, part)

    def _number(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.lattice.value(part) for part in value]
        return self.lattice.value(value) if isinstance(value, str) else value

    def _attach(self, name: str, field: str, index: int | None, text: str) -> None:
        target = self.environment.ref[name]
        if index is None:
            self._set(_Attributes(target), field, text)
        else:
            self._set(getattr(target, field), index, text)

    def _set(self, place: Any, key: Any, text: str) -> None:
        """Attach the expression; where Xsuite cannot hold it the number that stands there stays."""
        variables = {ours: self.environment.vars[theirs] for ours, theirs in self.variables.items()}
        expression = deferred(text, variables, self.environment.functions)
        if expression is not None:
            place[key] = expression


@dataclass(frozen=True)
class _Attributes:
    """Attributes of a reference, written as items."""

    target: Any

    def __setitem__(self, field: str, expression: Any) -> None:
        setattr(self.target, field, expression)


#: Fields of Xsuite's elements whose values are words, not expressions.
_WORDS = {"model", "integrator", "edge_entry_model", "edge_exit_model"}
