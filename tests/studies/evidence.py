"""What figures show of requirements, read back from the figures of a run as they were written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from machines.requirements import FAIL
from studies.results import FigureData, StudyResult

Trace = Mapping[str, Any]


def undrawn(result: StudyResult) -> list[str]:
    """Requirements with a value whose link leads nowhere, or to a figure without their limit, value and id."""
    figures = {figure.id: figure for figure in result.figures}
    links = {quantity.name: quantity.figure for quantity in result.quantities}
    return [
        verdict.requirement.id
        for verdict in result.verdicts
        if verdict.value is not None
        and not _shows(figures.get(links.get(verdict.requirement.quantity, "")), verdict.requirement.id)
    ]


def _shows(figure: FigureData | None, id: str) -> bool:
    if figure is None:
        return False
    drawn = [trace["name"] for trace in figure.plotly["data"] if "name" in trace]
    drawn += [shape.get("name", "") for shape in figure.plotly["layout"].get("shapes", ())]
    notes = [note for note in figure.plotly["layout"].get("annotations", ()) if note.get("name") == f"{id}, label"]
    return {f"{id}, limit", f"{id}, value"} <= set(drawn) and any(id in note["text"] for note in notes)


def broken(result: StudyResult) -> list[tuple[str, str, float]]:
    """(id, curve, value) of every curve that crosses the limit of a requirement that did not fail."""
    failed = {verdict.requirement.id for verdict in result.verdicts if verdict.verdict == FAIL}
    least = {verdict.requirement.id for verdict in result.verdicts if verdict.requirement.upper is None}
    found = [
        one for figure in result.figures for one in (*_crossed(figure.plotly), *_crossed_bars(figure.plotly, least))
    ]
    return [one for one in found if one[0] not in failed]


def _crossed(plotly: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    for limit in plotly["data"]:
        meta = limit.get("meta", {})
        if meta.get("what") != "limit" or meta["at"] is not None:
            continue
        side = "y" if limit["y"][0] == limit["y"][1] else "x"
        for trace in _carrying(plotly, limit, side, meta["curves"]):
            for value in (one for one in trace[side] if one is not None):
                if (value < limit[side][0]) if meta["above"] else (value > limit[side][0]):
                    yield meta["requirement"], str(trace["name"]), float(value)


def _carrying(plotly: Mapping[str, Any], limit: Trace, side: str, curves: list[str]) -> list[Trace]:
    """The curves that a limit holds for; there is one at least."""
    axis = f"{side}axis"
    found = [
        trace
        for trace in plotly["data"]
        if trace.get(axis, side) == limit.get(axis, side)
        and "meta" not in trace
        and (not curves or trace.get("name") in curves)
    ]
    assert found, (limit["name"], curves)
    return found


def _crossed_bars(plotly: Mapping[str, Any], least: Collection[str]) -> Iterator[tuple[str, str, float]]:
    """Bars beyond a limit: longer than it, or shorter where the requirement (of ``least``) has a lower one alone."""
    bars = [trace for trace in plotly["data"] if trace.get("type") == "bar"]
    limits = [shape for shape in plotly["layout"].get("shapes", ()) if shape.get("name", "").endswith(", limit")]
    for limit in limits if bars else ():
        if limit.get("xref") == "x":
            name = limit["name"].removesuffix(", limit")
            worst = (min if name in least else max)(_lengths(bars, plotly["layout"].get("barmode") == "stack"))
            if (worst < limit["x0"]) if name in least else (worst > limit["x0"]):
                yield name, "bars", worst


def _lengths(bars: list[Trace], stacked: bool) -> list[float]:
    """Of whole bars, or of each part."""
    rows = [[value for value in row if value is not None] for row in zip(*(bar["x"] for bar in bars), strict=True)]
    return [sum(row) for row in rows if row] if stacked else [value for row in rows for value in row]


def assert_evidence(result: StudyResult) -> None:
    """Every requirement is drawn where it links to, and no limit that is drawn is broken without a FAIL."""
    assert undrawn(result) == []
    assert broken(result) == []
