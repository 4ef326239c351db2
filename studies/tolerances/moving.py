"""How the tolerances of a ring are computed with their assumptions moved: the same machines with other errors."""

from __future__ import annotations

from collections.abc import Sequence

from studies.pipeline import Asked, Moving
from studies.spec.moving import movable, moved_ring
from studies.spec.resolution import Resolved
from studies.tolerances.again import BUDGET, measured_again, of_errors, some_of
from studies.tolerances.facts import Facts
from studies.tolerances.machines import ROOMS, Ring
from studies.tolerances.spec import TolerancesStudy

_OF_ROOM = (*ROOMS, "yield_all", BUDGET)


def _lighter(resolved: Resolved[TolerancesStudy]) -> Resolved[TolerancesStudy]:
    return movable(resolved, resolved.study.assumption)


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Beams and walls move the room of the beams, and with it the share of machines that keep all; errors all but that
    of the budget."""
    if key.startswith("tolerances."):
        return of_errors(names)
    if key.startswith(("beams.", "apertures.")):
        return tuple(name for name in names if name in _OF_ROOM)
    return names


def _base(facts: Facts, light: Resolved[TolerancesStudy], _: Sequence[object], asked: Asked) -> Facts:
    ring = Ring(light)
    return Facts(ring, some_of(facts.answer, ring.measured, asked))


def _again(facts: Facts, resolved: Resolved[TolerancesStudy], _: str, asked: Asked) -> Facts:
    ring = Ring(resolved)
    return Facts(ring, measured_again(facts.answer, ring.measured, asked))


MOVING: Moving[Resolved[TolerancesStudy], Facts] = Moving(
    moved=moved_ring, lighter=_lighter, touched=_touched, base=_base, again=_again
)
