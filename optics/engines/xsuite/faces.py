"""Pole faces of bends for Xsuite: where they act to second order, a thin sextupole beside the bend stands for them.

Xsuite knows no curved faces, and its fringe of a gradient is that of a magnet with fourfold symmetry in the frame of
the turned face (3/4 of the x^2 - y^2 kick); ours (``edges.pole_face``) is that of a field that begins there.
"""

from __future__ import annotations

from math import cos, tan
from typing import Any

from lattice import Bend, Element

Described = tuple[str, dict[str, Any]]


def face_names(name: str) -> tuple[str, str]:
    """Names of the thin sextupoles before and after the bend ``name``."""
    return f"{name}_face_in", f"{name}_face_out"


def faces(element: Element, fringe: str) -> dict[str, Described]:
    """The thin sextupoles that stand for the second order of an element's pole faces, by their names."""
    if not isinstance(element, Bend) or fringe != "full":
        return {}
    ends = (
        (element.e1, element.h1, element.kill_ent_fringe),
        (element.e2, element.h2, element.kill_exi_fringe),
    )
    return {
        name: ("Multipole", {"knl": [0.0, 0.0, _strength(element, angle, curvature)], "rot_s_rad": element.tilt})
        for name, (angle, curvature, cut) in zip(face_names(element.name), ends, strict=True)
        if not cut and (curvature != 0.0 or (angle != 0.0 and element.k1 != 0.0))
    }


def edge_model(fringe: str, bend: Bend, cut: bool) -> str:
    """Xsuite's model of one edge."""
    if cut:
        return "suppressed"
    return "dipole-only" if fringe == "full" and (bend.k1 != 0.0 or bend.k2 != 0.0) else fringe


def _strength(bend: Bend, angle: Any, curvature: Any) -> Any:
    """K2 L = -(2 k1 tan(e) + k0 h / cos^3(e)), a number or an expression."""
    values = (bend.k1, angle, bend.k0, bend.angle, bend.length, curvature)
    if any(isinstance(value, str) for value in values):
        written = f"({bend.angle})/({bend.length})" if bend.k0 is None else f"({bend.k0})"
        return f"-(2*({bend.k1})*tan({angle}) + {written}*({curvature})/cos({angle})^3)"
    field = float(bend.angle) / float(bend.length) if bend.k0 is None else float(bend.k0)
    return -(2 * float(bend.k1) * tan(angle) + field * float(curvature) / cos(angle) ** 3)
