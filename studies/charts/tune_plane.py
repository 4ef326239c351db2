"""Resonance lines, stop bands and working points in the plane of the two tunes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError
from optics.resonances import Point, Range, ResonanceLine, resonance_lines
from studies.charts import style
from studies.charts.style import Drawing, Layout, Trace, axis, base_layout, heading, inert, numbers, pointer, text, tint


@dataclass(frozen=True)
class WorkingPoint:
    """A pair of tunes with the name written beside it."""

    name: str
    qx: float
    qy: float


@dataclass(frozen=True)
class StopBand:
    """Tunes taken by the resonance ``m`` Qx + ``n`` Qy = ``p``: half width in tune across the line."""

    m: int
    n: int
    p: int
    half_width: float
    name: str


def tune_drawing(
    points: Sequence[WorkingPoint],
    max_order: int,
    superperiods: int,
    stop_bands: Sequence[StopBand],
    path: bool,
    window: tuple[Range, Range] | None,
) -> Drawing:
    """Traces and layout of ``studies.charts.lattice.tune_diagram``, which says what the arguments are."""
    if not points:
        raise InputError("a tune diagram needs at least one working point")
    qx, qy = window or _window(points)
    lines = resonance_lines(qx, qy, max_order, superperiods)
    traces = [_stop_band_trace(band, qx, qy) for band in stop_bands]
    traces += [_resonance_trace(line) for line in lines] + [_points_trace(points, path)]
    layout = base_layout(
        600,
        hovermode="closest",
        xaxis=axis(heading("qx"), range=list(qx), constrain="domain", scaleanchor="y", scaleratio=1),
        yaxis=axis(heading("qy"), range=list(qy), constrain="domain"),
        annotations=[_line_key(superperiods), *_line_labels(lines, qx, qy), *_point_labels(points, qx)],
        margin={"l": 64, "r": 96, "t": 48, "b": 48},
    )
    return {"data": traces, "layout": layout}


def _window(points: Sequence[WorkingPoint]) -> tuple[Range, Range]:
    """A square around the points, at least 0.2 wide, with room at its border."""
    qx, qy = [point.qx for point in points], [point.qy for point in points]
    half = max(0.1, 0.75 * max(np.ptp(qx), np.ptp(qy)))
    centres = [0.5 * (min(values) + max(values)) for values in (qx, qy)]
    low_x, low_y = (round(centre - half, 3) for centre in centres)
    return (low_x, round(low_x + 2 * half, 3)), (low_y, round(low_y + 2 * half, 3))


_ORDER_WIDTHS = {1: 2.6, 2: 2.2, 3: 1.7, 4: 1.0}


def _resonance_trace(line: ResonanceLine) -> Trace:
    kind = f"{'skew' if line.skew else 'normal'}, {'' if line.systematic else 'non-'}systematic, order {line.order}"
    fraction = np.linspace(0.0, 1.0, 21)  # points along the line, for the hover to find
    ends = np.array([line.start, line.end])
    along = ends[0] + fraction[:, None] * (ends[1] - ends[0])
    return {
        "type": "scatter",
        "mode": "lines",
        "name": line.equation,
        "x": numbers(along[:, 0]),
        "y": numbers(along[:, 1]),
        "line": {
            "color": "#6E6E6E" if line.systematic else "#B9B9B9",
            "width": _ORDER_WIDTHS.get(line.order, 0.7),
            "dash": "dash" if line.skew else "solid",
        },
        "hovertemplate": f"{line.equation} ({kind})<extra></extra>",
    }


def _stop_band_trace(band: StopBand, qx: Range, qy: Range) -> Trace:
    """The band between the lines m Qx + n Qy = p -+ half_width sqrt(m^2 + n^2), clipped to the window."""
    reach = band.half_width * float(np.hypot(band.m, band.n))
    corners = [(x, y) for x, y in ((qx[0], qy[0]), (qx[1], qy[0]), (qx[1], qy[1]), (qx[0], qy[1]))]
    for sign in (1.0, -1.0):
        corners = _clipped(corners, lambda x, y, s=sign: reach - s * (band.m * x + band.n * y - band.p))
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": inert(band.name),
        "x": numbers([*xs, *xs[:1]]),
        "y": numbers([*ys, *ys[:1]]),
        "fill": "toself",
        "fillcolor": tint(style.LONGITUDINAL, 0.3),
        "line": {"color": style.LONGITUDINAL, "width": 0.5},
        "hoveron": "fills",
        "hoverinfo": "name",
    }


def _clipped(corners: list[Point], inside: Any) -> list[Point]:
    """The part of a convex polygon where the linear function ``inside`` is not negative (Sutherland-Hodgman)."""
    kept = []
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        a, b = inside(ax, ay), inside(bx, by)
        if a >= 0:
            kept.append((ax, ay))
        if a * b < 0:
            t = a / (a - b)
            kept.append((ax + t * (bx - ax), ay + t * (by - ay)))
    return kept


def _points_trace(points: Sequence[WorkingPoint], path: bool) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers" if path and len(points) > 1 else "markers",
        "name": "working points",
        "x": numbers(point.qx for point in points),
        "y": numbers(point.qy for point in points),
        "text": [inert(point.name) for point in points],
        "line": {"color": style.INK, "width": 1.2},
        "marker": {"color": style.INK, "size": 9},
        "hovertemplate": "%{text}<br>Qx %{x:.5f}, Qy %{y:.5f}<extra></extra>",
    }


def _point_labels(points: Sequence[WorkingPoint], qx: Range) -> list[Layout]:
    """Names beside the points, on the side where there is room; points that coincide share one text."""
    near = 0.02 * (qx[1] - qx[0])
    groups: list[list[WorkingPoint]] = []
    for point in points:
        home = next((g for g in groups if np.hypot(g[0].qx - point.qx, g[0].qy - point.qy) < near), None)
        if home:
            home.append(point)
        else:
            groups.append([point])
    labels = []
    for number, group in enumerate(groups):
        left = group[0].qx > 0.5 * (qx[0] + qx[1])
        shift = np.array([-36.0 if left else 36.0, 28.0 if number % 2 == 0 else -28.0])
        names = "<br>".join(inert(point.name) for point in group)
        labels.append(pointer(names, group[0].qx, group[0].qy, shift))
    return labels


def _line_labels(lines: Sequence[ResonanceLine], qx: Range, qy: Range) -> list[Layout]:
    """Equations of the lines up to third order, at an end where no other equation stands."""
    taken: list[Point] = []
    labels = []
    for line in sorted(lines, key=lambda line: line.m * line.n != 0):  # resonances of one plane first
        if line.order <= 3:
            ends = sorted((_in_window(end, qx, qy) for end in (line.start, line.end)), key=_border)
            free = [end for end in ends if all(abs(end[0] - u) > 0.17 or abs(end[1] - v) > 0.04 for u, v in taken)]
            if free:
                taken.append(free[0])
                labels.append(_line_label(line.equation, *free[0]))
    return labels


def _in_window(point: Point, qx: Range, qy: Range) -> Point:
    return (point[0] - qx[0]) / (qx[1] - qx[0]), (point[1] - qy[0]) / (qy[1] - qy[0])


def _border(end: Point) -> int:
    """Borders in the order in which they are liked: right, top, left, bottom."""
    u, v = end
    return [u > 1 - 1e-6, v > 1 - 1e-6, u < 1e-6, True].index(True)


def _line_label(equation: str, u: float, v: float) -> Layout:
    anchors = [("left", "middle"), ("center", "bottom"), ("left", "bottom"), ("center", "bottom")][_border((u, v))]
    place: dict[str, Any] = {"xref": "x domain", "yref": "y domain", "xanchor": anchors[0], "yanchor": anchors[1]}
    place["bgcolor"] = "rgba(255,255,255,0.75)"
    return text(equation, x=round(u, 6), y=round(v, 6), xshift=3, color=style.LIMIT, size=11, **place)


def _line_key(superperiods: int) -> Layout:
    key = "solid: normal, dashed: skew" + ("; dark: systematic" if superperiods > 1 else "")
    place: dict[str, Any] = {"xref": "x domain", "yref": "y domain", "xanchor": "left", "yanchor": "bottom"}
    return text(key, x=0.0, y=1.0, yshift=18, color=style.LIMIT, size=11, **place)
