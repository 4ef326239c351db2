"""How the tolerances of a line are computed with their assumptions moved: the same lines, drawn with other errors."""

from __future__ import annotations

from dataclasses import replace

from studies.pipeline import Moving
from studies.spec.assumption import AssumptionSpec
from studies.spec.moving import OF_LATTICES, movable_lattice, moved_lattice, moved_study
from studies.tolerances.again import BUDGET, of_errors
from studies.tolerances.cases import moved_again
from studies.tolerances.line.facts import Facts
from studies.tolerances.line.machines import ROOM, Lines
from studies.tolerances.line.resolution import ResolvedLine

_OF_ROOM = (ROOM, "yield_all", BUDGET)


def _moved(resolved: ResolvedLine, assumption: AssumptionSpec, sign: float) -> ResolvedLine:
    """InputError for a key that neither study nor line has."""
    if assumption.key.partition(".")[0] in OF_LATTICES:
        return replace(resolved, line=moved_lattice(resolved.line, assumption, sign))

    def move(value: float) -> float:
        return float(assumption.moved(value, sign))

    return replace(resolved, study=moved_study(resolved.study, assumption.key, move))


def _lighter(resolved: ResolvedLine) -> ResolvedLine:
    return replace(resolved, line=movable_lattice(resolved.line, resolved.study.assumption))


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Walls move the room of the beam, and with it the share of lines that keep all; errors all but the budget's."""
    if key.startswith("tolerances."):
        return of_errors(names)
    return tuple(name for name in names if name in _OF_ROOM) if key.startswith("apertures.") else names


_BASE, _AGAIN = moved_again(Lines, lambda facts: facts.answer, lambda resolved, found: Facts(Lines(resolved), found))

MOVING: Moving[ResolvedLine, Facts] = Moving(moved=_moved, lighter=_lighter, touched=_touched, base=_BASE, again=_AGAIN)
