"""Two trackers on the same particles: do they extract the same ones at the same time?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from extraction.spill.beam import angles
from extraction.spill.tracking import Spill
from lattice import NoSolution
from lattice.arrays import Array

#: Least chance at which two samples are taken for one distribution.
AGREE = 0.01
#: Turns (one passage of the septum), and share of the particles, that may differ.
APART, OTHER_FATE = 3.0, 0.1

_ENOUGH, _NEARLY = 10, 20  # particles by both trackers for a test; by one of them for a difference


@dataclass(frozen=True, eq=False)
class Agreement:
    """Both trackers on the same particles and a shortened programme, with Kolmogorov-Smirnov tests.

    ``turn`` and ``angle``: (largest distance of the cumulative distributions, chance of such a one). The particles
    being the same, these chances are high too easily; sharper are ``apart``, the median difference of their turns, and
    ``other_fate``, the share of them that is extracted by one tracker and not by the other.
    """

    ours: Spill
    theirs: Spill
    turn: tuple[float, float]
    angle: tuple[float, float]

    @property
    def chance(self) -> float:
        """The smaller of the two chances."""
        return min(self.turn[1], self.angle[1])

    @property
    def agree(self) -> bool:
        """False when turn or angle of extraction differ, or only one of the two extracts."""
        return self.chance >= AGREE and self.apart <= APART and self.other_fate <= OTHER_FATE

    @property
    def apart(self) -> float:
        """Median difference of the turns of extraction, of particles that both extract."""
        pairs = self.ours.extracted.merge(self.theirs.extracted, on="particle")
        return float(np.median(np.abs(pairs["turn_x"] - pairs["turn_y"]))) if len(pairs) else float("inf")

    @property
    def other_fate(self) -> float:
        """Share of the particles that only one of the two extracts."""
        ours, theirs = (set(one.extracted["particle"]) for one in (self.ours, self.theirs))
        return len(ours ^ theirs) / self.ours.particles


def agreement_of(ours: Spill, theirs: Spill) -> Agreement:
    """Compare two spills of the same particles. NoSolution where too few leave to tell."""
    from scipy.stats import ks_2samp

    counts = len(ours.extracted), len(theirs.extracted)
    if max(counts) < _NEARLY and min(counts) < _ENOUGH:
        raise NoSolution(f"only {counts[0]} and {counts[1]} particles leave within {ours.turns} turns")
    if min(counts) < _ENOUGH:
        return Agreement(ours, theirs, (1.0, 0.0), (1.0, 0.0))
    tests = [ks_2samp(one(ours.extracted), one(theirs.extracted)) for one in (_turns, angles)]
    turn, angle = ((float(test.statistic), float(test.pvalue)) for test in tests)
    return Agreement(ours, theirs, turn, angle)


def _turns(table: pd.DataFrame) -> Array:
    return np.asarray(table["turn"], dtype=float)
