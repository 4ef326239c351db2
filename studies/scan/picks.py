"""Optics of the cases of a scan that were chosen: picked by a click in another figure or with a slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from studies.charts.figure import drawing_json
from studies.charts.kit.slider import HEIGHT, one_at_a_time, owners, slider
from studies.charts.lattice import magnet_blocks
from studies.charts.panels import optics_panels
from studies.charts.style import INK, Drawing, Layout, Trace, numbers
from studies.results import FigureData
from studies.scan.facts import CaseOptics, ScanFacts

_FUNCTIONS = ("betx", "bety", "dx", "dy")


def marks(x: Sequence[float], y: Sequence[float]) -> list[Trace]:
    """Rings at the cases that can be picked, the design first, and a larger one at the case that is shown."""
    ring = {"type": "scatter", "mode": "markers", "hoverinfo": "skip", "showlegend": False}
    small = {"symbol": "circle-open", "size": 10, "color": "#0072B2", "line": {"width": 1.4}}
    large = {"symbol": "circle-open", "size": 17, "color": INK, "line": {"width": 2.2}}
    return [
        {
            **ring,
            "name": "cases whose optics can be seen",
            "showlegend": True,
            "x": numbers(x),
            "y": numbers(y),
            "marker": small,
        },
        {**ring, "name": "shown", "x": numbers(x[:1]), "y": numbers(y[:1]), "marker": large},
    ]


def linked(layout: Layout, figure: str, x: Sequence[float], y: Sequence[float]) -> Layout:
    """The layout with what the page's script needs to show the case that is clicked in another figure."""
    return {**layout, "meta": {"picks": {"figure": figure, "x": numbers(x), "y": numbers(y)}}}


def positions(facts: ScanFacts, name: str, design: float) -> list[float]:
    """A column at the design and at the chosen cases."""
    return [float(design), *(float(value) for value in facts.table[name].loc[facts.chosen])]


def picked_optics(facts: ScanFacts, id: str, where: str) -> FigureData:
    """Optics of the design and of the chosen cases, one at a time; ``where``: the figures they are picked in."""
    blocks = magnet_blocks(facts.optics[0].lattice, facts.plan.particle, {})
    drawings = [optics_panels(case.table, blocks, None, None, "", {}) for case in facts.optics]
    frames = [drawing_json(one) for one in (drawings[0], *map(_own, drawings[1:]))]
    labels = [_label(number, case) for number, case in enumerate(facts.optics)]
    caption = (
        f"Optics of the design and of {len(facts.chosen)} cases (rings in {where}). The magnets are those of the "
        "design. A click on the region shows the nearest case, and so does the slider. "
        "Look for: what the peaks do across the region."
    )
    return FigureData(id, "Optics of chosen cases", caption, _picked(frames, labels), _frame(facts.optics))


def _own(drawing: Drawing) -> Drawing:
    """What differs from case to case: functions and ranges. The rest is that of the design, and is checked once."""
    axes = {key: {"range": axis.get("range")} for key, axis in drawing["layout"].items() if key.startswith("yaxis")}
    traces = [trace for trace in drawing["data"] if trace.get("name") in _FUNCTIONS]
    return {"data": traces, "layout": {"template": "none", **axes}}


def _label(number: int, case: CaseOptics) -> str:
    return f"{number or 'design'}: {', '.join(f'{name} = {value:.6g}' for name, value in case.axes.items())}"


def _frame(cases: Sequence[CaseOptics]) -> pd.DataFrame:
    columns = ["s", "betx", "bety", "dx"]
    parts = [case.table[columns].assign(case=number) for number, case in enumerate(cases)]
    data = pd.concat(parts, ignore_index=True).round(6)  # um: the page holds every case
    return data.rename(columns={column: f"{column} [m]" for column in columns})


def _picked(frames: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> dict[str, Any]:
    """Figures of one layout: what they share from the first, their functions one at a time."""
    shared = [trace for trace in frames[0]["data"] if trace.get("name") not in _FUNCTIONS]
    own = [[trace for trace in frame["data"] if trace.get("name") in _FUNCTIONS] for frame in frames]
    traces = [*shared, *one_at_a_time(own, 0)]
    layout = {**frames[0]["layout"]}
    for key in [key for key in layout if key.startswith("yaxis")]:
        ranges = [frame["layout"].get(key, {}).get("range") for frame in frames]
        if all(ranges):
            low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
            layout[key] = {**layout[key], "range": [low, high]}
    if len(frames) > 1:
        numbered, changes = [label.partition(":")[0] for label in labels], [_title(label) for label in labels]
        layout["sliders"] = [slider(numbered, owners(own, len(shared)), changes, prefix="case ")]
        margin = {"l": 64, "r": 64, "t": 24, "b": 48, **layout.get("margin", {})}
        layout["margin"] = {**margin, "b": margin["b"] + HEIGHT, "t": max(margin["t"], 48)}
        layout["height"] = layout.get("height", 450) + HEIGHT
    return {"data": traces, "layout": {**layout, **_title(labels[0])}}


def _title(label: str) -> Layout:
    return {"title": {"text": label, "font": {"size": 13}}}
