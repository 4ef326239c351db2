"""The rows of any scan, a row a case: its parameters, its results and the verdict on each requirement.

Optics studies go through ``optics.scan``, thousands of cases at a time; extraction studies case by case, in processes.
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
from studies.scan.blocks import blocks
from studies.scan.plan import COMPUTED, STATUS, Plan
from studies.slow_extraction import study as slow_extraction
from studies.spec.resolution import resolve
from studies.spec.schema import ExtractionStudy, Study


def rows(made: Plan, first: int, jobs: int, told: Callable[[int], object]) -> Iterator[pd.DataFrame]:
    """Tables of finished cases in order, from case ``first`` on; ``told`` hears how many more are finished."""
    if isinstance(made.resolved.study, ExtractionStudy):
        return _case_by_case(made, first, jobs, told)
    return blocks(made, first, jobs, told)


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


def _task(made: Plan, number: int) -> tuple[Study, Path | None, dict[str, float]]:
    """The study of one case: the design's strengths with what is varied, no match, no tracked spill."""
    design = made.design.parameters
    numbers = {name: value for name, value in design.items() if not design.is_dependent(name)}
    varied = {name: float(values[number]) for name, values in made.cases.items()}
    no_spill = {"spill": None} if isinstance(made.study, ExtractionStudy) else {}
    study = made.study.model_copy(update={"parameters": {**numbers, **varied}, "match": None, **no_spill})
    return study, made.file, varied


def _row(task: tuple[Study, Path | None, dict[str, float]]) -> dict[str, Any]:
    """One case of an extraction study; one that has no answer says why."""
    study, file, varied = task
    try:
        result = slow_extraction.compute(resolve(study, file)).result
    except HadronOpticsError as error:
        return {**varied, STATUS: str(error)}
    values = {quantity.name: np.nan if quantity.value is None else quantity.value for quantity in result.quantities}
    return {**varied, STATUS: COMPUTED, **values, **{v.requirement.id: v.verdict for v in result.verdicts}}
