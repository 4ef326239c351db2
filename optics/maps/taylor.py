"""Exact first and second derivatives of the element maps.

A map is written once, in plain arithmetic (``element_maps``). Here it is recorded: run once with ``Node`` objects in
place of numbers it leaves a ``Program``, a list of elementary operations. The program is then evaluated in
truncated power series of the six coordinates, so that first and second derivatives come out exact to rounding
(automatic differentiation in Taylor mode: Griewank & Walther, Evaluating Derivatives, SIAM 2008, chapter 13).

A series is stored as 28 coefficients: the value, six first-order ones, and 21 of the monomials z_i z_j, i <= j.
Arguments (lengths, strengths) may be complex, which gives derivatives with respect to them by the complex step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice.arrays import Array
from optics.compiled import compiled
from optics.maps.smooth import arctan_ratio_series, cos_sqrt_series, sin_sqrt_series

CONSTANT, ARGUMENT, COORDINATE, ADD, SUB, MUL, NEG, RECIPROCAL, SQRT, SIN, COS, ARCTAN = range(12)
COS_SQRT, SIN_SQRT, ARCTAN_RATIO = 12, 13, 14

N_COORDINATES = 6
N_FIRST = 1 + N_COORDINATES
N_SECOND = N_FIRST + N_COORDINATES * (N_COORDINATES + 1) // 2
#: Index of the coefficient of z_i z_j.
QUADRATIC = np.zeros((N_COORDINATES, N_COORDINATES), dtype=np.int64)
_UPPER = [(i, j) for i in range(N_COORDINATES) for j in range(i, N_COORDINATES)]
for _position, (_i, _j) in enumerate(_UPPER):
    QUADRATIC[_i, _j] = QUADRATIC[_j, _i] = N_FIRST + _position


class Recorder:
    """Collects the operations that ``Node`` objects perform; equal operations are recorded once."""

    def __init__(self) -> None:
        self.operations: list[tuple[int, int, int, float]] = []
        self._known: dict[tuple[int, int, int, float], int] = {}

    def node(self, code: int, left: int = -1, right: int = -1, constant: float = 0.0) -> Node:
        """Append an operation (or find it) and return its result as a Node."""
        operation = (code, left, right, constant)
        if operation not in self._known:
            self._known[operation] = len(self.operations)
            self.operations.append(operation)
        return Node(self, self._known[operation])


class Node:
    """A number that records what is done to it. Branching on it is a TypeError: maps must not branch."""

    __array_ufunc__ = None
    __slots__ = ("index", "recorder")

    def __init__(self, recorder: Recorder, index: int) -> None:
        self.recorder = recorder
        self.index = index

    def _lift(self, other: Node | float) -> Node:
        return other if isinstance(other, Node) else self.recorder.node(CONSTANT, constant=float(other))

    def _binary(self, code: int, left: Node, right: Node) -> Node:
        return self.recorder.node(code, left.index, right.index)

    def unary(self, code: int) -> Node:
        """Record a function of one number."""
        return self.recorder.node(code, self.index)

    def __add__(self, other: Node | float) -> Node:
        return self._binary(ADD, self, self._lift(other))

    def __radd__(self, other: float) -> Node:
        return self._binary(ADD, self._lift(other), self)

    def __sub__(self, other: Node | float) -> Node:
        return self._binary(SUB, self, self._lift(other))

    def __rsub__(self, other: float) -> Node:
        return self._binary(SUB, self._lift(other), self)

    def __mul__(self, other: Node | float) -> Node:
        return self._binary(MUL, self, self._lift(other))

    def __rmul__(self, other: float) -> Node:
        return self._binary(MUL, self._lift(other), self)

    def __truediv__(self, other: Node | float) -> Node:
        return self * self._lift(other).unary(RECIPROCAL)

    def __rtruediv__(self, other: float) -> Node:
        return self._lift(other) * self.unary(RECIPROCAL)

    def __neg__(self) -> Node:
        return self.unary(NEG)

    def __bool__(self) -> bool:
        raise TypeError("a map must not branch on its coordinates or arguments")


@dataclass(frozen=True, eq=False)
class Program:
    """A recorded map: its operations and the nodes of its six results."""

    operations: tuple[tuple[int, int, int, float], ...]
    results: tuple[int, ...]
    n_arguments: int


def record(function: Callable[..., Sequence[Any]], n_arguments: int) -> Program:
    """Record ``function(coordinates, *arguments) -> six coordinates`` as a Program."""
    recorder = Recorder()
    coordinates = tuple(recorder.node(COORDINATE, i) for i in range(N_COORDINATES))
    arguments = [recorder.node(ARGUMENT, i) for i in range(n_arguments)]
    results = [
        value if isinstance(value, Node) else recorder.node(CONSTANT, constant=float(value))
        for value in function(coordinates, *arguments)
    ]
    return Program(tuple(recorder.operations), tuple(node.index for node in results), n_arguments)


class Bank:
    """Programs laid end to end in the arrays that the compiled interpreter reads."""

    def __init__(self, programs: Sequence[Program], names: Sequence[str] = ()) -> None:
        self.names = tuple(names)
        operations = [operation for program in programs for operation in program.operations]
        codes, left, right, constants = zip(*operations, strict=True)
        n_active, active = zip(*(pair for program in programs for pair in _dependencies(program)), strict=True)
        self.argument_counts = np.array([program.n_arguments for program in programs], dtype=np.int64)
        self.n_arguments = int(self.argument_counts.max())
        first = np.cumsum([0, *(len(program.operations) for program in programs)])
        self.arrays = (
            first.astype(np.int64),
            np.array(codes, dtype=np.int64),
            np.array(left, dtype=np.int64),
            np.array(right, dtype=np.int64),
            np.array(constants, dtype=float),
            np.array(n_active, dtype=np.int64),
            np.array(active, dtype=np.int64),
            np.array([program.results for program in programs], dtype=np.int64),
            QUADRATIC,
        )

    def evaluate(self, programs: Array, arguments: Array, starts: Array, order: int) -> Array:
        """Series of one program a row, each about its own start.

        programs: (n,) indices; arguments: (n, n_arguments); starts: (n, 6) or (6,). Returns (n, 6, 28) coefficients,
        or (n, 6, 7) when ``order`` is below 2 (0: only the values are set); complex when arguments or starts are.
        """
        kind = np.result_type(arguments, starts, np.float64)
        starts = np.ascontiguousarray(np.broadcast_to(starts, (len(programs), N_COORDINATES)), dtype=kind)
        out = np.zeros((len(programs), N_COORDINATES, N_SECOND if order > 1 else N_FIRST), dtype=kind)
        _evaluate_rows(self.arrays, programs, np.ascontiguousarray(arguments, dtype=kind), starts, order, out)
        return out

    def follow(self, programs: Array, arguments: Array, start: Array, order: int) -> Array:
        """As ``evaluate``, each row about the end point of the row before: the orbit that begins at ``start`` (6,)."""
        kind = np.result_type(arguments, start, np.float64)
        out = np.zeros((len(programs), N_COORDINATES, N_SECOND if order > 1 else N_FIRST), dtype=kind)
        _follow(self.arrays, programs, np.ascontiguousarray(arguments, dtype=kind), start.astype(kind), order, out)
        return out

    def jacobian(self, programs: Array, arguments: Array, start: Array) -> tuple[Array, Array]:
        """End point (6,) of all rows, one after the other, and its Jacobian (6, 6) by the ``start`` (6,)."""
        kind = np.result_type(arguments, start, np.float64)
        end, total = start.astype(kind), np.eye(N_COORDINATES, dtype=kind)
        _jacobian(self.arrays, programs, np.ascontiguousarray(arguments, dtype=kind), end, total)
        return end, total

    def operations(self, programs: Array, arguments: Array, start: Array) -> Array:
        """Values (n, n_operations) of the operations of one program a row about ``start`` (6,), in order."""
        longest = int(np.max(np.diff(self.arrays[0])))
        out = np.zeros((len(programs), longest))
        _operations(self.arrays, programs, np.ascontiguousarray(arguments, dtype=float), start, out)
        return out

    def track(self, programs: Array, arguments: Array, coordinates: Array) -> Array:
        """Coordinates (n, 6) of n particles behind all rows, one after the other: the maps themselves, no series."""
        state = np.array(coordinates.T, dtype=float, order="C")
        _track(self.arrays, programs, np.ascontiguousarray(arguments, dtype=float), state)
        return np.ascontiguousarray(state.T)

    def track_each(self, programs: Array, arguments: Array, coordinates: Array) -> Array:
        """Coordinates (n, 6) of n particles behind all rows, each through a lattice of its own.

        ``arguments`` (n_rows, n_arguments, n). What becomes of a particle does not depend on those beside it.
        """
        state = np.array(coordinates.T, dtype=float, order="C")
        _track_each(self.arrays, programs, arguments, state)
        return np.ascontiguousarray(state.T)

    def orbits_of_each(self, programs: Array, arguments: Array, start: Array, rows: Array) -> Array:
        """As ``track_each`` from ``start`` (n, 6): the coordinates (n, places, 6) in front of ``rows``."""
        state = np.array(start.T, dtype=float, order="C")
        out = np.zeros((len(rows), N_COORDINATES, state.shape[1]))
        _orbits_of_each(self.arrays, programs, arguments, state, rows.astype(np.int64), out)
        return np.ascontiguousarray(out.transpose(2, 0, 1))


def _dependencies(program: Program) -> list[tuple[int, list[int]]]:
    """For each operation how many and which coordinates its result depends on: other derivatives stay zero."""
    sets: list[frozenset[int]] = []
    for code, a, b, _ in program.operations:
        if code == COORDINATE:
            sets.append(frozenset({a}))
        elif code in (CONSTANT, ARGUMENT):
            sets.append(frozenset())
        else:
            sets.append(sets[a] | (sets[b] if b >= 0 else frozenset()))
    return [(len(found), sorted(found) + [0] * (N_COORDINATES - len(found))) for found in sets]


@compiled
def _evaluate_rows(bank: Any, programs: Any, arguments: Any, starts: Any, order: Any, out: Any) -> Any:
    work = _work(bank, programs, out)
    for row in range(len(programs)):
        _run(bank, programs[row], arguments[row], starts[row], order, work, out[row])


@compiled
def _jacobian(bank: Any, programs: Any, arguments: Any, point: Any, total: Any) -> Any:
    """Take ``point`` through all rows, and the ``total`` Jacobian with it."""
    rows = np.zeros((1, N_COORDINATES, N_FIRST), dtype=total.dtype)
    work, series, before = _work(bank, programs, rows), rows[0], np.empty_like(total)
    for row in range(len(programs)):
        _run(bank, programs[row], arguments[row], point, 1, work, series)
        before[:, :] = total
        for i in range(N_COORDINATES):
            point[i] = series[i, 0]
            for j in range(N_COORDINATES):
                value = series[i, 1] * before[0, j]
                for k in range(1, N_COORDINATES):
                    value += series[i, 1 + k] * before[k, j]
                total[i, j] = value


@compiled
def second_order(series: Any, along: Any, curved: Any) -> Any:
    """What becomes of a point + t ``along`` + t^2 ``curved``, (6,) each, through ``series`` (n, 6, 28) in turn."""
    for step in series:
        new_along, new_curved = np.zeros_like(along), np.zeros_like(curved)
        for row in range(N_COORDINATES):
            for i in range(N_COORDINATES):
                new_along[row] += step[row, 1 + i] * along[i]
                new_curved[row] += step[row, 1 + i] * curved[i]
                for j in range(i, N_COORDINATES):
                    new_curved[row] += step[row, QUADRATIC[i, j]] * along[i] * along[j]
        along, curved = new_along, new_curved
    return along, curved


@compiled
def _operations(bank: Any, programs: Any, arguments: Any, start: Any, out: Any) -> Any:
    rows = np.zeros((1, N_COORDINATES, N_FIRST))
    work, results = _work(bank, programs, rows), rows[0]
    for row in range(len(programs)):
        first, last = bank[0][programs[row]], bank[0][programs[row] + 1]
        _run(bank, programs[row], arguments[row], start, 0, work, results)
        out[row, : last - first] = work[first:last, 0]


@compiled
def _work(bank: Any, programs: Any, out: Any) -> Any:
    """Zeros for the series of all operations up to the last program used: a coefficient never set stays zero."""
    last = 0
    for row in range(len(programs)):
        last = max(last, bank[0][programs[row] + 1])
    return np.zeros((last, out.shape[2]), dtype=out.dtype)


@compiled
def _follow(bank: Any, programs: Any, arguments: Any, start: Any, order: Any, out: Any) -> Any:
    work = _work(bank, programs, out)
    point = start.copy()
    for row in range(len(programs)):
        _run(bank, programs[row], arguments[row], point, order, work, out[row])
        point[:] = out[row, :, 0]


@compiled
def _run(bank: Any, program: Any, arguments: Any, start: Any, order: Any, work: Any, out: Any) -> Any:
    """Interpret one program in truncated power series about ``start``."""
    first, codes, left, right, constants, n_active, active, results, quadratic = bank
    offset = first[program]
    for k in range(offset, first[program + 1]):
        code, a, b = codes[k], left[k], right[k]
        series = work[k]
        if code == CONSTANT:
            series[0] = constants[k]
        elif code == ARGUMENT:
            series[0] = arguments[a]
        elif code == COORDINATE:
            series[0] = start[a]
            series[1 + a] = 1.0
        elif code == ADD:
            _add(work[offset + a], work[offset + b], 1.0, n_active[k], active[k], quadratic, order, series)
        elif code == SUB:
            _add(work[offset + a], work[offset + b], -1.0, n_active[k], active[k], quadratic, order, series)
        elif code == MUL:
            _multiply(work[offset + a], work[offset + b], n_active[k], active[k], quadratic, order, series)
        else:
            f0, f1, f2 = _function(code, work[offset + a, 0])
            _compose(work[offset + a], f0, f1, f2, n_active[k], active[k], quadratic, order, series)
    for i in range(N_COORDINATES):
        out[i, :] = work[offset + results[program, i], :]


_BLOCK = 64  # particles that go through an operation together: enough to vectorise, few enough for the cache


@compiled
def _track(bank: Any, programs: Any, arguments: Any, state: Any) -> Any:
    work = np.empty((_longest(bank), _BLOCK))
    for begin in range(0, state.shape[1], _BLOCK):
        block = state[:, begin : begin + _BLOCK]
        for row in range(len(programs)):
            _run_block(bank, programs[row], arguments[row], block, work)


@compiled
def _longest(bank: Any) -> Any:
    """How many operations the longest program has."""
    longest = 0
    for program in range(len(bank[0]) - 1):
        longest = max(longest, bank[0][program + 1] - bank[0][program])
    return longest


@compiled
def _track_each(bank: Any, programs: Any, arguments: Any, state: Any) -> Any:
    work = np.empty((_longest(bank), state.shape[1]))
    for row in range(len(programs)):
        _run_block(bank, programs[row], arguments[row], state, work)


@compiled
def _orbits_of_each(bank: Any, programs: Any, arguments: Any, state: Any, rows: Any, out: Any) -> Any:
    work, place = np.empty((_longest(bank), state.shape[1])), 0
    for row in range(len(programs) + 1):
        while place < len(rows) and rows[place] == row:
            out[place] = state
            place += 1
        if row < len(programs):
            _run_block(bank, programs[row], arguments[row], state, work)


@compiled
def _run_block(bank: Any, program: Any, arguments: Any, block: Any, work: Any) -> Any:
    """Interpret one program for a block of particles (6, n), in place; ``arguments`` of all or (.., n) of each."""
    first, codes, left, right, constants, _, _, results, _ = bank
    offset, n = first[program], block.shape[1]
    for k in range(offset, first[program + 1]):
        code, a, b = codes[k], left[k], right[k]
        out = work[k - offset]
        if code == CONSTANT:
            out[:n] = constants[k]
        elif code == ARGUMENT:
            out[:n] = arguments[a]
        elif code == COORDINATE:
            out[:n] = block[a]
        elif code == ADD:
            for i in range(n):
                out[i] = work[a, i] + work[b, i]
        elif code == SUB:
            for i in range(n):
                out[i] = work[a, i] - work[b, i]
        elif code == MUL:
            for i in range(n):
                out[i] = work[a, i] * work[b, i]
        elif code == NEG:
            for i in range(n):
                out[i] = -work[a, i]
        elif code == RECIPROCAL:
            for i in range(n):
                out[i] = 1.0 / work[a, i]
        elif code == SQRT:
            for i in range(n):
                out[i] = np.sqrt(work[a, i])
        else:
            for i in range(n):
                out[i] = _function(code, work[a, i])[0]
    for i in range(N_COORDINATES):
        block[i, :] = work[results[program, i], :n]


@compiled
def _add(a: Any, b: Any, sign: Any, n: Any, active: Any, quadratic: Any, order: Any, out: Any) -> Any:
    out[0] = a[0] + sign * b[0]
    if order >= 1:
        for p in range(n):
            i = active[p]
            out[1 + i] = a[1 + i] + sign * b[1 + i]
            if order >= 2:
                for q in range(p, n):
                    ij = quadratic[i, active[q]]
                    out[ij] = a[ij] + sign * b[ij]


@compiled
def _multiply(a: Any, b: Any, n: Any, active: Any, quadratic: Any, order: Any, out: Any) -> Any:
    a0, b0 = a[0], b[0]
    out[0] = a0 * b0
    if order >= 1:
        for p in range(n):
            i = active[p]
            out[1 + i] = a0 * b[1 + i] + b0 * a[1 + i]
            if order >= 2:
                ii = quadratic[i, i]
                out[ii] = a0 * b[ii] + b0 * a[ii] + a[1 + i] * b[1 + i]
                for q in range(p + 1, n):
                    j = active[q]
                    ij = quadratic[i, j]
                    out[ij] = a0 * b[ij] + b0 * a[ij] + a[1 + i] * b[1 + j] + a[1 + j] * b[1 + i]


@compiled
def _compose(a: Any, f0: Any, f1: Any, f2: Any, n: Any, active: Any, quadratic: Any, order: Any, out: Any) -> Any:
    """f(a) from f, f' and f'' at the value of a."""
    out[0] = f0
    if order >= 1:
        for p in range(n):
            i = active[p]
            out[1 + i] = f1 * a[1 + i]
            if order >= 2:
                ii = quadratic[i, i]
                out[ii] = f1 * a[ii] + 0.5 * f2 * a[1 + i] * a[1 + i]
                for q in range(p + 1, n):
                    j = active[q]
                    ij = quadratic[i, j]
                    out[ij] = f1 * a[ij] + f2 * a[1 + i] * a[1 + j]


@compiled
def _function(code: Any, u: Any) -> Any:
    """Value, first and second derivative of an elementary function at u."""
    if code == NEG:
        return -u, u * 0 - 1.0, u * 0
    if code == RECIPROCAL:
        r = 1.0 / u
        return r, -r * r, 2.0 * r * r * r
    if code == SQRT:
        r = np.sqrt(u)
        return r, 0.5 / r, -0.25 / (r * u)
    if code == SIN:
        s, c = np.sin(u), np.cos(u)
        return s, c, -s
    if code == COS:
        s, c = np.sin(u), np.cos(u)
        return c, -s, -c
    if code == ARCTAN:
        d = 1.0 / (1.0 + u * u)
        return np.arctan(u), d, -2.0 * u * d * d
    if code == COS_SQRT:
        return cos_sqrt_series(u)
    if code == SIN_SQRT:
        return sin_sqrt_series(u)
    return arctan_ratio_series(u)
