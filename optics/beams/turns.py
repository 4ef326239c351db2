"""Turns of many particles, element by element, compiled: who is lost where, and what monitors see."""

from __future__ import annotations

from typing import Any

import numpy as np

from optics.beams.openings import lies_within
from optics.compiled import compiled, inlined, inner
from optics.maps.blocks import BLOCK, give, load, store, through
from optics.maps.recording import N_COORDINATES

#: Columns of ``lost``: turn (-1: not lost) and place of each particle (2 k: entrance of element k, 2 k + 1: its exit),
#: and its coordinates there.
LOST = 2 + N_COORDINATES


@compiled
def track_turns(
    code: Any,
    programs: Any,
    arguments: Any,
    first: Any,
    openings: Any,
    state: Any,
    lost: Any,
    turns: Any,
    history: Any,
    places: Any,
    watched: Any,
    seen: Any,
    given: Any,
    work: Any,
) -> Any:
    """Take ``state`` (6, n) round ``turns`` (number of the first, number of turns), in place.

    ``programs`` and ``arguments`` of the steps; ``first`` (elements + 1,) step of each element; ``openings``
    (elements + 1, 6), watched at both ends of each. ``lost`` (n, LOST) of those not lost yet is written when they are,
    and ``history`` (turns or 0, n, 6) behind each turn. ``seen`` (watched turns, places, n, 6) is what stands in front
    of the elements ``places``, in order, in the turns whose ``watched`` is their row, not -1. A lost particle is not
    written. ``given`` and ``work`` are ``blocks.room_of``.
    """
    give(code, programs, arguments, given)
    for begin in range(0, state.shape[1], BLOCK):
        end = begin + BLOCK if begin + BLOCK < state.shape[1] else state.shape[1]
        n, own = end - begin, lost[begin:end]
        load(state, begin, work, n)
        for turn in range(turns[1]):
            row = watched[turn] if len(watched) > 0 else -1
            _one_turn(code, programs, given, first, openings, work, n, own, turns[0] + turn, places, row, seen, begin)
            if len(history) > 0:
                _written(work, n, own, history[turn, begin:end])
        store(work, state, begin, n)


@inner
def _one_turn(
    code: Any,
    programs: Any,
    given: Any,
    first: Any,
    openings: Any,
    work: Any,
    n: Any,
    lost: Any,
    turn: Any,
    places: Any,
    row: Any,
    seen: Any,
    begin: Any,
) -> Any:
    place, moved = 0, True
    for element in range(len(first)):
        opening = openings[element]
        narrow = opening[2] < np.inf or opening[4] < np.inf
        if (moved and _count_astray(work, n) > 0) or (narrow and _count_outside(work, n, opening) > 0):
            _lose(work, n, lost, turn, 2 * element, opening)
        while row >= 0 and place < len(places) and places[place] == element:
            _written(work, n, lost, seen[row, place, begin : begin + n])
            place += 1
        if element < len(first) - 1:
            moved = first[element + 1] > first[element]
            for step in range(first[element], first[element + 1]):
                through(code, programs[step], given[step], work, n)
            if narrow and moved and _count_outside(work, n, opening) > 0:
                _lose(work, n, lost, turn, 2 * element + 1, opening)


@inlined
def _goes_on(work: Any, i: Any) -> Any:
    """True for a particle with momentum whose coordinates are finite."""
    whole = work[0, i] + work[1, i] + work[2, i] + work[3, i] + work[4, i] + work[5, i]
    return (abs(whole) < np.inf) & (work[5, i] > -1.0)


@inner
def _count_astray(work: Any, n: Any) -> Any:
    count = 0
    for i in range(n):
        count += 1 - int(_goes_on(work, i))
    return count


@inner
def _count_outside(work: Any, n: Any, opening: Any) -> Any:
    count = 0
    for i in range(n):
        count += 1 - int(lies_within(work[0, i], work[2, i], opening))
    return count


@inner
def _lose(work: Any, n: Any, lost: Any, turn: Any, place: Any, opening: Any) -> Any:
    """Write down who leaves, and go on with a particle on the axis in its place, which counts no more."""
    for i in range(n):
        if not (_goes_on(work, i) and lies_within(work[0, i], work[2, i], opening)):
            if lost[i, 0] < 0:
                lost[i, 0], lost[i, 1] = turn, place
                for k in range(N_COORDINATES):
                    lost[i, 2 + k] = work[k, i]
            for k in range(N_COORDINATES):
                work[k, i] = 0.0


@inner
def _written(work: Any, n: Any, lost: Any, out: Any) -> Any:
    """The coordinates of those that are not lost."""
    for i in range(n):
        if lost[i, 0] < 0:
            for k in range(N_COORDINATES):
                out[i, k] = work[k, i]
