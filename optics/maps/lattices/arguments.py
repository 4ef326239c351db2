"""The numbers that the steps of a lattice are evaluated with; what did not change since last time is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.memory import Kept
from optics.maps.lattices.checked import checked_fringe
from optics.maps.plan import Moving, Plan, arguments_of, cut, make_plan
from optics.maps.steps import Setting, steps


@dataclass(frozen=True, eq=False)
class Arguments:
    """Arguments (n_steps, 1 or batch, n_arguments) of an element's steps; ``key`` its values when they are numbers."""

    values: Array
    key: tuple[Any, ...] | None


#: The arguments of last time, and the values of the parameters that they were made for.
_ARGUMENTS = Kept[None, tuple[Mapping[str, Any], list[Arguments]]]("arguments")


def step_arguments(lattice: Lattice, setting: Setting, plan: Plan) -> list[Arguments]:
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


def _moving_arguments(lattice: Lattice, setting: Setting, plan: Plan, moving: Moving) -> Arguments:
    values = {text: lattice.value(text) for text in moving.texts}
    batched = any(isinstance(value, np.ndarray) for value in values.values())
    batch = lattice.batch or 1 if batched else 1
    if moving.handed_on is None:
        parts = cut(steps(moving.element, lattice.value, setting), plan.slices)[0]
        arguments = arguments_of(parts, plan.bank, batch)
    else:
        arguments = _handed_on(moving, values, batch)
    return Arguments(arguments, None if batched else tuple(values.values()))


def _handed_on(moving: Moving, values: Mapping[str, Any], batch: int) -> Array:
    """Arguments of steps that take the ``values`` as they are."""
    assert moving.handed_on is not None
    kind = complex if any(np.iscomplexobj(value) for value in values.values()) else float
    arguments = np.empty((len(moving.rest), batch, moving.rest.shape[2]), dtype=kind)
    arguments[...] = moving.rest
    for row, position, text in moving.handed_on:
        arguments[row, :, position] = values[text]
    return arguments


def with_beta0(plan: Plan, distinct: Array, arguments: Array, beta0: float) -> Array:
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
    arguments = step_arguments(lattice, Setting(particle, fringe), plan)
    found = [(moving, own.values) for moving, own in zip(plan.moving, arguments, strict=True) if own.key is None]
    distinct = np.array([i for moving, _ in found for i in range(moving.first, moving.last)], dtype=np.int64)
    empty = np.zeros((0, lattice.batch or 1, plan.bank.n_arguments))
    values = np.concatenate([empty, *(values for _, values in found)])
    return plan, distinct, with_beta0(plan, distinct, values, particle.beta)


def arguments_of_each(lattice: Lattice, plan: Plan, arguments: list[Arguments], beta0: float) -> Array:
    """Arguments (batch, n_distinct, n_arguments) of the distinct steps of each lattice."""
    kind = np.result_type(float, *(own.values for own in arguments))
    every = np.zeros((lattice.batch or 1, len(plan.program_index), plan.bank.n_arguments), dtype=kind)
    every[:, plan.fixed] = plan.fixed_arguments
    for moving, own in zip(plan.moving, arguments, strict=True):
        every[:, moving.first : moving.last] = own.values.swapaxes(0, 1)
    counts = plan.bank.argument_counts[plan.program_index]
    every[:, np.arange(len(counts)), counts - 1] = beta0
    return every


def columns(every: Array, plan: Plan) -> Array:
    """Arguments (n_steps, n_arguments, n) of a block of lattices, as they are tracked side by side."""
    return np.ascontiguousarray(every.transpose(1, 2, 0)[plan.sequence])
