"""Tables of tolerances: yields, ranking of causes, budget, the worst machine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from studies.results import TableData
from studies.tolerances.allotment import Tried
from studies.tolerances.outcome import Answer, numbers_of
from studies.vocabulary import quantity_named


def tables(found: Answer) -> tuple[TableData, ...]:
    """All tables of the study."""
    return tuple(_tables(found))


def _tables(found: Answer) -> Iterator[TableData]:
    if found.all is not None:
        caption = "Share of the machines that keep each requirement, and all of them; exact intervals at 95 %."
        yield TableData("tolerances-yields", "Yields", caption, yields(found), digits=4)
    caption = "Numbers of the machines: of the ideal one, and how they are spread."
    yield TableData("tolerances-spread", "Numbers of the machines", caption, spread(found), digits=4)
    if found.ranking:
        caption = "Part of the variance of each number that a cause makes alone and in total, with errors at 95 %."
        yield TableData("tolerances-causes", "Ranking of causes", caption, ranking(found), digits=3)
    if found.budget is not None:
        caption = (
            "Each error as it is allotted, as a multiple of what the study states, and its part of the cost. Machines "
            f"drawn from it: {found.budget.check.value:.4g} keep all requirements."
        )
        yield TableData("tolerances-allotted", "Budget of errors", caption, budget(found), digits=4)
        caption = "Levels of the budget, all room times the level: those drawn on the way, and those checked."
        yield TableData("tolerances-levels", "Levels of the budget", caption, levels(found), digits=4)
    if found.worst is not None:
        machine, limit = found.worst
        caption = f"Machine {machine}: it uses most of {limit.requirement.id}. Its lattice is in worst/."
        yield TableData("tolerances-worst", "The worst machine", caption, worst(found), digits=5)


def yields(found: Answer) -> pd.DataFrame:
    """A row a requirement, and one for all."""
    names = [f"{limit.requirement.id}: {limit.requirement.text}" for limit in found.limits]
    assert found.all is not None
    each = [*found.yields, found.all]
    return pd.DataFrame(
        {
            "requirement": [*names, "all of them"],
            "yield": [one.value for one in each],
            "at least": [one.lower for one in each],
            "at most": [one.upper for one in each],
            "machines": [one.count for one in each],
            "of": [one.total for one in each],
        }
    )


def spread(found: Answer) -> pd.DataFrame:
    """A row a number, in the unit that people read it in."""
    rows = []
    for name in numbers_of(found.machines):
        kind, values = quantity_named(name).kind, found.machines[name].to_numpy(dtype=float)
        known = values[np.isfinite(values)] * kind.scale
        shown = {p: float(np.percentile(known, p)) if len(known) else np.nan for p in (5, 50, 95)}
        rows.append(
            {
                "number": kind.text,
                "unit": kind.shown or kind.unit,
                "ideal": float(found.ideal[name]) * kind.scale,
                **{f"{p} %": value for p, value in shown.items()},
                "largest": float(np.max(known, initial=-np.inf)),
                "without a value": int(np.sum(~np.isfinite(values))),
            }
        )
    return pd.DataFrame(rows)


def ranking(found: Answer) -> pd.DataFrame:
    """A row a number and cause, the largest total share of each number first."""
    names = [cause.name for cause in found.question.sampling.causes]
    rows = [
        {
            "number": quantity_named(name).kind.text,
            "cause": cause,
            "total": one.total,
            "+- total": one.total_error,
            "alone": one.alone,
            "+- alone": one.alone_error,
        }
        for name, shares in found.ranking.items()
        for cause, one in sorted(zip(names, shares, strict=True), key=lambda pair: -pair[1].total)
    ]
    return pd.DataFrame(rows)


def budget(found: Answer) -> pd.DataFrame:
    """A row a cause."""
    assert found.budget is not None
    causes, spec = found.question.sampling.causes, found.question.budget
    assert spec is not None
    costs = np.array([cause.cost for cause in causes])
    each = costs * found.budget.scales**-spec.power
    return pd.DataFrame(
        {
            "cause": [cause.name for cause in causes],
            "times the stated error": found.budget.scales,
            "cost as stated": costs / np.sum(costs),
            "cost as allotted": each / np.sum(costs),
        }
    )


def levels(found: Answer) -> pd.DataFrame:
    """A row a level that was tried, and behind them the checks."""
    budget = found.budget
    assert budget is not None
    last = Tried(budget.level, budget.check)
    checks = [last] if budget.before is None else [budget.before, last]
    tried = [*sorted(budget.tried, key=lambda one: one.level), *checks]
    return pd.DataFrame(
        {
            "drawn": ["to find the level"] * len(budget.tried) + ["to check it"] * len(checks),
            "level": [one.level for one in tried],
            "yield": [one.found.value for one in tried],
            "at least": [one.found.lower for one in tried],
            "at most": [one.found.upper for one in tried],
            "machines": [one.found.total for one in tried],
        }
    )


def worst(found: Answer) -> pd.DataFrame:
    """A row a limit: the number of the worst machine beside it."""
    assert found.worst is not None
    row = found.machines.iloc[found.worst[0]]
    return pd.DataFrame(
        [
            {
                "requirement": f"{limit.requirement.id}: {limit.requirement.text}",
                "number": float(row[limit.column]) * kind.scale,
                "unit": kind.shown or kind.unit,
                "kept": "yes" if bool(limit.keeps(np.array([row[limit.column]], dtype=float))[0]) else "no",
            }
            for limit in found.limits
            for kind in (quantity_named(limit.column).kind,)
        ]
    )
