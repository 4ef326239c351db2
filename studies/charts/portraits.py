"""Phase-space portraits of the extraction in the units of their axes: mm and mrad, or mm^1/2."""

from __future__ import annotations

from collections.abc import Iterable

from extraction.resonance.lines import Lines, Separatrices
from studies.charts.phase_space import Frame, Portrait

_MILLI = 1e3
_ROOT = 1e3**0.5  # m^1/2 in mm^1/2


def frames(found: Iterable[Separatrices]) -> list[Frame]:
    """A frame for every momentum."""
    return [
        Frame(f"dp/p = {one.delta:.3g}", _portrait(one.physical, _MILLI), _portrait(one.normalised, _ROOT))
        for one in found
    ]


def _portrait(lines: Lines, scale: float) -> Portrait:
    return Portrait(
        arms=[arm * scale for arm in lines.arms],
        sides=[side * scale for side in lines.sides],
        points=lines.points * scale,
        leading_arms=[line * scale for line in lines.leading_arms],
        leading_points=lines.leading_points * scale,
        turns=lines.turns * scale,
        wall=(lines.wall[0] * scale, lines.wall[1] * scale) if lines.wall else None,
    )
