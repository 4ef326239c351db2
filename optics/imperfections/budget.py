"""How large each error may be so that machines keep their limits, at the least cost.

The excess of a number over that of the ideal machine is taken to grow with scales t_i of the errors as
sqrt(sum_i w_i t_i^2), w_i the shares of the causes in it: exact where it is a sum of independent linear parts, and for
any number that grows with all errors alike where they are scaled together. What is allotted from that is a proposal:
machines have to be drawn from it.
"""

from __future__ import annotations

import numpy as np

from lattice import InputError
from lattice.arrays import Array

_TOLERANCE = 1e-10
_ITERATIONS = 500
#: Scales go from this to ``largest``: no error is asked to be smaller than a thousandth of what is stated.
_SMALLEST = 1e-3


def allotted(costs: Array, shares: Array, room: Array, *, power: float = 1.0, largest: float = 3.0) -> Array:
    """Scales t (causes,) of the errors with the least cost sum c_i / t_i^power that keep sum_i w_ri t_i^2 <= R_r^2.

    ``costs`` c (causes,) at t = 1; ``shares`` w (limits, causes), at least 0; ``room`` R (limits,): by how much the
    excess may grow until the limit. Of one limit t_i^(2 + power) is proportional to c_i / w_i (Lagrange). A cause that
    matters to no limit is given ``largest``. In logarithms of t the problem is convex (a geometric programme: S. Boyd,
    L. Vandenberghe, Convex Optimization, Cambridge 2004, sec. 4.5), so the least found is the least there is.
    InputError for costs that are not positive, a room of 0 or less, and where nothing keeps the limits.

    >>> allotted(np.array([1.0, 8.0]), np.array([[0.5, 0.5]]), np.array([1.0])).round(4)
    array([0.6325, 1.2649])
    """
    from scipy.optimize import minimize

    _check(costs, shares, room, power, largest)
    goal, limit = costs / np.sum(costs), room**2
    low, high = np.log(_SMALLEST), np.log(largest)

    def cost(v: Array) -> tuple[float, Array]:
        each = goal * np.exp(-power * v)
        return float(np.sum(each)), -power * each

    def kept(v: Array) -> Array:
        return np.asarray(1.0 - shares @ np.exp(2.0 * v) / limit)

    def slope(v: Array) -> Array:
        return np.asarray(-2.0 * shares * np.exp(2.0 * v) / limit[:, None])

    start = np.full(
        len(costs), np.clip(0.5 * np.log(np.min(limit / np.maximum(shares.sum(axis=1), 1e-300))), low, high)
    )
    found = minimize(
        cost,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(low, high)] * len(costs),
        constraints=[{"type": "ineq", "fun": kept, "jac": slope}],
        options={"ftol": _TOLERANCE, "maxiter": _ITERATIONS},
    )
    if not found.success or np.min(kept(found.x)) < -1e-6:
        raise InputError(f"no errors down to {_SMALLEST:g} of those stated keep the limits ({found.message})")
    return np.asarray(np.exp(found.x))


def _check(costs: Array, shares: Array, room: Array, power: float, largest: float) -> None:
    if shares.shape != (len(room), len(costs)):
        raise InputError(f"shares must be (limits, causes) = ({len(room)}, {len(costs)}), found {shares.shape}")
    if not (np.all(np.isfinite(costs)) and np.all(costs > 0.0)):
        raise InputError("every cost must be a positive number")
    if not np.all(shares >= 0.0):
        raise InputError("shares of causes must be numbers of at least 0")
    if not np.all(room > 0.0):
        raise InputError("a limit leaves no room for errors: the ideal machine does not keep it")
    if not (power > 0.0 and largest > _SMALLEST):
        raise InputError(f"power must be positive and largest above {_SMALLEST:g}, found {power!r} and {largest!r}")
