"""The third-integer resonance to leading order: Kobayashi's Hamiltonian, its triangle and separatrices.

H = (eps/2)(X^2 + P^2) + (S/4)(3 X P^2 - X^3), eps = 6 pi (Q - n/3), in normalised coordinates at the phase of the
virtual sextupole, per three turns, with dX/dt = dH/dP (Y. Kobayashi & H. Takahashi, Proc. HEACC 1967, 347; PIMMS,
CERN-PS-99-010-DI, section 3.3). The motion is stable inside the triangle of three straight separatrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin, sqrt

import numpy as np

from lattice.arrays import Array
from lattice.showing import Showing


@dataclass(frozen=True)
class LeadingArm:
    """The straight outgoing separatrix at the wires: ``px`` there, ``slope`` dpx/dx [1/m] along it.

    ``amplitude`` [m^1/2] of (X, P) there.
    """

    px: float
    slope: float
    amplitude: float


@dataclass(frozen=True)
class Kobayashi(Showing):
    """Leading order at one place.

    ``tune_distance`` Q - n/3; ``virtual_sextupole`` |S| [m^-1/2] at ``virtual_phase`` [turns] downstream of the place;
    ``betx``, ``alfx`` [m, 1] and ``orbit`` (x [m], px) of the closed orbit at the place; ``fraction`` of a turn that
    the resonant tune lies above an integer (1/3 or 2/3). In a coupled ring X, P are those of the resonant mode, x and
    px its projection, which has the ``share`` of its area (``modes.Mode``).
    """

    tune_distance: float
    virtual_sextupole: float
    virtual_phase: float
    betx: float
    alfx: float
    orbit: tuple[float, float]
    fraction: float = 1 / 3
    share: float = 1.0

    @property
    def epsilon(self) -> float:
        """6 pi (Q - n/3), the phase advance of three turns beyond full turns [rad]."""
        return 6 * pi * self.tune_distance

    @property
    def stable_area(self) -> float:
        """Area of the triangle [m] in X, P (in x, px alike, or its ``share``): 48 sqrt(3) pi^2 (dQ / S)^2."""
        return 48 * sqrt(3) * pi**2 * (self.tune_distance / self.virtual_sextupole) ** 2

    @property
    def normalised_vertices(self) -> Array:
        """Vertices (3, 2) of (X, P) [m^1/2] at the virtual sextupole, in the order of tracking by single turns."""
        reach = self.epsilon / self.virtual_sextupole
        corners = np.array([[4 / 3, 0.0], [-2 / 3, 2 / sqrt(3)], [-2 / 3, -2 / sqrt(3)]]) * reach
        # One turn rotates clockwise by 2 pi Q: a third of a turn more than whole ones for n = 3 m + 1.
        first, angle = corners[0], 2 * pi * self.fraction
        turned = np.array([first[0] * cos(angle), -first[0] * sin(angle)])
        second = int(np.argmin(np.linalg.norm(corners - turned, axis=1)))
        return corners[[0, second, 3 - second]]

    @property
    def fixed_points(self) -> Array:
        """Vertices (3, 2) of (x [m], px) at the place, closed orbit included."""
        return self.physical(self.at_place(self.normalised_vertices))

    def at_place(self, normalised: Array) -> Array:
        """Normalised coordinates (..., 2) at the virtual sextupole taken back to the place."""
        angle = 2 * pi * self.virtual_phase
        turn = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
        return np.asarray(normalised @ turn.T)

    def at_sextupole(self, normalised: Array) -> Array:
        """Normalised coordinates (..., 2) at the place taken on to the virtual sextupole."""
        angle = 2 * pi * self.virtual_phase
        turn = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
        return np.asarray(normalised @ turn.T)

    def physical(self, normalised: Array) -> Array:
        """(X, P) [m^1/2] at the place as (x [m], px) about the closed orbit."""
        root = sqrt(self.betx)
        x = normalised[..., 0] * root
        px = (self.share * normalised[..., 1] - self.alfx * normalised[..., 0]) / root
        return np.stack([x + self.orbit[0], px + self.orbit[1]], axis=-1)

    def normalised(self, physical: Array) -> Array:
        """(x [m], px) at the place as (X, P) [m^1/2] about the closed orbit."""
        root = sqrt(self.betx)
        x, px = physical[..., 0] - self.orbit[0], physical[..., 1] - self.orbit[1]
        return np.stack([x / root, (self.alfx * x / root + root * px) / self.share], axis=-1)

    def hamiltonian(self, normalised: Array) -> Array:
        """H [m] of (X, P) at the virtual sextupole."""
        x, p = normalised[..., 0], normalised[..., 1]
        cubic = self.virtual_sextupole / 4 * (3 * x * p**2 - x**3)
        return np.asarray(self.epsilon / 2 * (x**2 + p**2) + cubic)

    def spiral_step(self, x_septum: float) -> float:
        """Growth of |x| [m] over three turns at ``x_septum`` [m]: (3/4) |S| sqrt(betx) |X| A.

        (X, P) is where the outgoing separatrix meets the wire, A its amplitude (PIMMS, section 3.4, projected on x).
        nan inside the triangle.
        """
        arm = self.arm(x_septum)
        return float("nan") if arm is None else self.step_on(arm, x_septum)

    def step_on(self, arm: LeadingArm, x_septum: float) -> float:
        """The same [m] of the ``arm`` there."""
        x = (x_septum - self.orbit[0]) / sqrt(self.betx)
        return 0.75 * self.virtual_sextupole * sqrt(self.betx) * abs(x) * arm.amplitude

    def arm(self, x_septum: float) -> LeadingArm | None:
        """The separatrix that leads out through x = ``x_septum`` [m] at the least amplitude; None inside the triangle.

        The line from vertex to vertex of the triangle, prolonged beyond the one that particles leave (PIMMS,
        CERN-PS-99-010-DI, section 3.3).
        """
        if not self.is_outside(x_septum):
            return None
        x = (x_septum - self.orbit[0]) / sqrt(self.betx)
        meetings = [self._meeting(vertex, other, x) for vertex, other in self.separatrices()]
        found = [(float(np.hypot(*meeting[0])), *meeting) for meeting in meetings if meeting is not None]
        amplitude, point, direction = min(found, key=lambda meeting: meeting[0])
        slope = (self.share * direction[1] / direction[0] - self.alfx) / self.betx
        return LeadingArm(float(self.physical(point)[1]), float(slope), amplitude)

    def is_outside(self, x_septum: float) -> bool:
        """True when ``x_septum`` [m] lies beyond the triangle, on either side."""
        from_orbit = x_septum - self.orbit[0]
        corners = np.sign(from_orbit) * (self.fixed_points[:, 0] - self.orbit[0])
        return bool(abs(from_orbit) > np.max(corners))

    def _meeting(self, vertex: Array, other: Array, x: float) -> tuple[Array, Array] | None:
        """Where the arm from ``vertex``, away from ``other``, is at the normalised position x, and its direction."""
        begin, end = self.at_place(vertex), self.at_place(other)
        direction = begin - end
        along = (x - begin[0]) / direction[0]
        return (begin + along * direction, direction) if along > 0 else None

    def three_turns(self, normalised: Array) -> Array:
        """Change of (X, P) at the virtual sextupole over three turns: (dH/dP, -dH/dX)."""
        x, p = normalised[..., 0], normalised[..., 1]
        s = self.virtual_sextupole
        return np.stack([self.epsilon * p + 1.5 * s * x * p, -self.epsilon * x - 0.75 * s * (p**2 - x**2)], axis=-1)

    def separatrices(self) -> list[tuple[Array, Array]]:
        """(vertex, other) of each side: particles leave ``vertex``, inwards to ``other`` and outwards away from it."""
        corners = self.normalised_vertices
        sides = []
        for i in range(3):
            for j in range(3):
                along = corners[j] - corners[i]
                if i != j and self.three_turns((corners[i] + corners[j]) / 2) @ along > 0:
                    sides.append((corners[i], corners[j]))
        return sides
