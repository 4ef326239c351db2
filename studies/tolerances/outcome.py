"""What comes of the table of all cases: yields, ranking of causes, budget, worst machine; for rings as for linacs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from lattice import InputError
from machines.requirements import Requirement
from optics.imperfections.causes import CauseShare, cause_shares
from optics.statistics import Proportion
from studies.runs.logs import LOGGER
from studies.runs.rows import COMPUTED, STATUS
from studies.tolerances.allotment import Asked, Budget, budget_of
from studies.tolerances.asked import BudgetSpec
from studies.tolerances.sampling import Drawing, Sampling
from studies.tolerances.yields import Limit, kept, limits_of, worst_machine, yield_of

#: Of the stated errors, for the machine that stands for the ideal one.
_IDEAL = 1e-6


@dataclass(frozen=True)
class Question:
    """What a study of tolerances asks, whatever its machine is."""

    sampling: Sampling
    wanted: float
    budget: BudgetSpec | None
    requirements: Sequence[Requirement]
    measured: Callable[[Drawing], pd.DataFrame]


@dataclass(frozen=True, eq=False)
class Answer:
    """``machines``: a row a machine; ``ideal``: the numbers without errors; ``yields`` of each limit and of ``all``.

    ``apart``: how far numbers are at most from what a better model says of some machines. ``ranking`` by number;
    ``unranked`` why a number has none; ``budget``, or ``unallotted`` why not; the ``worst`` machine and the limit that
    it breaks, or uses, most.
    """

    question: Question
    machines: pd.DataFrame
    ideal: pd.Series
    limits: tuple[Limit, ...]
    yields: tuple[Proportion, ...]
    all: Proportion | None
    ranking: dict[str, tuple[CauseShare, ...]]
    unranked: dict[str, str] = field(default_factory=dict)
    budget: Budget | None = None
    unallotted: str = ""
    worst: tuple[int, Limit] | None = None
    apart: Mapping[str, float] = field(default_factory=dict)


def answer(question: Question, cases: pd.DataFrame) -> Answer:
    """The answer from the table of all cases."""
    sampling = question.sampling
    cases = _whole(cases)
    machines = cases.iloc[: sampling.machines]
    ideal = question.measured(sampling.more(0, 1, np.full(len(sampling.causes), _IDEAL))).iloc[0]
    limits = limits_of(question.requirements, list(machines))
    good = kept(limits, machines) if limits else None
    ranking, unranked = _ranking(sampling, cases)
    budget, unallotted = _budget(question, limits, ranking, machines, ideal)
    return Answer(
        question=question,
        machines=machines,
        ideal=ideal,
        limits=limits,
        yields=() if good is None else tuple(yield_of(one) for one in good),
        all=None if good is None else yield_of(np.asarray(np.all(good, axis=0))),
        ranking=ranking,
        unranked=unranked,
        budget=budget,
        unallotted=unallotted,
        worst=worst_machine(limits, machines, ideal) if limits else None,
    )


def answer_again(found: Answer, machines: pd.DataFrame, checked: pd.DataFrame | None) -> Answer:
    """The same asked of other ``machines`` (a row each): yields of these, and of ``checked``, drawn from the budget.

    Causes and budget are those that were found.
    """
    good = kept(found.limits, machines) if found.limits else None
    budget = found.budget
    if budget is not None and checked is not None:
        budget = replace(budget, check=yield_of(np.asarray(np.all(kept(found.limits, checked), axis=0))))
    return replace(
        found,
        machines=machines,
        yields=() if good is None else tuple(yield_of(one) for one in good),
        all=None if good is None else yield_of(np.asarray(np.all(good, axis=0))),
        budget=budget,
    )


def _whole(cases: pd.DataFrame) -> pd.DataFrame:
    """What was lost with a worker, or ended in an error, is a machine without numbers. InputError when all are."""
    if not (cases[STATUS] == COMPUTED).any():
        raise InputError(f"no machine has an answer: {cases[STATUS].iloc[0]}")
    return cases


def numbers_of(table: pd.DataFrame) -> list[str]:
    """The columns that are numbers of a machine."""
    return [name for name in table if name != STATUS]


def _ranking(sampling: Sampling, cases: pd.DataFrame) -> tuple[dict[str, tuple[CauseShare, ...]], dict[str, str]]:
    found: dict[str, tuple[CauseShare, ...]] = {}
    lacking: dict[str, str] = {}
    for name in numbers_of(cases) if sampling.mixed else []:
        try:
            found[name] = cause_shares(*sampling.triple(cases, name))
        except InputError as error:
            lacking[name] = str(error)
    return found, lacking


def _budget(
    question: Question,
    limits: tuple[Limit, ...],
    ranking: dict[str, tuple[CauseShare, ...]],
    machines: pd.DataFrame,
    ideal: pd.Series,
) -> tuple[Budget | None, str]:
    if question.budget is None or not question.sampling.mixed:
        return None, "the study asks for none"
    if not limits:
        return None, "no requirement is on a number of each machine"
    LOGGER.info("the budget of errors for a yield of %g", question.wanted)
    asked = Asked(question.budget, question.wanted, question.sampling, limits, ranking, machines, ideal)
    try:
        return budget_of(asked, question.measured), ""
    except InputError as error:
        return None, str(error)
