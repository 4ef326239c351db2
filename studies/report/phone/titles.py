"""Titles of axes that fit their panels: on a phone all of them, on a wide screen those that are too long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from studies.report.labels.boxes import text_size
from studies.report.labels.columns import beside
from studies.report.labels.frame import Frame

_SIZES = range(13, 8, -1)  # px: letters of a title, the largest that fits
_USUAL = 14  # px: letters of a title on a wide screen


def fitted(plotly: Mapping[str, Any], width: float) -> dict[str, Any]:
    """The layout of a figure ``width`` [px] wide, the title of each axis no longer than there is room for it.

    Its letters are smaller where they need be; a title that is too long in the smallest stands in lines.
    """
    layout = dict(plotly["layout"])
    frame = Frame(tuple(plotly["data"]), layout, width)
    for name, room in _rooms(frame):
        key = f"{name[0]}axis{name[1:]}"
        title = layout[key].get("title", {})
        if title.get("text"):
            layout[key] = {**layout[key], "title": {**title, **_fitting(title["text"], room)}}
    return layout


def shortened(plotly: Mapping[str, Any], width: float) -> dict[str, Any]:
    """The figure at least ``width`` [px] wide: titles beside its panels no longer than they are, the rest as it is."""
    layout = dict(plotly["layout"])
    frame = Frame(tuple(plotly["data"]), layout, width)
    for name, room in _rooms(frame):
        key = f"{name[0]}axis{name[1:]}"
        title = layout[key].get("title", {})
        if name.startswith("y") and title.get("text") and text_size(title["text"], _USUAL)[0] > room:
            layout[key] = {**layout[key], "title": {**title, **_fitting(title["text"], room)}}
    return {**plotly, "layout": layout}


def _rooms(frame: Frame) -> Iterator[tuple[str, float]]:
    """How long [px] the title of each axis may be: one across is centred on its axis and ends with the figure."""
    for name in frame.names:
        axis = frame.axes[name]
        begin, end = sorted((axis.begin, axis.end))
        if name.startswith("y"):
            yield name, end - begin + 2 * min(begin, frame.height - end, 10.0)
            continue
        begin = max(begin, beside(frame, name))
        yield name, 2 * min((begin + end) / 2, frame.width - (begin + end) / 2) - 4


def _fitting(text: str, room: float) -> dict[str, Any]:
    size = next((size for size in _SIZES if text_size(text, size)[0] <= room), None)
    if size is not None:
        return {"text": text, "font": {"size": size}}
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        lines = [*lines[:-1], longer] if lines and text_size(longer, _SIZES[-1])[0] <= room else [*lines, word]
    return {"text": "<br>".join(lines), "font": {"size": _SIZES[-1]}}
