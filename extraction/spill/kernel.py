"""The inner loop of spill tracking: many particles through sections and kicks, a group of lanes at a time.

A group of ``LANES`` particles is worked on quantity by quantity (quantity k of lane i is at k LANES + i of a flat
array), in loops over the lanes that do nothing but arithmetic: the compiler then computes eight particles with one
instruction (measured: 5 to 10 times faster than particle by particle).
"""

from __future__ import annotations

from math import pi
from typing import Any

import numba
import numpy as np

from optics.compiled import compiled

LANES = 32
#: What can become of a particle.
CIRCULATES, EXTRACTED, WIRES, CATHODE, APERTURE, UNBOUNDED = range(6)
_FARTHEST = 1.0  # m: a particle farther out than this is lost whatever stands there

#: Rows of ``state``: coordinates, delta without the schedule's shift, time, phase in the buckets' RF, fate.
X, PX, Y, PY, OWN_DELTA, CLOCK, PHASE, STATUS = range(8)
N_STATE = 8
#: Columns of ``record``: of what left, when, where and with which coordinates; the cut is -1 at the septum.
TURN, TIME, X_LEFT, PX_LEFT, Y_LEFT, PY_LEFT, DELTA_LEFT, CUT = range(8)
N_RECORD = 8

# Rows of a group's own memory.
_T, _SLOPE, _REAL, _IMAGINARY, _TURN_REAL, _TURN_IMAGINARY, _WORST = range(7)
_BEFORE, _ORBIT_BEFORE = 7, 11  # four rows each
_TIME_SLOPE, _AHEAD = 15, 16
_N_OWN = 17


@compiled
def fate(x: Any, slope: Any, geometry: Any) -> Any:
    """What becomes of a particle at the entrance of the electrostatic septum: CIRCULATES, EXTRACTED, WIRES, CATHODE.

    ``x`` [m], ``slope`` dx/ds; ``geometry``: side, position, thickness, length, angle, kick, gap. The wires stand at
    ``position`` + ``angle`` s. A particle inside them that reaches them within their ``length`` hits them; so does one
    beyond that starts within the thickness or is not kicked away fast enough; one beyond the gap hits the cathode,
    whatever its slope where it begins there. The kick grows evenly along the length.
    """
    side, position, thickness, length, angle, kick, gap = geometry
    depth = side * (x - position)
    outwards = side * (slope - angle)
    if depth <= 0.0:
        return WIRES if depth + outwards * length > 0.0 else CIRCULATES
    cathode = thickness + gap if gap > 0.0 else np.inf
    if depth > cathode:
        return CATHODE
    end = depth + length * (outwards + 0.5 * kick)
    nearest = min(depth, end)
    if outwards < 0.0 and outwards + kick > 0.0:  # it turns back inside
        nearest = depth - 0.5 * length * outwards * outwards / kick
    if nearest < thickness:
        return WIRES
    return CATHODE if end > cathode else EXTRACTED


@compiled
def _refresh(vector: Any, t: Any, table: Any) -> None:
    """Vector of each lane from its polynomials in momentum, t (LANES,): Horner's rule, two powers at a time."""
    size, terms = table.shape
    for c in range(size):
        row = vector[c * LANES : (c + 1) * LANES]
        row[:] = table[c, terms - 1]
        for k in range(terms - 2, 0, -2):
            upper, lower = table[c, k], table[c, k - 1]
            for i in range(LANES):
                row[i] = (row[i] * t[i] + upper) * t[i] + lower
        if terms % 2 == 0:
            lowest = table[c, 0]
            for i in range(LANES):
                row[i] = row[i] * t[i] + lowest


@compiled
def _make_symplectic(matrix: Any) -> None:
    """Scale a matrix to determinant 1: the 1e-10 that the polynomials miss would add up over a million turns."""
    for i in range(LANES):
        a, b, c, d = matrix[i], matrix[LANES + i], matrix[2 * LANES + i], matrix[3 * LANES + i]
        scale = 1.0 / np.sqrt(a * d - b * c)
        matrix[i], matrix[LANES + i], matrix[2 * LANES + i], matrix[3 * LANES + i] = (
            a * scale,
            b * scale,
            c * scale,
            d * scale,
        )


@compiled
def _section(z: Any, m: Any) -> None:
    """One linear section: both planes' matrices ``m``."""
    for i in range(LANES):
        x, px, y, py = z[i], z[LANES + i], z[2 * LANES + i], z[3 * LANES + i]
        z[i] = m[i] * x + m[LANES + i] * px
        z[LANES + i] = m[2 * LANES + i] * x + m[3 * LANES + i] * px
        z[2 * LANES + i] = m[4 * LANES + i] * y + m[5 * LANES + i] * py
        z[3 * LANES + i] = m[6 * LANES + i] * y + m[7 * LANES + i] * py


@compiled
def _kick(z: Any, k: Any) -> None:
    """The kick with the numbers a, b, c, d, e in ``k``."""
    for i in range(LANES):
        x, y = z[i], z[2 * LANES + i]
        a, b, c, d, e = k[i], k[LANES + i], k[2 * LANES + i], k[3 * LANES + i], k[4 * LANES + i]
        square = y * y
        z[LANES + i] -= x * (x * (a + c * x) + d * square) + b * square
        z[3 * LANES + i] -= y * (x * (2.0 * b + d * x) + e * square)


@compiled
def _excite(z: Any, own: Any, now: Any, later: Any) -> None:
    """The exciter's kick at each lane's own time, and its phase one turn on; its envelope ``now`` and a turn later."""
    change = later - now
    for i in range(LANES):
        signal = now + own[_AHEAD * LANES + i] * change
        c, s = own[_REAL * LANES + i], own[_IMAGINARY * LANES + i]
        a, b = own[_TURN_REAL * LANES + i], own[_TURN_IMAGINARY * LANES + i]
        z[LANES + i] += signal.real * c - signal.imag * s
        own[_REAL * LANES + i], own[_IMAGINARY * LANES + i] = c * a - s * b, c * b + s * a


@compiled
def _outside(opening: Any, x: Any, y: Any) -> Any:
    """Above 1 outside an aperture of x0, y0, 1/half_x, 1/half_y, 1/ellipse_x, 1/ellipse_y."""
    u, v = x - opening[0], y - opening[1]
    ex, ey = u * opening[4], v * opening[5]
    return max(abs(u * opening[2]), abs(v * opening[3]), ex * ex + ey * ey)


@compiled
def _watch(z: Any, orbit_x: Any, worst: Any, opening: Any) -> None:
    """Note how far outside an aperture each lane is."""
    for i in range(LANES):
        worst[i] = max(worst[i], _outside(opening, z[i] + orbit_x[i], z[2 * LANES + i]))


@compiled
def _leave(
    s: Any, z: Any, own: Any, i: int, end: int, row: Any, turn: int, later: float, scale: float, cut: int
) -> None:
    """Write down a particle that leaves, at the absolute coordinates in ``_BEFORE``, and park its lane."""
    s[STATUS * LANES + i] = end
    row[TURN] = turn
    row[TIME] = s[CLOCK * LANES + i] + later
    row[X_LEFT], row[PX_LEFT] = own[_BEFORE * LANES + i], own[(_BEFORE + 1) * LANES + i] / scale
    row[Y_LEFT], row[PY_LEFT] = own[(_BEFORE + 2) * LANES + i], own[(_BEFORE + 3) * LANES + i] / scale
    row[DELTA_LEFT] = s[OWN_DELTA * LANES + i]
    row[CUT] = cut
    for k in range(4):
        z[k * LANES + i] = 0.0
    own[_REAL * LANES + i] = own[_IMAGINARY * LANES + i] = 0.0


@compiled
def _count_beyond(z: Any, orbit: Any, slope: Any, geometry: Any) -> Any:
    """How many lanes may have something to do with the septum, or are far out; a quick test."""
    side, position, _, length, angle, _, _ = geometry
    count = 0
    for i in range(LANES):
        depth = side * (z[i] + orbit[i] - position)
        outwards = side * ((z[LANES + i] + orbit[LANES + i]) * slope[i] - angle)
        spread = abs(z[i]) + abs(z[2 * LANES + i])
        count += int(depth + max(outwards, 0.0) * length > 0.0) | int(not spread < _FARTHEST)
    return count


@compiled
def _at_septum(
    s: Any, z: Any, own: Any, orbit: Any, time: Any, geometry: Any, record: Any, turn: int, late: int, scale: float
) -> None:
    """Write down what leaves at the septum."""
    for i in range(LANES):
        if s[STATUS * LANES + i] == CIRCULATES:
            for k in range(4):
                own[(_BEFORE + k) * LANES + i] = z[k * LANES + i] + orbit[k * LANES + i]
            slope = own[(_BEFORE + 1) * LANES + i] * own[_SLOPE * LANES + i]
            end = fate(own[_BEFORE * LANES + i], slope, geometry)
            if not abs(z[i]) + abs(z[2 * LANES + i]) < _FARTHEST:
                end = UNBOUNDED
            if end != CIRCULATES:
                _leave(s, z, own, i, end, record[i], turn, late * time[i], scale, -1)


@compiled
def _at_apertures(
    s: Any, z: Any, own: Any, vector: Any, openings: Any, time: Any, record: Any, turn: int, late: int, scale: float
) -> None:
    """Write down what left an aperture in this turn, at the first cut where it did: the turn is followed again."""
    cuts = len(openings)
    kicks = 8 * (cuts + 1)
    places = kicks + 5 * cuts + 4
    for i in range(LANES):
        if own[_WORST * LANES + i] > 1.0 and s[STATUS * LANES + i] == CIRCULATES:
            lane = vector[i::LANES]
            x, p = own[_BEFORE * LANES + i], own[(_BEFORE + 1) * LANES + i]
            y, q = own[(_BEFORE + 2) * LANES + i], own[(_BEFORE + 3) * LANES + i]
            for j in range(cuts):
                m = lane[8 * j : 8 * j + 8]
                x, p = m[0] * x + m[1] * p, m[2] * x + m[3] * p
                y, q = m[4] * y + m[5] * q, m[6] * y + m[7] * q
                if _outside(openings[j], x + lane[places + j], y) > 1.0 or j == cuts - 1:
                    own[_BEFORE * LANES + i], own[(_BEFORE + 1) * LANES + i] = x + lane[places + j], p
                    own[(_BEFORE + 2) * LANES + i], own[(_BEFORE + 3) * LANES + i] = y, q
                    _leave(s, z, own, i, APERTURE, record[i], turn, late * time[i], scale, j)
                    break
                a, b, c, d, e = lane[kicks + 5 * j : kicks + 5 * j + 5]
                p -= x * (x * (a + c * x) + d * y * y) + b * y * y
                q -= y * (x * (2.0 * b + d * x) + e * y * y)


@compiled
def _new_moment(
    s: Any,
    z: Any,
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
        own[_T * LANES + i] = (delta - centre) / half_width
        own[_SLOPE * LANES + i] = 1.0 / (1.0 + delta)
    before = own[_ORBIT_BEFORE * LANES : (_ORBIT_BEFORE + 4) * LANES]
    before[:] = orbit
    _refresh(vector, own[_T * LANES : (_T + 1) * LANES], tables[min(now, tables.shape[0] - 1)])
    if scale != 1.0:
        for i in range(LANES):
            square = (speed * (1.0 + s[OWN_DELTA * LANES + i] + shift)) ** 2
            time[i] *= scale * np.sqrt((1.0 + square) / (1.0 + scale * scale * square))
    if not relative:
        for k in range(4):
            for i in range(LANES):
                if s[STATUS * LANES + i] == CIRCULATES:
                    z[k * LANES + i] += before[k * LANES + i] - orbit[k * LANES + i]


@compiled
def _new_phases(s: Any, own: Any, time: Any, frequency: float, revolution: float, sample: int) -> None:
    """Phase of the exciter at each lane's own time, and its advance in a turn; a parked lane is not excited.

    Also how far each lane is ahead of the envelope's ``sample``, in revolutions.
    """
    for i in range(LANES):
        own[_AHEAD * LANES + i] = min(max(s[CLOCK * LANES + i] / revolution - sample, -1.0), 2.0)
        alive = 1.0 if s[STATUS * LANES + i] == CIRCULATES else 0.0
        phase, advance = 2 * pi * frequency * s[CLOCK * LANES + i], 2 * pi * frequency * time[i]
        own[_REAL * LANES + i], own[_IMAGINARY * LANES + i] = alive * np.cos(phase), alive * np.sin(phase)
        own[_TURN_REAL * LANES + i], own[_TURN_IMAGINARY * LANES + i] = np.cos(advance), np.sin(advance)


@compiled
def _new_time_slopes(own: Any, row: Any, half_width: float, scale: float) -> None:
    """How the time of a turn changes with each lane's own delta, from the polynomial ``row`` of the time."""
    for i in range(LANES):
        t, slope = own[_T * LANES + i], 0.0
        for k in range(len(row) - 1, 0, -1):
            slope = slope * t + k * row[k]
        own[_TIME_SLOPE * LANES + i] = slope * scale / half_width


@compiled
def _bucket_step(s: Any, own: Any, time: Any, frequency: float, voltage: float) -> None:
    """Clock, and energy from the buckets' RF, once a turn.

    The time of a turn follows the energy at once: a block late, the synchrotron motion would grow without bounds.
    """
    for i in range(LANES):
        s[CLOCK * LANES + i] += time[i]
        s[PHASE * LANES + i] = (s[PHASE * LANES + i] + 2 * pi * frequency * time[i]) % (2 * pi)
        change = voltage * np.sin(s[PHASE * LANES + i])
        s[OWN_DELTA * LANES + i] += change
        time[i] += own[_TIME_SLOPE * LANES + i] * change


@compiled
def _track_group(
    state: Any,
    record: Any,
    turn: int,
    blocks: int,
    turns_each: int,
    maps: Any,
    moments: Any,
    septum: Any,
    openings: Any,
    exciter: Any,
    buckets: Any,
) -> None:
    """All turns of one group; arguments as in ``track``."""
    tables = maps[0]
    shift, scale, first_moment, moment = moments
    cut, signal, first_signal, revolution, frequency = exciter
    rf, voltage = buckets
    cuts, watched = openings.shape[0], np.any(openings != 0.0)
    kicks = 8 * (cuts + 1)
    orbit_row = kicks + 5 * cuts
    s, own = np.zeros(N_STATE * LANES), np.zeros(_N_OWN * LANES)
    for k in range(N_STATE):
        s[k * LANES : (k + 1) * LANES] = state[k]
    z = s[: 4 * LANES]
    vector = np.zeros(tables.shape[1] * LANES)
    orbit = vector[orbit_row * LANES : (orbit_row + 4) * LANES]
    places = vector[(orbit_row + 4) * LANES : (orbit_row + 4 + cuts) * LANES]
    time = vector[(orbit_row + 4 + cuts) * LANES :]
    worst, slope = own[_WORST * LANES : (_WORST + 1) * LANES], own[_SLOPE * LANES : (_SLOPE + 1) * LANES]
    before = 1.0
    for block in range(blocks):
        # The group's own clock tells the moment whose middle is nearest to that of the block: particles of other
        # momentum fall behind or run ahead.
        clock = np.mean(s[CLOCK * LANES : (CLOCK + 1) * LANES])
        now = min(max(int(np.floor(clock / moment + 0.5)) - first_moment, 0), len(shift) - 1)
        keep = voltage != 0.0 and block > 0
        for row in (LANES, 3 * LANES):  # momenta in units of what the magnets are set for, the last orbit's too
            z[row : row + LANES] *= scale[now] / before
            orbit[row : row + LANES] *= scale[now] / before
        _new_moment(s, z, own, vector, orbit, time, maps, now, shift[now], scale[now], keep)
        for matrix in range(2 * (cuts + 1)):
            _make_symplectic(vector[4 * matrix * LANES : 4 * (matrix + 1) * LANES])
        before = scale[now]
        sample = int(np.floor(clock / revolution))
        if cut >= 0:
            _new_phases(s, own, time, frequency, revolution, sample)
        if voltage != 0.0:
            _new_time_slopes(own, tables[min(now, len(tables) - 1), -1], maps[2], scale[now])
        begin = turn + block * turns_each
        for t in range(turns_each):
            late = 0 if voltage != 0.0 else t  # turns that the clocks are behind
            if _count_beyond(z, orbit, slope, septum) > 0:
                _at_septum(s, z, own, orbit, time, septum, record, begin + t, late, before)
            if watched:
                own[_BEFORE * LANES : (_BEFORE + 4) * LANES] = z
                worst[:] = 0.0
            for j in range(cuts):
                _section(z, vector[8 * j * LANES : 8 * (j + 1) * LANES])
                if watched:
                    _watch(z, places[j * LANES : (j + 1) * LANES], worst, openings[j])
                _kick(z, vector[(kicks + 5 * j) * LANES : (kicks + 5 * (j + 1)) * LANES])
                if j == cut:
                    row = min(max(sample - first_signal + t, 0), len(signal) - 2)
                    _excite(z, own, signal[row], signal[row + 1])
            _section(z, vector[8 * cuts * LANES : 8 * (cuts + 1) * LANES])
            if watched and np.max(worst) > 1.0:
                _at_apertures(s, z, own, vector, openings, time, record, begin + t, late, before)
            if voltage != 0.0:
                _bucket_step(s, own, time, rf[now], voltage)
        if voltage == 0.0:
            for i in range(LANES):
                s[CLOCK * LANES + i] += turns_each * time[i]
    z += orbit
    z[LANES : 2 * LANES] /= before
    z[3 * LANES :] /= before
    for k in range(N_STATE):
        state[k] = s[k * LANES : (k + 1) * LANES]


@numba.njit(cache=True, error_model="numpy", nogil=True, parallel=True)
def track(
    state: Any,
    record: Any,
    turn: int,
    blocks: int,
    turns_each: int,
    maps: Any,
    moments: Any,
    septum: Any,
    openings: Any,
    exciter: Any,
    buckets: Any,
) -> None:
    """Track for ``blocks`` of ``turns_each`` turns, between which the settings change; ``turn`` is the first.

    ``state`` (N_STATE, n), n a multiple of LANES, is changed in place, as is ``record`` (n, N_RECORD).
    ``maps``: (tables (moments or 1, size, degree + 1), centre, half_width) of SectionalMaps, and the reference
    particle's beta gamma. ``moments``: (shift (moments,), scale (moments,), number of the first, their distance [s]) of
    Schedule. ``septum`` as in ``fate``. ``openings`` (cuts, 6) as in ``_outside``, all 0 to watch none. ``exciter``:
    (cut or -1, envelope once a revolution, number of its first, time of a revolution [s], frequency [Hz]). ``buckets``:
    (frequency at each moment [Hz], step of delta or 0).
    """
    for group in numba.prange(state.shape[1] // LANES):
        lanes = slice(group * LANES, (group + 1) * LANES)
        _track_group(
            state[:, lanes], record[lanes], turn, blocks, turns_each, maps, moments, septum, openings, exciter, buckets
        )
