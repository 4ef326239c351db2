"""What became of the cases of a scan, counted while their rows go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice.arrays import Array
from machines.requirements import PASS, Requirement
from studies.runs.ordered import Parts
from studies.scan.plan import COMPUTED, STATUS

#: Classes of ``classes_of``: how many requirements a case fails (2: or more), and without an answer.
PASSES, NO_ANSWER = 0, 3


@dataclass(frozen=True)
class Counted:
    """Of a scan the ``classes`` of its cases (n,), how many ``passed`` each requirement, why others have no answer."""

    classes: Array
    passed: Mapping[str, int]
    reasons: Mapping[str, int]

    @property
    def number(self) -> int:
        """How many cases there are."""
        return len(self.classes)

    @property
    def computed(self) -> int:
        """How many have an answer."""
        return int((self.classes != NO_ANSWER).sum())

    @property
    def feasible(self) -> int:
        """How many pass every requirement that is judged."""
        return int((self.classes == PASSES).sum())


def count_cases(judged: Sequence[Requirement], parts: Parts) -> Counted:
    """Count all rows."""
    classes: list[Array] = []
    passed = dict.fromkeys((requirement.id for requirement in judged), 0)
    reasons: Counter[str] = Counter()
    for table in parts():
        classes.append(classes_of(judged, table))
        for id in passed.keys() & set(table):
            passed[id] += int((table[id] == PASS).sum())
        reasons.update(table.loc[table[STATUS] != COMPUTED, STATUS])
    return Counted(np.concatenate(classes) if classes else np.zeros(0, dtype=np.int8), passed, reasons)


def classes_of(judged: Sequence[Requirement], table: pd.DataFrame) -> Array:
    """Class of each case: 0 passes all, 1 fails one, 2 fails more, 3 has no answer."""
    failed = np.zeros(len(table), dtype=int)
    for requirement in judged:
        failed += (table[requirement.id] != PASS).to_numpy() if requirement.id in table else 1
    return np.where(table[STATUS] == COMPUTED, np.minimum(failed, 2), NO_ANSWER).astype(np.int8)
