"""Modules of an extraction line after PIMMS: telescope, stepper and phase shifter, six quadrupoles each.

An extracted beam is a narrow bar in x and an ellipse in y. What a line does to its size at the isocentre is done by
modules with a job each: a telescope magnifies, a stepper changes the vertical beta function and nothing else, a phase
shifter turns the bar in phase space by the phase advance in x and changes no beta function (P. J. Bryant et al., PIMMS
Part II, CERN/PS 2000-007, the extraction lines). In each plane the matrix of a module is that of E. D. Courant & H. S.
Snyder, Ann. Phys. 3, 1 (1958), between two pairs of functions at a phase advance mu:

    R11 = sqrt(b2/b1) (cos mu + a1 sin mu),   R12 = sqrt(b1 b2) sin mu,
    R21 = -((1 + a1 a2) sin mu + (a2 - a1) cos mu) / sqrt(b1 b2),   R22 = sqrt(b1/b2) (cos mu - a2 sin mu).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin, sqrt
from typing import Any

import numpy as np

from lattice import InputError, Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from lattice.building.insertions import module
from optics.linear.moments import Moments
from optics.matching.matching import match
from optics.matching.targets import Target, Vary

__all__ = ["Passage", "matched_module", "module", "phase_shifter", "stepper", "telescope"]

_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Passage:
    """What a module does in one plane: functions ``beta`` [m] and ``alfa`` at its ends, ``phase`` advance [rad].

    >>> Passage((4.0, 4.0), (0.0, 0.0), 1.5707963267948966).matrix.round(9).tolist()
    [[0.0, 4.0], [-0.25, 0.0]]
    """

    beta: tuple[float, float]
    alfa: tuple[float, float]
    phase: float

    def __post_init__(self) -> None:
        if not all(np.isfinite((*self.beta, *self.alfa, self.phase))) or min(self.beta) <= 0:
            raise InputError(f"Passage: beta functions must be positive and all numbers finite, found {self!r}")

    @property
    def matrix(self) -> Array:
        """R (2, 2); see the head of this module."""
        (b1, b2), (a1, a2), c, s = self.beta, self.alfa, cos(self.phase), sin(self.phase)
        slope = -((1 + a1 * a2) * s + (a2 - a1) * c) / sqrt(b1 * b2)
        return np.array([[sqrt(b2 / b1) * (c + a1 * s), sqrt(b1 * b2) * s], [slope, sqrt(b1 / b2) * (c - a2 * s)]])


def matched_module(
    line: Lattice, particle: ReferenceParticle, x: Array, y: Array, *, largest: float = 5.0, seed: int = 1
) -> Lattice:
    """The module ``line`` with the strengths [m^-2], none above ``largest``, at which its matrix is ``x`` (2, 2) in x
    and ``y`` in y. Raises NoSolution with what is missed where there are none."""
    begin = Moments.from_functions(particle, {"betx": 5.0, "bety": 5.0}, emittance_x=1e-6, emittance_y=1e-6)
    places = (
        ("r11", x[0, 0]),
        ("r12", x[0, 1]),
        ("r21", x[1, 0]),
        ("r33", y[0, 0]),
        ("r34", y[0, 1]),
        ("r43", y[1, 0]),
    )
    targets = [Target(name, float(goal), at="_end", tolerance=_TOLERANCE) for name, goal in places]
    free = [name for name in line.parameters if not line.parameters.is_dependent(name)]
    vary = [Vary(name, -largest, largest) for name in free]
    found = match(line, particle, vary=vary, targets=targets, start=begin, seed=seed)
    if not found.success:
        raise NoSolution(f"module '{line.name}' has no strengths within {largest:g} m^-2 for this: {found.message}")
    return found.lattice


def telescope(particle: ReferenceParticle, magnification_x: float, magnification_y: float, **shape: Any) -> Lattice:
    """Point to point and parallel to parallel in both planes: x goes to ``magnification_x`` x, and y alike.

    Negative magnifications (an image upside down) are those of few quadrupoles. Raises NoSolution where there are none.
    """
    planes = [np.diag([m, 1 / m]) for m in (magnification_x, magnification_y)]
    return matched_module(module("telescope", **shape), particle, *planes)


def stepper(
    particle: ReferenceParticle,
    betx: float,
    bety: tuple[float, float],
    *,
    phases: tuple[float, float] = (pi, pi),
    **shape: Any,
) -> Lattice:
    """From waist to waist: ``bety`` [m] from the one to the other, ``betx`` and both ``phases`` [rad] held.

    The bar in x leaves as it comes (upside down at pi). Raises NoSolution where the quadrupoles cannot.
    """
    x, y = Passage((betx, betx), (0.0, 0.0), phases[0]), Passage(bety, (0.0, 0.0), phases[1])
    return matched_module(module("stepper", **shape), particle, x.matrix, y.matrix)


def phase_shifter(
    particle: ReferenceParticle,
    betx: float,
    bety: float,
    phase_x: float,
    *,
    phase_y: float = pi,
    **shape: Any,
) -> Lattice:
    """From waist to waist at the same beta functions [m], with ``phase_x`` [rad] in x: the bar turns by as much.

    Raises NoSolution where the quadrupoles cannot.
    """
    x, y = Passage((betx, betx), (0.0, 0.0), phase_x), Passage((bety, bety), (0.0, 0.0), phase_y)
    return matched_module(module("shifter", **shape), particle, x.matrix, y.matrix)
