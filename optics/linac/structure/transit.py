"""The transit-time factor of an accelerating cell: how much of its voltage a particle of given velocity gets.

T(q) = integral of E(s) cos(q s / L) ds / integral of E(s) ds over a symmetric cell of length L, with q = k L and
k = omega / (beta c) (Wangler, RF Linear Accelerators, 2008, eq. 2.14). Every factor, whatever it came from, is held as
one polynomial over a stated range of q; outside it is refused, never extrapolated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import isfinite, pi
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.polynomial.chebyshev import chebpts1
from scipy.interpolate import CubicSpline
from scipy.special import roots_legendre

from lattice import InputError
from lattice.arrays import Array
from optics.linac.gap import SECOND_TERMS, TRANSIT_TERMS

Profile = Callable[[Array], Array]

#: How well the polynomial must repeat what it was made from.
_TOLERANCE = 1e-9
_TABLE_TOLERANCE = 1e-4
_SINE_RANGE = (0.5, 9.0)
_SYMMETRY = 1e-3
#: Part of a drift-tube cell that its field fills, where nobody states it.
USUAL_GAP = 0.25
_NODES = 400
Second = tuple[tuple[float, ...], ...]
#: Of a factor whose field is not known.
NO_SECOND_ORDER: Second = ((0.0,) * SECOND_TERMS,) * 4


@dataclass(frozen=True)
class TransitTime:
    """T over ``low`` <= q = k L <= ``high`` [rad]: a polynomial, highest power first, in t from -1 to 1.

    ``profile`` is the on-axis field over its mean, a function of s / L from -1/2 to 1/2 (None where only T is known:
    then the field integration has nothing to integrate); ``slope`` its derivative. ``second``: four polynomials in t,
    the second order of the field by which velocity and slope change inside the cell, and ``square``, the mean of the
    profile's square (0 where only T is known).
    """

    name: str
    low: float
    high: float
    coefficients: tuple[float, ...]
    profile: Profile | None = None
    slope: Profile | None = None
    second: Second = NO_SECOND_ORDER
    square: float = 0.0

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high) and 0 < self.low < self.high):
            raise InputError(
                f"transit time '{self.name}': the range of k L must rise from above 0, found {self.low} to {self.high}"
            )
        if not np.all(np.isfinite(self.coefficients)) or len(self.coefficients) != TRANSIT_TERMS:
            raise InputError(f"transit time '{self.name}': {TRANSIT_TERMS} finite coefficients are wanted")

    @property
    def middle(self) -> float:
        """Centre of the range of q."""
        return 0.5 * (self.low + self.high)

    @property
    def half(self) -> float:
        """Half the range of q."""
        return 0.5 * (self.high - self.low)

    def __call__(self, q: Any, derivative: int = 0) -> Any:
        """T, or its ``derivative`` in q [1/rad^n], at q = k L [rad]. Raises InputError outside the range."""
        values = np.asarray(q, dtype=float)
        if np.any((values < self.low) | (values > self.high) | np.isnan(values)):
            raise InputError(
                f"transit time '{self.name}' is known for k L from {self.low:.4g} to {self.high:.4g}, asked for "
                f"{values[np.argmax(np.abs(values - self.middle))] if values.ndim else float(values):.4g}: "
                "give a table that reaches further"
            )
        inner = np.polyder(np.array(self.coefficients), derivative)
        return np.polyval(inner, (values - self.middle) / self.half) / self.half**derivative

    def second_order(self, q: float) -> float:
        """The double integral a(q) of the gain's second order (see ``second_order`` of this module); 0 if unknown."""
        return float(np.polyval(np.array(self.second[0]), (q - self.middle) / self.half))

    @property
    def peak(self) -> float:
        """Peak of the on-axis field over its mean. Raises InputError where no field is known."""
        if self.profile is None:
            raise InputError(f"transit time '{self.name}' comes without its field: state the mean field, not the peak")
        return float(np.max(np.abs(self.profile(np.linspace(-0.5, 0.5, 2 * _NODES + 1)))))


def from_function(
    name: str,
    factor: Callable[[Array], Array],
    low: float,
    high: float,
    profile: Profile | None = None,
    slope: Profile | None = None,
) -> TransitTime:
    """T given as a smooth function of q = k L; InputError when no polynomial of the degree in use repeats it."""
    with np.errstate(all="ignore"):
        series = Chebyshev.interpolate(factor, TRANSIT_TERMS - 1, domain=(low, high))
        q = np.linspace(low, high, 4 * TRANSIT_TERMS)
        worst = float(np.max(np.abs(series(q) - factor(q))))
    if not worst < _TOLERANCE:
        raise InputError(
            f"transit time '{name}': a polynomial of degree {TRANSIT_TERMS - 1} misses it by {worst:.1e} "
            f"between k L = {low:.4g} and {high:.4g}: give a smoother function or a narrower range"
        )
    powers = Chebyshev(series.coef).convert(kind=Polynomial).coef
    if profile is None:
        return TransitTime(name, low, high, _padded(powers))
    second, square = second_order(profile, low, high), _mean_square(profile)
    return TransitTime(name, low, high, _padded(powers), profile, slope, second, square)


def second_order(profile: Profile, low: float, high: float) -> Second:
    """Polynomials of a(q), b(q), n(q) and p(q), integrals over a symmetric cell of ``profile`` g of mean 1.

    a and b: double integrals of g(x) g(y) |x - y|/2 cos(q (x + y)) and cos(q (x - y)); n: integral of g^2 cos(2 q x);
    p = -3 q times the double integral of g(x) g(y) sin(q |x - y|). The second term of the Magnus series (W. Magnus,
    Commun. Pure Appl. Math. 7, 649, 1954) of the motion through a cell (``optics.linac.gap``): the first one is T.
    """
    nodes, weights = _gauss()
    x, w = 0.5 * nodes, 0.5 * weights
    g = profile(x) / np.sum(w * profile(x))
    apart = np.abs(np.subtract.outer(x, x))
    at = chebpts1(SECOND_TERMS)
    q = 0.5 * (low + high) + 0.5 * (high - low) * at
    even, odd = (function(np.multiply.outer(q, x)) * w * g for function in (np.cos, np.sin))
    along, across = (0.5 * np.einsum("ni,ij,nj->n", part, apart, part, optimize=True) for part in (even, odd))
    square = np.cos(2.0 * np.multiply.outer(q, x)) @ (w * g * g)
    turned = np.array([w * g @ np.sin(one * apart) @ (w * g) for one in q])
    return tuple(_powers(at, values) for values in (along - across, along + across, square, -3.0 * q * turned))


def _powers(t: Array, values: Array) -> tuple[float, ...]:
    """Coefficients, highest power first, of the polynomial through ``values`` at the Chebyshev points ``t``."""
    series = Chebyshev.fit(t, values, len(t) - 1, domain=(-1, 1))
    return tuple(float(c) for c in series.convert(kind=Polynomial).coef[::-1])


def _mean_square(profile: Profile) -> float:
    """Mean of the square of a profile over the square of its mean."""
    nodes, weights = _gauss()
    g = profile(0.5 * nodes)
    return float(2.0 * np.sum(weights * g * g) / np.sum(weights * g) ** 2)


@cache
def _gauss() -> tuple[Array, Array]:
    """Nodes and weights of Gauss-Legendre quadrature over -1 to 1."""
    nodes, weights = roots_legendre(_NODES)
    return nodes, weights


@cache
def sine_cell() -> TransitTime:
    """A cell with E(s) = a1 cos(pi s / L): T = (pi/2)^2 cos(q/2) / ((pi/2)^2 - (q/2)^2), mean field 2 a1 / pi.

    pi/4 for a synchronous pi-mode cell (q = pi), 1/3 for a synchronous 0-mode cell (q = 2 pi).
    """
    return from_function(
        "sine cell",
        sine_factor,
        *_SINE_RANGE,
        profile=_sine_profile,
        slope=_sine_slope,
    )


def _sine_profile(s: Array) -> Array:
    return np.asarray(0.5 * pi * np.cos(pi * s))


def _sine_slope(s: Array) -> Array:
    return np.asarray(-0.5 * pi * pi * np.sin(pi * s))


def sine_factor(q: Array) -> Array:
    """The closed form for the sine cell, with v = (q - pi)/2: (pi/2)^2 sin(v) / (v (pi + v)), regular at q = pi."""
    v = 0.5 * (np.asarray(q) - pi)
    return np.asarray((0.5 * pi) ** 2 * np.sinc(v / pi) / (pi + v))


def from_field(name: str, s: Any, field: Any, low: float, high: float) -> TransitTime:
    """T of a cell from its on-axis field at places ``s`` [m] (any unit of field): spline and Gauss quadrature.

    The cell runs from s[0] to s[-1]; the field must be symmetric about its middle and vanish at its ends. Raises
    InputError otherwise.
    """
    s, field = _columns(name, "field", s, field)
    x = (s - 0.5 * (s[0] + s[-1])) / (s[-1] - s[0])
    spline = CubicSpline(x, field / _mean(x, field))
    grid = np.linspace(-0.5, 0.5, _NODES + 1)
    largest = float(np.max(np.abs(spline(grid))))
    asymmetry = float(np.max(np.abs(spline(grid) - spline(-grid)))) / largest
    if asymmetry > _SYMMETRY:
        raise InputError(
            f"transit time '{name}': the field is to be symmetric about the middle of the cell, but its two halves "
            f"differ by {asymmetry:.1%} of the peak: shift s so that the cell ends lie at equal distance"
        )
    end = max(abs(float(field[0])), abs(float(field[-1]))) / float(np.max(np.abs(field)))
    if end > _SYMMETRY:
        raise InputError(
            f"transit time '{name}': the field at the cell's ends is {end:.1%} of the peak, it must be 0 there: "
            "extend the table into the drift tubes"
        )
    nodes, weights = _gauss()
    values = weights * spline(0.5 * nodes) / np.sum(weights * spline(0.5 * nodes))
    return from_function(
        name, lambda q: np.cos(0.5 * np.multiply.outer(q, nodes)) @ values, low, high, spline, spline.derivative()
    )


def from_polynomial(name: str, coefficients: Any, low: float, high: float) -> TransitTime:
    """T = sum c_n q^n (lowest power first) in q = k L, for ``low`` <= q <= ``high`` and nowhere else."""
    powers = np.asarray(coefficients, dtype=float)
    if powers.ndim != 1 or not 1 <= len(powers) <= TRANSIT_TERMS:
        raise InputError(f"transit time '{name}': give 1 to {TRANSIT_TERMS} coefficients, found shape {powers.shape}")
    inner = Polynomial(powers)(Polynomial([0.5 * (low + high), 0.5 * (high - low)]))
    return TransitTime(name, low, high, _padded(np.atleast_1d(inner.coef)))


def from_table(name: str, q: Any, factor: Any) -> TransitTime:
    """T from a table against q = k L: the polynomial of best fit, which must meet every row to 1e-4."""
    q, factor = _columns(name, "table", q, factor)
    degree = min(len(q) - 1, 8)
    series = Chebyshev.fit(q, factor, degree)
    worst = int(np.argmax(np.abs(series(q) - factor)))
    if not abs(series(q)[worst] - factor[worst]) < _TABLE_TOLERANCE:
        raise InputError(
            f"transit time '{name}': the table is not smooth: at k L = {q[worst]:.4g} it has {factor[worst]:.6g} "
            f"where a polynomial through all rows has {series(q)[worst]:.6g}"
        )
    powers = Chebyshev(series.coef).convert(kind=Polynomial).coef
    return TransitTime(name, float(q[0]), float(q[-1]), _padded(powers))


def gap_cell(gap: float, low: float = 2.0, high: float = 10.0, edge: float = 0.04) -> TransitTime:
    """A drift-tube cell whose field fills the share ``gap`` of its length, with tanh edges ``edge`` L wide.

    T is close to sin(q gap / 2) / (q gap / 2); ``gap`` + 6 ``edge`` must stay below 1 for the field to end inside.
    """
    if not (0 < gap and 0 < edge and gap + 6 * edge < 1):
        raise InputError(f"gap cell: gap + 6 edge must lie below 1 and both above 0, found gap {gap} and edge {edge}")
    s = np.linspace(-0.5, 0.5, 801)
    field = np.tanh((s + 0.5 * gap) / edge) - np.tanh((s - 0.5 * gap) / edge)
    return from_field(f"gap cell {gap:g}", s, field - field[0], low, high)


def usual_cell(mode: str) -> TransitTime:
    """The cell of a structure of which nobody states one: drift tubes (mode "0") with ``USUAL_GAP``, else a sine cell.

    A sine field over a whole beta lambda would have T = 1/3.
    """
    return gap_cell(USUAL_GAP) if mode == "0" else sine_cell()


def _mean(x: Array, field: Array) -> float:
    mean = float(CubicSpline(x, field).integrate(x[0], x[-1]))
    if not (isfinite(mean) and mean != 0):
        raise InputError("a field that integrates to 0 over the cell accelerates nothing")
    return mean


def _columns(name: str, what: str, first: Any, second: Any) -> tuple[Array, Array]:
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 5:
        raise InputError(f"transit time '{name}': the {what} needs two columns of 5 rows or more, found {x.shape}")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y)) and np.all(np.diff(x) > 0)):
        raise InputError(f"transit time '{name}': the {what} must be finite and its first column rise")
    return x, y


def _padded(powers: Array) -> tuple[float, ...]:
    """Lowest power first -> highest first, filled up with zeros."""
    return tuple(float(c) for c in np.concatenate([np.zeros(TRANSIT_TERMS - len(powers)), powers[::-1]]))
