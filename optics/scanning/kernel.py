"""The inner loop of scans: tunes, chromaticity and peaks of many lattices, a row of lanes at a time.

A ring is a chain of stretches. Those that no parameter changes are multiplied out once and shared by all lattices;
the elements between them come from their map, lane by lane (``optics.maps.lanes``). Formulas are those of
``optics.linear.propagation`` for uncoupled planes and horizontal dispersion about the reference orbit; a lane that has
something else is flagged, for ``twiss`` to compute. Focusing is constant along an element, k = -m21/m12, so its peaks
are closed: of beta at (b + g/k)/2 + sqrt(((b + g/k)/2)^2 - 1/k) with g = (1 + a^2)/b; of the dispersion about its
equilibrium m13/(1 - m11), with the amplitude that (D - Deq)^2 + D'^2/k keeps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lattice.arrays import Array
from optics.compiled import compiled, inlined, inner, part
from optics.linear.propagation import LARGEST_COSINE
from optics.maps.lanes import LANES, run_lanes
from optics.maps.taylor import N_SECOND

#: Numbers of a stretch: x matrix m11 m12 m21 m22 d1 d2, y matrix, chromatic forms of x and y, slip.
MATRIX_X, MATRIX_Y, FORM_X, FORM_Y, SLIP, N_STRETCH = 0, 6, 10, 19, 28, 31
#: Rows of the result of a lane; then eight rows a place.
QX, QY, DQX, DQY, MAX_BETX, MAX_BETY, MAX_DX, MIN_DX, TIME_SLIP, FLAG = range(10)
N_RESULTS = 10
PLACE_COLUMNS = ("betx", "alfx", "mux", "dx", "dpx", "bety", "alfy", "muy")
#: What is not zero beyond this is no rounding: coupling, vertical dispersion, a kicked orbit.
ROUNDING = 1e-12
#: Of the flag, below 1: whether motion is bounded is known, tunes and peaks are not.
BACKWARDS = 0.5
_FLAT = 1e-8  # 1 - cos below which the equilibrium dispersion loses too many digits

# Rows of a group's state: two solutions in x, two in y, the dispersion; then whole turns and largest values.
_X, _Y, _D, _TURNS, _BEST, _LEAST, _N_STATE = 0, 4, 8, 10, 12, 15, 16


@compiled
def read_stretch(series: Any, is_thick: Any, quadratic: Any, chromatic: Any, out: Any) -> Any:
    """Numbers of a step, out (N_STRETCH, lanes), from its series (6, 28, lanes) about the reference orbit.

    The chromatic forms only when they are asked for: they alone need second order.
    """
    for lane in range(out.shape[1]):
        for i in range(2):
            for j in range(2):
                out[MATRIX_X + 2 * i + j, lane] = series[i, 1 + j, lane]
                out[MATRIX_Y + 2 * i + j, lane] = series[2 + i, 3 + j, lane]
            out[MATRIX_X + 4 + i, lane] = series[i, 6, lane]
        if not is_thick:
            out[MATRIX_X + 1, lane] = out[MATRIX_Y + 1, lane] = 0.0
        out[SLIP, lane] = series[4, 6, lane]
        out[SLIP + 1, lane], out[SLIP + 2, lane] = series[4, 1, lane], series[4, 2, lane]
    if chromatic:
        for plane in range(2):
            for position in range(3):
                _read_form(series, plane, position, quadratic, out)


@inner
def _read_form(series: Any, plane: Any, position: Any, quadratic: Any, out: Any) -> Any:
    """Phase change per gamma, beta and alpha (rows) that delta, D or D' (``position``) makes: -trace(J K)/2."""
    i = 2 * plane
    along = (5, 0, 1)[position]
    first, second = quadratic[i, along], quadratic[i + 1, along]
    twice_first = 2.0 if along == i else 1.0
    twice_second = 2.0 if along == i + 1 else 1.0
    form = (FORM_X if plane == 0 else FORM_Y) + position
    for lane in range(out.shape[1]):
        m11, m12 = series[i, 1 + i, lane], series[i, 2 + i, lane]
        m21, m22 = series[i + 1, 1 + i, lane], series[i + 1, 2 + i, lane]
        c11, c12 = twice_first * series[i, first, lane], twice_second * series[i, second, lane]
        c21, c22 = twice_first * series[i + 1, first, lane], twice_second * series[i + 1, second, lane]
        out[form, lane] = 0.5 * (m22 * c12 - m12 * c22)
        out[form + 3, lane] = 0.5 * (m21 * c11 - m11 * c21)
        out[form + 6, lane] = m12 * c21 - m22 * c11


@compiled
def unusual(series: Any, is_thick: Any, out: Any) -> Any:
    """Raise ``out`` (lanes,) above 0 where a step is none of the kernel's, from its series (6, 28, lanes).

    To 1 where planes are coupled or the orbit is kicked; to BACKWARDS where all is right but the phase is not counted:
    the beam turns by more than half a turn in one step.
    """
    for lane in range(out.shape[0]):
        worst = 0.0
        for i in range(4):
            worst = max(worst, abs(series[i, 0, lane]))
            for j in range(4):
                if (i < 2) != (j < 2):
                    worst = max(worst, abs(series[i, 1 + j, lane]))
        for i in range(2, 4):
            worst = max(worst, abs(series[i, 6, lane]))
        backwards = is_thick and not (series[0, 2, lane] > 0.0 and series[2, 4, lane] > 0.0)
        if not worst < ROUNDING:
            out[lane] = 1.0
        elif backwards:
            out[lane] = max(out[lane], BACKWARDS)


@inner
def _carry(z: Any, m: Any) -> Any:
    """Both planes and the dispersion through a stretch."""
    _dispersion(z, m)
    for plane in range(2):
        k, first = (_X, MATRIX_X) if plane == 0 else (_Y, MATRIX_Y)
        for i in range(LANES):
            a, b, c, d = m[first, i], m[first + 1, i], m[first + 2, i], m[first + 3, i]
            u, pu, v, pv = z[k, i], z[k + 1, i], z[k + 2, i], z[k + 3, i]
            z[k, i], z[k + 1, i] = a * u + b * pu, c * u + d * pu
            z[k + 2, i], z[k + 3, i] = a * v + b * pv, c * v + d * pv


@inner
def _dispersion(z: Any, m: Any) -> Any:
    for i in range(LANES):
        u, pu = z[_D, i], z[_D + 1, i]
        z[_D, i] = m[0, i] * u + m[1, i] * pu + m[4, i]
        z[_D + 1, i] = m[2, i] * u + m[3, i] * pu + m[5, i]


@inner
def _ends(z: Any, m: Any, plane: Any) -> Any:
    """A plane through a piece whose beta is largest at its ends."""
    k = _X if plane == 0 else _Y
    for i in range(LANES):
        a, b, c, d = m[0, i], m[1, i], m[2, i], m[3, i]
        u, pu, v, pv = z[k, i], z[k + 1, i], z[k + 2, i], z[k + 3, i]
        after_u, after_v = a * u + b * pu, a * v + b * pv
        z[k, i], z[k + 1, i] = after_u, c * u + d * pu
        z[k + 2, i], z[k + 3, i] = after_v, c * v + d * pv
        z[_TURNS + plane, i] += 1.0 if v < 0.0 and after_v >= 0.0 else 0.0
        beta = after_u * after_u + after_v * after_v
        z[_BEST + plane, i] = beta if beta > z[_BEST + plane, i] else z[_BEST + plane, i]


@inner
def _inside(z: Any, m: Any, plane: Any) -> Any:
    """A plane through a piece of constant focusing, whose beta may be largest inside."""
    k = _X if plane == 0 else _Y
    for i in range(LANES):
        a, b, c, d = m[0, i], m[1, i], m[2, i], m[3, i]
        u, pu, v, pv = z[k, i], z[k + 1, i], z[k + 2, i], z[k + 3, i]
        after_u, after_v = a * u + b * pu, a * v + b * pv
        after_pu, after_pv = c * u + d * pu, c * v + d * pv
        z[k, i], z[k + 1, i], z[k + 2, i], z[k + 3, i] = after_u, after_pu, after_v, after_pv
        z[_TURNS + plane, i] += 1.0 if v < 0.0 and after_v >= 0.0 else 0.0
        slope, after_slope = u * pu + v * pv, after_u * after_pu + after_v * after_pv
        focusing = -c / b
        middle = 0.5 * (u * u + v * v + (pu * pu + pv * pv) / focusing)
        square = middle * middle - 1.0 / focusing
        peak = middle + np.sqrt(square if square > 0.0 else 0.0)
        turned = ((slope > 0.0) & (after_slope < 0.0)) | ((a < 0.0) & (slope * after_slope > 0.0))
        beta = after_u * after_u + after_v * after_v
        beta = peak if (focusing > 0.0) & turned else beta
        z[_BEST + plane, i] = beta if beta > z[_BEST + plane, i] else z[_BEST + plane, i]


@inner
def _dispersion_ends(z: Any, m: Any) -> Any:
    """The dispersion through a piece where it is largest and smallest at its ends."""
    _dispersion(z, m)
    for i in range(LANES):
        u = z[_D, i]
        z[_BEST + 2, i] = u if u > z[_BEST + 2, i] else z[_BEST + 2, i]
        z[_LEAST, i] = u if u < z[_LEAST, i] else z[_LEAST, i]


@inner
def _dispersion_inside(z: Any, m: Any) -> Any:
    """The dispersion through a piece of constant focusing and bending, inside which it may turn."""
    for i in range(LANES):
        a, b, c, d, e, f = m[0, i], m[1, i], m[2, i], m[3, i], m[4, i], m[5, i]
        u, pu = z[_D, i], z[_D + 1, i]
        after, slope = a * u + b * pu + e, c * u + d * pu + f
        z[_D, i], z[_D + 1, i] = after, slope
        focusing, cosine_gap = -c / b, 1.0 - a
        centre = e / cosine_gap
        square = (u - centre) * (u - centre) + pu * pu / focusing
        amplitude = np.sqrt(square if square > 0.0 else 0.0)
        upwards = (pu > 0.0) == (focusing > 0.0)
        turn = centre + amplitude if upwards else centre - amplitude
        flat = u + 0.5 * pu * pu * b / (pu - slope)
        turn = turn if abs(cosine_gap) > _FLAT else flat
        turn = turn if pu * slope < 0.0 else after
        high, low = (turn, after) if turn > after else (after, turn)
        z[_BEST + 2, i] = high if high > z[_BEST + 2, i] else z[_BEST + 2, i]
        z[_LEAST, i] = low if low < z[_LEAST, i] else z[_LEAST, i]


@inner
def _periodic(z: Any) -> Any:
    """From the one-turn matrices in ``z`` to the periodic solution; nan where a plane is not bounded."""
    for i in range(LANES):
        gap = 2.0 - z[_X, i] - z[_X + 3, i]
        d, pd = z[_D, i], z[_D + 1, i]
        z[_D, i] = ((1.0 - z[_X + 3, i]) * d + z[_X + 2, i] * pd) / gap
        z[_D + 1, i] = (z[_X + 1, i] * d + (1.0 - z[_X, i]) * pd) / gap
        bounded = True
        for k in (_X, _Y):
            cosine = 0.5 * (z[k, i] + z[k + 3, i])
            bounded = bounded and abs(cosine) < LARGEST_COSINE
        for k in (_X, _Y):
            cosine = 0.5 * (z[k, i] + z[k + 3, i])
            sine = np.sqrt(1.0 - cosine * cosine) if bounded else np.nan
            sine = -sine if z[k + 2, i] < 0.0 else sine
            root = np.sqrt(z[k + 2, i] / sine)
            alpha = 0.5 * (z[k, i] - z[k + 3, i]) / sine
            z[k, i], z[k + 1, i], z[k + 2, i], z[k + 3, i] = root, -alpha / root, 0.0, 1.0 / root
        z[_TURNS, i] = z[_TURNS + 1, i] = 0.0
        z[_BEST, i], z[_BEST + 1, i] = z[_X, i] * z[_X, i], z[_Y, i] * z[_Y, i]
        z[_BEST + 2, i] = z[_LEAST, i] = z[_D, i]


@inner
def _add_slip(z: Any, m: Any, out: Any) -> Any:
    """What a stretch adds to the slip, from the dispersion at its entrance."""
    for i in range(LANES):
        d, pd = z[_D, i], z[_D + 1, i]
        out[TIME_SLIP, i] += m[SLIP, i] + m[SLIP + 1, i] * d + m[SLIP + 2, i] * pd


@inlined
def _form(z: Any, m: Any, f: Any, i: Any) -> Any:
    """What rows ``f`` and the next two of a stretch give per delta, along the dispersion."""
    return m[f, i] + m[f + 1, i] * z[_D, i] + m[f + 2, i] * z[_D + 1, i]


@inner
def _add_chromatic(z: Any, m: Any, out: Any) -> Any:
    """What a stretch adds to the chromaticities [rad], from the functions at its entrance."""
    for plane in range(2):
        k, f = (_X, FORM_X) if plane == 0 else (_Y, FORM_Y)
        for i in range(LANES):
            u, pu, v, pv = z[k, i], z[k + 1, i], z[k + 2, i], z[k + 3, i]
            change = (pu * pu + pv * pv) * _form(z, m, f, i)
            change += (u * u + v * v) * _form(z, m, f + 3, i)
            out[DQX + plane, i] += change - (u * pu + v * pv) * _form(z, m, f + 6, i)


@inner
def _tune(z: Any, plane: Any, i: Any) -> Any:
    """Phase advance from the beginning in turns."""
    k = _X if plane == 0 else _Y
    advance = math.atan2(z[k + 2, i], z[k, i]) / (2.0 * math.pi)
    return z[_TURNS + plane, i] + (advance + 1.0 if advance < 0.0 else advance)


@inner
def _record(z: Any, out: Any) -> Any:
    """The functions at a place, out (8, LANES)."""
    for i in range(LANES):
        out[2, i], out[7, i] = _tune(z, 0, i), _tune(z, 1, i)
        out[0, i] = z[_X, i] * z[_X, i] + z[_X + 2, i] * z[_X + 2, i]
        out[1, i] = -(z[_X, i] * z[_X + 1, i] + z[_X + 2, i] * z[_X + 3, i])
        out[3, i], out[4, i] = z[_D, i], z[_D + 1, i]
        out[5, i] = z[_Y, i] * z[_Y, i] + z[_Y + 2, i] * z[_Y + 2, i]
        out[6, i] = -(z[_Y, i] * z[_Y + 1, i] + z[_Y + 2, i] * z[_Y + 3, i])


@part
def _pieces(z: Any, pieces: Any, inside: Any, begin: Any, end: Any, plane: Any) -> Any:
    """One plane through the pieces of a stretch, with the dispersion in x."""
    for piece in range(begin, end):
        if inside[piece]:
            _inside(z, pieces[piece], plane)
        else:
            _ends(z, pieces[piece], plane)
        if plane == 0 and inside[piece]:
            _dispersion_inside(z, pieces[piece])
        elif plane == 0:
            _dispersion_ends(z, pieces[piece])


@inner
def _around(z: Any, chain: Any, fixed: Any, moving: Any, pieces_x: Any, pieces_y: Any, chromatic: Any, out: Any) -> Any:
    """Once around from the periodic solution, noting everything on the way."""
    for position in range(len(chain)):
        source, is_thick, place = chain[position]
        if place >= 0:
            _record(z, out[N_RESULTS + 8 * place : N_RESULTS + 8 * place + 8])
        if source == 0:
            continue
        stretch = fixed[source - 1] if source > 0 else moving[-source - 1]
        _add_slip(z, stretch, out)
        if chromatic:
            _add_chromatic(z, stretch, out)
        if source > 0:
            for plane in range(2):
                pieces, inside, first = pieces_x if plane == 0 else pieces_y
                _pieces(z, pieces, inside, first[source - 1], first[source], plane)
        else:
            _step(z, stretch, is_thick)


@part
def _step(z: Any, m: Any, is_thick: Any) -> Any:
    """Both planes and the dispersion through an element that differs from lane to lane."""
    for plane in range(2):  # a number that is written out would have its own code
        matrix = m[MATRIX_X:] if plane == 0 else m[MATRIX_Y:]
        if is_thick:
            _inside(z, matrix, plane)
        else:
            _ends(z, matrix, plane)
    if is_thick:
        _dispersion_inside(z, m)
    else:
        _dispersion_ends(z, m)


@part
def _move(bank: Any, steps: Any, arguments: Any, room: Any, chromatic: Any, flag: Any) -> Any:
    """Numbers of the elements that differ from lane to lane."""
    arrays, orders = bank
    work, series, moving, _, axis = room
    for j in range(len(steps)):
        program, is_thick, begin, end = steps[j]
        own = work[begin:end]
        run_lanes(arrays, orders, program, arguments[j], axis, own)
        for row in range(5):
            result = own[arrays[7][program, row]]
            for c in range(28 if chromatic else 7):
                for i in range(LANES):
                    series[row, c, i] = result[c, i]
        read_stretch(series, is_thick, arrays[8], chromatic, moving[j])
        unusual(series, is_thick, flag)


@inner
def _begin(z: Any, out: Any) -> Any:
    """The identity, nothing found yet."""
    for i in range(LANES):
        for row in range(N_RESULTS):
            out[row, i] = 0.0
        for row in range(_N_STATE):
            z[row, i] = 0.0
        z[_X, i] = z[_X + 3, i] = z[_Y, i] = z[_Y + 3, i] = 1.0


def room_of(steps: Array) -> tuple[Array, ...]:
    """Room to work in: for maps, their series, what the ``steps`` come to, a group's state; and the axis."""
    shapes = (steps[:, 3].max(initial=0), N_SECOND, LANES), (6, N_SECOND, LANES), (len(steps), N_STRETCH, LANES)
    return tuple(np.zeros(shape) for shape in (*shapes, (_N_STATE, LANES), (6, LANES)))


@compiled
def scan_lanes(
    bank: Any,
    steps: Any,
    arguments: Any,
    chain: Any,
    fixed: Any,
    pieces_x: Any,
    pieces_y: Any,
    chromatic: Any,
    room: Any,
    out: Any,
) -> Any:
    """Scan groups of lattices: out (groups, N_RESULTS + 8 places, LANES).

    ``bank``: arrays of the Bank and ``needed_orders``. ``steps`` (n_moving, 4): program, thick or not, and the room for
    its series, of the steps that differ; ``arguments`` (groups, n_moving, n_arguments, LANES). ``chain`` (n, 3): fixed
    stretch 1, 2 ... or moving step -1, -2 ... or 0 for none, whether that is thick, and the place before it or -1.
    ``fixed`` (n, N_STRETCH, LANES). ``pieces_x``, ``pieces_y``: matrices (n, 6, LANES), may they peak inside (n,), and
    the first of each fixed stretch. ``chromatic``: are chromaticities wanted, or left at 0? ``room``: ``room_of``.
    """
    _, _, moving, z, _ = room
    for group in range(out.shape[0]):
        found = out[group]
        _begin(z, found)
        _move(bank, steps, arguments[group], room, chromatic, found[FLAG])
        for position in range(len(chain)):
            source = chain[position, 0]
            if source != 0:
                _carry(z, fixed[source - 1] if source > 0 else moving[-source - 1])
        _periodic(z)
        _around(z, chain, fixed, moving, pieces_x, pieces_y, chromatic, found)
        for i in range(LANES):
            found[QX, i], found[QY, i] = _tune(z, 0, i), _tune(z, 1, i)
            for row in range(4):
                found[MAX_BETX + row, i] = z[_BEST + row, i]
