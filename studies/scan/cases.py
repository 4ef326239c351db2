"""The rows of any scan, a row a case: its parameters, its results and the verdict on each requirement.

Optics studies go through ``optics.scan``, thousands of cases at a time; others case by case, in processes.
Both depart from the study's own design, which is matched once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lattice import HadronOpticsError
from studies.pipeline import judged
from studies.registry import study_of
from studies.scan.blocks import blocks
from studies.scan.plan import COMPUTED, STATUS, Plan
from studies.spec.schema import RingStudy


def rows(made: Plan, first: int, jobs: int, told: Callable[[int], object]) -> Iterator[pd.DataFrame]:
    """Tables of finished cases in order, from case ``first`` on; ``told`` hears how many more are finished."""
    return (blocks if made.study.scanned == "blocks" else _case_by_case)(made, first, jobs, told)


def _case_by_case(made: Plan, first: int, jobs: int, told: Callable[[int], object]) -> Iterator[pd.DataFrame]:
    tasks = (_task(made, number) for number in range(first, made.number))
    for row in map(_row, tasks) if jobs == 1 else _in_processes(tasks, jobs):
        told(1)
        yield pd.DataFrame([row])


def _in_processes(tasks: Iterator[Any], jobs: int) -> Iterator[dict[str, Any]]:
    """Rows in order, with no more cases begun than the workers can soon take."""
    pool = ProcessPoolExecutor(jobs)
    try:
        begun = [pool.submit(_row, task) for task in islice(tasks, 2 * jobs)]
        while begun:
            yield begun.pop(0).result()
            begun += [pool.submit(_row, task) for task in islice(tasks, 1)]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _task(made: Plan, number: int) -> tuple[RingStudy, Path | None, dict[str, float]]:
    """The study of one case: the design's strengths with what is varied, and no match."""
    design = made.design.parameters
    numbers = {name: value for name, value in design.items() if not design.is_dependent(name)}
    varied = {name: float(values[number]) for name, values in made.cases.items()}
    study = made.study.model_copy(update={"parameters": {**numbers, **varied}, "match": None})
    return study, made.file, varied


def _row(task: tuple[RingStudy, Path | None, dict[str, float]]) -> dict[str, Any]:
    """The numbers of one case; one that has no answer says why."""
    study, file, varied = task
    kind = study_of(study.study)
    try:
        result = judged(kind, kind.resolve(study, file))
    except HadronOpticsError as error:
        return {**varied, STATUS: str(error)}
    values = {quantity.name: np.nan if quantity.value is None else quantity.value for quantity in result.quantities}
    return {**varied, STATUS: COMPUTED, **values, **{v.requirement.id: v.verdict for v in result.verdicts}}
