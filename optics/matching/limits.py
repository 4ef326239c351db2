"""Limits that a match must respect, inside elements too; beam sizes among them, within the aperture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import numpy as np

from lattice import InputError, Lattice
from lattice.arrays import Array
from optics.beams.beam import Beam
from optics.linear.extrema import interval_maxima, rows_between, slope_maxima
from optics.linear.functions import COLUMNS, Functions
from optics.linear.optics import Optics
from optics.matching.quantities import Kind, Quantity, kind_of
from optics.matching.targets import finite

#: Largest excursion of a beam, ``sigmas`` times its rms size plus the orbit [m].
SIZES = {"size_x": "x", "size_y": "y"}
APERTURE = "aperture"
_NO_APERTURE = 1e3  # m, the half opening of an element that states none
_INSIDE = 1e-6  # a match aims this part of the limit inside it


@dataclass(frozen=True)
class Limit:
    """``lower`` <= ``quantity`` <= ``upper``: at a place, ``between`` two, or everywhere, inside elements too.

    ``quantity`` may be a formula of columns at places. size_x and size_y are |orbit| + ``sigmas`` times the rms size
    [m] of a ``beam``, sqrt(emittance beta + (D sigma_delta)^2); their ``upper`` may be "aperture", the half opening
    of each element (of an ellipse its half axis). ``active=False`` switches the limit off.
    """

    quantity: str
    lower: float | None = None
    upper: float | str | None = None
    at: str | None = None
    between: tuple[str, str] | None = None
    beam: Beam | None = None
    sigmas: float = 1.0
    active: bool = True

    def __post_init__(self) -> None:
        owner = f"Limit('{self.quantity}')"
        object.__setattr__(self, "quantity", str(self.quantity))
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
        if (self.quantity in SIZES) != (self.beam is not None):
            raise InputError(f"{owner}: a beam goes with {' and '.join(SIZES)}, and they need one: beam=Beam(...)")
        if self.beam is not None and not isinstance(self.beam, Beam):
            raise InputError(f"{owner}: beam must be a Beam, found {self.beam!r}")
        if not finite(owner, "sigmas", self.sigmas) > 0:
            raise InputError(f"{owner}: sigmas must be positive, found {self.sigmas!r}")

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
    def inside(self) -> bool:
        """True when it looks inside elements."""
        return self._read.text in COLUMNS and self.at is None

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
        if not self.inside:
            if self.quantity in SIZES:
                return sign * self._sizes_at(optics)
            return sign * self._read.evaluate(optics)[:, None]
        assert fine is not None
        where = rows_between(optics, self.between, fine)
        if self.quantity in SIZES:
            return self._size_maxima(optics, fine, sign)[:, where]
        return interval_maxima(optics, self.quantity, sign, fine)[:, where]

    def _bounds(self, sign: float, limit: float, optics: Optics, fine: Functions | None) -> Array:
        if not (sign > 0 and self.upper == APERTURE):
            return np.array([sign * limit])
        elements = optics.lattice.elements
        if fine is None or not self.inside:
            return np.array([self._half_opening(elements[min(optics.row(self.at or ""), len(elements) - 1)])])
        halves = np.array([self._half_opening(element) for element in elements])
        return halves[fine.row_element][rows_between(optics, self.between, fine)]

    def _half_opening(self, element: Any) -> float:
        opening = element.aperture
        if opening is None:
            return _NO_APERTURE
        plane = SIZES[self.quantity]
        half = float(getattr(opening, f"half_{plane}"))
        ellipse = getattr(opening, f"ellipse_{plane}")
        return min(half, ellipse if ellipse is not None else half) - abs(float(getattr(opening, f"offset_{plane}")))

    def _squared(self, column: Any) -> Array:
        """Mean square size from the columns of a plane."""
        assert self.beam is not None
        plane = SIZES[self.quantity]
        emittance, other = self.beam.emittance_x, self.beam.emittance_y
        if plane == "y":
            emittance, other = other, emittance
        share = column("betx2" if plane == "x" else "bety1") * other
        return np.asarray(
            column(f"bet{plane}") * emittance + share + (column(f"d{plane}") * self.beam.sigma_delta) ** 2
        )

    def _sizes_at(self, optics: Optics) -> Array:
        row = optics.row(self.at or "")
        column = optics.at_elements.column
        orbit = column(SIZES[self.quantity])[:, row]
        size = self.sigmas * np.sqrt(self._squared(lambda name: column(name)[:, row]))
        return (np.where(orbit.real < 0, -orbit, orbit) + size)[:, None]

    def _size_maxima(self, optics: Optics, fine: Functions, sign: float) -> Array:
        """Largest sign * size in each interval, from the mean square and its slope."""
        assert self.beam is not None
        plane = SIZES[self.quantity]
        emittance = self.beam.emittance_x if plane == "x" else self.beam.emittance_y
        d, dp = fine.column(f"d{plane}"), fine.column(f"dp{plane}")
        slopes = -2.0 * emittance * fine.column(f"alf{plane}") + 2.0 * self.beam.sigma_delta**2 * d * dp
        squared = slope_maxima(sign * self._squared(fine.column), sign * slopes / (1.0 + optics.delta), fine.s)
        orbit = fine.column(plane)
        orbit = np.where(orbit.real < 0, -orbit, orbit)
        ends = np.where(orbit[:, :-1].real >= orbit[:, 1:].real, orbit[:, :-1], orbit[:, 1:])
        return sign * (self.sigmas * np.sqrt(sign * squared) + ends)

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
