"""A constraint of a search, and why a case need not be computed whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from lattice import InputError

#: What the status of a case begins with that breaks a cheap constraint.
PASSED_OVER = "not computed"


@dataclass(frozen=True)
class Constraint:
    """Limits on a ``quantity`` in its own unit; ``id`` of the requirement that it is, or its own words."""

    id: str
    quantity: str
    lower: float
    upper: float

    @property
    def scale(self) -> float:
        """The size that counts as one: of the limits, or 1 where they are 0."""
        finite = [abs(limit) for limit in (self.lower, self.upper) if np.isfinite(limit) and limit != 0.0]
        return max(finite, default=1.0)


def check_together(limits: Sequence[Constraint]) -> None:
    """InputError for two limits on one quantity that no machine can keep both."""
    for first, second in combinations(limits, 2):
        if first.quantity == second.quantity and max(first.lower, second.lower) > min(first.upper, second.upper):
            raise InputError(
                f"search: no machine can keep both {first.id} and {second.id}, two limits on {first.quantity}: change "
                "one of them"
            )


def why_broken(limits: Iterable[Constraint], row: Mapping[Any, Any]) -> str:
    """Which limit the values of a case break, as its status says it; "" where none is known to be."""
    for one in limits:
        value = float(row[one.quantity])
        if np.isfinite(value) and not one.lower <= value <= one.upper:
            return f"{PASSED_OVER}: {one.quantity} = {value:.6g} breaks {one.id}"
    return ""
