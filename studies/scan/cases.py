"""The rows of any scan, a row a case: its parameters, its results and the verdict on each requirement.

Optics studies go through ``optics.scan``, thousands of cases at a time; others case by case, in processes.
Both depart from the study's own design, which is matched once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from itertools import chain
from math import ceil

import pandas as pd

from lattice.arrays import Array
from studies.runs.executors import in_executor
from studies.runs.workers import Lost, in_workers
from studies.scan.blocks import blocks
from studies.scan.plan import STATUS, Plan
from studies.scan.work import Task, computed, rows_of, varied, work_of

Told = Callable[[int], object]
Rows = Iterable[tuple[Array, pd.DataFrame]]
#: Cases that are computed here first, to see how long one takes, and how long a task is to take elsewhere [s].
FIRST = {"blocks": 256, "cases": 1}
_TASK_S = 2.0
_MOST = 65_536


def rows(made: Plan, cases: Array, jobs: int = 1, told: Told | None = None) -> Rows:
    """Numbers and table of finished cases as they are finished; ``told`` hears how many more are."""
    if made.study.scanned == "blocks":
        return blocks(made, cases, jobs, told)
    if jobs == 1:
        return _heard(((number, rows_of(made, number)) for number in _parts(cases, 1)), told)
    return _heard(_told_lost(made, in_workers(computed, _tasks(made, cases, 1), jobs)), told)


def rows_elsewhere(made: Plan, cases: Array, executor: Executor, window: int, told: Told | None = None) -> Rows:
    """The same from an executor; tasks of a second or two, for which the first cases are computed here."""
    first = cases[: FIRST[made.study.scanned]]
    if not len(first):
        return
    started = time.monotonic()
    here = [(first, rows_of(made, first))]
    size = min(_MOST, ceil(len(first) * _TASK_S / (time.monotonic() - started)))
    tasks = _tasks(made, cases[len(first) :], size)
    yield from _heard(chain(here, _told_lost(made, in_executor(computed, tasks, executor, window))), told)


def _heard(found: Rows, told: Told | None) -> Rows:
    for numbers, table in found:
        if told is not None:
            told(len(numbers))
        yield numbers, table


def _tasks(made: Plan, cases: Array, size: int) -> Iterator[Task]:
    work = work_of(made)
    return ((work, numbers) for numbers in _parts(cases, size))


def _parts(cases: Array, size: int) -> Iterator[Array]:
    return (cases[begin : begin + size] for begin in range(0, len(cases), size))


def _told_lost(made: Plan, found: Iterator[tuple[Task, pd.DataFrame | Lost]]) -> Rows:
    """Cases and rows; those of a task that was given up say so."""
    for (_, numbers), table in found:
        if isinstance(table, Lost):
            table = pd.DataFrame([{**varied(made, int(number)), STATUS: table.reason} for number in numbers])
        yield numbers, table
