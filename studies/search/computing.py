"""The rows of points of a search: what is cheap first, what is dear for those alone that may be feasible."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import pandas as pd

from lattice.arrays import Array
from studies.runs.executors import in_executor
from studies.runs.logs import unheard
from studies.runs.workers import Lost, in_workers
from studies.scan.blocks import block
from studies.scan.plan import COMPUTED, STATUS, Plan, scanned_names
from studies.scan.work import Work, plan_of, rows_of, work_of
from studies.search.asked import Search
from studies.search.keyed import Keyed
from studies.search.limits import Constraint, why_broken

#: Some points (knob to values) of the work's search.
Task = tuple[Work | Keyed, dict[str, Array]]
Elsewhere = tuple[Executor, int] | None


def rows(search: Search, points: Array, jobs: int, elsewhere: Elsewhere = None) -> Iterator[tuple[Array, pd.DataFrame]]:
    """Numbers of points (n, k) and their rows, as they are finished."""
    if isinstance(search.plan, Keyed):
        yield from _dear(search, points, np.arange(len(points)), jobs, elsewhere)
        return
    if search.plan.study.scanned == "blocks" and not search.plan.whole:
        numbers = np.arange(len(points))
        yield numbers, block(_at(search.plan, _named(search, points)), numbers, jobs)
        return
    left, passed_over = _screened(search, points)
    if passed_over is not None:
        yield passed_over
    yield from _dear(search, points, left, jobs, elsewhere)


def computed(task: Task) -> pd.DataFrame:
    """The rows of some points, in whatever process."""
    work, cases = task
    if isinstance(work, Keyed):
        return work.rows(cases)
    made = _at(plan_of(work), cases)
    return rows_of(made, np.arange(made.number))


def _at(made: Plan, cases: dict[str, Array]) -> Plan:
    return replace(made, cases=cases)


def _named(search: Search, points: Array) -> dict[str, Array]:
    return {knob.name: points[:, i] for i, knob in enumerate(search.knobs)}


def _dear(
    search: Search, points: Array, left: Array, jobs: int, elsewhere: Elsewhere
) -> Iterator[tuple[Array, pd.DataFrame]]:
    work = search.plan if isinstance(search.plan, Keyed) else work_of(search.plan)
    tasks = [(work, _named(search, points[[number]])) for number in left]
    places = {id(task): number for task, number in zip(tasks, left, strict=True)}
    if elsewhere is not None:
        found: Iterator[tuple[Task, object]] = in_executor(computed, tasks, *elsewhere)
    elif jobs > 1:
        found = in_workers(computed, tasks, jobs)
    else:
        found = ((task, _here(search, task)) for task in tasks)
    for task, table in found:
        if isinstance(table, Lost):
            table = pd.DataFrame({**task[1], STATUS: [table.reason]})
        assert isinstance(table, pd.DataFrame)
        yield np.array([places[id(task)]]), table


def _here(search: Search, task: Task) -> pd.DataFrame:
    with unheard():
        if isinstance(search.plan, Keyed):
            return search.plan.rows(task[1])
        return rows_of(_at(search.plan, task[1]), np.arange(1))


# -------------------------------------------------------------------------------------------------------------- cheap


def _screened(search: Search, points: Array) -> tuple[Array, tuple[Array, pd.DataFrame] | None]:
    """Numbers of the points whose linear optics keeps the constraints on it, and the rows of the others."""
    numbers = np.arange(len(points))
    limits = _of_optics(search)
    found = _optics(search, _named(search, points), limits)
    reasons = [
        why_broken(limits, row) if row[STATUS] == COMPUTED else str(row[STATUS]) for row in found.to_dict("records")
    ]
    out = numbers[[bool(reason) for reason in reasons]]
    if not len(out):
        return numbers, None
    table = found.iloc[out].reset_index(drop=True).assign(**{STATUS: [reasons[number] for number in out]})
    return np.setdiff1d(numbers, out), (out, table)


def _of_optics(search: Search) -> tuple[Constraint, ...]:
    """The constraints that the batched optics can tell."""
    names = scanned_names(search.plan.resolved, [one.quantity for one in search.constraints])
    return tuple(one for one in search.constraints if one.quantity in names)


def _optics(search: Search, cases: dict[str, Array], limits: tuple[Constraint, ...]) -> pd.DataFrame:
    made = search.plan
    assert isinstance(made, Plan)
    names = scanned_names(made.resolved, [one.quantity for one in limits])
    cheap = replace(_at(made, cases), names=names, extra=(), judged=())
    return block(cheap, np.arange(cheap.number), 1)
