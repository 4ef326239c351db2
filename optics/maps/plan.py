"""What follows from the elements of a lattice alone: its distinct steps, their order, and the rows of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lattice import Element, Lattice, ReferenceParticle, Separator
from lattice.arrays import Array
from lattice.expressions.parsing import parse_expression
from lattice.memory import Kept, Memory
from optics.maps.bank import Bank
from optics.maps.steps import Setting, Step, on_axis, program, steps


@dataclass(frozen=True)
class Moving:
    """An element whose strengths are expressions (``texts``); its distinct steps are ``first`` to ``last``.

    ``handed_on``: where its steps take the strengths as they are, which argument of which step is which text; ``rest``
    (n_steps, 1, n_arguments) are the others. None where they compute with them.
    """

    element: Element
    texts: tuple[str, ...]
    first: int
    last: int
    handed_on: tuple[tuple[int, int, str], ...] | None
    rest: Array


@dataclass(frozen=True, eq=False)
class Plan:
    """Which steps there are, in which order, and which need parameters.

    ``program_index`` (n_distinct,) of each distinct step, ``axis_index`` of its series to second order on the axis
    (``on_axis``); ``fixed`` (n_fixed,) those without parameters, with their
    ``fixed_arguments``; ``moving`` the elements with parameters, ``users`` which of these use a parameter.
    ``sequence``: (n_steps,) index of each step among the distinct ones, ``is_thick`` which of them have length;
    ``rows``: (n_rows + 1,) first step of each row of a table; ``row_element`` (n_rows,) the element a row belongs to,
    ``row_fraction`` how far inside it. ``memory`` keeps the arguments and the series of the steps.
    """

    bank: Bank
    slices: int
    program_index: Array
    axis_index: Array
    fixed: Array
    fixed_arguments: Array
    moving: tuple[Moving, ...]
    users: Mapping[str, tuple[int, ...]]
    is_thick: Array
    sequence: Array
    rows: Array
    row_element: Array
    row_fraction: Array
    memory: Memory = field(default_factory=Memory, repr=False)


#: What the steps of a lattice are made for: the fringe, the slices, and the particle where its charge and speed count.
PlanKey = tuple[str, int, ReferenceParticle | None]
PLANS = Kept[PlanKey, Plan]("plans")
_ELECTRIC = Kept[None, bool]("electric fields")


def make_plan(lattice: Lattice, particle: ReferenceParticle, fringe: str, slices: int = 1) -> Plan:
    """Plan of a lattice with each thick element cut into ``slices``; kept with the lattice's elements."""
    key = (fringe, slices, particle if _has_electric_field(lattice) else None)
    return lattice.memory.once(PLANS, key, lambda: _new_plan(lattice, Setting(particle, fringe), slices))


def _has_electric_field(lattice: Lattice) -> bool:
    """True when the strength of an element depends on the particle: other strengths are normalised."""
    elements = lattice.unique_elements[0]
    return lattice.memory.once(_ELECTRIC, None, lambda: any(isinstance(element, Separator) for element in elements))


def _new_plan(lattice: Lattice, setting: Setting, slices: int) -> Plan:
    unique, indices = lattice.unique_elements
    per_element = [cut(steps(element, lattice.value, setting), slices) for element in unique]
    all_steps = [step for parts, _, _ in per_element for step in parts]
    # Short programs first: the interpreter makes room for all up to the longest it runs.
    used = {name for step in all_steps for name in (step.program, on_axis(step.program))} or {"drift"}
    names = sorted(used, key=lambda name: (len(program(name).operations), name))
    bank = Bank([program(name) for name in names], names)
    start = np.cumsum([0, *(len(parts) for parts, _, _ in per_element)])
    texts = [_expressions(element) for element in unique]
    fixed = [row for u in range(len(unique)) if not texts[u] for row in range(start[u], start[u + 1])]
    sequence = np.array([row for u in indices for row in range(start[u], start[u + 1])], dtype=np.int64)
    rows, row_element, row_fraction = _rows(indices, per_element)
    moving = tuple(
        Moving(element, texts[u], int(start[u]), int(start[u + 1]), *_handed_on(element, setting, slices, bank))
        for u, element in enumerate(unique)
        if texts[u]
    )
    return Plan(
        bank=bank,
        slices=slices,
        program_index=np.array([names.index(step.program) for step in all_steps], dtype=np.int64),
        axis_index=np.array([names.index(on_axis(step.program)) for step in all_steps], dtype=np.int64),
        fixed=np.array(fixed, dtype=np.int64),
        fixed_arguments=arguments_of([all_steps[row] for row in fixed], bank, 1)[:, 0],
        moving=moving,
        users=_users(moving),
        is_thick=np.array([bool(step.cut) for step in all_steps], dtype=bool)[sequence],
        sequence=sequence,
        rows=rows,
        row_element=row_element,
        row_fraction=row_fraction,
    )


class _Untouched:
    """Stands for the value of a text where a step only hands it on: whatever computes with it fails."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _refuse(self, *_: Any) -> Any:
        raise TypeError("a strength that is not known yet")

    __array__ = __bool__ = __eq__ = __float__ = __hash__ = _refuse


def _handed_on(
    element: Element, setting: Setting, slices: int, bank: Bank
) -> tuple[tuple[tuple[int, int, str], ...] | None, Array]:
    """Of an element: which arguments of its steps are texts as they are, and the others; None where they are not."""

    def value(strength: Any) -> Any:
        if isinstance(strength, tuple):
            return tuple(value(part) for part in strength)
        return _Untouched(strength) if isinstance(strength, str) else strength

    try:
        parts, _, _ = cut(steps(element, value, setting), slices)
    except TypeError:
        return None, np.zeros(0)
    handed = [
        (row, position, argument.text)
        for row, step in enumerate(parts)
        for position, argument in enumerate(step.arguments)
        if isinstance(argument, _Untouched)
    ]
    numbers = [
        replace(step, arguments=tuple(0.0 if isinstance(a, _Untouched) else a for a in step.arguments))
        for step in parts
    ]
    return tuple(handed), arguments_of(numbers, bank, 1)


def _users(moving: tuple[Moving, ...]) -> dict[str, tuple[int, ...]]:
    users: dict[str, list[int]] = {}
    for index, one in enumerate(moving):
        for name in {name for text in one.texts for name in parse_expression(text).names}:
            users.setdefault(name, []).append(index)
    return {name: tuple(found) for name, found in users.items()}


def arguments_of(parts: list[Step], bank: Bank, batch: int) -> Array:
    """Arguments (n_steps, batch, n_arguments) of steps, without beta0; complex when one of them is."""
    kind = complex if any(np.iscomplexobj(value) for step in parts for value in step.arguments) else float
    arguments = np.zeros((len(parts), batch, bank.n_arguments), dtype=kind)
    for row, step in enumerate(parts):
        for position, value in enumerate(step.arguments):
            arguments[row, :, position] = value
    return arguments


def _expressions(element: Element) -> tuple[str, ...]:
    def texts(value: Any) -> list[str]:
        if isinstance(value, tuple):
            return [text for part in value for text in texts(part)]
        return [value] if isinstance(value, str) else []

    return tuple(dict.fromkeys(text for value in element.strengths().values() for text in texts(value)))


def cut(whole: list[Step], slices: int) -> tuple[list[Step], list[int], list[float]]:
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
