"""What a match varies, aims at and must respect, as values checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Protocol

import numpy as np

from lattice import InputError
from lattice.errors import did_you_mean, listed
from optics.extrema import interval_maxima, rows_between
from optics.optics import COLUMNS, SCALARS, Functions, Optics

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Kind:
    """How far a quantity may miss by default (``tolerance``), and the step that counts as one (``scale``)."""

    tolerance: float
    scale: float
    logarithmic: bool = False


#: Betas are compared by their logarithm: a factor of two is as far above as below.
_KINDS = {
    "betx": Kind(1e-6, 0.1, logarithmic=True),
    "bety": Kind(1e-6, 0.1, logarithmic=True),
    "alfx": Kind(1e-6, 0.1),
    "alfy": Kind(1e-6, 0.1),
    "dx": Kind(1e-6, 0.1),
    "dy": Kind(1e-6, 0.1),
    "dpx": Kind(1e-6, 0.05),
    "dpy": Kind(1e-6, 0.05),
    "dqx": Kind(1e-5, 0.5),
    "dqy": Kind(1e-5, 0.5),
    "x": Kind(1e-9, 1e-3),
    "y": Kind(1e-9, 1e-3),
    "px": Kind(1e-9, 1e-3),
    "py": Kind(1e-9, 1e-3),
    "momentum_compaction": Kind(1e-7, 0.01),
    "gamma_transition": Kind(1e-6, 0.05),
    "circumference": Kind(1e-9, 0.1),
}
#: Quantities that need second-order maps.
CHROMATIC = ("dqx", "dqy")
_DEFAULT_KIND = Kind(1e-8, 0.01)  # tunes, phase advances and what is of order one


def kind_of(quantity: str) -> Kind:
    """Scale and default tolerance of a quantity."""
    return _KINDS.get(quantity, _DEFAULT_KIND)


def _number(owner: str, what: str, value: Any, default: float | None = None) -> float:
    if value is None and default is not None:
        return default
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not isfinite(number):
        raise InputError(f"{owner}: {what} must be a finite number, found {value!r}")
    return number


def _check_quantity(owner: str, quantity: str, at: str | None, needs_place: bool) -> None:
    known = (*SCALARS, *COLUMNS)
    if quantity not in known:
        raise InputError(
            f"{owner}: unknown quantity '{quantity}'{did_you_mean(str(quantity), known)}. Known: {listed(known, 50)}"
        )
    if quantity in SCALARS and at is not None:
        raise InputError(f"{owner}: '{quantity}' belongs to the whole lattice, it takes no place ('{at}')")
    if needs_place and quantity in COLUMNS and at is None:
        raise InputError(f"{owner}: '{quantity}' needs a place, at='element' or 'element:end'")


class Goal(Protocol):
    """What ``match`` can aim at: ``Target`` here, extraction quantities in ``extraction.targets``.

    ``evaluate`` gives the value for each lattice of a batch, with exact derivatives in the imaginary part when the
    parameters are stepped along the imaginary axis. ``chromatic`` goals need second-order maps; ``costly`` ones are
    left out where a sample of starting points is compared.
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
class Vary:
    """A parameter to vary, between ``lower`` and ``upper`` where given."""

    name: str
    lower: float | None = None
    upper: float | None = None

    def __post_init__(self) -> None:
        owner = f"Vary('{self.name}')"
        object.__setattr__(self, "name", str(self.name).lower())
        lower, upper = _number(owner, "lower", self.lower, -inf), _number(owner, "upper", self.upper, inf)
        if not lower < upper:
            raise InputError(f"{owner}: lower {self.lower} must be below upper {self.upper}")

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds with infinities where open."""
        return (-inf if self.lower is None else self.lower, inf if self.upper is None else self.upper)


@dataclass(frozen=True)
class Target:
    """``quantity`` shall be ``value`` (at a place, for a column) within ``tolerance`` (default by quantity)."""

    quantity: str
    value: float
    at: str | None = None
    tolerance: float | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        owner = f"Target('{self.quantity}')"
        _check_quantity(owner, self.quantity, self.at, needs_place=True)
        object.__setattr__(self, "value", _number(owner, "value", self.value))
        if self.tolerance is None:
            object.__setattr__(self, "tolerance", kind_of(self.quantity).tolerance)
        if not _number(owner, "tolerance", self.tolerance) > 0 or not _number(owner, "weight", self.weight) > 0:
            raise InputError(f"{owner}: tolerance and weight must be positive")
        if kind_of(self.quantity).logarithmic and self.value <= 0:
            raise InputError(f"{owner}: a beta function is positive, found the target {self.value}")

    @property
    def label(self) -> str:
        """How results name it: ``qx`` or ``dx@symp``."""
        return self.quantity if self.at is None else f"{self.quantity}@{self.at}"

    @property
    def places(self) -> tuple[str, ...]:
        """Places it names."""
        return () if self.at is None else (self.at,)

    @property
    def chromatic(self) -> bool:
        """True for chromaticity."""
        return self.quantity in CHROMATIC

    @property
    def costly(self) -> bool:
        """Optics is cheap."""
        return False

    def evaluate(self, optics: Optics) -> Array:
        """Value of the quantity, (batch,)."""
        return np.atleast_1d(optics.value(self.quantity, self.at))

    def residual(self, value: Array) -> Array:
        """Scaled distance from the goal; beyond a beta's domain it is nan."""
        kind = kind_of(self.quantity)
        distance = np.log(value / self.value) if kind.logarithmic else value - self.value
        return self.weight * distance / kind.scale


@dataclass(frozen=True)
class Limit:
    """``lower`` <= ``quantity`` <= ``upper``: at a place, ``between`` two, or everywhere, inside elements too."""

    quantity: str
    lower: float | None = None
    upper: float | None = None
    at: str | None = None
    between: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        owner = f"Limit('{self.quantity}')"
        _check_quantity(owner, self.quantity, self.at, needs_place=False)
        if self.lower is None and self.upper is None:
            raise InputError(f"{owner} needs a lower or an upper limit")
        if _number(owner, "lower", self.lower, -inf) > _number(owner, "upper", self.upper, inf):
            raise InputError(f"{owner}: lower {self.lower} is above upper {self.upper}")
        if self.between is not None:
            if self.at is not None or self.quantity in SCALARS or len(self.between) != 2:
                raise InputError(f"{owner}: between takes two places, for a column, and goes without at")
            object.__setattr__(self, "between", tuple(self.between))

    @property
    def label(self) -> str:
        """How results name it: ``betx<17`` with the place where there is one."""
        place = f"@{self.at}" if self.at else f"@{self.between[0]}:{self.between[1]}" if self.between else ""
        low = "" if self.lower is None else f"{self.lower:g}<"
        high = "" if self.upper is None else f"<{self.upper:g}"
        return f"{low}{self.quantity}{place}{high}"

    @property
    def places(self) -> tuple[str, ...]:
        """Places it names."""
        return self.between or (() if self.at is None else (self.at,))

    @property
    def chromatic(self) -> bool:
        """True for chromaticity."""
        return self.quantity in CHROMATIC

    @property
    def inside(self) -> bool:
        """True when it looks inside elements."""
        return self.quantity in COLUMNS and self.at is None

    def extremes(self, optics: Optics, fine: Functions | None) -> list[tuple[float, Array]]:
        """(sign, largest sign * value) for each side that is limited: values (batch, intervals)."""
        sides = [(sign, limit) for sign, limit in ((1.0, self.upper), (-1.0, self.lower)) if limit is not None]
        if not self.inside:
            value = np.atleast_1d(optics.value(self.quantity, self.at))[:, None]
            return [(sign, sign * value) for sign, _ in sides]
        assert fine is not None
        where = rows_between(optics, self.between, fine)
        return [(sign, interval_maxima(optics, self.quantity, sign, fine)[:, where]) for sign, _ in sides]

    def bound(self, sign: float) -> float:
        """The limit on sign * value."""
        limit = self.upper if sign > 0 else self.lower
        assert limit is not None
        return sign * limit

    def excess(self, optics: Optics, fine: Functions | None) -> Array:
        """Largest excess over the limit, (batch,); negative inside."""
        parts = [(values.real - self.bound(sign)).max(axis=1) for sign, values in self.extremes(optics, fine)]
        return np.asarray(np.max(parts, axis=0))

    def residuals(self, optics: Optics, fine: Functions | None) -> Array:
        """Scaled excess of every interval, zero inside, aimed a millionth inside: (batch, n)."""
        scale = kind_of(self.quantity).scale * (max(abs(self.bound(s)) for s, _ in self._signs()) if self._log else 1.0)
        parts = []
        for sign, values in self.extremes(optics, fine):
            bound = self.bound(sign)
            over = values - (bound - 1e-6 * max(abs(bound), 1e-3))
            parts.append(np.where(over.real > 0, over, 0.0) / scale)
        return np.concatenate(parts, axis=1)

    @property
    def _log(self) -> bool:
        return kind_of(self.quantity).logarithmic

    def _signs(self) -> list[tuple[float, float]]:
        return [(s, v) for s, v in ((1.0, self.upper), (-1.0, self.lower)) if v is not None]
