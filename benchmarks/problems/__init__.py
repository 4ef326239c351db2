"""The matching problem set: rings, insertions, lines, telescopes and achromats, from good and from poor starts."""

from __future__ import annotations

from benchmarks.problems.achromats import achromats
from benchmarks.problems.lines import lines
from benchmarks.problems.problem import SEEDS, Problem
from benchmarks.problems.rings import rings

__all__ = ["SEEDS", "Problem", "problems"]


def problems() -> list[Problem]:
    """All problems."""
    return [*rings(), *lines(), *achromats()]
