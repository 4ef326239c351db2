"""The rows of a scan of optics: thousands of cases at a time through ``optics.scan``, each with its verdicts."""

from __future__ import annotations

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
#: Error of our maps that a verdict allows for, relative to the value or to one.
_ROUNDING = 1e-9


def blocks(made: Plan, first: int, jobs: int, told: Callable[[int], object]) -> Iterator[pd.DataFrame]:
    """Tables of finished cases in order, from case ``first`` on; ``told`` hears how many more are finished."""
    wanted = tuple(dict.fromkeys((*made.names.values(), "qx", "qy")))
    for begin in range(first, made.number, _BLOCK):
        part = {name: values[begin : begin + _BLOCK] for name, values in made.cases.items()}
        found = scan(
            made.design,
            made.particle,
            parameters=part,
            quantities=wanted,
            fringe=made.resolved.study.model.fringe,
            jobs=jobs,
            progress=told,
        )
        yield _named(made, part, found)


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
    value = values / unit_factor(quantity_named(requirement.quantity), requirement.unit)
    error = _ROUNDING * np.maximum(1.0, np.abs(value))
    lower = -np.inf if requirement.lower is None else requirement.lower
    upper = np.inf if requirement.upper is None else requirement.upper
    margin = np.minimum(value - lower, upper - value)
    return np.where(np.isnan(value), NOT_EVALUATED, np.where(margin < error, FAIL, PASS))
