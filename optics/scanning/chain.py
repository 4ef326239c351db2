"""A ring as the scan's kernel wants it: what no parameter changes is multiplied out once, the rest stands between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from lattice import Lattice, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from optics.maps.lanes import LANES, OF_SCANS, SPARE, needed_orders
from optics.maps.lattices.arguments import changing_steps
from optics.maps.lattices.series import step_series
from optics.maps.plan import Plan
from optics.maps.taylor import QUADRATIC
from optics.scanning.kernel import FORM_X, FORM_Y, MATRIX_X, MATRIX_Y, N_STRETCH, ROUNDING, SLIP, read_stretch, unusual


@dataclass(frozen=True, eq=False)
class Chain:
    """Arrays for ``scan_lanes``; ``distinct`` (n_moving,) are the steps of the plan that differ between lattices."""

    distinct: Array
    bank: Any
    steps: Array
    links: Array
    fixed: Array
    pieces: tuple[Any, Any]
    chromatic: bool


def make_chain(
    batch: Lattice, particle: ReferenceParticle, fringe: str, rows: Sequence[int], chromatic: bool = True
) -> Chain | None:
    """Chain of the ring whose array parameters are those of ``batch``, with places at ``rows`` of its table.

    None where the kernel does not hold: coupled planes, vertical dispersion, kicks, elements of negative length or of
    more than half an oscillation.
    """
    plan, distinct, _ = changing_steps(batch, particle, fringe)
    first = {name: value[0] for name, value in batch.parameters.definitions.items() if isinstance(value, np.ndarray)}
    try:
        model = step_series(batch.with_parameters(first), particle, fringe=fringe, order=2)
    except UnstableOptics:
        return None
    numbers, usual = _numbers(model.series[model.first], plan.is_thick)
    moves = np.isin(plan.sequence, distinct)
    if np.any(model.orbit) or not np.all(usual[~moves]):
        return None
    return _assembled(plan, distinct, numbers, moves, [int(plan.rows[row]) for row in rows], chromatic)


def _numbers(series: Array, is_thick: Array) -> tuple[Array, Array]:
    """Numbers of every step of the ring (n_steps, N_STRETCH), and which of them the kernel can hold."""
    lanes = np.ascontiguousarray(series.transpose(1, 2, 0))
    numbers, odd = np.zeros((N_STRETCH, len(series))), np.zeros(len(series))
    for thick in (0, 1):
        chosen = is_thick == thick
        part, flags = np.zeros((N_STRETCH, int(chosen.sum()))), np.zeros(int(chosen.sum()))
        own = np.ascontiguousarray(lanes[:, :, chosen])
        read_stretch(own, thick, QUADRATIC, True, part)
        unusual(own, thick, flags)
        numbers[:, chosen], odd[chosen] = part, flags
    return numbers.T.copy(), odd == 0.0


def _assembled(plan: Plan, distinct: Array, numbers: Array, moves: Array, places: list[int], chromatic: bool) -> Chain:
    order = {int(index): position for position, index in enumerate(distinct)}
    known: dict[tuple[int, ...], int] = {}
    stretches: list[list[int]] = []
    links: list[tuple[int, int, int]] = []
    for begin, end in _runs(moves, places):
        place = places.index(begin) if begin in places else -1
        if begin == end:
            links.append((0, 0, place))
        elif moves[begin]:
            links.append((-1 - order[int(plan.sequence[begin])], int(plan.is_thick[begin]), place))
        else:
            key = tuple(int(index) for index in plan.sequence[begin:end])
            if key not in known:
                known[key] = len(stretches) + 1
                stretches.append(list(range(begin, end)))
            links.append((known[key], 0, place))
    fixed = [_product(numbers[steps]) for steps in stretches]
    pieces = tuple(
        _pieces([_cut(numbers[steps], plan.is_thick[steps], plane) for steps in stretches]) for plane in range(2)
    )
    return Chain(
        distinct=distinct,
        bank=(
            plan.bank.arrays,
            needed_orders(plan.bank, tuple(min(order, 2 if chromatic else 1) for order in OF_SCANS)),
        ),
        steps=_rooms(plan, distinct),
        links=np.array(links, dtype=np.int64),
        fixed=_in_lanes(np.array(fixed).reshape(-1, N_STRETCH)),
        pieces=(pieces[0], pieces[1]),
        chromatic=chromatic,
    )


def _needed(chromatic: bool) -> tuple[int, ...]:
    """Second order is for the chromaticities alone."""
    return tuple(min(order, 2 if chromatic else 1) for order in OF_SCANS)


def _runs(moves: Array, places: Sequence[int]) -> list[tuple[int, int]]:
    """Begin and end of every moving step and every run of fixed ones between moving steps and places."""
    last = len(moves)
    cuts = {0, last, *places, *np.flatnonzero(moves), *(np.flatnonzero(moves) + 1)}
    begins = sorted(int(cut) for cut in cuts)
    runs = list(pairwise(begins))
    return [*runs, (last, last)] if last in places else runs


def _rooms(plan: Plan, distinct: Array) -> Array:
    """Program, thick or not, and room in the work space of each moving step; one room a program."""
    first = plan.bank.arrays[0]
    thick = dict(zip(plan.sequence.tolist(), plan.is_thick.tolist(), strict=True))
    rooms: dict[int, tuple[int, int]] = {}
    end = 0
    for program in dict.fromkeys(plan.axis_index[distinct].tolist()):
        begin, end = end, end + int(first[program + 1] - first[program]) + SPARE
        rooms[program] = (begin, end)
    steps = [(p, int(thick[int(i)]), *rooms[p]) for i, p in zip(distinct, plan.axis_index[distinct], strict=True)]
    return np.array(steps, dtype=np.int64).reshape(-1, 4)


def _in_lanes(numbers: Array) -> Array:
    """The same number in every lane."""
    return np.ascontiguousarray(np.repeat(numbers[..., None], LANES, axis=-1))


# ------------------------------------------------------------------------------------------- products of steps


def _affine(numbers: Array) -> Array:
    """Matrix of (1, D, D')."""
    m11, m12, m21, m22, d1, d2 = numbers[MATRIX_X : MATRIX_X + 6]
    return np.array([[1.0, 0.0, 0.0], [d1, m11, m12], [d2, m21, m22]])


def _matrix(numbers: Array, plane: int) -> Array:
    begin = MATRIX_X if plane == 0 else MATRIX_Y
    return numbers[begin : begin + 4].reshape(2, 2)


def _transport(m: Array) -> Array:
    """Matrix of (gamma, beta, alpha)."""
    (a, b), (c, d) = m
    return np.array([[d * d, c * c, -2 * c * d], [b * b, a * a, -2 * a * b], [-b * d, -a * c, a * d + b * c]])


def _product(steps: Array) -> Array:
    """Numbers of several steps, one after the other."""
    affine, functions = np.eye(3), [np.eye(3), np.eye(3)]
    forms, slip, y = [np.zeros((3, 3)), np.zeros((3, 3))], np.zeros(3), np.eye(2)
    for step in steps:
        slip += step[SLIP : SLIP + 3] @ affine
        for plane, begin in enumerate((FORM_X, FORM_Y)):
            forms[plane] += functions[plane].T @ step[begin : begin + 9].reshape(3, 3) @ affine
            functions[plane] = _transport(_matrix(step, plane)) @ functions[plane]
        affine, y = _affine(step) @ affine, _matrix(step, 1) @ y
    return np.concatenate([affine[1:, 1:].ravel(), affine[1:, 0], y.ravel(), *(f.ravel() for f in forms), slip])


def _cut(steps: Array, is_thick: Array, plane: int) -> list[tuple[Array, bool]]:
    """Pieces of a stretch in one plane: matrices (6,), and whether functions may peak inside.

    What neither focuses nor bends goes together: beta and the size of the dispersion are convex there, and largest at
    the ends. A thin lens that focuses begins a new piece, for the peak is at the lens.
    """
    pieces: list[tuple[list[Array], bool]] = []
    for step, thick in zip(steps, is_thick, strict=True):
        m = _matrix(step, plane)
        bends = plane == 0 and bool(np.any(np.abs(step[MATRIX_X + 4 : MATRIX_X + 6]) > ROUNDING))
        special = bends or m[1, 0] < -ROUNDING
        if special or not pieces or pieces[-1][1]:
            pieces.append(([], bool(special and thick)))
        pieces[-1][0].append(step)
    return [(_piece(np.array(parts), plane), inside) for parts, inside in pieces]


def _piece(steps: Array, plane: int) -> Array:
    whole = _product(steps)
    return whole[MATRIX_X : MATRIX_X + 6] if plane == 0 else np.append(whole[MATRIX_Y : MATRIX_Y + 4], [0.0, 0.0])


def _pieces(stretches: list[list[tuple[Array, bool]]]) -> tuple[Array, Array, Array]:
    matrices = np.array([matrix for pieces in stretches for matrix, _ in pieces]).reshape(-1, 6)
    inside = np.array([inside for pieces in stretches for _, inside in pieces], dtype=bool)
    return _in_lanes(matrices), inside, np.cumsum([0, *(len(pieces) for pieces in stretches)]).astype(np.int64)
