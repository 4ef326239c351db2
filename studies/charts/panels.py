"""Strips over one s axis: magnets, betas, dispersion, and the beam inside its aperture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studies.charts import style
from studies.charts.magnet_shapes import bar_polygon, filled, hover_text, magnet_style
from studies.charts.magnets import MagnetBlock
from studies.charts.style import (
    QUANTITIES,
    Drawing,
    Layout,
    Trace,
    axis,
    base_layout,
    heading,
    inert,
    need,
    numbers,
    s_axis,
    text,
    tint,
)


@dataclass(frozen=True)
class Panel:
    """One strip of a figure with a common s axis, and its share of the height."""

    share: float
    title: str
    low: float
    high: float


@dataclass(frozen=True)
class _Flag:
    """A named place at ``s``: its text reaches from ``low`` to ``high`` [m] in a ``row`` over the magnets."""

    name: str
    s: float
    low: float
    high: float
    row: int
    leftward: bool


def optics_panels(
    table: pd.DataFrame,
    blocks: Sequence[MagnetBlock],
    envelope: pd.DataFrame | None,
    reference: pd.DataFrame | None,
    reference_name: str,
    places: Mapping[str, float],
) -> Drawing:
    """Traces and layout of ``studies.charts.lattice.optics_figure``, which says what the arguments are."""
    need(table, ("s", "betx", "bety", "dx"), "optics table")
    panels = [_magnet_panel(), _beta_panel(table), _dispersion_panel(table)]
    traces = [*_bar_traces(blocks, float(table["s"].max())), *_beta_traces(table), *_dispersion_traces(table)]
    labels = [*_beta_labels(table, panels[1]), *_dispersion_labels(table, panels[2])]
    if reference is not None:
        need(reference, ("s", "betx", "bety", "dx"), "reference table")
        traces += _reference_traces(reference)
        labels.append(_note(f"black dots: {inert(reference_name)}", "y2"))
    if envelope is not None:
        panels += [_envelope_panel(envelope, plane) for plane in "xy"]
        traces += [trace for row, plane in enumerate("xy", 4) for trace in _envelope_traces(envelope, plane, row)]
        labels.append(_note("grey: aperture", "y4"))
    places = {**{block.label: block.middle for block in blocks if block.label}, **places}
    return stacked(traces, panels, labels, places, (float(table["s"].min()), float(table["s"].max())))


def stacked(
    traces: list[Trace],
    panels: Sequence[Panel],
    labels: list[Layout],
    places: Mapping[str, float],
    s_range: tuple[float, float],
) -> Drawing:
    """Panels from top to bottom over one x axis, so that the hover runs through all of them."""
    flags = _flags(places, s_range)
    plot_height = 560 * sum(panel.share for panel in panels)
    head = 24 + _ROW * (1 + max((flag.row for flag in flags), default=-1))
    axes = {f"yaxis{row if row > 1 else ''}": spec for row, spec in enumerate(_panel_axes(panels), 1)}
    layout = base_layout(
        round(head + plot_height + 48),
        hovermode="x unified",
        hoversubplots="axis",
        xaxis=s_axis(s_range, f"y{len(panels)}"),
        shapes=[_pole(flag, plot_height) for flag in flags],
        annotations=[*map(_name, flags), *labels],
        margin={"l": 64, "r": 64, "t": head, "b": 48},
        **axes,
    )
    return {"data": traces, "layout": layout}


def _panel_axes(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    gap = 0.035
    usable = 1.0 - gap * (len(panels) - 1)
    total = sum(panel.share for panel in panels)
    top, specs = 1.0, []
    for panel in panels:
        bottom = max(0.0, top - usable * panel.share / total)
        spec = axis(panel.title, domain=[round(bottom, 6), round(top, 6)], range=[panel.low, panel.high])
        specs.append({**spec, "anchor": "x"})
        top = bottom - gap
    specs[0].update(visible=False, fixedrange=True)
    return specs


def _magnet_panel() -> Panel:
    return Panel(0.1, "", -1.1, 1.1)


def _beta_panel(table: pd.DataFrame) -> Panel:
    highest = float(np.nanmax(table[["betx", "bety"]].to_numpy()))
    return Panel(0.4, "betx, bety [m]", 0.0, 1.06 * highest)


def _dispersion_columns(table: pd.DataFrame) -> list[str]:
    vertical = "dy" in table and bool(np.nanmax(np.abs(table["dy"])) > 1e-9)
    return ["dx", "dy"] if vertical else ["dx"]


def _dispersion_panel(table: pd.DataFrame) -> Panel:
    columns = _dispersion_columns(table)
    values = table[columns].to_numpy()
    low, high = min(0.0, float(np.nanmin(values))), max(0.0, float(np.nanmax(values)))
    room = 0.08 * (high - low) or 1.0
    return Panel(0.22, f"{', '.join(columns)} [m]", low - room, high + room)


def _envelope_panel(envelope: pd.DataFrame, plane: str) -> Panel:
    columns = [f"{plane}_low", f"{plane}_high", f"aperture_{plane}_low", f"aperture_{plane}_high"]
    need(envelope, ("s", *columns), "envelope")
    values = envelope[columns].to_numpy() * 1e3
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.06 * (high - low) or 1.0
    return Panel(0.22, heading(plane), low - room, high + room)


def _line(table: pd.DataFrame, column: str, row: int, color: str, hover: str, **line: Any) -> Trace:
    scale = 1e3 if hover.endswith("mm") else 1.0
    return {
        "type": "scatter",
        "mode": "lines",
        "name": column,
        "x": numbers(table["s"]),
        "y": numbers(table[column], scale),
        "yaxis": f"y{row}",
        "line": {"color": color, "width": 1.8, "simplify": False, **line},
        "hovertemplate": hover + "<extra></extra>",
    }


def _beta_traces(table: pd.DataFrame) -> list[Trace]:
    """Both betas, the vertical one thinner: in grey their colours are alike."""
    widths = {"betx": 2.2, "bety": 1.2}
    return [_line(table, key, 2, QUANTITIES[key].color, key + " %{y:.3f} m", width=widths[key]) for key in widths]


def _dispersion_traces(table: pd.DataFrame) -> list[Trace]:
    columns = _dispersion_columns(table)
    dashes = {"dx": "solid", "dy": "dot"}
    return [_line(table, key, 3, style.DISPERSION, key + " %{y:.3f} m", dash=dashes[key]) for key in columns]


def _beta_labels(table: pd.DataFrame, panel: Panel) -> list[Layout]:
    ends = [(key, QUANTITIES[key].color, float(table[key].iloc[-1])) for key in ("betx", "bety")]
    return _end_labels(ends, panel, "y2", gap=0.08)


def _dispersion_labels(table: pd.DataFrame, panel: Panel) -> list[Layout]:
    ends = [(key, style.DISPERSION, float(table[key].iloc[-1])) for key in _dispersion_columns(table)]
    return _end_labels(ends, panel, "y3", gap=0.15)


def _end_labels(ends: list[tuple[str, str, float]], panel: Panel, yaxis: str, gap: float) -> list[Layout]:
    """Names of curves at their right end, pushed apart where the curves end close together."""
    step, lowest, labels = gap * (panel.high - panel.low), -np.inf, []
    for name, color, value in sorted(ends, key=lambda end: end[2]):
        lowest = max(value, lowest + step)
        labels.append(text(name, x=1.0, y=lowest, xref="paper", yref=yaxis, xanchor="left", xshift=4, color=color))
    return labels


def _reference_traces(reference: pd.DataFrame) -> list[Trace]:
    reference = _apart(reference, 150)
    marker = {"color": style.REFERENCE, "size": 3.5}
    rows = {"betx": "y2", "bety": "y2", "dx": "y3"}
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": f"{key} of the reference",
            "x": numbers(reference["s"]),
            "y": numbers(reference[key]),
            "yaxis": row,
            "marker": marker,
            "hoverinfo": "skip",
        }
        for key, row in rows.items()
    ]


def _apart(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Rows at least 1/most of the length apart: dots that can be told from each other."""
    step, kept = np.ptp(table["s"]) / most, [0]
    for row, s in enumerate(table["s"]):
        if s >= table["s"].iloc[kept[-1]] + step:
            kept.append(row)
    return table.iloc[kept]


def _envelope_traces(envelope: pd.DataFrame, plane: str, row: int) -> list[Trace]:
    color = QUANTITIES[plane].color
    low = _line(envelope, f"{plane}_low", row, color, plane + " from %{y:.2f} mm", width=1.2)
    high = _line(envelope, f"{plane}_high", row, color, plane + " to %{y:.2f} mm", width=1.2)
    high.update(fill="tonexty", fillcolor=tint(color, 0.2))
    sides = [_line(envelope, f"aperture_{plane}_{side}", row, style.LIMIT, "mm", width=1.0) for side in ("low", "high")]
    for side in sides:
        side.update(hovertemplate=None, hoverinfo="skip")
    return [low, high, *sides]


def _bar_traces(blocks: Sequence[MagnetBlock], length: float) -> list[Trace]:
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "orbit",
        "x": [0.0, length],
        "y": [0.0, 0.0],
        "yaxis": "y",
        "line": {"color": style.NEUTRAL, "width": 1},
        "hoverinfo": "skip",
    }
    outlines = [(magnet_style(block), bar_polygon(block, shortest=0.003 * length)) for block in blocks]
    return [line, *filled(outlines, hoverinfo="skip", yaxis="y"), _bar_hover(blocks)]


def _bar_hover(blocks: Sequence[MagnetBlock]) -> Trace:
    """Invisible points inside every magnet, so that the hover names the magnet under the pointer."""
    samples = [(s, block) for block in blocks for s in _samples(block)]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "magnet",
        "x": numbers(s for s, _ in samples),
        "y": [0.0] * len(samples),
        "yaxis": "y",
        "text": [hover_text(block) for _, block in samples],
        "marker": {"color": style.INK, "size": 1, "opacity": 0},
        "hovertemplate": "%{text}<extra></extra>",
    }


def _samples(block: MagnetBlock) -> list[float]:
    count = max(1, round(block.length / 0.2))
    return [block.s + (i + 0.5) * block.length / count for i in range(count)]


def _note(content: str, yaxis: str) -> Layout:
    place: dict[str, Any] = {
        "x": 1.0,
        "y": 1.0,
        "xref": "paper",
        "yref": f"{yaxis} domain",
        "xanchor": "right",
        "yanchor": "bottom",
    }
    return text(content, color=style.LIMIT, size=11, **place)


_ROW = 16  # px: height of a row of names over the magnets


def _flags(places: Mapping[str, float], s_range: tuple[float, float]) -> list[_Flag]:
    """Each name beside the top of its own line, in a row above all the lines that the name would cross."""
    length, flags = s_range[1] - s_range[0], list[_Flag]()
    for name, s in sorted(places.items(), key=lambda place: -place[1]):
        width = 0.0125 * length * (len(name) + 2)
        leftward = s + width > s_range[1] + 0.07 * length
        low, high = (s - width, s) if leftward else (s, s + width)
        crossed = [flag.row for flag in flags if flag.low <= high and low <= flag.high]
        flags.append(_Flag(name, s, low, high, 1 + max(crossed, default=-1), leftward))
    return flags


def _pole(flag: _Flag, plot_height: float) -> Layout:
    """The line of a place, from the s axis to its name."""
    top = 1 + (_ROW * flag.row + 12) / plot_height
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": flag.s,
        "x1": flag.s,
        "y0": 0,
        "y1": round(top, 5),
        "line": {"color": style.NEUTRAL, "width": 1, "dash": "dot"},
        "layer": "below",
    }


def _name(flag: _Flag) -> Layout:
    side, shift = ("right", -3) if flag.leftward else ("left", 3)
    place: dict[str, Any] = {"x": flag.s, "xref": "x", "y": 1.0, "yref": "paper", "yanchor": "bottom"}
    return text(inert(flag.name), xanchor=side, xshift=shift, yshift=_ROW * flag.row, **place)
