"""Does a map bring particles to the wires where the exact turn does? Probes that both follow, until each arrives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from extraction.spill.sections.fit import normalising, on_circles
from extraction.spill.sections.one_turn import SectionalMap
from extraction.spill.sections.region import Region
from lattice.arrays import Array
from optics.maps.turn import Turn

_COUNT, _TURNS = 100, 30  # a transit takes ten turns or twenty
_WIDER, _HIGHER = 1.3, 4.0  # times the region: what a probe may reach before it counts as lost elsewhere


@dataclass(frozen=True, eq=False)
class Probes:
    """``start`` and ``end`` (n, 4): absolute x, px, y, py of the exact turn, ``turns`` (n,) apart.

    A probe ends where it first stands beyond the wires, or after 30 turns. ``reach``: the largest amplitudes on the way
    [m^1/2] in both planes.
    """

    start: Array
    end: Array
    turns: Array
    reach: tuple[float, float]

    def missed(self, one: SectionalMap) -> float:
        """The largest distance in x and y [m] between where a map and where the exact turn bring a probe."""
        here, found = self.start, np.zeros_like(self.end)
        with np.errstate(all="ignore"):  # a bad fit may lose them
            for turn in range(1, int(np.max(self.turns, initial=0)) + 1):
                here = one.track(here)
                found[self.turns == turn] = here[self.turns == turn]
        away = np.hypot(*(found - self.end)[:, [0, 2]].T)
        return float(np.max(np.nan_to_num(away, nan=np.inf), initial=0.0))

    def widened(self, region: Region) -> Region:
        """The region with what the probes reach: sextupoles may blow up y on the way out."""
        return replace(region, x=max(region.x, self.reach[0]), y=max(region.y, self.reach[1]))


def probes_of(turn: Turn, orbit: Array, matrices: Array, region: Region) -> Probes:
    """Probes that begin inside the wires at momentum ``orbit[5]``, evenly over phases and areas of both planes."""
    frame = normalising(matrices)
    begun = np.zeros((_COUNT, 6))
    begun[:, :4], begun[:, 5] = orbit[:4] + _begun(region, frame, orbit) @ frame.T, orbit[5]
    states = _path(turn, begun)
    amplitude_x, amplitude_y = _amplitudes(states - orbit[:4], frame)
    away = ~((amplitude_x < _WIDER * region.x) & (amplitude_y < _HIGHER * region.y))
    ended = away | (np.sign(region.wires) * states[..., 0] > abs(region.wires))
    last = np.where(np.any(ended, axis=0), np.argmax(ended, axis=0), _TURNS)
    counts = (last > 0) & ~away[last, np.arange(_COUNT)]
    on_the_way = (np.arange(_TURNS + 1)[:, None] <= last) & counts
    reach_x, reach_y = (float(np.max(part, where=on_the_way, initial=0.0)) for part in (amplitude_x, amplitude_y))
    who = np.flatnonzero(counts)
    return Probes(states[0, who], states[last[who], who], last[who], (reach_x, reach_y))


def _path(turn: Turn, begun: Array) -> Array:
    """x, px, y, py (turns + 1, n, 4) of particles (n, 6) in exact turns."""
    path = [begun]
    with np.errstate(all="ignore"):  # those that are lost
        for _ in range(_TURNS):
            path.append(turn.track(path[-1]))
    return np.array(path)[:, :, :4]


def _begun(region: Region, frame: Array, orbit: Array) -> Array:
    """Normalised coordinates (n, 4) of amplitudes up to the wires', and the region's in y; always the same ones."""
    draw = np.random.default_rng(2).random((4, _COUNT))
    farthest = min(abs(region.wires - float(orbit[0])) / float(frame[0, 0]), region.x)
    return on_circles(
        farthest * np.sqrt(draw[0]), 2 * np.pi * draw[1], region.y * np.sqrt(draw[2]), 2 * np.pi * draw[3]
    )


def _amplitudes(relative: Array, frame: Array) -> tuple[Array, Array]:
    normal = relative @ np.linalg.inv(frame).T
    return np.hypot(normal[..., 0], normal[..., 1]), np.hypot(normal[..., 2], normal[..., 3])
