"""Ranges of axes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from studies.charts.style import short


def whole_range(values: Iterable[float]) -> list[float]:
    """A range that holds all values, with room at both ends."""
    found = np.asarray(list(values))
    low, high = float(found.min()), float(found.max())
    room = 0.05 * (high - low or abs(high) or 1.0)
    return [short(low - room), short(high + room)]
