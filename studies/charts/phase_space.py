"""Phase-space portraits of the extraction, in plotly's words: physical beside normalised, one momentum at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lattice import InputError
from lattice.arrays import Array
from studies.charts import style
from studies.charts.kit.slider import HEIGHT, one_at_a_time, owners, slider
from studies.charts.style import EXACT, LEADING, Drawing, Layout, Trace, axis, base_layout, inert, numbers, text

TURNS = style.VERTICAL
_GAP = np.array([[np.nan, np.nan]])
_SHAPE = 1.2  # width over height of a panel
_PANEL = (440.0, 366.0)  # px
_NUMBER = 18.0  # px, so far apart the numbers of two turns are read


@dataclass(frozen=True, eq=False)
class Portrait:
    """One panel at one momentum, in the units of its axes.

    ``arms``, ``sides`` (curved, of the stable region) and ``points`` (3, 2): exact; ``leading_arms`` and
    ``leading_points``: to leading order; ``turns`` (n, 2): the last passages of a particle, numbered in order;
    ``wall``: (position, thickness) of a septum.
    """

    arms: Sequence[Array]
    sides: Sequence[Array]
    points: Array
    leading_arms: Sequence[Array]
    leading_points: Array
    turns: Array
    wall: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Frame:
    """A momentum on the slider: its ``label``, the physical [mm, mrad] and the normalised [√mm] portrait."""

    label: str
    physical: Portrait
    normalised: Portrait


def phase_space(frames: Sequence[Frame], *, shown: int = 0, place: str = "the septum") -> go.Figure:
    """Triangle and arms, physical beside normalised, a slider over ``frames``; without scripts frame ``shown``.

    Raises InputError without a frame.
    """
    return go.Figure(**portrait_drawing(frames, shown, inert(place)))


def portrait_drawing(frames: Sequence[Frame], shown: int, place: str) -> Drawing:
    """Traces and layout of ``phase_space``, which says what the arguments are."""
    if not frames:
        raise InputError("a phase-space figure needs at least one momentum")
    physical, normalised = (_limits(getattr(frame, side) for frame in frames) for side in ("physical", "normalised"))
    limits = (physical, _filling(*normalised))
    parts = [_frame_traces(frame, limits) for frame in frames]
    notes = [_notes(frame, place, limits) for frame in frames]
    layout = base_layout(
        470 + (HEIGHT if len(frames) > 1 else 0),
        hovermode="closest",
        xaxis=axis("x [mm]", domain=[0.0, 0.44], anchor="y", range=limits[0][0]),
        yaxis=axis("x' [mrad]", anchor="x", range=limits[0][1]),
        xaxis2=axis(
            "X [√mm]", domain=[0.56, 1.0], anchor="y2", scaleanchor="y2", range=limits[1][0], constrain="domain"
        ),
        yaxis2=axis("P [√mm]", anchor="x2", range=limits[1][1], constrain="domain"),
        annotations=notes[shown],
        margin={"l": 64, "r": 24, "t": 56, "b": 132 if len(frames) > 1 else 48},
    )
    if len(frames) > 1:
        labels = [frame.label.removeprefix("dp/p = ") for frame in frames]
        changes = [{"annotations": note} for note in notes]
        layout["sliders"] = [slider(labels, owners(parts), changes, prefix="dp/p = ", shown=shown)]
    return {"data": one_at_a_time(parts, shown), "layout": layout}


def _frame_traces(frame: Frame, limits: Sequence[Any]) -> list[Trace]:
    return [
        *_panel(frame.physical, "x", "y", ("mm", "mrad"), frame.label, limits[0][1]),
        *_panel(frame.normalised, "x2", "y2", ("√mm", "√mm"), frame.label, limits[1][1]),
    ]


def _panel(
    portrait: Portrait, x: str, y: str, units: tuple[str, str], label: str, span: Sequence[float]
) -> list[Trace]:
    hover = f"{label}<br>%{{x:.4f}} {units[0]}, %{{y:.4f}} {units[1]}"
    triangle = np.concatenate([portrait.leading_points, portrait.leading_points[:1]])
    traces = [
        _line(_joined([*portrait.leading_arms, triangle]), LEADING, 1.0, "leading order", hover),
        _line(_joined([*portrait.sides, *portrait.arms]), EXACT, 1.8, "exact", hover),
        _dots(portrait.points, EXACT, 6, "exact fixed points", hover),
        _dots(portrait.turns, TURNS, 7, "last turns", hover),
    ]
    if portrait.wall is not None:
        traces.append(_wall(*portrait.wall, span))
    return [{**trace, "xaxis": x, "yaxis": y} for trace in traces]


def _line(points: Array, color: str, width: float, name: str, hover: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": numbers(points[:, 0]),
        "y": numbers(points[:, 1]),
        "line": {"color": color, "width": width},
        "hovertemplate": f"{name}, {hover}<extra></extra>",
    }


def _dots(points: Array, color: str, size: int, name: str, hover: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": numbers(points[:, 0]),
        "y": numbers(points[:, 1]),
        "marker": {"color": color, "size": size},
        "hovertemplate": f"{name}, {hover}<extra></extra>",
    }


def _wall(position: float, thickness: float, span: Sequence[float]) -> Trace:
    """The septum from below to above, as thick as it is, with a line that shows it when that is less than a pixel."""
    low, high = span
    ends = [position, position, position + thickness, position + thickness, position]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "septum",
        "x": numbers(ends),
        "y": numbers([low, high, high, low, low]),
        "fill": "toself",
        "fillcolor": style.LIMIT,
        "line": {"color": style.LIMIT, "width": 1.6},
        "hoverinfo": "name",
    }


def _joined(lines: Iterable[Array]) -> Array:
    """Lines as one, with a gap between them."""
    parts = [part for line in lines for part in (line, _GAP)]
    return np.concatenate(parts[:-1]) if parts else np.zeros((0, 2))


def _limits(portraits: Iterable[Portrait]) -> tuple[list[float], list[float]]:
    """Range of both axes over all momenta, so that the slider moves the picture and not the frame."""
    shown = [part for p in portraits for part in (*p.arms, p.points, p.leading_points, p.turns, _corner(p))]
    points = np.concatenate([part.reshape(-1, 2) for part in shown])
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    room = 0.06 * (high - low)
    return [_rounded(low[0] - room[0]), _rounded(high[0] + room[0])], [
        _rounded(low[1] - room[1]),
        _rounded(high[1] + room[1]),
    ]


def _filling(across: list[float], up: list[float]) -> tuple[list[float], list[float]]:
    """Ranges of axes of one scale, the narrower widened until both fill the panel."""
    width = max(across[1] - across[0], _SHAPE * (up[1] - up[0]))
    height = max(up[1] - up[0], width / _SHAPE)
    return _about(across, width), _about(up, height)


def _about(ends: list[float], width: float) -> list[float]:
    middle = 0.5 * (ends[0] + ends[1])
    return [_rounded(middle - 0.5 * width), _rounded(middle + 0.5 * width)]


def _corner(portrait: Portrait) -> Array:
    return np.array([[portrait.wall[0], np.nan]]) if portrait.wall else np.zeros((0, 2))


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _apart(turns: Array, limits: Sequence[Sequence[float]]) -> list[int]:
    """Turns whose numbers do not stand on another's, from the last one back."""
    scale = np.array(_PANEL) / [high - low for low, high in limits]
    kept: list[int] = []
    for number in reversed(range(len(turns))):
        if all(np.hypot(*((turns[number] - turns[other]) * scale)) > _NUMBER for other in kept):
            kept.append(number)
    return kept[::-1]


def _notes(frame: Frame, place: str, limits: Sequence[Any]) -> list[Layout]:
    heads = [("", f"physical, at {place}"), ("2", "normalised, about the closed orbit")]
    notes = [
        text(
            words,
            x=0.0,
            y=1.0,
            xref=f"x{axes} domain",
            yref=f"y{axes} domain",
            xanchor="left",
            yanchor="bottom",
            yshift=6,
            color=style.INK,
            size=12,
        )
        for axes, words in heads
    ]
    key = [
        ("exact", EXACT, 0.0),
        ("leading order", LEADING, 0.07),
        ("last turns", TURNS, 0.2),
        (frame.label, style.INK, 0.31),
    ]
    notes += [
        text(
            words,
            x=x,
            y=1.0,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            yshift=26,
            color=color,
            size=12,
        )
        for words, color, x in key
    ]
    for axes, portrait, spans in (("", frame.physical, limits[0]), ("2", frame.normalised, limits[1])):
        for number in _apart(portrait.turns, spans):
            x, y = portrait.turns[number]
            notes.append(
                text(
                    str(number),
                    x=_rounded(x),
                    y=_rounded(y),
                    xref=f"x{axes}",
                    yref=f"y{axes}",
                    xshift=-9,
                    yshift=11,
                    color=TURNS,
                    size=11,
                    xanchor="center",
                    yanchor="middle",
                )
            )
    return notes
