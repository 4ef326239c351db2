"""Pictures of a match, of magnets at their limits, of two engines: numbers go in, a plotly figure comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lattice import InputError
from optics.matching.matching import MatchResult
from studies.charts import style
from studies.charts.kit.bars import key_above, name_axis, name_margin
from studies.charts.kit.limits import upright
from studies.charts.style import Layout, Trace, axis, base_layout, inert, need, numbers, s_axis, text
from studies.spec.units import kind_of

BEFORE = "#BDBDBD"
AFTER = "#1A1A1A"
SHADE = "#A6A6A6"  # the darkest cell: ink on it still has a contrast of 7
_FLOOR = 1e-6  # of a tolerance: smaller residuals are drawn as this


@dataclass(frozen=True)
class MatchedTarget:
    """A target of a match: ``goal``, the values ``before`` and ``after``, ``tolerance``, all in ``unit``."""

    name: str
    unit: str
    goal: float
    before: float
    after: float
    tolerance: float


@dataclass(frozen=True)
class Difference:
    """A quantity from two engines: own value minus ``reference``, and the ``tolerance`` it must keep, in ``unit``."""

    name: str
    unit: str
    own: float
    reference: float
    tolerance: float


@dataclass(frozen=True)
class MagnetField:
    """A magnet or family: the ``field`` it needs and the ``limit`` on it, both in ``unit``."""

    name: str
    field: float
    limit: float
    unit: str


def matched_targets(result: MatchResult) -> list[MatchedTarget]:
    """The targets of a match with their units, before and after."""
    return [
        MatchedTarget(
            label,
            kind_of(label).unit,
            float(target.value),
            float(result.values_before[label]),
            float(result.values[label]),
            float(target.tolerance or 0.0),
        )
        for label, target in zip(result.target_labels, result.targets, strict=True)
    ]


def match_targets(targets: Sequence[MatchedTarget]) -> go.Figure:
    """Distance of each target from its goal before (grey) and after (black), in units of its tolerance."""
    _some(targets, "targets of a match")
    names = [inert(target.name) for target in targets]
    sides = {"before": [t.before - t.goal for t in targets], "after": [t.after - t.goal for t in targets]}
    colors = {"before": BEFORE, "after": AFTER}
    traces = [
        _bars(side, names, off, [t.tolerance for t in targets], [t.unit for t in targets], colors[side])
        for side, off in sides.items()
    ]
    return _tolerance_figure(traces, "distance from the goal [tolerances]")


def residuals_in_tolerance(differences: Sequence[Difference]) -> go.Figure:
    """Own value minus the reference engine's for each quantity, in units of the tolerance it must keep."""
    _some(differences, "quantities of two engines")
    names = [inert(difference.name) for difference in differences]
    off = [difference.own - difference.reference for difference in differences]
    limits, units = [d.tolerance for d in differences], [d.unit for d in differences]
    trace = _bars("own minus reference", names, off, limits, units, AFTER)
    return _tolerance_figure([trace], "own minus reference [tolerances]")


def match_convergence(history: pd.DataFrame) -> go.Figure:
    """Cost against evaluation on a log axis. ``history``: evaluation, cost (as the match weighs it)."""
    need(history, ("evaluation", "cost"), "history of the match")
    costs = [cost if cost and cost > 0 else None for cost in numbers(history["cost"])]
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "cost",
        "x": numbers(history["evaluation"]),
        "y": costs,
        "line": {"color": AFTER, "width": 1.5},
        "marker": {"color": AFTER, "size": 6},
        "hovertemplate": "step %{x}: cost %{y:.3g}<extra></extra>",
    }
    layout = base_layout(
        300,
        hovermode="closest",
        xaxis=axis("step of the match [1]", rangemode="tozero", tickformat="d", dtick=max(1, len(history) // 10)),
        yaxis=_log_axis("cost [1]", [cost for cost in costs if cost]),
        margin={"l": 84, "r": 64, "t": 24, "b": 48},
    )
    return go.Figure(data=[trace], layout=layout)


def match_sensitivity(
    targets: Sequence[tuple[str, str]], parameters: Sequence[str], changes: Sequence[Sequence[float]]
) -> go.Figure:
    """Heat map of the ``changes`` (targets, parameters) of each target (name, unit) for a step of each parameter.

    A row is shaded by the largest of its numbers, which have one unit; the numbers stand in the cells.
    """
    _some(targets, "targets of a match")
    rows = [[float(change) for change in row] for row in changes]
    named = [inert(name if unit == "1" else f"{name} [{unit}]") for name, unit in targets]
    trace = {
        "type": "heatmap",
        "x": [inert(name) for name in parameters],
        "y": named,
        "z": [numbers(abs(value) / (max(map(abs, row)) or 1.0) for value in row) for row in rows],
        "zmin": 0.0,
        "zmax": 1.0,
        "text": [[f"{value:+.3g}".replace("-", "\u2212") for value in row] for row in rows],
        "texttemplate": "%{text}",
        "textfont": {"size": 12, "color": style.INK},
        "colorscale": [[0.0, "#FFFFFF"], [1.0, SHADE]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hovertemplate": "%{y}: %{text} for %{x}<extra></extra>",
    }
    layout = base_layout(
        100 + 30 * len(rows),
        hovermode="closest",
        xaxis=axis("parameter", type="category", showgrid=False),
        yaxis=name_axis(),
        margin={"l": name_margin(named), "r": 24, "t": 24, "b": 56},
    )
    return go.Figure(data=[trace], layout=layout)


def fields_of_limit(magnets: Sequence[MagnetField]) -> go.Figure:
    """Fields of the magnets as parts of their limits, one bar a magnet or family; dashed: the limit."""
    _some(magnets, "magnets with a limit")
    names = [inert(magnet.name) for magnet in magnets]
    parts = [abs(magnet.field) / magnet.limit for magnet in magnets]
    told = [f"{inert(m.name)}: {m.field:.5g} {inert(m.unit)}, limit {m.limit:g} {inert(m.unit)}" for m in magnets]
    trace = {
        "type": "bar",
        "orientation": "h",
        "name": "field",
        "y": names,
        "x": numbers(parts),
        "text": told,
        "textposition": "none",
        "marker": {"color": AFTER},
        "hovertemplate": "%{text}<extra></extra>",
    }
    layout = base_layout(
        110 + 22 * len(names),
        hovermode="closest",
        bargap=0.35,
        xaxis=axis("field over limit [1]", range=[0, 1.1 * max(1.0, *parts)]),
        yaxis=name_axis(),
        shapes=[upright(1, width=1.4)],
        annotations=[_one_label("limit")],
        margin={"l": name_margin(names), "r": 24, "t": 40, "b": 48},
    )
    return go.Figure(data=[trace], layout=layout)


def residuals_along_s(table: pd.DataFrame) -> go.Figure:
    """Differences of two engines along the machine: betas relative, dispersions in m.

    ``table``: s [m]; betx, bety: (own - reference) / reference; dx, dy: own - reference [m].
    """
    need(table, ("s", "betx", "bety", "dx"), "table of residuals")
    betas = [_residual(table, key, "y", style.QUANTITIES[key].color) for key in ("betx", "bety")]
    dispersions = [_residual(table, "dx", "y2", style.DISPERSION)]
    ends = [("betx", style.HORIZONTAL, 0.95), ("bety", style.VERTICAL, 0.85)]
    labels = [_corner(name, color, "y", height) for name, color, height in ends]
    layout = base_layout(
        380,
        hovermode="x unified",
        hoversubplots="axis",
        xaxis=s_axis([float(table["s"].min()), float(table["s"].max())], "y2"),
        yaxis=axis("relative difference [1]", domain=[0.54, 1.0], anchor="x"),
        yaxis2=axis("difference [m]", domain=[0.0, 0.46], anchor="x"),
        annotations=[*labels, _corner("dx", style.DISPERSION, "y2", 0.95)],
        margin={"l": 104, "r": 64, "t": 24, "b": 48},
    )
    return go.Figure(data=[*betas, *dispersions], layout=layout)


def _residual(table: pd.DataFrame, key: str, yaxis: str, color: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": key,
        "x": numbers(table["s"]),
        "y": numbers(table[key]),
        "yaxis": yaxis,
        "line": {"color": color, "width": 1.4},
        "hovertemplate": key + " %{y:.2e}<extra></extra>",
    }


def _corner(name: str, color: str, yaxis: str, height: float) -> Layout:
    place: dict[str, Any] = {"x": 1.0, "xref": "paper", "y": height, "yref": f"{yaxis} domain", "xanchor": "left"}
    return text(name, color=color, xshift=6, **place)


def _some(items: Sequence[object], what: str) -> None:
    if not items:
        raise InputError(f"a figure needs at least one of the {what}")


def _bars(side: str, names: list[str], off: list[float], limits: list[float], units: list[str], color: str) -> Trace:
    """Horizontal bars of |off| / limit; what is not finite has no bar, what is tiny a bar of the floor's length."""
    sizes = [
        abs(value) / limit if isfinite(value) and limit > 0 else float("nan")
        for value, limit in zip(off, limits, strict=True)
    ]
    told = [
        f"{name}, {side}: {value:.3g} {inert(unit)}, tolerance {limit:.3g} {inert(unit)}"
        for name, value, limit, unit in zip(names, off, limits, units, strict=True)
    ]
    return {
        "type": "bar",
        "orientation": "h",
        "name": side,
        "y": names,
        "x": numbers(max(size, _FLOOR) if isfinite(size) else size for size in sizes),
        "text": told,
        "textposition": "none",
        "marker": {"color": color},
        "hovertemplate": "%{text}<extra></extra>",
    }


def _tolerance_figure(traces: list[Trace], title: str) -> go.Figure:
    """Horizontal bars on a log axis with a dashed line at one tolerance; the first name is on top."""
    names: list[str] = traces[0]["y"]
    sizes = [size for trace in traces for size in trace["x"] if size]
    layout = base_layout(
        110 + 18 * len(names) * (1 + len(traces) // 2),
        hovermode="closest",
        barmode="group",
        bargap=0.35,
        xaxis=_log_axis(title, [*sizes, 0.1, 10.0]),
        yaxis=name_axis(),
        shapes=[upright(1, width=1.4)],
        annotations=[_one_label("one tolerance", log=True)],
        showlegend=len(traces) > 1,
        legend=key_above(),
        margin={"l": name_margin(names), "r": 24, "t": 40, "b": 48},
    )
    return go.Figure(data=traces, layout=layout)


def _one_label(label: str, log: bool = False) -> Layout:
    """Words over the line where x is 1; on a log axis a place is its exponent."""
    place: dict[str, Any] = {"x": 0 if log else 1, "xref": "x", "y": 1, "yref": "paper", "yanchor": "bottom"}
    return text(label, color=style.LIMIT, size=11, **place)


def _log_axis(title: str, values: Sequence[float]) -> dict[str, Any]:
    """Log axis over whole decades that hold all positive values."""
    exponents = [log10(value) for value in values if value > 0] or [0.0]
    low, high = floor(min(exponents) - 0.01), ceil(max(exponents) + 0.01)
    step = max(1, ceil((high - low) / 8))
    return axis(title, type="log", range=[low, high], dtick=step)
