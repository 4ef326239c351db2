"""A drawing in plotly's words as a plotly figure, and a figure as what a report holds."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import numpy as np
import plotly.graph_objects as go

from studies.charts.style import Drawing, Trace


def figure_json(figure: go.Figure) -> dict[str, Any]:
    """Plain ``{"data": [...], "layout": {...}}`` of a figure: lists, numbers and text only, the same every time."""
    plain: dict[str, Any] = _listed(json.loads(figure.to_json()))
    plain["layout"].pop("template", None)
    return {"data": plain["data"], "layout": plain["layout"]}


def drawing_json(drawing: Drawing) -> dict[str, Any]:
    """``figure_json`` of a drawing. Rows of numbers go as arrays, which plotly takes whole, not one by one."""
    return figure_json(figure_of({**drawing, "data": [_in_arrays(trace) for trace in drawing["data"]]}))


def _in_arrays(trace: Trace) -> Trace:
    return {key: np.array(value, dtype=float) if _is_row(value) else value for key, value in trace.items()}


def _is_row(value: Any) -> bool:
    """Whether it is a list of floats, None among them."""
    return isinstance(value, list) and bool(value) and all(type(one) is float or one is None for one in value)


def _listed(value: Any) -> Any:
    """The same with lists for plotly's packed arrays, in which it keeps those of numpy and pandas; None for nan."""
    if isinstance(value, list):
        return [_listed(part) for part in value]
    if not isinstance(value, dict):
        return value
    return _unpacked(value) if "bdata" in value else {key: _listed(part) for key, part in value.items()}


def _unpacked(packed: dict[str, Any]) -> Any:
    """``{"dtype", "bdata", "shape"}``: type, bytes in base64, and the sides of more than one dimension."""
    values = np.frombuffer(b64decode(packed["bdata"]), dtype=np.dtype(packed["dtype"]))
    sides = [int(side) for side in str(packed.get("shape", values.size)).split(",")]
    plain = values.astype(object)
    plain[~np.isfinite(values)] = None
    return plain.reshape(sides).tolist()


def figure_of(drawing: Drawing) -> go.Figure:
    """A drawing (plotly's own dictionaries, as in ``studies.charts.spill``) as a figure."""
    return go.Figure(**drawing)
