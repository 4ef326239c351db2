"""Horizontal bars beside their names, the first on top: traces, the axis of names, the room that names take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from studies.charts.style import Trace, axis, inert, numbers


def bar(names: Sequence[str], values: Iterable[Any], *, color: str, name: str, hover: str) -> Trace:
    """One bar beside each name; what is not finite has none. ``hover`` may use %{x} and %{y}."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [inert(one) for one in names],
        "x": numbers(values),
        "marker": {"color": color},
        "hovertemplate": f"{hover}<extra></extra>",
    }


def name_axis() -> dict[str, Any]:
    """The axis that names stand on, from the top down."""
    return axis("", type="category", autorange="reversed", automargin=True, showgrid=False)


def name_margin(names: Sequence[str], least: int = 120, room: int = 20) -> int:
    """Pixels that the longest name takes beside an axis."""
    return max(least, room + 8 * max(map(len, names)))


def key_above(height: float = 1.0) -> dict[str, Any]:
    """The key of bars of several sorts, in a row above them."""
    return {"orientation": "h", "x": 0.0, "y": height, "yanchor": "bottom", "traceorder": "normal"}
