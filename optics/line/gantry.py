"""A rotator: what makes the beam in a turning gantry the same at every angle.

Seven quadrupoles about a middle, whose map is +1 in x and -1 in y, stand on a frame that is turned by half the angle of
the gantry. With S the turn of the frame by half the angle,

    S diag(1, 1, -1, -1) S = diag(1, 1, -1, -1)

at every angle, so that the gantry sees the fixed line's x in its own x and y (mirrored) in its own y: sizes, emittances
and dispersion do not depend on the angle (M. Benedikt & C. Carli, Matching to gantries for medical synchrotrons,
Proc. PAC 1997).
"""

from __future__ import annotations

from lattice import Aperture, Drift, Element, Lattice, NoSolution, Quadrupole, ReferenceParticle, SRotation
from optics.linear.moments import Moments
from optics.matching.matching import match
from optics.matching.targets import Target, Vary

#: Strengths [m^-2] of the quadrupoles from the end to the middle, for 0.4 m of length, 1.2 m between and 0.5 m outside.
STRENGTHS = {
    "rot_k1": 1.3804468605449,
    "rot_k2": -2.0190981182069,
    "rot_k3": 2.7946410518293,
    "rot_k4": -1.690036273667,
}
_INSIDE = ("rotator_in:end", "rotator_out")
_LARGEST = 6.0  # m^-2
_TOLERANCE = 1e-11


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
    ``matched_rotator``.
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


def matched_rotator(line: Lattice, particle: ReferenceParticle) -> Lattice:
    """The rotator (or a line that holds one) with the strengths at which its body is +1 in x and -1 in y.

    Raises NoSolution where there are none, with what is missed.
    """
    begin = Moments.from_functions(particle, {"betx": 5.0, "bety": 5.0}, emittance_x=1e-6, emittance_y=1e-6)
    goals = {"r11": 1.0, "r12": 0.0, "r21": 0.0, "r33": -1.0, "r34": 0.0, "r43": 0.0}
    targets = [Target(name, goal, between=_INSIDE, tolerance=_TOLERANCE) for name, goal in goals.items()]
    vary = [Vary(name, -_LARGEST, _LARGEST) for name in STRENGTHS]
    found = match(line, particle, vary=vary, targets=targets, start=begin)
    if not found.success:
        raise NoSolution(f"the rotator of '{line.name}' is not +1 in x and -1 in y: {found.message}")
    return found.lattice
