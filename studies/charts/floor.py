"""The machine from above: orbit, magnets to scale along it, arrow for the beam, names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import CubicHermiteSpline

from lattice import InputError
from lattice.arrays import Array
from studies.charts import style
from studies.charts.magnet_shapes import filled, floor_curve, floor_polygon, hover_text, magnet_style
from studies.charts.magnets import MagnetBlock
from studies.charts.style import Drawing, Layout, Trace, axis, base_layout, heading, inert, need, numbers, pointer, text


def floor_drawing(survey: pd.DataFrame, blocks: Sequence[MagnetBlock], lines: Mapping[str, pd.DataFrame]) -> Drawing:
    """Traces and layout of ``studies.charts.lattice.floor_plan``, which says what the arguments are."""
    need(survey, ("s", "X", "Z", "theta"), "survey")
    orbit = _orbit_trace(*_orbit(survey), style.NEUTRAL, "solid")
    traces = [{**orbit, "meta": {"s": _lengths(survey)}}]
    for name, table in lines.items():
        need(table, ("s", "X", "Z", "theta"), f"survey of '{name}'")
        traces.append(_orbit_trace(*_orbit(table), style.LIMIT, "dot"))
    traces += _floor_traces(survey, blocks)
    layout = base_layout(
        680,
        hovermode="closest",
        xaxis=axis(heading("Z"), scaleanchor="y", scaleratio=1),  # as wide as the page: room for names on both sides
        yaxis=axis(heading("X"), constrain="domain"),
        annotations=[_beam_arrow(survey), *_line_names(lines), *_floor_labels(survey, blocks)],
        showlegend=True,
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 64, "r": 24, "t": 88, "b": 48},
    )
    return {"data": traces, "layout": layout}


def _orbit(survey: pd.DataFrame) -> tuple[list[float | None], list[float | None]]:
    pieces = [floor_curve(survey, row, points=_curve_points(survey, row)) for row in range(len(survey) - 1)]
    end = survey.iloc[-1]
    z = [value for piece in pieces for value in piece[0][:-1]] + [end["Z"]]
    x = [value for piece in pieces for value in piece[1][:-1]] + [end["X"]]
    return numbers(z), numbers(x)


def orbit_in_space(survey: pd.DataFrame) -> Array:
    """Z, X, Y (3, n) [m] of the orbit, its bends round: between two rows the cubic with their places and directions.

    Of an arc of 60 degrees it misses the circle by 3e-3 of the radius.
    """
    need(survey, ("s", "X", "Y", "Z", "theta", "phi"), "survey")
    places = survey[["Z", "X", "Y"]].to_numpy().T
    theta, phi = survey["theta"].to_numpy(), survey["phi"].to_numpy()
    along = np.stack([np.cos(theta) * np.cos(phi), np.sin(theta) * np.cos(phi), np.sin(phi)])
    curve = CubicHermiteSpline(*_risen(survey["s"].to_numpy(), places, along), axis=1)
    rows = np.concatenate([np.linspace(a, b, 9)[:-1] for a, b in pairwise(curve.x)])
    return np.asarray(curve(np.append(rows, curve.x[-1])))


def _risen(s: Array, places: Array, along: Array) -> tuple[Array, Array, Array]:
    """Without what has no length: the last of rows at one s."""
    kept = np.append(np.diff(s) > 0, True)
    return s[kept], places[:, kept], along[:, kept]


def _lengths(survey: pd.DataFrame) -> list[float | None]:
    """s at the points of the orbit: what joins the floor plan to figures along s."""
    s, rows = survey["s"], range(len(survey) - 1)
    pieces = [np.linspace(s.iloc[row], s.iloc[row + 1], _curve_points(survey, row))[:-1] for row in rows]
    return numbers([*np.concatenate(pieces), s.iloc[-1]])


def _curve_points(survey: pd.DataFrame, row: int) -> int:
    turn = abs(survey["theta"].iloc[row + 1] - survey["theta"].iloc[row])
    return 2 + int(np.ceil(turn / 0.05))


def _orbit_trace(z: list[Any], x: list[Any], color: str, dash: str) -> Trace:
    line = {"color": color, "width": 1.2, "dash": dash}
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "orbit",
        "x": z,
        "y": x,
        "line": line,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _floor_traces(survey: pd.DataFrame, blocks: Sequence[MagnetBlock]) -> list[Trace]:
    rows = {name: row for row, name in enumerate(survey.index)}
    unknown = [block.name for block in blocks if block.name not in rows]
    if unknown:
        raise InputError(f"the survey has no row for the magnet '{unknown[0]}'")
    outlines = [
        (magnet_style(block), floor_polygon(survey, rows[block.name], magnet_style(block).width)) for block in blocks
    ]
    middles = [floor_curve(survey, rows[block.name], points=3) for block in blocks]
    hover = {
        "type": "scatter",
        "mode": "markers",
        "name": "magnet",
        "x": numbers(z[1] for z, _, _ in middles),
        "y": numbers(x[1] for _, x, _ in middles),
        "text": [hover_text(block) for block in blocks],
        "marker": {"color": style.INK, "size": 14, "opacity": 0},
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }
    return [*filled(outlines, hoverinfo="skip", showlegend=True), hover]


def _beam_arrow(survey: pd.DataFrame) -> Layout:
    """Arrow beside the start of the orbit, pointing with the beam."""
    start, size = survey.iloc[0], 0.06 * _extent(survey)
    along = np.array([np.cos(start["theta"]), np.sin(start["theta"])])
    side = _inward(survey) * np.array([-along[1], along[0]])
    tail = np.array([start["Z"], start["X"]]) + 0.8 * size * side - size * along
    head = tail + 2 * size * along
    return style.arrow("beam", tail.tolist(), head.tolist())


def _extent(survey: pd.DataFrame) -> float:
    return float(max(np.ptp(survey["Z"]), np.ptp(survey["X"]), 1e-9))


def _inward(survey: pd.DataFrame) -> float:
    """+1 when the machine lies to the left of its starting direction, else -1."""
    start = survey.iloc[0]
    towards = np.array([survey["Z"].mean() - start["Z"], survey["X"].mean() - start["X"]])
    left = np.array([-np.sin(start["theta"]), np.cos(start["theta"])])
    return 1.0 if towards @ left >= 0 else -1.0


def _floor_labels(survey: pd.DataFrame, blocks: Sequence[MagnetBlock]) -> list[Layout]:
    """Labels of magnets on the outer side of the machine."""
    rows = {name: row for row, name in enumerate(survey.index)}
    centre = np.array([0.5 * (survey[k].min() + survey[k].max()) for k in ("Z", "X")])
    labels = []
    for block in blocks:
        if block.label:
            z, x, _ = floor_curve(survey, rows[block.name], points=3)
            outward = np.array([z[1], x[1]]) - centre
            outward = outward / max(float(np.hypot(*outward)), 1e-9)
            labels.append(pointer(inert(block.label), float(z[1]), float(x[1]), 26 * outward))
    return labels


def _line_names(lines: Mapping[str, pd.DataFrame]) -> list[Layout]:
    ends = [(name, table.iloc[-1]) for name, table in lines.items()]
    return [
        text(inert(name), x=float(end["Z"]), y=float(end["X"]), xref="x", yref="y", yanchor="bottom")
        for name, end in ends
    ]
