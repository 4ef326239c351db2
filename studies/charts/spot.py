"""A spot at the isocentre as particles with both marginals, and the beam's envelope, one case at a time by a slider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice.arrays import Array
from studies.charts import style
from studies.charts.kit.limits import upright
from studies.charts.kit.ranges import whole_range
from studies.charts.kit.traces import dots, line
from studies.charts.linac import line as panel_line
from studies.charts.linac import stacked, with_slider
from studies.charts.style import Drawing, Trace, axis, base_layout, text

_BINS = 40
_ROUNDED = 4


@dataclass(frozen=True, eq=False)
class Spot:
    """Particles ``x``, ``y`` [mm] of a case called ``name``, with the rms sizes that were chosen [mm]."""

    name: str
    x: Array
    y: Array
    wanted: tuple[float, float]
    told: str


def spots_drawing(spots: Sequence[Spot], shown: int) -> Drawing:
    """Spots with a slider over them; axes are equal and hold all of them."""
    reach = 1.05 * max(float(np.abs(values).max()) for spot in spots for values in (spot.x, spot.y))
    return with_slider([_spot(spot, reach) for spot in spots], [spot.name for spot in spots], "", shown)


def _spot(spot: Spot, reach: float) -> Drawing:
    hover = "x %{x:.4g} mm<br>y %{y:.4g} mm"
    across, count_x = _marginal(spot.x, reach)
    upwards, count_y = _marginal(spot.y, reach)
    traces: list[Trace] = [
        dots(spot.x, spot.y, style.EXACT, 3, "particles", hover),
        line(*_ellipse(spot.wanted), style.LIMIT, 1.4, "chosen, 1 rms", "", "dash"),
        line(across, count_x, style.HORIZONTAL, 1.2, "x", "%{x:.3g} mm: %{y} particles") | {"yaxis": "y2"},
        line(count_y, upwards, style.VERTICAL, 1.2, "y", "%{y:.3g} mm: %{x} particles")
        | {"xaxis": "x2", "yaxis": "y3"},
    ]
    ends = [-round(reach, 2), round(reach, 2)]
    layout = base_layout(
        560,
        hovermode="closest",
        xaxis=axis("x [mm]", domain=[0.0, 0.76], anchor="y", range=ends),
        yaxis=axis("y [mm]", domain=[0.0, 0.74], anchor="x", range=ends),
        yaxis2=axis("particles", domain=[0.8, 1.0], anchor="x", rangemode="tozero"),
        xaxis2=axis("particles", domain=[0.8, 1.0], anchor="y3", rangemode="tozero"),
        yaxis3=axis("", domain=[0.0, 0.74], anchor="x2", range=ends, matches="y", showticklabels=False),
        annotations=[text(spot.told, x=0.01, y=0.73, xref="paper", yref="paper", xanchor="left", yanchor="top")],
        margin={"l": 72, "r": 24, "t": 24, "b": 52},
    )
    return {"data": traces, "layout": layout}


def _ellipse(sizes: tuple[float, float]) -> tuple[Array, Array]:
    angle = np.linspace(0, 2 * np.pi, 61)
    return np.round(sizes[0] * np.cos(angle), _ROUNDED), np.round(sizes[1] * np.sin(angle), _ROUNDED)


def _marginal(values: Array, reach: float) -> tuple[Array, Array]:
    counts, edges = np.histogram(values, _BINS, range=(-reach, reach))
    return np.round(np.repeat(edges, 2), _ROUNDED), np.concatenate([[0], np.repeat(counts, 2), [0]])


@dataclass(frozen=True, eq=False)
class Envelope:
    """Edges and openings of a case called ``name`` (columns s, x_low ... aperture_y_high, all m)."""

    name: str
    table: pd.DataFrame


def envelopes_drawing(envelopes: Sequence[Envelope], places: Sequence[tuple[float, str]], shown: int) -> Drawing:
    """The beam in the pipe in both planes, a slider over the cases; ``places`` [m] are marked by dotted lines."""
    frames = [_envelope(one, places) for one in envelopes]
    return with_slider(frames, [one.name for one in envelopes], "", shown)


def _envelope(one: Envelope, places: Sequence[tuple[float, str]]) -> Drawing:
    traces: list[Trace] = []
    for yaxis, plane, color in (("y", "x", style.HORIZONTAL), ("y2", "y", style.VERTICAL)):
        for side in ("low", "high"):
            s, table = one.table["s"].round(_ROUNDED), one.table
            edge, opening = (1e3 * table[name].round(6) for name in (f"{plane}_{side}", f"aperture_{plane}_{side}"))
            traces.append(panel_line(s, edge, color, f"{plane}, edge", yaxis, unit="mm"))
            traces.append(panel_line(s, opening, style.LIMIT, "aperture", yaxis, unit="mm"))
    largest = [
        1.1e3 * float(np.nanmax(np.abs(one.table[[f"{p}_low", f"{p}_high", f"aperture_{p}_high"]].to_numpy()[1:])))
        for p in "xy"
    ]
    drawing = stacked(
        traces,
        ["x [mm]", "y [mm]"],
        "s [m]",
        labels=[("edge, x", style.HORIZONTAL, 0), ("aperture", style.LIMIT, 0), ("edge, y", style.VERTICAL, 1)],
        height=520,
        xrange=whole_range(one.table["s"]),
        yaxes=[{"range": [-round(size, 1), round(size, 1)]} for size in largest],
        marks=[upright(place, dash="dot", width=0.8) for place, _ in places],
    )
    notes = [
        text(name, x=place, y=1.0, xref="x", yref="paper", yanchor="bottom", size=11, color=style.LIMIT)
        for place, name in places
    ]
    drawing["layout"]["annotations"] = [*drawing["layout"]["annotations"], *notes]
    return drawing
