"""Which causes make a number of machines with errors differ: shares of its variance, by drawing one cause anew.

Of two independent samples A and B of machines, sample AB_i has the errors of cause i from B and all others from A. The
share of cause i alone and its total share, what it does together with others included, are (M. J. W. Jansen, Comput.
Phys. Commun. 117, 35 (1999); A. Saltelli et al., Comput. Phys. Commun. 181, 259 (2010), table 2)

    S_i = 1 - <(f_B - f_ABi)^2> / 2V,   T_i = <(f_A - f_ABi)^2> / 2V.

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
        return 1.0 - _half(b[kept], mixed[kept]) / _variance(a[kept], b[kept])

    def total(kept: Array) -> float:
        return _half(a[kept], mixed[kept]) / _variance(a[kept], b[kept])

    every = np.arange(len(a))
    return CauseShare(alone(every), jackknife(alone, len(a)), total(every), jackknife(total, len(a)))


def _half(one: Array, other: Array) -> float:
    return 0.5 * float(np.mean((one - other) ** 2))


def _variance(a: Array, b: Array) -> float:
    return float(np.var(np.concatenate([a, b])))
