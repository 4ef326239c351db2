"""The maps of a whole lattice as numbers: the series of every step about the orbit, shared where steps are equal.

About a straight reference orbit equal elements share one series, so a ring of a hundred magnets needs some dozens;
a batch of lattices repeats only what its parameters change, and an element whose parameters are as they were last
time is not evaluated again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from lattice.errors import did_you_mean
from lattice.memory import Kept
from optics.maps.lanes import LANES, follow_lanes
from optics.maps.orbits import blocks, closed_orbits
from optics.maps.plan import Moving, Plan, arguments_of, cut, make_plan
from optics.maps.recording import N_COORDINATES
from optics.maps.steps import FRINGES, Setting, steps
from optics.maps.taylor import N_FIRST, N_SECOND
from optics.maps.turn import Turn

_ORBIT_ZERO = 1e-13  # m, rad: below this the reference orbit is the closed orbit (rounding of the maps is 1e-16)
_REMEMBERED = 8  # energies whose series are kept


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
        raise InputError(
            f"lattice '{lattice.name}' names no particle: pass one, such as "
            "ReferenceParticle('proton', kinetic_energy_per_u=100e6), or take lattice.with_particle(...)"
        )
    if not isinstance(chosen, ReferenceParticle):
        raise InputError(f"particle must be a ReferenceParticle, found {chosen!r}")
    return chosen


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
    arguments = _arguments(lattice, Setting(particle, fringe), plan)
    if delta == 0.0 and (start is None or not np.any(start)):
        shared = _about_reference(lattice, plan, arguments, particle.beta, order)
        if shared is not None:
            return shared
    return _about_orbit(lattice, plan, arguments, particle.beta, order, delta, start)


@dataclass(frozen=True, eq=False)
class _Arguments:
    """Arguments (n_steps, 1 or batch, n_arguments) of an element's steps; ``key`` its values when they are numbers."""

    values: Array
    key: tuple[Any, ...] | None


#: The arguments of last time, and the values of the parameters that they were made for.
_ARGUMENTS = Kept[None, tuple[Mapping[str, Any], list[_Arguments]]]("arguments")


def _arguments(lattice: Lattice, setting: Setting, plan: Plan) -> list[_Arguments]:
    """Arguments of the elements with parameters; only what uses a parameter that changed is computed again."""
    values = lattice.parameters.values_by_name
    known = plan.memory.of(_ARGUMENTS).get(None)
    if known is None:
        found = [_moving_arguments(lattice, setting, plan, moving) for moving in plan.moving]
    else:
        last, found = known[0], list(known[1])
        changed = [name for name, value in values.items() if not _same(value, last.get(name))]
        for index in {index for name in changed for index in plan.users.get(name, ())}:
            found[index] = _moving_arguments(lattice, setting, plan, plan.moving[index])
    plan.memory.keep(_ARGUMENTS, None, (values, found))
    return found


def _same(value: Any, other: Any) -> bool:
    return value is other or (type(value) is float and type(other) is float and value == other)


def _moving_arguments(lattice: Lattice, setting: Setting, plan: Plan, moving: Moving) -> _Arguments:
    values = {text: lattice.value(text) for text in moving.texts}
    batched = any(isinstance(value, np.ndarray) for value in values.values())
    batch = lattice.batch or 1 if batched else 1
    if moving.handed_on is None:
        parts = cut(steps(moving.element, lattice.value, setting), plan.slices)[0]
        arguments = arguments_of(parts, plan.bank, batch)
    else:
        arguments = _handed_on(moving, values, batch)
    return _Arguments(arguments, None if batched else tuple(values.values()))


def _handed_on(moving: Moving, values: Mapping[str, Any], batch: int) -> Array:
    """Arguments of steps that take the ``values`` as they are."""
    assert moving.handed_on is not None
    kind = complex if any(np.iscomplexobj(value) for value in values.values()) else float
    arguments = np.empty((len(moving.rest), batch, moving.rest.shape[2]), dtype=kind)
    arguments[...] = moving.rest
    for row, position, text in moving.handed_on:
        arguments[row, :, position] = values[text]
    return arguments


def _with_beta0(plan: Plan, distinct: Array, arguments: Array, beta0: float) -> Array:
    """Put beta0 behind the arguments (n, batch, n_arguments) of each of the ``distinct`` steps (n,)."""
    counts = plan.bank.argument_counts[plan.program_index[distinct]]
    complete = arguments.copy()
    complete[np.arange(len(distinct)), :, counts - 1] = beta0
    return complete


def changing_steps(lattice: Lattice, particle: ReferenceParticle, fringe: str) -> tuple[Plan, Array, Array]:
    """Plan of a batch, its distinct steps that differ between lattices (n,), their arguments (n, batch, n_arguments).

    Elements count whole: all steps of one that differs are here.
    """
    plan = make_plan(lattice, particle, checked_fringe(fringe))
    arguments = _arguments(lattice, Setting(particle, fringe), plan)
    found = [(moving, own.values) for moving, own in zip(plan.moving, arguments, strict=True) if own.key is None]
    distinct = np.array([i for moving, _ in found for i in range(moving.first, moving.last)], dtype=np.int64)
    empty = np.zeros((0, lattice.batch or 1, plan.bank.n_arguments))
    values = np.concatenate([empty, *(values for _, values in found)])
    return plan, distinct, _with_beta0(plan, distinct, values, particle.beta)


@dataclass(frozen=True, eq=False)
class _Series:
    """Series (n, 6, 28), whether they keep the reference orbit, and the values they were made for."""

    values: Array
    keep_orbit: bool
    key: tuple[Any, ...] | None


#: Which steps, by the first of an element's or by the name of a group, and the order of their series.
_Where = tuple[int | str, int]
#: Series about the reference orbit, by beta0: they depend on the energy, and on the values in their own ``key``.
_SERIES = Kept[float, dict[_Where, _Series]]("energies of series", at_most=_REMEMBERED)


def _series(plan: Plan, where: _Where, distinct: Array, arguments: _Arguments, beta0: float) -> _Series:
    """Series of some steps about the reference orbit; kept where the arguments are numbers."""
    known = plan.memory.of(_SERIES).get(beta0, {}).get(where)
    if known is not None and arguments.key is not None and known.key == arguments.key:
        return known
    values = _evaluated(plan, distinct, arguments.values, beta0, where[1])
    new = _Series(values, keeps_orbit(values), arguments.key)
    if arguments.key is not None:
        plan.memory.once(_SERIES, beta0, dict)[where] = new
    return new


def _evaluated(plan: Plan, distinct: Array, arguments: Array, beta0: float, order: int) -> Array:
    """Series (n, 6, 28) about the reference orbit of ``distinct`` steps with ``arguments`` (n_distinct, n, ...)."""
    complete = _with_beta0(plan, distinct, arguments, beta0)
    programs = np.repeat(plan.axis_index[distinct], complete.shape[1])
    rows = complete.reshape(-1, plan.bank.n_arguments)
    return plan.bank.evaluate(programs, rows, np.zeros(N_COORDINATES), order)


def keeps_orbit(series: Array) -> bool:
    """True when a particle on the reference orbit stays on it (to rounding; a complex step counts)."""
    values = series[:, :4, 0]
    stepped = values.dtype == complex and bool(values.imag.any())
    return not (stepped or np.abs(values.real).max(initial=0.0) > _ORBIT_ZERO)


def _about_reference(
    lattice: Lattice, plan: Plan, arguments: list[_Arguments], beta0: float, order: int
) -> StepSeries | None:
    """Shared series, or None when the reference orbit is not an orbit (kicks, field errors)."""
    pairs = list(zip(plan.moving, arguments, strict=True))
    held = _held(plan, [pair for pair in pairs if pair[1].key is not None], beta0, order)
    if not held.keep_orbit:
        return None
    differing = [pair for pair in pairs if pair[1].key is None]
    if not _keep_ends(plan, differing, beta0):
        return None
    first, stride = held.first.copy(), np.zeros(len(held.first), dtype=np.int64)
    parts: list[_Series] = [held]
    position = len(held.values)
    for group in _groups(differing):
        distinct = _steps_of(group)
        own = _Arguments(np.concatenate([one.values for _, one in group]), None)
        parts.append(_series(plan, ("moving", order), distinct, own, beta0))
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


def _keep_ends(plan: Plan, pairs: list[tuple[Moving, _Arguments]], beta0: float) -> bool:
    """False when the first or the last of many does not keep the reference orbit: values alone tell that sooner."""
    for group in _groups(pairs):
        ends = np.concatenate([one.values[:, [0, -1]] for _, one in group])
        many = group[0][1].values.shape[1] >= LANES
        if many and not keeps_orbit(_evaluated(plan, _steps_of(group), ends, beta0, 0)):
            return False
    return True


def _steps_of(group: list[tuple[Moving, _Arguments]]) -> Array:
    """The distinct steps (n,) of some elements."""
    return np.array([step for moving, _ in group for step in range(moving.first, moving.last)], dtype=np.int64)


def _groups(pairs: list[tuple[Moving, _Arguments]]) -> Iterator[list[tuple[Moving, _Arguments]]]:
    """Elements that differ within a batch, as they are evaluated together: those of real numbers, of complex ones."""
    for kind in (float, complex):
        group = [pair for pair in pairs if pair[1].values.dtype == kind]
        if group:
            yield group


@dataclass(frozen=True, eq=False)
class _Held(_Series):
    """Series of all steps that are the same in the whole batch; ``first`` (n_distinct,) says where each one is.

    ``moving``: the first step of each element in ``key``, ``kept`` whether each keeps the orbit (then the fixed ones).
    """

    first: Array
    moving: tuple[int, ...]
    kept: tuple[bool, ...]


#: All of them together, by beta0 and order: what most calls ask for again.
_HELD = Kept[tuple[float, int], _Held]("series of what is held", at_most=2 * _REMEMBERED)


def _held(plan: Plan, pairs: list[tuple[Moving, _Arguments]], beta0: float, order: int) -> _Held:
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
    arguments = _arguments(lattice, Setting(particle, fringe), plan)
    users = {index for name in lattice.parameters.following(moved) for index in plan.users.get(name, ())}
    pairs = list(zip(plan.moving, arguments, strict=True))
    held = _held(plan, [pair for i, pair in enumerate(pairs) if i not in users], particle.beta, 1)
    if not held.keep_orbit:
        return None
    return HeldSeries(plan, held.values, held.first, tuple(plan.moving[i] for i in sorted(users)))


def _all_held(plan: Plan, pairs: list[tuple[Moving, _Arguments]], beta0: float, order: int) -> _Held:
    fixed = _Arguments(plan.fixed_arguments[:, None], ())
    parts = [_series(plan, (one.first, order), np.arange(one.first, one.last), own, beta0) for one, own in pairs]
    parts.append(_series(plan, ("fixed", order), plan.fixed, fixed, beta0))
    distinct = np.concatenate([*(np.arange(one.first, one.last) for one, _ in pairs), plan.fixed])
    first = np.zeros(len(plan.program_index), dtype=np.int64)
    first[distinct] = np.arange(len(distinct))
    values = np.concatenate([part.values for part in parts])
    kept, moving = tuple(part.keep_orbit for part in parts), tuple(one.first for one, _ in pairs)
    return _Held(values, all(kept), tuple(own.key for _, own in pairs), first, moving, kept)


def _changed(
    plan: Plan, pairs: list[tuple[Moving, _Arguments]], beta0: float, order: int, known: _Held
) -> _Held | None:
    """``known`` with the series of those elements whose values are others now; None where numbers are complex."""
    assert known.key is not None
    if np.iscomplexobj(known.values):
        return None
    values, kept = known.values.copy(), list(known.kept)
    for i, (before, (one, own)) in enumerate(zip(known.key, pairs, strict=True)):
        if own.key != before:
            part = _series(plan, (one.first, order), np.arange(one.first, one.last), own, beta0)
            if np.iscomplexobj(part.values):
                return None
            begin = known.first[one.first] if one.last > one.first else 0
            values[begin : begin + len(part.values)], kept[i] = part.values, part.keep_orbit
    return _Held(values, all(kept), tuple(own.key for _, own in pairs), known.first, known.moving, tuple(kept))


def turns(
    lattice: Lattice, particle: ReferenceParticle, fringe: str, *, slices: int = 1, first_element: int = 0
) -> list[Turn]:
    """One Turn for each lattice of a batch (one for a single lattice), starting at the entrance of an element."""
    plan = make_plan(lattice, particle, checked_fringe(fringe), slices)
    arguments = _arguments(lattice, Setting(particle, fringe), plan)
    first_step = plan.rows[np.searchsorted(plan.row_element, first_element)]
    return _turns(lattice, plan, arguments, particle.beta, np.roll(plan.sequence, -int(first_step)))


def passage(lattice: Lattice, particle: ReferenceParticle, fringe: str, first: int, last: int) -> Turn:
    """The maps of elements ``first`` to ``last`` (not included; beyond the end it goes on from the beginning)."""
    plan = make_plan(lattice, particle, checked_fringe(fringe))
    turn = turns(lattice, particle, fringe, first_element=first % len(lattice))[0]
    counts = np.diff(plan.rows)
    steps = int(sum(counts[i % len(lattice)] for i in range(first, last)))
    return Turn(turn.bank, turn.programs[:steps], turn.arguments[:steps], lattice.name)


def _turns(lattice: Lattice, plan: Plan, arguments: list[_Arguments], beta0: float, sequence: Array) -> list[Turn]:
    programs = plan.program_index[sequence]
    every = _of_each(lattice, plan, arguments, beta0)
    return [Turn(plan.bank, programs, one[sequence], lattice.name) for one in every]


def _of_each(lattice: Lattice, plan: Plan, arguments: list[_Arguments], beta0: float) -> Array:
    """Arguments (batch, n_distinct, n_arguments) of the distinct steps of each lattice."""
    kind = np.result_type(float, *(own.values for own in arguments))
    every = np.zeros((lattice.batch or 1, len(plan.program_index), plan.bank.n_arguments), dtype=kind)
    every[:, plan.fixed] = plan.fixed_arguments
    for moving, own in zip(plan.moving, arguments, strict=True):
        every[:, moving.first : moving.last] = own.values.swapaxes(0, 1)
    counts = plan.bank.argument_counts[plan.program_index]
    every[:, np.arange(len(counts)), counts - 1] = beta0
    return every


def orbits(lattice: Lattice, particle: ReferenceParticle, *, fringe: str) -> Array:
    """Closed orbit (batch, rows, 6) at the entrance of each element and the end; nan where a lattice has none.

    Of one lattice without a closed orbit UnstableOptics.
    """
    plan = make_plan(lattice, particle, checked_fringe(fringe), 1)
    arguments = _arguments(lattice, Setting(particle, fringe), plan)
    shared = _about_reference(lattice, plan, arguments, particle.beta, 1)
    if shared is not None:
        return shared.orbit
    every = _of_each(lattice, plan, arguments, particle.beta)
    if np.iscomplexobj(every):
        return _about_orbit(lattice, plan, arguments, particle.beta, 1, 0.0, None).orbit
    programs = plan.program_index[plan.sequence]
    found = [
        plan.bank.orbits_of_each(programs, _columns(every[block], plan), start, plan.rows)
        for block, start in _starts(lattice, plan, every, 0.0)
    ]
    return np.concatenate(found)


def trajectories(
    lattice: Lattice,
    particle: ReferenceParticle,
    start: Array,
    *,
    fringe: str = "full",
    places: Array | None = None,
    slices: int = 1,
) -> Array:
    """Coordinates (n, rows, 6) at the entrance of each element and the end, or of ``places`` (rows,) alone.

    The nth particle of ``start`` ((n, 6), or (6,) for one) goes through the nth lattice of a batch, or all of them
    through one lattice; nothing is lost. With ``slices`` every part of a thick element has a row (``row_elements``).
    InputError for a batch of another length, and for complex parameters.
    """
    plan = make_plan(lattice, particle, checked_fringe(fringe), slices)
    every = _of_each(lattice, plan, _arguments(lattice, Setting(particle, fringe), plan), particle.beta)
    begin = np.atleast_2d(np.asarray(start, dtype=float))
    number = max(len(every), len(begin))
    if {len(every), len(begin)} - {1, number} or np.iscomplexobj(every):
        raise InputError(f"{len(begin)} trajectories do not belong to {len(every)} lattices of real parameters")
    every = np.broadcast_to(every, (number, *every.shape[1:]))
    begin = np.broadcast_to(begin, (number, N_COORDINATES))
    programs, rows = plan.program_index[plan.sequence], plan.rows if places is None else plan.rows[places]
    found = [
        plan.bank.orbits_of_each(programs, _columns(every[block], plan), begin[block], rows) for block in blocks(number)
    ]
    return np.concatenate(found)


def row_elements(lattice: Lattice, particle: ReferenceParticle, slices: int, *, fringe: str = "full") -> Array:
    """The element that each row begins at, (rows,) without that of the end, every thick element in ``slices`` parts."""
    return make_plan(lattice, particle, checked_fringe(fringe), slices).row_element


def _columns(every: Array, plan: Plan) -> Array:
    """Arguments (n_steps, n_arguments, n) of a block of lattices, as they are tracked side by side."""
    return np.ascontiguousarray(every.transpose(1, 2, 0)[plan.sequence])


def _starts(lattice: Lattice, plan: Plan, every: Array, delta: complex) -> Iterator[tuple[slice, Array]]:
    """Blocks of lattices and where their closed orbits begin, (n, 6)."""
    programs = plan.program_index[plan.sequence]
    for block in blocks(len(every)):
        found = np.full((block.stop - block.start, N_COORDINATES), np.nan)
        if len(every) > 1:
            found = closed_orbits(plan.bank, programs, _columns(every[block], plan), delta.real)
        for i in np.flatnonzero(np.isnan(found[:, 0])):
            turn = Turn(plan.bank, programs, every[block.start + i][plan.sequence], lattice.name)
            found[i] = _closed_orbit(lattice, turn, delta)
        yield block, found


def _closed_orbit(lattice: Lattice, turn: Turn, delta: complex) -> Array:
    try:
        return turn.closed_orbit(delta)
    except UnstableOptics:
        if lattice.batch is None:
            raise
        return np.full(N_COORDINATES, np.nan)


def _about_orbit(
    lattice: Lattice,
    plan: Plan,
    arguments: list[_Arguments],
    beta0: float,
    order: int,
    delta: complex,
    start: Array | None,
) -> StepSeries:
    """One series a step and lattice, about the closed orbit (or the orbit from ``start``)."""
    every = _of_each(lattice, plan, arguments, beta0)
    begins = _begins(lattice, plan, every, delta, start)
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
        follow_lanes(plan.bank, programs, _columns(every[block], plan), begins[block], order, series[block])
    return series


def _begins(lattice: Lattice, plan: Plan, every: Array, delta: complex, start: Array | None) -> Array:
    """Where the orbit of each lattice begins: (batch, 6)."""
    if start is not None:
        return np.broadcast_to(start, (len(every), N_COORDINATES))
    if np.iscomplexobj(every) or np.iscomplexobj(delta):
        programs = plan.program_index[plan.sequence]
        turns = (Turn(plan.bank, programs, one[plan.sequence], lattice.name) for one in every)
        return np.stack([_closed_orbit(lattice, turn, delta) for turn in turns])
    return np.concatenate([found for _, found in _starts(lattice, plan, every, delta)])
