"""How the optics changes with momentum: chromatic functions, second-order dispersion, chromaticity of second order.

The optics is computed once more about the closed orbit at delta + i h: everything is holomorphic in delta, so the
imaginary parts over h are exact derivatives (W. Squire & G. Trapp, SIAM Review 40, 110, 1998). With a prime for
d/ddelta the chromatic functions are B. Montague's (LEP Note 165, 1979) as MAD-X has them: b = beta'/beta,
a = alpha' - alpha b, W = sqrt(a^2 + b^2), phi = arctan2(a, b) / 2 pi.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from optics.linear import propagation
from optics.linear.conditions import Conditions
from optics.linear.solution import Solution, solve

_STEP = 1e-30  # its square vanishes, so the derivative is exact to rounding
_PLAIN = {"ddx": "dx", "ddpx": "dpx", "ddy": "dy", "ddpy": "dpy", "dmux": "mux", "dmuy": "muy"}
_WAVES = {"wx": "x", "phix": "x", "wy": "y", "phiy": "y"}


@dataclass(frozen=True, eq=False)
class ChromaticFunctions:
    """The optics at delta + i h: ``column`` and ``scalar`` read the derivatives off it."""

    stepped: Solution

    def column(self, name: str) -> Array:
        """One of wx, phix, wy, phiy, dmux, dmuy, ddx, ddpx, ddy, ddpy, shape (batch, rows)."""
        if name in _PLAIN:
            return self._slope(_PLAIN[name])
        b, a = self._montague(_WAVES[name])
        return np.hypot(a, b) if name.startswith("w") else np.arctan2(a, b) / (2 * np.pi)

    def scalar(self, name: str) -> Array:
        """One of ddqx, ddqy, shape (batch,); nan for a line."""
        values = self.stepped.scalars[{"ddqx": "dqx", "ddqy": "dqy"}[name]]
        return values.imag / _STEP if np.iscomplexobj(values) else values

    def _slope(self, name: str) -> Array:
        return self.stepped.functions.column(name).imag / _STEP

    def _montague(self, plane: str) -> tuple[Array, Array]:
        beta, alpha = (self.stepped.functions.column(name + plane).real for name in ("bet", "alf"))
        with np.errstate(invalid="ignore", divide="ignore"):  # a mode that is not seen in this plane has no phase
            b = self._slope("bet" + plane) / beta
            return b, self._slope("alf" + plane) - alpha * b


def chromatic_functions(conditions: Conditions, slices: int = 1) -> ChromaticFunctions:
    """Derivatives of the optics with respect to delta, at the entrances of its elements cut into ``slices``.

    InputError for optics that already carries a complex step in its strengths.
    """
    if np.iscomplexobj(conditions.start):
        raise InputError("chromatic functions are complex steps in delta: they need a lattice with real strengths")
    begin, orbit = (None, None) if conditions.periodic else _stepped_start(conditions)
    order = 2 if conditions.periodic else 1
    delta = complex(conditions.delta, _STEP)
    return ChromaticFunctions(
        solve(conditions.lattice, conditions.particle, conditions.fringe, order, delta, begin, orbit, slices)
    )


def _stepped_start(conditions: Conditions) -> tuple[Array, Array]:
    """Start of a line at delta + i h: functions (15,) and orbit (6,), which follows the dispersion."""
    start = {key: conditions.start_chromatic.get(key, 0.0) for key in ("ddx", "ddpx", "ddy", "ddpy", "dmux", "dmuy")}
    functions = conditions.start[0].real
    slopes = np.zeros(propagation.N_FUNCTIONS)
    slopes[propagation.DX : propagation.DPY + 1] = [start[key] for key in ("ddx", "ddpx", "ddy", "ddpy")]
    slopes[[propagation.MUX, propagation.MUY]] = start["dmux"], start["dmuy"]
    for plane, first in (("x", propagation.BETX), ("y", propagation.BETY)):
        amplitude = conditions.start_chromatic.get(f"w{plane}", 0.0)
        angle = 2 * np.pi * conditions.start_chromatic.get(f"phi{plane}", 0.0)
        a, b = amplitude * np.sin(angle), amplitude * np.cos(angle)
        slopes[first : first + 2] = functions[first] * b, a + functions[first + 1] * b
    dispersion = functions[propagation.DX : propagation.DPY + 1]
    return functions + 1j * _STEP * slopes, conditions.start_orbit[0] + 1j * _STEP * np.array([*dispersion, 0.0, 1.0])
