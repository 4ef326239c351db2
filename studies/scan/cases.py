"""The rows of any scan, a row a case: its parameters, its results and the verdict on each requirement.

Optics studies go through ``optics.scan``, thousands of cases at a time; others case by case, in processes.
Both depart from the study's own design, which is matched once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lattice import HadronOpticsError
from lattice.arrays import Array
from studies.pipeline import judged
from studies.registry import study_of
from studies.runs.workers import Lost, in_workers
from studies.scan.blocks import blocks
from studies.scan.plan import COMPUTED, STATUS, Plan
from studies.spec.schema import RingStudy

Task = tuple[int, RingStudy, Path | None, dict[str, float]]


def rows(
    made: Plan, cases: Array, jobs: int = 1, told: Callable[[int], object] | None = None
) -> Iterator[tuple[Array, pd.DataFrame]]:
    """Numbers and table of finished cases as they are finished; ``told`` hears how many more are."""
    return (blocks if made.study.scanned == "blocks" else _case_by_case)(made, cases, jobs, told)


def _case_by_case(
    made: Plan, cases: Array, jobs: int, told: Callable[[int], object] | None
) -> Iterator[tuple[Array, pd.DataFrame]]:
    tasks = (_task(made, int(number)) for number in cases)
    for task, row in ((task, _row(task)) for task in tasks) if jobs == 1 else in_workers(_row, tasks, jobs):
        number, _, _, varied = task
        if told is not None:
            told(1)
        yield np.array([number]), pd.DataFrame([{**varied, STATUS: row.reason} if isinstance(row, Lost) else row])


def _task(made: Plan, number: int) -> Task:
    """Number and study of one case: the design's strengths with what is varied, and no match."""
    design = made.design.parameters
    numbers = {name: value for name, value in design.items() if not design.is_dependent(name)}
    varied = {name: float(values[number]) for name, values in made.cases.items()}
    study = made.study.model_copy(update={"parameters": {**numbers, **varied}, "match": None})
    return number, study, made.file, varied


def _row(task: Task) -> dict[str, Any]:
    """The numbers of one case; one that has no answer says why."""
    _, study, file, varied = task
    kind = study_of(study.study)
    try:
        result = judged(kind, kind.resolve(study, file))
    except HadronOpticsError as error:
        return {**varied, STATUS: str(error)}
    values = {quantity.name: np.nan if quantity.value is None else quantity.value for quantity in result.quantities}
    return {**varied, STATUS: COMPUTED, **values, **{v.requirement.id: v.verdict for v in result.verdicts}}
