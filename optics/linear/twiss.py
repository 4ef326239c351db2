"""``twiss``: periodic optics of a ring, or optics of a line from given start conditions."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose, isfinite
from typing import Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle, UnstableOptics
from lattice.arrays import Array, ClosedMapping
from lattice.errors import did_you_mean
from lattice.lattice import checked_lattice
from lattice.magnitudes import as_number
from optics.linear import propagation
from optics.linear.functions import Functions
from optics.linear.moments import Moments
from optics.linear.optics import Optics
from optics.linear.rings import warn_of_a_line
from optics.linear.solution import Solution, solve
from optics.maps.lattices.checked import checked_particle

#: Start conditions of a line: functions in the order of ``propagation``, their change with momentum, and the orbit.
START_FUNCTIONS = ("betx", "alfx", "mux", "bety", "alfy", "muy", "dx", "dpx", "dy", "dpy")
START_CHROMATIC = ("wx", "phix", "dmux", "wy", "phiy", "dmuy", "ddx", "ddpx", "ddy", "ddpy")
_START_ORBIT = ("x", "px", "y", "py", "zeta")


def twiss(
    lattice: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    start: Mapping[str, Any] | Moments | None = None,
    fringe: str = "full",
    delta: float = 0.0,
    chromatic: bool = True,
) -> Optics:
    """Linear optics: periodic, or of a line from ``start`` (betx, alfx, bety, alfy, dx, dpx, dy, dpy, x, px, ...).

    ``start`` may also hold wx, phix, dmux, ddx, ddpx and the same of y, from which the chromatic columns then begin;
    beside array parameters betx ... dpy may be arrays of their length.
    ``start`` may be the ``Moments`` of a beam: the functions then begin as those of its planes, the orbit at its mean,
    and the columns of moments (size_x, corr_xy, betx_lab ...) are there.
    Without ``start`` the lattice is a ring, or a cell that repeats: the value says which, and a UserWarning tells of
    one whose bends are no part of a ring.
    A row of a table of optics (``tw.table.loc["place"]``) begins where that place is.
    ``particle`` defaults to the lattice's. ``fringe``: bends with "full" or "linear" edges. ``delta``: momentum
    deviation of the orbit about which the optics is computed. ``chromatic=False`` leaves chromaticity out (nan).
    RF cavities act as drifts (momentum is held). Array parameters give a batch. Matrices are exact derivatives of
    the element maps. Coupled planes give two modes (see ``Optics.coupled``).

    Equation:
        M = R(2 pi Q) in normalised coordinates: cos 2 pi Q = tr(M) / 2, betx = M12 / sin 2 pi Q,
        alfx = (M11 - M22) / (2 sin 2 pi Q); from place to place beta, alpha and mu follow from the matrix between.

    Returns:
        Optics: scalars of a lattice, columns (rows,) at the entrance of each element with the end last; of a batch of n
        lattices (n,) and (n, rows). Betas and dispersions in m, phases in turns, dispersion and chromaticity per dp/p.

    Raises:
        UnstableOptics: one lattice has no closed orbit or no bounded motion (in a batch its rows are nan).
        InputError: wrong start conditions, an unknown fringe, no particle.

    Source:
        E. D. Courant, H. S. Snyder, Ann. Phys. 3, 1 (1958); coupled: D. A. Edwards, L. C. Teng, IEEE Trans. Nucl. Sci.
        20, 885 (1973), and G. Ripken's functions.

    Example:
        >>> from lattice import Drift, Quadrupole, ReferenceParticle
        >>> cell = Lattice("fodo", elements=[Quadrupole("qf", length=0.3, k1=2.0), Drift("d1", length=1.0),
        ...                                  Quadrupole("qd", length=0.3, k1=-2.0), Drift("d2", length=1.0)])
        >>> optics = twiss(cell, ReferenceParticle("proton", kinetic_energy_per_u=100e6))
        >>> bool(abs(optics.qx - optics.qy) < 1e-12)  # the same cell in both planes
        True
        >>> optics["betx"].shape
        (5,)
    """
    particle = checked_particle(checked_lattice(lattice, "twiss"), particle)
    delta = _checked_delta(delta)
    start = of_row(start, delta)
    moments = start if isinstance(start, Moments) else None
    if isinstance(start, Moments):
        start, delta = _of_moments(start, particle, delta, lattice.batch)
    if start is None:
        warn_of_a_line(lattice)
    order = 2 if chromatic and start is None else 1
    begin, orbit = (None, None) if start is None else start_values(start, delta, lattice.batch)
    solution = solve(lattice, particle, fringe, order, delta, begin, orbit)
    return _optics(solution, lattice, particle, fringe, delta, start, moments)


def twiss_about(
    lattice: Lattice, particle: ReferenceParticle, orbit: Array, *, fringe: str = "full", chromatic: bool = True
) -> Optics:
    """Periodic optics as ``twiss``, of rings whose closed orbits are known to begin at ``orbit`` (batch, 6)."""
    solution = solve(lattice, particle, fringe, 2 if chromatic else 1, 0.0, None, orbit)
    return _optics(solution, lattice, particle, fringe, 0.0, None, None)


def _optics(
    solution: Solution,
    lattice: Lattice,
    particle: ReferenceParticle,
    fringe: str,
    delta: float,
    start: Mapping[str, Any] | None,
    moments: Moments | None,
) -> Optics:
    if lattice.batch is None:
        _refuse_lost(lattice, solution.functions)
    return Optics(
        lattice=lattice,
        particle=particle,
        fringe=fringe,
        delta=delta,
        periodic=start is None,
        at_elements=solution.functions,
        start=solution.start.functions,
        start_orbit=solution.functions.orbit[:, 0],
        start_modes=solution.start.modes,
        start_chromatic=_chromatic_start(start or {}),
        scalars=solution.scalars,
        moments=moments,
    )


def _of_moments(
    moments: Moments, particle: ReferenceParticle, delta: float, batch: int | None
) -> tuple[dict[str, Any], float]:
    """Functions and orbit that a line begins with, and the momentum of its orbit, for a beam of ``particle``."""
    ours = moments.particle
    if ours.kind != particle.kind or not isclose(ours.momentum, particle.momentum, rel_tol=1e-6):
        raise InputError(f"the moments are of {ours}, the optics of {particle}: give both the same particle")
    if moments.sigma.ndim == 3 and len(moments.sigma) != batch:
        raise InputError(f"here are {len(moments.sigma)} beams for {batch or 1} lattices: give one beam, or as many")
    if delta != 0.0:
        raise InputError("the mean momentum of a beam is in its moments: leave delta out, or move them (moments.moved)")
    return moments.begin, float(moments.mean[5])


def _checked_delta(delta: float) -> float:
    value = as_number(delta)
    if value is None or not (isfinite(value) and value > -1.0):
        raise InputError(f"delta must be a number above -1, found {delta!r}")
    return value


def of_row(start: Any, delta: float) -> Any:
    """Start conditions of a row of a table of optics (``tw.table.loc["qf"]``); everything else as it is."""
    if isinstance(start, Optics):
        raise InputError("start is one place: of optics tw take a row, start=tw.table.loc['place']")
    if isinstance(start, Mapping) or not hasattr(start, "to_dict") or start.ndim != 1:
        return start
    if any(start.get(share, 0.0) != 0.0 for share in ("betx2", "bety1")):
        raise InputError("the planes of this row are coupled: begin the lattice at its place instead")
    if (own := start.get("delta", delta)) != delta:
        raise InputError(f"this row is of an orbit at delta = {own:g}: give delta={own:g} too")
    return {key: start[key] for key in (*START_FUNCTIONS, *_START_ORBIT, *START_CHROMATIC) if key in start}


def start_values(start: Mapping[str, Any], delta: float, batch: int | None) -> tuple[Array, Array]:
    """Start conditions as ([batch,] 15) functions and (6,) orbit; InputError names what is missing or wrong."""
    known = (*START_FUNCTIONS, *_START_ORBIT, *START_CHROMATIC)
    if not isinstance(start, Mapping):
        raise InputError(
            f"start must be a mapping such as {{'betx': 9.0, 'bety': 4.0}}, or a row of tw.table, found {start!r:.60}"
        )
    for key, value in start.items():
        if key not in known:
            hint = did_you_mean(str(key), known) or "."
            raise InputError(f"start has no key '{key}'{hint} Known: {', '.join(known)}")
        if not _is_start_value(value, batch if key in START_FUNCTIONS else None):
            raise InputError(f"start['{key}'] must be a finite number, found {value!r}")
    for key in ("betx", "bety"):
        if not np.all(np.real(start.get(key, 0.0)) > 0):
            raise InputError(f"start needs a positive '{key}' [m], found {start.get(key)!r}")
    values = np.broadcast_arrays(*(start.get(key, 0.0) for key in START_FUNCTIONS))
    functions = np.zeros((*values[0].shape, propagation.N_FUNCTIONS), dtype=np.result_type(float, *values))
    functions[..., : len(START_FUNCTIONS)] = np.stack(values, axis=-1)
    functions[..., propagation.SHARE] = 1.0
    orbit = np.array([*(float(start.get(key, 0.0)) for key in _START_ORBIT), delta])
    return functions, orbit


def _is_start_value(value: Any, batch: int | None) -> bool:
    """A finite number, or for a batch of lattices an array of as many."""
    if isinstance(value, np.ndarray) and batch is not None:
        return value.shape == (batch,) and bool(np.isfinite(value).all())
    return isinstance(value, (int, float, np.number)) and isfinite(value)


def _refuse_lost(lattice: Lattice, functions: Functions) -> None:
    finite = np.all(np.isfinite(functions.functions[0]), axis=1)
    if not finite.all():
        name = lattice.names[max(int(np.argmin(finite)) - 1, 0)]
        raise UnstableOptics(f"lattice '{lattice.name}': the orbit or the optics is lost (not finite) in '{name}'")


def _chromatic_start(start: Mapping[str, Any]) -> Mapping[str, float]:
    return ClosedMapping({key: float(value) for key, value in start.items() if key in START_CHROMATIC})
