"""The type of every numpy array in signatures, and arrays that nobody can write into.

The shape and unit of an array are told in the docstring, not in its type.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def read_only(array: Array) -> Array:
    """The same array, closed to writing: a frozen value holds no number that can be overwritten in place."""
    array.setflags(write=False)
    return array
