"""The budget of errors that meets a yield: proposed by shares of causes, its level found and checked by drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lattice import InputError
from lattice.arrays import Array
from optics.imperfections.budget import allotted
from optics.imperfections.causes import CauseShare
from optics.statistics import Proportion
from studies.runs.logs import LOGGER
from studies.tolerances.aim import Aim, aim_at
from studies.tolerances.asked import BudgetSpec
from studies.tolerances.sampling import Drawing, Sampling
from studies.tolerances.yields import Limit, kept, yield_of

_TRIES = 6
_STEP = 3.0  # of the level, at most from one trial to the next
_NEAR = 1.03  # a level that is as near as this to the largest is as good
_BACK = 0.99  # of the level that is expected, where one has failed already
_LEAST, _MOST = 0.1, 4.0


@dataclass(frozen=True)
class Tried:
    """A level of the budget that was drawn: all room times ``level``, and the yield of all requirements together."""

    level: float
    found: Proportion


@dataclass(frozen=True, eq=False)
class Budget:
    """``scales`` (causes,) of the stated errors, their ``cost`` over that of the stated ones, and the ``check``.

    ``aim``: what the level is found for; ``tried``: the levels on the way; ``check``: the yield of machines that had
    no part in it, the first of them ``first`` behind the cases; ``before``: a check that did not show what is wanted.
    """

    scales: Array
    cost: float
    aim: Aim
    tried: tuple[Tried, ...]
    check: Proportion
    first: int = 0
    level: float = 1.0
    before: Tried | None = None


@dataclass(frozen=True)
class Asked:
    """What a budget is asked to meet, and what is known of the machines at the stated errors.

    ``ranking``: shares of the causes in the number of each limit that has some; ``table``: the machines as stated;
    ``ideal``: the numbers of a machine without errors.
    """

    spec: BudgetSpec
    wanted: float
    sampling: Sampling
    limits: Sequence[Limit]
    ranking: dict[str, tuple[CauseShare, ...]]
    table: pd.DataFrame
    ideal: pd.Series

    @cached_property
    def aim(self) -> Aim:
        """How many machines must keep all limits at the level."""
        return aim_at(self.wanted, self.spec.machines, self.spec.check)

    def enough(self, tried: Tried) -> bool:
        """Whether they do."""
        return tried.found.count >= self.aim.least


def budget_of(asked: Asked, measured: Callable[[Drawing], pd.DataFrame]) -> Budget:
    """The budget; ``measured`` gives the numbers of drawn machines. InputError when none is found."""
    shares, room = _known(asked)
    costs = np.array([cause.cost for cause in asked.sampling.causes])
    power, largest = asked.spec.power, asked.spec.largest

    def scales_at(level: float) -> Array:
        return allotted(costs, shares, level * room, power=power, largest=largest)

    def drawn(scales: Array, first: int, number: int) -> pd.DataFrame:
        return measured(asked.sampling.more(first, number, scales))

    tried = _levels(asked, lambda level: drawn(scales_at(level), 0, asked.spec.machines))
    good = [one.level for one in tried if asked.enough(one)]
    if not good:
        best = max(tried, key=lambda one: one.found.value)
        raise InputError(
            f"no budget was found: at {best.level:.3g} of the room {best.found.count} of {best.found.total} machines "
            f"keep all limits, {asked.aim.least} have to so that a check can show a yield of {asked.wanted:g}"
        )
    level, first, before = max(good), asked.spec.machines, None
    LOGGER.info("the budget checked on %d machines of its own", asked.spec.check)
    table = drawn(scales_at(level), first, asked.spec.check)
    if _kept_all(asked, table).lower < asked.wanted:
        before = Tried(level, _kept_all(asked, table))
        level, first = _lowered(asked, level, table), first + asked.spec.check
        LOGGER.info("the check does not show it: the budget lowered to %.3g of the room, checked on others", level)
        table = drawn(scales_at(level), first, asked.spec.check)
    scales, check = scales_at(level), _kept_all(asked, table)
    cost = float(np.sum(costs * scales**-power) / np.sum(costs))
    return Budget(scales, cost, asked.aim, tuple(tried), check, first, level, before)


def _lowered(asked: Asked, level: float, table: pd.DataFrame) -> float:
    """A level at which so many of the machines of a check keep all limits that others show it."""
    least = aim_at(asked.wanted, asked.spec.check, asked.spec.check).least
    return _BACK * level / max(_used_by(asked, table, least), 1.0)


def _kept_all(asked: Asked, table: pd.DataFrame) -> Proportion:
    return yield_of(np.asarray(np.all(kept(asked.limits, table), axis=0)))


def _known(asked: Asked) -> tuple[Array, Array]:
    """Shares of causes (limits, causes) and room (limits,) of the limits that errors use up."""
    shares, rooms = [], []
    for limit in asked.limits:
        used = limit.used(asked.table[limit.column].to_numpy(), float(asked.ideal[limit.column]))
        stated = float(np.sort(used)[min(int(np.ceil(asked.wanted * len(used))), len(used)) - 1])
        if limit.column in asked.ranking and np.isfinite(stated) and stated > 0.0:
            total = np.array([max(one.total, 0.0) for one in asked.ranking[limit.column]])
            shares.append(total / np.sum(total))
            rooms.append(1.0 / stated)
    if not shares:
        raise InputError("no requirement has a number that tells its causes apart: there is nothing to allot by")
    return np.array(shares), np.array(rooms)


def _levels(asked: Asked, drawn: Callable[[float], pd.DataFrame]) -> list[Tried]:
    """Levels from 1 on to the largest that keeps the yield, each from what the machines of the last one use.

    All levels have the same random numbers, and a number's excess grows with its errors: a machine that uses u of its
    tightest limit breaks it at 1/u of the level. Where that says nothing (too many have no number at all), the next
    lies between the two known.
    """
    good, bad, level, lost = 0.0, np.inf, 1.0, False
    tried: list[Tried] = []
    while len(tried) < _TRIES and _LEAST <= level <= _MOST:
        LOGGER.info("budget, trial %d of at most %d: machines at %.3g of the room", len(tried) + 1, _TRIES, level)
        table = drawn(level)
        tried.append(Tried(level, _kept_all(asked, table)))
        used = _used_by(asked, table, asked.aim.least)
        largest, lost = min(level / used, _MOST), lost or used >= _STEP
        if asked.enough(tried[-1]):
            good = level
            if largest <= _NEAR * good:
                break
        else:
            bad, largest = level, _BACK * largest
        if bad <= _NEAR * good:
            break
        between = float(np.sqrt(good * bad)) if good else bad / _STEP
        level = largest if not lost and _NEAR * good < largest < bad else between
    return tried


def _used_by(asked: Asked, table: pd.DataFrame, least: int) -> float:
    """What so many machines use of their tightest limit at most, 1/_STEP to _STEP."""
    each = [
        limit.used(table[one].to_numpy(), float(asked.ideal[one])) for limit in asked.limits for one in [limit.column]
    ]
    used = np.sort(np.max(each, axis=0))
    return float(np.clip(used[least - 1], 1.0 / _STEP, _STEP))
