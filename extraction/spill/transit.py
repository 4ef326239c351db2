"""Transit time: how long a particle takes from losing its stability to the septum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import InputError
from lattice.arrays import Array


def release_times(delta: Array, leaving: Array, time: Array, shift: Array) -> Array:
    """When each particle becomes unstable, as a driver moves the stack in momentum.

    ``delta`` (n,): momentum at the start; ``leaving`` (n,): momentum at which its amplitude is no longer stable
    (``leaving_momentum``); ``shift`` (m,): momentum the driver has given by rising ``time`` (m,) [s], linear between.
    A particle that begins on its leaving momentum is released at ``time[0]``.

    Equation:
        The first t with delta + shift(t) = leaving.

    Returns:
        (n,) [s]; nan where it never does, or where ``leaving`` is nan.

    Raises:
        InputError: times that do not rise, arrays of unequal length.

    Source:
        PIMMS, CERN/PS 99-010 (DI), chapter 3: extraction by a betatron core.

    Example:
        >>> release_times(np.array([-3e-3]), np.array([-1e-3]), np.array([0.0, 1.0]), np.array([0.0, 4e-3])).tolist()
        [0.5]
    """
    time, shift = np.asarray(time, dtype=float), np.asarray(shift, dtype=float)
    if time.ndim != 1 or time.shape != shift.shape or len(time) < 2 or not np.all(np.diff(time) > 0):
        raise InputError("release_times needs rising times and a momentum shift at each of them")
    gap = np.asarray(leaving, dtype=float) - np.asarray(delta, dtype=float)
    released = np.full(gap.shape, np.nan)
    for side in (1.0, -1.0):
        here = side * gap >= 0
        released[here] = _first_passage(side * gap[here], time, side * shift)
    return released


def _first_passage(gap: Array, time: Array, shift: Array) -> Array:
    """First time at which ``shift`` reaches each gap; nan when it never does."""
    highest = np.maximum.accumulate(shift)
    after = np.searchsorted(highest, gap, side="left")
    found = np.full(len(gap), np.nan)
    found[after == 0] = time[0]
    within = (after > 0) & (after < len(time))
    i = after[within]
    part = (gap[within] - shift[i - 1]) / (shift[i] - shift[i - 1])
    found[within] = time[i - 1] + part * (time[i] - time[i - 1])
    return found


@dataclass(frozen=True, eq=False)
class Transit:
    """Transit times ``values`` (n,) [s] and what they amount to [s]; ``unknown``: particles without a release time.

    ``lower`` and ``upper`` hold 90 % of the particles. A negative transit time shows that the release was guessed too
    late (the stable amplitude of a diagram is that of circles, the triangle has corners).
    """

    values: Array
    mean: float
    spread: float
    median: float
    lower: float
    upper: float
    unknown: int


def transit_times(extracted: pd.DataFrame, released: Array) -> Transit:
    """Extraction time minus release time, ``released`` (N,) [s] by particle number.

    Returns:
        Transit: the times [s] of all that have one, their mean, rms, median and 5 and 95 per cent.

    Raises:
        InputError: none is known, or a particle has no release time.
    """
    numbers = extracted["particle"].to_numpy()
    if len(numbers) and not (0 <= numbers.min() and numbers.max() < len(released)):
        raise InputError(f"particle {numbers.max()} has no release time: {len(released)} were given")
    values = extracted["time"].to_numpy() - np.asarray(released, dtype=float)[numbers]
    known = values[np.isfinite(values)]
    if len(known) == 0:
        raise InputError("no extracted particle has a release time")
    lower, median, upper = (float(value) for value in np.quantile(known, [0.05, 0.5, 0.95]))
    return Transit(known, float(known.mean()), float(known.std()), median, lower, upper, len(values) - len(known))
