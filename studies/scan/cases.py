"""What a scan computes: a row a case, with its parameters, its results and the verdict on each requirement.

Optics studies go through ``optics.scan``, thousands of cases at a time; extraction studies case by case, in processes.
Both depart from the study's own design, which is matched once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lattice import HadronOpticsError, InputError, Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from machines.requirements import FAIL, NOT_EVALUATED, PASS, Requirement
from optics.linear.optics import COLUMNS, SCALARS
from optics.scanning.scans import grid, scan
from studies.ring_optics.match import matched_design
from studies.ring_optics.quantities import OTHER_RESONANCES
from studies.scan.quantities import extra_columns, extra_quantities
from studies.spec.resolution import Resolved, resolve
from studies.spec.schema import AnyStudy, ExtractionStudy, OpticsStudy, Study
from studies.vocabulary import SPILL, quantity_named, unit_factor

#: What every scan of optics gives.
USUAL = ("qx", "qy", "dqx", "dqy", "tune_distance", "max_betx", "max_bety", "max_dx", "min_dx",
         "momentum_compaction")  # fmt: skip
#: Column that says how a case went, and what it says of one that was computed.
STATUS, COMPUTED = "status", "computed"
LARGEST = 20_000_000
_BLOCK = 65_536
#: Error of our maps that a verdict allows for, relative to the value or to one.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Axis:
    """A parameter that the scan varies over ``number`` values from ``lower`` to ``upper``."""

    name: str
    lower: float
    upper: float
    number: int

    @property
    def text(self) -> str:
        """As on the command line."""
        return f"{self.name}={self.lower!r}:{self.upper!r}:{self.number}"


@dataclass(frozen=True)
class Plan:
    """A scan ready to run: its ``cases`` and the study they depart from.

    ``names`` maps results (as the vocabulary writes them) to quantities of ``optics.scan``, ``extra`` are those of
    ``studies.scan.quantities``; ``judged``: the requirements whose quantity is among them, ``unjudged`` the others.
    """

    study: Study
    resolved: Resolved
    design: Lattice
    axes: tuple[Axis, ...]
    cases: Mapping[str, Array]
    names: Mapping[str, str]
    extra: tuple[str, ...]
    judged: tuple[Requirement, ...]
    unjudged: tuple[Requirement, ...]
    file: Path | None

    @property
    def number(self) -> int:
        """How many cases there are."""
        return len(next(iter(self.cases.values())))

    @property
    def particle(self) -> ReferenceParticle:
        """The particle of the study."""
        return self.resolved.particle


def plan(study: AnyStudy, file: Path | None, axes: Sequence[Axis]) -> Plan:
    """The scan of a study over ``axes``; its match, if it has one, is made here, once.

    InputError for another kind of study, a line, unknown parameters, too many cases; NoSolution when the match fails.
    """
    if not isinstance(study, (OpticsStudy, ExtractionStudy)):
        raise InputError(f'a scan takes studies of study = "optics" or "extraction", not "{study.study}"')
    resolved = resolve(study, file)
    if resolved.start is not None:
        raise InputError("a scan takes rings: this study has a start, which makes it a line")
    _check_axes(axes, resolved.lattice)
    return planned(study, resolved, _design(resolved), axes, file)


def planned(study: Study, resolved: Resolved, design: Lattice, axes: Sequence[Axis], file: Path | None = None) -> Plan:
    """The scan of a resolved study around a design that is known."""
    names = _names(resolved) if isinstance(study, OpticsStudy) else {}
    number = int(np.prod([axis.number for axis in axes]))
    extra = extra_quantities(resolved, number) if isinstance(study, OpticsStudy) else ()
    judged = tuple(r for r in resolved.requirements if _is_judged(r.quantity, study, (*names, *extra)))
    return Plan(
        study=study,
        resolved=resolved,
        design=design,
        axes=tuple(axes),
        cases=grid(**{axis.name: (axis.lower, axis.upper, axis.number) for axis in axes}),
        names=names,
        extra=extra,
        judged=judged,
        unjudged=tuple(r for r in resolved.requirements if r not in judged),
        file=file,
    )


def _is_judged(quantity: str, study: Study, names: Collection[str]) -> bool:
    """True when the scan gives the quantity: of extractions all but those of a tracked spill."""
    return quantity in names if isinstance(study, OpticsStudy) else quantity.partition("@")[0] not in SPILL


def _check_axes(axes: Sequence[Axis], lattice: Lattice) -> None:
    repeated = [axis.name for axis in axes if sum(axis.name == other.name for other in axes) > 1]
    if repeated:
        raise InputError(f"--over names '{repeated[0]}' twice")
    for axis in axes:
        if axis.name not in lattice.parameters:
            raise InputError(
                f"--over {axis.text}: '{lattice.name}' has no parameter '{axis.name}'"
                f"{did_you_mean(axis.name, lattice.parameters)}"
            )
    total = int(np.prod([float(axis.number) for axis in axes]))
    if total > LARGEST:
        raise InputError(f"the grid has {total:,} cases, more than the {LARGEST:,} allowed")


def _design(resolved: Resolved) -> Lattice:
    matched = matched_design(resolved)
    if matched is None:
        return resolved.lattice
    if not matched.success:
        raise NoSolution(f"the study's match did not converge, a scan has no design to depart from: {matched.message}")
    return matched.lattice.with_particle(resolved.particle)


def _names(resolved: Resolved) -> dict[str, str]:
    """Results of an optics scan by the vocabulary's names, and what ``optics.scan`` calls them."""
    asked = (*USUAL, *(requirement.quantity for requirement in resolved.requirements))
    found = {name: _scanned(name, resolved) for name in dict.fromkeys(asked)}
    return {name: quantity for name, quantity in found.items() if quantity}


def _scanned(name: str, resolved: Resolved) -> str:
    """The quantity of ``optics.scan`` for a name of the vocabulary; "" where there is none."""
    asked = quantity_named(name)
    if asked.form == "at" and asked.base in COLUMNS:
        place, colon, end = str(asked.place).partition(":end")
        places = resolved.machine.places if resolved.machine else {}
        element = place if place in resolved.lattice.names else places.get(place, place)
        return f"{asked.base}@{element}{colon}{end}"
    if asked.form in ("max", "min") and asked.base in COLUMNS:
        return f"{asked.form}_{asked.base}"
    known = {"length": "circumference", "tune_distance": "qx", "resonance_distance": "qy"}
    return known.get(asked.base, asked.base if asked.base in SCALARS else "")


# --------------------------------------------------------------------------------------------------- the rows


def rows(made: Plan, first: int, jobs: int, told: Callable[[int], object]) -> Iterator[pd.DataFrame]:
    """Tables of finished cases in order, from case ``first`` on; ``told`` hears how many more are finished."""
    if isinstance(made.resolved.study, ExtractionStudy):
        return _case_by_case(made, first, jobs, told)
    return _blocks(made, first, jobs, told)


def _blocks(made: Plan, first: int, jobs: int, told: Callable[[int], object]) -> Iterator[pd.DataFrame]:
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
    qx = table["qx"].to_numpy()
    return np.asarray(np.abs(qx - np.round(3 * qx) / 3))


def _resonance_distance(table: pd.DataFrame) -> Array:
    sums = np.array([m * table["qx"].to_numpy() + n * table["qy"].to_numpy() for m, n in OTHER_RESONANCES])
    return np.asarray(np.abs(sums - np.round(sums)).min(axis=0))


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


# ------------------------------------------------------------------------------------------------ case by case


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
    from studies.slow_extraction import study as slow_extraction

    study, file, varied = task
    try:
        result = slow_extraction.compute(resolve(study, file)).result
    except HadronOpticsError as error:
        return {**varied, STATUS: str(error)}
    values = {quantity.name: np.nan if quantity.value is None else quantity.value for quantity in result.quantities}
    return {**varied, STATUS: COMPUTED, **values, **{v.requirement.id: v.verdict for v in result.verdicts}}
