"""What the energy sets of an accelerating gap: every slope that is written out is that of the value beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lattice.arrays import Array
from optics.linac import gap

_STEP = 1e-30
#: wavenumber [1/m], scale, offset, wavenumber L / 4, n0: of no cell, so that nothing is 0 or 1.
CELL = np.array([62.8, 1.6, 3.85, 0.23, 0.6])
SHAPE = np.random.default_rng(1).normal(size=gap.TRANSIT_TERMS)
SECOND = np.random.default_rng(2).normal(size=(4, gap.SECOND_TERMS))


def plain(name: str) -> Callable[..., Any]:
    """The function as it is written, without a compiler."""
    function: Callable[..., Any] = getattr(gap, name).py_func
    return function


def jets(w: Any) -> tuple[Any, Any]:
    """Jets of T and of a, b, n, p in the energy's own variable, as ``jets_of`` has them: by polynomials of numpy."""
    t = CELL[1] * (1.0 + w) / np.sqrt(w * (w + 2.0)) - CELL[2]
    polynomials = [np.poly1d(one) for one in (SHAPE, *SECOND)]
    found = [tuple(p.deriv(n)(t) if n else p(t) for n in range(4)) for p in polynomials]
    return found[0], tuple(found[1:])


def values(w: Any) -> dict[str, list[Any]]:
    """Values and their slopes in w, by what gives them."""
    shape, second = jets(w)
    return {
        "factor": list(plain("factor")(w, CELL, shape)),
        "second_order": list(plain("second_order")(w, 0.02, CELL, second[0])),
        "inside": list(plain("inside")(w, 0.02, CELL, shape)),
        "bending": list(plain("bending")(w, 0.02, CELL, second)),
        "transit": [one for part in plain("transit")(w, 0.04, plain("factor")(w, CELL, shape)) for one in part],
    }


#: Which number is the slope of which.
SLOPES = {
    "factor": [(0, 1), (1, 2)],
    "second_order": [(0, 1), (1, 2)],
    "inside": [(0, 2), (1, 3)],
    "bending": [(0, 3), (1, 4), (2, 5)],
    "transit": [(0, 1), (1, 2), (3, 4)],
}


@pytest.mark.parametrize("w", [0.06, 0.11, 0.2])
@pytest.mark.parametrize("name", SLOPES)
def test_a_slope_is_that_of_its_value(name: str, w: float) -> None:
    """By a complex step: Im f(w + ih)/h is f'(w) to rounding (W. Squire, G. Trapp, SIAM Rev. 40, 110, 1998)."""
    found, stepped = values(w)[name], values(w + 1j * _STEP)[name]
    for value, slope in SLOPES[name]:
        assert found[slope] == pytest.approx(stepped[value].imag / _STEP, rel=1e-9, abs=1e-12)


def test_jets_are_those_of_the_polynomials() -> None:
    wanted, found = jets(0.11), plain("jets_of")(0.11, CELL, SHAPE, SECOND)
    assert found[0] == pytest.approx(wanted[0], rel=1e-10)
    assert np.array(found[1]) == pytest.approx(np.array(wanted[1]), rel=1e-10)


@pytest.mark.parametrize("radius2", [0.0, 0.04, 0.3])
def test_the_field_off_axis_falls_and_rises_as_bessel_s_function(radius2: float) -> None:
    """F = T I0(2 sqrt(a)) with a = radius2/(w (w + 2)), and its slopes in radius2, by scipy's own I0 and I1."""
    from scipy.special import i0, i1, iv

    w = 0.11
    factor = plain("factor")(w, CELL, jets(w)[0])
    (along, _, _), (radial, _, twice) = plain("transit")(w, radius2, factor)
    below = w * (w + 2.0)
    k = 2.0 * np.sqrt(radius2 / below)
    assert along == pytest.approx(factor[0] * i0(k), rel=1e-12)
    assert radial == pytest.approx(factor[0] * (2.0 * i1(k) / k if k else 1.0) / below, rel=1e-12)
    assert twice == pytest.approx(factor[0] * (4.0 * iv(2, k) / k**2 if k else 0.5) / below**2, rel=1e-12)


@pytest.mark.parametrize("w", [0.06, 0.11, 0.2])
def test_inside_the_cell_the_numbers_are_those_of_the_equations(w: float) -> None:
    """lam, mu, kappa and lam of second order as the module's head writes them, with slopes in q = k0 L / beta."""
    volt, (k0, scale, offset, quarter, n0) = 0.02, CELL
    gamma, u = 1.0 + w, np.sqrt(w * (w + 2.0))
    kl = 4.0 * quarter
    length, q = kl / k0, kl * gamma / u
    e = q / gamma

    def of_q(coefficients: Array, slopes: int = 0) -> float:
        polynomial, per_q = np.poly1d(coefficients), scale / kl
        return float((polynomial.deriv(slopes) if slopes else polynomial)(per_q * q - offset)) * per_q**slopes

    lam, mu, _, _ = plain("inside")(w, volt, CELL, jets(w)[0])
    assert lam == pytest.approx(-volt / (2 * u**2) * (gamma * of_q(SHAPE) + q * of_q(SHAPE, 1) / gamma), rel=1e-9)
    assert mu == pytest.approx(-volt * k0 * length**2 / (2 * u**4) * of_q(SHAPE, 2), rel=1e-9)
    kappa, constant, more, *_ = plain("bending")(w, volt, CELL, jets(w)[1])
    a, b, n, p = SECOND
    lens = volt**2 / (8 * u**3 * length)
    assert kappa == pytest.approx(lens * ((2 + gamma**2) * of_q(n) - e**2 * of_q(a)), rel=1e-9)
    assert constant == pytest.approx(lens * (of_q(p) - 3 * e**2 * of_q(b) + (2 + gamma**2) * n0), rel=1e-9)
    slopes = (2 + gamma**2) * of_q(n, 1) - e**2 * of_q(a, 1) - 10 * q * of_q(a)
    assert more == pytest.approx(volt**2 / (16 * u**4) * slopes, rel=1e-9)
