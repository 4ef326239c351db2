"""The inner loop of spill tracking: many particles through sections and kicks, a group of lanes at a time.

A group of ``LANES`` particles lies in one block of memory, quantity by quantity, so that the compiler computes eight
particles with one instruction. The number of cuts is a constant of each compiled loop: with it known the whole turn is
one straight piece of code (measured: 5 times faster than a loop over sections).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import pi
from typing import Any

import numba
import numpy as np

from optics.compiled import compiled

Array = np.ndarray[Any, Any]

LANES = 32
#: What can become of a particle.
CIRCULATES, EXTRACTED, WIRES, CATHODE, APERTURE, UNBOUNDED = range(6)
_UNBOUNDED = 1.0  # m: a particle farther out than this is lost whatever stands there

# Rows of a group's block: what moves, what stays for a while, then the vector of the sectional map.
_X, _PX, _Y, _PY, _DELTA, _T, _CLOCK, _SLOPE, _REAL, _IMAGINARY, _TURN_REAL, _TURN_IMAGINARY, _PHASE = range(13)
_BEFORE, _WORST, _ORBIT, _STATUS = 13, 17, 18, 22
_VECTOR = 23

#: side, position, thickness, length, angle, kick, gap of a septum as ``fate`` takes them.
Geometry = tuple[float, float, float, float, float, float, float]


@compiled
def fate(x: Any, slope: Any, geometry: Any) -> Any:
    """What becomes of a particle at the entrance of the electrostatic septum.

    ``x`` [m], ``slope`` dx/ds. The wires stand at ``position`` + ``angle`` s. A particle inside them that reaches them
    within their ``length`` hits them; so does one beyond that starts within the thickness or is not kicked away fast
    enough; one beyond the gap hits the cathode. The kick grows evenly along the length.
    """
    side, position, thickness, length, angle, kick, gap = geometry
    depth = side * (x - position)
    outwards = side * (slope - angle)
    if depth <= 0.0:
        return WIRES if depth + outwards * length > 0.0 else CIRCULATES
    nearest, end = depth, depth
    if length > 0.0:
        bend = kick / length
        end = depth + length * (outwards + 0.5 * kick)
        nearest = min(depth, end)
        if outwards < 0.0 and outwards + kick > 0.0:
            nearest = depth - 0.5 * outwards * outwards / bend
    if nearest < thickness:
        return WIRES
    if gap > 0.0 and max(depth, end) > thickness + gap:
        return CATHODE
    return EXTRACTED


@cache
def kernel(cuts: int, degree: int, knockout: int, buckets: bool, watched: bool) -> Callable[..., None]:
    """The compiled loop for a number of cuts and a degree of the polynomials in momentum.

    ``knockout``: cut the exciter acts at, or -1; ``buckets``: longitudinal motion; ``watched``: apertures at the cuts.
    """
    kicks = _VECTOR + 8 * (cuts + 1)
    orbit = kicks + 5 * cuts
    places = orbit + 4
    time = places + cuts
    size = time + 1 - _VECTOR
    W = LANES

    @numba.njit(cache=True, error_model="numpy", nogil=True, parallel=True, fastmath={"contract"})
    def track(
        coordinates: Any,  # (4, n) x, px, y, py, absolute, changed in place
        own_delta: Any,  # (n,) delta without the schedule's shift
        clock: Any,  # (n,) s
        phase: Any,  # (n,) of the buckets' RF, rad
        status: Any,  # (n,) of the constants above; only CIRCULATES is tracked
        record: Any,  # (n, 7) turn, time, x, px, y, py, place of what leaves
        turn0: int,
        tables: Any,  # (rows, size, degree + 1)
        shift: Any,  # (moments,) of momentum, and
        scale: Any,  # (moments,)
        first_moment: int,
        moment: float,  # s between two moments
        turns_each: int,  # turns between two refreshments of the sections
        blocks: int,
        centre: float,
        half_width: float,
        geometry: Any,
        openings: Any,  # (cuts, 6) x0, y0, 1/half_x, 1/half_y, 1/ellipse_x, 1/ellipse_y
        signal: Any,  # (n_signal,) complex envelope of the exciter, one a revolution
        first_signal: int,
        revolution: float,  # s between two of these
        frequency: float,  # of the exciter, Hz
        rf: Any,  # (moments,) frequency of the buckets, Hz
        voltage: float,  # their step of delta
    ) -> None:
        side, position, _, length, angle, _, _ = geometry
        wall = side * position
        for group in numba.prange(coordinates.shape[1] // W):
            g = group * W
            w = np.zeros((_VECTOR + size) * W)
            mean = 0.0
            for i in range(W):
                for k in range(4):
                    w[(_X + k) * W + i] = coordinates[k, g + i]
                w[_CLOCK * W + i] = clock[g + i]
                w[_PHASE * W + i] = phase[g + i]
                w[_STATUS * W + i] = status[g + i]
            previous_scale = 0.0
            for block in range(blocks):
                # The group's own clock tells which moment it is: particles of other momentum fall behind or run ahead.
                mean = 0.0
                for i in range(W):
                    mean += w[_CLOCK * W + i]
                mean /= W
                now = min(max(int(mean / moment) - first_moment, 0), len(shift) - 1)
                row = min(now, tables.shape[0] - 1)
                for i in range(W):
                    w[_DELTA * W + i] = (1.0 + own_delta[g + i] + shift[now]) * scale[now] - 1.0
                    w[_T * W + i] = (w[_DELTA * W + i] - centre) / half_width
                    w[_SLOPE * W + i] = 1.0 / (1.0 + w[_DELTA * W + i])
                    for k in range(4):
                        w[(_ORBIT + k) * W + i] = w[(orbit + k) * W + i] if block > 0 else 0.0
                for c in range(size):
                    for i in range(W):
                        value = tables[row, c, degree]
                        for k in range(1, degree + 1):
                            value = value * w[_T * W + i] + tables[row, c, degree - k]
                        w[(_VECTOR + c) * W + i] = value
                for s in range(2 * (cuts + 1)):
                    for i in range(W):
                        o = (_VECTOR + 4 * s) * W + i
                        root = 1.0 / np.sqrt(w[o] * w[o + 3 * W] - w[o + W] * w[o + 2 * W])
                        w[o] *= root
                        w[o + W] *= root
                        w[o + 2 * W] *= root
                        w[o + 3 * W] *= root
                grown = scale[now] / previous_scale if previous_scale > 0.0 else 1.0
                previous_scale = scale[now]
                for i in range(W):
                    alive = 1.0 if w[_STATUS * W + i] == CIRCULATES else 0.0
                    if not buckets or block == 0:
                        for k in range(4):
                            w[k * W + i] = alive * (w[k * W + i] + w[(_ORBIT + k) * W + i] - w[(orbit + k) * W + i])
                    w[_PX * W + i] *= grown
                    w[_PY * W + i] *= grown
                if knockout >= 0:
                    for i in range(W):
                        start = 2 * pi * frequency * w[_CLOCK * W + i]
                        w[_REAL * W + i], w[_IMAGINARY * W + i] = np.cos(start), np.sin(start)
                        advance = 2 * pi * frequency * w[time * W + i]
                        w[_TURN_REAL * W + i], w[_TURN_IMAGINARY * W + i] = np.cos(advance), np.sin(advance)
                sample = int(mean / revolution + 0.5) - first_signal
                for t in range(turns_each):
                    crossed = 0
                    for i in range(W):
                        depth = side * (w[_X * W + i] + w[orbit * W + i]) - wall
                        slope = side * ((w[_PX * W + i] + w[(orbit + 1) * W + i]) * w[_SLOPE * W + i] - angle)
                        spread = abs(w[_X * W + i]) + abs(w[_Y * W + i])
                        crossed += int(depth > 0.0) | int(depth + slope * length > 0.0) | int(not spread < _UNBOUNDED)
                    if crossed > 0:
                        for i in range(W):
                            if w[_STATUS * W + i] == CIRCULATES:
                                x = w[_X * W + i] + w[orbit * W + i]
                                px = w[_PX * W + i] + w[(orbit + 1) * W + i]
                                end = fate(x, px * w[_SLOPE * W + i], geometry)
                                if not abs(w[_X * W + i]) + abs(w[_Y * W + i]) < _UNBOUNDED:
                                    end = UNBOUNDED
                                if end != CIRCULATES:
                                    w[_STATUS * W + i] = end
                                    record[g + i, 0] = turn0 + block * turns_each + t
                                    record[g + i, 1] = w[_CLOCK * W + i] + t * w[time * W + i]
                                    record[g + i, 2] = x
                                    record[g + i, 3] = px
                                    record[g + i, 4] = w[_Y * W + i] + w[(orbit + 2) * W + i]
                                    record[g + i, 5] = w[_PY * W + i] + w[(orbit + 3) * W + i]
                                    record[g + i, 6] = -1.0
                                    for k in range(4):
                                        w[k * W + i] = 0.0
                    real, imaginary = 0.0, 0.0
                    if knockout >= 0:
                        at = min(max(sample + t, 0), len(signal) - 1)
                        real, imaginary = signal[at].real, signal[at].imag
                    for i in range(W):
                        x0, p0, y0, q0 = w[_X * W + i], w[_PX * W + i], w[_Y * W + i], w[_PY * W + i]
                        if watched:
                            for k in range(4):
                                w[(_BEFORE + k) * W + i] = w[k * W + i]
                        worst = 0.0
                        for j in range(cuts):
                            o = (_VECTOR + 8 * j) * W + i
                            x = w[o] * x0 + w[o + W] * p0
                            p = w[o + 2 * W] * x0 + w[o + 3 * W] * p0
                            y = w[o + 4 * W] * y0 + w[o + 5 * W] * q0
                            q = w[o + 6 * W] * y0 + w[o + 7 * W] * q0
                            if watched:
                                u = x + w[(places + j) * W + i] - openings[j, 0]
                                v = y - openings[j, 1]
                                ex, ey = u * openings[j, 4], v * openings[j, 5]
                                worst = max(worst, abs(u * openings[j, 2]), abs(v * openings[j, 3]), ex * ex + ey * ey)
                            o = (kicks + 5 * j) * W + i
                            y2 = y * y
                            x0 = x
                            p0 = p - x * (x * (w[o] + w[o + 2 * W] * x) + w[o + 3 * W] * y2) - w[o + W] * y2
                            y0 = y
                            q0 = q - y * (x * (2.0 * w[o + W] + w[o + 3 * W] * x) + w[o + 4 * W] * y2)
                            if j == knockout:
                                p0 += real * w[_REAL * W + i] - imaginary * w[_IMAGINARY * W + i]
                        o = (_VECTOR + 8 * cuts) * W + i
                        w[_X * W + i] = w[o] * x0 + w[o + W] * p0
                        w[_PX * W + i] = w[o + 2 * W] * x0 + w[o + 3 * W] * p0
                        w[_Y * W + i] = w[o + 4 * W] * y0 + w[o + 5 * W] * q0
                        w[_PY * W + i] = w[o + 6 * W] * y0 + w[o + 7 * W] * q0
                        if watched:
                            w[_WORST * W + i] = worst
                        if knockout >= 0:
                            c, s = w[_REAL * W + i], w[_IMAGINARY * W + i]
                            a, b = w[_TURN_REAL * W + i], w[_TURN_IMAGINARY * W + i]
                            w[_REAL * W + i], w[_IMAGINARY * W + i] = c * a - s * b, c * b + s * a
                    if knockout >= 0:
                        # A lane that is parked stays so.
                        for i in range(W):
                            keep = 1.0 if w[_STATUS * W + i] == CIRCULATES else 0.0
                            for k in range(4):
                                w[k * W + i] *= keep
                    if watched:
                        hit = 0
                        for i in range(W):
                            hit += int(w[_WORST * W + i] > 1.0)
                        if hit > 0:
                            for i in range(W):
                                if w[_WORST * W + i] > 1.0 and w[_STATUS * W + i] == CIRCULATES:
                                    w[_STATUS * W + i] = APERTURE
                                    record[g + i, 0] = turn0 + block * turns_each + t
                                    record[g + i, 1] = w[_CLOCK * W + i] + t * w[time * W + i]
                                    x, p = w[_BEFORE * W + i], w[(_BEFORE + 1) * W + i]
                                    y, q = w[(_BEFORE + 2) * W + i], w[(_BEFORE + 3) * W + i]
                                    place = -1
                                    for j in range(cuts):
                                        if place < 0:
                                            o = (_VECTOR + 8 * j) * W + i
                                            x, p = w[o] * x + w[o + W] * p, w[o + 2 * W] * x + w[o + 3 * W] * p
                                            y, q = w[o + 4 * W] * y + w[o + 5 * W] * q, w[o + 6 * W] * y + w[o + 7 * W] * q
                                            u = x + w[(places + j) * W + i] - openings[j, 0]
                                            v = y - openings[j, 1]
                                            ex, ey = u * openings[j, 4], v * openings[j, 5]
                                            if max(abs(u * openings[j, 2]), abs(v * openings[j, 3]), ex * ex + ey * ey) > 1.0:
                                                place = j
                                            else:
                                                o = (kicks + 5 * j) * W + i
                                                y2 = y * y
                                                p -= x * (x * (w[o] + w[o + 2 * W] * x) + w[o + 3 * W] * y2) + w[o + W] * y2
                                                q -= y * (x * (2.0 * w[o + W] + w[o + 3 * W] * x) + w[o + 4 * W] * y2)
                                                if j == knockout:
                                                    place = place  # the exciter's kick is too small to matter here
                                    record[g + i, 2] = x + w[(places + max(place, 0)) * W + i]
                                    record[g + i, 3] = p
                                    record[g + i, 4] = y
                                    record[g + i, 5] = q
                                    record[g + i, 6] = place
                                    for k in range(4):
                                        w[k * W + i] = 0.0
                    if buckets:
                        step = 2 * pi * rf[now]
                        for i in range(W):
                            w[_PHASE * W + i] += step * w[time * W + i]
                            own_delta[g + i] += voltage * np.sin(w[_PHASE * W + i])
                for i in range(W):
                    w[_CLOCK * W + i] += turns_each * w[time * W + i]
            for i in range(W):
                for k in range(4):
                    coordinates[k, g + i] = w[k * W + i] + w[(orbit + k) * W + i]
                clock[g + i] = w[_CLOCK * W + i]
                phase[g + i] = w[_PHASE * W + i] % (2 * pi)
                status[g + i] = int(w[_STATUS * W + i])

    return track
