"""Magnets of a lattice: the fields that they need (normalised strength times rigidity), and their families.

A family is what one free parameter sets: quadrupoles or sextupoles on one supply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from lattice import Bend, Element, InputError, Lattice, Quadrupole, Sextupole
from lattice.arrays import Array
from optics.selection import free_parameters, parameters_of

Values = Callable[[Any], Any]

_COUNTED = (Bend, Quadrupole)
_LINEAR = 1e-9  # of the slope: what rounding may bend a strength that is linear in its parameter


class Field(NamedTuple):
    """The strongest magnet of a kind: its field (T, T/m or T/m^2) and its name."""

    value: float
    element: str


def _bend_field(element: Element, value: Values) -> Any:
    if not isinstance(element, Bend):
        return None
    return np.abs(value(element.angle) / value(element.length) if element.k0 is None else value(element.k0))


def _gradient(element: Element, value: Values) -> Any:
    if isinstance(element, Bend) and element.k1 != 0.0:
        return np.abs(value(element.k1))
    return np.hypot(value(element.k1), value(element.k1s)) if isinstance(element, Quadrupole) else None


def _sextupole(element: Element, value: Values) -> Any:
    return np.hypot(value(element.k2), value(element.k2s)) if isinstance(element, Sextupole) else None


_STRENGTHS: dict[str, tuple[str, Callable[[Element, Values], Any]]] = {
    "max_bend_field": ("bend", _bend_field),
    "max_gradient": ("quadrupole", _gradient),
    "sextupole_strength": ("sextupole", _sextupole),
}
#: The kind of magnet of each field.
FIELDS = {quantity: kind for quantity, (kind, _) in _STRENGTHS.items()}


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


def magnet_count(lattice: Lattice, ring: bool) -> int:
    """How many bends and quadrupoles there are: parts that touch, of one kind and strength, are one magnet.

    Of a ``ring`` the last element touches the first. Between parts may stand what has no length (markers, monitors).

    >>> from lattice import Drift, Lattice, Marker, Quadrupole
    >>> half, gap = Quadrupole("q", length=0.2, k1=0.5), Drift("d", length=1.0)
    >>> magnet_count(Lattice("cell", elements=[half, gap, half, Marker("m"), half, gap, half]), ring=False)
    3
    >>> magnet_count(Lattice("cell", elements=[half, gap, half, Marker("m"), half, gap, half]), ring=True)
    2
    """
    value = lattice.value
    bodies = [element for element in lattice.elements if np.any(value(getattr(element, "length", 0.0)))]
    before = bodies[-1:] if ring and len(bodies) > 1 else []
    counted = sum(isinstance(one, _COUNTED) for one in bodies)
    return counted - sum(_one_magnet(a, b, value) for a, b in pairwise([*before, *bodies]))


def _one_magnet(a: Element, b: Element, value: Values) -> bool:
    """True of two parts of one magnet, one behind the other."""
    if not (isinstance(a, _COUNTED) and type(a) is type(b)):
        return False
    return bool(np.allclose(_strengths(a, value), _strengths(b, value), rtol=_LINEAR, atol=0.0))


def _strengths(magnet: Element, value: Values) -> Array:
    """Curvature (of a bend), gradient and skew gradient."""
    if isinstance(magnet, Bend):
        return np.stack(np.broadcast_arrays(value(magnet.angle) / value(magnet.length), value(magnet.k1)))
    assert isinstance(magnet, Quadrupole)
    return np.stack(np.broadcast_arrays(value(magnet.k1), value(magnet.k1s)))


# -------------------------------------------------------------------------------------------------------- families


class Family(NamedTuple):
    """What a parameter sets: magnets whose field is in ``unit``, and their strength per unit of the parameter."""

    unit: str
    per_setting: float


def family_of(lattice: Lattice, parameter: str) -> Family | None:
    """What a parameter sets, the strongest magnet counts; None when it sets no quadrupole or sextupole.

    InputError for a strength that is not linear in the parameter, or a parameter that depends on others.
    """
    trial = lattice.with_parameters({parameter: np.array([0.0, 1.0, 2.0])})
    found = Family("", 0.0)
    for unit, written in _written_strengths(lattice):
        values = np.broadcast_to(trial.value(written), (3,))
        slope = float(abs(values[1] - values[0]))
        if abs(values[2] - 2 * values[1] + values[0]) > _LINEAR * slope:
            raise InputError(f"'{parameter}' sets {written}, which is not linear in it: no circuit can be made of it")
        if slope > found.per_setting:
            found = Family(unit, slope)
    return found if found.unit else None


def _written_strengths(lattice: Lattice) -> Iterator[tuple[str, str]]:
    """Strengths that depend on parameters, with the unit of the field, quadrupoles first."""
    unique = lattice.unique_elements[0]
    written = [("T/m", k) for e in unique if isinstance(e, Quadrupole) for k in (e.k1, e.k1s)]
    written += [("T/m^2", k) for e in unique if isinstance(e, Sextupole) for k in (e.k2, e.k2s)]
    yield from ((unit, k) for unit, k in dict.fromkeys(written) if isinstance(k, str))


def magnet_families(lattice: Lattice) -> dict[str, str]:
    """Free parameters that set quadrupoles or sextupoles, in the order of the lattice, and the kind that they set.

    A parameter counts whether a strength is written in it or in another that depends on it.
    """
    found: dict[str, str] = {}
    for element in lattice.unique_elements[0]:
        if isinstance(element, (Quadrupole, Sextupole)):
            for name in free_parameters(lattice, parameters_of(element)):
                found.setdefault(name, element.kind)
    return found
