"""SVG made fit for a page: no scripts, no styles of its own, no links, names that belong to one figure only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from xml.etree import ElementTree

_SVG = "http://www.w3.org/2000/svg"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_DROPPED = {"metadata", "style", "script", "title"}
_DECIMALS = re.compile(r"(\d+\.\d\d)\d+")
_SPACES = re.compile(r"\s+")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def embeddable(svg: str, prefix: str, label: str, described: str = "") -> str:
    """An SVG file as an element of a page: ids begin with ``prefix``, coordinates have two decimals.

    Everything but drawing is dropped. A screen reader says ``label`` instead, and what the element of the id
    ``described`` tells of it.
    """
    root = ElementTree.fromstring(svg)  # drops comments, the doctype and processing instructions
    _drop(root)
    _join_dots(root)
    names = {id: f"{prefix}-{number}" for number, id in enumerate(sorted(_references(root)))}
    for element in root.iter():
        _rename(element, names)
        _shorten(element)
    _tighten(root)
    width, height = (float(root.attrib.pop(side).removesuffix("pt")) for side in ("width", "height"))
    root.attrib.clear()
    root.attrib.update({"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": label})
    root.attrib.update({"aria-describedby": described} if described else {})
    root.attrib.update({"stroke-linejoin": "round", "stroke-linecap": "butt"})
    ElementTree.register_namespace("", _SVG)
    return ElementTree.tostring(root, encoding="unicode")


def _drop(element: ElementTree.Element) -> None:
    for child in list(element):
        if child.tag.rsplit("}", 1)[-1] in _DROPPED:
            element.remove(child)
        else:
            _drop(child)


def _references(root: ElementTree.Element) -> set[str]:
    used: set[str] = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            if key in ("href", _XLINK_HREF):
                used.add(value.removeprefix("#"))
            used.update(_REFERENCE.findall(value))
    return used


def _rename(element: ElementTree.Element, names: Mapping[str, str]) -> None:
    """Ids that nothing refers to go; the others, and what refers to them, get short ones of this figure alone."""
    if "id" in element.attrib and element.attrib["id"] not in names:
        del element.attrib["id"]
    for key, value in list(element.attrib.items()):
        if key == "id":
            element.attrib[key] = names[value]
        elif key in ("href", _XLINK_HREF):
            del element.attrib[key]
            element.attrib["href"] = f"#{names[value.removeprefix('#')]}"
        else:
            element.attrib[key] = _REFERENCE.sub(lambda found: f"url(#{names[found[1]]})", value)


def _shorten(element: ElementTree.Element) -> None:
    for key in ("d", "x", "y", "width", "height", "transform", "points"):
        if key in element.attrib:
            element.attrib[key] = _SPACES.sub(" ", _DECIMALS.sub(r"\1", element.attrib[key])).strip()
    if "style" in element.attrib:
        element.attrib["style"] = element.attrib["style"].replace(": ", ":").replace("; ", ";")


def _tighten(element: ElementTree.Element) -> None:
    """Without the spaces between elements, and without groups that say nothing of what they hold."""
    children: list[ElementTree.Element] = []
    for child in element:
        _tighten(child)
        child.tail = None
        children += list(child) if child.tag == f"{{{_SVG}}}g" and not child.attrib else [child]
    element[:] = _gathered(children)
    if children or not (element.text or "").strip():
        element.text = None


_COMMON = ("clip-path", "style")
_OWN = re.compile(r"(?<![-\w])opacity:")  # of a group it is not that of each of its parts


def _gathered(children: Iterable[ElementTree.Element]) -> list[ElementTree.Element]:
    """Neighbours that look alike in one group that says how."""
    gathered: list[ElementTree.Element] = []
    for look, group in groupby(children, _looks):
        alike = list(group)
        if len(alike) > 1 and look:
            around = ElementTree.Element(f"{{{_SVG}}}g", dict(look))
            for one in alike:
                one.attrib = {key: value for key, value in one.attrib.items() if key not in _COMMON}
                around.append(one)
            alike = [around]
        gathered += alike
    return gathered


def _looks(element: ElementTree.Element) -> tuple[tuple[str, str], ...]:
    """What can be said of a group instead of its parts; nothing of what is moved or let shine through as a whole."""
    if "transform" in element.attrib or "id" in element.attrib or _OWN.search(element.get("style", "")):
        return ()
    return tuple((key, element.attrib[key]) for key in _COMMON if key in element.attrib)


# Dots are most of a drawing of particles. matplotlib writes a hundred letters a dot; as points of one path with round
# ends they take a dozen, and a reader draws them at once.
_CIRCLE = re.compile(r"M 0 ([\d.]+)\s+(?:C [-\d. e]+){8}z\s*")
_FILLED = re.compile(r"fill: (#[0-9a-f]{6})")


def _join_dots(root: ElementTree.Element) -> None:
    """Neighbouring filled circles of one size and colour become one path; what is open or translucent stays."""
    circles = ((path.get("id"), _CIRCLE.fullmatch(path.get("d", ""))) for path in root.iter(f"{{{_SVG}}}path"))
    radii = {f"#{id}": float(found[1]) for id, found in circles if id and found}
    for parent in list(root.iter()):
        for (circle, style), dots in [(look, list(group)) for look, group in groupby(parent, _look)]:
            color = _FILLED.fullmatch(style)
            if circle in radii and color and len(dots) > 1:
                _join(parent, dots, radii[circle], color[1])
    _forget(root, radii)


def _look(element: ElementTree.Element) -> tuple[str, str]:
    return element.get(_XLINK_HREF, ""), element.get("style", "")


def _forget(root: ElementTree.Element, circles: Iterable[str]) -> None:
    """Drop the circles that nothing shows any more."""
    gone = {circle.removeprefix("#") for circle in circles} - _references(root)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.get("id") in gone]:
            parent.remove(child)


def _join(parent: ElementTree.Element, dots: list[ElementTree.Element], radius: float, color: str) -> None:
    points = "".join(f"M{float(dot.get('x', 0)):.5g} {float(dot.get('y', 0)):.5g}h0" for dot in dots)
    style = f"fill: none; stroke: {color}; stroke-width: {2 * radius:g}; stroke-linecap: round"
    path = ElementTree.Element(f"{{{_SVG}}}path", {"d": points, "style": style})
    path.tail = dots[-1].tail
    parent.insert(list(parent).index(dots[0]), path)
    for dot in dots:
        parent.remove(dot)
