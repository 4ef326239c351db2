"""The pictures of a spill as plotly's own dictionaries: finished numbers in the units of the axes go in.

``studies.charts.figure.figure_of`` makes a figure of a drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from studies.charts import style
from studies.charts.kit.limits import upright
from studies.charts.kit.ranges import whole_range
from studies.charts.kit.strips import axis_name, named_stack
from studies.charts.kit.traces import dots, line
from studies.charts.style import EXACT, Drawing, Layout, Trace, axis, base_layout, inert, short, text

_BARS = 40  # of a marginal
_TICKS = [1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000, 100000]  # Hz


@dataclass(frozen=True, eq=False)
class RatePanel:
    """A spill's rate: ``turns`` (n,) of extraction (whole numbers, rising) of all ``total``, ``revolution_time`` [s].

    ``bins`` in the whole spill when nothing is zoomed.
    """

    turns: Array
    revolution_time: float
    total: int
    bins: int = 200

    def steps(self) -> tuple[Array, Array, float]:
        """Corners of the rate over its mean against time [s], and the width of a bin [s]."""
        width = max(1, -(-self.total // self.bins))
        edges = np.arange(0, self.total + width, width)
        counts = np.histogram(self.turns, edges)[0]
        mean = len(self.turns) / self.total
        rate = counts / width / mean if len(self.turns) else 0.0 * counts
        return np.repeat(edges, 2)[1:-1] * self.revolution_time, np.repeat(rate, 2), width * self.revolution_time


@dataclass(frozen=True, eq=False)
class SpectrumPanel:
    """Power density of the rate over its mean [1/Hz] at ``frequency`` [Hz]; ``floor`` of counting; named ``lines``."""

    frequency: Array
    density: Array
    floor: float
    lines: Sequence[float]


def spill_drawing(rate: RatePanel, spectrum: SpectrumPanel | None) -> Drawing:
    """Rate against time above its spectrum. ``layout.meta.rate`` holds the turns, for bins that follow the zoom."""
    if len(rate.turns) == 0:
        raise InputError("a spill without extracted particles has no rate to draw")
    x, y, width = rate.steps()
    top = [0.62, 1.0] if spectrum else [0.0, 1.0]
    traces = [line(x, y, EXACT, 1.2, "rate", "time %{x:.6f} s<br>rate over mean %{y:.4g}")]
    layout = base_layout(
        600 if spectrum else 320,
        hovermode="closest",
        xaxis=axis("time [s]", anchor="y", range=[0.0, short(rate.total * rate.revolution_time)]),
        yaxis=axis("rate over mean [1]", anchor="x", domain=top, rangemode="tozero"),
        annotations=[_corner(f"bins of {_seconds(width)}", "y")],
        margin={"l": 84, "r": 24, "t": 36, "b": 52},
        meta={
            "rate": {
                "turns": [int(turn) for turn in rate.turns],
                "revolution": rate.revolution_time,
                "total": rate.total,
            }
        },
    )
    if spectrum is not None:
        _add_spectrum(traces, layout, spectrum)
    return {"data": traces, "layout": layout}


def _add_spectrum(traces: list[Trace], layout: Layout, spectrum: SpectrumPanel) -> None:
    known = (spectrum.frequency > 0) & (spectrum.density > 0)
    frequency, density = spectrum.frequency[known], spectrum.density[known]
    hover = "%{x:.5g} Hz<br>density %{y:.4g} /Hz"
    ends = np.array([frequency[0], frequency[-1]])
    traces += [
        line(frequency, density, style.HORIZONTAL, 1.1, "spectrum", hover) | {"xaxis": "x2", "yaxis": "y2"},
        line(ends, np.full(2, spectrum.floor), style.LIMIT, 1.2, "counting alone", hover, "dash")
        | {"xaxis": "x2", "yaxis": "y2"},
    ]
    low, high = np.log10(spectrum.floor) - 1.5, np.log10(max(density.max(), spectrum.floor))
    layout["xaxis2"] = axis(
        "frequency [Hz]",
        anchor="y2",
        type="log",
        tickvals=_TICKS,
        range=[short(np.log10(ends[0])), short(np.log10(ends[1]))],
    )
    layout["yaxis2"] = axis(
        "density [1/Hz]",
        anchor="x2",
        domain=[0.0, 0.42],
        type="log",
        dtick=1,
        exponentformat="power",
        range=[short(low), short(high + 0.5)],
    )
    shown = [line for line in spectrum.lines if ends[0] < line < ends[1]]
    layout["shapes"] = [upright(line, xref="x2", yref="y2 domain", width=0.8, dash="dot") for line in shown]
    layout["annotations"] += [_line_name(line) for line in shown]
    layout["annotations"].append(_corner(" dashed: counting alone", "y2", style.LIMIT, 0.0))


def _line_name(line: float) -> Layout:
    return text(
        f"{line:g} Hz",
        x=short(np.log10(line)),
        y=1.0,
        xref="x2",
        yref="y2 domain",
        xanchor="center",
        yanchor="bottom",
        color=style.LIMIT,
        size=11,
    )


def _corner(words: str, yaxis: str, color: str = style.INK, y: float = 1.0) -> Layout:
    place: dict[str, Any] = {"xanchor": "left", "yanchor": "bottom", "yshift": 4}
    return text(words, x=0.0, y=y, xref="paper", yref=f"{yaxis} domain", color=color, size=11, **place)


# ------------------------------------------------------------------------------------------------ the extracted bar


def bar_drawing(
    x: Array,
    angle: Array,
    x_title: str,
    angle_title: str,
    walls: Sequence[tuple[float, str]] = (),
    *,
    counted: str = "particles",
) -> Drawing:
    """Points of the extracted beam with both marginals; ``walls`` are upright lines with their names.

    ``counted``: what a point is one of.
    """
    if len(x) == 0:
        raise InputError("a spill without extracted particles has no bar to draw")
    hover = f"{x_title} %{{x:.4g}}<br>{angle_title} %{{y:.4g}}"
    x_range, y_range = whole_range([*x, *(place for place, _ in walls)]), whole_range(angle)
    along, count_x = _marginal(x)
    across, count_y = _marginal(angle)
    traces = [
        dots(x, angle, EXACT, 3, "extracted", hover),
        line(along, count_x, style.HORIZONTAL, 1.2, "x", f"%{{x:.4g}}: %{{y}} {counted}") | {"yaxis": "y2"},
        line(count_y, across, style.HORIZONTAL, 1.2, "angle", f"%{{y:.4g}}: %{{x}} {counted}")
        | {"xaxis": "x2", "yaxis": "y3"},
    ]
    layout = base_layout(
        480,
        hovermode="closest",
        xaxis=axis(x_title, domain=[0.0, 0.78], anchor="y", range=x_range),
        yaxis=axis(angle_title, domain=[0.0, 0.74], anchor="x", range=y_range),
        yaxis2=axis(counted, domain=[0.8, 1.0], anchor="x", rangemode="tozero"),
        xaxis2=axis(counted, domain=[0.82, 1.0], anchor="y3", rangemode="tozero"),
        yaxis3=axis("", domain=[0.0, 0.74], anchor="x2", range=y_range, matches="y", showticklabels=False),
        shapes=[upright(place, yref="y domain", width=0.8, dash="dot") for place, _ in walls],
        annotations=[
            text(
                inert(name),
                x=short(place),
                y=0.0,
                xref="x",
                yref="y domain",
                xanchor="left",
                yanchor="bottom",
                xshift=3,
                color=style.LIMIT,
                size=11,
            )
            for place, name in walls
        ],
        margin={"l": 84, "r": 24, "t": 24, "b": 52},
    )
    return {"data": traces, "layout": layout}


def _marginal(values: Array) -> tuple[Array, Array]:
    """Corners of a histogram."""
    counts, edges = np.histogram(values, min(_BARS, max(5, len(values) // 8)))
    return np.repeat(edges, 2), np.concatenate([[0], np.repeat(counts, 2), [0]])


# --------------------------------------------------------------------------------------------- Steinbach, in motion


# ------------------------------------------------------------------------------------------ response, drivers, engines


def response_drawing(frequency: Array, gain: Array, error: Array, expected: Array) -> Drawing:
    """Gain from ripple to rate with its error bars, on logarithmic axes, beside what is expected at low frequency."""
    low = np.maximum(gain - error, 0.02 * gain)
    bars_x = [value for f in frequency for value in (f, f, None)]
    bars_y = [value for a, b in zip(low, gain + error, strict=True) for value in (a, b, None)]
    hover = "%{x:.5g} Hz<br>gain %{y:.4g}"
    traces = [
        line(frequency, expected, style.LIMIT, 1.4, "2 pi f shift / speed", hover, "dash"),
        {
            "type": "scatter",
            "mode": "lines",
            "name": "error",
            "x": bars_x,
            "y": [_or_none(y) for y in bars_y],
            "line": {"color": EXACT, "width": 1.2},
            "hoverinfo": "skip",
        },
        dots(frequency, gain, EXACT, 7, "tracked", hover),
    ]
    place: dict[str, Any] = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "y": 1.0}
    layout = base_layout(
        400,
        hovermode="closest",
        xaxis=axis("frequency [Hz]", type="log", tickvals=_TICKS),
        yaxis=axis("rate modulation over ripple [1]", type="log", dtick=1),
        annotations=[
            text("tracked", x=0.0, color=EXACT, **place),
            text("dashed: without transit time", x=0.12, color=style.LIMIT, **place),
        ],
        margin={"l": 84, "r": 24, "t": 36, "b": 52},
    )
    return {"data": traces, "layout": layout}


def stacked_rates(panels: Sequence[tuple[str, RatePanel]]) -> Drawing:
    """Rates of several spills one above the other, on one time axis, each with its name."""
    if not panels:
        raise InputError("a comparison needs at least one spill")
    names = [name for name, _ in panels]
    titles = ["rate over mean [1]" if number == len(names) // 2 else "" for number in range(len(names))]
    hover = "time %{x:.5f} s<br>rate over mean %{y:.4g}"
    steps = [(inert(name), *panel.steps()[:2]) for name, panel in panels]
    traces = [
        line(x, y, EXACT, 1.3, name, hover) | {"xaxis": "x", "yaxis": axis_name(number)}
        for number, (name, x, y) in enumerate(steps)
    ]
    layout = named_stack(names, titles, "time [s]", each=110, share=0.72, rangemode="tozero")
    return {"data": traces, "layout": layout}


def stacked_programmes(panels: Sequence[tuple[str, str, Array, Array, Array]]) -> Drawing:
    """Programmes one above the other on one time axis: name, heading of the axis, times [s], values, straight ones."""
    traces = []
    for number, (name, heading, times, values, straight) in enumerate(panels):
        axes, hover = {"xaxis": "x", "yaxis": axis_name(number)}, f"time %{{x:.5g}} s<br>{heading} %{{y:.6g}}"
        traces.append(line(times, straight, style.LIMIT, 1.2, "straight", hover, "dash") | axes)
        traces.append(line(times, values, EXACT, 1.8, inert(name), hover) | axes)
    names = [f"{name}; {heading}" for name, heading, *_ in panels]
    layout = named_stack(names, [""] * len(names), "time [s]", each=130, share=0.74)
    return {"data": traces, "layout": layout}


def cumulative_drawing(panels: Sequence[tuple[str, Array, Array]]) -> Drawing:
    """Cumulative distributions by two trackers, panels side by side: heading, own values, reference's values."""
    layout = base_layout(360, hovermode="closest", annotations=[], margin={"l": 72, "r": 24, "t": 36, "b": 52})
    traces = []
    for number, (heading, own, other) in enumerate(panels):
        mark = str(number + 1) if number else ""
        begin = number / len(panels)
        axes = {"xaxis": f"x{mark}", "yaxis": f"y{mark}"}
        hover = f"{heading} %{{x:.5g}}<br>share %{{y:.3f}}"
        x = np.sort(own)
        traces.append(line(x, np.arange(1, len(x) + 1) / len(x), EXACT, 1.8, "fast tracker", hover) | axes)
        shares = (np.arange(30) + 0.5) / 30
        places = np.quantile(other, shares, method="inverted_cdf")
        traces.append(dots(places, shares, style.REFERENCE, 5, "Xsuite", hover) | axes)
        domain = [short(begin), short(begin + 0.86 / len(panels))]
        layout[f"xaxis{mark}"] = axis(heading, domain=domain, anchor=f"y{mark}")
        layout[f"yaxis{mark}"] = axis(
            "share extracted before [1]" if not number else "", anchor=f"x{mark}", range=[0.0, 1.02]
        )
    place: dict[str, Any] = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "y": 1.0}
    layout["annotations"] = [text("fast tracker", x=0.0, color=EXACT, **place), text("Xsuite (dots)", x=0.13, **place)]
    return {"data": traces, "layout": layout}


# ---------------------------------------------------------------------------------------------------------- pieces


def _or_none(value: Any) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _seconds(width: float) -> str:
    """A time people read: 5 ms, 0.76 us."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if width >= size:
            return f"{width / size:.3g} {unit}"
    return f"{width / 1e-9:.3g} ns"
