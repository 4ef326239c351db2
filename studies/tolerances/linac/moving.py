"""How the tolerances of a linac are computed with their assumptions moved: the same linacs, drawn with other errors."""

from __future__ import annotations

from studies.linac.moving import moved_linac
from studies.linac.resolution import ResolvedLinac
from studies.pipeline import Moving
from studies.tolerances.again import of_errors
from studies.tolerances.cases import moved_again
from studies.tolerances.linac.facts import Facts
from studies.tolerances.linac.machines import Linacs
from studies.tolerances.linac.spec import LinacTolerancesStudy

Resolved = ResolvedLinac[LinacTolerancesStudy]


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Errors move all but the yield of their budget."""
    return of_errors(names) if key.startswith(("tolerance.", "tolerances.")) else names


_BASE, _AGAIN = moved_again(Linacs, lambda facts: facts.answer, lambda resolved, found: Facts(Linacs(resolved), found))

MOVING: Moving[Resolved, Facts] = Moving(moved=moved_linac, touched=_touched, base=_BASE, again=_AGAIN)
