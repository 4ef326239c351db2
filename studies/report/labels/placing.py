"""A place of its own for every label of a figure: the one routine that moves labels off each other.

A label stays where it is, unless it meets another that came before it, the numbers and title of an axis, a key or the
end of the figure at one of the widths that the figure may have. Then it takes the nearest place where it meets none.
Boxes keep their size in pixels while their places go linearly with the width: what is apart at a few widths is apart
between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any

from studies.report.labels.boxes import Box, text_size
from studies.report.labels.frame import Frame, with_ranges

#: Widths [px] of a figure on a screen and of its drawing, and on a phone.
WIDE = (620.0, 700.0, 820.0, 960.0, 1100.0)
PHONE = (340.0, 358.0, 390.0)
_STEP, _FAR = 4, 120  # px: how finely and how far a place is looked for
_ASIDE = 0.6  # what a pixel aside counts beside one up or down

Note = dict[str, Any]


@dataclass(frozen=True)
class _Page:
    """A figure at one width: its frame, and what no label may meet."""

    frame: Frame
    taken: tuple[Box, ...]


def placed(plotly: Mapping[str, Any], widths: Sequence[float]) -> dict[str, Any]:
    """The figure with its labels apart at all these widths, at every stop of its sliders too."""
    plotly = with_ranges(plotly)
    layout = dict(plotly["layout"])
    if layout.get("annotations"):
        layout["annotations"] = spread(plotly, layout["annotations"], widths)
    if layout.get("sliders"):
        layout["sliders"] = [_slider(plotly, slider, widths) for slider in layout["sliders"]]
    return {**plotly, "layout": layout}


def _slider(plotly: Mapping[str, Any], slider: Mapping[str, Any], widths: Sequence[float]) -> dict[str, Any]:
    return {**slider, "steps": [_step(plotly, step, widths) for step in slider["steps"]]}


def _step(plotly: Mapping[str, Any], step: Mapping[str, Any], widths: Sequence[float]) -> dict[str, Any]:
    data, layout = step["args"]
    if not layout.get("annotations"):
        return dict(step)
    notes = spread(at_stop(plotly, data), layout["annotations"], widths)
    return {**step, "args": [data, {**layout, "annotations": notes}]}


def at_stop(plotly: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The figure as a stop of its slider shows it: other traces are visible."""
    shown = change.get("visible")
    if shown is None:
        return dict(plotly)
    return {**plotly, "data": [{**trace, "visible": on} for trace, on in zip(plotly["data"], shown, strict=True)]}


def spread(plotly: Mapping[str, Any], notes: Sequence[Note], widths: Sequence[float]) -> list[Note]:
    """The notes, those that meet something moved; one that finds no room at all is left out of sight."""
    pages = [_page(plotly, width) for width in widths]
    boxes = [[*page.taken, *_fixed(page, notes)] for page in pages]
    result = []
    for note in notes:
        if _is_fixed(note):
            result.append(note)
            continue
        own = [label_box(page.frame, note) for page in pages]
        shift = _free(own, boxes, pages, _tail(note)) if all(own) else (0.0, 0.0)
        if shift is None:
            result.append({**note, "visible": False})
            continue
        for there, box in zip(boxes, own, strict=True):
            there += [box.moved(*shift)] if box else []
        result.append(_moved(note, *shift))
    return result


def _is_fixed(note: Mapping[str, Any]) -> bool:
    """True for an arrow between two places of the figure: its text stays at its tail."""
    return _has_arrow(note) and note.get("axref", "pixel") != "pixel"


def _fixed(page: _Page, notes: Sequence[Note]) -> list[Box]:
    found = (label_box(page.frame, note) for note in notes if _is_fixed(note))
    return [box for box in found if box]


def _free(
    own: Sequence[Box | None], boxes: Sequence[Sequence[Box]], pages: Sequence[_Page], tail: tuple[float, float]
) -> tuple[float, float] | None:
    """The nearest shift (right and down) with which a label meets nothing on any page, its arrow no shorter."""
    length = hypot(*tail)
    for shift in _SHIFTS:
        if (shift == (0.0, 0.0) or hypot(tail[0] + shift[0], tail[1] + shift[1]) >= length) and all(
            box is None or (_is_free(box.moved(*shift), taken, page.frame) and _stays(box, shift, page.frame))
            for box, taken, page in zip(own, boxes, pages, strict=True)
        ):
            return shift
    return None


def _tail(note: Mapping[str, Any]) -> tuple[float, float]:
    """Of an arrow, from its head [px]; no length without an arrow."""
    return (note["ax"], note["ay"]) if _has_arrow(note) and not _is_fixed(note) else (0.0, 0.0)


def _stays(box: Box, shift: tuple[float, float], frame: Frame) -> bool:
    """True unless a label leaves the panels for what stands below them."""
    bottom = frame.plot[3]
    return box.top >= bottom or box.moved(*shift).bottom <= max(bottom, box.bottom)


def _is_free(box: Box, taken: Sequence[Box], frame: Frame) -> bool:
    return box.within(frame.width, frame.height) and not any(box.meets(one) for one in taken)


def _shifts() -> Iterator[tuple[float, float]]:
    steps = [0, *(sign * step for step in range(_STEP, _FAR + 1, _STEP) for sign in (-1, 1))]
    return ((float(right), float(down)) for right in steps for down in steps)


#: Nearest first, up before down, left before right.
_SHIFTS = tuple(sorted(_shifts(), key=lambda shift: (abs(shift[1]) + _ASIDE * abs(shift[0]), shift[1], shift[0])))


def _moved(note: Note, right: float, down: float) -> Note:
    if not right and not down:
        return note
    if _has_arrow(note):  # its tail moves, its head stays
        return {**note, "ax": note["ax"] + right, "ay": note["ay"] + down}
    return {**note, "xshift": note.get("xshift", 0) + right, "yshift": note.get("yshift", 0) - down}


def _has_arrow(note: Mapping[str, Any]) -> bool:
    return bool(note.get("showarrow", True))


def label_box(frame: Frame, note: Mapping[str, Any]) -> Box | None:
    """The box of a note's text; None for a note without text, or out of sight."""
    if not note.get("text") or note.get("visible") is False:
        return None
    width, height = text_size(note["text"], note.get("font", {}).get("size", 12))
    x, y = _anchor(frame, note)
    left = x - width * _ALONG[note.get("xanchor", "auto")]
    top = y - height * (0.5 if _has_arrow(note) else _ALONG[note.get("yanchor", "auto")])
    return Box(left, top, left + width, top + height)


_ALONG = {"left": 0.0, "center": 0.5, "right": 1.0, "top": 0.0, "middle": 0.5, "bottom": 1.0, "auto": 0.5}


def _anchor(frame: Frame, note: Mapping[str, Any]) -> tuple[float, float]:
    """Where the text hangs: at its place, or at the tail of its arrow."""
    x, y = frame.place(note, "x"), frame.place(note, "y")
    if not _has_arrow(note):
        return x + note.get("xshift", 0), y - note.get("yshift", 0)
    if note.get("axref", "pixel") == "pixel":
        return x + note["ax"], y + note["ay"]
    return frame.pixel(note["axref"], note["ax"]), frame.pixel(note["ayref"], note["ay"])


def _page(plotly: Mapping[str, Any], width: float) -> _Page:
    frame = Frame(tuple(plotly["data"]), plotly["layout"], width)
    return _Page(frame, tuple(_obstacles(frame)))


def _obstacles(frame: Frame) -> Iterator[Box]:
    """Numbers and titles of axes, the key above a figure, its title."""
    left, top, right, bottom = frame.plot
    for name in frame.names:
        axis, spec = frame.axes[name], frame.spec(name)
        if spec.get("visible") is False:
            continue
        if name.startswith("y") and spec.get("side", "left") == "left":
            yield Box(0.0, axis.end, left - 1, axis.begin)
        if name.startswith("x"):
            yield Box(axis.begin, bottom + 1, axis.end, bottom + min(frame.ticks, frame.height - bottom))
    if frame.layout.get("showlegend") and frame.layout.get("legend", {}).get("y", 1.0) >= 1.0:
        yield Box(left, 0.0, right, top - 4)
    title = frame.layout.get("title", {}).get("text")
    if title:
        size = text_size(title, frame.layout["title"].get("font", {}).get("size", 17))
        yield Box(
            (frame.width - size[0]) / 2, top / 2 - size[1] / 2, (frame.width + size[0]) / 2, top / 2 + size[1] / 2
        )
