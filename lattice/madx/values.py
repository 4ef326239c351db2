"""What an element of a MAD-X file says of itself: the values that its class builds from, and the options that hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lattice.madx.arithmetic import Strength


@dataclass(frozen=True)
class Options:
    """``option`` settings that change the lattice, with MAD-X's defaults."""

    rbarc: bool = True
    thin_foc: bool = True


class Values:
    """Attributes of one element, ready to build with: absent ones are 0."""

    def __init__(
        self,
        name: str,
        given: dict[str, Any],
        options: Options,
        vanishes: Callable[[Strength], bool],
        note: Callable[[str], None],
        number: Callable[[Strength], float],
    ) -> None:
        self.name, self.given, self.options, self.vanishes, self.note = name, given, options, vanishes, note
        self.number = number

    def __getitem__(self, attribute: str) -> Strength:
        value: Strength = self.given.get(attribute, 0.0)
        return value

    def is_now(self, attribute: str, value: float) -> bool:
        """True when an attribute has this value as the variables stand."""
        return self.number(self[attribute]) == value

    def list(self, attribute: str) -> tuple[Strength, ...]:
        """A list of strengths without the zeros at its end."""
        values = list(self.given.get(attribute, ()))
        while values and values[-1] == 0.0:
            values.pop()
        return tuple(values)

    def some(self, *attributes: str) -> dict[str, Strength]:
        """Attributes that have the same name and meaning on both sides."""
        return {attribute: self[attribute] for attribute in attributes}
