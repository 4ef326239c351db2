"""Cases of a scan whose optics can be looked at: chosen over the region, picked by a click or with a slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lattice.arrays import Array
from optics import Optics, twiss
from studies.charts.lattice import figure_json, magnet_blocks, optics_figure
from studies.charts.style import INK, Layout, Trace, numbers
from studies.results import FigureData
from studies.scan.cases import Plan

_BEST, _OTHERS = 14, 7  # cases of the best class, and of the others that have optics
_LOOKED_AT = 4000  # cases among which they are chosen
_FUNCTIONS = ("betx", "bety", "dx", "dy")
_SLIDER = {
    "active": 0,
    "x": 0.0,
    "len": 1.0,
    "y": 0.0,
    "yanchor": "top",
    "pad": {"t": 44, "b": 4},
    "ticklen": 4,
    "font": {"size": 10},
    "currentvalue": {"prefix": "case ", "xanchor": "left", "font": {"size": 12}},
}


def chosen_cases(made: Plan, table: pd.DataFrame, classes: Array) -> Array:
    """Rows of cases with optics, far from each other: most of them of the best class there is."""
    best = classes.min(initial=3)
    if best == 3 or not made.names:
        return np.array([], dtype=int)
    good, others = np.flatnonzero(classes == best), np.flatnonzero((classes != best) & (classes < 3))
    places = np.concatenate([_spread(made, table, good, _BEST), _spread(made, table, others, _OTHERS)])
    return np.asarray(np.sort(places))


def _spread(made: Plan, table: pd.DataFrame, rows: Array, count: int) -> Array:
    """Of some rows those that lie farthest from each other, one after another."""
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _LOOKED_AT)).round().astype(int))]
    if len(rows) <= count:
        return rows
    places = np.stack([(table[a.name].to_numpy()[rows] - a.lower) / (a.upper - a.lower) for a in made.axes], axis=1)
    found = [int(np.argmin(np.abs(places - np.median(places, axis=0)).sum(axis=1)))]
    distance = np.full(len(rows), np.inf)
    while len(found) < count:
        distance = np.minimum(distance, np.linalg.norm(places - places[found[-1]], axis=1))
        found.append(int(np.argmax(distance)))
    return np.asarray(rows[found])


def marks(x: Sequence[float], y: Sequence[float]) -> list[Trace]:
    """Rings at the cases that can be picked, the design first, and a larger one at the case that is shown."""
    ring = {"type": "scatter", "mode": "markers", "hoverinfo": "skip", "showlegend": False}
    small = {"symbol": "circle-open", "size": 10, "color": "#0072B2", "line": {"width": 1.4}}
    large = {"symbol": "circle-open", "size": 17, "color": INK, "line": {"width": 2.2}}
    return [
        {**ring, "name": "cases whose optics can be seen", "showlegend": True, "x": numbers(x), "y": numbers(y),
         "marker": small},
        {**ring, "name": "shown", "x": numbers(x[:1]), "y": numbers(y[:1]), "marker": large},
    ]  # fmt: skip


def linked(layout: Layout, figure: str, x: Sequence[float], y: Sequence[float]) -> Layout:
    """The layout with what the page's script needs to show the case that is clicked in another figure."""
    return {**layout, "meta": {"picks": {"figure": figure, "x": numbers(x), "y": numbers(y)}}}


def positions(made: Plan, table: pd.DataFrame, chosen: Array, name: str, design: float) -> list[float]:
    """A column at the design and at the chosen cases."""
    return [float(design), *(float(value) for value in table[name].to_numpy()[chosen])]


def picked_optics(made: Plan, table: pd.DataFrame, chosen: Array, id: str, where: str) -> FigureData:
    """Optics of the design and of the chosen cases, one at a time; ``where``: the figures they are picked in."""
    frames, labels, parts = [], [], []
    rows: list[Mapping[str, float]] = [{}, *table.iloc[chosen].to_dict("records")]
    for number, row in enumerate(rows):
        optics = _case(made, row)
        inside = optics.inside(4)
        frames.append(figure_json(optics_figure(inside, magnet_blocks(optics.lattice, made.particle, {}))))
        values = ", ".join(f"{a.name} = {float(np.real(optics.lattice.parameters[a.name])):.6g}" for a in made.axes)
        labels.append(f"{number or 'design'}: {values}")
        parts.append(inside[["s", "betx", "bety", "dx"]].assign(case=number))
    caption = (
        f"Optics of the design and of {len(chosen)} cases (rings in {where}): click there and the nearest one is "
        "shown, or move the slider. The magnets are those of the design. Look for: what the peaks do across the region."
    )
    data = pd.concat(parts, ignore_index=True).round(6)  # um: the page holds every case
    data = data.rename(columns={c: f"{c} [m]" for c in ("s", "betx", "bety", "dx")})
    return FigureData(id, "Optics of chosen cases", caption, _picked(frames, labels), data)


def _case(made: Plan, row: Mapping[str, float]) -> Optics:
    lattice = made.design.with_parameters({a.name: float(row[a.name]) for a in made.axes if row})
    return twiss(lattice, made.particle, fringe=made.resolved.study.model.fringe)


def _picked(frames: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> dict[str, Any]:
    """Figures of one layout: what they share from the first, their functions one at a time."""
    shared = [trace for trace in frames[0]["data"] if trace.get("name") not in _FUNCTIONS]
    own = [[trace for trace in frame["data"] if trace.get("name") in _FUNCTIONS] for frame in frames]
    traces = [*shared, *({**t, "visible": number == 0} for number, part in enumerate(own) for t in part)]
    layout = {**frames[0]["layout"]}
    for key in [key for key in layout if key.startswith("yaxis")]:
        ranges = [frame["layout"][key].get("range") for frame in frames]
        if all(ranges):
            low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
            layout[key] = {**layout[key], "range": [low, high]}
    owner = [-1] * len(shared) + [number for number, part in enumerate(own) for _ in part]
    steps = [
        {"label": label.partition(":")[0], "method": "update",
         "args": [{"visible": [one in (-1, number) for one in owner]},
                  {"title": {"text": label, "font": {"size": 13}}}]}
        for number, label in enumerate(labels)
    ]  # fmt: skip
    if len(frames) > 1:
        layout["sliders"] = [{**_SLIDER, "steps": steps}]
        margin = {"l": 64, "r": 64, "t": 24, "b": 48, **layout.get("margin", {})}
        layout["margin"] = {**margin, "b": margin["b"] + 84, "t": max(margin["t"], 48)}
        layout["height"] = layout.get("height", 450) + 84
    layout["title"] = {"text": labels[0], "font": {"size": 13}}
    return {"data": traces, "layout": layout}
