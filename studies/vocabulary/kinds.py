"""One entry of the vocabulary, and groups of them."""

from __future__ import annotations

from dataclasses import dataclass

from studies.vocabulary.units import UNIT_FACTORS

HORIZONTAL, VERTICAL, DISPERSION, LONGITUDINAL = "horizontal", "vertical", "dispersion", "longitudinal"


@dataclass(frozen=True)
class QuantityKind:
    """One quantity: ``key``, SI-based ``unit`` ("1" for a pure number), ``symbol``, ``text``.

    ``shown`` is the unit that people read it in ("" for its own), ``plane`` what its colour stands for ("" for none).
    """

    key: str
    unit: str
    symbol: str
    text: str
    shown: str = ""
    plane: str = ""

    @property
    def scale(self) -> float:
        """Factor from its own unit to the one that people read it in."""
        return 1.0 / UNIT_FACTORS[self.unit][self.shown or self.unit]

    @property
    def heading(self) -> str:
        """Symbol with the unit that people read, for an axis or a column: ``betx [m]``."""
        return f"{self.symbol} [{self.shown or self.unit}]"


def kinds(*rows: tuple[str, ...]) -> dict[str, QuantityKind]:
    """Entries by their key; a row holds the fields of ``QuantityKind`` in order."""
    return {row[0]: QuantityKind(*row) for row in rows}
