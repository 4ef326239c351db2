"""The result of ``twiss``: optical functions along a line or ring, for one lattice or a batch of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from lattice.memory import Kept
from lattice.showing import Showing, chart
from optics.closed import closed
from optics.linear.conditions import END, Conditions
from optics.linear.extrema import largest
from optics.linear.functions import (
    ALL_COLUMNS,
    CHROMATIC_SCALARS,
    COLUMNS,
    SCALARS,
    Functions,
    of_today,
)
from optics.linear.rings import taken_as
from optics.linear.solution import functions_inside
from optics.linear.sources import EVERY_COLUMN, chromatic, meant, source_of
from optics.linear.transfer import transfer

if TYPE_CHECKING:
    import pandas as pd

_MATRIX_ELEMENT = re.compile("r[1-6]{2}|t[1-6]{3}")
_TABLES = Kept[tuple[str, ...], "pd.DataFrame"]("tables")


@closed
@dataclass(frozen=True, eq=False, repr=False)
class Optics(Conditions, Showing):
    """Linear optics of a lattice (or a batch of n: scalars have shape (n,), columns (n, rows)).

    ``qx``, ``qy`` whole tunes (of a line: its phase advance); ``dqx``, ``dqy`` chromaticity dQ/d(dp/p) (nan for a
    line); ``momentum_compaction``; ``gamma_transition`` (nan where alpha_p <= 0); ``slip_factor``; ``length`` [m];
    ``coupled``: the planes are coupled; betx, alfx, mux then belong to mode 1 seen in x, bety, alfy, muy to mode 2
    seen in y, and ``betx2``, ``bety1`` [m] are the other mode's share (Mais-Ripken), else 0.
    Chromatic columns (``CHROMATIC_COLUMNS``, d/d(dp/p): ``ddx`` = d2x/ddelta2) and scalars (``ddqx``, ``ddqy``), and
    ``EDWARDS_TENG_COLUMNS`` are computed when asked for; they are in ``full_table``, not in ``table``.
    Columns r11 ... r66 and t111 ... t666 are the matrices from the beginning to each row (``matrix`` gives them whole,
    and between any two places), PLANE_COLUMNS (size_x, corr_xy, emit_x, betx_lab, dx_lab ...) the beam's in the
    laboratory's planes where the line began with its ``Moments``.
    ``stable`` tells which lattices of a batch have bounded motion, the others are nan. ``tw["betx"]`` is a column
    at the entrance of each element with the end last; ``tw.table`` the pandas table of a single lattice. Columns and
    scalars are closed to writing; a table is a copy.
    """

    at_elements: Functions
    scalars: Mapping[str, Array]

    def _one_or_batch(self, values: Array) -> Any:
        return values[0] if self.lattice.batch is None else values

    def scalar(self, name: str) -> Any:
        """One of SCALARS or CHROMATIC_SCALARS: a number, or (n,) for a batch."""
        values = chromatic(self).scalar(name) if name in CHROMATIC_SCALARS else self.scalars[name]
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
    def length(self) -> Any:
        """Length of the reference orbit [m], of a ring its circumference."""
        return self.scalar("length")

    @property
    def circumference(self) -> Any:
        """``length``, as it was called."""
        return self.scalar(of_today("circumference"))

    @property
    def stable(self) -> Any:
        """True where the motion is bounded in both planes: a bool, or (n,) for a batch."""
        stable = self._one_or_batch(np.isfinite(self.at_elements.column("betx")[:, 0].real))
        return stable if isinstance(stable, np.ndarray) else bool(stable)

    def __getitem__(self, column: str) -> Any:
        """A column at the entrance of each element and the end: (rows,), or (n, rows) for a batch."""
        return self._one_or_batch(source_of(self, column, self.at_elements).column(column))

    def matrix(self, to: str = END, begin: str | None = None) -> Any:
        """R (6, 6), or (n, 6, 6) for a batch, from ``begin`` (a place; default: the beginning) to the place ``to``.

        In x, px, y, py, zeta, delta about the orbit; R56 and R5j are those of zeta = s - beta0 c t. The exact
        derivative of the maps; cavities act as drifts. InputError where ``to`` lies before ``begin``.
        """
        return self._one_or_batch(transfer(self, 1, 1, self._begin(to, begin)).first[:, self.row(to)])

    def second_order(self, to: str = END, begin: str | None = None) -> Any:
        """T (6, 6, 6), or (n, 6, 6, 6): z_i = sum R_ij z_j + sum T_ijk z_j z_k over all j, k; T_ijk = T_ikj."""
        second = transfer(self, 1, 2, self._begin(to, begin)).second
        assert second is not None
        return self._one_or_batch(second[:, self.row(to)])

    def element(self, name: str, to: str, begin: str | None = None) -> Any:
        """One element of these, r12 or t126: a number, or (n,) for a batch."""
        if not isinstance(name, str) or not _MATRIX_ELEMENT.fullmatch(name):
            raise InputError(f"an element of the matrices is r11 ... r66 or t111 ... t666, found {name!r:.60}")
        values = self.matrix(to, begin) if name[0] == "r" else self.second_order(to, begin)
        return values[(..., *(int(digit) - 1 for digit in name[1:]))]

    def _begin(self, to: str, begin: str | None) -> int:
        row = 0 if begin is None else self.row(begin)
        if row > self.row(to):
            raise InputError(f"'{begin}' lies behind '{to}': a ring can begin elsewhere (lattice.starting_at)")
        return row

    @property
    def table(self) -> pd.DataFrame:
        """Table of a single lattice: index element name, rows at entrances, last row ``_end``; yours to change."""
        return self._table_of("tw.table", COLUMNS)

    @property
    def full_table(self) -> pd.DataFrame:
        """As ``table``, with the chromatic and the Edwards-Teng columns."""
        return self._table_of("tw.full_table", ALL_COLUMNS)

    def _table_of(self, what: str, columns: tuple[str, ...]) -> pd.DataFrame:
        """A copy, shared with what is kept until one of them is written to (pandas copies on write)."""
        self._refuse_batch(what)
        return self.memory.once(_TABLES, columns, lambda: self._new_table(columns)).copy(deep=False)

    def _new_table(self, columns: tuple[str, ...]) -> pd.DataFrame:
        import pandas as pd

        index = pd.Index([*self.lattice.names, END], name="name")
        return pd.DataFrame({name: np.array(self[name]) for name in columns}, index=index)

    def value(self, quantity: str, at: str | None = None) -> Any:
        """A scalar, or a column at a place: a number, or (n,) for a batch. InputError for an unknown name."""
        if at is None:
            quantity = of_today(quantity)
            known = (*SCALARS, *CHROMATIC_SCALARS)
            if quantity in known:
                return self.scalar(quantity)
            if quantity in EVERY_COLUMN:
                raise InputError(f"'{quantity}' needs a place (at=...)")
            raise InputError(f"unknown quantity '{quantity}'{meant(str(quantity), known)}")
        values = self[quantity]
        there = values[..., self.row(at)]
        return float(there) if np.ndim(there) == 0 and np.isrealobj(there) else there

    def inside(self, slices: int = 8) -> pd.DataFrame:
        """Table of a single lattice, thick elements cut into ``slices``; columns ``element``, then as table."""
        import pandas as pd

        self._refuse_batch("tw.inside")
        fine = functions_inside(self, slices)
        names = [self.lattice.names[i] for i in fine.row_element] + [END]
        return pd.DataFrame({"element": names} | {name: fine.column(name)[0] for name in COLUMNS})

    def maximum(self, column: str, between: tuple[str, str] | None = None) -> Any:
        """Largest value of a column, inside elements too; ``between`` two places (the second's entrance)."""
        return largest(self, column, between)

    def minimum(self, column: str, between: tuple[str, str] | None = None) -> Any:
        """Smallest value of a column, inside elements too."""
        return -largest(self, column, between, sign=-1.0)

    def _refuse_batch(self, what: str) -> None:
        if self.lattice.batch is not None:
            raise InputError(
                f"{what} is for one lattice, here are {self.lattice.batch}: use tw['betx'] and the like, or the optics "
                f"of one, {self.lattice.way_to_one}"
            )

    def __getattr__(self, name: str) -> Any:
        """A column by its name, ``tw.betx`` for ``tw["betx"]``."""
        if name in EVERY_COLUMN:
            return self[name]
        raise AttributeError(f"optics have no '{name}'{meant(name, EVERY_COLUMN)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *ALL_COLUMNS]

    def summary(self) -> Mapping[str, Any]:
        """Of what, the tunes and chromaticities, the transition and, of one lattice, the largest betas."""
        cell = taken_as(self.lattice) if self.periodic else ""
        found = {
            "of": f"{'line' if cell or not self.periodic else 'ring'} '{self.lattice.name}', fringe = {self.fringe}",
            **({"taken as": cell} if cell else {}),
            "particle": str(self.particle),
            "qx, qy": (self.qx, self.qy),
            "dqx, dqy": (self.dqx, self.dqy),
            "momentum_compaction": self.momentum_compaction,
            "gamma_transition": self.gamma_transition,
        }
        if self.lattice.batch is None:
            found["largest betx, bety"] = tuple(f"{self.maximum(beta):.6g} m" for beta in ("betx", "bety"))
        return found

    def _frame(self) -> pd.DataFrame | None:
        return self.table if self.lattice.batch is None else None

    def plot(self) -> Any:
        """Betas and dispersion, inside elements too, under the magnets: a plotly figure. InputError for a batch."""
        return chart("optics", table=self.inside(), lattice=self.lattice, particle=self.particle)
