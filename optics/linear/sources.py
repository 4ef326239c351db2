"""Where a column of optics comes from: the functions themselves, or what is computed when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import did_you_mean
from lattice.memory import Kept
from optics.linear.chromatic import ChromaticFunctions, chromatic_functions
from optics.linear.conditions import Conditions
from optics.linear.functions import (
    ALL_COLUMNS,
    CHROMATIC_COLUMNS,
    CHROMATIC_SCALARS,
    COLUMNS,
    SCALARS,
    Functions,
)
from optics.linear.moments import PLANE_COLUMNS
from optics.linear.transfer import MATRIX_COLUMNS, SECOND_ORDER_COLUMNS, planes, transfer

#: Columns that a match can aim at: they are holomorphic in the strengths.
TARGET_COLUMNS = (*COLUMNS, *PLANE_COLUMNS, *MATRIX_COLUMNS, *SECOND_ORDER_COLUMNS)
#: Every column there is.
EVERY_COLUMN = (*ALL_COLUMNS, *PLANE_COLUMNS, *MATRIX_COLUMNS, *SECOND_ORDER_COLUMNS)
_CHROMATIC = Kept[int, ChromaticFunctions]("chromatic functions")


#: What other codes and books call them.
_ELSEWHERE = {
    "betx": ("beta", "betax", "beta_x"),
    "bety": ("betay", "beta_y"),
    "alfx": ("alfa", "alpha", "alphax", "alpha_x"),
    "alfy": ("alphay", "alpha_y"),
    "mux": ("mu", "phase"),
    "dx": ("dispersion", "eta", "etax", "eta_x"),
    "qx": ("q", "q1", "tune", "tunes"),
    "qy": ("q2",),
    "dqx": ("dq", "dq1", "chroma", "chromaticity"),
    "dqy": ("dq2",),
    "gamma_transition": ("gamma_tr", "gammatr"),
}
_OURS = {other: ours for ours, others in _ELSEWHERE.items() for other in others}


def meant(name: str, known: Iterable[str]) -> str:
    """``did_you_mean``, which knows the names that a quantity has elsewhere.

    >>> meant("Q1", ["qx", "mux"])
    "; did you mean 'qx'?"
    """
    ours = _OURS.get(name.lower())
    return f"; did you mean '{ours}'?" if ours else did_you_mean(name, known)


class Source(Protocol):
    """Columns by name, (batch, rows)."""

    def column(self, name: str) -> Array: ...


def source_of(conditions: Conditions, column: str, plain: Functions, slices: int = 1) -> Source:
    """What a column is read from, at the rows of ``plain``, the functions with elements cut into ``slices``.

    InputError for an unknown column, and for one of a beam's moments where there are none.
    """
    if not isinstance(column, str):
        raise InputError(f"a column is asked for by its name, such as tw['betx'], found {column!r:.60}: see tw.table")
    if column in (*SCALARS, *CHROMATIC_SCALARS):
        raise InputError(f"'{column}' is a number of the whole lattice: tw.{column}")
    if column not in EVERY_COLUMN:
        raise InputError(f"optics has no column '{column}'{meant(column, EVERY_COLUMN)}")
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
