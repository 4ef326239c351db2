"""How energy switching is computed with its assumptions moved."""

from __future__ import annotations

from studies.energy_switching.facts import SwitchingFacts, with_cycles
from studies.energy_switching.spec import EnergySwitchingStudy
from studies.pipeline import Asked, Moving
from studies.spec.moving import movable, moved_ring
from studies.spec.resolution import Resolved

#: Tables of the study that the programme of the strengths does not depend on.
_OF_CYCLES = ("circuit", "cycle", "rf", "steps")
_OF_OPTICS = ("programme_tune_error", "programme_dispersion_error", "programme_hardt_residual")


def _lighter(resolved: Resolved[EnergySwitchingStudy]) -> Resolved[EnergySwitchingStudy]:
    return movable(resolved, resolved.study.assumption)


def _of_cycles(key: str) -> bool:
    return key.partition(".")[0] in _OF_CYCLES


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Circuits, cycles and cavity move no optics."""
    return tuple(name for name in names if name not in _OF_OPTICS) if _of_cycles(key) else names


def _again(
    facts: SwitchingFacts, resolved: Resolved[EnergySwitchingStudy], key: str, _: Asked
) -> SwitchingFacts | None:
    """The programme is kept where the key is not of it."""
    return with_cycles(facts, resolved) if _of_cycles(key) else None


MOVING: Moving[Resolved[EnergySwitchingStudy], SwitchingFacts] = Moving(
    moved=moved_ring,
    lighter=_lighter,
    touched=_touched,
    base=lambda facts, light, moved, asked: facts,
    again=_again,
)
