"""What a turn in sections is asked for: where the ring is cut, and the amplitudes that it must hold for."""

from __future__ import annotations

from dataclasses import dataclass

from extraction.spill.sections.kicks import FOURTH


@dataclass(frozen=True)
class Cuts:
    """Where a ring is cut: a turn begins at element ``start``, the ``elements`` are cut in the middle, in order.

    ``terms`` of the kicks there: FOURTH or FIFTH.
    """

    start: int
    elements: tuple[int, ...]
    terms: int = FOURTH


@dataclass(frozen=True)
class Region:
    """Amplitudes the fit must hold for: sqrt of twice the action, ``x`` and ``y`` [m^1/2].

    ``wires``: x [m] of the septum that the particles go to; 0: none is known.
    """

    x: float
    y: float
    wires: float = 0.0
