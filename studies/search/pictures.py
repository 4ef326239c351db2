"""Pictures of a search: the front among all that was tried, two objectives a panel, and its machines side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from studies.charts.kit.strips import axis_name, layout_key
from studies.charts.style import (
    COLORS,
    EXACT,
    INK,
    LEADING,
    VERTICAL,
    Drawing,
    Layout,
    Trace,
    axis,
    base_layout,
    inert,
    numbers,
    short,
    text,
)

_GAP = 0.12  # of the width, between panels
_LETTER, _ACROSS = 6.5, 900  # px: a letter of the names below upright axes, and the room of all of them
_SHOWN = 4000  # points that are no front: more run into each other
_GROUP_COLORS = tuple(color for color in COLORS if color not in (EXACT, "#BDBDBD"))
_GROUP_SYMBOLS = ("circle-open", "square-open", "diamond-open", "cross-open")
REFUSED, FEASIBLE = "#D5C3BB", LEADING


@dataclass(frozen=True, eq=False)
class Cloud:
    """All cases in the ``axes``' units (n, m), what the hover says of each, which are ``feasible``, the ``front``.

    ``groups``: by name, the cases of each kind that none of the same kind beats.
    """

    axes: Sequence[str]
    values: Array
    told: Sequence[str]
    feasible: Array
    front: Array
    start: int
    groups: Mapping[str, Array] = field(default_factory=dict)


def front_drawing(cloud: Cloud) -> Drawing:
    """Each objective over the first: refused cases, feasible ones, the front as steps, the machine that was begun with.

    With one objective, over the number of the case. Raises InputError without a case.
    """
    if not len(cloud.values):
        raise InputError("a front needs at least one case")
    one = cloud.values.shape[1] == 1
    x = np.arange(len(cloud.values), dtype=float) if one else cloud.values[:, 0]
    panels = [0] if one else range(1, cloud.values.shape[1])
    traces: list[Trace] = []
    layout: Layout = {}
    for i, (column, (begin, end)) in enumerate(zip(panels, _domains(len(panels)), strict=True)):
        xaxis, yaxis = axis_name(i).replace("y", "x"), axis_name(i)
        layout[layout_key(i).replace("y", "x", 1)] = axis(
            "case" if one else cloud.axes[0], domain=[begin, end], anchor=yaxis, range=_range(cloud, x)
        )
        layout[layout_key(i)] = axis(cloud.axes[column], anchor=xaxis, range=_range(cloud, cloud.values[:, column]))
        named = [dict(trace, showlegend=i == 0) for trace in _panel(cloud, x, cloud.values[:, column])]
        traces += [{**trace, "xaxis": xaxis, "yaxis": yaxis} for trace in named]
    legend = {"orientation": "h", "x": 0.0, "y": 1.0, "yanchor": "bottom"}
    margin = {"l": 84, "r": 24, "t": 48, "b": 56}
    return {
        "data": traces,
        "layout": base_layout(480, hovermode="closest", legend=legend, showlegend=True, margin=margin, **layout),
    }


def _range(cloud: Cloud, values: Array) -> list[float]:
    """Around the machines that keep all and the one that was begun with; refused ones far away are left outside."""
    looked_at = np.append(np.flatnonzero(cloud.feasible), cloud.start) if cloud.feasible.any() else slice(None)
    shown = values[looked_at]
    if not np.isfinite(shown).any():
        shown = values if np.isfinite(values).any() else np.zeros(1)
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return [short(low - room), short(high + room)]


def _domains(count: int) -> list[tuple[float, float]]:
    width = (1.0 - _GAP * (count - 1)) / count
    return [(round(i * (width + _GAP), 4), round(min(i * (width + _GAP) + width, 1.0), 4)) for i in range(count)]


def _panel(cloud: Cloud, x: Array, y: Array) -> list[Trace]:
    drawn = np.isfinite(x) & np.isfinite(y)
    others = np.setdiff1d(np.flatnonzero(drawn), cloud.front)
    refused, feasible = others[~cloud.feasible[others]], others[cloud.feasible[others]]
    traces = [
        _marks(cloud, x, y, _some(refused), "breaks a constraint", REFUSED, 4),
        _marks(cloud, x, y, _some(feasible), "keeps all", FEASIBLE, 5),
        _marks(cloud, x, y, cloud.front, "front", EXACT, 8),
        *(_ring(cloud, x, y, number) for number in range(len(cloud.groups))),
        _marks(cloud, x, y, np.array([cloud.start]), "begun with", VERTICAL, 11, symbol="diamond"),
    ]
    return [trace for trace in traces if trace["x"]]


def _ring(cloud: Cloud, x: Array, y: Array, number: int) -> Trace:
    """The best of one group as open marks: each group has a colour, and another shape where the colours are used up."""
    name, rows = list(cloud.groups.items())[number]
    turn, place = divmod(number, len(_GROUP_COLORS))
    trace = _marks(cloud, x, y, rows, inert(name), _GROUP_COLORS[place], 11, _GROUP_SYMBOLS[turn % len(_GROUP_SYMBOLS)])
    return {**trace, "marker": {**trace["marker"], "line": {"color": _GROUP_COLORS[place], "width": 2}}}


def _some(rows: Array) -> Array:
    return rows[:: max(1, -(-len(rows) // _SHOWN))]


def _marks(
    cloud: Cloud, x: Array, y: Array, rows: Array, name: str, color: str, size: int, symbol: str = "circle"
) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": numbers(x[rows]),
        "y": numbers(y[rows]),
        "text": [cloud.told[row] for row in rows],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": color, "size": size, "symbol": symbol},
    }


@dataclass(frozen=True)
class Coordinate:
    """An upright axis of the machines of a front: its name, its lowest and highest value and what is written there."""

    name: str
    low: float
    high: float


def parallel(coordinates: Sequence[Coordinate], values: Array, told: Sequence[str], marked: Array) -> Drawing:
    """Each machine a line over upright axes (``values`` (n, axes)), ``marked`` ones dark; drawn with plain lines."""
    low = np.array([one.low for one in coordinates])
    span = np.array([one.high - one.low or 1.0 for one in coordinates])
    shares = (values - low) / span
    order = np.argsort(marked, kind="stable")
    traces = [_line(shares[row], told[row], bool(marked[row])) for row in order]
    ticks = list(range(len(coordinates)))
    ends = [
        _end(i, f"{value:.4g}", up)
        for i, one in enumerate(coordinates)
        for value, up in ((one.low, False), (one.high, True))
    ]
    names, below = _names([one.name for one in coordinates])
    layout = base_layout(
        364 + below,
        hovermode="closest",
        xaxis=axis("", tickvals=ticks, range=[-0.3, len(ticks) - 0.7], **names),
        yaxis=axis("", range=[-0.14, 1.14], showticklabels=False, showgrid=False),
        annotations=ends,
        margin={"l": 32, "r": 32, "t": 24, "b": below},
    )
    return {"data": traces, "layout": layout}


def _names(coordinates: Sequence[str]) -> tuple[Layout, int]:
    """Names below upright axes, and the room that they take [px]: in lines where these fit, else read upwards.

    Knobs are symbols, and written so: no word for the magnets that they set would fit here.
    """
    lines = [re.sub(r"(?<=\.)| (?=\[)", "\n", name).split("\n") for name in coordinates]
    if max(len(line) for one in lines for line in one) * len(lines) * _LETTER <= _ACROSS:
        told = ["<br>".join(map(inert, one)) for one in lines]
        return {"tickangle": 0, "ticktext": [f"<i>{one}</i>" for one in told]}, 24 + 16 * max(map(len, lines))
    longest = max(map(len, coordinates))
    return {"tickangle": -90, "ticktext": [f"<i>{inert(one)}</i>" for one in coordinates]}, round(
        24 + _LETTER * longest
    )


def _line(shares: Array, told: str, marked: bool) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(range(len(shares))),
        "y": numbers(shares),
        "line": {"color": INK if marked else EXACT, "width": 2.4 if marked else 1.0},
        "opacity": 1.0 if marked else 0.5,
        "text": [told] * len(shares),
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }


def _end(place: int, words: str, up: bool) -> Layout:
    y, anchor = (1.02, "bottom") if up else (-0.02, "top")
    return text(words, x=place, y=y, xref="x", yref="y", xanchor="center", yanchor=anchor, size=11)
