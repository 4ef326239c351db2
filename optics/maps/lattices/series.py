"""The maps of a whole lattice as numbers: the series of every step about the orbit, shared where steps are equal.

About a straight reference orbit equal elements share one series, so a ring of a hundred magnets needs some dozens;
a batch of lattices repeats only what its parameters change, and an element whose parameters are as they were last
time is not evaluated again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.maps.lanes import LANES, follow_lanes
from optics.maps.lattices.arguments import Arguments, arguments_of_each, columns, step_arguments
from optics.maps.lattices.checked import checked_fringe
from optics.maps.lattices.closed import orbit_begins
from optics.maps.lattices.held import Series, evaluated, held_in_all, keeps_orbit, series_of
from optics.maps.orbits import blocks
from optics.maps.plan import Moving, Plan, make_plan
from optics.maps.recording import N_COORDINATES
from optics.maps.steps import Setting
from optics.maps.taylor import N_FIRST, N_SECOND


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


def step_series(
    lattice: Lattice,
    particle: ReferenceParticle,
    *,
    fringe: str,
    order: int,
    slices: int = 1,
    delta: complex = 0.0,
    start: Array | None = None,
) -> StepSeries:
    """Series of every step about the closed orbit at ``delta``, or about the orbit from ``start`` ([batch,] 6).

    Raises UnstableOptics when there is no closed orbit.
    """
    plan = make_plan(lattice, particle, checked_fringe(fringe), slices)
    arguments = step_arguments(lattice, Setting(particle, fringe), plan)
    if delta == 0.0 and (start is None or not np.any(start)):
        shared = about_reference(lattice, plan, arguments, particle.beta, order)
        if shared is not None:
            return shared
    return about_orbit(lattice, plan, arguments, particle.beta, order, delta, start)


def about_reference(
    lattice: Lattice, plan: Plan, arguments: list[Arguments], beta0: float, order: int
) -> StepSeries | None:
    """Shared series, or None when the reference orbit is not an orbit (kicks, field errors)."""
    pairs = list(zip(plan.moving, arguments, strict=True))
    held = held_in_all(plan, [pair for pair in pairs if pair[1].key is not None], beta0, order)
    if not held.keep_orbit:
        return None
    differing = [pair for pair in pairs if pair[1].key is None]
    if not _keep_ends(plan, differing, beta0):
        return None
    first, stride = held.first.copy(), np.zeros(len(held.first), dtype=np.int64)
    parts: list[Series] = [held]
    position = len(held.values)
    for group in _groups(differing):
        distinct = _steps_of(group)
        own = Arguments(np.concatenate([one.values for _, one in group]), None)
        parts.append(series_of(plan, ("moving", order), distinct, own, beta0))
        if not parts[-1].keep_orbit:
            return None
        width = own.values.shape[1]
        first[distinct] = position + width * np.arange(len(distinct))
        stride[distinct] = 1 if width > 1 else 0
        position += width * len(distinct)
    batch = lattice.batch or 1
    orbit = np.zeros((batch, len(plan.rows), N_COORDINATES))
    series = np.concatenate([part.values for part in parts]) if len(parts) > 1 else held.values
    return StepSeries(plan, series, first[plan.sequence], stride[plan.sequence], batch, orbit, beta0)


def _keep_ends(plan: Plan, pairs: list[tuple[Moving, Arguments]], beta0: float) -> bool:
    """False when the first or the last of many does not keep the reference orbit: values alone tell that sooner."""
    for group in _groups(pairs):
        ends = np.concatenate([one.values[:, [0, -1]] for _, one in group])
        many = group[0][1].values.shape[1] >= LANES
        if many and not keeps_orbit(evaluated(plan, _steps_of(group), ends, beta0, 0)):
            return False
    return True


def _steps_of(group: list[tuple[Moving, Arguments]]) -> Array:
    """The distinct steps (n,) of some elements."""
    return np.array([step for moving, _ in group for step in range(moving.first, moving.last)], dtype=np.int64)


def _groups(pairs: list[tuple[Moving, Arguments]]) -> Iterator[list[tuple[Moving, Arguments]]]:
    """Elements that differ within a batch, as they are evaluated together: those of real numbers, of complex ones."""
    for kind in (float, complex):
        group = [pair for pair in pairs if pair[1].values.dtype == kind]
        if group:
            yield group


def about_orbit(
    lattice: Lattice,
    plan: Plan,
    arguments: list[Arguments],
    beta0: float,
    order: int,
    delta: complex,
    start: Array | None,
) -> StepSeries:
    """One series a step and lattice, about the closed orbit (or the orbit from ``start``)."""
    every = arguments_of_each(lattice, plan, arguments, beta0)
    begins = orbit_begins(lattice, plan, every, delta, start)
    series = _followed(plan, every, begins, order)
    orbits = np.concatenate([begins[:, None], series[..., 0]], axis=1)[:, plan.rows]
    n_steps = len(plan.sequence)
    first = np.arange(n_steps, dtype=np.int64)
    stride = np.full(n_steps, n_steps, dtype=np.int64)
    return StepSeries(plan, series.reshape(-1, *series.shape[2:]), first, stride, len(series), orbits, beta0)


def _followed(plan: Plan, every: Array, begins: Array, order: int) -> Array:
    """Series (batch, n_steps, 6, 28) of each lattice about the orbit from its beginning; many side by side."""
    programs = plan.program_index[plan.sequence]
    if len(every) == 1 or np.iscomplexobj(every) or np.iscomplexobj(begins):
        return np.stack(
            [
                plan.bank.follow(programs, one[plan.sequence], begin, order)
                for one, begin in zip(every, begins, strict=True)
            ]
        )
    series = np.empty((len(every), len(programs), N_COORDINATES, N_SECOND if order > 1 else N_FIRST))
    for block in blocks(len(every)):
        follow_lanes(plan.bank, programs, columns(every[block], plan), begins[block], order, series[block])
    return series
