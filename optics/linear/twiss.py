"""``twiss``: periodic optics of a ring, or optics of a line from given start conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from lattice.errors import did_you_mean
from optics.linear import propagation
from optics.linear.coupling import mode_start, propagate_modes
from optics.linear.optics import Functions, Optics
from optics.maps.model import StepSeries, checked_particle, step_series
from optics.maps.taylor import N_COORDINATES, QUADRATIC

#: Start conditions of a line: functions in the order of ``propagation``, their change with momentum, and the orbit.
START_FUNCTIONS = ("betx", "alfx", "mux", "bety", "alfy", "muy", "dx", "dpx", "dy", "dpy")
START_CHROMATIC = ("wx", "phix", "dmux", "wy", "phiy", "dmuy", "ddx", "ddpx", "ddy", "ddpy")
_START_ORBIT = ("x", "px", "y", "py", "zeta")
_COUPLED = 1e-9


def twiss(
    lattice: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    start: Mapping[str, Any] | None = None,
    fringe: str = "full",
    delta: float = 0.0,
    chromatic: bool = True,
) -> Optics:
    """Linear optics: periodic, or of a line from ``start`` (betx, alfx, bety, alfy, dx, dpx, dy, dpy, x, px, ...).

    ``start`` may also hold wx, phix, dmux, ddx, ddpx and the same of y, from which the chromatic columns then begin;
    beside array parameters betx ... dpy may be arrays of their length.
    ``particle`` defaults to the lattice's. ``fringe``: bends with "full" or "linear" edges. ``delta``: momentum
    deviation of the orbit about which the optics is computed. ``chromatic=False`` leaves chromaticity out (nan).
    RF cavities act as drifts (momentum is held). Array parameters give a batch. Matrices are exact derivatives of
    the element maps; with no closed orbit or no bounded motion one lattice raises UnstableOptics, in a
    batch its rows are nan. Coupled planes give two modes (see ``Optics.coupled``).
    """
    if not isinstance(lattice, Lattice):
        raise InputError(f"twiss takes a Lattice, found {type(lattice).__name__}")
    particle = checked_particle(lattice, particle)
    delta = _checked_delta(delta)
    order = 2 if chromatic and start is None else 1
    begin, orbit = (None, None) if start is None else _start_values(start, delta, lattice.batch)
    solution = solve(lattice, particle, fringe, order, delta, begin, orbit)
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
        start_chromatic={key: float(value) for key, value in (start or {}).items() if key in START_CHROMATIC},
        scalars=solution.scalars,
    )


@dataclass(frozen=True)
class Solution:
    """Functions at every row, where they began, and the numbers of the whole lattice, of shape (batch,)."""

    functions: Functions
    start: _Start
    scalars: dict[str, Array]


def solve(
    lattice: Lattice,
    particle: ReferenceParticle,
    fringe: str,
    order: int,
    delta: complex,
    begin: Array | None,
    orbit: Array | None,
    slices: int = 1,
) -> Solution:
    """Optics about the orbit at ``delta``: periodic, or from functions ``begin`` ([batch,] 15) and ``orbit`` (6,).

    A complex ``delta`` (with ``begin`` and ``orbit`` to match) carries a complex step in momentum through all of it.
    """
    model = step_series(lattice, particle, fringe=fringe, order=order, slices=slices, delta=delta, start=orbit)
    if begin is not None and np.iscomplexobj(begin) and not np.iscomplexobj(model.series):
        model = replace(model, series=model.series.astype(complex))
    coupled = propagation.largest_coupling(model.series) > _COUPLED
    initial, tunes = _start_of(lattice, model, begin, coupled)
    functions, sums = _propagated(lattice, model, initial, order == 2)
    return Solution(
        functions=functions,
        start=initial,
        scalars=_scalars(particle, model, functions, sums, tunes, order == 2, begin is None),
    )


@dataclass(frozen=True)
class _Start:
    """Functions (batch, 15) at the beginning, and modes (batch, 4, 4) when the planes are coupled."""

    functions: Array
    modes: Array | None


def _start_of(lattice: Lattice, model: StepSeries, begin: Array | None, coupled: bool) -> tuple[_Start, Array | None]:
    """Where propagation begins, and (of a coupled ring) the tunes modulo 1 (batch, 2)."""
    kind = model.series.dtype
    if begin is not None:
        functions = np.array(np.broadcast_to(begin, (model.batch, propagation.N_FUNCTIONS)), dtype=kind)
        return _Start(functions, _uncoupled_modes(functions) if coupled else None), None
    matrices = np.zeros((model.batch, N_COORDINATES, N_COORDINATES), dtype=kind)
    propagation.one_turn_matrices(model.series, model.first, model.stride, len(model.plan.sequence), matrices)
    functions = np.full((model.batch, propagation.N_FUNCTIONS), np.nan, dtype=kind)
    cosines = np.zeros((model.batch, 2), dtype=kind)
    modes, tunes = None, None
    if coupled:
        modes = np.zeros((model.batch, 4, 4), dtype=kind)
        tunes = np.full((model.batch, 2), np.nan, dtype=kind)
        mode_start(matrices, modes, cosines, tunes)
        propagation.periodic_dispersion(matrices, functions)
        functions[:, [propagation.MUX, propagation.MUY]] = np.where(np.isfinite(modes[:, :1, 0].real), 0.0, np.nan)
    else:
        propagation.periodic_start(matrices, functions, cosines)
    if lattice.batch is None:
        _refuse_unstable(lattice, cosines[0], functions[0], modes)
    return _Start(functions, modes), tunes


def _uncoupled_modes(functions: Array) -> Array:
    """Modes of uncoupled start conditions."""
    modes = np.zeros((len(functions), 4, 4), dtype=functions.dtype)
    for i, beta, alpha in ((0, propagation.BETX, propagation.ALFX), (2, propagation.BETY, propagation.ALFY)):
        root = np.sqrt(functions[:, beta])
        modes[:, i, i], modes[:, i + 1, i + 1], modes[:, i + 1, i] = root, 1.0 / root, -functions[:, alpha] / root
    return modes


def functions_inside(optics: Optics, slices: int) -> Functions:
    """The same optics with every thick element cut into ``slices`` equal parts."""
    if not (isinstance(slices, int) and 1 <= slices <= 1000):
        raise InputError(f"slices must be a whole number from 1 to 1000, found {slices!r}")
    kept: dict[int, Functions] = optics.__dict__.setdefault("_inside", {})  # several quantities ask for the same
    if slices not in kept:
        kept[slices] = _functions_inside(optics, slices)
    return kept[slices]


def _functions_inside(optics: Optics, slices: int) -> Functions:
    # The orbits of a batch of rings differ: they are found again.
    one_orbit = optics.lattice.batch is None or not optics.periodic
    model = step_series(
        optics.lattice,
        optics.particle,
        fringe=optics.fringe,
        order=1,
        slices=slices,
        delta=optics.delta,
        start=optics.start_orbit[0] if one_orbit else None,
    )
    return _propagated(optics.lattice, model, _Start(optics.start, optics.start_modes), False)[0]


def _checked_delta(delta: float) -> float:
    try:
        value = float(delta)
    except (TypeError, ValueError):
        value = float("nan")
    if not (isfinite(value) and value > -1.0):
        raise InputError(f"delta must be a number above -1, found {delta!r}")
    return value


def _start_values(start: Mapping[str, Any], delta: float, batch: int | None) -> tuple[Array, Array]:
    """Start conditions as ([batch,] 15) functions and (6,) orbit; InputError names what is missing or wrong."""
    known = (*START_FUNCTIONS, *_START_ORBIT, *START_CHROMATIC)
    if not isinstance(start, Mapping):
        raise InputError(f"start must be a mapping such as {{'betx': 9.0, 'bety': 4.0}}, found {start!r}")
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


def _refuse_unstable(lattice: Lattice, cosines: Array, initial: Array, modes: Array | None) -> None:
    names = ("horizontal", "vertical") if modes is None else ("first mode's", "second mode's")
    if modes is not None and not np.all(np.isfinite(cosines)):
        raise UnstableOptics(f"lattice '{lattice.name}' is unstable: the coupled motion lies on a sum resonance")
    for plane, cosine in zip(names, cosines.real, strict=True):
        if not abs(cosine) < 1.0:
            raise UnstableOptics(
                f"lattice '{lattice.name}' is unstable: the {plane} one-turn matrix has "
                f"|trace| = {2 * abs(cosine):.9g}, bounded motion needs less than 2"
            )
    if not np.all(np.isfinite(initial[propagation.DX : propagation.DY + 2])):
        raise UnstableOptics(f"lattice '{lattice.name}' has no finite dispersion: a tune lies on an integer")


def _refuse_lost(lattice: Lattice, functions: Functions) -> None:
    finite = np.all(np.isfinite(functions.functions[0]), axis=1)
    if not finite.all():
        name = lattice.names[max(int(np.argmin(finite)) - 1, 0)]
        raise UnstableOptics(f"lattice '{lattice.name}': the orbit or the optics is lost (not finite) in '{name}'")


def _propagated(lattice: Lattice, model: StepSeries, initial: _Start, second_order: bool) -> tuple[Functions, Array]:
    plan = model.plan
    kind = initial.functions.dtype
    functions = np.empty((model.batch, len(plan.rows), propagation.N_FUNCTIONS), dtype=kind)
    sums = np.zeros((model.batch, propagation.N_SUMS), dtype=kind)
    line = (model.series, model.first, model.stride, plan.is_thick, plan.rows, QUADRATIC, second_order)
    if initial.modes is None:
        propagation.propagate(*line, initial.functions, functions, sums)
    else:
        propagate_modes(*line, initial.functions, initial.modes, functions, sums)
    s = np.broadcast_to(lattice.s, (model.batch, len(lattice) + 1))
    if len(plan.row_element) != len(lattice):
        lengths = np.diff(s, axis=-1)
        inner = s[:, plan.row_element] + plan.row_fraction * lengths[:, plan.row_element]
        s = np.concatenate([inner, s[:, -1:]], axis=-1)
    return Functions(s, functions, model.orbit, plan.row_element, plan.row_fraction), sums


def _scalars(
    particle: ReferenceParticle,
    model: StepSeries,
    functions: Functions,
    sums: Array,
    tunes: Array | None,
    chromatic: bool,
    periodic: bool,
) -> dict[str, Array]:
    advances = [functions.column(name)[:, -1] - functions.column(name)[:, 0] for name in ("mux", "muy")]
    if tunes is not None:
        # The advance seen in one plane gives the whole turns, the mode itself the rest.
        advances = [tunes[:, k] + np.round((advances[k] - tunes[:, k]).real) for k in range(2)]
    unknown = np.full(model.batch, np.nan)
    length = functions.s[:, -1]
    with np.errstate(invalid="ignore"):  # complex nan of unstable lattices
        compaction, slip = (
            _compaction(particle, model, sums[:, propagation.SLIP], length) if periodic else (unknown, unknown)
        )
        gamma_transition = 1.0 / np.sqrt(np.where(compaction.real > 0, compaction, np.nan))
    return {
        "qx": advances[0],
        "qy": advances[1],
        "dqx": sums[:, propagation.CHROMATIC_X] / (2 * np.pi) if chromatic else unknown,
        "dqy": sums[:, propagation.CHROMATIC_Y] / (2 * np.pi) if chromatic else unknown,
        "momentum_compaction": compaction,
        "gamma_transition": gamma_transition,
        "slip_factor": slip,
        "circumference": length,
    }


def _compaction(particle: ReferenceParticle, model: StepSeries, slip: Array, length: Array) -> tuple[Array, Array]:
    """(dC/C)/(dp/p) and (dT/T)/(dp/p) from dzeta/ddelta, with zeta = s - beta0 c T and T = path / (beta c)."""
    delta, advance = model.orbit[:, 0, 5], model.orbit[:, -1, 4] - model.orbit[:, 0, 4]
    beta0, gamma0 = particle.beta, particle.gamma
    energy_ratio2 = 1.0 / gamma0**2 + beta0**2 * (1.0 + delta) ** 2  # (E/E0)^2
    beta_ratio = (1.0 + delta) / np.sqrt(energy_ratio2)  # beta / beta0
    gamma2 = gamma0**2 * energy_ratio2
    path = (length - advance) * beta_ratio
    change = -beta_ratio * slip + path / ((1.0 + delta) * gamma2)
    return change / length, -slip * beta_ratio / path
