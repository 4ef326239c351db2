"""The result of ``twiss``: optical functions along a line or ring, for one lattice or a batch of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from optics.linear import propagation

if TYPE_CHECKING:
    from optics.linear.chromatic import ChromaticFunctions


_FUNCTIONS = {
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
_SLIP = ("momentum_compaction", "gamma_transition", "slip_factor", "circumference")
SCALARS = ("qx", "qy", "dqx", "dqy", *_SLIP)
#: Numbers that are computed when they are asked for.
CHROMATIC_SCALARS = ("ddqx", "ddqy")


#: The place behind the last element.
END = "_end"


def element_of(place: str) -> str:
    """Name of the element that a place belongs to: "qf:end" and "qf" belong to "qf", "qf::1:end" to "qf::1"."""
    name = place.lower()
    return name[: -len(":end")] if name.endswith(":end") and not name.endswith("::end") else name


@dataclass(frozen=True, eq=False, repr=False)
class Functions:
    """Optical functions at ``s``: arrays (batch, n_rows + 1), by column name through ``column``."""

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
        values: Array = self.functions[:, :, _FUNCTIONS[name]] if name in _FUNCTIONS else self.orbit[:, :, _ORBIT[name]]
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


@dataclass(frozen=True, eq=False, repr=False)
class Optics:
    """Linear optics of a lattice (or a batch of n: scalars have shape (n,), columns (n, rows)).

    ``qx``, ``qy`` whole tunes (of a line: its phase advance); ``dqx``, ``dqy`` chromaticity dQ/d(dp/p) (nan for a
    line); ``momentum_compaction``; ``gamma_transition`` (nan where alpha_p <= 0); ``slip_factor``;
    ``coupled``: the planes are coupled; betx, alfx, mux then belong to mode 1 seen in x, bety, alfy, muy to mode 2
    seen in y, and ``betx2``, ``bety1`` [m] are the other mode's share (Mais-Ripken), else 0; ``start_modes``
    (batch, 4, 4) holds the modes at the beginning, ``start_chromatic`` what the start of a line says of wx, ddx ...
    Chromatic columns (``CHROMATIC_COLUMNS``, d/d(dp/p): ``ddx`` = d2x/ddelta2) and scalars (``ddqx``, ``ddqy``), and
    ``EDWARDS_TENG_COLUMNS`` are computed when asked for; they are in ``full_table``, not in ``table``.
    ``stable`` tells which lattices of a batch have bounded motion, the others are nan. ``tw["betx"]`` is a column
    at the entrance of each element with the end last; ``tw.table`` the pandas table of a single lattice.
    """

    lattice: Lattice
    particle: ReferenceParticle
    fringe: str
    delta: float
    periodic: bool
    at_elements: Functions
    start: Array
    start_orbit: Array
    start_modes: Array | None
    start_chromatic: Mapping[str, float]
    scalars: dict[str, Array]

    def _one_or_batch(self, values: Array) -> Any:
        return values[0] if self.lattice.batch is None else values

    def scalar(self, name: str) -> Any:
        """One of SCALARS or CHROMATIC_SCALARS: a number, or (n,) for a batch."""
        values = self._chromatic.scalar(name) if name in CHROMATIC_SCALARS else self.scalars[name]
        value = self._one_or_batch(values)
        return value if isinstance(value, np.ndarray) or np.iscomplexobj(value) else float(value)

    @property
    def coupled(self) -> bool:
        """True when some element couples the planes."""
        return self.start_modes is not None

    @property
    def qx(self) -> Any:
        """Horizontal tune, or phase advance of a line [turns]."""
        return self.scalar("qx")

    @property
    def qy(self) -> Any:
        """Vertical tune, or phase advance of a line [turns]."""
        return self.scalar("qy")

    @property
    def dqx(self) -> Any:
        """Horizontal chromaticity dQx / d(dp/p)."""
        return self.scalar("dqx")

    @property
    def dqy(self) -> Any:
        """Vertical chromaticity dQy / d(dp/p)."""
        return self.scalar("dqy")

    @property
    def ddqx(self) -> Any:
        """Horizontal chromaticity of second order, d2Qx / d(dp/p)2 (nan for a line)."""
        return self.scalar("ddqx")

    @property
    def ddqy(self) -> Any:
        """Vertical chromaticity of second order, d2Qy / d(dp/p)2 (nan for a line)."""
        return self.scalar("ddqy")

    @property
    def momentum_compaction(self) -> Any:
        """alpha_p = (dC/C) / (dp/p)."""
        return self.scalar("momentum_compaction")

    @property
    def gamma_transition(self) -> Any:
        """1 / sqrt(alpha_p)."""
        return self.scalar("gamma_transition")

    @property
    def slip_factor(self) -> Any:
        """(dT/T) / (dp/p) = alpha_p - 1/gamma^2."""
        return self.scalar("slip_factor")

    @property
    def circumference(self) -> Any:
        """Length of the reference orbit [m]."""
        return self.scalar("circumference")

    @property
    def stable(self) -> Any:
        """True where the motion is bounded in both planes: a bool, or (n,) for a batch."""
        stable = self._one_or_batch(np.isfinite(self.at_elements.column("betx")[:, 0].real))
        return stable if isinstance(stable, np.ndarray) else bool(stable)

    def __getitem__(self, column: str) -> Any:
        """A column at the entrance of each element and the end: (rows,), or (n, rows) for a batch."""
        if column not in ALL_COLUMNS:
            raise InputError(f"optics has no column '{column}'{did_you_mean(str(column), ALL_COLUMNS)}")
        source = self._chromatic if column in CHROMATIC_COLUMNS else self.at_elements
        return self._one_or_batch(source.column(column))

    @cached_property
    def _chromatic(self) -> ChromaticFunctions:
        from optics.linear.chromatic import chromatic_functions

        return chromatic_functions(self)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Table of a single lattice: index element name, rows at entrances, last row ``_end``."""
        return self._table_of("tw.table", COLUMNS)

    @cached_property
    def full_table(self) -> pd.DataFrame:
        """As ``table``, with the chromatic and the Edwards-Teng columns."""
        return self._table_of("tw.full_table", ALL_COLUMNS)

    def _table_of(self, what: str, columns: tuple[str, ...]) -> pd.DataFrame:
        self._refuse_batch(what)
        index = pd.Index([*self.lattice.names, END], name="name")
        return pd.DataFrame({name: np.array(self[name]) for name in columns}, index=index)

    def row(self, place: str) -> int:
        """Row of a place: an element's name is its entrance, "name:end" its exit, "_end" the end of the line."""
        if not isinstance(place, str):
            raise InputError(f"a place is an element's name or 'name:end', found {place!r}")
        if place.lower() == END:
            return len(self.lattice)
        name = element_of(place)
        return self.lattice.index(name) + (1 if name != place.lower() else 0)

    def value(self, quantity: str, at: str | None = None) -> Any:
        """A scalar, or a column at a place: a number, or (n,) for a batch. InputError for an unknown name."""
        if at is None:
            known = (*SCALARS, *CHROMATIC_SCALARS)
            if quantity in known:
                return self.scalar(quantity)
            if quantity in ALL_COLUMNS:
                raise InputError(f"'{quantity}' needs a place (at=...)")
            raise InputError(f"unknown quantity '{quantity}'{did_you_mean(quantity, known)}")
        values = self[quantity]
        return values[..., self.row(at)]

    def inside(self, slices: int = 8) -> pd.DataFrame:
        """Table of a single lattice, thick elements cut into ``slices``; columns ``element``, then as table."""
        from optics.linear.twiss import functions_inside

        self._refuse_batch("tw.inside")
        fine = functions_inside(self, slices)
        names = [self.lattice.names[i] for i in fine.row_element] + [END]
        return pd.DataFrame({"element": names} | {name: fine.column(name)[0] for name in COLUMNS})

    def maximum(self, column: str, between: tuple[str, str] | None = None) -> Any:
        """Largest value of a column, inside elements too; ``between`` two places (the second's entrance)."""
        from optics.linear.extrema import largest

        return largest(self, column, between)

    def minimum(self, column: str, between: tuple[str, str] | None = None) -> Any:
        """Smallest value of a column, inside elements too."""
        from optics.linear.extrema import largest

        return -largest(self, column, between, sign=-1.0)

    def _refuse_batch(self, what: str) -> None:
        if self.lattice.batch is not None:
            raise InputError(f"{what} is for one lattice, here are {self.lattice.batch}: use tw['betx'] and the like")

    def __repr__(self) -> str:
        kind = "ring" if self.periodic else "line"
        return (
            f"Optics of {kind} '{self.lattice.name}' ({self.particle.species}, fringe={self.fringe!r}): "
            f"qx = {self.qx}, qy = {self.qy}, dqx = {self.dqx}, dqy = {self.dqy}"
        )
