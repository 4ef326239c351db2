"""Models of few steps: between the elements that knobs move, and between places, all is multiplied out once.

To first order about the reference orbit. Steps are joined while their product tells its phase advance by itself: m12 =
sqrt(beta1 beta2) sin(mu) of every part of it is positive, so the advance stays below half a turn whatever the beta
functions are. Elements that move hand their strengths on to their maps as they are, in straight lines of the knobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from lattice import Lattice, ReferenceParticle
from lattice.affine import affine
from lattice.arrays import Array
from lattice.memory import Kept
from optics.maps.lattices.held import HeldSeries, held_series, keeps_orbit
from optics.maps.lattices.series import StepSeries
from optics.maps.plan import Moving, Plan
from optics.maps.recording import N_COORDINATES


@dataclass(frozen=True, eq=False)
class _Products:
    """``series`` (n, 6, 7) of what is ``held``, multiplied out, and a ``plan`` of few steps.

    ``first``, ``stride`` (n_steps,): where the series of each stands when those of what moves come behind, lattice by
    lattice.
    """

    held: Array
    plan: Plan
    series: Array
    first: Array
    stride: Array


#: By the places, the steps that move, and beta0.
_PRODUCTS = Kept[tuple[tuple[int, ...], tuple[int, ...], float], _Products]("products of steps", at_most=8)


@dataclass(frozen=True, eq=False)
class Stretches:
    """A ring or line for points of p knobs: products of what is held, programs and arguments of what moves.

    Of the n distinct steps that move: ``programs`` (n,), and their arguments at a point, ``constants`` (n n_arguments,)
    plus the point times ``factors`` (p, n n_arguments). The table of its models has the first row, places, the end.
    """

    products: _Products
    programs: Array
    constants: Array
    factors: Array
    beta0: float

    @classmethod
    def of(
        cls,
        lattice: Lattice,
        particle: ReferenceParticle,
        fringe: str,
        knobs: Mapping[str, Array],
        places: tuple[int, ...],
    ) -> Stretches | None:
        """For ``knobs``: the parameters that move, each as a straight line (1 + p,) of the knobs.

        ``places``: rows of the lattice's table, in order. None where products do not hold: another orbit, strengths
        that maps compute with or that are no straight lines of the knobs, complex parameters.
        """
        found = held_series(lattice, particle, fringe, knobs)
        if found is None or found.values.dtype != float or any(one.handed_on is None for one in found.moving):
            return None
        plan, steps = found.plan, tuple(i for one in found.moving for i in range(one.first, one.last))
        arguments = [part for one in found.moving if (part := _arguments(lattice, one, knobs)) is not None]
        if not steps or len(arguments) < len(found.moving):
            return None
        lines: Array = np.concatenate(arguments)
        programs = list(steps)
        lines[range(len(steps)), plan.bank.argument_counts[plan.program_index[programs]] - 1, 0] = particle.beta
        lines = lines.reshape(-1, lines.shape[2])
        products = _products_of(plan, found, steps, places, particle.beta)
        return cls(products, plan.axis_index[programs], lines[:, 0].copy(), lines[:, 1:].T.copy(), particle.beta)

    def model(self, points: Array) -> StepSeries | None:
        """The model of points (n, p), real or stepped; None where one of them leaves the reference orbit."""
        plan, n = self.products.plan, len(points)
        arguments = (self.constants + points @ self.factors).reshape(n * len(self.programs), -1)
        moved = plan.bank.evaluate(np.concatenate([self.programs] * n), arguments, _AXIS, 1)
        if moved[:, :4, 0].any() and not keeps_orbit(moved):
            return None
        series = np.concatenate([self.products.series, moved])
        orbit = np.zeros((n, len(plan.rows), N_COORDINATES))
        return StepSeries(plan, series, self.products.first, self.products.stride, n, orbit, self.beta0)


_AXIS = np.zeros(N_COORDINATES)


def _arguments(lattice: Lattice, moving: Moving, knobs: Mapping[str, Array]) -> Array | None:
    """Straight lines (n_steps, n_arguments, 1 + p) that are the arguments of the steps of an element."""
    assert moving.handed_on is not None
    found = np.zeros((len(moving.rest), moving.rest.shape[2], len(next(iter(knobs.values())))))
    found[:, :, 0] = moving.rest[:, 0]
    for row, position, text in moving.handed_on:
        line = affine(text, lattice.parameters, knobs)
        if line is None:
            return None
        found[row, position] = line
    return found


def _products_of(
    plan: Plan, held: HeldSeries, steps: tuple[int, ...], places: tuple[int, ...], beta0: float
) -> _Products:
    """Those of last time while nothing that is held has changed."""
    key = (places, steps, beta0)
    known = plan.memory.of(_PRODUCTS).get(key)
    if known is not None and known.held is held.values:
        return known
    return plan.memory.keep(_PRODUCTS, key, _products(plan, held.values, held.first, steps, places))


def _products(plan: Plan, held: Array, first: Array, moving: tuple[int, ...], places: tuple[int, ...]) -> _Products:
    order = {step: j for j, step in enumerate(moving)}
    moves = np.flatnonzero(np.isin(plan.sequence, moving)).tolist()
    rows = [int(plan.rows[row]) for row in places]
    series: list[Array] = []
    found: list[tuple[int, int, bool, bool]] = []  # step of the sequence, which it is there, does it move, is it thick
    for begin, end in pairwise(sorted({0, len(plan.sequence), *rows, *moves, *(step + 1 for step in moves)})):
        own = order.get(int(plan.sequence[begin]))
        if own is not None:
            found.append((begin, own, True, bool(plan.is_thick[begin])))
            continue
        steps = first[plan.sequence[begin:end]]
        for step, matrix, thick in _joined(held[steps, :, 1:], plan.is_thick[begin:end]):
            found.append((begin + step, len(series), False, thick))
            series.append(matrix)
    begins, index, moved, is_thick = (np.array(column) for column in zip(*found, strict=True))
    table = np.searchsorted(begins, [0, *rows, len(plan.sequence)])
    short = replace(plan, sequence=index, is_thick=is_thick, rows=table)
    first, stride = index + np.where(moved, len(series), 0), np.where(moved, len(moving), 0)
    return _Products(held, short, _as_series(series), first, stride)


def _as_series(matrices: list[Array]) -> Array:
    series = np.zeros((len(matrices), N_COORDINATES, 1 + N_COORDINATES))
    series[:, :, 1:] = np.array(matrices).reshape(-1, N_COORDINATES, N_COORDINATES)
    return series


def _joined(matrices: Array, is_thick: Array) -> Iterator[tuple[int, Array, bool]]:
    """Products of as many steps as can be joined: the first of these, the matrix (6, 6), whether it has length."""
    begin, now, thick = 0, matrices[0], bool(is_thick[0])
    for step in range(1, len(matrices)):
        own, longer, either = matrices[step], matrices[step] @ now, bool(thick or is_thick[step])
        if _is_plain(now, thick) and _is_plain(own, is_thick[step]) and _is_plain(longer, either):
            now, thick = longer, either
        else:
            yield begin, now, thick
            begin, now, thick = step, own, bool(is_thick[step])
    yield begin, now, thick


def _is_plain(matrix: Array, thick: bool) -> bool:
    """True where the advance is between 0 and half a turn in both planes, of what is thin 0."""
    x, y = matrix[0, 1], matrix[2, 3]
    if thick:
        return bool(x > 0.0 and y > 0.0)
    return bool(x == y == 0.0 and matrix[0, 0] > 0.0 and matrix[2, 2] > 0.0)
