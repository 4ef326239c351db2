"""Figures of tolerances: yields with intervals, the spread of each number with its limit, causes, the budget."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lattice.arrays import Array
from optics.statistics import Proportion
from studies.charts import style
from studies.charts.bars import bars
from studies.charts.figure import figure_json
from studies.charts.kit.strips import axis_name
from studies.charts.linac import bars as bar_trace
from studies.charts.linac import heat, horizontal, line, stacked
from studies.charts.style import INK, NEUTRAL, Drawing
from studies.results import FigureData, Shown
from studies.tolerances.outcome import Answer, numbers_of
from studies.tolerances.quantities import ENOUGH, panels_of
from studies.tolerances.tables import budget, ranking, yields
from studies.vocabulary import quantity_named

_TOLD = 0.005  #: of a share: less is 0.00 in two digits
_COLORS = {"horizontal": style.HORIZONTAL, "vertical": style.VERTICAL, "longitudinal": style.LONGITUDINAL}


def figures(found: Answer) -> tuple[FigureData, ...]:
    """All figures of the study."""
    return tuple(_figures(found))


def _figures(found: Answer) -> Iterator[FigureData]:
    if found.all is not None:
        yield _yields(found)
    panels = panels_of(numbers_of(found.machines))
    for number, (id, names) in enumerate(panels.items(), 1):
        title = "Numbers of the machines" + (f", {number} of {len(panels)}" if len(panels) > 1 else "")
        yield _spreads(found, id, title, names)
    if found.ranking:
        yield _causes(found)
    if found.budget is not None:
        yield _budget(found)


def _yields(found: Answer) -> FigureData:
    assert found.all is not None
    names = [*(limit.requirement.id for limit in found.limits), "all"]
    each = [*found.yields, found.all]
    trace = bar_trace(names, [100.0 * one.value for one in each], NEUTRAL, "yield", "%")
    trace["error_x"] = _interval(each)
    wanted = 100.0 * found.question.wanted
    drawing = horizontal([trace], "machines that keep it [%]", mark=wanted, label=f"wanted: {wanted:g} %")
    caption = (
        f"Share of {found.all.total} machines that keep each requirement, and all of them, with exact intervals at "
        "95 % (Clopper and Pearson). Look for: the requirement that the yield of all hangs on."
    )
    shows = (Shown("yield_all", "x", 100.0, at=float(len(names) - 1)),)
    return FigureData("tolerances-yield", "Yields", caption, drawing, yields(found), shows)


def _interval(each: list[Proportion]) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": style.numbers([100.0 * (one.upper - one.value) for one in each]),
        "arrayminus": style.numbers([100.0 * (one.value - one.lower) for one in each]),
        "color": INK,
        "thickness": 1.8,
        "width": 4,
    }


def _spreads(found: Answer, id: str, title: str, names: list[str]) -> FigureData:
    share = 100.0 * (1.0 + np.arange(len(found.machines))) / len(found.machines)
    at = 100.0 * found.question.wanted
    columns = {name: _in_order(name, found.machines[name].to_numpy(dtype=float)) for name in names}
    caption = (
        f"Each number of the machines, from the best machine to the worst: at {at:g} % across stands what {at:g} % of "
        "them keep to. There requirements (dashed) hold. Look for: a curve that has crossed its limit before it."
    )
    frame = pd.DataFrame({"share [%]": share, **{_headed(name): columns[name] for name in names}})
    shows = tuple(
        Shown(name, axis_name(i), quantity_named(name).kind.scale, at=at, curves=(name,))
        for i, name in enumerate(names)
    )
    drawing = _panels(columns, share)
    return FigureData(id, title, caption, drawing, frame, shows)


def _in_order(name: str, values: Array) -> Array:
    """From the best machine to the worst, in the unit that people read; machines without a value are the last."""
    sign = -1.0 if name in ENOUGH else 1.0
    return np.asarray(
        sign * np.sort(np.where(np.isfinite(values), sign * values, np.nan)) * quantity_named(name).kind.scale
    )


def _headed(name: str) -> str:
    kind = quantity_named(name).kind
    return f"{name} [{kind.shown or kind.unit}]"


def _panels(columns: dict[str, Array], share: Array) -> Drawing:
    traces = [
        line(share, values, _COLORS.get(quantity_named(name).kind.plane, INK), name, axis_name(i))
        for i, (name, values) in enumerate(columns.items())
    ]
    titles = [quantity_named(name).kind.heading for name in columns]
    return stacked(traces, titles, "share of the machines [%]", height=90 + 160 * len(titles), xrange=(0.0, 100.0))


def _causes(found: Answer) -> FigureData:
    names = [cause.name for cause in found.question.sampling.causes]
    totals = np.array([[one.total for one in shares] for shares in found.ranking.values()]).T
    told = [[f"{value:.2f}" if value >= _TOLD else "" for value in row] for row in totals]
    columns = [quantity_named(name).kind.symbol for name in found.ranking]
    drawing = heat(names, columns, np.clip(totals, 0.0, 1.0), "number of a machine", told)
    drawing["data"][0]["hovertext"] = [[f"{value:.3f}" for value in row] for row in totals]
    drawing["data"][0]["hovertemplate"] = "%{y}, %{x}: %{hovertext}<extra></extra>"
    drawing["layout"]["margin"]["l"] = 190
    caption = (
        "Part of the variance of each number that a cause makes, together with others (total share; blank: below "
        f"{_TOLD:g}); its error is in the table. Where numbers are sums of what causes do, a column adds up to 1. "
        "Look for: the row that a column hangs on."
    )
    return FigureData("tolerances-ranking", "Causes", caption, drawing, ranking(found))


def _budget(found: Answer) -> FigureData:
    assert found.budget is not None
    names = [cause.name for cause in found.question.sampling.causes]
    drawing = figure_json(bars(names, list(found.budget.scales), "allotted over stated error [1]"))
    check = found.budget.check
    caption = (
        f"How large each error may be, as a multiple of what the study states, for a yield of "
        f"{found.question.wanted:g} at the least cost; of {check.total} machines drawn from it {check.value:.4g} keep "
        f"all requirements ({check.lower:.4g} to {check.upper:.4g}). Look for: short bars, which are worth the money."
    )
    return FigureData("tolerances-budget", "Budget of errors", caption, drawing, budget(found))
