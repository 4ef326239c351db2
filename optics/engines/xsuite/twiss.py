"""Optical functions by Xsuite, in our terms."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan, sqrt
from typing import Any

import numpy as np
import pandas as pd
import xtrack as xt

from lattice import Lattice, ReferenceParticle, UnstableOptics
from optics.engines.engine_optics import EngineOptics
from optics.engines.xsuite.elements import CONVERGED_KICKS
from optics.engines.xsuite.engine import engine_version, quietly
from optics.engines.xsuite.line import components, to_xsuite
from optics.maps.lattices.checked import checked_particle

_X = ("betx", "alfx", "mux", "dx", "dpx")
_Y = ("bety", "alfy", "muy", "dy", "dpy")
COLUMNS = ("s", "x", "px", "y", "py", *_X, *_Y, "betx2", "bety1")
#: Xsuite's step of differentiation, in beam sizes (emittance 1 um). Its default of 0.01 (40 um) is large enough for
#: the cubic term of a finite-gap fringe to move the vertical tune by 4e-9; at 0.001 what remains is rounding.
_STEP = 1e-3
#: Beta [m] above which steps are made smaller, so that none is larger than in the rings that they were chosen for.
_LARGE_BETA = 20.0


def xsuite_twiss(
    lattice: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    start: Mapping[str, float] | None = None,
    fringe: str = "full",
    delta: float = 0.0,
) -> EngineOptics:
    """Twiss of the lattice by Xsuite: periodic, or from ``start`` at the first element; around dp/p = ``delta``.

    Raises InputError without a particle and UnstableOptics when Xsuite finds no bounded motion or closed orbit.
    """
    particle = checked_particle(lattice, particle)
    line = to_xsuite(lattice, particle, fringe, **CONVERGED_KICKS)
    conditions = {"delta0": delta} if start is None else _start_conditions(particle, start, delta)
    with quietly():
        try:
            twiss = _differentiated(line, conditions)
        except (ValueError, AssertionError, xt.twiss.ClosedOrbitSearchError) as error:
            raise UnstableOptics(f"Xsuite finds no stable optics for '{lattice.name}': {error}") from None
    rows = np.cumsum([0, *(len(names) for names in components(lattice, fringe, apertures=False))])
    return _in_our_terms(lattice, particle, twiss, rows, closed=start is None)


def _differentiated(line: Any, conditions: Mapping[str, float]) -> Any:
    """Xsuite's Twiss; again with smaller steps where betas are large, where the first ones leave the linear region."""
    twiss = line.twiss4d(**conditions, step_W_sigma=_STEP)
    largest = max(float(np.max(twiss[name])) for name in ("betx", "bety"))
    if largest <= _LARGE_BETA:
        return twiss
    return line.twiss4d(**conditions, step_W_sigma=_STEP * sqrt(_LARGE_BETA / largest))


_DISPERSION = ("dx", "dpx", "dy", "dpy")


def _start_conditions(particle: ReferenceParticle, start: Mapping[str, float], delta: float) -> dict[str, float]:
    speed = _relative_speed(particle, delta)
    return {**start, **{key: start[key] / speed for key in _DISPERSION if key in start}, "delta": delta}


def _in_our_terms(lattice: Lattice, particle: ReferenceParticle, twiss: Any, rows: Any, closed: bool) -> EngineOptics:
    """Dispersion per dp/p: Xsuite's is per energy deviation, dpzeta = (beta / beta0) ddelta."""
    speed = _relative_speed(particle, float(twiss["delta"][0]))
    index = pd.Index([*lattice.names, "_end"], name="name")
    table = pd.DataFrame({column: np.array(twiss[column], dtype=float)[rows] for column in COLUMNS}, index=index)
    table[list(_DISPERSION)] *= speed
    return EngineOptics(
        engine=engine_version(),
        table=table,
        qx=float(twiss["qx"]) if closed else nan,
        qy=float(twiss["qy"]) if closed else nan,
        dqx=float(twiss["dqx"]) if closed else nan,
        dqy=float(twiss["dqy"]) if closed else nan,
        momentum_compaction=_momentum_compaction(particle, twiss, speed) if closed else nan,
    )


def _relative_speed(particle: ReferenceParticle, delta: float) -> float:
    """beta / beta0 at dp/p = delta."""
    return (1 + delta) / sqrt(1 / particle.gamma**2 + particle.beta**2 * (1 + delta) ** 2)


def _momentum_compaction(particle: ReferenceParticle, twiss: Any, speed: float) -> float:
    """(dC/C) / (dp/p) from dzeta/dpzeta; the path is (length - zeta) beta / beta0. Xsuite's own holds at delta = 0."""
    delta, length = float(twiss["delta"][0]), float(twiss["s"][-1])
    path = (length - float(twiss["zeta"][-1] - twiss["zeta"][0])) * speed
    gamma_square = (particle.gamma * (1 + delta) / speed) ** 2
    slope = float(twiss["slip_factor_dzeta_ddelta"]) * speed
    return (-speed * slope + path / ((1 + delta) * gamma_square)) / length
