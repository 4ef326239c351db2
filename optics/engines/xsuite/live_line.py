"""An Xsuite line that stands in memory as a lattice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xtrack as xt

from lattice import InputError, Lattice
from optics.engines.xsuite import recovering
from optics.engines.xsuite.reader import lattice_of
from optics.engines.xsuite.source import Place, SourceElement


def from_xsuite(line: xt.Line) -> Lattice:
    """Lattice with the elements, variables and expressions of an Xsuite line, and its reference particle.

    Tracking models are not part of a lattice and are not read. A file of Xsuite is read, without evaluating it, by
    ``read_xsuite_json`` of ``optics.engines.xsuite.files``.

    Returns:
        Lattice, in m, rad, m^-n, V and Hz; the energy of its particle in eV.

    Raises:
        LatticeError: an element, or a field of one, that cannot be carried over (misalignments, field errors, sliced
            elements): nothing is dropped silently.
        InputError: something else than a line.

    Example:
        >>> from machines.cnao_like import cnao
        >>> from optics import to_xsuite
        >>> print(round(from_xsuite(to_xsuite(cnao())).length, 3))  # doctest: +SKIP
        77.648
    """
    if not hasattr(line, "element_names"):
        raise InputError(
            f"from_xsuite takes an xtrack.Line, found {line!r:.60}: a file is read by read_xsuite_json of "
            "optics.engines.xsuite.files"
        )
    return lattice_of(_LiveLine(line))


@dataclass(frozen=True)
class _LiveLine:
    """A line that stands in memory, as a ``Source``."""

    line: xt.Line

    @property
    def name(self) -> str | None:
        return getattr(self.line, "name", None)

    @property
    def element_names(self) -> Sequence[str]:
        return list(self.line.element_names)

    @property
    def metadata(self) -> Any:
        return self.line.metadata

    @property
    def particle(self) -> tuple[float, float, float] | None:
        found = self.line.particle_ref
        return None if found is None else (float(found.mass0), float(found.q0), float(found.p0c[0]))

    @property
    def variables(self) -> Sequence[str]:
        return list(self.line.vars.keys())

    def variable(self, name: str) -> tuple[float, str | None]:
        found = self.line.vars[name]
        return float(found._value), _expression(found)

    def element(self, name: str) -> SourceElement:
        element, ref = self.line.get(name), self.line.ref[name]
        kind = type(element).__name__
        recovering.check_known(name, kind)
        fields = fields_of(element)
        expressions = {place: text for place in _places(fields) if (text := _expression(_part(ref, place))) is not None}
        return SourceElement(kind, fields, expressions)


def fields_of(element: Any) -> dict[str, Any]:
    """All fields of an element of Xsuite's as numbers, lists of numbers and words."""
    names = [field for field in getattr(element, "_xofields", {}) if not field.startswith("_")]
    return {field: _plain(getattr(element, field)) for field in names}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return [float(part) for part in value] if np.ndim(value) else float(value)


def _places(fields: Mapping[str, Any]) -> Iterator[Place]:
    for field, value in fields.items():
        yield from ((field, index) for index in range(len(value))) if isinstance(value, list) else ((field, None),)


def _part(ref: Any, place: Place) -> Any:
    field, index = place
    return getattr(ref, field) if index is None else getattr(ref, field)[index]


def _expression(ref: Any) -> str | None:
    return None if ref._expr is None else str(ref._expr)
