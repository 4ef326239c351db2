"""How long a scan will take: its first cases computed, and nothing written."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from studies.scan.cases import FIRST
from studies.scan.plan import Plan
from studies.scan.work import rows_of


@dataclass(frozen=True)
class Estimate:
    """``cases`` of the scan; ``tried`` of them took ``seconds``, on one of ``processors``."""

    cases: int
    tried: int
    seconds: float
    processors: int

    @property
    def total(self) -> float:
        """Seconds that all cases take if each takes as long."""
        return self.seconds * self.cases / self.tried / self.processors


def estimated(made: Plan, processors: int | None = None) -> Estimate:
    """Compute the first cases of a scan twice (what is compiled and read once is not counted)."""
    numbers = np.arange(min(FIRST[made.study.scanned], made.number))
    rows_of(made, numbers)
    started = time.monotonic()
    rows_of(made, numbers)
    return Estimate(made.number, len(numbers), time.monotonic() - started, processors or os.cpu_count() or 1)
