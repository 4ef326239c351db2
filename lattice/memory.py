"""What a frozen value keeps of what was computed of it, so that the same question is not computed twice.

A value that never changes may remember results that follow from it alone: they are as true tomorrow as today, and
nobody can tell whether they were kept or computed again, but for the time. ``Memory`` is the one place for this.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, eq=False)
class Kept(Generic[K, V]):
    """One kind of result: what it is, the type of its key and of its value.

    Declared once, beside the function that computes it, and known by that declaration alone: two kinds with equal
    keys never meet. The key holds everything beside the remembering value that the result depends on.
    ``at_most``: how many are kept; the oldest goes first. None: all (there are few).
    """

    what: str
    at_most: int | None = None


class Memory:
    """Results of a frozen value, by kind and key.

    It belongs to the value whose attributes, with the key, decide the result, and may be shared with another value
    only where these are the same (a lattice and its ``with_parameters`` share what follows from the elements).
    It never counts when values are compared, and is left behind when a value is copied or sent to another process.

    >>> SQUARES = Kept[int, int]("squares", at_most=2)
    >>> memory = Memory()
    >>> memory.once(SQUARES, 3, lambda: 3 * 3)
    9
    >>> dict(memory.of(SQUARES))
    {3: 9}
    """

    __slots__ = ("_results",)

    def __init__(self) -> None:
        self._results: dict[Kept[Any, Any], dict[Any, Any]] = {}

    def __reduce__(self) -> tuple[type[Memory], tuple[()]]:
        return Memory, ()

    def __repr__(self) -> str:
        return f"Memory({', '.join(f'{len(found)} {kind.what}' for kind, found in self._results.items())})"

    def of(self, kind: Kept[K, V]) -> dict[K, V]:
        """All results of one kind by key, the oldest first."""
        return self._results.setdefault(kind, {})

    def keep(self, kind: Kept[K, V], key: K, value: V) -> V:
        """Keep a result, in place of the one with this key; gives the result."""
        found = self.of(kind)
        if key not in found and kind.at_most is not None and len(found) >= kind.at_most:
            del found[next(iter(found))]
        found[key] = value
        return value

    def once(self, kind: Kept[K, V], key: K, compute: Callable[[], V]) -> V:
        """The result with this key, computed the first time that it is asked for."""
        found = self.of(kind)
        return found[key] if key in found else self.keep(kind, key, compute())
