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

from extraction.spill.fate import APERTURE, CIRCULATES, UNBOUNDED, fate
from extraction.spill.looking import BEYOND, FAR, WITHIN, look, square
from optics.compiled import compiled

LANES = 32
_FARTHEST = 1.0  # m: a particle farther out than this is lost whatever stands there
_FAR = 1.7  # times the square of the region's amplitude: beyond it fitted positions are no better than linear ones

#: Rows of ``state``: coordinates, delta without the schedule's shift, time, phase in the buckets' RF, fate.
X, PX, Y, PY, OWN_DELTA, CLOCK, PHASE, STATUS = range(8)
N_STATE = 8
#: Columns of ``record``: of what left, when, where and with which coordinates; the cut is -1 at the septum.
TURN, TIME, X_LEFT, PX_LEFT, Y_LEFT, PY_LEFT, DELTA_LEFT, CUT = range(8)
N_RECORD = 8

# Rows of a group's own memory.
_T, _SLOPE, _REAL, _IMAGINARY, _TURN_REAL, _TURN_IMAGINARY = range(6)
_BEFORE, _ORBIT_BEFORE = 6, 10  # four rows each
_TIME_SLOPE, _AHEAD, _LIMIT_X, _LIMIT_Y = 14, 15, 16, 17
_N_OWN = 18


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
def _kick_fifth(z: Any, k: Any) -> None:
    """The kick with the numbers f, g, h in ``k``."""
    for i in range(LANES):
        x, y = z[i], z[2 * LANES + i]
        f, g, h = k[i], k[LANES + i], k[2 * LANES + i]
        xx, yy = x * x, y * y
        z[LANES + i] -= f * xx * xx + yy * (3.0 * g * xx + h * yy)
        z[3 * LANES + i] -= x * y * (2.0 * g * xx + 4.0 * h * yy)


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
def _count_unproven(z: Any, own: Any, ellipse: Any) -> Any:
    """How many lanes have amplitudes that may leave an opening in this turn; a quick test."""
    beta_x, alpha_x, beta_y, alpha_y = ellipse[0], ellipse[1], ellipse[2], ellipse[3]
    count = 0
    for i in range(LANES):
        x_square = square(z[i], z[LANES + i], beta_x, alpha_x)
        y_square = square(z[2 * LANES + i], z[3 * LANES + i], beta_y, alpha_y)
        inside = (x_square <= own[_LIMIT_X * LANES + i]) & (y_square <= own[_LIMIT_Y * LANES + i])
        count += 1 - int(inside)
    return count


@compiled
def _at_apertures(
    s: Any,
    z: Any,
    own: Any,
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
        x, p, y, q = z[i], z[LANES + i], z[2 * LANES + i], z[3 * LANES + i]
        wide, high = square(x, p, ellipse[0], ellipse[1]), square(y, q, ellipse[2], ellipse[3])
        proven = (wide <= own[_LIMIT_X * LANES + i]) & (high <= own[_LIMIT_Y * LANES + i])
        if proven or s[STATUS * LANES + i] != CIRCULATES:
            continue
        how = WITHIN
        if not (wide <= region[0] and high <= region[1]):
            how = BEYOND if wide <= _FAR * region[0] and high <= _FAR * region[1] else FAR
        now = signal[0] + own[_AHEAD * LANES + i] * (signal[1] - signal[0])
        excited = now.real * own[_REAL * LANES + i] - now.imag * own[_IMAGINARY * LANES + i]
        t = own[_T * LANES + i]
        cell = int((t + 1.0) / 2.0 * len(cells))
        if cell < 0 or cell >= len(cells):
            how, cell = max(how, BEYOND), 0
        where, found = look(
            vector[i::LANES],
            offset,
            terms,
            (x, p, y, q),
            t,
            how,
            (cut, excited),
            (ellipse, cells[cell]) + watch[3:],  # noqa: RUF005 (numba knows no star here)
            memory,
            moment,
        )
        if where >= 0:
            for k in range(4):
                own[(_BEFORE + k) * LANES + i] = found[k]
            _leave(s, z, own, i, APERTURE, record[i], turn, late * time[i], scale, where)


@compiled
def _new_limits(own: Any, limits: Any) -> None:
    """Squares of the amplitudes that are proven to stay inside, of each lane's momentum."""
    for i in range(LANES):
        cell = int(np.floor((own[_T * LANES + i] + 1.0) / 2.0 * len(limits)))
        known = cell >= 0 and cell < len(limits)
        own[_LIMIT_X * LANES + i] = limits[cell, 0] if known else -1.0
        own[_LIMIT_Y * LANES + i] = limits[cell, 1] if known else -1.0


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
    apertures: Any,
    exciter: Any,
    buckets: Any,
) -> None:
    """All turns of one group; arguments as in ``track``."""
    tables, cuts, terms = maps[0], maps[4], maps[5]
    limits, watch = apertures[0], apertures[1:]
    shift, scale, first_moment, moment = moments
    cut, signal, first_signal, revolution, frequency = exciter
    rf, voltage = buckets
    watched = len(watch[4]) > 0
    kicks = 8 * (cuts + 1)
    orbit_row = kicks + terms * cuts
    memory = (np.zeros(watch[5].shape[1:]), np.full(len(watch[4]), -1))
    s, own = np.zeros(N_STATE * LANES), np.zeros(_N_OWN * LANES)
    for k in range(N_STATE):
        s[k * LANES : (k + 1) * LANES] = state[k]
    z = s[: 4 * LANES]
    vector = np.zeros(tables.shape[1] * LANES)
    orbit = vector[orbit_row * LANES : (orbit_row + 4) * LANES]
    time = vector[(orbit_row + 4) * LANES :]
    slope = own[_SLOPE * LANES : (_SLOPE + 1) * LANES]
    before, nothing = 1.0, (0j, 0j)
    for block in range(blocks):
        # The group's own clock tells the moment whose middle is nearest to that of the block: particles of other
        # momentum fall behind or run ahead.
        clock = np.mean(s[CLOCK * LANES : (CLOCK + 1) * LANES])
        now = min(max(int(np.floor(clock / moment + 0.5)) - first_moment, 0), len(shift) - 1)
        keep = voltage != 0.0 and block > 0
        for row in (LANES, 3 * LANES):  # momenta in units of what the magnets are set for, the last orbit's too
            z[row : row + LANES] *= scale[now] / before
            orbit[row : row + LANES] *= scale[now] / before
        _new_moment(s, z, own, vector, orbit, time, maps[:4], now, shift[now], scale[now], keep)
        for matrix in range(2 * (cuts + 1)):
            _make_symplectic(vector[4 * matrix * LANES : 4 * (matrix + 1) * LANES])
        if watched:
            _new_limits(own, limits)
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
            row = min(max(sample - first_signal + t, 0), len(signal) - 2)
            if watched and _count_unproven(z, own, watch[0]) > 0:
                excitation = (signal[row], signal[row + 1]) if cut >= 0 else nothing
                layout = (terms, kicks, cut)
                _at_apertures(
                    s,
                    z,
                    own,
                    vector,
                    layout,
                    watch,
                    memory,
                    min(now, len(watch[6]) - 1),
                    excitation,
                    time,
                    record,
                    begin + t,
                    late,
                    before,
                )
            for j in range(cuts):
                _section(z, vector[8 * j * LANES : 8 * (j + 1) * LANES])
                k = kicks + terms * j
                _kick(z, vector[k * LANES : (k + 5) * LANES])
                if terms > 5:
                    _kick_fifth(z, vector[(k + 5) * LANES : (k + terms) * LANES])
                if j == cut:
                    _excite(z, own, signal[row], signal[row + 1])
            _section(z, vector[8 * cuts * LANES : 8 * (cuts + 1) * LANES])
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
    apertures: Any,
    exciter: Any,
    buckets: Any,
) -> None:
    """Track for ``blocks`` of ``turns_each`` turns, between which the settings change; ``turn`` is the first.

    ``state`` (N_STATE, n), n a multiple of LANES, is changed in place, as is ``record`` (n, N_RECORD). ``maps``:
    (tables (moments or 1, turn, degree + 1), centre, half_width) of SectionalMaps, the reference particle's beta
    gamma, cuts and terms of a kick. ``moments``: (shift (moments,), scale (moments,), number of the first, their
    distance [s]) of Schedule. ``septum`` as in ``fate``. ``apertures``: (limits of the proof (cells, 2), ellipse
    (4,), limits of the sections (cells, sections, 2), squares of the region's amplitudes, first place of each
    section, openings (p, 6), stack of tables (tables, rows, powers), weights (moments or 1, tables), corrections (p,
    terms, powers)). ``exciter``: (cut or -1, envelope once a revolution, number of its first, time of a revolution
    [s], frequency [Hz]). ``buckets``: (frequency at each moment [Hz], step of delta or 0).
    """
    for group in numba.prange(state.shape[1] // LANES):
        lanes = slice(group * LANES, (group + 1) * LANES)
        _track_group(
            state[:, lanes], record[lanes], turn, blocks, turns_each, maps, moments, septum, apertures, exciter, buckets
        )
