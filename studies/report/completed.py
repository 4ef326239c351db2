"""A figure of one's own made whole for the drawing: what plotly would fill in is filled in, and what is not drawn told.

Colours, legend and modes are those of plotly's defaults (plotly.com/python/reference). Our own charts name all of this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lattice import InputError
from studies.charts.figure import figure_json

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1A1A1A")
_INK = "#1A1A1A"
_MARKED = 20  # points: a curve of fewer is drawn with markers, where no mode is given
_TITLE_ROOM = 56  # px above the axes that a title over a legend needs
_DRAWN_DASHES = ("solid", "dash", "dot", "dashdot")


def completed(figure: go.Figure, id: str) -> dict[str, Any]:
    """Plotly JSON of a figure, with colours, names, legend and title as words of ``studies.report.drawing``.

    Raises:
        InputError: the figure has no trace, or one with something that a drawing would lack; says what.
    """
    plain = figure_json(figure)
    if not plain["data"]:
        raise InputError(f"figure '{id}' has no trace: add one, for example go.Scatter(x=[...], y=[...])")
    colors = plain["layout"].get("colorway") or _COLORS
    traces = [_trace(trace, n, colors[n % len(colors)], id) for n, trace in enumerate(plain["data"])]
    return {"data": traces, "layout": _layout(plain["layout"], traces)}


def _trace(trace: Mapping[str, Any], number: int, color: str, id: str) -> dict[str, Any]:
    found = {"name": f"trace {number}", "type": "scatter", **trace}
    if found["type"] not in ("scatter", "bar"):
        return found
    _refuse(found, id)
    line, marker = found.get("line", {}), found.get("marker", {})
    own = line.get("color") or marker.get("color") or color
    found["line"] = {**line, "color": line.get("color", own)}
    found["marker"] = {**marker, "color": marker.get("color", own)}
    if found["type"] == "scatter":
        found.setdefault("y", list(range(len(found.get("x", ())))))
        found.setdefault("x", list(range(len(found["y"]))))
        found.setdefault("mode", "lines+markers" if len(found["x"]) < _MARKED else "lines")
    return found


def _refuse(trace: Mapping[str, Any], id: str) -> None:
    """InputError for what would be missing from the drawing of a curve or bar."""
    line, marker = trace.get("line", {}), trace.get("marker", {})
    lacking = {
        "error bars": "error_x" in trace or "error_y" in trace,
        f"a line of the shape '{line.get('shape')}'": line.get("shape", "linear") != "linear",
        f"a dash '{line.get('dash')}' (it knows {', '.join(_DRAWN_DASHES)})": line.get("dash", "solid")
        not in _DRAWN_DASHES,
        "markers of several colours": not isinstance(marker.get("color", ""), str),
        "markers of several sizes": isinstance(marker.get("size", 0), list),
        f"the marker '{marker.get('symbol')}' (it knows circle and circle-open)": marker.get("symbol", "circle")
        not in ("circle", "circle-open"),
    }
    for what in (words for words, true in lacking.items() if true):
        raise InputError(f"figure '{id}', trace '{trace['name']}': a drawing has no {what.removeprefix('a ')}")


def _layout(layout: Mapping[str, Any], traces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = dict(layout)
    found.setdefault("showlegend", sum(trace.get("showlegend", True) is True for trace in traces) > 1)
    found["shapes"] = [_shape(shape) for shape in layout.get("shapes", ())]
    found["annotations"] = [_note(note) for note in layout.get("annotations", ())]
    title = str(layout.get("title", {}).get("text", ""))
    return _titled(found, title) if title else found


def _shape(shape: Mapping[str, Any]) -> dict[str, Any]:
    return {"xref": "x", "yref": "y", **shape, "line": {"color": "#444444", "width": 2, **shape.get("line", {})}}


def _note(note: Mapping[str, Any]) -> dict[str, Any]:
    font = {"color": _INK, "size": 12, **note.get("font", {})}
    arrow = {"ax": -10, "ay": -30, "arrowcolor": font["color"], "arrowwidth": 1}
    return {"xref": "x", "yref": "y", **arrow, **note, "font": font}


def _titled(layout: dict[str, Any], title: str) -> dict[str, Any]:
    """The title as words above the axes and their legend."""
    margin = {"t": 100, **layout.get("margin", {})}
    more = max(0, _TITLE_ROOM - margin["t"])
    layout["height"] = layout.get("height", 450) + more
    layout["margin"] = {**margin, "t": margin["t"] + more}
    place = {"x": 0.0, "y": 1.0, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "yshift": 28}
    note = {"text": title, "showarrow": False, "font": {"color": _INK, "size": 16}, **place}
    layout["annotations"] = [*layout["annotations"], note]
    return layout
