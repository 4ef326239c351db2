"""A figure laid out for a phone: narrow margins, small letters, few numbers on the axes, labels apart at its width."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from studies.charts.kit.gauges import narrowed, resized
from studies.report.labels.boxes import text_size
from studies.report.labels.columns import columns_named
from studies.report.labels.placing import PHONE, placed
from studies.report.labels.rows import gauges_beside, rows_named
from studies.report.phone.stacking import stacked
from studies.report.phone.titles import fitted

_LEFT, _RIGHT = 56, 40  # px: the most that margins take
_ASKED, _POWERS = 64, 84  # px: what most figures ask for on the left; of those that ask for more
_SQUARE = 540  # px: as high as a figure with equal axes is
_WIDEST = min(PHONE) - _LEFT - 4  # px: of a line of a label
_TICKS = 11  # px: letters along axes
_SMALL = 10  # px: letters of a label that takes more lines than one


def relaid(plotly: Mapping[str, Any]) -> dict[str, Any]:
    """The figure for a phone.

    Panels keep their height, those with equal axes are as high as the screen is wide, and none stand side by side.
    """
    plotly = columns_named(rows_named(stacked(plotly), brackets=False), min(PHONE))
    layout = dict(plotly["layout"])
    margin = {"l": 80, "r": 80, "t": 100, "b": 80, **layout.get("margin", {})}
    left = _LEFT if margin["l"] <= _ASKED else _POWERS  # numbers as powers of ten take more
    layout["margin"] = {**margin, "l": min(margin["l"], left), "r": min(margin["r"], _RIGHT)}
    layout["font"] = {**layout.get("font", {}), "size": 11}
    if layout.get("xaxis", {}).get("scaleanchor") and "yaxis2" not in layout:
        layout = resized(layout, min(layout.get("height", 450), _SQUARE))
    layout = narrowed(layout)
    layout = fitted({**plotly, "layout": layout}, min(PHONE))
    for key in layout:
        if key.startswith(("xaxis", "yaxis")) and layout[key].get("type") != "category":
            layout[key] = {**layout[key], "nticks": _numbers(key, layout[key])}
    if "annotations" in layout:
        layout["annotations"] = [_in_lines(note) for note in layout["annotations"]]
    return gauges_beside(placed({**plotly, "layout": layout}, PHONE), _TICKS)


def _numbers(key: str, axis: Mapping[str, Any]) -> int:
    """How many numbers an axis has room for: five over the whole width of a phone, two at least."""
    begin, end = axis.get("domain", (0.0, 1.0)) if key.startswith("xaxis") else (0.0, 1.0)
    return max(2, round(5 * (end - begin)))


def _in_lines(note: Mapping[str, Any]) -> dict[str, Any]:
    """A label wider than a phone in lines that are not; one with an arrow as it is."""
    size = note.get("font", {}).get("size", 12)
    if note.get("showarrow", True) or not note.get("text") or text_size(note["text"], size)[0] <= min(PHONE):
        return dict(note)
    words = re.split(r" (?![^<]*>)", note["text"])  # at spaces, but at none inside a tag
    return {**note, "text": "<br>".join(_lines(words)), "align": "left", "font": {**note["font"], "size": _SMALL}}


def _lines(words: Sequence[str]) -> list[str]:
    lines = [words[0]]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        lines = [*lines[:-1], longer] if text_size(longer, _SMALL)[0] <= _WIDEST else [*lines, word]
    return lines
