"""What is largest between two looks at a beam inside a quadrupole: where a size may have its top."""

from __future__ import annotations

import numpy as np

from lattice.arrays import Array
from optics.linac.structure.linac import PermanentQuadrupole
from optics.linac.transport import Transport


def tops(run: Transport, values: Array, slopes: Array) -> Array:
    """``values`` (n,) at the rows of a run, inside quadrupoles the largest from there to the next row.

    By the cubic through values and ``slopes`` [1/m] (n,) at both rows, of an eighth of a magnet: what it leaves out is
    of fourth order. Elsewhere a beam is largest at an end of its row: nothing there focuses it.
    """
    found = np.array(values, dtype=float)
    step = np.diff(run.s)
    rows = np.flatnonzero(_in_magnets(run)[:-1] & (step > 0))
    first, last = values[rows], values[rows + 1]
    rise, fall = slopes[rows] * step[rows], slopes[rows + 1] * step[rows]
    cubic, square = 2 * (first - last) + rise + fall, 3 * (last - first) - 2 * rise - fall
    at = np.clip(_turning(cubic, square, rise), 0.0, 1.0)
    found[rows] = np.maximum(first, np.max(((cubic * at + square) * at + rise) * at + first, axis=0))
    return found


def _in_magnets(run: Transport) -> Array:
    """Which rows begin a step of a quadrupole, (n,); the last row is the end."""
    kinds = np.array([isinstance(piece, PermanentQuadrupole) for piece in run.linac.pieces] + [False])
    return np.asarray(kinds[run.piece])


def _turning(cubic: Array, square: Array, rise: Array) -> Array:
    """Where a t^3 + b t^2 + c t turns, (2, n); 0 where it does not.

    The roots of 3 a t^2 + 2 b t + c without cancellation: q / (3 a) and c / q with q = -(b + sign(b) root).
    """
    root = np.sqrt(np.maximum(square**2 - 3 * cubic * rise, 0.0))
    q = -(square + np.copysign(root, square))
    with np.errstate(divide="ignore", invalid="ignore"):
        turning = np.stack([q / (3 * cubic), rise / q])
    return np.asarray(np.nan_to_num(turning, posinf=0.0, neginf=0.0))


def largest_sizes(run: Transport, start: Array) -> Array:
    """Rms sizes (n, 2) in x and y at the rows of a run, inside quadrupoles the largest up to the next row.

    ``start``: covariance (6, 6) of the beam that enters.
    """
    covariance = run.covariance(start)
    squares = [tops(run, covariance[:, i, i], 2 * covariance[:, i, i + 1]) for i in (0, 2)]
    return np.asarray(np.sqrt(np.stack(squares, axis=-1)))
