"""Gauges below a figure: value and limits of a requirement that none of its axes carries, on a scale of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studies.charts.kit.additions import added
from studies.charts.style import INK, LIMIT, NEUTRAL, Drawing, Layout, base_layout, short, text

_ROW = 22  # px of a gauge
_HEAD = 12  # px above the first
_BEGIN, _END = 0.46, 1.0  # of the width: where scales stand, beside their names
_TALL = 9  # px: half the height of a limit
_NAME, _NARROW = (
    18,
    40,
)  # px: a name over its scale, and both together, where a figure is too narrow for them side by side


@dataclass(frozen=True)
class Gauge:
    """``value`` and limits of a requirement, all in ``unit``; ``name``: how a reader is told what is judged."""

    id: str
    name: str
    value: float
    lower: float | None
    upper: float | None
    unit: str

    @property
    def limits(self) -> tuple[float, ...]:
        """Those there are."""
        return tuple(limit for limit in (self.lower, self.upper) if limit is not None)

    @property
    def told(self) -> str:
        """``OPT-36 yield: 0.98 (≥ 0.95)``."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        if self.lower is not None and self.upper is not None:
            limits = f"{self.lower:g} to {self.upper:g}"
        else:
            limits = f"≥ {self.lower:g}" if self.upper is None else f"≤ {self.upper:g}"
        return f"{self.name}: {self.value:.3g}{unit} ({limits})"

    def place(self, value: float) -> float:
        """Where a value stands across the figure, the scale reaching from 0 over limits and value."""
        held = [*self.limits, self.value, *([0.0] if len(self.limits) == 1 else [])]
        low, high = min(held), max(held)
        room = 0.08 * (high - low) or 1.0
        return _BEGIN + (_END - _BEGIN) * (value - low + room) / (high - low + 2 * room)


def gauge_figure(gauges: Sequence[Gauge]) -> Drawing:
    """Gauges alone."""
    layout = base_layout(40, margin={"l": 24, "r": 24, "t": 8, "b": 8})
    layout |= {"xaxis": {"visible": False, "range": [0, 1]}, "yaxis": {"visible": False, "range": [0, 1]}}
    nothing = {"type": "scatter", "mode": "markers", "x": [0.0], "y": [0.0], "marker": {"opacity": 0}}
    return with_gauges({"data": [{**nothing, "hoverinfo": "skip"}], "layout": layout}, gauges)


def with_gauges(drawing: Mapping[str, Any], gauges: Sequence[Gauge]) -> Drawing:
    """A drawing, the higher by a row below it for each gauge."""
    layout: Layout = dict(drawing["layout"])
    if not gauges:
        return {"data": list(drawing["data"]), "layout": layout}
    margin = {"l": 80, "r": 80, "t": 100, "b": 80, **layout.get("margin", {})}
    height = layout.get("height", 450)
    plot = height - margin["t"] - margin["b"]
    rows = [-(margin["b"] + _HEAD + _ROW * (row + 0.5)) / plot for row in range(len(gauges))]
    more = _HEAD + _ROW * len(gauges)
    parts = [one for gauge, y in zip(gauges, rows, strict=True) for one in _shapes(gauge, y, plot)]
    notes = [_name(gauge, y) for gauge, y in zip(gauges, rows, strict=True)]
    layout |= {"height": height + more, "margin": {**margin, "b": margin["b"] + more}}
    return added({"data": drawing["data"], "layout": layout}, shapes=parts, notes=notes)


def resized(layout: Mapping[str, Any], height: float) -> Layout:
    """The layout as high as that [px], its gauges as far below the panels as before."""
    ratio = _plot_height(layout) / _plot_height({**layout, "height": height})
    return {**layout, "height": height, **_changed(layout, lambda one: _at_height(one, lambda y: ratio * y))}


def narrowed(layout: Mapping[str, Any]) -> Layout:
    """The layout for a narrow screen: each gauge as wide as the figure, its name over it."""
    scales = [one["y0"] for one in layout.get("shapes", ()) if is_gauge(one) and one["name"].endswith(", scale")]
    if not scales:
        return dict(layout)
    more, plot, margin = (_NARROW - _ROW) * len(scales), _plot_height(layout), {"b": 80, **layout.get("margin", {})}
    left = margin.get("l", 80)
    higher = {"height": layout.get("height", 450) + more, "margin": {**margin, "b": margin["b"] + more}}
    return {**layout, **higher, **_changed(layout, lambda one: _stretched(one, max(scales), plot, left))}


def _stretched(one: Mapping[str, Any], first: float, plot: float, left: float) -> Layout:
    """A part of a gauge: those of a row stand lower the more rows are above it, and a scale below its name.

    ``first``: where the first row stands; ``plot``: height of the panels [px], in which places are counted.
    """
    down = 0 if "text" in one else _NAME

    def lowered(y: float) -> float:
        row = round((first - y) * plot / _ROW)
        return y - ((_NARROW - _ROW) * row + down) / plot

    ends = {side: short((one[side] - _BEGIN) / (_END - _BEGIN)) for side in ("x0", "x1") if side in one}
    return {**_at_height(one, lowered), **ends, **({} if down else {"xshift": 4 - left})}


def _plot_height(layout: Mapping[str, Any]) -> float:
    margin = {"t": 100, "b": 80, **layout.get("margin", {})}
    return float(layout.get("height", 450) - margin["t"] - margin["b"])


def _changed(layout: Mapping[str, Any], change: Callable[[Layout], Layout]) -> Layout:
    """Shapes and notes of a layout, those of gauges changed."""
    kinds = [kind for kind in ("shapes", "annotations") if kind in layout]
    return {kind: [change(one) if is_gauge(one) else one for one in layout[kind]] for kind in kinds}


def is_gauge(one: Mapping[str, Any]) -> bool:
    """Gauges alone have names and stand below the panels."""
    return bool(one.get("name")) and one["yref"] == one["xref"] == "paper" and one.get("y", one.get("y0")) < 0.0


def _at_height(one: Mapping[str, Any], height: Callable[[float], float]) -> Layout:
    return {**one, **{side: short(height(one[side])) for side in ("y", "y0", "y1") if side in one}}


def _shapes(gauge: Gauge, y: float, plot: float) -> Iterator[Layout]:
    yield _line("scale", gauge, (_BEGIN, _END), (y, y), {"color": NEUTRAL, "width": 1, "dash": "solid"})
    tall = _TALL / plot
    for limit in gauge.limits:
        at = gauge.place(limit)
        yield _line("limit", gauge, (at, at), (y - tall, y + tall), {"color": LIMIT, "width": 1.4, "dash": "dash"})
    at = gauge.place(gauge.value)
    yield _line("value", gauge, (at, at), (y - tall / 2, y + tall / 2), {"color": INK, "width": 4, "dash": "solid"})


def _line(
    what: str, gauge: Gauge, x: tuple[float, float], y: tuple[float, float], look: Mapping[str, Any]
) -> dict[str, Any]:
    ends = {"x0": short(x[0]), "x1": short(x[1]), "y0": short(y[0]), "y1": short(y[1])}
    place = {"xref": "paper", "yref": "paper", **ends}
    return {"type": "line", "name": f"{gauge.id}, {what}", **place, "line": dict(look)}


def _name(gauge: Gauge, y: float) -> Layout:
    place: dict[str, Any] = {"x": 0.0, "xref": "paper", "xanchor": "left", "yanchor": "middle"}
    return text(gauge.told, y=short(y), yref="paper", size=11, color=INK, name=f"{gauge.id}, label", **place)
