"""How far a beam's momentum may be from the magnets': transmission, size and position against dp/p, magnets fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from optics import track


@dataclass(frozen=True, eq=False)
class Acceptance:
    """Of one setting, called ``label``, with ``size_x``, ``size_y`` [m] chosen: ``table`` over ``offset`` dp/p, with
    ``transmission``, rms ``size_x``, ``size_y`` and mean ``x``, ``y`` [m] at the isocentre of what arrives."""

    label: str
    size_x: float
    size_y: float
    table: pd.DataFrame

    def within(self, misses: Array, limit: float) -> tuple[float, bool]:
        """dp/p up to which, on both sides of 0, ``misses`` (offsets,) stay below a limit; False where it goes on."""
        offsets = self.table["offset"].to_numpy()
        ends = [_crossing(side * offsets, misses, limit) for side in (1.0, -1.0)]
        return min(ends)[0], any(found for _, found in ends)

    @property
    def size_misses(self) -> Array:
        """Largest relative distance of either size from the chosen one: (offsets,), inf where nothing arrives."""
        table = self.table
        found = np.max([np.abs(table[f"size_{p}"] / getattr(self, f"size_{p}") - 1.0) for p in "xy"], axis=0)
        return np.where(np.isnan(found), np.inf, found)


def _crossing(offsets: Array, misses: Array, limit: float) -> tuple[float, bool]:
    """The offset at which misses pass the limit on the way out from 0, linear between two; the last where none do."""
    outward = np.argsort(offsets)
    outward = outward[offsets[outward] >= 0]
    away, missed = offsets[outward], misses[outward]
    over = np.flatnonzero(missed > limit)
    if not len(over):
        return float(away[-1]), False
    first = int(over[0])
    if first == 0:
        return 0.0, True
    low, high = missed[first - 1], missed[first]
    part = (limit - low) / (high - low) if np.isfinite(high) else 0.0
    return float(away[first - 1] + part * (away[first] - away[first - 1])), True


def accepted(line: Lattice, particle: ReferenceParticle, states: Array, offsets: Array, fringe: str) -> pd.DataFrame:
    """The table of an ``Acceptance``: the particles (n, 6) with every momentum times 1 + dp/p, directions as they are.

    In the magnets' units both px and 1 + delta grow by 1 + dp/p.
    """
    moved = np.concatenate([_moved(states, float(offset)) for offset in offsets])
    tracked = track(line, particle, moved, fringe=fringe)
    shape = (len(offsets), len(states))
    ends, alive = tracked.coordinates.reshape(*shape, 6), tracked.alive.reshape(shape)
    rows = [_row(end[here]) for end, here in zip(ends, alive, strict=True)]
    return pd.DataFrame({"offset": offsets, "transmission": alive.mean(axis=1)}).join(pd.DataFrame(rows))


def _moved(states: Array, offset: float) -> Array:
    found = states * [1.0, 1.0 + offset, 1.0, 1.0 + offset, 1.0, 1.0]
    found[:, 5] = (1.0 + states[:, 5]) * (1.0 + offset) - 1.0
    return np.asarray(found)


def _row(arrived: Array) -> dict[str, float]:
    if len(arrived) < 2:
        return dict.fromkeys(("size_x", "size_y", "x", "y"), np.nan)
    sizes, middle = arrived[:, [0, 2]].std(axis=0), arrived[:, [0, 2]].mean(axis=0)
    return {"size_x": sizes[0], "size_y": sizes[1], "x": middle[0], "y": middle[1]}
