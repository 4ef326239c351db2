"""How many of the machines that a budget is found with must keep all limits, so that others show its yield.

A check of n machines shows a yield when the lower end of its exact interval is not below it: when at least k of them
keep all limits. A level at which just that part of the m machines does that the level is found with fails every second
check. So more of them have to: r of m, the least for which k of n others do with a chance of 19 in 20
(``optics.statistics.repeats``: exact, whatever the machines are).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from optics.statistics import proportion, repeats

CHANCE = 0.95


@dataclass(frozen=True)
class Aim:
    """``least`` of ``machines`` have to keep all limits; ``shown`` of ``check`` others then do with this ``chance``."""

    machines: int
    least: int
    check: int
    shown: int
    chance: float


def aim_at(wanted: float, machines: int, check: int) -> Aim:
    """What shows a yield that is ``wanted``; all ``machines`` where they are too few for the chance that is meant.

    >>> aim_at(0.95, 400, 600)
    Aim(machines=400, least=395, check=600, shown=581, chance=0.9721564178917...)
    """
    shown = least_number(wanted, check)
    ranks = range(1, machines)
    least = 1 + bisect_left(ranks, CHANCE, key=lambda rank: repeats(rank, machines, shown, check))
    return Aim(machines, least, check, shown, repeats(least, machines, shown, check))


def least_number(wanted: float, machines: int) -> int:
    """How many of so many machines show a yield by its lower end; all where not even these do."""
    enough = (
        n for n in range(int(wanted * machines), machines) if proportion(n, machines, method="exact").lower >= wanted
    )
    return next(enough, machines)
