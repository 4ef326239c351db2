"""How the optics study is computed with its assumptions moved."""

from __future__ import annotations

from dataclasses import replace

from studies.pipeline import Moving
from studies.ring_optics.spec import OpticsStudy
from studies.spec.moving import moved_ring
from studies.spec.resolution import Resolved
from studies.vocabulary import IMPERFECTIONS

#: Machines with errors that a move is told from: the same seeds on either side of it.
_MACHINES = 16


def _lighter(resolved: Resolved[OpticsStudy]) -> Resolved[OpticsStudy]:
    spec = resolved.study.imperfections
    if spec is None:
        return resolved
    fewer = spec.model_copy(update={"machines": min(spec.machines, _MACHINES)})
    return replace(resolved, study=resolved.study.model_copy(update={"imperfections": fewer}))


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Errors of the machines move what their orbits and optics are; they alone are worth so many machines."""
    of_errors = key.startswith("imperfections.")
    return tuple(name for name in names if (name in IMPERFECTIONS) == of_errors)


MOVING: Moving[Resolved[OpticsStudy]] = Moving(moved_ring, _lighter, _touched)
