"""What figures draw, read back from their plotly dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

from studies.results import FigureData


def traces(figure: FigureData, name: str) -> list[Mapping[str, Any]]:
    """The traces of a name, in order."""
    return [one for one in figure.plotly["data"] if one.get("name") == name]


def curve(figure: FigureData, name: str, axis: str = "y", number: int = 0) -> list[float]:
    """Numbers of a trace along an axis; gaps are NaN."""
    return [nan if value is None else float(value) for value in traces(figure, name)[number][axis]]


def heading(figure: FigureData, axis: str) -> str:
    """Title of an axis: "yaxis2"."""
    return str(figure.plotly["layout"][axis]["title"]["text"])


def carried(figure: FigureData, quantity: str) -> tuple[float, list[float]]:
    """Scale at which an axis carries a quantity, and all numbers of the curves that it holds for."""
    (shown,) = [one for one in figure.shows if one.quantity == quantity]
    side, number = shown.axis[0], shown.axis
    lines = [
        one
        for one in figure.plotly["data"]
        if one.get(f"{side}axis", side) == number and (not shown.curves or one.get("name") in shown.curves)
    ]
    assert lines, (quantity, shown.curves)
    return shown.scale, [float(value) for one in lines for value in one[side] if value is not None]
