"""Maps that change the reference frame and leave the particle alone: rotations about y and x, translations.

As in ``element_maps``: coordinates (x, px, y, py, zeta, delta), exact in delta, symplectic, free of branches. A turn
about s is ``maps.roll``. Source: E. Forest, Beam Dynamics (Harwood 1998), chapter 10; signs are MAD-X's.
"""

from __future__ import annotations

from typing import Any

from optics.maps.element_maps import Coordinates, curved_body, drift


def turn_about_y(z: Coordinates, angle: Any, beta0: Any) -> Coordinates:
    """Into a frame turned by ``angle`` about y, s towards x, with a flight to its plane s = 0: px falls."""
    return curved_body(z, 0.0, -angle, 0.0, beta0)


def turn_about_x(z: Coordinates, angle: Any, beta0: Any) -> Coordinates:
    """Into a frame turned by ``angle`` about x, s towards -y, with a flight to its plane s = 0: py grows."""
    x, px, y, py, zeta, delta = z
    y, py, x, px, zeta, delta = curved_body((y, py, x, px, zeta, delta), 0.0, angle, 0.0, beta0)
    return x, px, y, py, zeta, delta


def translation(z: Coordinates, dx: Any, dy: Any, ds: Any, beta0: Any) -> Coordinates:
    """Into a frame displaced by (``dx``, ``dy``, ``ds``) [m], with a flight over ds that is no reference length."""
    x, px, y, py, zeta, delta = drift(z, ds, beta0)
    return x - dx, px, y - dy, py, zeta - ds, delta
