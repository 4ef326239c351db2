"""Requirements on the axes of a figure: limits as dashed lines with their ids, values as rings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, log10
from typing import Any

from machines.requirements import Requirement, Verdict
from studies.charts.kit.additions import added
from studies.charts.kit.limits import upright
from studies.charts.style import INK, LIMIT, Drawing, Layout, Trace, inert, short, text
from studies.results import Shown
from studies.vocabulary import quantity_named, unit_factor

_STRETCH = 6.0  # how much longer than what is drawn an axis may be for the limits' sake
_ON_CURVE = 0.01  # of what is drawn: how near a curve has a value that stands on it
_SHORT = 0.02  # of the other axis: half the length of a limit that holds at one place


@dataclass(frozen=True)
class Limit:
    """A limit where it stands on an axis; what is drawn must lie ``above`` it, or below."""

    place: float
    above: bool


@dataclass(frozen=True)
class Mark:
    """A requirement on an axis: its ``limits`` and its ``value`` there (None where it has none)."""

    requirement: Requirement
    shown: Shown
    limits: tuple[Limit, ...]
    value: float | None

    @property
    def id(self) -> str:
        """Of the requirement."""
        return self.requirement.id

    @property
    def axis(self) -> str:
        """Of the figure: ``y2``."""
        return self.shown.axis

    @property
    def at(self) -> float | None:
        """Where along the other axis it holds; None for all of it."""
        return self.shown.at


def marks_on(plotly: Mapping[str, Any], verdict: Verdict, shown: Shown) -> Iterator[Mark]:
    """What a verdict puts on an axis: nothing for another quantity, or beyond a range that the axis keeps."""
    requirement = verdict.requirement
    if requirement.quantity != shown.quantity:
        return
    factor = unit_factor(quantity_named(requirement.quantity), requirement.unit)
    limits = tuple(_limits(requirement, shown, factor))
    value = None if verdict.value is None else shown.place(verdict.value * factor)
    axis, places = _axis(plotly["layout"], shown.axis), [limit.place for limit in limits]
    held = all(_holds(axis, place) for place in (*places, *([] if value is None else [value])))
    if held and _readable(places, axis, _on_axis(shown.axis, plotly)):
        yield Mark(requirement, shown, limits, value)


def _limits(requirement: Requirement, shown: Shown, factor: float) -> Iterator[Limit]:
    for limit, above in ((requirement.lower, True), (requirement.upper, False)):
        if limit is None:
            continue
        one = Limit(shown.place(limit * factor), above == (shown.scale > 0))
        yield one
        if shown.mirrored and one.place != shown.offset:
            yield Limit(2 * shown.offset - one.place, not one.above)


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


def _on_axis(name: str, plotly: Mapping[str, Any]) -> list[float]:
    """Every number that stands on an axis."""
    side = f"{name[0]}axis"
    mine = (trace for trace in plotly["data"] if trace.get(side, name[0]) == name)
    return [one for trace in mine for one in trace.get(name[0], ()) if isinstance(one, (int, float)) and isfinite(one)]


def _readable(places: Sequence[float], axis: Mapping[str, Any], drawn: Sequence[float]) -> bool:
    """Whether what is drawn stays a picture beside the limits: it does not shrink below a sixth of the axis."""
    if "range" in axis or axis.get("type") == "log" or not drawn:
        return True
    base = [0.0] if axis.get("rangemode") == "tozero" else []
    whole = [*drawn, *base, *places]
    return _STRETCH * (max([*drawn, *base]) - min([*drawn, *base])) >= max(whole) - min(whole)


def marked(plotly: Mapping[str, Any], marks: Sequence[Mark]) -> Drawing:
    """The drawing with its marks: limits dashed with their ids, values as rings."""
    before: dict[str, int] = {}
    notes = []
    for mark in marks:
        number = before[mark.axis] = before.get(mark.axis, -1) + 1
        notes.append(_label(mark, plotly, number))
    traces = [trace for mark in marks for trace in _traces(mark, plotly)]
    return added(
        plotly, traces=traces, shapes=[shape for mark in marks for shape in _shapes(mark, plotly)], notes=notes
    )


def _is_upright(mark: Mark) -> bool:
    return mark.axis.startswith("x")


def _bars(plotly: Mapping[str, Any]) -> bool:
    return any(trace.get("type") == "bar" for trace in plotly["data"])


def _traces(mark: Mark, plotly: Mapping[str, Any]) -> Iterator[Trace]:
    """Limits as lines that the axis makes room for, the value as a ring at the far end; beside bars neither."""
    if _bars(plotly):
        return
    low, high = _extent(mark, plotly)
    for limit in mark.limits:
        meta = {"what": "limit", "above": limit.above, "at": mark.at, "curves": list(mark.shown.curves)}
        yield _trace(mark, [low, high], [limit.place, limit.place], plotly, **meta)
    if mark.value is not None:
        at, value = _where(mark, mark.value, high, plotly)
        yield _trace(mark, [at], [value], plotly, what="value")


def _where(mark: Mark, value: float, end: float, plotly: Mapping[str, Any]) -> tuple[float, float]:
    """Where the value is ringed: at its place, on the curve that has it (mirrored too), else at the far end."""
    if mark.at is not None:
        return mark.at, value
    middle = mark.shown.offset
    across = "xy" if _is_upright(mark) else "yx"
    points = [
        (abs(abs(one - middle) - abs(value - middle)), along, one)
        for trace in plotly["data"]
        if trace.get("name") in mark.shown.curves and trace.get(f"{across[0]}axis", across[0]) == mark.axis
        for one, along in zip(trace[across[0]], trace[across[1]], strict=True)
        if isinstance(one, (int, float)) and isinstance(along, (int, float))
    ]
    drawn = _on_axis(mark.axis, plotly)
    off, along, one = min(points, default=(float("inf"), end, value))
    return (along, one) if off <= _ON_CURVE * (max(drawn) - min(drawn)) else (end, value)


def _trace(mark: Mark, along: list[float], across: list[float], plotly: Mapping[str, Any], **meta: Any) -> Trace:
    x, y = (across, along) if _is_upright(mark) else (along, across)
    other = _other_axis(mark.axis, plotly)
    axes = {"xaxis": mark.axis, "yaxis": other} if _is_upright(mark) else {"xaxis": other, "yaxis": mark.axis}
    ring = {"color": INK, "size": 8, "symbol": "circle-open", "line": {"width": 1.6, "color": INK}}
    look = {"mode": "lines", "line": {"color": LIMIT, "width": 1.4, "dash": "dash"}}
    return {
        "type": "scatter",
        "name": f"{mark.id}, {meta['what']}",
        "x": [short(one) for one in x],
        "y": [short(one) for one in y],
        **axes,
        **(look if meta["what"] == "limit" else {"mode": "markers", "marker": ring}),
        "hoverinfo": "skip",
        "showlegend": False,
        "meta": {"requirement": mark.id, **meta},
    }


def _other_axis(axis: str, plotly: Mapping[str, Any]) -> str:
    """The axis that the traces on ``axis`` have across it."""
    mine, other = ("xaxis", "yaxis") if axis.startswith("x") else ("yaxis", "xaxis")
    found = (trace.get(other, other[0]) for trace in plotly["data"] if trace.get(mine, mine[0]) == axis)
    return str(next(found, other[0]))


def _extent(mark: Mark, plotly: Mapping[str, Any]) -> tuple[float, float]:
    """From where to where a limit is drawn: over all that stands on its axis, or shortly about its place."""
    values = _on_axis(_other_axis(mark.axis, plotly), plotly)
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if mark.at is None:
        return low, high
    return mark.at - _SHORT * (high - low), mark.at + _SHORT * (high - low)


def _shapes(mark: Mark, plotly: Mapping[str, Any]) -> Iterator[Layout]:
    """Beside bars, where no trace can be drawn between names: lines from top to bottom."""
    if not _bars(plotly):
        return
    for limit in mark.limits:
        yield {**upright(limit.place, xref=mark.axis, width=1.4), "name": f"{mark.id}, limit"}
    if mark.value is not None:
        line = upright(mark.value, xref=mark.axis, width=1.4, dash="solid")
        yield {**line, "y0": 1.0, "y1": 1.03, "line": {**line["line"], "color": INK}, "name": f"{mark.id}, value"}


def _label(mark: Mark, plotly: Mapping[str, Any], number: int) -> Layout:
    """Id and limits beside the first limit; several of one axis stand one after the other along it."""
    told = inert(f"{mark.id} {limits_told(_on_its_axis(mark))}")
    log = _axis(plotly["layout"], mark.axis).get("type") == "log"
    first = short(log10(mark.limits[0].place) if log else mark.limits[0].place)
    place = _upright_place(mark, first, number) if _is_upright(mark) else _across_place(mark, first, number, plotly)
    look = {"bgcolor": "rgba(255,255,255,0.75)", "name": f"{mark.id}, label"}
    return text(told, color=LIMIT, size=11, **look, **place)


def _on_its_axis(mark: Mark) -> Requirement:
    """The requirement in the unit of the axis: a share of 0.95 stands on one of percent as 95 %."""
    requirement = mark.requirement
    if requirement.unit != "1" or mark.shown.scale != _PERCENT or mark.shown.offset:
        return requirement
    lower, upper = (None if end is None else short(_PERCENT * end) for end in (requirement.lower, requirement.upper))
    return replace(requirement, unit="%", lower=lower, upper=upper)


_PERCENT = 100.0


def _upright_place(mark: Mark, x: float, number: int) -> dict[str, Any]:
    up = {"yref": "paper", "y": short(1.0 - 0.07 * number), "yanchor": "top"}
    return {"x": x, "xref": mark.axis, "xanchor": "left", "xshift": 4, **up}


def _across_place(mark: Mark, y: float, number: int, plotly: Mapping[str, Any]) -> dict[str, Any]:
    place = {"y": y, "yref": mark.axis, "yanchor": "bottom", "xanchor": "left"}
    if mark.at is not None:
        return {"x": short(mark.at), "xref": _other_axis(mark.axis, plotly), **place}
    return {"x": short(min(0.01 + 0.27 * number, 0.82)), "xref": "paper", **place}
