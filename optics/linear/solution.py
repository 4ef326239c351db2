"""The linear optics of a model of steps: where the functions begin, how they go on, and the numbers of the whole."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from lattice.memory import Kept
from optics.linear import propagation
from optics.linear.conditions import Conditions
from optics.linear.coupling import mode_start, propagate_modes
from optics.linear.functions import Functions
from optics.linear.rings import told_of_a_line
from optics.maps.lattices.series import StepSeries, step_series
from optics.maps.recording import N_COORDINATES
from optics.maps.taylor import QUADRATIC

_COUPLED = 1e-9
_INSIDE = Kept[int, Functions]("slicings")


@dataclass(frozen=True)
class Solution:
    """Functions at every row, where they began, and the numbers of the whole lattice, of shape (batch,)."""

    functions: Functions
    start: Start
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

    Periodic optics takes an ``orbit`` ([batch,] 6) too: where the closed orbits begin, when they are known already.
    A complex ``delta`` (with ``begin`` and ``orbit`` to match) carries a complex step in momentum through all of it.
    """
    model = step_series(lattice, particle, fringe=fringe, order=order, slices=slices, delta=delta, start=orbit)
    if begin is not None and np.iscomplexobj(begin) and not np.iscomplexobj(model.series):
        model = replace(model, series=model.series.astype(complex))
    initial, tunes, cosines = _start_of(model, begin, _is_coupled(model))
    if lattice.batch is None and begin is None:
        _refuse_unstable(lattice, cosines[0], initial.functions[0], initial.modes)
    functions, sums = _propagated(lattice, model, initial, order == 2)
    return Solution(
        functions=functions,
        start=initial,
        scalars=_scalars(particle, model, functions, sums, tunes, order == 2, begin is None),
    )


def functions_at_rows(model: StepSeries, begin: Array | None) -> Array | None:
    """Functions (batch, rows, 15) at the rows of a model of first order, periodic or from ``begin`` ([batch,] 15).

    They are nan where the motion is not bounded; None where the planes are coupled.
    """
    if _is_coupled(model):
        return None
    return _carried(model, _start_of(model, begin, False)[0], False)[0]


def _is_coupled(model: StepSeries) -> bool:
    return bool(propagation.largest_coupling(model.series) > _COUPLED)


@dataclass(frozen=True)
class Start:
    """Functions (batch, 15) at the beginning, and modes (batch, 4, 4) when the planes are coupled."""

    functions: Array
    modes: Array | None


def _start_of(model: StepSeries, begin: Array | None, coupled: bool) -> tuple[Start, Array | None, Array]:
    """Where propagation begins, (of a coupled ring) the tunes modulo 1 (batch, 2), and (of a ring) their cosines."""
    kind = model.series.dtype
    cosines = np.zeros((model.batch, 2), dtype=kind)
    if begin is not None:
        functions = np.array(np.broadcast_to(begin, (model.batch, propagation.N_FUNCTIONS)), dtype=kind)
        return Start(functions, _uncoupled_modes(functions) if coupled else None), None, cosines
    matrices, room = one_turn(model, model.series), np.empty((4, 5), dtype=kind)
    functions = np.full((model.batch, propagation.N_FUNCTIONS), np.nan, dtype=kind)
    modes, tunes = None, None
    if coupled:
        modes = np.zeros((model.batch, 4, 4), dtype=kind)
        tunes = np.full((model.batch, 2), np.nan, dtype=kind)
        mode_start(matrices, np.empty((5, 4, 4), dtype=kind), modes, cosines, tunes)
        propagation.periodic_dispersion(matrices, room, functions)
        functions[:, [propagation.MUX, propagation.MUY]] = np.where(np.isfinite(modes[:, :1, 0].real), 0.0, np.nan)
    else:
        propagation.periodic_start(matrices, room, functions, cosines)
    return Start(functions, modes), tunes, cosines


def one_turn(model: StepSeries, series: Array) -> Array:
    """Matrices (batch, 6, 6) of one turn through ``series``, those of the model as real or complex numbers."""
    matrices = np.zeros((model.batch, N_COORDINATES, N_COORDINATES), dtype=series.dtype)
    room = np.empty((N_COORDINATES, N_COORDINATES), dtype=series.dtype)
    propagation.one_turn_matrices(series, model.first, model.stride, len(model.plan.sequence), room, matrices)
    return matrices


def _uncoupled_modes(functions: Array) -> Array:
    """Modes of uncoupled start conditions."""
    modes = np.zeros((len(functions), 4, 4), dtype=functions.dtype)
    for i, beta, alpha in ((0, propagation.BETX, propagation.ALFX), (2, propagation.BETY, propagation.ALFY)):
        root = np.sqrt(functions[:, beta])
        modes[:, i, i], modes[:, i + 1, i + 1], modes[:, i + 1, i] = root, 1.0 / root, -functions[:, alpha] / root
    return modes


def functions_inside(conditions: Conditions, slices: int) -> Functions:
    """The functions with every thick element cut into ``slices`` equal parts; kept with the conditions."""
    if not (isinstance(slices, int) and 1 <= slices <= 1000):
        raise InputError(f"slices must be a whole number from 1 to 1000, found {slices!r}")
    return conditions.memory.once(_INSIDE, slices, lambda: _functions_inside(conditions, slices))


def _functions_inside(conditions: Conditions, slices: int) -> Functions:
    # The orbits of a batch of rings differ.
    one_orbit = conditions.lattice.batch is None or not conditions.periodic
    model = step_series(
        conditions.lattice,
        conditions.particle,
        fringe=conditions.fringe,
        order=1,
        slices=slices,
        delta=conditions.delta,
        start=conditions.start_orbit[0] if one_orbit else conditions.start_orbit,
    )
    # Copies: compiled code would be compiled once more for arrays that are closed to writing.
    modes = None if conditions.start_modes is None else conditions.start_modes.copy()
    return _propagated(conditions.lattice, model, Start(conditions.start.copy(), modes), False)[0]


def _refuse_unstable(lattice: Lattice, cosines: Array, initial: Array, modes: Array | None) -> None:
    names = ("horizontal", "vertical") if modes is None else ("first mode's", "second mode's")
    if modes is not None and not np.all(np.isfinite(cosines)):
        raise UnstableOptics(f"lattice '{lattice.name}' is unstable: the coupled motion lies on a sum resonance")
    for plane, cosine in zip(names, cosines.real, strict=True):
        if not abs(cosine) < propagation.LARGEST_COSINE:
            raise UnstableOptics(
                f"lattice '{lattice.name}' is unstable: the {plane} one-turn matrix has "
                f"|trace| = {2 * abs(cosine):.9g}{_needed(abs(cosine))}{told_of_a_line(lattice)}"
            )
    if not np.all(np.isfinite(initial[propagation.DX : propagation.DY + 2])):
        raise UnstableOptics(f"lattice '{lattice.name}' has no finite dispersion: a tune lies on an integer")


def _needed(cosine: float) -> str:
    """What bounded motion needs, and what a trace of 2 within rounding may be."""
    needed = ", bounded motion needs less than 2"
    if abs(cosine - 1.0) > 1.0 - propagation.LARGEST_COSINE:
        return needed
    return f"{needed} by more than rounding: nothing focuses, or a tune is a multiple of 1/2"


def _propagated(lattice: Lattice, model: StepSeries, initial: Start, second_order: bool) -> tuple[Functions, Array]:
    plan = model.plan
    functions, sums = _carried(model, initial, second_order)
    s = np.broadcast_to(lattice.s, (model.batch, len(lattice) + 1))
    if len(plan.row_element) != len(lattice):
        lengths = np.diff(s, axis=-1)
        inner = s[:, plan.row_element] + plan.row_fraction * lengths[:, plan.row_element]
        s = np.concatenate([inner, s[:, -1:]], axis=-1)
    return Functions(s, functions, model.orbit, plan.row_element, plan.row_fraction), sums


def _carried(model: StepSeries, initial: Start, second_order: bool) -> tuple[Array, Array]:
    """Functions (batch, rows, 15) at the rows of a model, and the sums (batch, 3) over it."""
    plan, kind = model.plan, initial.functions.dtype
    functions = np.empty((model.batch, len(plan.rows), propagation.N_FUNCTIONS), dtype=kind)
    sums = np.zeros((model.batch, propagation.N_SUMS), dtype=kind)
    line = (model.series, model.first, model.stride, plan.is_thick, plan.rows, QUADRATIC, second_order)
    now = np.empty(propagation.N_FUNCTIONS, dtype=kind)
    if initial.modes is None:
        propagation.propagate(*line, initial.functions, now, functions, sums)
    else:
        room = np.empty((3, 4, 4), dtype=kind)
        propagate_modes(*line, initial.functions, initial.modes, now, room, functions, sums)
    return functions, sums


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
        told = compaction.real > _rounding(particle, model)
        gamma_transition = 1.0 / np.sqrt(np.where(told, compaction, np.nan))
    return {
        "qx": advances[0],
        "qy": advances[1],
        "dqx": sums[:, propagation.CHROMATIC_X] / (2 * np.pi) if chromatic else unknown,
        "dqy": sums[:, propagation.CHROMATIC_Y] / (2 * np.pi) if chromatic else unknown,
        "momentum_compaction": compaction,
        "gamma_transition": gamma_transition,
        "slip_factor": slip,
        "length": length,
    }


def _rounding(particle: ReferenceParticle, model: StepSeries) -> float:
    """Compaction that sums over the rows leave of 0: it is the difference of two sums near 1 / gamma0^2."""
    return float(len(model.plan.rows) * np.finfo(float).eps / particle.gamma**2)


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
