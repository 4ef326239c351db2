"""The vocabulary of studies: every quantity with its unit, symbol and meaning, in one place.

A quantity is written ``qx``, ``betx@symp`` (at the entrance of an element; ``symp:end`` is its exit),
``max_betx`` / ``min_dx`` (over the whole lattice, inside elements too), ``residual_betx`` (our value against
Xsuite's), ``kf`` of the parameters as ``parameter.kf`` and ``match.qx`` for what a match left over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class QuantityKind:
    """One entry of the vocabulary: ``key``, SI-based ``unit`` ("" for a pure number), ``symbol``, ``text``."""

    key: str
    unit: str
    symbol: str
    text: str


def _kinds(*rows: tuple[str, str, str, str]) -> dict[str, QuantityKind]:
    return {row[0]: QuantityKind(*row) for row in rows}


#: One number a lattice.
SCALARS = _kinds(
    ("qx", "", "Qx", "horizontal tune"),
    ("qy", "", "Qy", "vertical tune"),
    ("dqx", "", "Q'x", "horizontal chromaticity dQx/d(dp/p)"),
    ("dqy", "", "Q'y", "vertical chromaticity dQy/d(dp/p)"),
    ("tune_distance", "", "Qx - n/3", "distance of the horizontal tune from the nearest third of an integer"),
    ("momentum_compaction", "", "alpha_p", "momentum compaction factor"),
    ("gamma_transition", "", "gamma_tr", "transition energy over rest energy"),
    ("length", "m", "C", "length of the reference orbit"),
    ("clearance_x", "m", "clearance x", "least horizontal distance between the beam envelope and the aperture"),
    ("clearance_y", "m", "clearance y", "least vertical distance between the beam envelope and the aperture"),
    ("max_gradient", "T/m", "G max", "largest quadrupole gradient at this rigidity"),
    ("max_bend_field", "T", "B max", "largest dipole field at this rigidity"),
)

#: Functions of s: a number at each place.
COLUMNS = _kinds(
    ("betx", "m", "betx", "horizontal beta function"),
    ("bety", "m", "bety", "vertical beta function"),
    ("alfx", "", "alfx", "horizontal alpha function"),
    ("alfy", "", "alfy", "vertical alpha function"),
    ("mux", "", "mux", "horizontal phase advance from the start, in turns"),
    ("muy", "", "muy", "vertical phase advance from the start, in turns"),
    ("dx", "m", "Dx", "horizontal dispersion per dp/p"),
    ("dpx", "", "D'x", "slope of the horizontal dispersion per dp/p"),
    ("dy", "m", "Dy", "vertical dispersion per dp/p"),
    ("dpy", "", "D'y", "slope of the vertical dispersion per dp/p"),
    ("x", "m", "x", "horizontal closed orbit"),
    ("px", "", "px", "horizontal slope of the closed orbit"),
    ("y", "m", "y", "vertical closed orbit"),
    ("py", "", "py", "vertical slope of the closed orbit"),
)

#: What the comparison with Xsuite leaves over. The betas are compared relatively.
RESIDUALS = _kinds(
    *((f"residual_{key}", "", f"|d {kind.symbol}|", f"{kind.text}: |ours - Xsuite|")
      for key, kind in SCALARS.items() if key in ("qx", "qy", "dqx", "dqy", "momentum_compaction")),
    *((f"residual_{key}", "", f"|d {kind.symbol}| / {kind.symbol}", f"{kind.text}: largest |ours - Xsuite| / Xsuite")
      for key, kind in COLUMNS.items() if key in ("betx", "bety")),
    *((f"residual_{key}", kind.unit, f"|d {kind.symbol}|", f"{kind.text}: largest |ours - Xsuite|")
      for key, kind in COLUMNS.items() if key not in ("betx", "bety")),
)  # fmt: skip


@dataclass(frozen=True)
class QuantityName:
    """A quantity as asked for: ``form`` is "scalar", "at", "max", "min" or "residual"."""

    form: str
    base: str
    place: str | None
    kind: QuantityKind

    @property
    def full(self) -> str:
        """The name as written in results: ``betx@symp``, ``max_betx``, ``qx``."""
        return f"{self.base}@{self.place}" if self.place else self.kind.key


def quantity_named(name: str, at: str | None = None) -> QuantityName:
    """Parse a quantity's name; ValueError says what is wrong and suggests the nearest."""
    base, _, place = name.strip().lower().partition("@")
    if place and at:
        raise ValueError(f"'{name}' names a place already: leave out at = '{at}'")
    place = place or (at or "").strip().lower()
    if base in SCALARS or base in RESIDUALS:
        return _placeless(base, place)
    prefix, _, column = base.partition("_")
    if prefix in ("max", "min") and column in COLUMNS:
        return _extreme(prefix, column, place)
    if base in COLUMNS:
        return _local(base, place)
    raise ValueError(f"unknown quantity '{name}'{nearest(base, all_names()) or '.'} Known: {vocabulary()}")


def _placeless(base: str, place: str) -> QuantityName:
    if place:
        raise ValueError(f"'{base}' is one number for the whole lattice: it takes no place ('{place}')")
    kind = SCALARS.get(base) or RESIDUALS[base]
    return QuantityName("scalar" if base in SCALARS else "residual", base, None, kind)


def _extreme(prefix: str, column: str, place: str) -> QuantityName:
    if place:
        raise ValueError(f"'{prefix}_{column}' is taken over the whole lattice: write {column} for a place ('{place}')")
    kind, word = COLUMNS[column], "largest" if prefix == "max" else "least"
    key = f"{prefix}_{column}"
    text = f"{word} {kind.text}"
    return QuantityName(prefix, column, None, QuantityKind(key, kind.unit, f"{prefix} {kind.symbol}", text))


def _local(column: str, place: str) -> QuantityName:
    if not place:
        raise ValueError(
            f"'{column}' varies along the lattice: give a place ({column}@NAME), max_{column} or min_{column}"
        )
    kind = COLUMNS[column]
    return QuantityName("at", column, place, QuantityKind(column, kind.unit, f"{kind.symbol} at {place}", kind.text))


def all_names() -> tuple[str, ...]:
    """Every name the vocabulary knows (places are written ``betx@NAME``)."""
    columns = [name for key in COLUMNS for name in (f"{key}@NAME", f"max_{key}", f"min_{key}")]
    return (*SCALARS, *columns, *RESIDUALS)


def vocabulary() -> str:
    """The names in one line for messages."""
    columns = f"betx@NAME, max_betx and min_betx (so too {', '.join(key for key in COLUMNS if key != 'betx')})"
    return f"{', '.join(SCALARS)}; {columns}; residual_betx (so too for what Xsuite is compared in)"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, else ``""`` (no lattice code needed)."""
    found = get_close_matches(name.lower(), [entry.replace("@NAME", "") for entry in known], n=1, cutoff=0.6)
    return f"; did you mean '{found[0]}'?" if found else ""


#: Units a requirement may be written in, as factors of the vocabulary's own unit.
UNIT_FACTORS: dict[str, dict[str, float]] = {
    "": {"": 1.0, "1": 1.0, "-": 1.0, "rad": 1.0, "mrad": 1e-3, "%": 1e-2},
    "m": {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6},
    "T/m": {"T/m": 1.0},
    "T": {"T": 1.0, "mT": 1e-3},
}


def unit_factor(name: QuantityName, unit: str) -> float:
    """Size of ``unit`` in the quantity's own unit (mm: 1e-3 of m); ValueError lists the units that fit."""
    factors = UNIT_FACTORS[name.kind.unit]
    if unit not in factors:
        allowed = ", ".join(repr(known) for known in factors)
        raise ValueError(f"unit '{unit}' does not fit {name.full}: expected one of {allowed}")
    return factors[unit]
