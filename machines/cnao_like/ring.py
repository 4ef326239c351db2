"""Builds a ring from its geometry file: groups of magnets at their places, drifts between, apertures over all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from lattice import Aperture, Drift, Element, Lattice, LatticeError
from lattice.elements import ELEMENT_KINDS
from lattice.parameters import parse_expression

_TOUCHING = 1e-8  # m; the source gives positions to ten digits, so neighbours may miss or overlap by a few 1e-9
_OWN_KEYS = ("kind", "at", "aperture", "role", "supply", "plane", "amperes_per_gradient")
_INSTRUMENT_PLANES = {"horizontal": "x", "vertical": "y"}


class Placed(NamedTuple):
    """An element and the position of its centre [m]."""

    element: Element
    centre: float


def build_ring(name: str, geometry: Mapping[str, Any]) -> Lattice:
    """Lattice of a geometry table (layout: cnao_ring.toml), strengths 0; LatticeError where elements overlap."""
    apertures = {key: Aperture("rectangle", x / 2, y / 2) for key, (x, y) in geometry["apertures"].items()}
    placed = [item for group in group_tables(geometry).values() for item in _placed(group, geometry, apertures)]
    placed.sort(key=lambda item: (item.centre, item.element.name))
    elements = tuple(_with_drifts(placed, geometry["length"], apertures["chamber"]))
    return Lattice(name, elements=elements, parameters={**_strengths(elements), **geometry["parameters"]})


def group_tables(geometry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The groups of a geometry table with ``at`` as a list of (element name, centre)."""
    return {name: {**group, "at": _positions(name, group["at"])} for name, group in geometry["group"].items()}


def _positions(group: str, at: Mapping[str, float] | list[float]) -> list[tuple[str, float]]:
    return list(at.items()) if isinstance(at, Mapping) else [(group, centre) for centre in at]


def _placed(group: Mapping[str, Any], geometry: Mapping[str, Any], apertures: Mapping[str, Aperture]) -> list[Placed]:
    exceptions = geometry.get("aperture_of", {})
    usual = group.get("aperture", "chamber")
    return [
        Placed(_element(name, group, apertures[exceptions.get(name, usual)]), centre) for name, centre in group["at"]
    ]


def _element(name: str, group: Mapping[str, Any], aperture: Aperture) -> Element:
    attributes = {key: value for key, value in group.items() if key not in _OWN_KEYS}
    written = {key: value.format(name=name) if isinstance(value, str) else value for key, value in attributes.items()}
    if group["kind"] in ("monitor", "kicker") and "plane" in group:
        written["plane"] = _INSTRUMENT_PLANES[group["plane"]]
    return ELEMENT_KINDS[group["kind"]](name, aperture=aperture, **written)


def _with_drifts(placed: Iterable[Placed], length: float, chamber: Aperture) -> Iterator[Element]:
    """The elements in order with drifts between them, the last one closing the ring."""
    end, number = 0.0, 0
    for element, centre in placed:
        own = float(getattr(element, "length", 0.0))
        gap = centre - own / 2 - end
        if gap < -_TOUCHING:
            raise LatticeError(f"'{element.name}' begins {-gap:.3g} m before the end of the element in front of it")
        if gap > _TOUCHING:
            number += 1
            yield Drift(f"drift_{number:02d}", length=gap, aperture=chamber)
            end += gap
        yield element
        end += own
    if length - end < -_TOUCHING:
        raise LatticeError(f"the elements are {end - length:.3g} m longer than the ring")
    if length - end > 0:
        yield Drift(f"drift_{number + 1:02d}", length=length - end, aperture=chamber)


def _strengths(elements: Iterable[Element]) -> dict[str, float]:
    """A parameter of value 0 for each name that a strength refers to."""
    texts = (value for element in elements for value in element.strengths().values() if isinstance(value, str))
    return dict.fromkeys((name for text in texts for name in parse_expression(text).names), 0.0)
