"""One turn of a group of lanes: loops that do nothing but arithmetic, which the compiler makes vector instructions of.

A section between two kicks is a lens, a drift and a lens (``shears``); the lenses are taken in with the kicks before
and behind, so that a section and its kick cost half of what a matrix and a kick do, and are one loop over the lanes:
what a loop stores and the next one loads again is what takes time.
"""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np

from extraction.spill.lanes.rows import (
    AHEAD,
    CLOCK,
    IMAGINARY,
    LANES,
    LEAN_X,
    LEAN_Y,
    OWN_DELTA,
    PHASE,
    QUICK_X,
    QUICK_Y,
    REAL,
    TIME_SLOPE,
    TURN_IMAGINARY,
    TURN_REAL,
)
from optics.compiled import compiled, contracted

#: Rows of a stage before its kick: drifts in x and y, lenses in x and y.
STAGE = 4
#: What stands behind the drift of a stage.
LENS, KICK, EXCITER = range(3)


@contracted
def kicked(z: Any, m: Any) -> None:
    """A stage ``m``: a drift, then a lens with the kick of the numbers a, b, c, d, e: see ``sections.kicks``."""
    for i in range(LANES):
        a, b, c = m[4 * LANES + i], m[5 * LANES + i], m[6 * LANES + i]
        d, e = m[7 * LANES + i], m[8 * LANES + i]
        px, py = z[LANES + i], z[3 * LANES + i]
        x, y = z[i] + m[i] * px, z[2 * LANES + i] + m[LANES + i] * py
        square = y * y
        z[i], z[2 * LANES + i] = x, y
        z[LANES + i] = px - (x * (x * (a + c * x) + (d * square + m[2 * LANES + i])) + b * square)
        z[3 * LANES + i] = py - y * (x * ((b + b) + d * x) + (e * square + m[3 * LANES + i]))


@contracted
def kicked_fifth(z: Any, m: Any) -> None:
    """The rest of a kick: its numbers f, g, h."""
    for i in range(LANES):
        x, y = z[i], z[2 * LANES + i]
        f, g, h = m[9 * LANES + i], m[10 * LANES + i], m[11 * LANES + i]
        xx, yy = x * x, y * y
        z[LANES + i] -= f * xx * xx + yy * (3.0 * g * xx + h * yy)
        z[3 * LANES + i] -= x * y * (2.0 * g * xx + 4.0 * h * yy)


@contracted
def drifted(z: Any, m: Any) -> None:
    """A stage without a kick: a drift, then a lens."""
    for i in range(LANES):
        px, py = z[LANES + i], z[3 * LANES + i]
        x, y = z[i] + m[i] * px, z[2 * LANES + i] + m[LANES + i] * py
        z[i], z[2 * LANES + i] = x, y
        z[LANES + i] = px - m[2 * LANES + i] * x
        z[3 * LANES + i] = py - m[3 * LANES + i] * y


@contracted
def through_lens(z: Any, m: Any, sign: float) -> None:
    """The lens of a stage, without its drift; with ``sign`` -1 without it again."""
    for i in range(LANES):
        z[LANES + i] -= sign * m[2 * LANES + i] * z[i]
        z[3 * LANES + i] -= sign * m[3 * LANES + i] * z[2 * LANES + i]


@contracted
def count_outside(z: Any, own: Any, beta_x: float, beta_y: float) -> Any:
    """How many lanes may have something to do with wires or an opening in the turn that begins; a quick test.

    Behind the first lens, where amplitudes are those of x and lean x + beta p.
    """
    count = 0
    for i in range(LANES):
        x, y = z[i], z[2 * LANES + i]
        turned_x = own[LEAN_X * LANES + i] * x + beta_x * z[LANES + i]
        turned_y = own[LEAN_Y * LANES + i] * y + beta_y * z[3 * LANES + i]
        inside = (x * x + turned_x * turned_x <= own[QUICK_X * LANES + i]) & (
            y * y + turned_y * turned_y <= own[QUICK_Y * LANES + i]
        )
        count += 1 - int(inside)
    return count


@contracted
def excited(z: Any, own: Any, now: Any, later: Any) -> None:
    """The exciter's kick at each lane's own time, and its phase one turn on; its envelope ``now`` and a turn later."""
    change = later - now
    for i in range(LANES):
        signal = now + own[AHEAD * LANES + i] * change
        c, s = own[REAL * LANES + i], own[IMAGINARY * LANES + i]
        a, b = own[TURN_REAL * LANES + i], own[TURN_IMAGINARY * LANES + i]
        z[LANES + i] += signal.real * c - signal.imag * s
        own[REAL * LANES + i], own[IMAGINARY * LANES + i] = c * a - s * b, c * b + s * a


@compiled
def bucket_step(s: Any, own: Any, time: Any, frequency: float, voltage: float) -> None:
    """Clock, and energy from the buckets' RF, once a turn.

    The time of a turn follows the energy at once: a block late, the synchrotron motion would grow without bounds.
    """
    for i in range(LANES):
        s[CLOCK * LANES + i] += time[i]
        s[PHASE * LANES + i] = (s[PHASE * LANES + i] + 2 * pi * frequency * time[i]) % (2 * pi)
        change = voltage * np.sin(s[PHASE * LANES + i])
        s[OWN_DELTA * LANES + i] += change
        time[i] += own[TIME_SLOPE * LANES + i] * change
