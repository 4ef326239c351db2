"""Lines at limits and marked places: dashed across or upright, each with its name beside it."""

from __future__ import annotations

from typing import Any

from studies.charts.style import LIMIT, Layout, inert, short, text


def across(y: float, *, yref: str = "y", width: float = 1.2, dash: str = "dash") -> Layout:
    """A line across a panel, dashed at a limit."""
    return _line({"xref": "paper", "yref": yref, "x0": 0, "x1": 1, "y0": y, "y1": y}, width, dash)


def upright(x: float, *, xref: str = "x", yref: str = "paper", width: float = 1.2, dash: str = "dash") -> Layout:
    """An upright line at a limit or a marked place, as high as what ``yref`` names."""
    return _line({"xref": xref, "yref": yref, "x0": x, "x1": x, "y0": 0, "y1": 1}, width, dash)


def _line(place: dict[str, Any], width: float, dash: str) -> Layout:
    return {"type": "line", **place, "line": {"color": LIMIT, "width": width, "dash": dash}}


def name_across(y: float, name: str) -> Layout:
    """The name of a line across, over its left end; on a log axis ``y`` is the exponent."""
    place: dict[str, Any] = {"xref": "paper", "yref": "y", "xanchor": "left", "yanchor": "bottom"}
    return text(inert(name), x=0.0, y=short(y), xshift=4, color=LIMIT, size=11, **place)


def name_upright(x: float, name: str, **place: Any) -> Layout:
    """The name of an upright line, over its upper end; on a log axis ``x`` is the exponent."""
    where = {"xref": "x", "y": 1.0, "yref": "paper", "xanchor": "center", "yanchor": "bottom", **place}
    return text(inert(name), x=short(x), color=LIMIT, size=11, **where)
