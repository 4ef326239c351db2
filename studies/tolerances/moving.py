"""How the tolerances of a ring are computed with their assumptions moved: the same machines with other errors."""

from __future__ import annotations

from studies.pipeline import Moving
from studies.spec.moving import movable, moved_ring
from studies.spec.resolution import Resolved
from studies.tolerances.again import BUDGET, of_errors
from studies.tolerances.cases import moved_again
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


_BASE, _AGAIN = moved_again(Ring, lambda facts: facts.answer, lambda resolved, found: Facts(Ring(resolved), found))

MOVING: Moving[Resolved[TolerancesStudy], Facts] = Moving(
    moved=moved_ring, lighter=_lighter, touched=_touched, base=_BASE, again=_AGAIN
)
