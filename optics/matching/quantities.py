"""What a match can aim at, read from optics: numbers, columns at a place or over a range, advances, and formulas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lattice import InputError, Lattice, LatticeError
from lattice.arrays import Array
from lattice.errors import did_you_mean, listed
from lattice.expressions.functions import CONSTANTS
from lattice.expressions.parsing import Expression, parse_expression
from lattice.names import OLDER
from optics.linear.conditions import END, element_of
from optics.linear.functions import COLUMNS, SCALARS
from optics.linear.moments import PLANE_COLUMNS
from optics.linear.optics import Optics
from optics.linear.sources import TARGET_COLUMNS, source_of
from optics.linear.transfer import MATRIX_COLUMNS, SECOND_ORDER_COLUMNS


@dataclass(frozen=True)
class Kind:
    """How far a quantity may miss by default (``tolerance``), and the step that counts as one (``scale``)."""

    tolerance: float
    scale: float
    logarithmic: bool = False


#: Betas and beam sizes are compared by their logarithm: a factor of two is as far above as below.
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
    "size_x": Kind(1e-9, 0.1, logarithmic=True),
    "size_y": Kind(1e-9, 0.1, logarithmic=True),
    "size_px": Kind(1e-9, 0.1, logarithmic=True),
    "size_py": Kind(1e-9, 0.1, logarithmic=True),
    "betx_lab": Kind(1e-6, 0.1, logarithmic=True),
    "bety_lab": Kind(1e-6, 0.1, logarithmic=True),
    "emit_x": Kind(1e-12, 0.1, logarithmic=True),
    "emit_y": Kind(1e-12, 0.1, logarithmic=True),
    **dict.fromkeys(("alfx_lab", "alfy_lab", "dx_lab", "dy_lab"), Kind(1e-6, 0.1)),
    **dict.fromkeys(("dpx_lab", "dpy_lab"), Kind(1e-6, 0.05)),
    "corr_xy": Kind(1e-6, 0.1),
    "tilt_xy": Kind(1e-6, 0.1),
    **dict.fromkeys(MATRIX_COLUMNS, Kind(1e-6, 0.1)),
    **dict.fromkeys(SECOND_ORDER_COLUMNS, Kind(1e-5, 1.0)),
    "momentum_compaction": Kind(1e-7, 0.01),
    "gamma_transition": Kind(1e-6, 0.05),
    "length": Kind(1e-9, 0.1),
    "s": Kind(1e-9, 0.1),
}
_DEFAULT_KIND = Kind(1e-8, 0.01)  # tunes, phase advances and what is of order one
#: Quantities that need second-order maps.
CHROMATIC = ("dqx", "dqy")
#: Columns that add up along the line: between two places their difference counts.
ADVANCES = ("mux", "muy", "s")

_WHOLE = (*SCALARS, *OLDER)  # words of a formula

_COMPLEX_STEP = 1e-10  # imaginary parts of derivatives are far smaller
_REFERENCE = re.compile(r"([a-z_]\w*)\s*@\s*([\w.$#]+(?:::\d+)?(?::end)?)", re.IGNORECASE)
_WORD = re.compile(r"[a-z_]\w*", re.IGNORECASE)


def kind_of(quantity: str) -> Kind:
    """Scale and default tolerance of a quantity."""
    return _KINDS.get(quantity, _DEFAULT_KIND)


@dataclass(frozen=True)
class Quantity:
    """A quantity of ``Optics``: a scalar, a column ``at`` a place or ``between`` two, or a formula of such.

    Between two places mux, muy and s are the advance from the first to the second, r11 ... r66 and t111 ... t666 of
    the matrix between them; any other column is taken at every entrance there.
    A formula is arithmetic over scalars, ``column@place`` and parameters: "betx@a - betx@b".
    """

    text: str
    at: str | None = None
    between: tuple[str, str] | None = None

    @cached_property
    def is_formula(self) -> bool:
        """True for an expression of several quantities."""
        return _WORD.fullmatch(self.text.strip()) is None

    @property
    def label(self) -> str:
        """How results name it: qx, dx@symp, mux@a:b, or the formula."""
        if self.between is not None:
            return f"{self.text}@{self.between[0]}:{self.between[1]}"
        return self.text if self.at is None else f"{self.text}@{self.at}"

    @cached_property
    def _formula(self) -> tuple[Expression, Mapping[str, tuple[str, str]]]:
        """The expression with a plain name for every column@place, and what these names stand for."""
        names: dict[tuple[str, str], str] = {}

        def plain(found: re.Match[str]) -> str:
            return names.setdefault((found[1].lower(), found[2].lower()), f"place_{len(names)}_")

        try:
            expression = parse_expression(_REFERENCE.sub(plain, self.text))
        except LatticeError as error:
            message = str(error)
            for (column, place), name in names.items():
                message = message.replace(name, f"{column}@{place}")
            raise LatticeError(message) from None
        return expression, {name: reference for reference, name in names.items()}

    @cached_property
    def references(self) -> tuple[tuple[str, str | None], ...]:
        """Every (quantity, place) it reads."""
        if not self.is_formula:
            return tuple((self.text, place) for place in self.between or (self.at,))
        expression, columns = self._formula
        scalars = sorted(name for name in expression.names if name in _WHOLE)
        return (*columns.values(), *((OLDER.get(name, name), None) for name in scalars))

    @property
    def places(self) -> tuple[str, ...]:
        """Places it names."""
        return tuple(dict.fromkeys(place for _, place in self.references if place is not None))

    @property
    def chromatic(self) -> bool:
        """True when it needs second-order maps."""
        return any(name in CHROMATIC for name, _ in self.references)

    @property
    def of_a_beam(self) -> bool:
        """True when it needs the moments of the beam that the line begins with."""
        return any(name in PLANE_COLUMNS for name, _ in self.references)

    @cached_property
    def kind(self) -> Kind:
        """Tolerance and scale; a formula's are those of what it is made of when these agree."""
        if not self.is_formula:
            return kind_of(self.text)
        kinds = {kind_of(name) for name, _ in self.references}
        if len(kinds) != 1:
            return Kind(1e-6, 0.1)
        kind = kinds.pop()
        return Kind(kind.tolerance, 1.0 if kind.logarithmic else kind.scale)

    def evaluate(self, optics: Optics) -> Array:
        """Value for each lattice of the batch, (batch,), or (batch, rows) of a column over a range."""
        if self.is_formula:
            return self._evaluate_formula(optics)
        if self.between is None:
            return np.atleast_1d(optics.value(self.text, self.at))
        begin, end = range_of(optics, self.between)
        if self.text in MATRIX_COLUMNS or self.text in SECOND_ORDER_COLUMNS:
            return np.atleast_1d(optics.element(self.text, self.between[1], self.between[0]))
        values = source_of(optics, self.text, optics.at_elements).column(self.text)
        if self.text in ADVANCES:
            return np.asarray(values[:, end] - values[:, begin])
        return np.asarray(values[:, begin : end + 1])

    def _evaluate_formula(self, optics: Optics) -> Array:
        expression, columns = self._formula
        values: dict[str, Any] = {**optics.lattice.parameters.values_by_name}
        values |= {name: optics.value(OLDER.get(name, name)) for name in _whole(expression, optics.lattice)}
        values |= {name: optics.value(column, place) for name, (column, place) in columns.items()}
        found = np.atleast_1d(expression.value(values))
        if np.iscomplexobj(found):  # a root or logarithm of what is negative has left the real axis
            found = np.where(np.abs(found.imag) < _COMPLEX_STEP, found, np.nan)
        return np.broadcast_to(found, (optics.lattice.batch or 1,)) if len(found) == 1 else found

    def check(self, owner: str, *, needs_place: bool) -> None:
        """Refuse what cannot be read from any optics, naming the nearest known quantity."""
        if self.is_formula:
            self._check_formula(owner)
            return
        known = (*SCALARS, *TARGET_COLUMNS)
        if self.text not in known:
            told = (*SCALARS, *COLUMNS, *PLANE_COLUMNS, "r11 ... r66", "t111 ... t666")
            hint = did_you_mean(self.text, known) or "."
            raise InputError(f"{owner}: unknown quantity '{self.text}'{hint} Known: {listed(told, 60)}")
        if self.between is not None and (self.at is not None or self.text in SCALARS or not _two_places(self.between)):
            raise InputError(f"{owner}: between takes two places, for a column, and goes without at")
        if self.text in SCALARS and self.at is not None:
            raise InputError(f"{owner}: '{self.text}' belongs to the whole lattice, it takes no place ('{self.at}')")
        if needs_place and self.text in TARGET_COLUMNS and self.at is None and self.between is None:
            raise InputError(f"{owner}: '{self.text}' needs a place, at='element' or 'element:end'")

    def _check_formula(self, owner: str) -> None:
        if self.at is not None or self.between is not None:
            raise InputError(f"{owner}: a formula names its places itself, as in 'betx@a - betx@b'")
        try:
            _, columns = self._formula
        except LatticeError as error:
            raise InputError(f"{owner}: {error}") from None
        for column, place in columns.values():
            if column not in TARGET_COLUMNS:
                raise InputError(
                    f"{owner}: unknown column '{column}' in '{column}@{place}'{did_you_mean(column, TARGET_COLUMNS)}"
                )

    def check_in(self, lattice: Lattice, owner: str) -> None:
        """Refuse places and names that ``lattice`` does not have."""
        for place in self.places:
            if place.lower() != END:
                lattice.index(element_of(place))
        if self.is_formula:
            expression, columns = self._formula
            known = (*lattice.parameters, *_WHOLE, *CONSTANTS, *columns)
            for name in sorted(expression.names):
                if name in TARGET_COLUMNS and name not in lattice.parameters:
                    raise InputError(f"{owner}: '{name}' in '{self.text}' needs a place: {name}@element")
                if name not in known:
                    raise InputError(
                        f"{owner}: '{self.text}' names '{name}', which is neither a quantity nor "
                        f"a parameter of '{lattice.name}'{did_you_mean(name, known)}"
                    )
        if self.between is not None:
            check_range(lattice, self.between)


def _whole(expression: Expression, lattice: Lattice) -> list[str]:
    """Numbers of the whole lattice in a formula; ``length`` is a parameter where the lattice has one of that name."""
    own = {"length"} & set(lattice.parameters)
    return [name for name in expression.names if name in _WHOLE and name not in own]


def _two_places(between: Any) -> bool:
    return isinstance(between, tuple) and len(between) == 2 and all(isinstance(place, str) for place in between)


def check_range(lattice: Lattice, between: tuple[str, str]) -> None:
    """Refuse a range that is empty or runs backwards."""
    if lattice.row(between[0]) >= lattice.row(between[1]):
        raise InputError(
            f"between={between!r} is empty in '{lattice.name}': '{between[0]}' must lie before '{between[1]}'"
        )


def range_of(optics: Optics, between: tuple[str, str]) -> tuple[int, int]:
    """Rows of the two places of a range."""
    check_range(optics.lattice, between)
    return optics.row(between[0]), optics.row(between[1])
