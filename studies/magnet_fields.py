"""Fields that the magnets need: normalised strengths times the magnetic rigidity."""

from __future__ import annotations

from collections.abc import Callable
from math import hypot
from typing import NamedTuple

from lattice import Bend, Element, InputError, Lattice, Quadrupole, Sextupole


class Field(NamedTuple):
    """The strongest magnet of a kind: its field (T, T/m or T/m^2) and its name."""

    value: float
    element: str


def _bend_field(element: Element) -> float | None:
    if not isinstance(element, Bend):
        return None
    curvature = float(element.angle) / float(element.length) if element.k0 is None else float(element.k0)
    return abs(curvature)


def _gradient(element: Element) -> float | None:
    return hypot(float(element.k1), float(element.k1s)) if isinstance(element, Quadrupole) else None


def _sextupole(element: Element) -> float | None:
    return hypot(float(element.k2), float(element.k2s)) if isinstance(element, Sextupole) else None


_STRENGTHS: dict[str, tuple[str, Callable[[Element], float | None]]] = {
    "max_bend_field": ("bend", _bend_field),
    "max_gradient": ("quadrupole", _gradient),
    "sextupole_strength": ("sextupole", _sextupole),
}


def strongest(quantity: str, lattice: Lattice, rigidity: float) -> Field:
    """The largest field of one kind of magnet at a rigidity [T m]; InputError when there is no such magnet."""
    kind, strength = _STRENGTHS[quantity]
    found = [
        Field(value * rigidity, element.name)
        for element in map(lattice.resolved, lattice.unique_elements[0])
        if (value := strength(element)) is not None
    ]
    if not found:
        raise InputError(f"'{lattice.name}' has no {kind}")
    return max(found)
