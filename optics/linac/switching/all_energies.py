"""One set of gradients for every energy: the largest beam over all settings of the units made as small as it goes.

Fixed quadrupoles focus a slow beam more than a fast one, so gradients that suit the top energy lose low ones. What is
made small is the power mean of (rms size over bore) over all places, both planes and all settings: close to the
maximum, but smooth. Gradients follow a line through a few knots along the machine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from lattice import InputError
from lattice.arrays import Array
from optics.linac.bunch import Bunch
from optics.linac.extremes import largest_fill
from optics.linac.structure.linac import Linac
from optics.linac.switching.energies import transports

_POWER = 12.0
_TWISS = ("betx", "alfx", "bety", "alfy")


@dataclass(frozen=True)
class Graded:
    """The linac with its gradients, the ``bunch`` that enters it, the largest fill of each setting, before and after.

    Fill: rms size over the bore, the largest anywhere, (n,).
    """

    linac: Linac
    bunch: Bunch
    before: Array
    after: Array


def largest_fills(linac: Linac, amplitudes: Array, phases: Array, bunch: Bunch) -> Array:
    """Largest rms size over the bore anywhere along the machine, one number for each setting, (n,)."""
    return np.array([largest_fill(run, bunch) for run in transports(linac, amplitudes, phases)])


def largest_beam(linac: Linac, amplitudes: Array, phases: Array, bunch: Bunch) -> float:
    """Power mean of rms size over bore over all places, both planes and all settings: what is made small."""
    fills = _fills(linac, amplitudes, phases, bunch)
    return float(np.mean([np.mean(fill**_POWER) for fill in fills]) ** (1.0 / _POWER))


def _fills(linac: Linac, amplitudes: Array, phases: Array, bunch: Bunch) -> list[Array]:
    """Rms size over the bore in both planes at every step of every setting."""
    runs = transports(linac, amplitudes, phases)
    return [run.sizes(bunch.covariance)[:, [0, 2]] / run.bore[:, None] for run in runs]


def grade_for_energies(
    linac: Linac, amplitudes: Array, phases: Array, bunch: Bunch, *, ceiling: float, knots: int = 8, rounds: int = 40
) -> Graded:
    """Gradients, and the shape of the beam at the entrance, for all settings at once.

    ``amplitudes`` and ``phases`` (n, units) as ``settings_for`` gives them; signs of the quadrupoles stay and none
    exceeds ``ceiling`` [T/m]. Raises InputError for fewer than 2 knots.
    """
    if knots < 2:
        raise InputError(f"gradients along a line need 2 knots or more, found {knots!r}")
    start = _parameters(linac, bunch, knots)

    def cost(values: Array) -> float:
        graded, beam = _applied(linac, bunch, values, knots)
        return largest_beam(graded, amplitudes, phases, beam)

    bounds = [(0.0, ceiling / 100.0)] * knots + [(np.log(0.05), np.log(20.0)), (-20.0, 20.0)] * 2
    found = minimize(cost, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": rounds, "eps": 1e-4})
    best, beam = _applied(linac, bunch, found.x, knots)
    return Graded(
        best, beam, largest_fills(linac, amplitudes, phases, bunch), largest_fills(best, amplitudes, phases, beam)
    )


def _parameters(linac: Linac, bunch: Bunch, knots: int) -> Array:
    """Knots [100 T/m], and log beta and alpha at the entrance, as they are."""
    strength = np.abs([magnet.gradient for magnet in linac.quadrupoles])
    at = np.linspace(0, len(strength) - 1, knots)
    weights = hats(len(strength), knots)
    line = (
        np.linalg.lstsq(weights, strength, rcond=None)[0]
        if len(strength) >= knots
        else np.interp(at, range(len(strength)), strength)
    )
    return np.concatenate([line / 100.0, [np.log(bunch.betx), bunch.alfx, np.log(bunch.bety), bunch.alfy]])


def hats(count: int, knots: int) -> Array:
    """Weights (count, knots) of straight lines between knots."""
    places = np.linspace(0, knots - 1, count)
    return np.clip(1.0 - np.abs(places[:, None] - np.arange(knots)), 0.0, None)


def _applied(linac: Linac, bunch: Bunch, values: Array, knots: int) -> tuple[Linac, Bunch]:
    signs = np.sign([magnet.gradient for magnet in linac.quadrupoles])
    gradients = signs * (hats(len(signs), knots) @ values[:knots]) * 100.0
    betx, alfx, bety, alfy = (float(value) for value in values[knots:])
    beam = replace(bunch, betx=float(np.exp(betx)), alfx=alfx, bety=float(np.exp(bety)), alfy=alfy)
    return linac.with_gradients([float(g) for g in gradients]), beam
