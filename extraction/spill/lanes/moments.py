"""What changes between two blocks of turns: the maps of each lane's momentum, proofs and phases."""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np

from extraction.spill.fate import CIRCULATES
from extraction.spill.lanes.rows import (
    AHEAD,
    CLOCK,
    IMAGINARY,
    LANES,
    LEAN_X,
    LEAN_Y,
    LEVEL,
    LIMIT_X,
    LIMIT_Y,
    ORBIT_BEFORE,
    OWN_DELTA,
    QUICK_X,
    QUICK_Y,
    REAL,
    SLOPE,
    STATUS,
    TIME_SLOPE,
    TURN_IMAGINARY,
    TURN_REAL,
    T,
)
from extraction.spill.lanes.turn import STAGE
from extraction.spill.looking import square
from optics.compiled import compiled, contracted

_ROOM = 1.1  # times the square of a vertical amplitude, for what it may grow by before the next moment
_FARTHEST = 0.4  # m in each plane, far outside of any beam pipe, and within what counts as lost whatever stands there


@contracted
def _refresh(vector: Any, t: Any, table: Any) -> None:
    """Vector of each lane from its polynomials in momentum, t (LANES,): Horner's rule, four powers at a time."""
    size, terms = table.shape
    for c in range(size):
        row, first = vector[c * LANES : (c + 1) * LANES], (terms - 1) // 4 * 4
        k0, k1, k2, k3 = table[c, first], 0.0, 0.0, 0.0
        if first + 1 < terms:
            k1 = table[c, first + 1]
        if first + 2 < terms:
            k2 = table[c, first + 2]
        if first + 3 < terms:
            k3 = table[c, first + 3]
        for i in range(LANES):
            row[i] = ((k3 * t[i] + k2) * t[i] + k1) * t[i] + k0
        for k in range(first - 4, -1, -4):
            k0, k1, k2, k3 = table[c, k], table[c, k + 1], table[c, k + 2], table[c, k + 3]
            for i in range(LANES):
                row[i] = (((row[i] * t[i] + k3) * t[i] + k2) * t[i] + k1) * t[i] + k0


@contracted
def _sheared(m: Any, extra: float, before: Any, here: Any) -> None:
    """A section's matrix ``m``, scaled to determinant 1, behind a drift of -``extra``, as lens, drift and lens.

        m drift(-extra) = sqrt(det m) lens drift lens_before

    ``before``: the lens of the stage before, which is added to; ``here``: drift and, two rows on, lens of this stage.
    Without the scale the 1e-10 that the polynomials miss would add up over a million turns.
    """
    for i in range(LANES):
        a, b, c, d = m[i], m[LANES + i], m[2 * LANES + i], m[3 * LANES + i]
        root = np.sqrt(a * d - b * c)
        across = b - extra * a
        inverse = 1.0 / (across * root)
        before[i] += (root - a) * root * inverse
        here[i] = across * across * inverse
        here[2 * LANES + i] = (root - (d - extra * c)) * root * inverse


@compiled
def new_path(path: Any, vector: Any, extras: Any, terms: int) -> None:
    """The stages of a turn, ``path`` (1 + stages, (STAGE + terms) LANES), the first of them the lens before all.

    ``extras`` (sections, 2) [m]: drifts before sections that are no lens, drift and lens otherwise.
    """
    stage, k, size = 0, 8 * len(extras) * LANES, terms * LANES
    path[0] = 0.0
    for section in range(len(extras)):
        if extras[section, 0] != 0.0 or extras[section, 1] != 0.0:
            stage += 1
            path[stage] = 0.0
            path[stage, :LANES], path[stage, LANES : 2 * LANES] = extras[section, 0], extras[section, 1]
        before, here = path[stage], path[stage + 1]
        for plane in range(2):
            m = (8 * section + 4 * plane) * LANES
            lens = before[(2 + plane) * LANES : (3 + plane) * LANES]
            _sheared(vector[m : m + 4 * LANES], extras[section, plane], lens, here[plane * LANES :])
        stage += 1
        if section < len(extras) - 1:
            here[STAGE * LANES :] = vector[k + size * section : k + size * (section + 1)]
    path[stage, 2 * LANES : 4 * LANES] += path[0, 2 * LANES : 4 * LANES]  # the lens that the next turn begins with


@compiled
def _level(y_square: float, limits: Any, cell: int) -> Any:
    """The first of the proof's levels with room for this vertical amplitude, or the last one: (levels, cells, 2)."""
    for level in range(len(limits) - 1):
        if _ROOM * y_square <= limits[level, cell, 1]:
            return level
    return len(limits) - 1


@compiled
def new_limits(s: Any, own: Any, limits: Any, first: Any, orbit: Any, ellipse: Any, geometry: Any) -> None:
    """Squares of the amplitudes that stay inside all openings, and of those that reach the wires neither.

    Of each lane's momentum and vertical amplitude, behind the lens ``first`` that a turn begins with. Nobody reaches
    the wires whose depth behind them is 0 at most, where they begin and where they end.
    """
    beta_x, alpha_x, beta_y, alpha_y = ellipse[0], ellipse[1], ellipse[2], ellipse[3]
    side, position, _, length, angle, _, _ = geometry
    for i in range(LANES):
        cell = int(np.floor((own[T * LANES + i] + 1.0) / 2.0 * limits.shape[1]))
        known = cell >= 0 and cell < limits.shape[1]
        y_square = square(s[2 * LANES + i], s[3 * LANES + i], beta_y, alpha_y)
        level = _level(y_square, limits, cell) if known else 0
        limit_x, limit_y = (limits[level, cell, 0], limits[level, cell, 1]) if known else (-1.0, -1.0)
        own[LEVEL * LANES + i] = level
        own[LIMIT_X * LANES + i], own[LIMIT_Y * LANES + i] = limit_x, limit_y
        reach = length * own[SLOPE * LANES + i]
        room = side * (position - orbit[i])
        behind = room + side * (length * angle - reach * orbit[LANES + i])
        lean = beta_x - alpha_x * reach
        farthest = min(room, behind * beta_x / np.hypot(lean, reach), _FARTHEST)
        own[QUICK_X * LANES + i] = min(farthest * abs(farthest), beta_x * limit_x)
        own[QUICK_Y * LANES + i] = min(_FARTHEST * _FARTHEST, beta_y * limit_y)
        own[LEAN_X * LANES + i] = alpha_x + beta_x * first[2 * LANES + i]
        own[LEAN_Y * LANES + i] = alpha_y + beta_y * first[3 * LANES + i]


@compiled
def new_moment(
    s: Any,
    own: Any,
    vector: Any,
    orbit: Any,
    time: Any,
    maps: Any,
    now: int,
    shift: float,
    scale: float,
    relative: bool,
) -> None:
    """Sections, orbit, slopes and times of each lane for another moment.

    Coordinates stay, unless ``relative`` ones shall. The maps' time is that of a particle as fast as the magnets are
    set for; where they are scaled, the particle has another velocity on the same orbit.
    """
    tables, centre, half_width, speed = maps
    for i in range(LANES):
        delta = (1.0 + s[OWN_DELTA * LANES + i] + shift) * scale - 1.0
        own[T * LANES + i] = (delta - centre) / half_width
        own[SLOPE * LANES + i] = 1.0 / (1.0 + delta)
    before = own[ORBIT_BEFORE * LANES : (ORBIT_BEFORE + 4) * LANES]
    before[:] = orbit
    _refresh(vector, own[T * LANES : (T + 1) * LANES], tables[min(now, tables.shape[0] - 1)])
    if scale != 1.0:
        for i in range(LANES):
            square = (speed * (1.0 + s[OWN_DELTA * LANES + i] + shift)) ** 2
            time[i] *= scale * np.sqrt((1.0 + square) / (1.0 + scale * scale * square))
    if not relative:
        for k in range(4):
            for i in range(LANES):
                if s[STATUS * LANES + i] == CIRCULATES:
                    s[k * LANES + i] += before[k * LANES + i] - orbit[k * LANES + i]


@compiled
def new_phases(s: Any, own: Any, time: Any, frequency: float, revolution: float, sample: int) -> None:
    """Phase of the exciter at each lane's own time, and its advance in a turn; a parked lane is not excited.

    Also how far each lane is ahead of the envelope's ``sample``, in revolutions.
    """
    for i in range(LANES):
        own[AHEAD * LANES + i] = min(max(s[CLOCK * LANES + i] / revolution - sample, -1.0), 2.0)
        alive = 1.0 if s[STATUS * LANES + i] == CIRCULATES else 0.0
        phase, advance = 2 * pi * frequency * s[CLOCK * LANES + i], 2 * pi * frequency * time[i]
        own[REAL * LANES + i], own[IMAGINARY * LANES + i] = alive * np.cos(phase), alive * np.sin(phase)
        own[TURN_REAL * LANES + i], own[TURN_IMAGINARY * LANES + i] = np.cos(advance), np.sin(advance)


@compiled
def new_time_slopes(own: Any, row: Any, half_width: float, scale: float) -> None:
    """How the time of a turn changes with each lane's own delta, from the polynomial ``row`` of the time."""
    for i in range(LANES):
        t, slope = own[T * LANES + i], 0.0
        for k in range(len(row) - 1, 0, -1):
            slope = slope * t + k * row[k]
        own[TIME_SLOPE * LANES + i] = slope * scale / half_width
