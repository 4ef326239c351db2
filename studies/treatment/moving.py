"""How a comparison of machines is computed with its assumptions moved."""

from __future__ import annotations

from dataclasses import replace

from studies.pipeline import Asked, Moving
from studies.spec.assumption import AssumptionSpec
from studies.spec.moving import moved_study
from studies.spec.resolution import Resolved
from studies.treatment.facts import ComparisonFacts, gather_again
from studies.treatment.spec import SwitchingComparisonStudy

#: Keys by which ring and linac are computed.
_OF_MACHINES = ("synchrotron.settings.", "linac.settings.", "linac.tracked_particles")


def _moved(
    resolved: Resolved[SwitchingComparisonStudy], assumption: AssumptionSpec, sign: float
) -> Resolved[SwitchingComparisonStudy]:
    def move(value: float) -> float:
        return float(assumption.moved(value, sign))

    return replace(resolved, study=moved_study(resolved.study, assumption.key, move))


def _again(
    facts: ComparisonFacts, resolved: Resolved[SwitchingComparisonStudy], key: str, _: Asked
) -> ComparisonFacts | None:
    """Ring and linac are kept where the key is none of theirs."""
    return None if key.startswith(_OF_MACHINES) else gather_again(facts, resolved)


MOVING: Moving[Resolved[SwitchingComparisonStudy], ComparisonFacts] = Moving(
    moved=_moved, base=lambda facts, light, moved, asked: facts, again=_again
)
