"""Names beside bars and rows: a long one in two lines, and the room that they take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from studies.charts.kit.gauges import is_gauge
from studies.report.labels.boxes import text_size

_BRACKET = re.compile(r"(?<=\w) \(\w+\)$")
_LETTERS = 12  # px
_SAFE = 6  # px: by which names are guessed too wide
_WIDEST = 170  # px: of a name in one line


def rows_named(plotly: Mapping[str, Any], *, brackets: bool = True) -> dict[str, Any]:
    """A figure of bars whose names are in two lines where one takes more than a fifth of the page's width.

    Rows of a heat map are lower than two lines: without ``brackets`` theirs lose what stands in brackets behind a word.
    """
    axis = plotly["layout"].get("yaxis", {})
    if axis.get("type") != "category":
        return dict(plotly)
    names = list(dict.fromkeys(name for trace in plotly["data"] for name in trace["y"]))
    bars = all(trace.get("type") == "bar" for trace in plotly["data"])
    told = [_in_two(name) if bars else name if brackets else _BRACKET.sub("", name) for name in names]
    if len(set(told)) < len(names):
        return dict(plotly)
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


def gauges_beside(plotly: Mapping[str, Any], letters: int = _LETTERS) -> dict[str, Any]:
    """With the names of gauges below the panels where they stood before names beside rows took more than the margin."""
    layout = plotly["layout"]
    more = names_room(plotly, letters) - {"l": 80, **layout.get("margin", {})}["l"] - _SAFE
    if more <= 0.0 or "annotations" not in layout:
        return dict(plotly)
    notes = [
        {**note, "xshift": note.get("xshift", 0) - round(more)} if is_gauge(note) else note
        for note in layout["annotations"]
    ]
    return {**plotly, "layout": {**layout, "annotations": notes}}


def names_room(plotly: Mapping[str, Any], letters: int = _LETTERS) -> float:
    """What names beside bars and rows take [px], with their distance from the axis; 0 of a figure without."""
    axis = plotly["layout"].get("yaxis", {})
    if axis.get("type") != "category":
        return 0.0
    names = axis.get("ticktext") or [name for trace in plotly["data"] for name in trace["y"]]
    return max((text_size(str(name), letters)[0] for name in names), default=0.0) + letters
