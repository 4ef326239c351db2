"""The last three turns of extracted particles through the machine: where they come nearest to an aperture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from extraction.resonance.arms import Arm
from extraction.septum import Septum
from lattice import InputError, Lattice
from lattice.arrays import Array
from optics import Optics
from optics.aperture import openings
from optics.maps.lattices.turns import passage


@dataclass(frozen=True, eq=False)
class LastTurns:
    """Particles that start on the wires, one for each momentum, over three turns.

    ``table``: delta, turn (1 to 3), element, s [m], x [m], room [m] to the aperture, at both ends of each element.
    ``at_wall`` (n,): every position x [m] at the magnetic septum's entrance, none without one; ``into_gap``: least
    room [m] between the particles that just made it and the electrostatic septum's cathode, which stands a gap behind
    the wires' outer face; inf without a gap. ``in_y``: least room [m] in y and the name of the element where that is,
    in a ring that couples the planes, where particles on the arm leave y = 0; inf in others.
    """

    table: pd.DataFrame
    at_wall: Array
    into_gap: float
    in_y: tuple[float, str] = (float("inf"), "")

    @property
    def nearest(self) -> pd.Series:
        """The row with the least room; InputError when no element has an aperture."""
        if self.table["room"].isna().all():
            raise InputError("no element has an aperture: give elements one (in a MAD-X file APERTYPE and APERTURE)")
        return self.table.loc[self.table["room"].idxmin()]


def last_turns(
    ring: Lattice,
    optics: Optics,
    septum: Septum,
    arms: Sequence[tuple[float, Arm]],
    chamber: Lattice | None = None,
) -> LastTurns:
    """Follow the particle that just misses the wires, of each momentum the one of largest amplitude.

    ``chamber``: a lattice of the same elements whose apertures count in place of the ring's.
    """
    state = np.array([[*arm.after[0], 0.0, delta] for delta, arm in arms])
    first, count = ring.index(septum.at), len(ring)
    places = [(first + i) % count for i in range(count)]
    maps = [passage(ring, optics.particle, optics.fringe, place, place + 1) for place in places]
    passed: list[Array] = []
    for _ in range(3):
        for one in maps:
            after = one.track(state)
            passed += [state[:, :4:2], after[:, :4:2]]
            state = after
    x, y = np.moveaxis(np.stack(passed), -1, 0)  # (3 turns x elements x 2 ends, particles)
    reach = float(np.max(septum.side * arms_after(arms)))
    cathode = abs(septum.position) + septum.thickness + septum.gap
    into_gap = cathode - reach if septum.gap > 0 else float("inf")
    table = _table(ring, openings(chamber or ring), places, [delta for delta, _ in arms], x)
    at_wall = table.loc[table["element"] == septum.magnetic_at, "x"].to_numpy().reshape(-1, 2, len(arms))[:, 0]
    return LastTurns(table, at_wall.ravel(), into_gap, *([_in_y(ring, places, y)] if optics.coupled else []))


def _in_y(ring: Lattice, places: Sequence[int], y: Array) -> tuple[float, str]:
    """Least room [m] of positions ``y`` (3 turns x elements x 2 ends, particles), and where."""
    low, high = np.tile(np.repeat(openings(ring)[list(places), 2:], 2, axis=0), (3, 1)).T[:, :, None]
    room = np.min(np.minimum(y - low, high - y), axis=1)
    if np.all(np.isnan(room)):
        return float("inf"), ""
    least = int(np.nanargmin(room))
    return float(room[least]), ring.names[places[least // 2 % len(places)]]


def arms_after(arms: Sequence[tuple[float, Arm]]) -> Array:
    """Positions [m] three turns after the wires."""
    return np.array([arm.after[3, 0] for _, arm in arms])


def _table(ring: Lattice, free: Array, places: Sequence[int], deltas: Sequence[float], x: Array) -> pd.DataFrame:
    count, particles = len(places), len(deltas)
    ends = np.array([(ring.s[place], ring.s[place + 1]) for place in places]).ravel()
    low, high = np.repeat(free[list(places), :2], 2, axis=0).T
    low, high = (np.repeat(np.tile(edge, 3), particles) for edge in (low, high))
    flat = x.ravel()
    return pd.DataFrame(
        {
            "delta": np.tile(deltas, len(x)),
            "turn": np.repeat([1, 2, 3], 2 * count * particles),
            "element": np.repeat(np.tile(np.repeat([ring.names[place] for place in places], 2), 3), particles),
            "s": np.repeat(np.tile(ends, 3), particles),
            "x": flat,
            "room": np.minimum(flat - low, high - flat),
        }
    )
