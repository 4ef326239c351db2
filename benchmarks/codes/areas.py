"""Turns by PTC, for points of period three that are not ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from extraction.resonance.second_engine import Tracking
from lattice import Lattice
from optics.engines.madx_session import madx_holding

_LAYOUT = (
    "ptc_create_universe; ptc_create_layout, time=false, model=2, method=6, nst=30, exact=true;"
    "ptc_setswitch, fringe=false, time=false, totalpath=false;"
)
_TURNS = "closed_orbit=false, onetable=true, dump=true, maxaper={1, 1, 1, 1, 1, 1}; ptc_track_end;"


@contextmanager
def ptc_tracking(ring: Lattice, at: str) -> Iterator[Tracking]:
    """PTC's turns from the entrance of ``at`` for dp/p = 0: a function of coordinates (n, 6) and a number of turns."""
    first = ring.index(at)
    elements = [*ring.elements[first:], *ring.elements[:first]]
    turned = Lattice(ring.name, elements=elements, parameters=ring.parameters.definitions, particle=ring.particle)
    assert turned.particle is not None
    with madx_holding(turned, turned.particle) as madx:
        madx.input(_LAYOUT)

        def passed(states: Any, turns: int) -> Any:
            for x, px, y, py, *_ in np.asarray(states).tolist():
                madx.input(f"ptc_start, x={x!r}, px={px!r}, y={y!r}, py={py!r};")
            madx.input(f"ptc_track, icase=4, turns={turns}, {_TURNS}")
            table = madx.table.trackone
            last = np.asarray(table["turn"]) == turns
            ends = [np.asarray(table[name])[last] for name in ("x", "px", "y", "py")]
            return np.column_stack([*ends, np.zeros((len(states), 2))])

        yield passed
