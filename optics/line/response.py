"""How the moments of many beams along one line answer to its strengths: all of them, with all derivatives, in one pass.

Each step of a line belongs to one knob at most. Stepped along the imaginary axis together, all knobs leave in the
imaginary part of each step's matrix the derivative with respect to its own. With R the matrix to a place behind and R0
that to the step,

    dR/dk = R G_k,   G_k = sum over the knob's steps of (M R0)^-1 (dM/dk) R0,
    d<u u>/dk = R_u H_k R_u^T,   H_k = G_k Sigma0 + (G_k Sigma0)^T,

so that n beams and p knobs need n complex lattices, not n p as where each knob is stepped alone, and each place costs
one product of two matrices and p of vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.expressions.parsing import parse_expression
from optics.compiled import compiled, inlined
from optics.maps.lattices.series import StepSeries, step_series
from optics.maps.plan import Plan

_STEP = 1e-30  # its square vanishes
_ON_AXIS = 1e-12


@dataclass(frozen=True, eq=False)
class Responses:
    """Mean squares ``squares`` (n, rows, 2) of x and y [m^2] with ``slopes`` (n, rows, 2, p), at every row; the moments
    ``end`` (n, 6, 6) at one row with ``end_slopes`` (n, p, 6, 6), per unit of each knob."""

    squares: Array
    slopes: Array
    end: Array
    end_slopes: Array


def responses(
    lattice: Lattice,
    particle: ReferenceParticle,
    values: Mapping[str, Array],
    sigma: Array,
    at: str,
    *,
    fringe: str = "full",
) -> Responses:
    """Moments ``sigma`` (n, 6, 6) at the beginning of a line, carried through it at n ``values`` (n,) of its knobs.

    The orbit is the axis. Raises InputError for a knob that is unknown or dependent, elements that depend on two knobs,
    a line that bends the axis' particle away, no knob, and moments that are not one a case.
    """
    knobs = tuple(values)
    if not knobs:
        raise InputError(f"responses of line '{lattice.name}' are to its knobs: name one at least")
    stepped = lattice.with_parameters({name: np.asarray(values[name]) + 1j * _STEP for name in knobs})
    model = step_series(stepped, particle, fringe=fringe, order=1)
    if np.shape(sigma) != (model.batch, 6, 6):
        raise InputError(f"moments are one (6, 6) a case, {model.batch} of them: found the shape {np.shape(sigma)}")
    if np.abs(model.orbit[..., :4]).max() > _ON_AXIS:
        raise InputError(f"the axis of line '{lattice.name}' is no orbit (kicks): steer it first, or match it alone")
    owner = _owners(lattice, model.plan, knobs)[model.plan.sequence]
    return _carried(model, owner, len(knobs), np.ascontiguousarray(sigma), lattice.row(at))


def _carried(model: StepSeries, owner: Array, knobs: int, sigma: Array, row: int) -> Responses:
    n, rows = model.batch, len(model.plan.rows)
    squares, slopes = np.empty((n, rows, 2)), np.empty((n, rows, 2, knobs))
    end, end_slopes = np.empty((n, 6, 6)), np.empty((n, knobs, 6, 6))
    series = model.series.astype(complex, copy=False)
    _carry(
        series,
        model.first,
        model.stride,
        model.plan.rows,
        owner,
        1 / _STEP,
        sigma,
        row,
        squares,
        slopes,
        end,
        end_slopes,
    )
    return Responses(squares, slopes, end, end_slopes)


def _owners(lattice: Lattice, plan: Plan, knobs: Sequence[str]) -> Array:
    """Knob that each distinct step belongs to: (n_distinct,), -1 for none."""
    owner = np.full(len(plan.program_index), -1, dtype=np.int64)
    for position, knob in enumerate(knobs):
        for index in {i for name in _moved_by(lattice, knob) for i in plan.users.get(name, ())}:
            moving = plan.moving[index]
            if owner[moving.first] not in (-1, position):
                other = knobs[owner[moving.first]]
                raise InputError(f"'{moving.element.name}' depends on '{knob}' and on '{other}': vary one of them")
            owner[moving.first : moving.last] = position
    return owner


def _moved_by(lattice: Lattice, knob: str) -> set[str]:
    """The parameter and all that depend on it."""
    found = {knob.lower()}
    definitions = lattice.parameters.definitions
    texts = {name: parse_expression(text).names for name, text in definitions.items() if isinstance(text, str)}
    while more := {name for name, names in texts.items() if names & found} - found:
        found |= more
    return found


@compiled
def _carry(
    series: Any,
    first: Any,
    stride: Any,
    rows: Any,
    owner: Any,
    scale: Any,
    sigma: Any,
    at: Any,
    squares: Any,
    slopes: Any,
    end: Any,
    end_slopes: Any,
) -> Any:
    """See the head of this module."""
    knobs = slopes.shape[3]
    for b in range(sigma.shape[0]):
        r, moments = np.eye(6), sigma[b]
        answer = np.zeros((knobs, 6, 6))
        begun = np.zeros(knobs, dtype=np.bool_)
        for row in range(len(rows)):
            for plane in range(2):
                u = r[2 * plane]
                squares[b, row, plane] = _form(u, moments, u)
                for k in range(knobs):
                    slopes[b, row, plane, k] = _form(u, answer[k], u) if begun[k] else 0.0
            if row == at:
                for i in range(6):
                    for j in range(6):
                        end[b, i, j] = _form(r[i], moments, r[j])
                        for k in range(knobs):
                            end_slopes[b, k, i, j] = _form(r[i], answer[k], r[j]) if begun[k] else 0.0
            if row == len(rows) - 1:
                break
            for step in range(rows[row], rows[row + 1]):
                coefficients = series[first[step] + stride[step] * b]
                behind = _product(coefficients[:, 1:7].real.copy(), r)
                k = owner[step]
                if k >= 0:
                    begun[k] = True
                    own = _product(scale * coefficients[:, 1:7].imag.copy(), r)
                    half = _product(_product(_back(behind), own), moments)
                    answer[k] += half + half.T
                r = behind


@inlined
def _form(left: Any, matrix: Any, right: Any) -> Any:
    """left matrix right, of vectors (6,)."""
    total = 0.0
    for i in range(6):
        part = 0.0
        for j in range(6):
            part += matrix[i, j] * right[j]
        total += left[i] * part
    return total


@inlined
def _back(matrix: Any) -> Any:
    """The inverse of a symplectic matrix (6, 6): -S M^T S with S of the pairs x, px; y, py; zeta, delta."""
    found = np.empty((6, 6))
    for i in range(6):
        for j in range(6):
            value = matrix[j + 1 - 2 * (j % 2), i + 1 - 2 * (i % 2)]
            found[i, j] = value if (i + j) % 2 == 0 else -value
    return found


@inlined
def _product(first: Any, second: Any) -> Any:
    """first second, (6, 6)."""
    found = np.zeros((6, 6))
    for i in range(6):
        for k in range(6):
            for j in range(6):
                found[i, j] += first[i, k] * second[k, j]
    return found
