"""The parameters of a lattice: numbers, arrays, and expressions of them that stay live.

A strength written ``"-1.7*kf"`` is evaluated again whenever ``kf`` changes, with numbers or with arrays (then
everything computed from it is batched along the array).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, NoReturn

from lattice.errors import InputError, LatticeError, did_you_mean
from lattice.expressions.parsing import Expression, parse_expression


class Parameters(Mapping[str, Any]):
    """Read-only view of parameter values, found in any case; dependent ones are evaluated."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = {key.lower(): value for key, value in definitions.items()}
        self._values = evaluate_all(self._definitions)

    def changed(self, changes: Mapping[str, Any]) -> Parameters:
        """With other numbers for some that are independent, by lower-case name; what depends on them is evaluated."""
        new = object.__new__(Parameters)
        new._definitions = {**self._definitions, **changes}
        new._values = evaluate_all(new._definitions) if self.dependent else new._definitions
        new.__dict__["dependent"] = self.dependent
        return new

    def __getitem__(self, name: str) -> Any:
        key = name.lower()
        if key not in self._values:
            raise LatticeError(f"unknown parameter '{name}'{did_you_mean(key, self._values)}")
        return self._values[key]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __setitem__(self, name: str, value: object) -> NoReturn:
        raise InputError(self._cannot_be_set(str(name)))

    def __delitem__(self, name: str) -> NoReturn:
        raise InputError("parameters never change: a lattice without one is Lattice(..., parameters=those that stay)")

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            raise InputError(self._cannot_be_set(name))
        super().__setattr__(name, value)

    def _cannot_be_set(self, name: str) -> str:
        """What messages say where one is set as in a dictionary."""
        way = "with_parameters" if name in self else "with_new_parameters"
        return f"parameters never change: lattice.{way}({name}=...) gives a lattice with this '{name}'"

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Parameters({self._values!r})"

    @property
    def values_by_name(self) -> Mapping[str, Any]:
        """The values by lower-case name."""
        return self._values

    @property
    def definitions(self) -> Mapping[str, Any]:
        """Numbers, arrays and (for dependent parameters) the text of the expressions."""
        return dict(self._definitions)

    def is_dependent(self, name: str) -> bool:
        """True when the parameter is defined by an expression."""
        return isinstance(self._definitions.get(name.lower()), str)

    @cached_property
    def dependent(self) -> frozenset[str]:
        """Names of those that are defined by an expression."""
        return frozenset(name for name, value in self._definitions.items() if isinstance(value, str))

    def sources(self, name: str) -> tuple[str, ...]:
        """The free parameters that this one depends on, through others too; itself where it is free.

        >>> Parameters({"kf": 1.2, "ratio": 1.7, "kd": "-ratio*kf", "kd2": "0.9*kd"}).sources("kd2")
        ('kf', 'ratio')
        """
        found: set[str] = set()
        open_names = {name.lower()}
        while open_names:
            one = open_names.pop()
            found.add(one)
            if isinstance(text := self._definitions[one], str):
                open_names |= (parse_expression(text).names & self._definitions.keys()) - found
        return tuple(sorted(found - self.dependent))

    def following(self, names: Collection[str]) -> frozenset[str]:
        """These names, and those of all that depends on them."""
        found = frozenset(names)
        for _ in self.dependent:
            uses = (name for name in self.dependent - found if parse_expression(self._definitions[name]).names & found)
            more = found.union(uses)
            if more == found:
                break
            found = more
        return found


def evaluate_all(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Values of all definitions, dependent ones after what they depend on; a cycle is a LatticeError."""
    values = {name: definition for name, definition in definitions.items() if not isinstance(definition, str)}
    dependent = {name: parse_expression(text) for name, text in definitions.items() if isinstance(text, str)}
    uses = {name: sorted(expression.names & dependent.keys()) for name, expression in dependent.items()}
    try:
        order = list(TopologicalSorter(uses).static_order())
    except CycleError as error:
        raise LatticeError(f"parameters depend on each other in a circle: {' <- '.join(error.args[1])}") from None
    for name in order:
        values[name] = _evaluate_definition(name, dependent[name], values)
    return {name: values[name] for name in definitions}


def _evaluate_definition(name: str, expression: Expression, values: Mapping[str, Any]) -> Any:
    try:
        return expression.evaluate(values)
    except LatticeError as error:
        raise LatticeError(f"parameter '{name}': {error}") from None
