"""An isocentric gantry as a lattice: two bends of opposite angle, then one of 90 degrees, all in the gantry's plane.

With bends of radius rho that turn by alpha and back, a straight of length L between them and the last bend's end d
before the isocentre, the beam comes back to the axis of rotation where

    2 rho (1 - cos alpha) + L sin alpha = rho + d,

which is what the straight is made for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin

from lattice import Aperture, Bend, Drift, Element, InputError, Lattice, Marker, Quadrupole

_NAMES = ("entry", "sloped", "parallel")


@dataclass(frozen=True)
class Barrel:
    """What a gantry is made of; lengths in m.

    ``bend_radius`` of all three bends, ``bend_deg`` of the first two, ``face_deg`` of both pole faces of the last, the
    ``isocentre`` behind it; ``quadrupoles`` before the first bend, between the first two and before the last, each of
    ``quadrupole`` m, with ``gap`` between those before the bends and ``clear`` to the bends; ``parallel``: the straight
    before the last bend. ``strengths`` [m^-2] of all quadrupoles, in order. ``openings``: "quadrupole", "bend", "last".
    """

    bend_radius: float
    bend_deg: float
    face_deg: float
    isocentre: float
    parallel: float
    quadrupoles: Sequence[int]
    quadrupole: float
    gap: float
    clear: float
    strengths: Sequence[float]

    @property
    def sloped(self) -> float:
        """Straight between the first two bends [m], see the head of this module; InputError where there is no room."""
        alpha = radians(self.bend_deg)
        away = self.bend_radius + self.isocentre
        length = (away - 2 * self.bend_radius * (1 - cos(alpha))) / sin(alpha)
        if length < self.quadrupoles[1] * self.quadrupole:
            raise InputError(
                f"a gantry with bends of {self.bend_radius:g} m and the isocentre {self.isocentre:g} m behind the last "
                f"has {length:.3g} m between its first bends: no room for {self.quadrupoles[1]} quadrupoles"
            )
        return length


def barrel(design: Barrel, openings: Mapping[str, Aperture]) -> Lattice:
    """The gantry from its coupling point to the marker "isocentre".

    Its parameters: "g_k1" ... [m^-2]. InputError where quadrupoles and straights do not fit.
    """
    wanted = sum(design.quadrupoles)
    if len(design.quadrupoles) != len(_NAMES) or len(design.strengths) != wanted:
        raise InputError(
            f"a gantry has three straights with quadrupoles and a strength for each: found {list(design.quadrupoles)} "
            f"and {len(design.strengths)} strengths"
        )
    alpha, rho, size = radians(design.bend_deg), design.bend_radius, openings["bend"]
    face = radians(design.face_deg)
    elements = [
        *_straight(design, 0, openings["quadrupole"]),
        Bend("g_b1", length=rho * alpha, angle=alpha, aperture=size),
        *_straight(design, 1, openings["quadrupole"]),
        Bend("g_b2", length=rho * alpha, angle=-alpha, aperture=size),
        *_straight(design, 2, openings["quadrupole"]),
        Bend("g_b3", length=rho * pi / 2, angle=-pi / 2, e1=-face, e2=-face, aperture=openings["last"]),
        Drift("g_to_isocentre", length=design.isocentre, aperture=openings["last"]),
        Marker("isocentre"),
    ]
    return Lattice("gantry", elements=elements, parameters=_strengths(design))


def _strengths(design: Barrel) -> dict[str, float]:
    return {f"g_k{n}": float(value) for n, value in enumerate(design.strengths, 1)}


def _straight(design: Barrel, which: int, aperture: Aperture) -> list[Element]:
    """Drifts and quadrupoles of one straight, the drift behind the last quadrupole closing its length."""
    number, before = design.quadrupoles[which], sum(design.quadrupoles[:which])
    even = (design.sloped - number * design.quadrupole) / (number + 1)
    first, gap = (even, even) if which == 1 else (design.clear, design.gap)
    last = even if which == 1 else design.clear
    if which == 2:
        last = design.parallel - first - number * design.quadrupole - (number - 1) * gap
        if last < 0:
            raise InputError(
                f"the gantry's last straight of {design.parallel:g} m has no room for {number} quadrupoles"
            )
    elements: list[Element] = [Drift(f"g_{_NAMES[which]}_in", length=first, aperture=aperture)]
    for n in range(number):
        strength = f"g_k{before + n + 1}"
        elements.append(Quadrupole(f"g_q{before + n + 1}", length=design.quadrupole, k1=strength, aperture=aperture))
        name = f"g_{_NAMES[which]}_gap" if n < number - 1 else f"g_{_NAMES[which]}_out"
        elements.append(Drift(name, length=gap if n < number - 1 else last, aperture=aperture))
    return elements
