"""A rotator whose body is +1 in x and -1 in y: what makes the beam in a turning gantry the same at every angle.

What it does is told where it is built: ``lattice.building.insertions``.
"""

from __future__ import annotations

from lattice import Lattice, NoSolution, ReferenceParticle
from lattice.building.insertions import STRENGTHS, rotator
from optics.linear.moments import Moments
from optics.matching.matching import match
from optics.matching.targets import Target, Vary

__all__ = ["STRENGTHS", "matched_rotator", "rotator"]

_INSIDE = ("rotator_in:end", "rotator_out")
_LARGEST = 6.0  # m^-2
_TOLERANCE = 1e-11


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
