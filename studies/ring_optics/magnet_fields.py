"""Fields that the magnets need: normalised strengths times the magnetic rigidity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lattice import Bend, Element, InputError, Lattice, Quadrupole, Sextupole
from lattice.arrays import Array

Values = Callable[[Any], Any]


class Field(NamedTuple):
    """The strongest magnet of a kind: its field (T, T/m or T/m^2) and its name."""

    value: float
    element: str


def _bend_field(element: Element, value: Values) -> Any:
    if not isinstance(element, Bend):
        return None
    return np.abs(value(element.angle) / value(element.length) if element.k0 is None else value(element.k0))


def _gradient(element: Element, value: Values) -> Any:
    return np.hypot(value(element.k1), value(element.k1s)) if isinstance(element, Quadrupole) else None


def _sextupole(element: Element, value: Values) -> Any:
    return np.hypot(value(element.k2), value(element.k2s)) if isinstance(element, Sextupole) else None


_STRENGTHS: dict[str, tuple[str, Callable[[Element, Values], Any]]] = {
    "max_bend_field": ("bend", _bend_field),
    "max_gradient": ("quadrupole", _gradient),
    "sextupole_strength": ("sextupole", _sextupole),
}
FIELDS = tuple(_STRENGTHS)


def strongest(quantity: str, lattice: Lattice, rigidity: float) -> Field:
    """The largest field of one kind of magnet at a rigidity [T m]; InputError when there is no such magnet."""
    names, fields = _fields(quantity, lattice)
    place = int(np.argmax(fields[:, 0]))
    return Field(float(fields[place, 0]) * rigidity, names[place])


def largest_fields(quantity: str, lattice: Lattice, rigidity: float) -> Array:
    """The largest field of one kind of magnet in each lattice of a batch, (batch,)."""
    return np.asarray(_fields(quantity, lattice)[1].max(axis=0) * rigidity)


def _fields(quantity: str, lattice: Lattice) -> tuple[list[str], Array]:
    """Names and fields over rigidity (magnets, batch) of the distinct magnets of a kind."""
    kind, strength = _STRENGTHS[quantity]
    found = [(element.name, strength(element, lattice.value)) for element in lattice.unique_elements[0]]
    kept = [(name, field) for name, field in found if field is not None]
    if not kept:
        raise InputError(f"'{lattice.name}' has no {kind}")
    batch = lattice.batch or 1
    return [name for name, _ in kept], np.stack([np.broadcast_to(field, (batch,)) for _, field in kept])
