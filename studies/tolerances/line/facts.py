"""What the study of the tolerances of a line has computed before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lattice import Lattice
from studies.pipeline import Asked
from studies.tolerances.cases import answered
from studies.tolerances.line.machines import Lines, Shown
from studies.tolerances.line.resolution import ResolvedLine
from studies.tolerances.outcome import Answer

_SHOWN = 200  # lines whose trajectories are drawn


@dataclass(frozen=True, eq=False)
class Facts:
    """The answer, the lines that it is of, and what figures show of some of them (None where nothing is drawn).

    ``energies``: their numbers at each energy, where there are several.
    """

    lines: Lines
    answer: Answer
    shown: Shown | None = None
    energies: pd.DataFrame | None = None
    unreached: str = ""
    interrupted: bool = False

    @property
    def lattice(self) -> Lattice:
        """The line without errors."""
        return self.lines.resolved.line

    @property
    def told(self) -> str:
        """Particle and energy."""
        return ", ".join(str(particle) for particle in self.lines.resolved.energies)

    @property
    def uncorrected(self) -> str:
        """Why there are no numbers of steering."""
        return f"lines are not steered: {self.lines.uncorrected}" if self.lines.uncorrected else ""

    @cached_property
    def worst(self) -> Lattice | None:
        """The worst machine as a lattice of its own."""
        return None if self.answer.worst is None else self.lines.one(self.answer.worst[0], self.answer.worst[1].column)


def gather(resolved: ResolvedLine, cases: pd.DataFrame, asked: Asked) -> Facts:
    """The answer from the table of all cases."""
    lines, spec = Lines(resolved), resolved.study.tolerances
    found = answered(lines, spec, resolved.requirements, cases)
    drawing = lines.sampling.drawing(np.arange(min(_SHOWN, spec.machines)))
    if not asked.report:
        return Facts(lines, found)
    percent = 100.0 * spec.wanted_yield
    energies = lines.by_energy(drawing, percent) if lines.each[1:] else None
    return Facts(lines, found, lines.shown(drawing, percent), energies)
