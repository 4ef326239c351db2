"""What the study of the tolerances of a linac has computed before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from lattice import Lattice
from optics.linac.structure.lattices import lattice_of
from studies.linac.resolution import ResolvedLinac
from studies.pipeline import Asked
from studies.tolerances.cases import answered
from studies.tolerances.linac.machines import Linacs
from studies.tolerances.linac.spec import LinacTolerancesStudy
from studies.tolerances.outcome import Answer


@dataclass(frozen=True, eq=False)
class Facts:
    """The answer, and the linacs that it is of."""

    linacs: Linacs
    answer: Answer
    unreached: str = ""
    interrupted: bool = False

    @cached_property
    def lattice(self) -> Lattice:
        """The linac without errors."""
        return lattice_of(self.linacs.linac)

    @property
    def told(self) -> str:
        """Particle and energy at the entrance."""
        return str(self.linacs.linac.particle)

    @cached_property
    def worst(self) -> Lattice | None:
        """The worst machine as a lattice of its own."""
        return None if self.answer.worst is None else self.linacs.one(self.answer.worst[0])


def gather(resolved: ResolvedLinac[LinacTolerancesStudy], cases: pd.DataFrame, asked: Asked) -> Facts:
    """The answer from the table of all cases."""
    linacs = Linacs(resolved)
    return Facts(linacs, answered(linacs, resolved.study.tolerances, resolved.requirements, cases))
