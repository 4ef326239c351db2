"""What a matching problem is, and how its starting points are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lattice import Lattice
from optics import Limit, Target, Vary, twiss

SEEDS = range(5)
#: What counts as solved, for every code alike: betas relative, the others absolute; limits in parts of themselves.
SOLVED = 1e-4
KEPT = 1e-3


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A matching problem: ``text`` says what and where it is hard.

    Each start is drawn evenly from ``spread`` parts of a parameter around its value in ``lattice``, or over the whole
    bounds where ``spread`` is None.
    """

    name: str
    text: str
    lattice: Lattice
    vary: Sequence[Vary]
    targets: Sequence[Target]
    limits: Sequence[Limit] = ()
    start: Mapping[str, float] | None = None
    spread: float | None = None

    def started(self, seed: int) -> Lattice:
        """The lattice at the starting point of a seed."""
        random = np.random.default_rng([seed, *self.name.encode()])
        values = {}
        for vary in self.vary:
            low, high = vary.bounds
            if self.spread is not None:
                here = float(self.lattice.parameters[vary.name])
                low, high = here - self.spread * abs(here), here + self.spread * abs(here)
            values[vary.name] = float(random.uniform(low, high))
        return self.lattice.with_parameters(values)

    def is_solved_by(self, parameters: Mapping[str, float]) -> bool:
        """True when our Twiss of a solution meets the targets, keeps the limits (at every entrance) and the bounds."""
        inside = all(v.bounds[0] - 1e-9 <= parameters[v.name] <= v.bounds[1] + 1e-9 for v in self.vary)
        batch = {name: np.array([value]) for name, value in parameters.items()}
        optics = twiss(self.lattice.with_parameters(batch), start=self.start)
        met = all(_distance(target, float(target.evaluate(optics)[0])) <= SOLVED for target in self.targets)
        return inside and met and all(_excess(limit, optics) <= KEPT for limit in self.limits)


def _distance(target: Target, value: float) -> float:
    relative = target.quantity in ("betx", "bety")
    return abs(value - target.value) / (target.value if relative else 1.0) if np.isfinite(value) else np.inf


def _excess(limit: Limit, optics: object) -> float:
    values = optics[limit.quantity][0]  # type: ignore[index]
    assert isinstance(limit.upper, float)
    return float(np.max(values) / limit.upper - 1.0) if np.isfinite(values).all() else np.inf


def reached(
    lattice: Lattice, strengths: Mapping[str, float], columns: Sequence[str], at: str, start: Mapping[str, float]
) -> list[Target]:
    """Targets that some strengths are known to reach: the values of their optics at a place."""
    optics = twiss(lattice.with_parameters(strengths), start=start)
    return [Target(column, float(optics.value(column, at)), at=at) for column in columns]
