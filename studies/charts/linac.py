"""Traces and layouts of the linac's figures, in plotly's words and without plotly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studies.charts.kit.bars import bar, key_above, name_axis
from studies.charts.kit.limits import upright
from studies.charts.kit.slider import HEIGHT, one_at_a_time, owners, slider
from studies.charts.kit.strips import axis_name, layout_key, spaced
from studies.charts.style import INK, LIMIT, Drawing, Layout, Trace, axis, base_layout, inert, line_width, numbers, text

_GAP = 0.09  # of the height, between panels
_GAPS = 0.3  # of the figure: what all gaps take at most


def line(
    x: Any, y: Any, color: str, name: str, yaxis: str = "y", *, dash: str = "solid", xaxis: str = "x", unit: str = ""
) -> Trace:
    """A line; hover gives name, value and unit."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": inert(name),
        "x": numbers(x),
        "y": numbers(y),
        "xaxis": xaxis,
        "yaxis": yaxis,
        "line": {"color": color, "width": line_width(color, 1.8), "dash": dash},
        "hovertemplate": f"{inert(name)} %{{y:.5g}} {unit}<extra></extra>",
    }


def points(x: Any, y: Any, color: str, name: str, yaxis: str = "y", *, xaxis: str = "x", size: int = 3) -> Trace:
    """Points; hover gives the name and both numbers."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": inert(name),
        "x": numbers(x),
        "y": numbers(y),
        "xaxis": xaxis,
        "yaxis": yaxis,
        "marker": {"color": color, "size": size},
        "hovertemplate": f"{inert(name)} %{{x:.5g}}, %{{y:.5g}}<extra></extra>",
    }


def bars(names: Sequence[str], values: Any, color: str, name: str, unit: str) -> Trace:
    """Horizontal bars beside names."""
    return bar(names, values, color=color, name=inert(name), hover=f"%{{y}}: {inert(name)} %{{x:.5g}} {unit}")


def stacked(
    traces: Sequence[Trace],
    titles: Sequence[str],
    xtitle: str,
    *,
    labels: Sequence[tuple[str, str, int]] = (),
    height: int = 0,
    xrange: Sequence[float] | None = None,
    yaxes: Sequence[dict[str, Any]] = (),
    marks: Sequence[Layout] = (),
) -> Drawing:
    """Panels over one x axis, the first on top, with lines of marked places.

    ``labels``: (text, colour, panel from 0), at the right end, in order.
    """
    count = len(titles)
    layout: Layout = {}
    for i, (title, domain) in enumerate(zip(titles, spaced(count, _gap(count)), strict=True)):
        more = yaxes[i] if i < len(yaxes) else {}
        layout[layout_key(i)] = axis(title, domain=domain, anchor="x", **more)
    lowest = axis_name(count - 1)
    ranged = {"range": list(xrange)} if xrange is not None else {}
    return {
        "data": list(traces),
        "layout": base_layout(
            height or 120 + 180 * count,
            hovermode="x unified",
            hoversubplots="axis",
            xaxis=axis(xtitle, anchor=lowest, **ranged),
            annotations=_labels(labels),
            shapes=list(marks),
            margin={"l": 84, "r": 130, "t": 24, "b": 48},
            **layout,
        ),
    }


def _gap(count: int) -> float:
    """Between two panels: of many it is less, so that all gaps together leave them most of the figure."""
    return min(_GAP, _GAPS / max(count - 1, 1))


def _labels(labels: Sequence[tuple[str, str, int]]) -> list[Layout]:
    found, used = [], dict[int, int]()
    for content, color, panel in labels:
        number = used.get(panel, 0)
        used[panel] = number + 1
        yref = f"{axis_name(panel)} domain"
        place: dict[str, Any] = {"x": 1.0, "xref": "paper", "y": 0.94 - 0.13 * number, "yref": yref}
        found.append(text(content, color=color, xshift=8, xanchor="left", **place))
    return found


def beside(
    traces: Sequence[Trace], titles: Sequence[tuple[str, str]], ranges: Sequence[tuple[list[float], list[float]]]
) -> Drawing:
    """Panels side by side, each with (x title, y title) and its own ranges."""
    count = len(titles)
    gap = 0.1
    width = (1.0 - gap * (count - 1)) / count
    layout: Layout = {}
    for i, ((xtitle, ytitle), (xrange, yrange)) in enumerate(zip(titles, ranges, strict=True)):
        key = i + 1 if i else ""
        begin = i * (width + gap)
        domain = [round(begin, 4), round(min(begin + width, 1.0), 4)]
        layout[f"xaxis{key}"] = axis(xtitle, domain=domain, anchor=f"y{key}", range=xrange)
        layout[f"yaxis{key}"] = axis(ytitle, anchor=f"x{key}", range=yrange)
    margin = {"l": 64, "r": 24, "t": 24, "b": 48}
    return {"data": list(traces), "layout": base_layout(360, hovermode="closest", margin=margin, **layout)}


def with_slider(frames: Sequence[Drawing], names: Sequence[str], prefix: str, shown: int) -> Drawing:
    """One figure of several that differ in traces, notes and ranges, one visible at a time."""
    parts = [frame["data"] for frame in frames]
    layout = {**frames[shown]["layout"]}
    layout["height"] += HEIGHT
    layout["margin"] = {**layout["margin"], "b": 132}
    changes = [_change(frame["layout"]) for frame in frames]
    layout["sliders"] = [slider(names, owners(parts), changes, prefix=prefix, shown=shown)]
    return {"data": one_at_a_time(parts, shown), "layout": layout}


def _change(own: Layout) -> Layout:
    """What another frame's layout has of its own: notes and ranges."""
    ranges = {f"{key}.range": own[key]["range"] for key in own if "axis" in key and "range" in own[key]}
    return {"annotations": own.get("annotations", []), **ranges}


def horizontal(traces: Sequence[Trace], xtitle: str, *, mark: float | None = None, label: str = "") -> Drawing:
    """Horizontal bars, the first name on top, with a dotted line at a marked place."""
    names = traces[0]["y"]
    shapes, notes = [], []
    if mark is not None:
        shapes = [upright(mark, width=1.4, dash="dot")]
        place = {"x": mark, "xref": "x", "y": 1, "yref": "paper", "yanchor": "bottom"}
        notes = [text(label, color=LIMIT, size=11, **place)]
    layout = base_layout(
        110 + 22 * len(names) * (1 + len(traces)) // 2,
        hovermode="closest",
        barmode="group",
        bargap=0.3,
        xaxis=axis(xtitle, rangemode="tozero"),
        yaxis=name_axis(),
        showlegend=len(traces) > 1,
        legend=key_above(1.04),
        shapes=shapes,
        annotations=notes,
        margin={"l": 110, "r": 24, "t": 64 if len(traces) > 1 else 40, "b": 48},
    )
    return {"data": list(traces), "layout": layout}


def heat(names: Sequence[str], columns: Sequence[str], values: Any, xtitle: str, told: Any) -> Drawing:
    """Cells between names, shaded from 0 to 1, with a text in each."""
    trace = {
        "type": "heatmap",
        "x": list(columns),
        "y": list(names),
        "z": [numbers(row) for row in values],
        "zmin": 0.0,
        "zmax": 1.0,
        "text": told,
        "texttemplate": "%{text}",
        "textfont": {"size": 10, "color": INK},
        "colorscale": [[0.0, "#FFFFFF"], [1.0, "#8FC1E3"]],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hovertemplate": "%{y} at %{x} MeV: %{text}<extra></extra>",
    }
    layout = base_layout(
        110 + 24 * len(names),
        hovermode="closest",
        xaxis=axis(xtitle, type="category", showgrid=False),
        yaxis=name_axis(),
        margin={"l": 90, "r": 24, "t": 24, "b": 56},
    )
    return {"data": [trace], "layout": layout}
