"""Who leaves as a turn begins: at the wires, or in an opening on the way; looked at only where the quick test fails."""

from __future__ import annotations

from typing import Any

import numpy as np

from extraction.spill.fate import APERTURE, CIRCULATES, UNBOUNDED, fate
from extraction.spill.lanes.rows import (
    AHEAD,
    BEFORE,
    CLOCK,
    CUT,
    DELTA_LEFT,
    HERE,
    IMAGINARY,
    LANES,
    LEVEL,
    LIMIT_X,
    LIMIT_Y,
    OWN_DELTA,
    PX_LEFT,
    PY_LEFT,
    REAL,
    SLOPE,
    STATUS,
    TIME,
    TURN,
    X_LEFT,
    Y_LEFT,
    T,
)
from extraction.spill.looking import BEYOND, FAR, WITHIN, look, square
from optics.compiled import compiled

_FARTHEST = 1.0  # m: a particle farther out than this is lost whatever stands there
_FAR = 1.7  # times the square of the region's amplitude: beyond it fitted positions are no better than linear ones


@compiled
def stand(s: Any, own: Any, first: Any) -> Any:
    """Rows HERE: coordinates about the orbit in front of the ``first`` lens; given back too."""
    here = own[HERE * LANES : (HERE + 4) * LANES]
    for i in range(LANES):
        x, y = s[i], s[2 * LANES + i]
        here[i], here[2 * LANES + i] = x, y
        here[LANES + i] = s[LANES + i] + first[2 * LANES + i] * x
        here[3 * LANES + i] = s[3 * LANES + i] + first[3 * LANES + i] * y
    return here


@compiled
def _leave(s: Any, own: Any, i: int, end: int, row: Any, turn: int, later: float, scale: float, cut: int) -> None:
    """Write down a particle that leaves, at the absolute coordinates in ``BEFORE``, and park its lane."""
    s[STATUS * LANES + i] = end
    row[TURN] = turn
    row[TIME] = s[CLOCK * LANES + i] + later
    row[X_LEFT], row[PX_LEFT] = own[BEFORE * LANES + i], own[(BEFORE + 1) * LANES + i] / scale
    row[Y_LEFT], row[PY_LEFT] = own[(BEFORE + 2) * LANES + i], own[(BEFORE + 3) * LANES + i] / scale
    row[DELTA_LEFT] = s[OWN_DELTA * LANES + i]
    row[CUT] = cut
    for k in range(4):
        s[k * LANES + i] = 0.0
    own[REAL * LANES + i] = own[IMAGINARY * LANES + i] = 0.0


@compiled
def count_beyond(here: Any, orbit: Any, slope: Any, geometry: Any) -> Any:
    """How many lanes have something to do with the septum, or are far out."""
    side, position, _, length, angle, _, _ = geometry
    count = 0
    for i in range(LANES):
        depth = side * (here[i] + orbit[i] - position)
        outwards = side * ((here[LANES + i] + orbit[LANES + i]) * slope[i] - angle)
        spread = abs(here[i]) + abs(here[2 * LANES + i])
        count += int(depth + max(outwards, 0.0) * length > 0.0) | int(not spread < _FARTHEST)
    return count


@compiled
def at_septum(
    s: Any, own: Any, here: Any, orbit: Any, time: Any, geometry: Any, record: Any, turn: int, late: int, scale: float
) -> None:
    """Write down what leaves at the septum."""
    for i in range(LANES):
        if s[STATUS * LANES + i] == CIRCULATES:
            for k in range(4):
                own[(BEFORE + k) * LANES + i] = here[k * LANES + i] + orbit[k * LANES + i]
            slope = own[(BEFORE + 1) * LANES + i] * own[SLOPE * LANES + i]
            end = fate(own[BEFORE * LANES + i], slope, geometry)
            if not abs(here[i]) + abs(here[2 * LANES + i]) < _FARTHEST:
                end = UNBOUNDED
            if end != CIRCULATES:
                _leave(s, own, i, end, record[i], turn, late * time[i], scale, -1)


@compiled
def count_unproven(here: Any, own: Any, ellipse: Any) -> Any:
    """How many lanes have amplitudes that may leave an opening in this turn."""
    beta_x, alpha_x, beta_y, alpha_y = ellipse[0], ellipse[1], ellipse[2], ellipse[3]
    count = 0
    for i in range(LANES):
        x_square = square(here[i], here[LANES + i], beta_x, alpha_x)
        y_square = square(here[2 * LANES + i], here[3 * LANES + i], beta_y, alpha_y)
        inside = (x_square <= own[LIMIT_X * LANES + i]) & (y_square <= own[LIMIT_Y * LANES + i])
        count += 1 - int(inside)
    return count


@compiled
def at_apertures(
    s: Any,
    own: Any,
    here: Any,
    vector: Any,
    layout: Any,
    watch: Any,
    memory: Any,
    moment: int,
    signal: Any,
    time: Any,
    record: Any,
    turn: int,
    late: int,
    scale: float,
) -> None:
    """Look closely at each lane that is not proven to stay inside, and write down what leaves an opening."""
    terms, offset, cut = layout
    ellipse, cells, region = watch[0], watch[1], watch[2]
    for i in range(LANES):
        x, p, y, q = here[i], here[LANES + i], here[2 * LANES + i], here[3 * LANES + i]
        wide, high = square(x, p, ellipse[0], ellipse[1]), square(y, q, ellipse[2], ellipse[3])
        proven = (wide <= own[LIMIT_X * LANES + i]) & (high <= own[LIMIT_Y * LANES + i])
        if proven or s[STATUS * LANES + i] != CIRCULATES:
            continue
        how = WITHIN
        if not (wide <= region[0] and high <= region[1]):
            how = BEYOND if wide <= _FAR * region[0] and high <= _FAR * region[1] else FAR
        now = signal[0] + own[AHEAD * LANES + i] * (signal[1] - signal[0])
        excited = now.real * own[REAL * LANES + i] - now.imag * own[IMAGINARY * LANES + i]
        t = own[T * LANES + i]
        cell = int(np.floor((t + 1.0) / 2.0 * cells.shape[1]))
        if cell < 0 or cell >= cells.shape[1]:
            how, cell = max(how, BEYOND), 0
        where, found = look(
            vector[i::LANES],
            offset,
            terms,
            (x, p, y, q),
            t,
            how,
            (cut, excited),
            (ellipse, cells[int(own[LEVEL * LANES + i]), cell]) + watch[3:],  # noqa: RUF005 (numba knows no star here)
            memory,
            moment,
        )
        if where >= 0:
            for k in range(4):
                own[(BEFORE + k) * LANES + i] = found[k]
            _leave(s, own, i, APERTURE, record[i], turn, late * time[i], scale, where)
