"""Which errors each case has: machines as built, and machines of which one cause is taken from others.

Cases 0 to ``machines`` - 1 are the machines. Behind them come ``mixed`` cases for each cause: case j of cause i has all
errors of machine j but those of cause i, which are machine ``mixed`` + j's (``optics.imperfections.causes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice.arrays import Array


@dataclass(frozen=True)
class Cause:
    """One kind of error of one family, as "quadrupoles: roll", and what it costs to hold it as it is stated."""

    name: str
    cost: float


@dataclass(frozen=True)
class Drawing:
    """Machines to be drawn: for each cause the number of the machine whose errors of it they have, and its scale.

    ``numbers`` (causes, machines), ``scales`` (causes,).
    """

    numbers: Array
    scales: Array


@dataclass(frozen=True)
class Sampling:
    """The cases of a study."""

    causes: tuple[Cause, ...]
    machines: int
    mixed: int

    @property
    def cases(self) -> int:
        """How many there are."""
        return self.machines + self.mixed * len(self.causes)

    def drawing(self, cases: Array) -> Drawing:
        """Some of the cases, by their numbers."""
        behind = np.maximum(cases - self.machines, 0)
        mixed = cases >= self.machines
        cause = np.where(mixed, behind // max(self.mixed, 1), -1)
        own = np.where(mixed, behind % max(self.mixed, 1), cases)
        each = np.arange(len(self.causes))[:, None]
        return Drawing(np.where(each == cause, self.mixed + own, own), np.ones(len(self.causes)))

    def more(self, first: int, number: int, scales: Array) -> Drawing:
        """Machines that are none of the cases, the first of them ``first`` behind those, errors scaled."""
        numbers = self.machines + first + np.arange(number)
        return Drawing(np.broadcast_to(numbers, (len(self.causes), number)), scales)

    def triple(self, table: pd.DataFrame, column: str) -> tuple[Array, Array, Array]:
        """f_A, f_B (mixed,) and f_ABi (causes, mixed) of a number in the table of all cases."""
        values = table[column].to_numpy()
        behind = values[self.machines :].reshape(len(self.causes), self.mixed)
        return values[: self.mixed], values[self.mixed : 2 * self.mixed], behind


def costs_of(wanted: Mapping[str, float], groups: tuple[str, ...], where: str) -> dict[str, float]:
    """The cost of each group of errors of a family, 1 where none is given. InputError for a group it has not."""
    from lattice import InputError
    from lattice.errors import did_you_mean

    for name in wanted:
        if name not in groups:
            raise InputError(
                f"{where}: cost.{name} names no error of it{did_you_mean(name, groups) or ':'} {list(groups)}"
            )
    return {group: wanted.get(group, 1.0) for group in groups}
