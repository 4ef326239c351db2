"""Machines that a move of an assumption is told from: the first of those that were drawn, with the same numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from studies.pipeline import Asked
from studies.tolerances.outcome import Answer, answer_again
from studies.tolerances.sampling import Drawing

#: Enough for what 95 % of them do not exceed to be one of them (59 at least), and for a share to a hundredth.
MACHINES = 100
BUDGET = "budget_yield"
Measured = Callable[[Drawing], pd.DataFrame]


def of_errors(names: tuple[str, ...]) -> tuple[str, ...]:
    """What the size of a stated error moves: all of ``names`` but the budget's yield, for a budget says the sizes."""
    return tuple(name for name in names if name != BUDGET)


def some_of(found: Answer, measured: Measured, asked: Asked) -> Answer:
    """The answer of the first machines as they are known, the budget checked on as many of its own."""
    return answer_again(found, found.machines.iloc[:MACHINES], _checked(found, measured, asked))


def measured_again(found: Answer, measured: Measured, asked: Asked) -> Answer:
    """The same machines as ``measured`` has them: with other errors, beams or walls."""
    machines = measured(found.question.sampling.drawing(np.arange(len(found.machines))))
    return answer_again(found, machines, _checked(found, measured, asked))


def _checked(found: Answer, measured: Measured, asked: Asked) -> pd.DataFrame | None:
    """Machines of the budget; None where it is not asked for, or there is none."""
    spec = found.question.budget
    if found.budget is None or spec is None or BUDGET not in asked.names:
        return None
    number = min(spec.check, MACHINES)
    return measured(found.question.sampling.more(found.budget.first, number, found.budget.scales))
