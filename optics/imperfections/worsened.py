"""Orbits and trajectories that a correction makes larger: too many correctors follow the errors of the monitors."""

from __future__ import annotations

import numpy as np

from lattice.arrays import Array

_MOST = 0.5  # of the machines


def worsened(plane: str, before: Array, after: Array, what: str = "orbit") -> str:
    """A warning where most machines have a larger orbit in a plane ("x", "y") after the correction; "" elsewhere.

    ``before`` and ``after`` (machines,): largest distances [m].
    """
    known = np.isfinite(before) & np.isfinite(after)
    larger = int(np.sum(after[known] > before[known]))
    if larger <= _MOST * np.sum(known):
        return ""
    first, then = (1e3 * float(np.median(values[known])) for values in (before, after))
    word = {"x": "horizontal", "y": "vertical"}[plane]
    return (
        f"The correction makes the {word} {what} larger in {larger} of {int(np.sum(known))} machines (median of the "
        f"largest {first:.3g} mm before, {then:.3g} mm after): leave more singular values out, or correct "
        "with fewer correctors"
    )
