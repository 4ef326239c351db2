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
_SAME = 1e-12  # relative: rounding


def probes(search: Search) -> Array:
    """The design, and for each knob the design with it moved by a hundredth of its range: (1 + k, k)."""
    start, step = search.start, _STEP * (search.upper - search.lower)
    step = np.where([knob.whole for knob in search.knobs], 1.0, step)
    inwards = np.where(start + step <= search.upper, step, -step)
    return np.vstack([start, start + np.diag(inwards)])


def check_moves(search: Search, probed: pd.DataFrame) -> None:
    """InputError for a knob that moves nothing and for an objective that no knob moves, from the rows of ``probes``.

    Nothing is said where the design, or the case of a knob, has no answer.
    """
    if not (probed[STATUS] == COMPUTED).all():
        return
    names = list(dict.fromkeys([*(o.quantity for o in search.objectives), *(c.quantity for c in search.constraints)]))
    moved = np.column_stack([_moved(probed, name) for name in names])
    dead = [knob.name for knob, row in zip(search.knobs, moved, strict=True) if not row.any()]
    if dead:
        raise InputError(f"search.vary: {listed(dead)} moves no objective and no constraint: leave it out")
    still = [o.quantity for i, o in enumerate(search.objectives) if not moved[:, i].any()]
    if still:
        raise InputError(f"search.objective: no knob moves {listed(still)}: it is the same for all machines")


def _moved(probed: pd.DataFrame, name: str) -> Array:
    """Which knobs move a quantity, (k,); one without a value may be moved."""
    values = probed[name].to_numpy(dtype=float) if name in probed else np.full(len(probed), np.nan)
    change = np.abs(values[1:] - values[0])
    return np.asarray(~(change <= _SAME * np.maximum(1.0, np.abs(values[0]))))
