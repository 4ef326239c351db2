"""What a match varies and aims at, as values checked when they are made; limits are in ``optics.matching.limits``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any, Protocol, runtime_checkable

import numpy as np

from lattice import InputError, Lattice
from lattice.arrays import Array
from lattice.magnitudes import require_numbers
from lattice.showing import Showing
from optics.linear.functions import of_today
from optics.linear.optics import Optics
from optics.matching.quantities import Kind, Quantity, kind_of

__all__ = ["Goal", "Kind", "Target", "Vary", "finite", "kind_of"]


_STEPS = 100.0  # of a quantity's scale, beyond which a tolerance is in another unit


def finite(owner: str, what: str, value: Any, default: float | None = None) -> float:
    """``value`` as a finite number (``default`` for None), else InputError."""
    if value is None and default is not None:
        return default
    require_numbers(owner, **{what: value})
    return float(value)


@runtime_checkable
class Goal(Protocol):
    """What ``match`` can aim at: ``Target`` here, extraction quantities in ``extraction.targets``.

    ``evaluate`` gives the value for each lattice of a batch, (batch,) or (batch, k) where it holds over a range, with
    exact derivatives in the imaginary part when the parameters are stepped along the imaginary axis; ``residual`` its
    scaled distance from the goal. ``chromatic`` goals need second-order maps; ``costly`` ones are left out where a
    sample of starting points is compared.
    """

    @property
    def label(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def tolerance(self) -> float | None: ...
    @property
    def places(self) -> tuple[str, ...]: ...
    @property
    def chromatic(self) -> bool: ...
    @property
    def costly(self) -> bool: ...
    def evaluate(self, optics: Optics) -> Array: ...
    def residual(self, value: Array) -> Array: ...


@dataclass(frozen=True)
class Vary(Showing):
    """A parameter to vary, between ``lower`` and ``upper`` where given.

    To vary one element alone give it a parameter: ``ring.freed("qf.3", "k1", "k3")``, then ``Vary("k3")``.

    A start condition of a line is varied by the name ``start.betx`` (alfx, bety, alfy, dx, dpx, dy, dpy).
    ``tied``: other parameters that follow it, each as a factor times it: ``Vary("kf", 0, 1, tied={"kd": -1.7})``.
    ``case``: which of several working points it belongs to (None: it is shared by all). ``active=False`` freezes it.
    """

    name: str
    lower: float | None = None
    upper: float | None = None
    tied: Mapping[str, float] = field(default_factory=dict)
    case: str | None = None
    active: bool = True

    def __post_init__(self) -> None:
        owner = f"Vary('{self.name}')"
        object.__setattr__(self, "name", str(self.name).lower())
        lower, upper = finite(owner, "lower", self.lower, -inf), finite(owner, "upper", self.upper, inf)
        if not lower < upper:
            raise InputError(f"{owner}: lower {self.lower} must be below upper {self.upper}")
        if not isinstance(self.tied, Mapping):
            raise InputError(f"{owner}: tied maps parameters to factors, {{'kd': -1.7}}, found {self.tied!r}")
        tied = {str(name).lower(): finite(owner, f"the factor of '{name}'", f) for name, f in self.tied.items()}
        if self.name in tied or 0.0 in tied.values():
            raise InputError(f"{owner}: tied names other parameters, with factors that are not 0, found {self.tied!r}")
        object.__setattr__(self, "tied", tied)

    @property
    def label(self) -> str:
        """How results name it: the parameter, with its case where it has one of its own."""
        return self.name if self.case is None else f"{self.name}@{self.case}"

    @property
    def factors(self) -> Mapping[str, float]:
        """Every parameter it sets, with its factor."""
        return {self.name: 1.0, **self.tied}

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds with infinities where open."""
        return (-inf if self.lower is None else self.lower, inf if self.upper is None else self.upper)


@dataclass(frozen=True)
class Target(Showing):
    """``quantity`` shall be ``value`` within ``tolerance`` (default by quantity).

    A column is taken ``at`` a place, or ``between`` two: of mux, muy and s the advance from one to the other, of r11
    ... r66 and t111 ... t666 the matrix between them, of any other column every entrance there. size_x, size_y,
    corr_xy, betx_lab ... are those of the beam that a line begins with, start=Moments(...). ``quantity`` may be a
    formula: "betx@a - betx@b". ``active=False`` switches the target off. ``value`` and ``tolerance`` are in the unit of
    the quantity (m, rad, 1); ``weight`` (1) multiplies the distance from the value, so that it counts weight^2 as much
    in the sum of squares where targets conflict.

    >>> Target("betx", 8.0, at="symp", tolerance=0.01).label
    'betx@symp'
    """

    quantity: str
    value: float
    at: str | None = None
    tolerance: float | None = None
    weight: float = 1.0
    between: tuple[str, str] | None = None
    active: bool = True

    def __post_init__(self) -> None:
        owner = f"Target('{self.quantity}')"
        object.__setattr__(self, "quantity", of_today(str(self.quantity)))
        if self.between is not None:
            object.__setattr__(self, "between", tuple(self.between))
        self._quantity.check(owner, needs_place=True)
        object.__setattr__(self, "value", finite(owner, "value", self.value))
        if self.tolerance is None:
            object.__setattr__(self, "tolerance", self._quantity.kind.tolerance)
        if not finite(owner, "tolerance", self.tolerance) > 0 or not finite(owner, "weight", self.weight) > 0:
            raise InputError(f"{owner}: tolerance and weight must be positive")
        self._check_tolerance(owner)
        if self._quantity.kind.logarithmic and self.value <= 0:
            what = "a beta function" if self.quantity.startswith("bet") else self.quantity
            raise InputError(f"{owner}: {what} is positive, found the target {self.value}")

    def _check_tolerance(self, owner: str) -> None:
        """Refuse one that anything meets: larger than the value and than a hundred steps that count."""
        tolerance = float(self.tolerance or 0.0)
        if not self._quantity.is_formula and tolerance > max(abs(self.value), _STEPS * self._quantity.kind.scale):
            raise InputError(
                f"{owner}: a tolerance of {tolerance:g} about {self.value:g} is met by anything; it is in the unit of "
                f"the quantity (m, rad, 1: not mm or per cent), by default {self._quantity.kind.tolerance:g}"
            )

    @cached_property
    def _quantity(self) -> Quantity:
        return Quantity(self.quantity, self.at, self.between)

    @property
    def label(self) -> str:
        """How results name it: ``qx``, ``dx@symp`` or ``mux@a:b``."""
        return self._quantity.label

    @property
    def places(self) -> tuple[str, ...]:
        """Places it names."""
        return self._quantity.places

    @property
    def chromatic(self) -> bool:
        """True for chromaticity."""
        return self._quantity.chromatic

    @property
    def is_formula(self) -> bool:
        """True for an expression of several quantities."""
        return self._quantity.is_formula

    @property
    def of_a_beam(self) -> bool:
        """True when it needs the moments of the beam that the line begins with."""
        return self._quantity.of_a_beam

    @property
    def costly(self) -> bool:
        """Optics is cheap."""
        return False

    def check_in(self, lattice: Lattice) -> None:
        """Refuse places and names that ``lattice`` does not have."""
        self._quantity.check_in(lattice, f"Target('{self.quantity}')")

    def evaluate(self, optics: Optics) -> Array:
        """Value of the quantity, (batch,), or (batch, rows) over a range."""
        return self._quantity.evaluate(optics)

    def residual(self, value: Array) -> Array:
        """Scaled distance from the goal; beyond a beta's domain it is nan."""
        kind = self._quantity.kind
        distance = np.log(value / self.value) if kind.logarithmic else value - self.value
        return self.weight * distance / kind.scale
