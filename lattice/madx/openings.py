"""The apertures of MAD-X elements: APERTYPE and APERTURE, and the sizes of collimators."""

from __future__ import annotations

from lattice.elements import Aperture
from lattice.errors import LatticeError
from lattice.madx.values import Values

_ROUND = {"circle": "ellipse", "rectcircle": "rectellipse", "lhcscreen": "rectellipse"}
_UNREAD = ("racetrack", "octagon")  # shapes that are not held; any other word names a file
_SIZES = {"circle": 1, "ellipse": 2, "rectangle": 2, "rectcircle": 3, "lhcscreen": 3, "rectellipse": 4}


def aperture(v: Values) -> Aperture | None:
    """The opening of an element; None where no sizes are given, and (noted) where it has a shape we cannot hold."""
    sizes = [float(size) for size in v.given.get("aperture", ())]
    shape = str(v.given.get("apertype", "circle")).lower()
    if shape not in _SIZES and shape not in _UNREAD:
        v.note(f"the aperture of '{v.name}' is not read: apertype '{shape}' names a file; give a shape and sizes")
        return None
    if not any(sizes):
        return None
    if shape not in _SIZES or len(sizes) < _SIZES[shape] or 0.0 in sizes[: _SIZES[shape]]:
        v.note(f"the aperture of '{v.name}' is not read: apertype '{shape}' with {len(sizes)} sizes")
        return None
    x, y = _pair(v.given.get("aper_offset", ()))
    half_x, half_y, *ellipse = _half_sizes(shape, sizes)
    return Aperture(_ROUND.get(shape, shape), half_x, half_y, x, y, *ellipse)


def _half_sizes(shape: str, sizes: list[float]) -> list[float]:
    if shape == "circle":
        return [sizes[0], sizes[0]]
    if shape in ("rectcircle", "lhcscreen"):
        return [sizes[0], sizes[1], sizes[2], sizes[2]]
    return sizes[: _SIZES[shape]]


def opening(v: Values, shape: str) -> Aperture | None:
    """The opening of a collimator that gives xsize and ysize; None where they are 0."""
    half_x, half_y = v["xsize"], v["ysize"]
    if isinstance(half_x, float) and isinstance(half_y, float):
        return Aperture(shape, half_x, half_y) if half_x and half_y else None
    raise LatticeError(f"the opening of '{v.name}' must be numbers, found '{half_x}' and '{half_y}'")


def _pair(values: tuple[float, ...]) -> tuple[float, float]:
    x, y = (*values, 0.0, 0.0)[:2]
    return float(x), float(y)
