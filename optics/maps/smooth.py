"""Functions that stay smooth where the textbook formula divides by zero, with two derivatives each.

cos_sqrt(u) = cos(sqrt u), sin_sqrt(u) = sin(sqrt u)/sqrt u: entire functions of u (cosh and sinh for u < 0), so one
formula serves focusing, drifting and defocusing. arctan_ratio(w) = arctan(w)/w. Near zero they are summed as power
series, because the closed forms of the derivatives lose digits there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from optics.compiled import compiled, inlined, inner

_TERMS = 14
#: Arguments below which the power series are summed.
SIN_IS_NEAR, ARCTAN_IS_NEAR = 1.0, 0.25
# sin_sqrt(u) = sum (-u)^n / (2n+1)!;  14 terms reach rounding for |u| < 1.
_SIN = np.array([(-1.0) ** n / float(np.prod(np.arange(1.0, 2 * n + 2))) for n in range(_TERMS)])
# arctan_ratio(w) = sum (-w^2)^n / (2n+1); 14 terms reach 1e-17 for |w| < 0.25.
_ARCTAN = np.array([(-1.0) ** n / (2 * n + 1) for n in range(_TERMS)])


def _cos_and_sin_of_root(u: Any) -> Any:
    """cos(sqrt u) and sin(sqrt u)/sqrt u away from zero, for float and complex u."""
    raise NotImplementedError


@overload(_cos_and_sin_of_root)
def _cos_and_sin_of_root_compiled(u: Any) -> Any:
    if isinstance(u, types.Complex):

        def of_complex(u: Any) -> Any:  # from real functions: the complex ones of numba take long to compile
            root = np.sqrt(u)
            c, s, growth, slope = math.cos(root.real), math.sin(root.real), math.cosh(root.imag), math.sinh(root.imag)
            return complex(c * growth, -s * slope), complex(s * growth, c * slope) / root

        return of_complex

    def of_real(u: Any) -> Any:
        if u > 0:
            root = np.sqrt(u)
            return np.cos(root), np.sin(root) / root
        root = np.sqrt(-u)
        return np.cosh(root), np.sinh(root) / root

    return of_real


def arctan(w: Any) -> Any:
    """arctan in compiled code, for float and complex w."""
    raise NotImplementedError


@overload(arctan)
def _arctan_compiled(w: Any) -> Any:
    if isinstance(w, types.Complex):

        def of_complex(w: Any) -> Any:  # Abramowitz & Stegun, 4.4.39
            x, y = w.real, w.imag
            real = 0.5 * math.atan2(2.0 * x, (1.0 - y) * (1.0 + y) - x * x)
            return complex(real, 0.25 * math.log1p(4.0 * y / (x * x + (1.0 - y) * (1.0 - y))))

        return of_complex

    def of_real(w: Any) -> Any:
        return math.atan(w)

    return of_real


@inner
def _power_series(coefficients: Any, u: Any) -> Any:
    """Sum c_n u^n with its first two derivatives (Horner)."""
    f, f1, f2 = u * 0, u * 0, u * 0
    for n in range(len(coefficients) - 1, -1, -1):
        f2 = f2 * u + 2.0 * f1
        f1 = f1 * u + f
        f = f * u + coefficients[n]
    return f, f1, f2


@compiled
def series_near_zero(code: Any, u: Any, rows: Any) -> Any:
    """sin_sqrt (``code`` 0) or arctan_ratio of w (1) as ``rows`` (3, n): value and derivatives by u (n,), u = w^2.

    The sums of ``_power_series``, term after term for all numbers side by side: to the last bit the same.
    """
    for i in range(u.shape[0]):
        rows[0, i] = rows[1, i] = rows[2, i] = 0.0
    for n in range(_TERMS - 1, -1, -1):
        coefficient = _SIN[n] if code == 0 else _ARCTAN[n]
        for i in range(u.shape[0]):
            rows[2, i] = rows[2, i] * u[i] + 2.0 * rows[1, i]
            rows[1, i] = rows[1, i] * u[i] + rows[0, i]
            rows[0, i] = rows[0, i] * u[i] + coefficient


@inlined
def sin_near_zero(u: Any) -> Any:
    """sin_sqrt alone, near zero: to the last bit that of ``_power_series``."""
    f = u * 0
    for n in range(_TERMS - 1, -1, -1):
        f = f * u + _SIN[n]
    return f


@inlined
def cos_near_zero(u: Any) -> Any:
    """cos_sqrt alone, near zero, from sin_sqrt and its slope."""
    f, f1 = u * 0, u * 0
    for n in range(_TERMS - 1, -1, -1):
        f1 = f1 * u + f
        f = f * u + _SIN[n]
    return f + 2.0 * u * f1


@inlined
def ratio_near_zero(w: Any) -> Any:
    """arctan_ratio alone, near zero."""
    u = w * w
    f = u * 0
    for n in range(_TERMS - 1, -1, -1):
        f = f * u + _ARCTAN[n]
    return f


@inlined
def cos_of_sin(u: Any, s: Any, s1: Any) -> Any:
    """cos_sqrt and its first two derivatives near zero from sin_sqrt and its first: s' = (c - s) / 2u."""
    return s + 2.0 * u * s1, -0.5 * s, -0.5 * s1


@inlined
def ratio_of_square(w: Any, f: Any, fu: Any, fuu: Any) -> Any:
    """arctan_ratio and its first two derivatives by w from those by u = w^2."""
    return f, 2.0 * w * fu, 2.0 * fu + 4.0 * (w * w) * fuu


@compiled
def sin_sqrt_series(u: Any) -> Any:
    """sin(sqrt u)/sqrt u and its first two derivatives."""
    if abs(u) < SIN_IS_NEAR:
        return _power_series(_SIN, u)
    c, s = _cos_and_sin_of_root(u)
    s1 = (c - s) / (2.0 * u)
    s2 = (-0.5 * s - 3.0 * s1) / (2.0 * u)
    return s, s1, s2


@compiled
def cos_sqrt_series(u: Any) -> Any:
    """cos(sqrt u) and its first two derivatives."""
    s, s1, _ = sin_sqrt_series(u)
    if abs(u) < SIN_IS_NEAR:
        return cos_of_sin(u, s, s1)
    return _cos_and_sin_of_root(u)[0], -0.5 * s, -0.5 * s1


@compiled
def arctan_ratio_series(w: Any) -> Any:
    """arctan(w)/w and its first two derivatives."""
    if abs(w) < ARCTAN_IS_NEAR:
        f, fu, fuu = _power_series(_ARCTAN, w * w)
        return ratio_of_square(w, f, fu, fuu)
    d = 1.0 / (1.0 + w * w)
    f = arctan(w) / w
    f1 = (d - f) / w
    f2 = (-2.0 * w * d * d - 2.0 * f1) / w
    return f, f1, f2
