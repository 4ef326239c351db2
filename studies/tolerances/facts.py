"""What the study of the tolerances of a ring has computed before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from lattice import Lattice
from studies.pipeline import Asked
from studies.spec.resolution import Resolved
from studies.tolerances.cases import answered
from studies.tolerances.machines import EXTRACTION, Ring
from studies.tolerances.outcome import Answer
from studies.tolerances.spec import TolerancesStudy


@dataclass(frozen=True, eq=False)
class Facts:
    """The answer, and the rings that it is of."""

    ring: Ring
    answer: Answer
    unreached: str = ""
    interrupted: bool = False

    @property
    def lattice(self) -> Lattice:
        """The ring without errors."""
        return self.ring.resolved.lattice

    @property
    def told(self) -> str:
        """Particle and energy."""
        return str(self.ring.resolved.particle)

    @property
    def uncorrected(self) -> str:
        """Why there are no numbers after a correction."""
        return f"orbits are not corrected: {self.ring.uncorrected}" if self.ring.uncorrected else ""

    def lacking(self, name: str) -> str:
        """Why a number has no value, if it is known."""
        return self.uncorrected or (self.ring.without_arm if name in EXTRACTION else "")

    @cached_property
    def worst(self) -> Lattice | None:
        """The worst machine as a lattice of its own."""
        return None if self.answer.worst is None else self.ring.one(self.answer.worst[0])


def gather(resolved: Resolved[TolerancesStudy], cases: pd.DataFrame, asked: Asked) -> Facts:
    """The answer from the table of all cases."""
    ring = Ring(resolved)
    found = answered(ring, resolved.study.tolerances, resolved.requirements, cases)
    return Facts(ring, replace(found, apart=ring.apart))
