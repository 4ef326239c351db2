"""Optical functions along a line or ring as numbers: their columns, and where the rows of a table lie."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from lattice.arrays import Array
from lattice.names import OLDER
from optics.closed import closed
from optics.linear import propagation

#: Columns that are propagated along the line, and where each stands in an array of functions.
PROPAGATED = {
    "betx": propagation.BETX,
    "alfx": propagation.ALFX,
    "mux": propagation.MUX,
    "bety": propagation.BETY,
    "alfy": propagation.ALFY,
    "muy": propagation.MUY,
    "dx": propagation.DX,
    "dpx": propagation.DPX,
    "dy": propagation.DY,
    "dpy": propagation.DPY,
    "betx2": propagation.BETX2,
    "alfx2": propagation.ALFX2,
    "bety1": propagation.BETY1,
    "alfy1": propagation.ALFY1,
}
_ORBIT = {"x": 0, "px": 1, "y": 2, "py": 3, "zeta": 4, "delta": 5}

_X = ("betx", "alfx", "mux", "dx", "dpx", "x", "px")
_Y = ("bety", "alfy", "muy", "dy", "dpy", "y", "py")
#: Columns of a table, in the order MAD-X and Xsuite users expect.
COLUMNS = ("s", *_X, *_Y, "zeta", "delta", "betx2", "alfx2", "bety1", "alfy1")
#: Columns that are computed when they are asked for: how the optics changes with momentum.
CHROMATIC_COLUMNS = ("wx", "phix", "dmux", "ddx", "ddpx", "wy", "phiy", "dmuy", "ddy", "ddpy")
#: Functions of the two modes in their own planes (D. Edwards & L. Teng): what MAD-X calls betx, alfx, bety, alfy.
EDWARDS_TENG_COLUMNS = ("betx_edw_teng", "alfx_edw_teng", "bety_edw_teng", "alfy_edw_teng")
ALL_COLUMNS = (*COLUMNS, *CHROMATIC_COLUMNS, *EDWARDS_TENG_COLUMNS)
#: Numbers that belong to the whole lattice.
_SLIP = ("momentum_compaction", "gamma_transition", "slip_factor", "length")
SCALARS = ("qx", "qy", "dqx", "dqy", *_SLIP)
#: Numbers that are computed when they are asked for.
CHROMATIC_SCALARS = ("ddqx", "ddqy")


def of_today(quantity: str) -> str:
    """The name of a quantity; one of old is told (FutureWarning) and read.

    >>> of_today("length")
    'length'
    """
    if quantity not in OLDER:
        return quantity
    warnings.warn(f"'{quantity}' is called '{OLDER[quantity]}': write that", FutureWarning, stacklevel=4)
    return OLDER[quantity]


@closed
@dataclass(frozen=True, eq=False, repr=False)
class Functions:
    """Optical functions at ``s``: arrays (batch, n_rows + 1), by column name through ``column``.

    ``functions`` (batch, n_rows + 1, 15) in the order of ``propagation``, ``orbit`` (batch, n_rows + 1, 6);
    ``row_element`` (n_rows,) the element that a row belongs to, ``row_fraction`` how far inside it. Closed to writing.
    """

    s: Array
    functions: Array
    orbit: Array
    row_element: Array
    row_fraction: Array

    def column(self, name: str) -> Array:
        """One column, shape (batch, n_rows + 1)."""
        if name == "s":
            return self.s
        if name in EDWARDS_TENG_COLUMNS:
            return self._edwards_teng(name)
        values: Array = self.functions[:, :, PROPAGATED[name]] if name in PROPAGATED else self.orbit[:, :, _ORBIT[name]]
        return values

    def _edwards_teng(self, name: str) -> Array:
        """Of a mode in its plane over its share there; in the other plane where the share is small (Sagan & Rubin)."""
        here, there = _EDWARDS_TENG[name]
        share = self.functions[:, :, propagation.SHARE]
        chosen = share.real > _TURNED_OVER
        values: Array = np.where(chosen, self.column(here), self.column(there)) / np.where(chosen, share, 1.0 - share)
        return values


#: MAD-X turns the modes over where the share of each in its own plane falls below this.
_TURNED_OVER = 0.1
#: Column of the mode in its usual plane, and behind a rotation that turns it into the other.
_EDWARDS_TENG = {
    "betx_edw_teng": ("betx", "bety1"),
    "alfx_edw_teng": ("alfx", "alfy1"),
    "bety_edw_teng": ("bety", "betx2"),
    "alfy_edw_teng": ("alfy", "alfx2"),
}
