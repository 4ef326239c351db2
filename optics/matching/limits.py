"""Limits that a match must respect, inside elements too; beam sizes among them, within the aperture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from math import inf

import numpy as np

from lattice import InputError, Lattice
from lattice.arrays import Array
from lattice.showing import Showing
from optics.aperture import MOMENTS_OF_EDGE, PLANES, BeamEdge, MomentsEdge, openings
from optics.beams.beam import Beam
from optics.linear.conditions import END, element_of
from optics.linear.extrema import SLICES, interval_maxima, larger_inside, rows_between
from optics.linear.functions import Functions, of_today
from optics.linear.optics import Optics
from optics.linear.sources import TARGET_COLUMNS
from optics.linear.transfer import planes
from optics.matching.quantities import Kind, Quantity, kind_of
from optics.matching.targets import finite

#: Largest excursion of a beam, the half width of ``optics.aperture`` plus that of its middle [m].
SIZES = {"size_x": "x", "size_y": "y"}
APERTURE = "aperture"
_NO_APERTURE = 1e3  # m, the half opening of an element that states none
_INSIDE = 1e-6  # a match aims this part of the limit inside it


@dataclass(frozen=True)
class Limit(Showing):
    """Not below ``lower`` and not above ``upper``: at a place, ``between`` two, or everywhere, inside elements too.

    Give one of them or both, by name: ``Limit("betx", upper=20.0)``, ``Limit("dx", lower=-1.0, upper=1.0, at="symp")``,
    in the unit of the quantity.

    ``quantity`` may be a formula of columns at places. size_x and size_y tell how far the edge of a ``beam`` reaches
    [m], |middle| + ``sigmas`` sqrt(emittance beta + (D sigma_delta)^2) + |D| ``full_width`` / 2, with both modes of
    coupled motion and a bounded momentum spread of ``full_width`` (see ``optics.aperture``); without a beam that of the
    ``Moments`` that a line begins with, |middle| + ``sigmas`` rms. Their ``upper`` may be
    "aperture", the half opening of each element (of an ellipse its half axis) about its middle: the excess is then
    minus the clearance. ``active=False`` switches the limit off.
    """

    quantity: str
    _: KW_ONLY
    lower: float | None = None
    upper: float | str | None = None
    at: str | None = None
    between: tuple[str, str] | None = None
    beam: Beam | None = None
    sigmas: float = 1.0
    active: bool = True
    full_width: float = 0.0

    def __post_init__(self) -> None:
        owner = f"Limit('{self.quantity}')"
        object.__setattr__(self, "quantity", of_today(str(self.quantity)))
        if self.between is not None:
            object.__setattr__(self, "between", tuple(self.between))
        self._check_beam(owner)
        self._read.check(owner, needs_place=False)
        if self.lower is None and self.upper is None:
            raise InputError(f"{owner} needs a lower or an upper limit")
        if self.upper == APERTURE:
            if self.quantity not in SIZES:
                raise InputError(f"{owner}: the aperture limits {' and '.join(SIZES)}")
            return
        if finite(owner, "lower", self.lower, -inf) > finite(owner, "upper", self.upper, inf):
            raise InputError(f"{owner}: lower {self.lower} is above upper {self.upper}")
        if self._kind.logarithmic and any(value <= 0 for _, value in self._numbers()):
            raise InputError(f"{owner}: it is positive, and so must its limits be")

    def _check_beam(self, owner: str) -> None:
        if self.quantity not in SIZES and self.beam is not None:
            raise InputError(f"{owner}: a beam goes with {' and '.join(SIZES)}")
        if self.beam is not None and not isinstance(self.beam, Beam):
            raise InputError(f"{owner}: beam must be a Beam, found {self.beam!r}")
        if not finite(owner, "sigmas", self.sigmas) > 0:
            raise InputError(f"{owner}: sigmas must be positive, found {self.sigmas!r}")
        if not finite(owner, "full_width", self.full_width) >= 0:
            raise InputError(f"{owner}: full_width of dp/p must not be negative, found {self.full_width!r}")
        if self.full_width and self.beam is None:
            raise InputError(f"{owner}: full_width is that of a beam, and goes with beam=Beam(...)")

    @cached_property
    def _read(self) -> Quantity:
        return Quantity(
            f"bet{SIZES[self.quantity]}" if self.quantity in SIZES else self.quantity, self.at, self.between
        )

    @property
    def _kind(self) -> Kind:
        return kind_of(self.quantity) if self.quantity in SIZES else self._read.kind

    @property
    def label(self) -> str:
        """How results name it: ``betx<17`` with the place where there is one."""
        place = f"@{self.at}" if self.at else f"@{self.between[0]}:{self.between[1]}" if self.between else ""
        low = "" if self.lower is None else f"{self.lower:g}<"
        high = "" if self.upper is None else "<aperture" if isinstance(self.upper, str) else f"<{self.upper:g}"
        return f"{low}{self.quantity}{place}{high}"

    @property
    def places(self) -> tuple[str, ...]:
        """Places it names."""
        return self._read.places

    @property
    def chromatic(self) -> bool:
        """True for chromaticity."""
        return self._read.chromatic

    @property
    def of_a_beam(self) -> bool:
        """True when it needs the moments of the beam that the line begins with."""
        return self._read.of_a_beam or (self.quantity in SIZES and self.beam is None)

    @property
    def inside(self) -> bool:
        """True when it looks inside elements."""
        return self._read.text in TARGET_COLUMNS and self.at is None

    @property
    def size(self) -> float:
        """What a margin is measured in: the larger limit, not below the quantity's scale."""
        return max(*(abs(value) for _, value in self._numbers()), 1e-3 if self.quantity in SIZES else self._kind.scale)

    @property
    def relative(self) -> float:
        """A row that is this large is 100 % of ``size``."""
        return 1.0 / self._kind.scale if self._kind.logarithmic else self.size / self._kind.scale

    def check_in(self, lattice: Lattice) -> None:
        """Refuse places and names that ``lattice`` does not have."""
        self._read.check_in(lattice, f"Limit('{self.quantity}')")

    def _numbers(self) -> list[tuple[float, float]]:
        """(sign, limit) of each side."""
        sides = ((1.0, self.upper), (-1.0, self.lower))
        return [(sign, 0.0 if isinstance(v, str) else float(v)) for sign, v in sides if v is not None]

    def extremes(self, optics: Optics, fine: Functions | None) -> list[tuple[float, Array, Array]]:
        """(sign, largest sign * value, sign * limit) of each side: values (batch, intervals), limits (intervals,)."""
        return [
            (sign, self._largest(optics, fine, sign), self._bounds(sign, limit, optics, fine))
            for sign, limit in self._numbers()
        ]

    def _largest(self, optics: Optics, fine: Functions | None, sign: float) -> Array:
        about = self._middles(optics) if sign > 0 and self.upper == APERTURE else np.zeros(len(optics.lattice))
        if not self.inside:
            if self.quantity in SIZES:
                return sign * self._reach_at(optics, about)
            return sign * self._read.evaluate(optics)[:, None]
        assert fine is not None
        where = rows_between(optics, self.between, fine)
        if self.quantity in SIZES:
            return self._reach_inside(optics, fine, sign, about[fine.row_element])[:, where]
        return interval_maxima(optics, self.quantity, sign, fine)[:, where]

    def _bounds(self, sign: float, limit: float, optics: Optics, fine: Functions | None) -> Array:
        if not (sign > 0 and self.upper == APERTURE):
            return np.array([sign * limit])
        low, high = self._opening(optics)
        halves = np.where(np.isnan(low), _NO_APERTURE, (high - low) / 2)
        if fine is None or not self.inside:
            return np.array([halves[self._element(optics)]])
        return halves[fine.row_element][rows_between(optics, self.between, fine)]

    def _middles(self, optics: Optics) -> Array:
        """Middle of each opening (elements,), 0 where there is none."""
        low, high = self._opening(optics)
        return np.where(np.isnan(low), 0.0, (high + low) / 2)

    def _opening(self, optics: Optics) -> tuple[Array, Array]:
        first = 2 * PLANES.index(SIZES[self.quantity])
        low, high = openings(optics.lattice)[:, first : first + 2].T
        return low, high

    def _element(self, optics: Optics) -> int:
        """The element that the place belongs to; of the end of the line the last."""
        place = str(self.at)
        return len(optics.lattice) - 1 if place.lower() == END else optics.lattice.index(element_of(place))

    @cached_property
    def _edge(self) -> BeamEdge | MomentsEdge:
        return MomentsEdge(self.sigmas) if self.beam is None else BeamEdge(self.beam, self.sigmas, self.full_width)

    def _columns(self, optics: Optics, functions: Functions, slices: int) -> Callable[[str], Array]:
        """Columns (batch, rows) that the edge is made of, by name."""
        if self.beam is not None:
            return functions.column
        moments = planes(optics, slices)
        return lambda name: moments.column(name) if name in MOMENTS_OF_EDGE else functions.column(name)

    def _reach_at(self, optics: Optics, about: Array) -> Array:
        row, every = optics.row(self.at or ""), self._columns(optics, optics.at_elements, 1)

        def column(name: str) -> Array:
            return every(name)[:, row]

        return np.asarray(self._edge.reach(column, SIZES[self.quantity], about[self._element(optics)]))[:, None]

    def _reach_inside(self, optics: Optics, fine: Functions, sign: float, about: Array) -> Array:
        """Largest sign * reach in each interval (batch, intervals), from its values and slopes at both ends."""
        plane, steps = SIZES[self.quantity], np.diff(fine.s, axis=-1) / (1.0 + optics.delta)
        every = self._columns(optics, fine, SLICES)

        def left(name: str) -> Array:
            return every(name)[:, :-1]

        def right(name: str) -> Array:
            return every(name)[:, 1:]

        values = [sign * self._edge.reach(column, plane, about) for column in (left, right)]
        slopes = [sign * self._edge.reach_slope(column, plane, about) * steps for column in (left, right)]
        return larger_inside(values[0], values[1], slopes[0], slopes[1])

    def excess(self, optics: Optics, fine: Functions | None) -> Array:
        """Largest excess over the limit, (batch,); negative inside, nan where there is no optics."""
        parts = [(values.real - bounds).max(axis=1) for _, values, bounds in self.extremes(optics, fine)]
        return np.asarray(np.max(parts, axis=0))

    def rows(self, optics: Optics, fine: Functions | None) -> Array:
        """Scaled distance beyond the limit of every interval, (batch, n): negative inside, aimed a millionth inside."""
        kind, parts = self._kind, []
        for sign, values, bounds in self.extremes(optics, fine):
            aim = bounds - _INSIDE * np.maximum(np.abs(bounds), 1e-3)
            if kind.logarithmic:
                parts.append(sign * np.log(values / aim) / kind.scale)
            else:
                parts.append((values - aim) / kind.scale)
        return np.concatenate(parts, axis=1)
