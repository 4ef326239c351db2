"""Where the places of a figure are in pixels, for a figure of a given width: as plotly and the drawing have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, log10
from typing import Any

from studies.charts.style import short

_ROOM = 0.055  # of its values: what an axis without a range of its own leaves at an end
_TICKS = 40.0  # px: what ticks and the title of an axis take below it


@dataclass(frozen=True)
class Axis:
    """An axis from pixel ``begin`` to ``end`` over ``low`` to ``high``."""

    begin: float
    end: float
    low: float
    high: float

    def pixel(self, value: float) -> float:
        """Where a value stands."""
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)

    @property
    def scale(self) -> float:
        """Pixels for one of its unit."""
        return abs((self.end - self.begin) / (self.high - self.low))

    def shrunk(self, scale: float) -> Axis:
        """Over the same values, about the same middle, with so many pixels for one of its unit."""
        middle, half = (self.begin + self.end) / 2, abs(self.high - self.low) * scale / 2
        half = half if self.end > self.begin else -half
        return Axis(middle - half, middle + half, self.low, self.high)

    def scaled(self, scale: float) -> Axis:
        """From the same pixel to the same, about the same middle, with so many pixels for one of its unit."""
        middle, half = (self.low + self.high) / 2, abs(self.end - self.begin) / scale / 2
        half = half if self.high > self.low else -half
        return Axis(self.begin, self.end, middle - half, middle + half)


@dataclass(frozen=True)
class Frame:
    """A figure's layout and traces, ``width`` [px] wide."""

    data: tuple[Mapping[str, Any], ...]
    layout: Mapping[str, Any]
    width: float

    @property
    def height(self) -> float:
        """Of the whole figure [px]."""
        return float(self.layout.get("height", 450))

    @cached_property
    def plot(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom [px] of what its margins leave."""
        margin = {"l": 80, "r": 80, "t": 100, "b": 80, **self.layout.get("margin", {})}
        return margin["l"], margin["t"], self.width - margin["r"], self.height - margin["b"]

    @cached_property
    def names(self) -> list[str]:
        """Of its axes: x, x2, y, y2 ..."""
        keys = [key for key in self.layout if key.startswith(("xaxis", "yaxis"))]
        return [key.replace("axis", "", 1) for key in keys]

    def spec(self, name: str) -> Mapping[str, Any]:
        """What the layout says of an axis."""
        found: Mapping[str, Any] = self.layout.get(f"{name[0]}axis{name[1:]}", {})
        return found

    def pixel(self, reference: str, value: float | str) -> float:
        """Of a coordinate with its ``xref`` or ``yref``, ``reference``."""
        name, _, domain = reference.partition(" ")
        if name == "paper":
            left, top, right, bottom = self.plot
            return left + float(value) * (right - left) if domain == "x" else bottom + float(value) * (top - bottom)
        axis = self.axes.get(name) or self.axes[name[0]]
        if domain:
            return axis.begin + float(value) * (axis.end - axis.begin)
        return axis.pixel(self._number(name, value))

    def place(self, note: Mapping[str, Any], side: str) -> float:
        """Of a note's x or y."""
        reference = note.get(f"{side}ref", "paper")
        return self.pixel(f"paper {side}" if reference == "paper" else reference, note[side])

    @cached_property
    def axes(self) -> dict[str, Axis]:
        """Every axis in pixels; those of equal scale have it."""
        found = {name: self._axis(name) for name in {*self.names, "x", "y"}}
        for name in self.names:
            other = self.spec(name).get("scaleanchor")
            if other in found:
                scale = min(found[name].scale, found[other].scale)
                for one in (name, other):
                    keeps = self.spec(one).get("constrain") == "domain"  # its values: it gets smaller
                    found[one] = found[one].shrunk(scale) if keeps else found[one].scaled(scale)
        return found

    def _axis(self, name: str) -> Axis:
        left, top, right, bottom = self.plot
        low, high = self.spec(name).get("domain", (0.0, 1.0))
        begin, end = (left, right) if name.startswith("x") else (bottom, top)
        values = self.range_of(name)
        return Axis(begin + low * (end - begin), begin + high * (end - begin), *values)

    def range_of(self, name: str) -> tuple[float, float]:
        """From where to where an axis goes; of a log axis the exponents."""
        spec = self.spec(name)
        given = spec.get("range", (None, None))
        if None not in given:
            return float(given[0]), float(given[1])
        if spec.get("type") == "category":
            low, high = -0.5, len(self.categories(name)) - 0.5
        else:
            low, high = self._extent(name)
        return (high, low) if spec.get("autorange") == "reversed" else (low, high)

    def _extent(self, name: str) -> tuple[float, float]:
        drawn = [value for trace in self._on(name) for value in self._values(trace, name)]
        values = [*drawn, *self._marked(name)]
        low, high = (min(values), max(values)) if values else (-1.0, 1.0)
        if low == high:
            low, high = low - 1.0, high + 1.0
        room = _ROOM * (high - low) if name.startswith("y") or self._has_points(name) else 0.0
        from_zero = self.spec(name).get("rangemode") == "tozero" and low >= 0.0
        return (0.0 if from_zero else low - room), high + room

    def _marked(self, name: str) -> Iterator[float]:
        """Where lines and labels stand on an axis: it has room for them.

        On a log axis lines say values, labels exponents.
        """
        side, log = name[0], self.spec(name).get("type") == "log"
        for note in self.layout.get("annotations", ()):
            if note.get(f"{side}ref") == name and _is_number(note.get(side)):
                yield float(note[side])
        for shape in self.layout.get("shapes", ()):
            ends = [shape.get(end) for end in (f"{side}0", f"{side}1") if shape.get(f"{side}ref") == name]
            yield from (log10(end) if log else float(end) for end in ends if _is_number(end) and (end > 0 or not log))

    def _has_points(self, name: str) -> bool:
        return any("markers" in trace.get("mode", "lines") or trace.get("type") == "bar" for trace in self._on(name))

    def _on(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Traces that are shown on an axis."""
        for trace in self.data:
            if trace.get("visible", True) is True and trace.get(f"{name[0]}axis", name[0]) == name:
                yield trace

    def _values(self, trace: Mapping[str, Any], name: str) -> Iterator[float]:
        log = self.spec(name).get("type") == "log"
        if trace.get("type") == "bar" and not log:
            yield 0.0
        for value in trace.get(name[0], ()):
            if _is_number(value) and (value > 0 or not log):
                yield log10(value) if log else float(value)

    def categories(self, name: str) -> list[str]:
        """Names on a category axis, in order of appearance."""
        return list(dict.fromkeys(str(value) for trace in self._on(name) for value in trace.get(name[0], ())))

    def _number(self, name: str, value: float | str) -> float:
        if isinstance(value, str):
            names = self.categories(name)
            return float(names.index(value)) if value in names else 0.0
        return float(value)

    @property
    def ticks(self) -> float:
        """Pixels below an axis that belong to it."""
        return _TICKS


def with_ranges(plotly: Mapping[str, Any]) -> dict[str, Any]:
    """The figure with a range on every axis that labels stand on: the same on a screen and in a drawing.

    It holds what all stops of a slider show, so that the slider moves curves and not the frame.
    """
    data = (
        [{**trace, "visible": True} for trace in plotly["data"]] if plotly["layout"].get("sliders") else plotly["data"]
    )
    frame = Frame(tuple(data), plotly["layout"], 820.0)
    labelled = {note.get(f"{side}ref") for note in frame.layout.get("annotations", ()) for side in "xy"}
    layout = dict(plotly["layout"])
    for name in frame.names:
        spec = frame.spec(name)
        if name in labelled and not _FIXED & set(spec) and spec.get("type", "linear") in ("linear", "log", "-"):
            layout[f"{name[0]}axis{name[1:]}"] = {**spec, "range": [short(end) for end in frame.range_of(name)]}
    return {**plotly, "layout": layout}


#: What settles the range of an axis, or ties it to another's.
_FIXED = {"range", "scaleanchor", "matches", "autorange", "constrain"}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and isfinite(value)
