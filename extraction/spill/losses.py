"""Where the particles went: efficiency and losses with confidence intervals."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from lattice import InputError
from optics.statistics import Proportion, proportion


def efficiency(extracted: pd.DataFrame, lost: pd.DataFrame, level: float = 0.95, method: str = "wilson") -> Proportion:
    """Extracted particles over all that left the ring (extracted or lost), with its confidence interval at ``level``.

    ``method``: "wilson" or "exact" (Clopper and Pearson).

    Equation:
        p = k / n; Wilson: (p + z^2/2n +- z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n).

    Returns:
        Proportion: ``value``, ``lower``, ``upper`` [1].

    Raises:
        InputError: nothing left the ring, an unknown method or level.

    Source:
        E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927); C. J. Clopper, E. S. Pearson, Biometrika 26, 404 (1934).

    Example:
        >>> table = pd.DataFrame({"particle": range(95)}), pd.DataFrame({"particle": range(95, 100)})
        >>> share = efficiency(*table)
        >>> print(share.value, round(share.lower, 3), round(share.upper, 3))
        0.95 0.888 0.978
    """
    check_disjoint(extracted, lost)
    return proportion(len(extracted), len(extracted) + len(lost), level, method)


def share_lost(
    extracted: pd.DataFrame, lost: pd.DataFrame, causes: Iterable[str], level: float = 0.95, method: str = "wilson"
) -> Proportion:
    """Particles lost by one of ``causes`` over all that left the ring: with the efficiency, all causes sum to 1."""
    return _share(extracted, lost, lost["cause"].isin(list(causes)), level, method)


def share_lost_in_plane(
    extracted: pd.DataFrame, lost: pd.DataFrame, plane: str, level: float = 0.95, method: str = "wilson"
) -> Proportion:
    """Particles lost in ``plane`` ("x" or "y") over all that left the ring; with the efficiency both sum to 1.

    >>> lost = pd.DataFrame({"particle": [1, 2, 3], "plane": ["x", "y", "y"]})
    >>> share_lost_in_plane(pd.DataFrame({"particle": [0]}), lost, "y").value
    0.5
    """
    return _share(extracted, lost, lost["plane"] == plane, level, method)


def _share(extracted: pd.DataFrame, lost: pd.DataFrame, which: pd.Series, level: float, method: str) -> Proportion:
    check_disjoint(extracted, lost)
    return proportion(int(which.sum()), len(extracted) + len(lost), level, method)


def particle_balance(
    particles: int, extracted: pd.DataFrame, lost: pd.DataFrame, level: float = 0.95, method: str = "wilson"
) -> pd.DataFrame:
    """Shares of all ``particles`` that began: extracted, lost by place, cause, plane and side, and still circulating.

    Columns: what ("extracted", "lost", "circulating"), place, cause, plane, side, count, and, at ``level``, fraction,
    lower and upper.

    Returns:
        pandas table; fractions are parts of 1, their bounds those of a counted share by ``method``.

    Raises:
        InputError: a particle is in both tables or twice in one, or there are more than began.
    """
    check_disjoint(extracted, lost)
    left = particles - len(extracted) - len(lost)
    if left < 0:
        raise InputError(f"{len(extracted)} extracted and {len(lost)} lost are more than the {particles} that began")
    nowhere = ("",) * len(_TOLD)
    counts: list[tuple[tuple[str, ...], int]] = [(("extracted", *nowhere), len(extracted))]
    for told, group in lost.groupby(list(_TOLD), sort=True):
        counts.append((("lost", *(str(word) for word in told)), len(group)))
    counts.append((("circulating", *nowhere), left))
    rows = []
    for words, count in counts:
        share = proportion(count, particles, level, method)
        rows.append((*words, count, share.value, share.lower, share.upper))
    return pd.DataFrame(rows, columns=["what", *_TOLD, "count", "fraction", "lower", "upper"])


#: What is told of a loss.
_TOLD = ("place", "cause", "plane", "side")


def check_disjoint(extracted: pd.DataFrame, lost: pd.DataFrame) -> None:
    """InputError unless every particle is extracted once or lost once."""
    numbers = pd.concat([extracted["particle"], lost["particle"]])
    twice = numbers[numbers.duplicated()]
    if len(twice):
        raise InputError(f"particle {twice.iloc[0]} left the ring twice ({len(twice)} such): the tables are mixed up")
