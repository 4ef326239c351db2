"""Requirements in figures: each limit and value drawn, with its id, in the figure that the requirement links to.

A figure says which quantities its axes carry (``FigureData.shows``); limits enter it here alone, from the verdicts.
What no axis carries stands on a gauge below the figure, and what no figure shows in a figure of gauges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from machines.requirements import Verdict
from studies.charts.kit.gauges import Gauge, gauge_figure, with_gauges
from studies.charts.kit.marks import marked, marks_on
from studies.charts.style import inert
from studies.results import FigureData, Quantity
from studies.vocabulary import quantity_named

#: The figure of what no other shows.
ELSEWHERE = "requirements-values"


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
    frame = frame.astype(dict.fromkeys(("value", "lower", "upper"), float))
    return FigureData(ELSEWHERE, "Requirements that no other figure shows", caption, gauge_figure(gauges), frame)


def gauge_of(verdict: Verdict) -> Gauge:
    """A verdict on a scale of its own."""
    requirement = verdict.requirement
    assert verdict.value is not None
    name = f"{requirement.id} {quantity_named(requirement.quantity).kind.symbol}"
    limits = (requirement.lower, requirement.upper)
    return Gauge(requirement.id, inert(name), verdict.value, *limits, requirement.unit)


def _drawn(figure: FigureData, verdicts: Sequence[Verdict], home: Mapping[str, str]) -> FigureData:
    marks = [mark for verdict in verdicts for shown in figure.shows for mark in marks_on(figure.plotly, verdict, shown)]
    done = {mark.id for mark in marks}
    mine = [one for one in verdicts if home.get(one.requirement.quantity) == figure.id and _known(one)]
    gauges = [gauge_of(one) for one in mine if one.requirement.id not in done]
    if not marks and not gauges:
        return figure
    return replace(figure, plotly=with_gauges(marked(figure.plotly, marks), gauges))
