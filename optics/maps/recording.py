"""A map, recorded as a list of elementary operations.

A map is written once, in plain arithmetic (``element_maps``). Run once with ``Node`` objects in place of numbers it
leaves a ``Program``. What evaluates programs is in ``taylor`` (power series), ``blocks`` (particles) and ``lanes``
(many lattices); a ``Bank`` holds the programs for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

CONSTANT, ARGUMENT, COORDINATE, ADD, SUB, MUL, NEG, RECIPROCAL, SQRT, SIN, COS, ARCTAN = range(12)
COS_SQRT, SIN_SQRT, ARCTAN_RATIO = 12, 13, 14


N_COORDINATES = 6


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


@lru_cache(maxsize=256)
def dependencies(program: Program) -> list[tuple[int, list[int]]]:
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
