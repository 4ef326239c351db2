"""The maps of a whole lattice as numbers: the series of every step about the orbit, shared where steps are equal.

About a straight reference orbit equal elements share one series, so a ring of a hundred magnets needs some dozens,
and a batch of lattices repeats only what its parameters change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle, UnstableOptics
from lattice.errors import did_you_mean
from optics.steps import FRINGES, Setting, Step, program, steps
from optics.taylor import N_COORDINATES, Bank
from optics.turn import Turn

Array = np.ndarray[Any, Any]

_ORBIT_ZERO = 1e-13  # m, rad: below this the reference orbit is the closed orbit (rounding of the maps is 1e-16)


@dataclass(frozen=True, eq=False)
class Plan:
    """What follows from the elements alone: which steps there are, in which order, and which need parameters.

    ``sequence``: (n_steps,) index of each step among the distinct ones, ``is_thick`` which of them have length;
    ``rows``: (n_rows + 1,) first step of each row of a table; ``row_element`` (n_rows,) the element a row belongs to,
    ``row_fraction`` how far inside it.
    """

    bank: Bank
    distinct: tuple[tuple[int, int], ...]  # (unique element, position among its steps)
    program_index: Array
    is_fixed: Array
    is_thick: Array
    fixed_arguments: Array
    sequence: Array
    rows: Array
    row_element: Array
    row_fraction: Array


@dataclass(frozen=True, eq=False)
class StepSeries:
    """Series of all steps of ``batch`` lattices: step i of lattice b has row ``first[i] + stride[i] * b``."""

    plan: Plan
    series: Array
    first: Array
    stride: Array
    batch: int
    orbit: Array  # (batch, n_rows + 1, 6), all zero on the reference orbit
    beta0: float


def checked_fringe(fringe: str) -> str:
    """``fringe`` if it is one of "full" and "linear", else InputError."""
    if fringe not in FRINGES:
        raise InputError(f"fringe must be 'full' or 'linear', found {fringe!r}{did_you_mean(str(fringe), FRINGES)}")
    return fringe


def checked_particle(lattice: Lattice, particle: ReferenceParticle | None) -> ReferenceParticle:
    """The given particle, or else the lattice's own; InputError when there is neither."""
    chosen = particle if particle is not None else lattice.particle
    if chosen is None:
        raise InputError(f"lattice '{lattice.name}' names no particle: pass a ReferenceParticle")
    if not isinstance(chosen, ReferenceParticle):
        raise InputError(f"particle must be a ReferenceParticle, found {chosen!r}")
    return chosen


def make_plan(lattice: Lattice, particle: ReferenceParticle, fringe: str, slices: int = 1) -> Plan:
    """Plan of a lattice with each thick element cut into ``slices``; kept with the lattice's elements."""
    key = ("plan", fringe, slices)
    if key not in lattice.memory:
        lattice.memory[key] = _new_plan(lattice, Setting(particle, fringe), slices)
    plan: Plan = lattice.memory[key]
    return plan


def _new_plan(lattice: Lattice, setting: Setting, slices: int) -> Plan:
    unique, indices = lattice.unique_elements
    per_element = [_cut(steps(element, lattice.value, setting), slices) for element in unique]
    names = sorted({step.program for parts, _, _ in per_element for step in parts})
    bank = Bank([program(name) for name in names or ["drift"]])
    distinct = tuple((u, i) for u, (parts, _, _) in enumerate(per_element) for i in range(len(parts)))
    start = np.cumsum([0, *(len(parts) for parts, _, _ in per_element)])
    fixed = [not _has_expression(element) for element in unique]
    all_steps = [per_element[u][0][i] for u, i in distinct]
    arguments = np.zeros((len(distinct), bank.n_arguments))
    for row, ((u, _), step) in enumerate(zip(distinct, all_steps, strict=True)):
        if fixed[u]:
            arguments[row, : len(step.arguments)] = step.arguments
    sequence = np.array([start[u] + i for u in indices for i in range(len(per_element[u][0]))], dtype=np.int64)
    rows, row_element, row_fraction = _rows(indices, per_element)
    return Plan(
        bank=bank,
        distinct=distinct,
        program_index=np.array([names.index(step.program) for step in all_steps], dtype=np.int64),
        is_fixed=np.array([fixed[u] for u, _ in distinct], dtype=bool),
        is_thick=np.array([bool(step.cut) for step in all_steps], dtype=bool)[sequence],
        fixed_arguments=arguments,
        sequence=sequence,
        rows=rows,
        row_element=row_element,
        row_fraction=row_fraction,
    )


def _has_expression(element: Any) -> bool:
    def is_text(value: Any) -> bool:
        return any(map(is_text, value)) if isinstance(value, tuple) else isinstance(value, str)

    return any(is_text(value) for value in element.strengths().values())


def _cut(whole: list[Step], slices: int) -> tuple[list[Step], list[int], list[float]]:
    """Steps with the thick ones in parts, the positions where a new row begins, and how far inside each lies.

    Edges and kicks have rows of their own, with no length: slopes jump there.
    """
    if slices == 1:
        return whole, [0], [0.0]
    parts: list[Step] = []
    fractions: list[float] = []
    total = slices * max(sum(bool(step.cut) for step in whole), 1)
    passed = 0
    for step in whole:
        for _ in range(slices if step.cut else 1):
            parts.append(step.part(slices))
            fractions.append(passed / total)
            passed += bool(step.cut)
    return parts, list(range(max(len(parts), 1))), fractions or [0.0]


def _rows(indices: Array, per_element: list[tuple[list[Step], list[int], list[float]]]) -> tuple[Array, Array, Array]:
    first, element, fraction = [], [], []
    position = 0
    for place, u in enumerate(indices):
        parts, breaks, fractions = per_element[u]
        first += [position + at for at in breaks]
        element += [place] * len(breaks)
        fraction += fractions
        position += len(parts)
    return np.array([*first, position], dtype=np.int64), np.array(element), np.array(fraction)


def step_series(
    lattice: Lattice,
    particle: ReferenceParticle,
    *,
    fringe: str,
    order: int,
    slices: int = 1,
    delta: float = 0.0,
    start: Array | None = None,
) -> StepSeries:
    """Series of every step about the closed orbit at ``delta``, or about the orbit from ``start`` (6,).

    Raises UnstableOptics when there is no closed orbit.
    """
    plan = make_plan(lattice, particle, checked_fringe(fringe), slices)
    beta0 = particle.beta
    moving = np.flatnonzero(~plan.is_fixed)
    dynamic = _moving_arguments(lattice, particle, fringe, plan, moving, slices)
    batch = dynamic.shape[1]
    if delta == 0.0 and (start is None or not np.any(start)):
        shared = _about_reference(plan, moving, dynamic, beta0, order, batch)
        if shared is not None:
            return shared
    return _about_orbit(lattice, plan, moving, dynamic, beta0, order, delta, start)


def _moving_arguments(
    lattice: Lattice, particle: ReferenceParticle, fringe: str, plan: Plan, moving: Array, slices: int
) -> Array:
    """Arguments (without beta0) of the distinct steps that depend on parameters: (n_moving, batch, n_arguments)."""
    setting = Setting(particle, fringe)
    unique, _ = lattice.unique_elements
    batch = lattice.batch or 1
    kind = complex if any(np.iscomplexobj(v) for v in lattice.parameters.values()) else float
    arguments = np.zeros((len(moving), batch, plan.bank.n_arguments), dtype=kind)
    row = 0
    while row < len(moving):
        u = plan.distinct[moving[row]][0]
        for step in _cut(steps(unique[u], lattice.value, setting), slices)[0]:
            for position, argument in enumerate(step.arguments):
                arguments[row, :, position] = argument
            row += 1
    return arguments


def _with_beta0(plan: Plan, distinct: Array, arguments: Array, beta0: float) -> Array:
    """Put beta0 behind the arguments of each program."""
    counts = plan.bank.argument_counts[plan.program_index[distinct]]
    complete = arguments.copy()
    np.put_along_axis(complete, (counts - 1).reshape(-1, *([1] * (arguments.ndim - 1))), beta0, axis=-1)
    return complete


def _fixed_series(plan: Plan, beta0: float, order: int) -> tuple[Array, bool]:
    """Series of the steps without parameters, and whether they keep the reference orbit; kept for a few energies."""
    key = (beta0, order)
    if key not in plan.bank.memory:
        if len(plan.bank.memory) >= 8:
            plan.bank.memory.clear()
        fixed = np.flatnonzero(plan.is_fixed)
        arguments = _with_beta0(plan, fixed, plan.fixed_arguments[fixed], beta0)
        series = plan.bank.evaluate(plan.program_index[fixed], arguments, np.zeros(N_COORDINATES), order)
        plan.bank.memory[key] = (series, _keeps_orbit(series))
    known: tuple[Array, bool] = plan.bank.memory[key]
    return known


def _keeps_orbit(series: Array) -> bool:
    """True when a particle on the reference orbit stays on it (to rounding; a complex step counts)."""
    values = series[:, :4, 0]
    return not (np.any(np.abs(values.real) > _ORBIT_ZERO) or np.any(values.imag != 0.0))


def _about_reference(
    plan: Plan, moving: Array, dynamic: Array, beta0: float, order: int, batch: int
) -> StepSeries | None:
    """Shared series, or None when the reference orbit is not an orbit (kicks, field errors)."""
    fixed, fixed_keeps = _fixed_series(plan, beta0, order)
    complete = _with_beta0(plan, moving, dynamic, beta0).reshape(-1, plan.bank.n_arguments)
    programs = np.repeat(plan.program_index[moving], batch)
    varying = plan.bank.evaluate(programs, complete, np.zeros(N_COORDINATES), order)
    if not (fixed_keeps and _keeps_orbit(varying)):
        return None
    first = np.empty(len(plan.distinct), dtype=np.int64)
    first[plan.is_fixed] = np.arange(len(fixed))
    first[moving] = len(fixed) + batch * np.arange(len(moving))
    stride = np.where(plan.is_fixed, 0, 1)
    orbit = np.zeros((batch, len(plan.rows), N_COORDINATES))
    series = np.concatenate([fixed.astype(varying.dtype, copy=False), varying])
    return StepSeries(plan, series, first[plan.sequence], stride[plan.sequence], batch, orbit, beta0)


def turns(
    lattice: Lattice, particle: ReferenceParticle, fringe: str, *, slices: int = 1, first_element: int = 0
) -> list[Turn]:
    """One Turn for each lattice of a batch (one for a single lattice), starting at the entrance of an element."""
    plan = make_plan(lattice, particle, checked_fringe(fringe), slices)
    moving = np.flatnonzero(~plan.is_fixed)
    dynamic = _moving_arguments(lattice, particle, fringe, plan, moving, slices)
    first_step = plan.rows[np.searchsorted(plan.row_element, first_element)]
    sequence = np.roll(plan.sequence, -int(first_step))
    return _turns(lattice, plan, moving, dynamic, particle.beta, sequence)


def passage(lattice: Lattice, particle: ReferenceParticle, fringe: str, first: int, last: int) -> Turn:
    """The maps of elements ``first`` to ``last`` (not included; beyond the end it goes on from the beginning)."""
    plan = make_plan(lattice, particle, checked_fringe(fringe))
    turn = turns(lattice, particle, fringe, first_element=first % len(lattice))[0]
    counts = np.diff(plan.rows)
    steps = int(sum(counts[i % len(lattice)] for i in range(first, last)))
    return Turn(turn.bank, turn.programs[:steps], turn.arguments[:steps], lattice.name)


def _turns(lattice: Lattice, plan: Plan, moving: Array, dynamic: Array, beta0: float, sequence: Array) -> list[Turn]:
    every = np.arange(len(plan.distinct))
    found = []
    for b in range(dynamic.shape[1]):
        arguments = plan.fixed_arguments.astype(dynamic.dtype)
        arguments[moving] = dynamic[:, b]
        complete = _with_beta0(plan, every, arguments, beta0)
        found.append(Turn(plan.bank, plan.program_index[sequence], complete[sequence], lattice.name))
    return found


def _about_orbit(
    lattice: Lattice,
    plan: Plan,
    moving: Array,
    dynamic: Array,
    beta0: float,
    order: int,
    delta: float,
    start: Array | None,
) -> StepSeries:
    """One series a step and lattice, about the closed orbit (or the orbit from ``start``)."""
    series, orbits = [], []
    for turn in _turns(lattice, plan, moving, dynamic, beta0, plan.sequence):
        try:
            begin = turn.closed_orbit(delta) if start is None else start
        except UnstableOptics:
            if lattice.batch is None:
                raise
            begin = np.full(N_COORDINATES, np.nan)
        followed = turn.follow(begin, order)
        ends = np.concatenate([begin[None], followed[:, :, 0]])
        series.append(followed)
        orbits.append(ends[plan.rows])
    n_steps = len(plan.sequence)
    first = np.arange(n_steps, dtype=np.int64)
    stride = np.full(n_steps, n_steps, dtype=np.int64)
    return StepSeries(plan, np.concatenate(series), first, stride, len(series), np.stack(orbits), beta0)
