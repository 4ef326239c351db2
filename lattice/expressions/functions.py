"""Constants and functions that every expression knows, with MAD-X's meaning.

All functions take numbers, complex numbers (complex-step derivatives pass through) or arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np

from lattice.reference import ATOMIC_MASS_UNIT, ELECTRON_MASS, PROTON_MASS, SPEED_OF_LIGHT

#: Names every expression knows, with MAD-X's meaning and units (masses in GeV, hbar in GeV s).
CONSTANTS: dict[str, float] = {
    "pi": np.pi,
    "twopi": 2 * np.pi,
    "e": np.e,
    "degrad": 180 / np.pi,
    "raddeg": np.pi / 180,
    "clight": SPEED_OF_LIGHT,
    "emass": ELECTRON_MASS * 1e-9,
    "pmass": PROTON_MASS * 1e-9,
    "nmass": 0.939_565_421_94,  # CODATA 2022, as the ones below
    "umass": ATOMIC_MASS_UNIT * 1e-9,
    "mumass": 0.105_658_3755,
    "amu0": 4e-7 * np.pi,  # the vacuum's permeability
    "qelect": 1.602_176_634e-19,
    "hbar": 6.582_119_569e-25,
    "erad": 2.817_940_3205e-15,
    "prad": 2.817_940_3205e-15 * ELECTRON_MASS / PROTON_MASS,
}


def _absolute(value: Any) -> Any:
    """|x|, holomorphic along the real axis so that complex-step derivatives pass through (as do the others)."""
    return np.asarray(np.where(np.real(value) < 0, -value, value))[()]


def _error_function(value: Any) -> Any:
    real = np.vectorize(erf, otypes=[float])(np.real(value))
    if np.iscomplexobj(value):
        real = real + 1j * np.imag(value) * (2 / np.sqrt(np.pi)) * np.exp(-(np.real(value) ** 2))
    return np.asarray(real)[()]


def _arc_tangent(y: Any, x: Any) -> Any:
    real = np.arctan2(np.real(y), np.real(x))
    if np.iscomplexobj(y) or np.iscomplexobj(x):
        slope = np.real(x) * np.imag(y) - np.real(y) * np.imag(x)
        real = real + 1j * slope / (np.real(x) ** 2 + np.real(y) ** 2)
    return real


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "abs": _absolute,
    "sinc": lambda x: np.asarray(np.sinc(x / np.pi))[()],
    "erf": _error_function,
    "erfc": lambda x: 1 - _error_function(x),
    "floor": lambda x: np.floor(np.real(x)),
    "ceil": lambda x: np.ceil(np.real(x)),
    "round": lambda x: np.round(np.real(x)),
    "frac": lambda x: x - np.trunc(np.real(x)),
    "min": lambda x, y: np.asarray(np.where(np.real(x) <= np.real(y), x, y))[()],
    "max": lambda x, y: np.asarray(np.where(np.real(x) >= np.real(y), x, y))[()],
    "atan2": _arc_tangent,
}
TWO_ARGUMENTS = {"min", "max", "atan2"}
