"""A ring whose bends are integrated through their field: no map of ours, and no hard edge.

The midplane's field behind a pole face turned by e is T(n) (h + k1 (r - rho)), r from the centre of the arc, n the
distance from the face and T = (1 + tanh(n/w))/2: for the vertical focusing of the edge a gap of 2 hgap fint = w/2. Off
the midplane div B = curl B = 0 say the rest to y^3 (behind a face) and y^6 (in the body, in the arc's frame). All in
units of P0/q; particles are rows of x, px, y, py, delta.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from lattice import Bend, Element, Lattice
from optics import track
from optics.maps import edges

Array = Any
_REACH = 20.0  # widths to both sides of a face, where tanh is 1 to rounding
_STEPS = 1e-5  # m and rad, of the matrix about the closed orbit


def behind_a_face(x: Array, y: Array, z: float, bend: Bend, face: float, width: float | None) -> tuple[Array, ...]:
    """Bx, By, Bz at z along the normal of the sector's plane; ``width`` None: of the body alone."""
    h, k1 = _curvature(bend), float(bend.k1)
    radius = np.hypot(x + 1 / h, z)
    out_x, out_z = (x + 1 / h) / radius, z / radius
    body, laplace = h + k1 * (radius - 1 / h), k1 / radius
    rise = _rise(np.cos(face) * z - np.sin(face) * x, width)
    across = -np.sin(face) * out_x + np.cos(face) * out_z  # the normal of the face along the radius
    second = rise[2] * body + 2 * rise[1] * k1 * across + rise[0] * laplace

    def slopes(normal: float, out: Array) -> tuple[Array, Array]:
        """Of the midplane's field and of its Laplacian along one axis."""
        turned = k1 * (normal - out * across) / radius
        first = rise[1] * normal * body + rise[0] * k1 * out
        of_second = rise[3] * normal * body + rise[2] * bend.k1 * (out + 2 * normal * across)
        of_second = of_second + rise[1] * (2 * turned + normal * laplace) - rise[0] * laplace / radius * out
        return first, of_second

    (x_1, x_3), (z_1, z_3) = slopes(-np.sin(face), out_x), slopes(np.cos(face), out_z)
    return y * x_1 - y**3 / 6 * x_3, rise[0] * body - y**2 / 2 * second, y * z_1 - y**3 / 6 * z_3


def _curvature(bend: Bend) -> float:
    return float(bend.angle) / float(bend.length)


def _rise(n: Array, width: float | None) -> tuple[Array, ...]:
    """T and its first three derivatives."""
    if width is None:
        return 1.0, 0.0, 0.0, 0.0
    tanh = np.tanh(n / width)
    first = (1 - tanh**2) / (2 * width)
    second = -2 * tanh * first / width
    return (1 + tanh) / 2, first, second, -2 * (2 * first * first + tanh * second) / width


def _flown(z: Array, begin: float, end: float, field: Any) -> Array:
    momentum2 = (1 + z[:, 4]) ** 2

    def slopes(at: float, flat: Array) -> Array:
        x, px, y, py = flat.reshape(4, -1)
        pz = np.sqrt(momentum2 - px**2 - py**2)
        bx, by, bz = field(x, y, at)
        return np.concatenate([px / pz, py * bz / pz - by, py / pz, bx - px * bz / pz])

    return _solved(slopes, z, begin, end)


def _solved(slopes: Any, z: Array, begin: float, end: float) -> Array:
    solution = solve_ivp(slopes, (begin, end), z[:, :4].T.ravel(), method="DOP853", rtol=1e-13, atol=1e-16)
    return np.column_stack([solution.y[:, -1].reshape(4, -1).T, z[:, 4]])


def _straight(z: Array, length: float) -> Array:
    x, px, y, py, delta = z.T
    pz = np.sqrt((1 + delta) ** 2 - px**2 - py**2)
    return np.column_stack([x + length * px / pz, px, y + length * py / pz, py, delta])


def entrance(z: Array, bend: Bend, face: float, width: float) -> Array:
    """The edge as a map of the plane where the sector begins: through the soft edge, and back through the body."""
    reach = _REACH * width + 0.02 * abs(np.tan(face))
    inside = _flown(_straight(z, -reach), -reach, reach, partial(behind_a_face, bend=bend, face=face, width=width))
    return _flown(inside, reach, 0.0, partial(behind_a_face, bend=bend, face=face, width=None))


def leaving(z: Array, bend: Bend, face: float, width: float) -> Array:
    """The edge where the sector ends: the entrance, backwards in time and mirrored."""
    mirror = np.array([1, -1, 1, -1, 1])
    reach = _REACH * width + 0.02 * abs(np.tan(face))
    inside = _flown(z * mirror, 0.0, reach, partial(behind_a_face, bend=bend, face=face, width=None))
    outside = _flown(inside, reach, -reach, partial(behind_a_face, bend=bend, face=face, width=width))
    return _straight(outside, reach) * mirror


def body(z: Array, bend: Bend) -> Array:
    """Equations of motion in the arc's frame: psi = y f - y^3/6 Lf + ..., L f = f'' + h f'/r, r = 1 + h x."""
    h, k1, k2 = _curvature(bend), float(bend.k1), float(bend.k2)
    line = k1 / h - k2 / (h * h)  # f is this times r, k2/(2 h^2) times r^2, and a constant

    def slopes(s: float, flat: Array) -> Array:
        x, px, y, py = flat.reshape(4, -1)
        r = 1 + h * x
        pz = np.sqrt((1 + z[:, 4]) ** 2 - px**2 - py**2)
        by = h + k1 * x + k2 * x**2 / 2 - y**2 / 2 * (2 * k2 + line * h * h / r)
        by = by + line * h**4 * (y**4 / 24 / r**3 - y**6 / 80 * h * h / r**5)
        bx = y * (k1 + k2 * x) + line * h**3 * (y**3 / 6 / r**2 - y**5 / 40 * h * h / r**4)
        return np.concatenate([r * px / pz, h * pz - r * by, r * py / pz, r * bx])

    return _solved(slopes, z, 0.0, float(bend.length))


@dataclass(frozen=True)
class FieldRing:
    """A ring of equal ``cells``: bends through their field, all else by our maps; ``width`` 0: hard normal faces."""

    cell: Lattice
    cells: int
    width: float

    def through(self, z: Array) -> Array:
        """Behind one cell."""
        straight: list[Element] = []
        for element in self.cell.elements:
            resolved = self.cell.resolved(element)
            if isinstance(resolved, Bend):
                z, straight = self._bent(self._mapped(z, straight), resolved), []
            else:
                straight.append(resolved)
        return self._mapped(z, straight)

    def _mapped(self, z: Array, elements: list[Element]) -> Array:
        if not elements:
            return z
        line = Lattice("part", elements=elements, particle=self.cell.particle)
        start = np.column_stack([z[:, :4], np.zeros(len(z)), z[:, 4]])
        return np.asarray(track(line, self.cell.particle, start).coordinates)[:, [0, 1, 2, 3, 5]]

    def _bent(self, z: Array, bend: Bend) -> Array:
        if self.width == 0.0:
            return self._hard(body(self._hard(z, bend, edges.edge_in), bend), bend, edges.edge_out)
        z = entrance(z, bend, float(bend.e1), self.width)
        return leaving(body(z, bend), bend, float(bend.e2), self.width)

    def _hard(self, z: Array, bend: Bend, edge: Any) -> Array:
        """Our hard edge of a normal face."""
        assert self.cell.particle is not None
        x, px, y, py, delta = z.T
        out = edge((x, px, y, py, 0.0 * x, delta), 0.0, _curvature(bend), 0.0, 0.0, 0.0, self.cell.particle.beta)
        return np.column_stack([*out[:4], delta])

    def tunes(self, delta: float, near: tuple[float, float]) -> Array:
        """Both tunes about the closed orbit at ``delta``: those of the whole turns that are nearest to ``near``."""
        orbit, matrix = self._about(np.array([0.0, 0.0, 0.0, 0.0, delta]))
        for _ in range(4):
            end = self.through(orbit[None])[0, :4]
            orbit[:4] += np.linalg.solve(np.eye(4) - matrix, end - orbit[:4])
            orbit, matrix = self._about(orbit)
        advances = np.angle(np.linalg.eigvals(matrix)) / (2 * np.pi)
        every = np.concatenate([advances + k for k in range(-2, 3)]) * self.cells
        return np.array([every[np.argmin(np.abs(every - one))] for one in near])

    def _about(self, orbit: Array) -> tuple[Array, Array]:
        shifts = np.zeros((16, 5))
        for i in range(4):
            shifts[4 * i : 4 * i + 4, i] = _STEPS * np.array([1, -1, 2, -2])
        ends = self.through(orbit + shifts)[:, :4].reshape(4, 4, 4)
        one, two = ends[:, 0] - ends[:, 1], ends[:, 2] - ends[:, 3]
        return orbit.copy(), ((8 * one - two) / (12 * _STEPS)).T
