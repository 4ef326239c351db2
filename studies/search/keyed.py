"""Cases of a study whose knobs are keys of it: a linac's, whose sections are what is searched.

A case is the study itself with the keys set: resolved anew, its numbers by our maps alone. Of constraints, those that
cost little (``cheap`` of the kind of study) are looked at first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lattice import InputError, Lattice
from machines.requirements import PROGRAM, Requirement
from studies.pipeline import Asked, judged
from studies.provenance import toolkit_version
from studies.registry import study_of
from studies.scan.plan import COMPUTED, STATUS
from studies.scan.work import reason_of
from studies.search.keys import nearest_key, value_at, with_keys
from studies.search.limits import Constraint, why_broken
from studies.spec.judged import requirement_spec
from studies.spec.schema import StudySpec, as_mapping

Point = Mapping[str, float]


@dataclass(frozen=True)
class Keyed:
    """A study whose cases are it with keys set: what another process needs to compute them.

    ``more``: quantities that are wanted beside those of its requirements; ``limits``: constraints that cost little;
    ``whole``: keys that are whole numbers; ``seconds``: what a case may take, none here.
    """

    study: StudySpec
    file: Path | None
    more: tuple[str, ...]
    judged: tuple[Requirement, ...]
    whole: tuple[str, ...] = ()
    limits: tuple[Constraint, ...] = ()
    version: str = ""

    @property
    def unjudged(self) -> tuple[Requirement, ...]:
        """Requirements that a case cannot judge: none."""
        return ()

    @cached_property
    def resolved(self) -> Any:
        """The study with nothing left open."""
        return study_of(self.study.study).resolve(self.study, self.file)

    @property
    def design(self) -> Lattice:
        """The machine that the search departs from."""
        lattice: Lattice = self.resolved.lattice
        return lattice

    def value(self, key: str) -> float:
        """What stands at a key: in the study, else in the machine's table. InputError where there is no number."""
        content = as_mapping(self.study)
        table = self.resolved.table
        found = [value for value in (value_at(content, key), value_at(table, key)) if value is not None]
        if not found:
            where = table if key.partition(".")[0] in table else content
            raise InputError(f"search.vary: '{key}': no number stands there{nearest_key(where, key)}")
        return found[0]

    def rows(self, cases: Mapping[str, Any]) -> pd.DataFrame:
        """The rows of some cases, in their order."""
        if self.version != toolkit_version():
            raise InputError(f"a worker has version {toolkit_version()}, the search is of {self.version}")
        count = len(next(iter(cases.values())))
        return pd.DataFrame(
            [self._row({name: float(values[i]) for name, values in cases.items()}) for i in range(count)]
        )

    def _row(self, point: Point) -> dict[str, object]:
        """The numbers of one case; one that has no answer, or breaks a cheap constraint, says why."""
        kind = study_of(self.study.study)
        try:
            resolved = kind.resolve(self.at(point), self.file)
            values = self._cheap(kind, resolved)
            reason = why_broken(self.limits, values)
            if reason:
                return {**point, STATUS: reason, **values}
            result = judged(kind, resolved, self.more, engines=False)
        except Exception as error:
            return {**point, STATUS: reason_of(error)}
        numbers = {one.name: np.nan if one.value is None else one.value for one in result.quantities}
        return {**point, STATUS: COMPUTED, **numbers, **{v.requirement.id: v.verdict for v in result.verdicts}}

    def _cheap(self, kind: Any, resolved: Any) -> dict[str, float]:
        """The quantities of the cheap constraints."""
        names = tuple(dict.fromkeys(one.quantity for one in self.limits))
        if not names:
            return {}
        asked = Asked(names, report=False, engines=False)
        found = kind.quantities(kind.gather(resolved, asked), asked)
        return {one.name: np.nan if one.value is None else one.value for one in found}

    def at(self, point: Point) -> StudySpec:
        """The study at a point."""
        return with_keys(self.study, {key: round(v) if key in self.whole else v for key, v in point.items()})


def keyed(study: StudySpec, file: Path | None, more: tuple[str, ...]) -> Keyed:
    """The cases of a study that has a [search], without checks of the program and what the search leaves out."""
    spec = study.search  # type: ignore[attr-defined]
    found = Keyed(study, file, more, (), tuple(one.name for one in spec.vary if one.whole), version=toolkit_version())
    kept = tuple(one for one in found.resolved.requirements if spec.requirements and one.kind != PROGRAM)
    own = {"machine_requirements": False, "requirement": tuple(map(requirement_spec, kept)), "assumption": ()}
    return replace(found, study=study.model_copy(update=own), judged=kept)
