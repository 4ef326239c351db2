"""The rows of a scan of optics: thousands of cases at a time through ``optics.scan``, each with its verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lattice.arrays import Array
from machines.requirements import FAIL, NOT_EVALUATED, PASS, Requirement
from optics.resonances import distance_with_qy, nearest_third
from optics.scanning.scans import scan
from studies.scan.plan import COMPUTED, STATUS, Plan
from studies.scan.quantities import extra_columns
from studies.vocabulary import quantity_named, unit_factor

_BLOCK = 65_536
_FIRST_BLOCK = 256
#: Time that a block takes [s], as far as the last one tells: what is finished is soon on disk.
_BLOCK_S = 0.5
#: Error of our maps that a verdict allows for, relative to the value or to one.
_ROUNDING = 1e-9


def blocks(
    made: Plan, cases: Array, jobs: int = 1, told: Callable[[int], object] | None = None
) -> Iterator[tuple[Array, pd.DataFrame]]:
    """Numbers and table of finished cases, in the order of ``cases``; ``told`` hears how many more are finished.

    A row is the same, to the last bit, in whatever block it stands.
    """
    begin, size = 0, _FIRST_BLOCK
    while begin < len(cases):
        numbers, started = cases[begin : begin + min(size, _BLOCK)], time.monotonic()
        yield numbers, block(made, numbers, jobs, told)
        begin += len(numbers)
        size = max(_FIRST_BLOCK, int(len(numbers) * _BLOCK_S / (time.monotonic() - started)))


def block(made: Plan, numbers: Array, jobs: int, told: Callable[[int], object] | None = None) -> pd.DataFrame:
    """The rows of some cases, computed together by so many threads."""
    part = {name: values[numbers] for name, values in made.cases.items()}
    found = scan(
        made.design,
        made.particle,
        parameters=part,
        quantities=tuple(dict.fromkeys((*made.names.values(), "qx", "qy"))),
        fringe=made.resolved.study.model.fringe,
        jobs=jobs,
        progress=told,
    )
    return _named(made, part, found)


def _named(made: Plan, part: Mapping[str, Array], found: pd.DataFrame) -> pd.DataFrame:
    columns: dict[str, Any] = dict(part)
    columns[STATUS] = np.where(found["stable"], COMPUTED, "unstable")
    for name, quantity in made.names.items():
        columns[name] = _DERIVED[name](found) if name in _DERIVED else found[quantity].to_numpy()
    for name, values in extra_columns(made.resolved, made.design.with_parameters(part), made.extra).items():
        columns[name] = np.where(found["stable"], values, np.nan)
    for requirement in made.judged:
        columns[requirement.id] = _verdicts(requirement, columns[requirement.quantity])
    return pd.DataFrame(columns)


def _tune_distance(table: pd.DataFrame) -> Array:
    return np.asarray(np.abs(nearest_third(table["qx"].to_numpy())[1]))


def _resonance_distance(table: pd.DataFrame) -> Array:
    return distance_with_qy(table["qx"].to_numpy(), table["qy"].to_numpy())


_DERIVED: Mapping[str, Callable[[pd.DataFrame], Array]] = {
    "tune_distance": _tune_distance,
    "resonance_distance": _resonance_distance,
}


def _verdicts(requirement: Requirement, values: Array) -> Array:
    """PASS, FAIL or NOT EVALUATED for each case, as ``machines.requirements.judge`` decides."""
    value = np.where(np.isfinite(values), values, np.nan) / unit_factor(
        quantity_named(requirement.quantity), requirement.unit
    )
    error = _ROUNDING * np.maximum(1.0, np.abs(value))
    lower = -np.inf if requirement.lower is None else requirement.lower
    upper = np.inf if requirement.upper is None else requirement.upper
    margin = np.minimum(value - lower, upper - value)
    return np.where(np.isnan(value), NOT_EVALUATED, np.where(margin < error, FAIL, PASS))
