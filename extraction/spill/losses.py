"""Where the particles went: efficiency and losses with confidence intervals."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from lattice import InputError
from optics.statistics import Proportion, proportion


def efficiency(extracted: pd.DataFrame, lost: pd.DataFrame, level: float = 0.95, method: str = "wilson") -> Proportion:
    """Extracted particles over all that left the ring (extracted or lost), with its confidence interval."""
    check_disjoint(extracted, lost)
    return proportion(len(extracted), len(extracted) + len(lost), level, method)


def share_lost(
    extracted: pd.DataFrame, lost: pd.DataFrame, causes: Iterable[str], level: float = 0.95, method: str = "wilson"
) -> Proportion:
    """Particles lost by one of ``causes`` over all that left the ring: with the efficiency, all causes sum to 1."""
    check_disjoint(extracted, lost)
    gone = int(lost["cause"].isin(list(causes)).sum())
    return proportion(gone, len(extracted) + len(lost), level, method)


def particle_balance(
    particles: int, extracted: pd.DataFrame, lost: pd.DataFrame, level: float = 0.95, method: str = "wilson"
) -> pd.DataFrame:
    """Shares of all ``particles`` that began: extracted, lost by place and cause, and those that still circulate.

    Columns: what ("extracted", "lost", "circulating"), place, cause, count, fraction, lower, upper (at ``level``).
    Raises InputError when a particle is in both tables or twice in one, or when there are more than began.
    """
    check_disjoint(extracted, lost)
    left = particles - len(extracted) - len(lost)
    if left < 0:
        raise InputError(f"{len(extracted)} extracted and {len(lost)} lost are more than the {particles} that began")
    counts = [("extracted", "", "", len(extracted))]
    for (place, cause), group in lost.groupby(["place", "cause"], sort=True):
        counts.append(("lost", str(place), str(cause), len(group)))
    counts.append(("circulating", "", "", left))
    rows = []
    for what, place, cause, count in counts:
        share = proportion(count, particles, level, method)
        rows.append((what, place, cause, count, share.value, share.lower, share.upper))
    return pd.DataFrame(rows, columns=["what", "place", "cause", "count", "fraction", "lower", "upper"])


def check_disjoint(extracted: pd.DataFrame, lost: pd.DataFrame) -> None:
    """InputError unless every particle is extracted once or lost once."""
    numbers = pd.concat([extracted["particle"], lost["particle"]])
    twice = numbers[numbers.duplicated()]
    if len(twice):
        raise InputError(f"particle {twice.iloc[0]} left the ring twice ({len(twice)} such): the tables are mixed up")
