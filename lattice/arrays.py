"""The type of every numpy array in signatures, and arrays that nobody can write into.

The shape and unit of an array are told in the docstring, not in its type.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

Array = np.ndarray[Any, Any]


def read_only(array: Array) -> Array:
    """The same array, closed to writing: a frozen value holds no number that can be overwritten in place."""
    array.setflags(write=False)
    return array


class ClosedMapping(dict[Any, Any]):
    """A dictionary that is as it was made."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this mapping belongs to a result and cannot be changed: make a dict(...) of it")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return ClosedMapping, (dict(self),)
