"""Names beside bars and rows: a long one in two lines, and the room that they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studies.report.labels.boxes import text_size

_LETTERS = 12  # px
_WIDEST = 170  # px: of a name in one line


def rows_named(plotly: Mapping[str, Any]) -> dict[str, Any]:
    """A figure of bars or rows whose names are in two lines where one takes more than a fifth of the page's width."""
    axis = plotly["layout"].get("yaxis", {})
    if axis.get("type") != "category":
        return dict(plotly)
    names = list(dict.fromkeys(name for trace in plotly["data"] for name in trace["y"]))
    told = [_in_two(name) for name in names]
    if told == names:
        return dict(plotly)
    return {**plotly, "layout": {**plotly["layout"], "yaxis": {**axis, "tickvals": names, "ticktext": told}}}


def _in_two(name: str) -> str:
    """A name that is too wide, broken where its halves are most alike; one of a single word as it is."""
    words = name.split(" ")
    if text_size(name, _LETTERS)[0] <= _WIDEST or len(words) == 1:
        return name
    halves = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    return "<br>".join(min(halves, key=lambda pair: max(text_size(half, _LETTERS)[0] for half in pair)))


def names_room(plotly: Mapping[str, Any]) -> float:
    """What names beside bars and rows take [px], with their distance from the axis; 0 of a figure without."""
    axis = plotly["layout"].get("yaxis", {})
    if axis.get("type") != "category":
        return 0.0
    names = axis.get("ticktext") or [name for trace in plotly["data"] for name in trace["y"]]
    return max((text_size(str(name), _LETTERS)[0] for name in names), default=0.0) + _LETTERS
