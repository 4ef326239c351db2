"""The closer look at apertures, compiled: one particle through one turn, place by place, where no proof holds.

``proof`` tells which amplitudes at the beginning of a turn, and of each section, stay inside all openings; only where a
particle's are larger its positions at the openings are computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from optics.compiled import compiled

#: How far out a particle begins its turn: within the region of the maps, a little beyond, or where nothing is fitted.
WITHIN, BEYOND, FAR = range(3)


@compiled
def outside(opening: Any, x: Any, y: Any) -> Any:
    """Above 1 outside an aperture of x0, y0, 1/half_x, 1/half_y, 1/ellipse_x, 1/ellipse_y."""
    u, v = x - opening[0], y - opening[1]
    ex, ey = u * opening[4], v * opening[5]
    return max(abs(u * opening[2]), abs(v * opening[3]), ex * ex + ey * ey)


@compiled
def square(u: Any, p: Any, beta: Any, alpha: Any) -> Any:
    """Square of the amplitude [m] on the ellipse of beta and alpha: twice the action."""
    slope = alpha * u + beta * p
    return (u * u + slope * slope) / beta


@compiled
def _symplectic(lane: Any, o: Any) -> Any:
    """The matrix lane[o:o + 4] scaled to determinant 1."""
    a, b, c, d = lane[o], lane[o + 1], lane[o + 2], lane[o + 3]
    scale = 1.0 / np.sqrt(a * d - b * c)
    return a * scale, b * scale, c * scale, d * scale


@compiled
def _carried(m: Any, beta: Any, alpha: Any) -> Any:
    """beta and alpha behind the matrix m."""
    gamma = (1.0 + alpha * alpha) / beta
    a, b, c, d = m
    return (
        a * a * beta - 2.0 * a * b * alpha + b * b * gamma,
        -a * c * beta + (a * d + b * c) * alpha - b * d * gamma,
    )


@compiled
def kick(x: Any, y: Any, k: Any) -> Any:
    """dV/dx and dV/dy of the numbers ``k`` (5 or 8): see ``sections.kicks``."""
    xx, yy = x * x, y * y
    by_x = x * (x * (k[0] + k[2] * x) + k[3] * yy) + k[1] * yy
    by_y = y * (x * (2.0 * k[1] + k[3] * x) + k[4] * yy)
    if len(k) > 5:
        by_x += k[5] * xx * xx + yy * (3.0 * k[6] * xx + k[7] * yy)
        by_y += x * y * (2.0 * k[6] * xx + 4.0 * k[7] * yy)
    return by_x, by_y


@compiled
def _corrected(c: Any, t: Any, x: Any, p: Any, y: Any, q: Any) -> Any:
    """What is added to x and y at a place whose corrections are ``c`` (30, powers of t): ``sections.corrections``."""
    values = np.empty(c.shape[0])
    for k in range(c.shape[0]):
        value = 0.0
        for power in range(c.shape[1] - 1, -1, -1):
            value = value * t + c[k, power]
        values[k] = value
    xx, xp, pp, yy, yq, qq = x * x, x * p, p * p, y * y, y * q, q * q
    v = values
    more_x = v[0] * xx + v[1] * xp + v[2] * pp + v[3] * yy + v[4] * yq + v[5] * qq
    more_x += x * (v[6] * xx + v[7] * xp + v[8] * pp + v[10] * yy + v[11] * yq + v[12] * qq)
    more_x += p * (v[9] * pp + v[13] * yy + v[14] * yq + v[15] * qq)
    w = values[16:]
    more_y = w[0] * x * y + w[1] * x * q + w[2] * p * y + w[3] * p * q
    more_y += y * (w[4] * yy + w[5] * yq + w[6] * qq + w[8] * xx + w[10] * xp + w[12] * pp)
    more_y += q * (w[7] * qq + w[9] * xx + w[11] * xp + w[13] * pp)
    return more_x, more_y


@compiled
def _polynomial(row: Any, t: Any) -> Any:
    value = 0.0
    for power in range(len(row) - 1, -1, -1):
        value = value * t + row[power]
    return value


@compiled
def _table(cache: Any, known: Any, place: int, moment: int, stack: Any, weights: Any) -> Any:
    """Polynomials (12, powers) of a place at a moment, made up of the ``stack`` of tables once a moment."""
    rows = slice(12 * place, 12 * place + 12)
    if stack.shape[0] == 1:
        return stack[0, rows]
    if known[place] != moment:
        known[place] = moment
        cache[rows] = 0.0
        for k in range(stack.shape[0]):
            cache[rows] += weights[moment, k] * stack[k, rows]
    return cache[rows]


@compiled
def look(
    lane: Any, offset: int, terms: int, z: Any, t: float, how: int, excited: Any, watch: Any, memory: Any, moment: int
) -> Any:
    """The first place where a particle leaves an opening in this turn, and absolute x, px, y, py there; -1: nowhere.

    ``lane``: matrices, then kicks (``terms`` each) from ``offset``; ``z`` x, px, y, py about the orbit; ``excited``:
    the cut with an exciter and its kick; ``watch``: (ellipse, limits of the sections, first place of each section,
    openings, stack of tables, weights, corrections); ``memory`` of the group: tables of places and their moments.
    """
    ellipse, limits, first, openings, stack, weights, corrections = watch
    beta_x, alpha_x, beta_y, alpha_y = ellipse[0], ellipse[1], ellipse[2], ellipse[3]
    x, p, y, q = z
    sections = len(first) - 1
    for j in range(sections):
        inside = square(x, p, beta_x, alpha_x) <= limits[j, 0] and square(y, q, beta_y, alpha_y) <= limits[j, 1]
        if how != WITHIN or not inside:
            for place in range(first[j], first[j + 1]):
                rows = _table(memory[0], memory[1], place, moment, stack, weights)
                here_x = _polynomial(rows[0], t) + _polynomial(rows[1], t) * x + _polynomial(rows[2], t) * p
                here_y = _polynomial(rows[3], t) + _polynomial(rows[4], t) * y + _polynomial(rows[5], t) * q
                if how != FAR:
                    more_x, more_y = _corrected(corrections[place], t, x, p, y, q)
                    here_x += more_x
                    here_y += more_y
                if not outside(openings[place], here_x, here_y) <= 1.0:
                    here_p = _polynomial(rows[6], t) + _polynomial(rows[7], t) * x + _polynomial(rows[8], t) * p
                    here_q = _polynomial(rows[9], t) + _polynomial(rows[10], t) * y + _polynomial(rows[11], t) * q
                    return place, (here_x, here_p, here_y, here_q)
        if j == sections - 1:
            break
        m, n = _symplectic(lane, 8 * j), _symplectic(lane, 8 * j + 4)
        beta_x, alpha_x = _carried(m, beta_x, alpha_x)
        beta_y, alpha_y = _carried(n, beta_y, alpha_y)
        x, p = m[0] * x + m[1] * p, m[2] * x + m[3] * p
        y, q = n[0] * y + n[1] * q, n[2] * y + n[3] * q
        by_x, by_y = kick(x, y, lane[offset + terms * j : offset + terms * (j + 1)])
        p, q = p - by_x, q - by_y
        if j == excited[0]:
            p += excited[1]
    return -1, (x, p, y, q)
