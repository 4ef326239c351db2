"""Builds a ring from its geometry file: groups of magnets at their places, drifts between, apertures over all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from lattice import Aperture, Element, InputError, Lattice
from lattice.building.parts import between_drifts
from lattice.elements import ELEMENT_KINDS
from lattice.errors import did_you_mean
from lattice.expressions.parsing import parse_expression
from machines.rings.files import GeometryFile, Group
from machines.tables import check_keys, record

_INSTRUMENT_PLANES = {"horizontal": "x", "vertical": "y"}


class Placed(NamedTuple):
    """An element and the position of its centre [m]."""

    element: Element
    centre: float


def build_ring(name: str, geometry: GeometryFile) -> Lattice:
    """The lattice of a geometry, strengths 0.

    Raises LatticeError where elements overlap, InputError for a kind, an attribute or an aperture that is not there.
    """
    check_keys(geometry.apertures, ("chamber",), "apertures")
    apertures = {key: Aperture("rectangle", x / 2, y / 2) for key, (x, y) in geometry.apertures.items()}
    placed = [item for group in geometry.groups() for item in _placed(group, geometry.aperture_of, apertures)]
    placed.sort(key=lambda item: (item.centre, item.element.name))
    places = [(item.centre, item.element) for item in placed]
    elements = tuple(between_drifts(places, geometry.length, "centre", "drift", apertures["chamber"]))
    return Lattice(name, elements=elements, parameters={**_strengths(elements), **geometry.parameters})


def _placed(group: Group, exceptions: Mapping[str, str], apertures: Mapping[str, Aperture]) -> Iterator[Placed]:
    for name, centre in group.at:
        opening = exceptions.get(name, group.aperture)
        if opening not in apertures:
            raise InputError(f"group '{group.name}': unknown aperture '{opening}'{did_you_mean(opening, apertures)}")
        yield Placed(_element(name, group, apertures[opening]), centre)


def _element(name: str, group: Group, aperture: Aperture) -> Element:
    if group.kind not in ELEMENT_KINDS:
        raise InputError(
            f"group '{group.name}': unknown kind '{group.kind}'{did_you_mean(group.kind, ELEMENT_KINDS) or '.'}"
            f" Known: {', '.join(ELEMENT_KINDS)}"
        )
    own = {key: v.format(name=name) if isinstance(v, str) else v for key, v in group.attributes.items()}
    if group.kind in ("monitor", "kicker") and group.plane is not None:
        own["plane"] = _INSTRUMENT_PLANES[group.plane]
    return record(ELEMENT_KINDS[group.kind], {"name": name, "aperture": aperture, **own}, f"group '{group.name}'")


def _strengths(elements: Iterable[Element]) -> dict[str, float]:
    """A parameter of value 0 for each name that a strength refers to."""
    texts = (value for element in elements for value in element.strengths().values() if isinstance(value, str))
    return dict.fromkeys((name for text in texts for name in parse_expression(text).names), 0.0)
