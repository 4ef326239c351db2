"""Panels one above the other on one axis: their numbers, and the heights that they take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from studies.charts.style import Layout, axis, base_layout, inert, short, text


def axis_name(number: int) -> str:
    """``y``, ``y2``, ``y3`` ... of the panels from 0 on."""
    return f"y{number + 1}" if number else "y"


def layout_key(number: int) -> str:
    """What a layout calls that axis: ``yaxis``, ``yaxis2`` ..."""
    return axis_name(number).replace("y", "yaxis", 1)


def strips(count: int, share: float) -> Iterator[list[float]]:
    """Domains of so many equal panels from the top down, each filling ``share`` of its part; the rest is for heads."""
    for number in range(count):
        top = 1.0 - number / count
        yield [short(top - share / count), short(top)]


def spaced(count: int, gap: float) -> Iterator[list[float]]:
    """Domains of so many equal panels from the top down with a ``gap`` between two."""
    high = (1.0 - gap * (count - 1)) / count
    for number in range(count):
        top = 1.0 - number * (high + gap)
        yield [max(round(top - high, 4), 0.0), round(top, 4)]


def named_stack(
    names: Sequence[str], titles: Sequence[str], x_title: str, *, each: int, share: float, **more: Any
) -> Layout:
    """Layout of panels on one x axis, each with its name over it and ``each`` [px] high; ``more`` of every y axis."""
    count = len(names)
    axes = {
        layout_key(i): axis(title, domain=domain, anchor="x", **more)
        for i, (title, domain) in enumerate(zip(titles, strips(count, share), strict=True))
    }
    return base_layout(
        70 + each * count,
        hovermode="closest",
        xaxis=axis(x_title, anchor=axis_name(count - 1), rangemode="tozero"),
        annotations=[_head(name, number) for number, name in enumerate(names)],
        margin={"l": 84, "r": 24, "t": 30, "b": 52},
        **axes,
    )


def _head(name: str, number: int) -> Layout:
    place: dict[str, Any] = {"xref": "paper", "yref": f"{axis_name(number)} domain", "xanchor": "left"}
    return text(inert(name), x=0.0, y=1.0, yanchor="bottom", size=12, **place)
