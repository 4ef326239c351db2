"""Panels one above the other on one axis: their numbers, and the heights that they take."""

from __future__ import annotations

from collections.abc import Iterator

from studies.charts.style import short


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
