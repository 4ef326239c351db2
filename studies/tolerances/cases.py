"""How machines of any kind, drawn and measured, are a study of many cases whose assumptions move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from lattice.arrays import Array
from machines.requirements import Requirement
from studies.pipeline import Asked, F, Many, R
from studies.tolerances.again import measured_again, some_of
from studies.tolerances.asked import DrawnSpec
from studies.tolerances.outcome import Answer, Question, answer
from studies.tolerances.sampling import Drawing, Sampling


class Built(Protocol):
    """Machines of a resolved study: which there are, and the numbers of those of a drawing."""

    @property
    def sampling(self) -> Sampling:
        """The cases of the study."""

    def measured(self, drawing: Drawing) -> pd.DataFrame:
        """A row a machine."""


def many_of(built: Callable[[R], Built], gather: Callable[[R, pd.DataFrame, Asked], F], batch: int) -> Many[R, F]:
    """The cases of a kind of study, of whose resolved studies machines are ``built``."""

    def rows(resolved: R, cases: Array) -> pd.DataFrame:
        machines = built(resolved)
        return machines.measured(machines.sampling.drawing(cases))

    return Many(lambda resolved: built(resolved).sampling.cases, rows, gather, batch)


def gathered(many: Many[R, F]) -> Callable[[R, Asked], F]:
    """All cases computed here, and their facts."""
    return lambda resolved, asked: many.gather(resolved, many.rows(resolved, np.arange(many.number(resolved))), asked)


def answered(built: Built, spec: DrawnSpec, requirements: Sequence[Requirement], cases: pd.DataFrame) -> Answer:
    """The answer from the table of all cases."""
    return answer(Question(built.sampling, spec.wanted_yield, spec.budget, requirements, built.measured), cases)


def moved_again(
    built: Callable[[R], Built], of: Callable[[F], Answer], facts: Callable[[R, Answer], F]
) -> tuple[Callable[[F, R, Sequence[R], Asked], F | None], Callable[[F, R, str, Asked], F | None]]:
    """``base`` and ``again`` of ``pipeline.Moving``: the first machines as they are known, and the same measured anew.

    ``of``: the answer of facts, ``facts``: those of a resolved study with an answer.
    """

    def base(known: F, light: R, _: Sequence[R], asked: Asked) -> F:
        return facts(light, some_of(of(known), built(light).measured, asked))

    def again(known: F, resolved: R, _: str, asked: Asked) -> F:
        return facts(resolved, measured_again(of(known), built(resolved).measured, asked))

    return base, again
