"""Requirements in figures: each limit and value drawn, with its id, in the figure that the requirement links to.

A figure says which quantities its axes carry (``FigureData.shows``); limits enter it here alone, from the verdicts. What
no axis carries stands on a gauge below the figure, and what no figure shows in a figure of gauges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, log10
from typing import Any

import pandas as pd

from machines.requirements import Requirement, Verdict
from studies.charts.kit.additions import added
from studies.charts.kit.gauges import Gauge, gauge_figure, with_gauges
from studies.charts.kit.limits import upright
from studies.charts.style import INK, LIMIT, Drawing, Layout, Trace, inert, short, text
from studies.results import FigureData, Quantity, Shown
from studies.vocabulary import quantity_named, unit_factor

#: The figure of what no other shows.
ELSEWHERE = "requirements-values"
_SHORT = 0.02  # of the other axis: half the length of a limit that holds at one place


def with_evidence(
    figures: Sequence[FigureData], verdicts: Sequence[Verdict], quantities: Sequence[Quantity]
) -> tuple[tuple[FigureData, ...], tuple[Quantity, ...]]:
    """The figures with every requirement drawn where its quantity links to, and the quantities with whole links.

    A quantity that is judged and linked to no figure is linked to the figure of gauges, which comes last.
    """
    home = {quantity.name: quantity.figure for quantity in quantities}
    known = {figure.id for figure in figures}
    drawn = tuple(_drawn(figure, verdicts, home) for figure in figures)
    homeless = [one for one in verdicts if home.get(one.requirement.quantity, "") not in known and _known(one)]
    if not homeless:
        return drawn, tuple(quantities)
    names = {one.requirement.quantity for one in homeless}
    linked = (replace(one, figure=ELSEWHERE) if one.name in names else one for one in quantities)
    return (*drawn, _elsewhere(homeless)), tuple(linked)


def _known(verdict: Verdict) -> bool:
    return verdict.value is not None


def _elsewhere(verdicts: Sequence[Verdict]) -> FigureData:
    gauges = [gauge_of(one) for one in verdicts]
    caption = (
        "Values (bars) and limits (dashed) of the requirements that no other figure shows, each on a scale of its own. "
        "Look for: bars on the wrong side of a limit."
    )
    rows = [(one.requirement.id, one.value, one.requirement.lower, one.requirement.upper) for one in verdicts]
    frame = pd.DataFrame(rows, columns=["id", "value", "lower", "upper"])
    return FigureData(ELSEWHERE, "Requirements that no other figure shows", caption, gauge_figure(gauges), frame)


def gauge_of(verdict: Verdict) -> Gauge:
    """A verdict on a scale of its own."""
    requirement = verdict.requirement
    assert verdict.value is not None
    return Gauge(requirement.id, verdict.value, requirement.lower, requirement.upper, requirement.unit)


def _drawn(figure: FigureData, verdicts: Sequence[Verdict], home: Mapping[str, str]) -> FigureData:
    marks = [mark for verdict in verdicts for shown in figure.shows for mark in _marks(figure, verdict, shown)]
    done = {mark.id for mark in marks}
    mine = [one for one in verdicts if home.get(one.requirement.quantity) == figure.id and _known(one)]
    gauges = [gauge_of(one) for one in mine if one.requirement.id not in done]
    if not marks and not gauges:
        return figure
    return replace(figure, plotly=with_gauges(_marked(figure.plotly, marks), gauges))


# ---------------------------------------------------------------------------------------------------------- on axes


@dataclass(frozen=True)
class _Mark:
    """A requirement on an axis: its limits and its value there (None where it has none), where along the other axis."""

    id: str
    told: str
    axis: str
    limits: tuple[float, ...]
    value: float | None
    at: float | None


def _marks(figure: FigureData, verdict: Verdict, shown: Shown) -> Iterator[_Mark]:
    """What a verdict puts on an axis: nothing for another quantity, or beyond a range that the axis keeps."""
    requirement = verdict.requirement
    if requirement.quantity != shown.quantity:
        return
    factor = unit_factor(quantity_named(requirement.quantity), requirement.unit)
    limits = [limit for limit in (requirement.lower, requirement.upper) if limit is not None]
    places = [shown.place(limit * factor) for limit in limits]
    places += [-place for place in places if shown.mirrored and place]
    value = None if verdict.value is None else shown.place(verdict.value * factor)
    axis = _axis(figure.plotly["layout"], shown.axis)
    if all(_holds(axis, place) for place in (*places, *([] if value is None else [value]))):
        told = limits_told(requirement)
        yield _Mark(requirement.id, told, shown.axis, tuple(places), value, shown.at)


def limits_told(requirement: Requirement) -> str:
    """``≤ 0.5 %``, ``≥ 3``, ``3 to 8 mm``."""
    unit = "" if requirement.unit == "1" else f" {requirement.unit}"
    if requirement.lower is not None and requirement.upper is not None:
        return f"{requirement.lower:g} to {requirement.upper:g}{unit}"
    if requirement.upper is not None:
        return f"≤ {requirement.upper:g}{unit}"
    return f"≥ {requirement.lower:g}{unit}"


def _axis(layout: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = layout.get(f"{name[0]}axis{name[1:]}", {})
    return found


def _holds(axis: Mapping[str, Any], place: float) -> bool:
    """Whether an axis can show a place: log ones what is positive, those of a range what lies in it."""
    if axis.get("type") == "log":
        return place > 0 and _holds({"range": axis["range"]} if "range" in axis else {}, log10(place))
    low, high = sorted(axis["range"]) if "range" in axis else (float("-inf"), float("inf"))
    return isfinite(place) and low <= place <= high


def _marked(plotly: Mapping[str, Any], marks: Sequence[_Mark]) -> Drawing:
    """The drawing with its marks: limits dashed with their ids, values as rings."""
    before: dict[str, int] = {}
    notes = []
    for mark in marks:
        number = before[mark.axis] = before.get(mark.axis, -1) + 1
        notes.append(_label(mark, plotly, number))
    traces = [trace for mark in marks for trace in _traces(mark, plotly)]
    return added(plotly, traces=traces, shapes=[shape for mark in marks for shape in _shapes(mark, plotly)], notes=notes)


def _is_upright(mark: _Mark) -> bool:
    return mark.axis.startswith("x")


def _bars(plotly: Mapping[str, Any]) -> bool:
    return any(trace.get("type") == "bar" for trace in plotly["data"])


def _traces(mark: _Mark, plotly: Mapping[str, Any]) -> Iterator[Trace]:
    """Limits as lines that the axis makes room for, the value as a ring at the far end; beside bars neither."""
    if _bars(plotly):
        return
    low, high = _extent(mark, plotly)
    for limit in mark.limits:
        yield _trace(mark, [low, high], [limit, limit], "limit", plotly)
    if mark.value is not None:
        yield _trace(mark, [high if mark.at is None else mark.at], [mark.value], "value", plotly)


def _trace(mark: _Mark, along: list[float], across: list[float], what: str, plotly: Mapping[str, Any]) -> Trace:
    x, y = (across, along) if _is_upright(mark) else (along, across)
    other = _other_axis(mark.axis, plotly)
    axes = {"xaxis": mark.axis, "yaxis": other} if _is_upright(mark) else {"xaxis": other, "yaxis": mark.axis}
    ring = {"color": INK, "size": 8, "symbol": "circle-open", "line": {"width": 1.6, "color": INK}}
    look = {"mode": "lines", "line": {"color": LIMIT, "width": 1.4, "dash": "dash"}}
    return {
        "type": "scatter",
        "name": f"{mark.id}, {what}",
        "x": [short(one) for one in x],
        "y": [short(one) for one in y],
        **axes,
        **(look if what == "limit" else {"mode": "markers", "marker": ring}),
        "hoverinfo": "skip",
        "showlegend": False,
        "meta": {"requirement": mark.id, "what": what},
    }


def _other_axis(axis: str, plotly: Mapping[str, Any]) -> str:
    """The axis that the traces on ``axis`` have across it."""
    mine, other = ("xaxis", "yaxis") if axis.startswith("x") else ("yaxis", "xaxis")
    found = (trace.get(other, other[0]) for trace in plotly["data"] if trace.get(mine, mine[0]) == axis)
    return str(next(found, other[0]))


def _extent(mark: _Mark, plotly: Mapping[str, Any]) -> tuple[float, float]:
    """From where to where a limit is drawn: over all that stands on its axis, or shortly about its place."""
    side, mine = ("y", "xaxis") if _is_upright(mark) else ("x", "yaxis")
    values = [
        one
        for trace in plotly["data"]
        if trace.get(mine, mine[0]) == mark.axis
        for one in trace.get(side, ())
        if isinstance(one, (int, float)) and isfinite(one)
    ]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if mark.at is None:
        return low, high
    return mark.at - _SHORT * (high - low), mark.at + _SHORT * (high - low)


def _shapes(mark: _Mark, plotly: Mapping[str, Any]) -> Iterator[Layout]:
    """Beside bars, where no trace can be drawn between names: lines from top to bottom."""
    if not _bars(plotly):
        return
    for limit in mark.limits:
        yield {**upright(limit, xref=mark.axis, width=1.4), "name": f"{mark.id}, limit"}
    if mark.value is not None:
        line = upright(mark.value, xref=mark.axis, width=1.4, dash="solid")
        yield {**line, "y0": 1.0, "y1": 1.03, "line": {**line["line"], "color": INK}, "name": f"{mark.id}, value"}


def _label(mark: _Mark, plotly: Mapping[str, Any], number: int) -> Layout:
    """Id and limits beside the first limit; several of one axis stand one after the other along it."""
    told = inert(f"{mark.id} {mark.told}")
    log = _axis(plotly["layout"], mark.axis).get("type") == "log"
    first = short(log10(mark.limits[0]) if log else mark.limits[0])
    name = f"{mark.id}, label"
    look: dict[str, Any] = {"color": LIMIT, "size": 11, "name": name}
    if _is_upright(mark):
        up = {"yref": "paper", "y": short(1.0 - 0.07 * number), "yanchor": "top"}
        return text(told, x=first, xref=mark.axis, xanchor="left", xshift=4, **up, **look)
    if mark.at is not None:
        return text(told, x=short(mark.at), xref="x", y=first, yref=mark.axis, yanchor="bottom", xanchor="left", **look)
    place = {"x": short(min(0.01 + 0.27 * number, 0.82)), "xref": "paper", "xanchor": "left"}
    return text(told, y=first, yref=mark.axis, yanchor="bottom", **place, **look)
