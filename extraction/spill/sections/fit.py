"""Kicks fitted to exact turns of a cloud of particles, by Gauss-Newton with derivatives carried through the turn."""

from __future__ import annotations

import numpy as np

from extraction.spill.sections.kicks import UNITS, curvatures, slopes
from extraction.spill.sections.region import Region
from lattice import UnstableOptics
from lattice.arrays import Array
from optics.linear.propagation import courant_snyder
from optics.maps.turn import Turn

CLOUD = 500  # particles the kicks are fitted to
_STEPS = 3  # of the Gauss-Newton iteration; the kicks enter almost linearly, so that one does from near them
_RIDGE = 1e-10  # keeps the fit near the elements' own strengths where the turn does not tell
_LINEAR = 1e-12  # a turn that is less nonlinear than this part of the region has nothing to fit


def turned(matrices: Array, kicks: Array, relative: Array) -> Array:
    """One turn of coordinates (n, 4) relative to the closed orbit."""
    for (horizontal, vertical), kick in zip(matrices[:-1], kicks, strict=True):
        x, px = horizontal @ relative[:, :2].T
        y, py = vertical @ relative[:, 2:].T
        by_x, by_y = slopes(x, y, len(kick))
        relative = np.stack([x, px - kick @ by_x, y, py - kick @ by_y], axis=1)
    horizontal, vertical = matrices[-1]
    return np.concatenate([relative[:, :2] @ horizontal.T, relative[:, 2:] @ vertical.T], axis=1)


def fitted_kicks(
    turn: Turn, orbit: Array, matrices: Array, own: Array, region: Region, near: Array | None = None
) -> tuple[Array, float]:
    """Kicks (n, terms) that reproduce one exact turn of a cloud best, and what they miss; ``near``: nearly these.

    What they miss is the rms over the cloud of the difference in normalised coordinates, over the rms of what is
    nonlinear in the exact turn.
    """
    frame = normalising(matrices)
    cloud = cloud_of(region) @ frame.T
    end = _exact(turn, orbit, cloud)
    inside = np.all(np.isfinite(end), axis=1)
    cloud, end = cloud[inside], end[inside]
    inverse = np.linalg.inv(frame).T / region.x
    linear = turned(matrices, np.zeros_like(own), cloud)
    nonlinear = float(np.sqrt(np.mean(((end - linear) @ inverse) ** 2)))
    if len(own) == 0 or nonlinear == 0.0:
        return own, 0.0 if nonlinear < _LINEAR else 1.0
    kicks = _gauss_newton(matrices, own, cloud, end, inverse, near)
    missed = (turned(matrices, kicks, cloud) - end) @ inverse
    return kicks, float(np.sqrt(np.mean(missed**2))) / nonlinear


def _exact(turn: Turn, orbit: Array, cloud: Array) -> Array:
    """Where particles (n, 4) about the orbit are after an exact turn, about the orbit."""
    start = np.zeros((len(cloud), 6))
    start[:, :4], start[:, 5] = orbit[:4] + cloud, orbit[5]
    return np.asarray(turn.track(start)[:, :4] - orbit[:4])


def _gauss_newton(matrices: Array, own: Array, cloud: Array, end: Array, inverse: Array, near: Array | None) -> Array:
    """The kicks of least squares, a ridge keeping them near ``own`` where the cloud does not tell."""
    units = np.tile(UNITS[: own.shape[1]], len(own))
    numbers = np.zeros(own.size) if near is None else (near - own).ravel() / units
    ridge = _RIDGE * cloud.size
    for _ in range(_STEPS if near is None else 1):
        after, changes = _with_derivatives(matrices, own + (numbers * units).reshape(own.shape), cloud)
        missed = ((after - end) @ inverse).ravel()
        columns = (inverse.T @ changes).reshape(len(missed), -1) * units
        normal = columns.T @ columns + ridge * np.eye(len(numbers))
        numbers = numbers - np.linalg.solve(normal, columns.T @ missed + ridge * numbers)
    return np.asarray(own + (numbers * units).reshape(own.shape))


def _with_derivatives(matrices: Array, kicks: Array, relative: Array) -> tuple[Array, Array]:
    """Coordinates (n, 4) after a turn, and their derivatives (n, 4, kicks) by the kicks' numbers.

    A kick's share is the kick times the tangent map of all that comes after it, which is gathered from the end.
    """
    here, seen = relative.T, []
    for (horizontal, vertical), kick in zip(matrices[:-1], kicks, strict=True):
        (x, px), (y, py) = horizontal @ here[:2], vertical @ here[2:]
        seen.append((x, y))
        by_x, by_y = slopes(x, y, len(kick))
        here = np.stack([x, px - kick @ by_x, y, py - kick @ by_y])
    tail = np.zeros((relative.shape[0], 4, 4))
    tail[:, :2, :2], tail[:, 2:, 2:] = matrices[-1]
    columns = []
    for planes, kick, (x, y) in zip(matrices[-2::-1], kicks[::-1], seen[::-1], strict=True):
        by_x, by_y = slopes(x, y, len(kick))
        columns.append(-(tail[:, :, 1, None] * by_x.T[:, None] + tail[:, :, 3, None] * by_y.T[:, None]))
        tail = _before(tail, planes, kick, x, y)
    after = np.concatenate([matrices[-1, 0] @ here[:2], matrices[-1, 1] @ here[2:]]).T
    return after, np.concatenate(columns[::-1], axis=2)


def _before(tail: Array, planes: Array, kick: Array, x: Array, y: Array) -> Array:
    """The tangent map (n, 4, 4) ``tail`` with a section and the kick behind it put before."""
    by_xx, by_xy, by_yy = (kick @ part for part in curvatures(x, y, len(kick)))
    kicked = tail.copy()
    kicked[:, :, 0] -= tail[:, :, 1] * by_xx[:, None] + tail[:, :, 3] * by_xy[:, None]
    kicked[:, :, 2] -= tail[:, :, 1] * by_xy[:, None] + tail[:, :, 3] * by_yy[:, None]
    return np.concatenate([kicked[:, :, :2] @ planes[0], kicked[:, :, 2:] @ planes[1]], axis=2)


def cloud_of(region: Region) -> Array:
    """Normalised coordinates (n, 4) that fill the region evenly in both planes; the same ones every time."""
    draw = np.random.default_rng(1).random((CLOUD, 4))
    radius_x, radius_y = region.x * np.sqrt(draw[:, 0]), region.y * np.sqrt(draw[:, 1])
    return on_circles(radius_x, 2 * np.pi * draw[:, 2], radius_y, 2 * np.pi * draw[:, 3])


def on_circles(radius_x: Array, phase_x: Array, radius_y: Array, phase_y: Array) -> Array:
    """Normalised coordinates (n, 4) of amplitudes [m^1/2] and phases [rad]."""
    x, y = (radius_x, phase_x), (radius_y, phase_y)
    return np.stack([r * turn(phase) for r, phase in (x, y) for turn in (np.cos, np.sin)], axis=1)


def normalising(matrices: Array) -> Array:
    """Matrix (4, 4) from normalised coordinates at the start; UnstableOptics where the linear motion has no bounds."""
    frame = np.zeros((4, 4))
    for plane, (beta, alpha) in enumerate(start_functions(matrices)):
        block, root = slice(2 * plane, 2 * plane + 2), np.sqrt(beta)
        frame[block, block] = [[root, 0.0], [-alpha / root, 1.0 / root]]
    return frame


def start_functions(matrices: Array) -> tuple[tuple[float, float], ...]:
    """beta [m] and alpha of both planes at the start, of the sections' periodic motion; UnstableOptics without one."""
    found = []
    for plane in (0, 1):
        turn = np.zeros((4, 4))
        block = slice(2 * plane, 2 * plane + 2)
        turn[block, block] = np.linalg.multi_dot([np.eye(2), np.eye(2), *matrices[::-1, plane]])
        bounded, _, _, beta, alpha = courant_snyder(turn, 2 * plane)
        if not bounded:
            trace = turn[block, block].trace()
            raise UnstableOptics(f"the motion in {'xy'[plane]} is unstable: trace of the one-turn matrix {trace:.6g}")
        found.append((float(beta), float(alpha)))
    return tuple(found)
