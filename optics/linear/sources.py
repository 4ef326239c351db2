"""Where a column of optics comes from: the functions themselves, or what is computed when it is asked for."""

from __future__ import annotations

from typing import Protocol

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import did_you_mean
from lattice.memory import Kept
from optics.linear.chromatic import ChromaticFunctions, chromatic_functions
from optics.linear.conditions import Conditions
from optics.linear.functions import ALL_COLUMNS, CHROMATIC_COLUMNS, COLUMNS, Functions
from optics.linear.moments import PLANE_COLUMNS
from optics.linear.transfer import MATRIX_COLUMNS, SECOND_ORDER_COLUMNS, planes, transfer

#: Columns that a match can aim at: they are holomorphic in the strengths.
TARGET_COLUMNS = (*COLUMNS, *PLANE_COLUMNS, *MATRIX_COLUMNS, *SECOND_ORDER_COLUMNS)
#: Every column there is.
EVERY_COLUMN = (*ALL_COLUMNS, *PLANE_COLUMNS, *MATRIX_COLUMNS, *SECOND_ORDER_COLUMNS)
_CHROMATIC = Kept[int, ChromaticFunctions]("chromatic functions")


class Source(Protocol):
    """Columns by name, (batch, rows)."""

    def column(self, name: str) -> Array: ...


def source_of(conditions: Conditions, column: str, plain: Functions, slices: int = 1) -> Source:
    """What a column is read from, at the rows of ``plain``, the functions with elements cut into ``slices``.

    InputError for an unknown column, and for one of a beam's moments where there are none.
    """
    if column not in EVERY_COLUMN:
        raise InputError(f"optics has no column '{column}'{did_you_mean(str(column), EVERY_COLUMN)}")
    if column in CHROMATIC_COLUMNS:
        return chromatic(conditions, slices)
    if column in PLANE_COLUMNS:
        return planes(conditions, slices)
    if column in MATRIX_COLUMNS or column in SECOND_ORDER_COLUMNS:
        return transfer(conditions, slices, order=1 if column in MATRIX_COLUMNS else 2)
    return plain


def chromatic(conditions: Conditions, slices: int = 1) -> ChromaticFunctions:
    """How the optics changes with momentum."""
    return conditions.memory.once(_CHROMATIC, slices, lambda: chromatic_functions(conditions, slices))
