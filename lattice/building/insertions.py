"""Insertions of transfer lines, of quadrupoles with a strength each: a rotator for a gantry, a module of six.

A rotator makes the beam in a turning gantry the same at every angle: seven quadrupoles about a middle, whose map is +1
in x and -1 in y, on a frame that is turned by half the angle of the gantry. With S the turn of the frame by half the
angle,

    S diag(1, 1, -1, -1) S = diag(1, 1, -1, -1)

at every angle, so that the gantry sees the fixed line's x in its own x and y (mirrored) in its own y: sizes, emittances
and dispersion do not depend on the angle (M. Benedikt & C. Carli, Matching to gantries for medical synchrotrons,
Proc. PAC 1997).
"""

from __future__ import annotations

from lattice.element import Aperture
from lattice.elements import Drift, Element, Quadrupole, SRotation
from lattice.lattice import Lattice

#: Strengths [m^-2] of the quadrupoles from the end to the middle, for 0.4 m of length, 1.2 m between and 0.5 m outside.
STRENGTHS = {
    "rot_k1": 1.3804468605449,
    "rot_k2": -2.0190981182069,
    "rot_k3": 2.7946410518293,
    "rot_k4": -1.690036273667,
}
_NUMBER = 6  # quadrupoles: three free elements of a matrix of determinant one in each plane
_CELL = (1.2, -1.6, 1.6)  # m^-2: where a search begins, and from where it goes on


def rotator(
    *,
    length: float = 0.4,
    gap: float = 1.2,
    end: float = 0.5,
    angle: float | str = "gantry_angle",
    aperture: Aperture | None = None,
) -> Lattice:
    """Seven quadrupoles of ``length`` [m] with ``gap`` [m] between them and ``end`` [m] outside, on a turned frame.

    Its parameters: "rot_k1" ... "rot_k4" (see ``STRENGTHS``), and "gantry_angle" [rad] unless ``angle`` is another
    strength. What follows is in the frame of the gantry. For other lengths the strengths are to be found:
    ``optics.line.gantry.matched_rotator``.
    """
    names = ("rot_k1", "rot_k2", "rot_k3", "rot_k4", "rot_k3", "rot_k2", "rot_k1")
    half = f"0.5*({angle})"
    body: list[Element] = [Drift("rotator_end", length=end, aperture=aperture)]
    for number, name in enumerate(names, 1):
        body.append(Quadrupole(f"rotator_q{number}", length=length, k1=name, aperture=aperture))
        if number < len(names):
            body.append(Drift("rotator_gap", length=gap, aperture=aperture))
    body.append(body[0])
    turns = SRotation("rotator_in", angle=half), SRotation("rotator_out", angle=half)
    own = {"gantry_angle": 0.0} if angle == "gantry_angle" else {}
    return Lattice("rotator", elements=(turns[0], *body, turns[1]), parameters={**STRENGTHS, **own})


def module(
    name: str,
    *,
    length: float = 0.4,
    gap: float = 1.0,
    end: float = 0.5,
    aperture: Aperture | None = None,
) -> Lattice:
    """Six quadrupoles of ``length`` [m], ``gap`` [m] between them and ``end`` [m] outside.

    Its parameters: "k_<name>_1" ... "k_<name>_6" [m^-2], six supplies.
    """
    strengths = {f"k_{name}_{n}": _CELL[(n - 1) % 3] for n in range(1, _NUMBER + 1)}
    body: list[Element] = [Drift(f"{name}_end", length=end, aperture=aperture)]
    for number, strength in enumerate(strengths, 1):
        body.append(Quadrupole(f"{name}_q{number}", length=length, k1=strength, aperture=aperture))
        if number < _NUMBER:
            body.append(Drift(f"{name}_gap", length=gap, aperture=aperture))
    return Lattice(name, elements=(*body, body[0]), parameters=strengths)
