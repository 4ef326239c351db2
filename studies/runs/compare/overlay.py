"""Figures of two runs in one: A and B overlaid, what both have alike drawn once, and B - A of their curves.

Everything is done on plotly's own data, so that every figure of every kind of study can be overlaid: a figure is known
by its id, a line of it by its name, its axes and its place among those of one name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lattice.arrays import Array
from studies.charts.kit.gauges import resized
from studies.charts.style import INK, Drawing, Trace, axis, base_layout, numbers, short, tint
from studies.results import FigureData

_SAME = 1e-9  # of what is drawn: closer than this, lines are one
_FADED = 0.45
_DASHES = {"solid": "dash", "dash": "dashdot", "dot": "dashdot", "dashdot": "dot"}
_LINES = 5  # of a panel of differences
_DROPPED = ("sliders", "updatemenus", "meta")
_PANEL = 150  # px
KEY = "B drawn full, A dashed or faded"


@dataclass(frozen=True)
class Overlaid:
    """The ``figures`` that differ, and the titles of those that are ``alike`` in both runs or of ``one`` run alone."""

    figures: tuple[FigureData, ...]
    alike: tuple[str, ...]
    one: tuple[str, ...]


def overlaid(first: Sequence[FigureData], second: Sequence[FigureData]) -> Overlaid:
    """Every figure that both runs have: A and B in one, and B - A of its curves."""
    a, b = ({figure.id: figure for figure in figures} for figures in (first, second))
    figures: list[FigureData] = []
    alike: list[str] = []
    for id in (id for id in b if id in a):
        found = list(_overlaid(a[id], b[id]))
        figures += found
        alike += [] if found else [b[id].title]
    one = [
        f"{letter}: {figures[id].title}"
        for letter, figures, other in (("A", a, b), ("B", b, a))
        for id in figures
        if id not in other
    ]
    return Overlaid(tuple(figures), tuple(alike), tuple(one))


def _overlaid(a: FigureData, b: FigureData) -> Iterator[FigureData]:
    """Both in one figure and, where curves of one x differ, their differences; nothing for two that are alike."""
    pairs = _pairs(_shown(a.plotly["data"]), _shown(b.plotly["data"]))
    if all(one is not None and two is not None and _alike(one, two) for one, two in pairs):
        return
    apart = any(two.get("type") == "bar" and not _alike(one, two) for one, two in pairs if one and two)
    data = [trace for pair in pairs for trace in _drawn(*pair, apart)]
    told = f"{KEY}; what both have alike is drawn once. Of B: {b.caption.partition('. ')[0].rstrip('.')}."
    layout = _layout(a.plotly["layout"], b.plotly["layout"])
    yield FigureData(b.id, f"{b.title}: A and B", told, {"data": data, "layout": layout}, _table(pairs))
    yield from _difference(b, pairs)


def _table(pairs: Sequence[Pair]) -> pd.DataFrame:
    """What differs as it is drawn, a row a point."""
    rows = [
        {"run": letter, "curve": str(trace.get("name", "")), "x": x, "y": y}
        for pair in pairs
        for letter, trace in zip("AB", pair, strict=True)
        if trace is not None and "z" not in trace and not (None not in pair and _alike(*pair))  # type: ignore[arg-type]
        for x, y in zip(trace["x"], trace["y"], strict=True)
    ]
    return pd.DataFrame(rows, columns=["run", "curve", "x", "y"])


# ---------------------------------------------------------------------------------------------------------- pairing

Pair = tuple[Trace | None, Trace | None]


def _shown(traces: Sequence[Trace]) -> list[Trace]:
    """What is drawn when a page opens: of a slider its first position."""
    return [trace for trace in traces if trace.get("visible", True) is True]


def _pairs(first: Sequence[Trace], second: Sequence[Trace]) -> list[Pair]:
    a, b = _by_name(first), _by_name(second)
    return [(a.get(key), b.get(key)) for key in dict.fromkeys((*b, *a))]


def _by_name(traces: Sequence[Trace]) -> dict[tuple[Any, ...], Trace]:
    seen: dict[tuple[Any, ...], int] = defaultdict(int)
    found = {}
    for trace in traces:
        key = (trace.get("type", "scatter"), trace.get("name", ""), trace.get("mode", ""), trace.get("yaxis", "y"))
        found[(*key, seen[key])] = trace
        seen[key] += 1
    return found


def _alike(a: Trace, b: Trace) -> bool:
    return all(_same(a.get(side), b.get(side)) for side in ("x", "y", "z"))


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None or len(a) != len(b):
        return a is b
    if any(isinstance(value, str) for value in (*a, *b)):
        return list(a) == list(b)
    one, two = (np.array(values, dtype=float) for values in (a, b))
    if one.shape != two.shape:
        return False
    size = float(np.nanmax(np.abs(two), initial=0.0)) if np.isfinite(two).any() else 0.0
    return bool(np.allclose(one, two, rtol=0.0, atol=_SAME * max(size, 1e-300), equal_nan=True))


# ----------------------------------------------------------------------------------------------------------- drawing


def _drawn(a: Trace | None, b: Trace | None, apart: bool) -> list[Trace]:
    """The traces of one name: one where they are alike, A behind B where not.

    ``apart``: the bars of the figure stand under the names of their runs, those that are alike too.
    """
    if a is None or b is None:
        return [_of_first(a)] if a is not None else [b] if b is not None else []
    if b.get("type") == "bar" and apart:
        return [_bars(a, b)]
    if _alike(a, b):
        return [b]
    if b.get("type") == "heatmap":
        return [_heat(a, b)]
    return [_of_first(a), b]


def _of_first(trace: Trace) -> Trace:
    """A trace of A: dashed lines, open dots, no filling of its own."""
    found = {key: value for key, value in trace.items() if key not in ("fill", "fillcolor")}
    found |= {"name": f"{trace.get('name', '')} (A)", "showlegend": False}
    if "line" in trace or "lines" in str(trace.get("mode", "lines")):
        line = dict(trace.get("line", {}))
        found["line"] = {**line, "dash": _DASHES.get(line.get("dash", "solid"), "dash")}
    if "marker" in trace and isinstance(trace["marker"].get("color"), str):
        marker = trace["marker"]
        found["marker"] = {**marker, "symbol": "circle-open", "line": {"width": 1.0, "color": marker["color"]}}
    return found


def _bars(a: Trace, b: Trace) -> Trace:
    """A bar of A and one of B under each name."""
    if b.get("orientation") != "h" or not all(isinstance(name, str) for name in (*a["y"], *b["y"])):
        return b
    sizes = {
        f"{name} ({letter})": x
        for letter, one in (("A", a), ("B", b))
        for name, x in zip(one["y"], one["x"], strict=True)
    }
    names = [f"{name} ({letter})" for name in dict.fromkeys((*b["y"], *a["y"])) for letter in "AB"]
    shown = [name for name in names if name in sizes]
    kept = {key: value for key, value in b.items() if key not in ("text", "customdata", "textposition", "texttemplate")}
    return {**kept, "y": shown, "x": [sizes[name] for name in shown], "hovertemplate": "%{y}: %{x}<extra></extra>"}


def _heat(a: Trace, b: Trace) -> Trace:
    """A heat map with the same names: what its cells say in A and in B, or B - A where they say nothing; else B's."""
    if list(a["x"]) != list(b["x"]) or list(a["y"]) != list(b["y"]):
        return b
    if "text" in a and "text" in b:
        rows = zip(a["text"], b["text"], strict=True)
        told = [[f"{one} (A) {two} (B)" for one, two in zip(*row, strict=True)] for row in rows]
        return {**b, "text": told, "texttemplate": "%{text}", "hovertemplate": "%{y}, %{x}: %{text}<extra></extra>"}
    change = np.array(b["z"], dtype=float) - np.array(a["z"], dtype=float)
    ends = float(np.nanmax(np.abs(change), initial=0.0)) or 1.0
    sizes = [[short(value) if np.isfinite(value) else None for value in row] for row in change]
    scale = {"zmin": -ends, "zmax": ends, "colorscale": [[0.0, "#D55E00"], [0.5, "#FFFFFF"], [1.0, "#0072B2"]]}
    return {**b, **scale, "z": sizes, "hovertemplate": "%{y}, %{x}: B − A %{z:.4g}<extra></extra>"}


def _layout(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """The layout of B, its axes long enough for both; notes that stand at names of bars go with them."""
    found = {key: value for key, value in b.items() if key not in _DROPPED}
    for key in found:
        if key.startswith(("xaxis", "yaxis")) and key in a:
            found[key] = _axis(a[key], found[key])
    notes = [note for note in b.get("annotations", ()) if not any(isinstance(note.get(side), str) for side in "xy")]
    found["annotations"] = notes
    return _with_room(found, b)


def _with_room(layout: dict[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """Twice as high where bars of both stand under each other."""
    names = layout.get("yaxis", {}).get("type") == "category"
    height = b.get("height", 450)
    return resized(layout, height + (height // 2 if names else 0))


def _axis(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    one, two = _range(a), _range(b)
    if one is None or two is None:
        return dict(b)
    low, high = min(*one, *two), max(*one, *two)
    return {**b, "range": [high, low] if two[0] > two[1] else [low, high]}


def _range(axis: Mapping[str, Any]) -> tuple[float, float] | None:
    """The ends that a figure sets for an axis of numbers."""
    found = axis.get("range")
    if not isinstance(found, (list, tuple)) or not all(isinstance(end, (int, float)) for end in found):
        return None
    return float(found[0]), float(found[1])


# -------------------------------------------------------------------------------------------------------- difference


@dataclass(frozen=True)
class _Change:
    name: str
    color: str
    x: Array
    change: Array


def _difference(figure: FigureData, pairs: Sequence[Pair]) -> Iterator[FigureData]:
    """B - A of the curves that run along one x, a panel for each y axis."""
    panels: dict[str, list[_Change]] = defaultdict(list)
    for a, b in pairs:
        found = _change(a, b) if a is not None and b is not None and not _alike(a, b) else None
        if found is not None and b is not None:
            panels[b.get("yaxis", "y")].append(found)
    if not panels:
        return
    kept = {name: _largest(lines) for name, lines in panels.items()}
    drawing = _panels(kept, figure.plotly["layout"])
    rows = [
        {"curve": line.name, "x": x, "B - A": change}
        for lines in kept.values()
        for line in lines
        for x, change in zip(line.x, line.change, strict=True)
    ]
    told = "What was drawn in B less what was drawn in A, at the x of B and where A reaches."
    yield FigureData(f"{figure.id}-difference", f"{figure.title}: B − A", told, drawing, pd.DataFrame(rows))


def _change(a: Trace, b: Trace) -> _Change | None:
    """Of two curves over growing x; None for outlines, clouds and loops."""
    if "lines" not in str(b.get("mode", "lines")) or b.get("fill") == "toself" or a.get("fill") == "toself":
        return None
    one, two = _curve(a), _curve(b)
    if one is None or two is None:
        return None
    inside = (two[0] >= one[0][0]) & (two[0] <= one[0][-1])
    if inside.sum() < 2:
        return None
    x = two[0][inside]
    color = b.get("line", {}).get("color", INK)
    return _Change(str(b.get("name", "")), color, x, two[1][inside] - np.interp(x, *one))


def _curve(trace: Trace) -> tuple[Array, Array] | None:
    if any(isinstance(value, str) for value in (*trace["x"], *trace["y"])):
        return None
    x, y = (np.array(trace[side], dtype=float) for side in ("x", "y"))
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    return (x, y) if len(x) > 2 and np.all(np.diff(x) >= 0) and x[-1] > x[0] else None


def _largest(lines: Sequence[_Change]) -> list[_Change]:
    """The five that change most, in their order."""
    sizes = sorted((float(np.max(np.abs(line.change))) for line in lines), reverse=True)
    least = sizes[min(_LINES, len(sizes)) - 1]
    return [line for line in lines if float(np.max(np.abs(line.change))) >= least][:_LINES]


def _panels(panels: Mapping[str, Sequence[_Change]], layout: Mapping[str, Any]) -> Drawing:
    number = len(panels)
    space = 0.08 if number > 1 else 0.0
    height = (1.0 - space * (number - 1)) / number
    data: list[Trace] = []
    axes: dict[str, Any] = {}
    for place, (name, lines) in enumerate(panels.items()):
        own = "y" if place == 0 else f"y{place + 1}"
        top = 1.0 - place * (height + space)
        title = layout.get(f"yaxis{name[1:]}", {}).get("title", {}).get("text", "")
        unit = re.search(r"\[[^\]]*\]", title)
        domain = [round(max(top - height, 0.0), 6), round(top, 6)]
        axes[f"yaxis{own[1:]}"] = axis(f"B − A {unit[0]}" if unit else "B − A", domain=domain)
        data += [_trace(line, own) for line in lines]
    x = layout.get("xaxis", {})
    lowest = "y" if number == 1 else f"y{number}"
    scale = {"type": x["type"]} if x.get("type") == "log" else {}
    return {
        "data": data,
        "layout": base_layout(
            110 + _PANEL * number,
            hovermode="closest",
            xaxis=axis(x.get("title", {}).get("text", ""), anchor=lowest, **scale),
            **axes,
            showlegend=True,
            legend={"orientation": "h", "x": 0.0, "y": 1.02, "yanchor": "bottom"},
            margin={"l": 84, "r": 24, "t": 44, "b": 48},
        ),
    }


def _trace(line: _Change, own: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": line.name,
        "x": numbers(line.x),
        "y": numbers(line.change),
        "yaxis": own,
        "line": {"color": line.color, "width": 1.8},
        "marker": {"color": line.color if line.color.startswith("#") else tint(INK, _FADED)},
        "hovertemplate": f"%{{x:.5g}}: %{{y:.4g}}<extra>{line.name}</extra>",
    }
