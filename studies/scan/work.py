"""Cases of a scan for a process that has nothing of it yet: what it needs, and what it computes from that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lattice import HadronOpticsError, InputError
from lattice.arrays import Array
from lattice.memory import Kept, Memory
from studies.pipeline import judged
from studies.provenance import provenance, toolkit_version
from studies.registry import study_of
from studies.scan.blocks import block
from studies.scan.plan import COMPUTED, STATUS, Axis, Plan
from studies.spec.schema import RingStudy

_PLANS = Kept[str, Plan]("plans of scans", at_most=2)
_MEMORY = Memory()  # of this process: a plan follows from its work alone


_RESOLVED = "study.toml (resolved)"  # of provenance: it travels with the work


@dataclass(frozen=True)
class Work:
    """A scan without its match: ``study`` has the design's strengths; ``inputs`` are the hashes of its files."""

    study: RingStudy
    file: Path | None
    axes: tuple[Axis, ...]
    version: str
    inputs: dict[str, str]
    more: tuple[str, ...] = ()
    engines: bool = True
    whole: bool = False

    @property
    def key(self) -> str:
        """The same for the same work."""
        asked = (self.axes, self.more, self.engines, self.whole)
        return repr((self.study.model_dump_json(), self.file, self.version, self.inputs, asked))


#: Some cases, by their numbers in the scan.
Task = tuple[Work, Array]


def work_of(made: Plan) -> Work:
    """What others need of a scan to compute its cases; ``inputs`` are those of the study that they resolve."""
    file, study = None if made.file is None else made.file.resolve(), _matched(made)
    hashed = study_of(study.study).resolve(study, file).hashed
    inputs = {name: value for name, value in provenance(0, hashed)["inputs"].items() if name != _RESOLVED}
    return Work(study, file, made.axes, toolkit_version(), inputs, made.more, made.engines, made.whole)


def _matched(made: Plan) -> RingStudy:
    """The study with the design's strengths and no match."""
    design = made.design.parameters
    strengths = {name: float(value) for name, value in design.items() if not design.is_dependent(name)}
    return made.study.model_copy(update={"parameters": strengths, "match": None})


def computed(task: Task) -> pd.DataFrame:
    """The rows of some cases. InputError when this process has another version of the toolkit or other files."""
    work, numbers = task
    return rows_of(plan_of(work), numbers)


def plan_of(work: Work) -> Plan:
    """The plan of the work, made once in this process."""
    return _MEMORY.once(_PLANS, work.key, lambda: _plan(work))


def _plan(work: Work) -> Plan:
    from studies.scan.asked import plan

    if toolkit_version() != work.version:
        raise InputError(f"a worker has version {toolkit_version()}, the scan is of {work.version}: install the same")
    made = plan(work.study, work.file, work.axes, work.more)
    here = work_of(made).inputs
    changed = [name for name in work.inputs if here.get(name) != work.inputs[name]]
    if changed:
        raise InputError(f"a worker reads another {', '.join(changed)} than the scan: give it the same files")
    return replace(made, engines=work.engines, whole=work.whole)


def rows_of(made: Plan, numbers: Array) -> pd.DataFrame:
    """The rows of some cases, in their order; a case that has no answer says why in its status."""
    if made.study.scanned == "blocks" and not made.whole:
        return pd.concat(_blocks(made, numbers), ignore_index=True)
    study = _matched(made)
    return pd.DataFrame([_row(made, study, int(number)) for number in numbers])


def _blocks(made: Plan, numbers: Array) -> Iterator[pd.DataFrame]:
    """In one block; where that ends in an error of the program, in halves, so that it costs one case."""
    try:
        yield block(made, numbers, 1)
    except Exception as error:
        if len(numbers) == 1:
            yield pd.DataFrame([{**varied(made, int(numbers[0])), STATUS: reason_of(error)}])
            return
        middle = len(numbers) // 2
        yield from _blocks(made, numbers[:middle])
        yield from _blocks(made, numbers[middle:])


def _row(made: Plan, design: RingStudy, number: int) -> dict[str, object]:
    """The numbers of one case; one that has no answer says why."""
    own = varied(made, number)
    study = design.model_copy(update={"parameters": {**design.parameters, **own}})
    kind = study_of(study.study)
    try:
        result = judged(kind, kind.resolve(study, made.file), made.more, made.engines)
    except Exception as error:
        return {**own, STATUS: reason_of(error)}
    values = {quantity.name: np.nan if quantity.value is None else quantity.value for quantity in result.quantities}
    return {**own, STATUS: COMPUTED, **values, **{v.requirement.id: v.verdict for v in result.verdicts}}


def varied(made: Plan, number: int) -> dict[str, float]:
    """The parameters of one case."""
    return {name: float(values[number]) for name, values in made.cases.items()}


def reason_of(error: Exception) -> str:
    """Why a case has no answer."""
    if isinstance(error, HadronOpticsError):
        return str(error)
    return f"an error of the program: {type(error).__name__}: {error}"
