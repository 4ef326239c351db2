"""Which causes make a number of machines with errors differ: shares of its variance, by drawing one cause anew.

Of two independent samples A and B of machines, sample AB_i has the errors of cause i from B and all others from A. The
share of cause i alone and its total share, what it does together with others included, are (I. M. Sobol, Math. Comput.
Simul. 55, 271 (2001); by correlations as G. Glen, K. Isaacs, Environ. Model. Softw. 37, 157 (2012))

    S_i = corr(f_B, f_ABi),   T_i = 1 - corr(f_A, f_ABi).

Nothing is assumed of how f depends on the errors. Where it is a sum of what each cause does, both are that share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from optics.statistics import jackknife

_LEAST = 20  # machines, for errors by leaving out groups


@dataclass(frozen=True)
class CauseShare:
    """Part of a variance that one cause makes ``alone`` and in ``total``, with errors at 95 %."""

    alone: float
    alone_error: float
    total: float
    total_error: float


def cause_shares(first: Array, second: Array, mixed: Array) -> tuple[CauseShare, ...]:
    """The shares of each cause from f_A, f_B (n,) and f_ABi (causes, n); machines without a value (nan) are left out.

    Errors by leaving out groups of machines. InputError for fewer than 20 machines with a value, and where all have the
    same.
    """
    known = np.isfinite(first) & np.isfinite(second) & np.isfinite(mixed).all(axis=0)
    a, b, ab = first[known], second[known], mixed[:, known]
    if len(a) < _LEAST:
        raise InputError(f"{len(a)} machines have a value, {_LEAST} are needed to tell the causes apart")
    if np.var(np.concatenate([a, b])) == 0.0:
        raise InputError("all machines have the same value: no cause makes them differ")
    return tuple(_share(a, b, one) for one in ab)


def _share(a: Array, b: Array, mixed: Array) -> CauseShare:
    def alone(kept: Array) -> float:
        return _correlation(b[kept], mixed[kept])

    def total(kept: Array) -> float:
        return 1.0 - _correlation(a[kept], mixed[kept])

    every = np.arange(len(a))
    return CauseShare(alone(every), jackknife(alone, len(a)), total(every), jackknife(total, len(a)))


def _correlation(one: Array, other: Array) -> float:
    """Pearson's; 0 where one of them does not vary."""
    first, second = one - np.mean(one), other - np.mean(other)
    size = float(np.sqrt(np.sum(first**2) * np.sum(second**2)))
    return float(np.sum(first * second)) / size if size else 0.0
