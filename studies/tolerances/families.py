"""Families of magnets with errors: the causes that they are, and machines of any lattice drawn with them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from lattice import Lattice
from optics.imperfections.elements import ALIGNMENT
from optics.imperfections.errors import Imperfect, MagnetErrors, draw_numbered
from studies.tolerances.asked import FamilySpec
from studies.tolerances.sampling import Cause, Drawing, costs_of

#: What a cause calls the errors of its columns.
_GROUPS = {**dict.fromkeys(ALIGNMENT, "misalignment"), "roll": "roll", "normal": "multipoles", "skew": "multipoles"}
_ERRORS = tuple(
    field.name for field in fields(MagnetErrors) if field.name not in ("magnets", "radius", "cut", "distribution")
)


def group_of(kind: str) -> str:
    """The group that an error is of: those of one group are drawn anew and scaled together."""
    base = kind.partition("_")[0]
    return _GROUPS.get(base, base)


@dataclass(frozen=True)
class Families:
    """The families of a study and the ``seed`` that their errors are drawn from."""

    errors: tuple[FamilySpec, ...]
    seed: int

    @cached_property
    def parts(self) -> tuple[tuple[int, str], ...]:
        """The causes: number of the family, and group of its errors."""
        return tuple((i, group) for i, family in enumerate(self.errors) for group in _groups(family))

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """The same with their names and costs. InputError for the cost of what a family has not."""
        found = []
        for family in self.errors:
            costs = costs_of(family.cost, _groups(family), f"family '{family.family}'")
            found += [Cause(f"{family.family}: {group}", cost) for group, cost in costs.items()]
        return tuple(found)

    def drawn(self, lattice: Lattice, drawing: Drawing, without: Collection[str] = ()) -> Imperfect:
        """Machines with errors of a lattice; the first causes of the ``drawing`` are those of the families.

        ``without``: groups that are left out, the others being as they are with them.
        """
        scale = dict(zip(self.parts, drawing.scales, strict=False))
        place = {part: number for number, part in enumerate(self.parts)}
        errors = [
            _scaled(family, lambda group, i=i: 0.0 if group in without else scale[i, group])  # type: ignore[misc]
            for i, family in enumerate(self.errors)
        ]
        return draw_numbered(
            lattice, errors, self.seed, lambda table, kind: drawing.numbers[place[table, group_of(kind)]]
        )


def _groups(family: FamilySpec) -> tuple[str, ...]:
    """The groups of errors that a family has."""
    return tuple(dict.fromkeys(group_of(kind) for kind, rms in _errors(family).rms.items() if rms > 0.0))


def _errors(family: FamilySpec) -> MagnetErrors:
    return _scaled(family, lambda group: 1.0)


def _scaled(family: FamilySpec, scale: Callable[[str], float]) -> MagnetErrors:
    """The errors of a family, those of each group scaled."""
    values = {name: getattr(family, name) for name in _ERRORS}
    sizes: dict[str, Any] = {
        name: value * scale(group_of(name)) for name, value in values.items() if isinstance(value, float) and value
    }
    for kind in ("normal", "skew"):
        sizes[kind] = {int(n): rms * scale("multipoles") for n, rms in values[kind].items() if rms}
    return MagnetErrors(
        magnets=family.magnets, radius=family.radius, cut=family.cut, distribution=family.distribution, **sizes
    )
