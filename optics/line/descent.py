"""How settings are found: damped Gauss-Newton steps of all cases together, begun again where that helps."""

from __future__ import annotations

import numpy as np

from lattice.arrays import Array
from optics.line.question import Question, Squares

_DAMPING = 1e-3
_ITERATIONS = 60
_MARCHES = 6
_SEARCHED, _NEAR, _REACH = 48, 0.4, 3.0  # points of a search, how far they are drawn [m^-2], and no further than this
_MET, _CLOSE = 1e-15, 1e-10  # sums of squares: no further step, and no further start


def solved(asked: Question, values: Array, restarts: int, random: np.random.Generator) -> Array:
    """Values (n, p) at which the cases miss least, begun at those given."""
    every = np.arange(len(values))
    values, misses = _descended(asked, values, every)
    if restarts and not (misses <= _CLOSE).any():
        _searched(asked, values, misses, random)
    for attempt in range(1 + restarts):
        left = np.flatnonzero(misses > _CLOSE)
        if not len(left):
            break
        begin = _neighbours(values, misses, asked, left) if attempt == 0 else _drawn(asked, values, left, random)
        again, found = _descended(asked, begin, left)
        better = found < misses[left]
        values[left[better]], misses[left[better]] = again[better], found[better]
    return _aligned(asked, values, misses)


def nearest(asked: Question, values: Array) -> Array:
    """Values (n, p) at which each case misses least near those given, and no others."""
    return _descended(asked, values, np.arange(len(values)))[0]


def _searched(asked: Question, values: Array, misses: Array, random: np.random.Generator) -> None:
    """Where no case is reached, the one that misses least from many points at once: the others begin beside it then."""
    case = int(np.argmin(misses))
    low, high = (np.clip(bound[case], -_REACH, _REACH) for bound in (asked.lower, asked.upper))
    shape = (_SEARCHED // 2, values.shape[1])
    near, far = values[case] + _NEAR * random.standard_normal(shape), random.uniform(low, high, shape)
    begin = np.clip(np.concatenate([near, far]), asked.lower[case], asked.upper[case])
    found, left = _descended(asked, begin, np.full(len(begin), case))
    best = int(np.argmin(left))
    if left[best] < misses[case]:
        values[case], misses[case] = found[best], left[best]


def _aligned(asked: Question, values: Array, misses: Array) -> Array:
    """The settings of each spot on one branch: all begin again at that of the middle beam, or of the nearest on it."""
    spots = np.unique(asked.wanted, axis=0, return_inverse=True)[1].reshape(-1)
    on_branch = np.zeros(len(values), dtype=bool)
    for spot in range(spots.max() + 1):
        reached = np.flatnonzero((spots == spot) & (misses <= _CLOSE))
        on_branch[reached[len(reached) // 2 : len(reached) // 2 + 1]] = True
    for _ in range(_MARCHES):
        left = np.flatnonzero(~on_branch & np.isin(spots, spots[on_branch]))
        if not len(left):
            break
        far = np.abs(left[:, None] - np.arange(len(values))) + 1e9 * (~on_branch | (spots[left, None] != spots))
        begin = values[np.argmin(far, axis=1)]
        again, found = _descended(asked, np.clip(begin, asked.lower[left], asked.upper[left]), left)
        met = found <= _CLOSE
        if not met.any():
            break
        values[left[met]], misses[left[met]] = again[met], found[met]
        on_branch[left[met]] = True
    return values


def _neighbours(values: Array, misses: Array, asked: Question, left: Array) -> Array:
    """For each case that is left, the setting of the nearest spot that was reached."""
    reached = np.flatnonzero(misses <= _CLOSE)
    if not len(reached):
        return values[left]
    far = np.abs(np.log(asked.wanted[left, None] / asked.wanted[None, reached])).sum(-1)
    far = far + 1e-3 * np.abs(left[:, None] - reached)
    return np.asarray(values[reached[np.argmin(far, axis=1)]])


def _drawn(asked: Question, values: Array, left: Array, random: np.random.Generator) -> Array:
    """Points near the present ones, one and the same draw for all, so that equal cases are found alike."""
    step = random.uniform(-0.4, 0.4, values.shape[1]) * (asked.upper[left] - asked.lower[left]).clip(max=4.0) / 2
    return np.asarray(np.clip(values[left] + step, asked.lower[left], asked.upper[left]))


def _descended(asked: Question, values: Array, cases: Array) -> tuple[Array, Array]:
    """Values where the sum of squares (n,) is least, near those given, and that sum."""
    damping = np.full(len(cases), _DAMPING)
    known = asked.squares(values, cases)
    active = np.arange(len(cases))
    for _ in range(_ITERATIONS):
        active = active[known.misses[active] > _MET]
        if not len(active):
            break
        trial = values[active] - _step(known, active, damping[active])
        new = asked.squares(trial, cases[active])
        better = new.misses < known.misses[active]
        taken, worse = active[better], active[~better]
        values[taken] = trial[better]
        known.taken(taken, new, better)
        damping[taken], damping[worse] = np.maximum(damping[taken] / 5, 1e-14), damping[worse] * 8
        active = active[damping[active] < 1e8]
    return values, known.misses


def _step(known: Squares, cases: Array, damping: Array) -> Array:
    """(J^T J + lambda 1)^-1 J^T r: the shortest step where there are more strengths than goals.

    Where so little damping is lost in the rounding of J^T J, the shortest of the steps that there are.
    """
    square = known.curvature[cases] + damping[:, None, None] * np.eye(known.gradient.shape[1])
    gradient = known.gradient[cases][..., None]
    try:
        step = np.linalg.solve(square, gradient)
    except np.linalg.LinAlgError:
        step = np.linalg.pinv(square, hermitian=True) @ gradient
    return np.asarray(step[..., 0])
