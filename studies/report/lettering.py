"""The words of a figure as they are set: powers and units on its axes, in its labels, its readings and its sliders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studies.vocabulary.typesetting import heading_text

_PAPER = "rgba(255,255,255,0.75)"


def lettered(plotly: Mapping[str, Any]) -> dict[str, Any]:
    """The figure with powers in superscript wherever it shows words, and its labels on paper."""
    axes = {key: _axis(value) for key, value in plotly["layout"].items() if key.startswith(("xaxis", "yaxis"))}
    layout = {**plotly["layout"], **axes}
    if "annotations" in layout:
        layout["annotations"] = [_note(note) for note in layout["annotations"]]
    if "sliders" in layout:
        layout["sliders"] = [{**one, "steps": [_step(step) for step in one["steps"]]} for one in layout["sliders"]]
    return {**plotly, "data": [_trace(trace) for trace in plotly["data"]], "layout": layout}


def _axis(axis: Mapping[str, Any]) -> dict[str, Any]:
    title = axis.get("title", {})
    return {**axis, "title": {**title, "text": heading_text(title["text"])}} if title.get("text") else dict(axis)


def _note(note: Mapping[str, Any]) -> dict[str, Any]:
    """A label in words, readable where a curve runs under it."""
    return {"bgcolor": _PAPER, **note, "text": heading_text(note["text"])}


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    data, layout = step["args"]
    if "annotations" not in layout:
        return dict(step)
    return {**step, "args": [data, {**layout, "annotations": [_note(note) for note in layout["annotations"]]}]}


def _trace(trace: Mapping[str, Any]) -> dict[str, Any]:
    told = trace.get("hovertemplate")
    return {**trace, "hovertemplate": heading_text(told)} if isinstance(told, str) else dict(trace)
