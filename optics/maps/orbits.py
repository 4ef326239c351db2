"""Closed orbits of many lattices side by side: every operation is done for a block of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lattice.arrays import Array
from optics.maps.bank import Bank
from optics.maps.recording import N_COORDINATES

#: Lattices that go through an operation together: enough to vectorise, few enough for the cache.
BLOCK = 64
_ITERATIONS = 60
_SETTLED = 1e-13  # m, rad: a miss below this that no longer halves has reached the rounding of the maps
_STEP = 1e-6  # m, rad; of the differences that stand for a Jacobian: its error only costs iterations

OneTurn = Callable[[Array], Array]


def blocks(number: int) -> Iterator[slice]:
    """The lattices of a batch, so many at a time."""
    return (slice(begin, min(begin + BLOCK, number)) for begin in range(0, number, BLOCK))


def closed_orbits(bank: Bank, programs: Array, arguments: Array, delta: float) -> Array:
    """Fixed points (n, 6) of one turn of n lattices at ``delta``; nan where this does not find one.

    ``arguments`` (n_steps, n_arguments, n). By chords: Newton's method with the Jacobian of the axis alone, from
    differences; what it finds for a lattice does not depend on those beside it.
    """
    guess = np.zeros((arguments.shape[2], N_COORDINATES))
    guess[:, 5] = delta

    def turn(points: Array) -> Array:
        return bank.track_each(programs, arguments, points)

    with np.errstate(all="ignore"):  # a particle that is lost is not a number
        return by_chords(turn, guess, _inverse(turn, guess))


def by_chords(turn: OneTurn, guess: Array, inverse: Array) -> Array:
    """Fixed points (n, 6) near ``guess`` (n, 6) of maps of (x, px, y, py, zeta, delta) that ``turn`` applies to each.

    ``inverse`` (n, 4, 4): (J - 1)^-1 somewhere near, kept as it is. nan where the misses stop to halve too early.
    """
    points, found = guess.copy(), np.full_like(guess, np.nan)
    previous, going = np.full(len(guess), np.inf), np.ones(len(guess), dtype=bool)
    for _ in range(_ITERATIONS):
        miss = (turn(points) - points)[:, :4]
        size = np.max(np.abs(miss), axis=1)
        ended = going & ~(size < 0.5 * previous)
        good = ended & (previous < _SETTLED) & np.isfinite(size)
        found[good] = points[good]
        going &= ~ended
        if not going.any():
            break
        points[going, :4] -= (inverse[going] @ miss[going, :, None])[:, :, 0]
        previous[going] = size[going]
    return found


def _inverse(turn: OneTurn, guess: Array) -> Array:
    """(J - 1)^-1 of each lattice, (n, 4, 4), nan where there is none."""
    end = turn(guess)[:, :4]
    jacobian = np.empty((len(guess), 4, 4))
    for i in range(4):
        stepped = guess.copy()
        stepped[:, i] += _STEP
        jacobian[:, :, i] = (turn(stepped)[:, :4] - end) / _STEP
    singular = jacobian - np.eye(4)
    singular[np.linalg.det(singular) == 0.0] = np.nan
    return np.linalg.inv(singular)
