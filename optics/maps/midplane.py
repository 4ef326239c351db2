"""A turn of one momentum in the midplane: the recorded maps with all that is known of their operands worked out.

Particles of one dp/p that begin with y = py = 0 in a ring that keeps them there differ in x and px alone. What a map
does with the momentum, its strengths and lengths is then a number; what it does with zeros is nothing; and where
nobody asks for the time of flight, that falls away too. A ring keeps a fifth of its operations, and each of those is
one of the recorded map's: nothing is written a second time, and results are the same to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from optics.maps.bank import Bank
from optics.maps.recording import (
    ADD,
    ARGUMENT,
    CONSTANT,
    COORDINATE,
    MUL,
    N_COORDINATES,
    NEG,
    SIN,
    SQRT,
    SUB,
    Node,
    Program,
    Recorder,
)
from optics.maps.steps import program
from optics.maps.turn import Turn

_X, _PX, _Y, _PY, _ZETA, _DELTA = range(N_COORDINATES)
_ODD = (NEG, SQRT, SIN)  # functions that are 0 at 0


@dataclass(frozen=True)
class _Known:
    """The result of an operation that depends on arguments and the momentum alone."""

    operation: int


#: The name of a map, and which of its arguments are 0.
_Key = tuple[str, frozenset[int]]

#: What an operation of the whole map has become; None is 0.
_Made = Node | _Known | None


@dataclass(frozen=True)
class Reduced:
    """A map of (x, px); its arguments are the values of the ``known`` operations of the whole map."""

    program: Program
    known: tuple[int, ...]


@lru_cache(maxsize=1024)
def reduced(name: str, zeros: frozenset[int]) -> Reduced | None:
    """The map ``name`` in the midplane where the arguments ``zeros`` are 0; None when it leaves the midplane."""
    whole, recorder = program(name), Recorder()
    made: list[_Made] = []
    for number, (code, a, b, constant) in enumerate(whole.operations):
        if code == COORDINATE:
            made.append({_X: recorder.node(COORDINATE, _X), _PX: recorder.node(COORDINATE, _PX)}.get(a))
            if a == _DELTA:
                made[-1] = _Known(number)
        elif code in (CONSTANT, ARGUMENT):
            made.append(None if (constant == 0.0 if code == CONSTANT else a in zeros) else _Known(number))
        else:
            made.append(_combined(recorder, number, code, made[a], made[b] if b >= 0 else None))
    if made[whole.results[_Y]] is not None or made[whole.results[_PY]] is not None:
        return None
    results = [_lifted(recorder, made[whole.results[i]]) for i in (_X, _PX)]
    return _pruned(recorder, results)


def _combined(recorder: Recorder, number: int, code: int, a: _Made, b: _Made) -> _Made:
    """An operation on what its operands have become."""
    if (code == MUL and (a is None or b is None)) or (code in _ODD and a is None):
        return None
    if code == ADD and a is None:
        return b
    if code in (ADD, SUB) and b is None:
        return a
    if not isinstance(a, Node) and not isinstance(b, Node):
        return _Known(number)
    if code == SUB and a is None:
        return recorder.node(NEG, _lifted(recorder, b).index)
    left, right = _lifted(recorder, a), b if b is None else _lifted(recorder, b)
    return recorder.node(code, left.index, -1 if right is None else right.index)


def _lifted(recorder: Recorder, made: _Made) -> Node:
    """A known value as an argument, for now with the number of its operation."""
    if isinstance(made, Node):
        return made
    return recorder.node(CONSTANT) if made is None else recorder.node(ARGUMENT, made.operation)


def _pruned(recorder: Recorder, results: list[Node]) -> Reduced:
    """What the results need and no more, with the other coordinates passed on."""
    whole = recorder.operations
    needed = {node.index for node in results}
    for number in range(len(whole) - 1, -1, -1):
        if number in needed and whole[number][0] not in (CONSTANT, ARGUMENT, COORDINATE):
            needed |= {source for source in whole[number][1:3] if source >= 0}
    known = tuple(sorted(whole[number][1] for number in needed if whole[number][0] == ARGUMENT))
    last, place = Recorder(), dict[int, int]()
    for number in sorted(needed):
        code, a, b, constant = whole[number]
        if code == ARGUMENT:
            a = known.index(a)
        elif code not in (CONSTANT, COORDINATE):
            a, b = place[a], place.get(b, -1)
        place[number] = last.node(code, a, b, constant).index
    passed = [last.node(COORDINATE, i).index for i in range(2, N_COORDINATES)]
    return Reduced(Program(tuple(last.operations), (*(place[r.index] for r in results), *passed), len(known)), known)


@lru_cache(maxsize=64)
def _bank(keys: tuple[_Key, ...]) -> Bank:
    found = [one for key in keys if (one := reduced(*key))]
    return Bank([one.program for one in found], [name for name, _ in keys])


def in_midplane(turn: Turn, delta: float) -> Turn | None:
    """The same turn for particles with y = py = 0 of momentum deviation ``delta``; None when they do not stay there.

    It maps x and px and leaves the other coordinates alone, zeta too: use it where the time of flight is not asked.
    """
    if not len(turn.programs):
        return turn
    steps = _keys(turn)
    keys = tuple(dict.fromkeys(steps))
    found = {key: reduced(*key) for key in keys}
    if not all(found.values()):
        return None
    bank = _bank(keys)
    arguments = np.zeros((len(steps), bank.n_arguments))
    start = np.array([0.0] * _DELTA + [delta])
    values = turn.bank.operations(turn.programs, turn.arguments, start)
    index = {key: number for number, key in enumerate(keys)}
    programs = np.array([index[key] for key in steps], dtype=np.int64)
    for key, number in index.items():
        known = found[key].known  # type: ignore[union-attr]
        rows = np.flatnonzero(programs == number)
        arguments[rows, : len(known)] = values[rows][:, list(known)]
    return Turn(bank, programs, arguments, turn.name)


def _keys(turn: Turn) -> list[_Key]:
    """Name of each step's map and which of its arguments are 0."""
    own = np.arange(turn.bank.n_arguments) < turn.bank.argument_counts[turn.programs][:, None]
    zeros = own & (turn.arguments == 0.0)
    marks = [(int(index), row.tobytes()) for index, row in zip(turn.programs, zeros, strict=True)]
    rows = {mark: row for row, mark in enumerate(marks)}
    known = {
        mark: (turn.bank.names[mark[0]], frozenset(np.flatnonzero(zeros[row]).tolist())) for mark, row in rows.items()
    }
    return [known[mark] for mark in marks]
