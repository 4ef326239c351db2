"""A figure laid out for a phone: narrow margins, small letters, few numbers on the axes, labels apart at its width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studies.report.labels.placing import PHONE, placed

_LEFT, _RIGHT = 56, 40  # px: the most that margins take
_SQUARE = 540  # px: as high as a figure with equal axes is


def relaid(plotly: Mapping[str, Any]) -> dict[str, Any]:
    """The figure for a phone. Panels keep their height, those with equal axes are as high as the screen is wide."""
    layout = dict(plotly["layout"])
    margin = {"l": 80, "r": 80, "t": 100, "b": 80, **layout.get("margin", {})}
    layout["margin"] = {**margin, "l": min(margin["l"], _LEFT), "r": min(margin["r"], _RIGHT)}
    layout["font"] = {**layout.get("font", {}), "size": 11}
    if layout.get("xaxis", {}).get("scaleanchor") and "yaxis2" not in layout:
        layout["height"] = min(layout.get("height", 450), _SQUARE)
    for key in layout:
        if key.startswith(("xaxis", "yaxis")) and layout[key].get("type") != "category":
            layout[key] = {**layout[key], "nticks": 5}
    return placed({**plotly, "layout": layout}, PHONE)
