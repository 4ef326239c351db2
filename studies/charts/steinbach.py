"""The Steinbach diagram: amplitude against momentum, standing and in motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from extraction.resonance.steinbach import Stack
from lattice import InputError
from lattice.arrays import Array
from studies.charts import style
from studies.charts.curves import Curve, curve_trace
from studies.charts.kit.ranges import whole_range
from studies.charts.kit.slider import one_at_a_time, owners, slider
from studies.charts.kit.traces import dots, line
from studies.charts.style import EXACT, LEADING, Drawing, Layout, Trace, axis, base_layout, inert, numbers, short, text


@dataclass(frozen=True)
class Wedge:
    """A Steinbach diagram's numbers: momentum [1e-3] and amplitude [√mm].

    ``delta``, ``exact``, ``leading``: the wedge, in any order, nan where there is no triangle; it ends at ``resonant``,
    where no amplitude is stable, whether or not that is among ``delta``; ``stack``: sampled particles (delta,
    amplitude); ``start``, ``end``: of the arrow for the ``driver``, at ``height`` (none without a driver); ``edge`` of
    the beam. ``Wedge.of`` makes one of what ``extraction.wedge`` gives.
    """

    delta: Sequence[float]
    exact: Sequence[float]
    leading: Sequence[float]
    resonant: float
    stack: tuple[Sequence[float], Sequence[float]] = ((), ())
    start: float = float("nan")
    end: float = float("nan")
    height: float = float("nan")
    driver: str = ""
    edge: float = float("nan")

    @classmethod
    def of(cls, table: pd.DataFrame, stack: Stack | None = None, driver: str = "") -> Self:
        """Of a table of ``extraction.wedge`` (with its ``attrs``) and a waiting ``stack``, both in SI units.

        A ``driver``'s arrow goes from the middle of the stack to the resonant momentum; it needs a stack. InputError
        for a table without a stable triangle.
        """
        resonant = _MILLI * float(table.attrs.get("resonant", np.nan))
        if not np.isfinite(resonant):
            raise InputError("a Steinbach diagram needs a table of extraction.wedge with a stable triangle in it")
        delta, exact, leading = (table[name].to_numpy() for name in ("delta", "exact", "kobayashi"))
        wedge = cls(_MILLI * delta, _ROOT_MM * exact, _ROOT_MM * leading, resonant)
        if stack is None:
            return wedge
        momenta, amplitude = _MILLI * stack.delta, _ROOT_MM * stack.amplitude
        shown = (momenta[:_SHOWN].tolist(), amplitude[:_SHOWN].tolist())
        start, height = float(momenta.mean()), 0.93 * float(amplitude.max())
        return replace(wedge, stack=shown, start=start, end=resonant, height=height, driver=driver)


#: dp/p of 1e-3; square roots of a mm in that of a m.
_MILLI, _ROOT_MM = 1e3, 1e3**0.5
_SHOWN = 500  # particles of a stack: more hide each other
_STEINBACH = ("dp/p [1e-3]", "A [√mm]")


def steinbach(wedge: Wedge) -> go.Figure:
    """Amplitude against momentum: the unstable wedge shaded, the stack as points, the driver as an arrow."""
    wedge = _to_its_tip(wedge)
    beam, sides = _finite([*wedge.stack[1], wedge.edge]), max(_finite(wedge.exact))
    top = 1.08 * max([*beam, 0.5 * sides if beam else sides])
    shade = [*wedge.exact, top * 3, top * 3]
    ends = [*wedge.delta, wedge.delta[-1], wedge.delta[0]]
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "unstable",
            "x": numbers(ends),
            "y": numbers(shade),
            "fill": "toself",
            "fillcolor": style.tint(style.VERTICAL, 0.12),
            "hoverinfo": "skip",
            "line": {"color": style.VERTICAL, "width": 0},
        },
        {
            "type": "scatter",
            "mode": "markers",
            "name": "stack",
            "x": numbers(wedge.stack[0]),
            "y": numbers(wedge.stack[1]),
            "marker": {"color": style.NEUTRAL, "size": 2.5},
            "hoverinfo": "skip",
        },
        curve_trace(Curve("leading order", wedge.delta, wedge.leading, LEADING, "dash", width=1.2), *_STEINBACH),
        curve_trace(Curve("exact", wedge.delta, wedge.exact, EXACT), *_STEINBACH),
    ]
    arrow = _finite([wedge.start, wedge.end]) if wedge.driver else []
    momenta = [*wedge.delta, *wedge.stack[0], *arrow]
    low, high = min(momenta), max(momenta)
    room = 0.03 * (high - low)
    notes = [
        text(
            "unstable",
            x=short(wedge.resonant),
            y=_free(wedge.height / top),
            xref="x",
            yref="y domain",
            color=style.VERTICAL,
        ),
        text("exact", x=0.0, y=1.0, xref="paper", yref="paper", xanchor="left", yanchor="bottom", color=EXACT),
        text(
            "leading order (dashed)",
            x=1.0,
            y=1.0,
            xref="paper",
            yref="paper",
            xanchor="right",
            yanchor="bottom",
            color=LEADING,
        ),
        *([_arrow(wedge)] if len(arrow) == 2 else []),
    ]
    layout = base_layout(
        440,
        hovermode="closest",
        xaxis=axis(_STEINBACH[0], range=[short(low - room), short(high + room)]),
        yaxis=axis(_STEINBACH[1], range=[0.0, short(top)]),
        annotations=notes,
        margin={"l": 72, "r": 24, "t": 36, "b": 52},
    )
    return go.Figure(data=traces, layout=layout)


def _to_its_tip(wedge: Wedge) -> Wedge:
    """The same in order of momentum and with its tip: no amplitude is stable at the resonant momentum."""
    rows = np.array([wedge.delta, wedge.exact, wedge.leading], dtype=float).T
    known = rows[np.isfinite(rows).all(axis=1) & (rows[:, 0] != wedge.resonant)]
    whole = np.vstack([known, [wedge.resonant, 0.0, 0.0]])
    delta, exact, leading = whole[np.argsort(whole[:, 0])].T.tolist()
    return replace(wedge, delta=delta, exact=exact, leading=leading)


def _free(arrow: float) -> float:
    """Height of the word in the wedge, a share of the axis, away from an arrow at that height."""
    return 0.8 if abs(arrow - 0.8) > 0.1 else 0.6


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if np.isfinite(value)]


def _arrow(wedge: Wedge) -> Layout:
    tail, head = ((short(delta), short(wedge.height)) for delta in (wedge.start, wedge.end))
    side = "right" if wedge.end > wedge.start else "left"
    return style.arrow(inert(wedge.driver), tail, head, xanchor=side, bgcolor="rgba(255,255,255,0.75)")


@dataclass(frozen=True, eq=False)
class Still:
    """One moment of the animated Steinbach diagram: momentum and amplitude of what still circulates, wedge moved.

    ``time`` [s] is that of the moment.
    """

    label: str
    delta: Array
    amplitude: Array
    shift: float = 0.0
    time: float = 0.0


def steinbach_film(
    wedge: tuple[Array, Array], stills: Sequence[Still], shown: int = 0, height: float | None = None
) -> Drawing:
    """Steinbach diagram with a slider over time. ``wedge``: momentum [1e-3] and stable amplitude [√mm].

    ``layout.meta.clock`` holds the times [s] of its stops, for figures over time that follow them.
    """
    if not stills:
        raise InputError("an animated diagram needs at least one moment")
    top = height or 1.1 * max(float(np.max(still.amplitude, initial=0.0)) for still in stills)
    each = [_still_traces(still, wedge, top) for still in stills]
    labels, changes = [still.label for still in stills], [{"annotations": _film_notes(still)} for still in stills]
    ends = [value for still in stills for value in (*still.delta, *(wedge[0] + still.shift))]
    layout = base_layout(
        520,
        hovermode="closest",
        xaxis=axis("dp/p [1e-3]", range=whole_range(ends)),
        yaxis=axis("A [√mm]", range=[0.0, short(top)]),
        annotations=_film_notes(stills[shown]),
        sliders=[slider(labels, owners(each), changes, prefix="time: ", shown=shown, room=52)],
        margin={"l": 72, "r": 24, "t": 36, "b": 130},
        meta={"clock": [short(still.time) for still in stills]},
    )
    return {"data": one_at_a_time(each, shown), "layout": layout}


def _still_traces(still: Still, wedge: tuple[Array, Array], top: float) -> list[Trace]:
    delta, amplitude = wedge[0] + still.shift, wedge[1]
    hover = "dp/p %{x:.4g}e-3<br>A %{y:.4g} √mm"
    shade = {
        "type": "scatter",
        "mode": "lines",
        "name": "unstable",
        "x": numbers([*delta, delta[-1], delta[0]]),
        "y": numbers([*amplitude, 3 * top, 3 * top]),
        "fill": "toself",
        "hoverinfo": "skip",
        "fillcolor": style.tint(style.VERTICAL, 0.12),
        "line": {"color": style.VERTICAL, "width": 0},
    }
    return [
        shade,
        dots(still.delta, still.amplitude, style.NEUTRAL, 2.5, "circulating", hover),
        line(delta, amplitude, EXACT, 1.8, "stable amplitude", hover),
    ]


def _film_notes(still: Still) -> list[Layout]:
    place: dict[str, Any] = {"xref": "paper", "yref": "paper", "yanchor": "bottom", "y": 1.0}
    return [
        text("shaded: unstable", x=0.0, xanchor="left", color=style.VERTICAL, **place),
        text(f"{still.label}, {len(still.delta)} shown", x=0.18, xanchor="left", **place),
    ]
