"""Variables of a code that evaluates at once, as parameters of a lattice.

A variable that is set once stays a parameter, and what uses it an expression. One that is set again has no one value:
whoever used it keeps the number that it had then, and it is no parameter.
"""

from __future__ import annotations

from collections.abc import Callable

from lattice.expressions.parsing import parse_expression
from lattice.formats.names import Names, parameter_name
from lattice.formats.quantity import Quantity
from lattice.madx.arithmetic import Strength
from lattice.madx.text import Statement

MOST_VARIABLES = 100_000


class Variables:
    """What the file has set so far, by the names of the file."""

    def __init__(self, note: Callable[[Statement, str], None]) -> None:
        self._note = note
        self._values: dict[str, Quantity] = {}
        self._changing: set[str] = set()
        self._names = Names(parameter_name)

    def assign(self, statement: Statement, name: str, value: Quantity) -> None:
        """Set a variable; the first time that it is set again is noted."""
        if name not in self._values and len(self._values) >= MOST_VARIABLES:
            raise statement.cannot_be_read(f"more than {MOST_VARIABLES:,} variables")
        ours = self._names.of(name)
        if name in self._values and ours not in self._changing:
            self._changing.add(ours)
            self._note(statement, f"'{name}' is set again: what uses it keeps the number of that place")
        self._values[name] = value

    def get(self, name: str) -> Quantity | None:
        """The variable as it stands, to be used in an expression; None where there is none."""
        found = self._values.get(name)
        return None if found is None else Quantity(found.value, self._names.of(name))

    def known(self) -> list[str]:
        """Names of the file."""
        return list(self._values)

    def changed_names(self) -> dict[str, str]:
        """Variables that are called otherwise here."""
        return self._names.changed()

    def strength(self, value: Quantity) -> Strength:
        """An expression, or a number where it uses what is set more than once. Only after the whole file is read."""
        if not value.text or not self._changing.isdisjoint(parse_expression(value.text).names):
            return value.value
        return value.text

    def parameters(self) -> dict[str, Strength]:
        """All variables that are set once."""
        named = {self._names.of(name): value for name, value in self._values.items()}
        return {name: self.strength(value) for name, value in named.items() if name not in self._changing}
