"""Names of quantities as studies and messages write them: ``qx``, ``betx@symp``, ``max_betx``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from studies.vocabulary.delivery import DELIVERY
from studies.vocabulary.extraction import EXTRACTION
from studies.vocabulary.kinds import QuantityKind
from studies.vocabulary.linac import LINAC
from studies.vocabulary.ring import COLUMNS, IMPERFECTIONS, SCALARS
from studies.vocabulary.spill import SPILL
from studies.vocabulary.switching import SWITCHING
from studies.vocabulary.tolerances import LINAC_TOLERANCES, LINE_TOLERANCES, TOLERANCES, YIELDS
from studies.vocabulary.units import factor_of

#: Every quantity that is one number.
NUMBERS = {
    **{**SCALARS, **IMPERFECTIONS, **EXTRACTION, **SPILL, **LINAC, **SWITCHING, **DELIVERY},
    **{**TOLERANCES, **LINAC_TOLERANCES, **LINE_TOLERANCES, **YIELDS},
}

#: Groups of the vocabulary and the studies (words of their ``study`` key) that compute them.
GROUPS: tuple[tuple[dict[str, QuantityKind], tuple[str, ...]], ...] = (
    (EXTRACTION, ("extraction",)),
    (SPILL, ("extraction",)),
    (LINAC, ("linac-optics", "linac-energy-switching")),
    (SWITCHING, ("energy-switching", "switching-comparison")),
    (DELIVERY, ("delivery",)),
    (IMPERFECTIONS, ("optics", "tolerances")),
    (TOLERANCES, ("tolerances",)),
    (LINAC_TOLERANCES, ("linac-tolerances",)),
    (LINE_TOLERANCES, ("line-tolerances",)),
    (YIELDS, ("tolerances", "linac-tolerances", "line-tolerances")),
    (SCALARS, ("optics", "extraction")),
    (COLUMNS, ("optics", "extraction")),
)
#: Names that begin like this, and these, are of the program: its engines beside each other, its models beside what is
#: published.
_RESIDUAL = "residual_"
_CHECKS = frozenset({"spill_agreement_xsuite", "timing_checks_missed"})
#: Of a length or a gradient, which linacs share with rings; of trajectories and room, which lines share with both.
_LINACS, _LINES = ("linac-optics", "linac-energy-switching"), ("line-tolerances",)
_SHARED = {
    **dict.fromkeys(("length", "max_gradient"), _LINACS),
    **dict.fromkeys(("trajectory_x", "trajectory_y", "clearance_errors", "corrector_kick"), _LINES),
}


def words_of(name: str) -> tuple[str, ...]:
    """Words of the studies that compute a quantity; ValueError for one that the vocabulary lacks."""
    asked = quantity_named(name if "@" in name or name not in COLUMNS else f"max_{name}")
    found = next(words for group, words in GROUPS if asked.base in group)
    return (*found, *_SHARED.get(asked.base, ()))


def checks_program(name: str) -> bool:
    """True for a quantity that says how well the toolkit computes, and nothing of the machine."""
    base = name.strip().lower()
    return base.startswith(_RESIDUAL) or base in _CHECKS


def computed_by(name: str) -> str:
    """The studies that compute a quantity, as messages say it: ``study = "extraction"``."""
    words = " or ".join(f'"{word}"' for word in words_of(name))
    return f"study = {words}"


@dataclass(frozen=True)
class QuantityName:
    """A quantity as asked for: ``form`` is "scalar", "at", "max" or "min"."""

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
    if base in NUMBERS:
        return _placeless(base, place)
    prefix, _, column = base.partition("_")
    if prefix in ("max", "min") and column in COLUMNS:
        return _extreme(prefix, column, place)
    if base in COLUMNS:
        return _local(base, place)
    raise ValueError(f"unknown quantity '{name}'{nearest(base, all_names(), 5) or '.'} docs/quantities.md lists them")


def _placeless(base: str, place: str) -> QuantityName:
    if place:
        raise ValueError(f"'{base}' is one number for the whole lattice: it takes no place ('{place}')")
    return QuantityName("scalar", base, None, NUMBERS[base])


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
    return (*NUMBERS, *columns)


def nearest(name: str, known: Iterable[str], most: int = 1) -> str:
    """Return ``"; did you mean 'x' or 'y'?"`` for the nearest known names, else ``""`` (no lattice code needed)."""
    found = get_close_matches(name.lower(), [entry.replace("@NAME", "") for entry in known], n=most, cutoff=0.6)
    quoted = [f"'{one}'" for one in dict.fromkeys(found)]
    *others, last = quoted or [""]
    return f"; did you mean {', '.join(others)}{' or ' if others else ''}{last}?" if found else ""


def unit_factor(name: QuantityName, unit: str) -> float:
    """Size of ``unit`` in the quantity's own unit (mm: 1e-3 of m); ValueError lists the units that fit."""
    return factor_of(unit, name.kind.unit, name.full)
