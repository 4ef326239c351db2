"""Lines and clouds of points with a hover of their own."""

from __future__ import annotations

from typing import Any

from studies.charts.style import Trace, numbers


def line(x: Any, y: Any, color: str, width: float, name: str, hover: str, dash: str = "solid") -> Trace:
    """A line; ``hover`` may use %{x} and %{y}."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": numbers(x),
        "y": numbers(y),
        "line": {"color": color, "width": width, "dash": dash},
        "hovertemplate": f"{hover}<extra>{name}</extra>",
    }


def dots(x: Any, y: Any, color: str, size: float, name: str, hover: str) -> Trace:
    """A cloud of points, thinned to five digits."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": _thin(x),
        "y": _thin(y),
        "marker": {"color": color, "size": size},
        "hovertemplate": f"{hover}<extra>{name}</extra>",
    }


def _thin(values: Any) -> list[float]:
    """To 5 digits: clouds of points are the largest part of a page."""
    return [float(f"{value:.5g}") for value in values]
