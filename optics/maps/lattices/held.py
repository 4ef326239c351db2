"""Series about the reference orbit of what is the same in a whole batch, kept while nothing changes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.memory import Kept
from optics.maps.lattices.arguments import Arguments, step_arguments, with_beta0
from optics.maps.lattices.checked import checked_fringe
from optics.maps.plan import Moving, Plan, make_plan
from optics.maps.recording import N_COORDINATES
from optics.maps.steps import Setting

_ORBIT_ZERO = 1e-13  # m, rad: below this the reference orbit is the closed orbit (rounding of the maps is 1e-16)
_REMEMBERED = 8  # energies whose series are kept


@dataclass(frozen=True, eq=False)
class Series:
    """Series (n, 6, 28), whether they keep the reference orbit, and the values they were made for."""

    values: Array
    keep_orbit: bool
    key: tuple[Any, ...] | None


#: Which steps, by the first of an element's or by the name of a group, and the order of their series.
_Where = tuple[int | str, int]


#: Series about the reference orbit, by beta0: they depend on the energy, and on the values in their own ``key``.
_SERIES = Kept[float, dict[_Where, Series]]("energies of series", at_most=_REMEMBERED)


def series_of(plan: Plan, where: _Where, distinct: Array, arguments: Arguments, beta0: float) -> Series:
    """Series of some steps about the reference orbit; kept where the arguments are numbers."""
    known = plan.memory.of(_SERIES).get(beta0, {}).get(where)
    if known is not None and arguments.key is not None and known.key == arguments.key:
        return known
    values = evaluated(plan, distinct, arguments.values, beta0, where[1])
    new = Series(values, keeps_orbit(values), arguments.key)
    if arguments.key is not None:
        plan.memory.once(_SERIES, beta0, dict)[where] = new
    return new


def evaluated(plan: Plan, distinct: Array, arguments: Array, beta0: float, order: int) -> Array:
    """Series (n, 6, 28) about the reference orbit of ``distinct`` steps with ``arguments`` (n_distinct, n, ...)."""
    complete = with_beta0(plan, distinct, arguments, beta0)
    programs = np.repeat(plan.axis_index[distinct], complete.shape[1])
    rows = complete.reshape(-1, plan.bank.n_arguments)
    return plan.bank.evaluate(programs, rows, np.zeros(N_COORDINATES), order)


def keeps_orbit(series: Array) -> bool:
    """True when a particle on the reference orbit stays on it (to rounding; a complex step counts)."""
    values = series[:, :4, 0]
    stepped = values.dtype == complex and bool(values.imag.any())
    return not (stepped or np.abs(values.real).max(initial=0.0) > _ORBIT_ZERO)


@dataclass(frozen=True, eq=False)
class Held(Series):
    """Series of all steps that are the same in the whole batch; ``first`` (n_distinct,) says where each one is.

    ``moving``: the first step of each element in ``key``, ``kept`` whether each keeps the orbit (then the fixed ones).
    """

    first: Array
    moving: tuple[int, ...]
    kept: tuple[bool, ...]


#: All of them together, by beta0 and order: what most calls ask for again.
_HELD = Kept[tuple[float, int], Held]("series of what is held", at_most=2 * _REMEMBERED)


def held_in_all(plan: Plan, pairs: list[tuple[Moving, Arguments]], beta0: float, order: int) -> Held:
    """The series of last time where nothing changed, with those of the changed elements where only they did."""
    key = tuple(own.key for _, own in pairs)
    moving = tuple(one.first for one, _ in pairs)
    known = plan.memory.of(_HELD).get((beta0, order))
    new = None
    if known is not None and known.moving == moving:
        if known.key == key:
            return known
        new = _changed(plan, pairs, beta0, order, known)
    return plan.memory.keep(_HELD, (beta0, order), new or _all_held(plan, pairs, beta0, order))


def _all_held(plan: Plan, pairs: list[tuple[Moving, Arguments]], beta0: float, order: int) -> Held:
    fixed = Arguments(plan.fixed_arguments[:, None], ())
    parts = [series_of(plan, (one.first, order), np.arange(one.first, one.last), own, beta0) for one, own in pairs]
    parts.append(series_of(plan, ("fixed", order), plan.fixed, fixed, beta0))
    distinct = np.concatenate([*(np.arange(one.first, one.last) for one, _ in pairs), plan.fixed])
    first = np.zeros(len(plan.program_index), dtype=np.int64)
    first[distinct] = np.arange(len(distinct))
    values = np.concatenate([part.values for part in parts])
    kept, moving = tuple(part.keep_orbit for part in parts), tuple(one.first for one, _ in pairs)
    return Held(values, all(kept), tuple(own.key for _, own in pairs), first, moving, kept)


def _changed(plan: Plan, pairs: list[tuple[Moving, Arguments]], beta0: float, order: int, known: Held) -> Held | None:
    """``known`` with the series of those elements whose values are others now; None where numbers are complex."""
    assert known.key is not None
    if np.iscomplexobj(known.values):
        return None
    values, kept = known.values.copy(), list(known.kept)
    for i, (before, (one, own)) in enumerate(zip(known.key, pairs, strict=True)):
        if own.key != before:
            part = series_of(plan, (one.first, order), np.arange(one.first, one.last), own, beta0)
            if np.iscomplexobj(part.values):
                return None
            begin = known.first[one.first] if one.last > one.first else 0
            values[begin : begin + len(part.values)], kept[i] = part.values, part.keep_orbit
    return Held(values, all(kept), tuple(own.key for _, own in pairs), known.first, known.moving, tuple(kept))


@dataclass(frozen=True, eq=False)
class HeldSeries:
    """First-order series of what some parameters leave as it is: ``values``, the same array while nothing changes.

    ``first`` (n_distinct,) says where the series of a distinct step is; ``moving`` are the elements that have none.
    """

    plan: Plan
    values: Array
    first: Array
    moving: tuple[Moving, ...]


def held_series(
    lattice: Lattice, particle: ReferenceParticle, fringe: str, moved: Collection[str]
) -> HeldSeries | None:
    """Of one lattice, what the parameters ``moved`` do not change; None where it leaves the reference orbit."""
    plan = make_plan(lattice, particle, checked_fringe(fringe))
    arguments = step_arguments(lattice, Setting(particle, fringe), plan)
    users = {index for name in lattice.parameters.following(moved) for index in plan.users.get(name, ())}
    pairs = list(zip(plan.moving, arguments, strict=True))
    held = held_in_all(plan, [pair for i, pair in enumerate(pairs) if i not in users], particle.beta, 1)
    if not held.keep_orbit:
        return None
    return HeldSeries(plan, held.values, held.first, tuple(plan.moving[i] for i in sorted(users)))
