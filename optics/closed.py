"""Values of results that nobody can overwrite: closed arrays and mappings, tables that are copied on write."""

from __future__ import annotations

from dataclasses import fields
from functools import wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lattice.arrays import ClosedMapping, read_only

if TYPE_CHECKING:
    import pandas as pd

Value = TypeVar("Value", bound=type)


def closed(kind: Value) -> Value:
    """A frozen dataclass of results: what was computed stays as it was computed, whoever holds it.

    Arrays among its fields are closed to writing and mappings to assignment (numpy's ValueError, a TypeError);
    of a table every reader gets a copy of his own, which pandas makes only when it is written to. Without this a
    number of a result could be changed in place, and all that is computed from it later would change with it.

    >>> @closed
    ... @dataclass(frozen=True)
    ... class Tunes:
    ...     values: Array
    >>> Tunes(np.array([1.67, 1.72])).values[0] = 2.0
    Traceback (most recent call last):
    ...
    ValueError: assignment destination is read-only
    """
    tables = [field.name for field in fields(kind) if "pd.DataFrame" in str(field.type)]
    others = [field.name for field in fields(kind) if field.name not in tables]
    for name in tables:
        setattr(kind, name, _Table(name))
    made = kind.__init__  # type: ignore[misc]

    @wraps(made)
    def made_and_closed(self: Any, *values: Any, **named: Any) -> None:
        made(self, *values, **named)
        for name in others:
            given = getattr(self, name)
            if (kept := _closed(given)) is not given:
                object.__setattr__(self, name, kept)

    kind.__init__ = made_and_closed  # type: ignore[misc]
    kind.__setstate__ = _closed_again  # type: ignore[attr-defined]
    return kind


def _closed_again(self: Any, state: dict[str, Any]) -> None:
    """A copy, here or in another process, is closed as the value was: numpy's own come back open."""
    for name, value in state.items():
        object.__setattr__(self, name, _closed(value))


_ALONE = (float, int, str, bool, type(None))


def _closed(value: Any) -> Any:
    """A view, so that an array which somebody else holds stays as open as it was."""
    if type(value) in _ALONE:
        return value
    if isinstance(value, np.ndarray):
        return read_only(value.view())
    if type(value) in (dict, MappingProxyType):
        return ClosedMapping({key: _closed(part) for key, part in value.items()})
    if type(value) is tuple and any(isinstance(part, np.ndarray) for part in value):
        return tuple(_closed(part) for part in value)
    return value


class _Table:
    """The place of a table in a value: each reader gets a copy, shared until one of them is written to."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, value: Any, kind: type) -> Any:
        if value is None:
            raise AttributeError(self._name)
        table = value.__dict__[self._name]
        return None if table is None else table.copy(deep=False)

    def __set__(self, value: Any, table: pd.DataFrame | None) -> None:
        value.__dict__[self._name] = None if table is None else table.copy(deep=False)
