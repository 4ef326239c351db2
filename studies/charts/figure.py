"""A drawing in plotly's words as a plotly figure, and a figure as what a report holds."""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go

from studies.charts.style import Drawing


def figure_json(figure: go.Figure) -> dict[str, Any]:
    """Plain ``{"data": [...], "layout": {...}}`` of a figure: lists, numbers and text only, the same every time."""
    plain: dict[str, Any] = json.loads(figure.to_json())
    plain["layout"].pop("template", None)
    return {"data": plain["data"], "layout": plain["layout"]}


def figure_of(drawing: Drawing) -> go.Figure:
    """A drawing (plotly's own dictionaries, as in ``studies.charts.spill``) as a figure."""
    return go.Figure(**drawing)
