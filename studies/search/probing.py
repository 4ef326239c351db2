"""Before hours are spent: what each knob moves, one at a time from the design."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import listed
from studies.scan.plan import COMPUTED, STATUS
from studies.search.asked import Search

_STEP = 0.01  # of a knob's range
_ENOUGH = 8  # cases that tell that an objective never changes
_SAME = 1e-12  # relative: rounding


def probes(search: Search) -> Array:
    """The design, and for each knob the design with it moved by a hundredth of its range: (1 + k, k)."""
    start, step = search.start, _STEP * (search.upper - search.lower)
    step = np.where([knob.whole for knob in search.knobs], 1.0, step)
    inwards = np.where(start + step <= search.upper, step, -step)
    return np.vstack([start, start + np.diag(inwards)])


def still_knobs(search: Search, probed: pd.DataFrame) -> list[int]:
    """Numbers of the knobs that move nothing in the rows of ``probes``; none where one of these has no answer."""
    if not (probed[STATUS] == COMPUTED).all():
        return []
    names = list(dict.fromkeys([*(o.quantity for o in search.objectives), *(c.quantity for c in search.constraints)]))
    moved = np.column_stack([_moved(probed, name) for name in names])
    return [number for number, row in enumerate(moved) if not row.any()]


def ends(search: Search, knobs: list[int]) -> Array:
    """The design with each of some knobs at its lower and its upper bound: (2 len(knobs), k).

    A quantity that counts particles may stand still over a hundredth of a knob's range, and not over all of it.
    """
    places = np.repeat(search.start[None, :], 2 * len(knobs), axis=0)
    for row, knob in enumerate(knobs):
        places[2 * row : 2 * row + 2, knob] = search.lower[knob], search.upper[knob]
    return places


def check_moves(search: Search, knobs: list[int], probed: pd.DataFrame, ended: pd.DataFrame) -> None:
    """InputError for a knob that moves nothing even from end to end: ``probed`` and ``ended`` are the rows of both."""
    dead = []
    for row, knob in enumerate(knobs):
        three = pd.concat([probed[:1], ended[2 * row : 2 * row + 2]])
        if len(still_knobs(search, three)) == 2:
            dead.append(search.knobs[knob].name)
    if dead:
        raise InputError(f"search.vary: {listed(dead)} moves no objective and no constraint: leave it out")


def check_objectives(search: Search, rows: pd.DataFrame) -> None:
    """InputError for an objective that is the same for all of some cases far apart, those that have it."""
    still = [one.quantity for one in search.objectives if _constant(rows, one.quantity)]
    if still:
        raise InputError(f"search.objective: no knob moves {listed(still)}: it is the same for all machines")


def _constant(rows: pd.DataFrame, name: str) -> bool:
    values = rows[name].to_numpy(dtype=float) if name in rows else np.zeros(0)
    values = values[np.isfinite(values)]
    return len(values) >= _ENOUGH and bool(np.ptp(values) <= _SAME * max(1.0, abs(values[0])))


def _moved(probed: pd.DataFrame, name: str) -> Array:
    """Which knobs move a quantity, (k,); one without a value may be moved."""
    values = probed[name].to_numpy(dtype=float) if name in probed else np.full(len(probed), np.nan)
    change = np.abs(values[1:] - values[0])
    return np.asarray(~(change <= _SAME * np.maximum(1.0, np.abs(values[0]))))
