"""The last three turns of what is extracted: its path inside the aperture, beside the septa."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lattice.arrays import Array
from studies.charts import style
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json
from studies.results import FigureData, Shown
from studies.slow_extraction.facts import ExtractionFacts

_COLORS = (style.HORIZONTAL, style.DISPERSION, style.VERTICAL)
_SHORTEST = 0.01  # of the ring: a septum that is drawn


def last_turns_figure(facts: ExtractionFacts) -> FigureData:
    """The three turns of the momentum that comes nearest to an aperture, inside the openings and beside the septa."""
    table = facts.turns.table
    known = bool(table["room"].notna().any())
    delta = float(facts.turns.nearest["delta"]) if known else facts.found[-1].delta
    mine = table[table["delta"] == delta]
    items = [*_turns(mine, facts), *(_aperture(mine, facts) if known else ()), *_septa(facts)]
    figure = curves(items, "s from the electrostatic septum [m]", "x [mm]", height=420)
    caption = (
        f"The particle of dp/p = {delta:.4g} that just misses the wires, from the electrostatic septum three times "
        "around to it: positions at both ends of every element, inside the aperture (grey). Thick: wires and cathode "
        "of the electrostatic septum, wall of the magnetic one. Look for: where it comes nearest."
    )
    frame = mine.rename(columns={"delta": "dp/p", "s": "s [m]", "x": "x [m]", "room": "room [m]"}).reset_index(
        drop=True
    )
    shows = tuple(_nearest(facts)) if known else ()
    return FigureData("turns-last", "The last three turns", caption, figure_json(figure), frame, shows)


def _path(rows: pd.DataFrame, facts: ExtractionFacts) -> Array:
    """Path from the electrostatic septum [m]; the last row of a turn stands a whole turn away."""
    path = _from_septum(rows["s"].to_numpy(), facts)
    half = len(path) // 2
    path[half:][path[half:] == 0.0] = facts.ring.length
    return path


def _from_septum(s: Array, facts: ExtractionFacts) -> Array:
    return np.asarray((s - float(facts.ring.s[facts.ring.index(facts.septum.at)])) % float(facts.ring.length))


def _turns(mine: pd.DataFrame, facts: ExtractionFacts) -> Iterator[Curve]:
    for turn, color in zip((1, 2, 3), _COLORS, strict=True):
        rows = mine[mine["turn"] == turn]
        yield Curve(f"turn {turn}", list(_path(rows, facts)), list(1e3 * rows["x"]), color, width=1.4)


def _aperture(mine: pd.DataFrame, facts: ExtractionFacts) -> Iterator[Curve]:
    rows = mine[mine["turn"] == 1]
    half = 1e3 * (rows["room"].to_numpy() + np.abs(rows["x"].to_numpy()))
    for sign in (1, -1):
        yield Curve("aperture", list(_path(rows, facts)), list(sign * half), style.LIMIT, width=1.0)


def _septa(facts: ExtractionFacts) -> Iterator[Curve]:
    """Wires and cathode where the path begins, and the wall of the magnetic septum in its place."""
    septum = facts.septum
    side = float(np.sign(septum.position))
    yield _plate("wires", septum.position, 0.0, septum.length, facts)
    if septum.gap:
        yield _plate("cathode", septum.position + side * (septum.thickness + septum.gap), 0.0, septum.length, facts)
    if septum.magnetic_at and facts.spec.x_wall:
        number = facts.ring.index(septum.magnetic_at)
        begin = float(_from_septum(facts.ring.s[number : number + 1], facts)[0])
        length = float(facts.ring.s[number + 1] - facts.ring.s[number])
        yield _plate(f"wall of {septum.magnetic_at}", facts.spec.x_wall, begin, length, facts)


def _plate(name: str, x: float, begin: float, length: float, facts: ExtractionFacts) -> Curve:
    end = begin + max(length, _SHORTEST * float(facts.ring.length))
    return Curve(name, [begin, end], [1e3 * x, 1e3 * x], style.INK, width=4.0)


def _nearest(facts: ExtractionFacts) -> Iterator[Shown]:
    """The room is counted from the aperture inwards, at its nearest, or from the cathode."""
    septum, nearest = facts.septum, facts.turns.nearest
    if facts.turns.into_gap < float(nearest["room"]):
        side = float(np.sign(septum.position))
        cathode = septum.position + side * (septum.thickness + septum.gap)
        yield Shown("last_turns_clearance", scale=-1e3 * side, offset=1e3 * cathode, at=0.0)
        return
    side = float(np.sign(nearest["x"])) or 1.0
    edge = side * (float(nearest["room"]) + abs(float(nearest["x"])))
    at = float(_from_septum(np.array([float(nearest["s"])]), facts)[0])
    yield Shown("last_turns_clearance", scale=-1e3 * side, offset=1e3 * edge, at=at)
