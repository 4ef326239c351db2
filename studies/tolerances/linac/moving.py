"""How the tolerances of a linac are computed with their assumptions moved: the same linacs, drawn with other errors."""

from __future__ import annotations

from collections.abc import Sequence

from studies.linac.moving import moved_linac
from studies.linac.resolution import ResolvedLinac
from studies.pipeline import Asked, Moving
from studies.tolerances.again import measured_again, of_errors, some_of
from studies.tolerances.linac.facts import Facts
from studies.tolerances.linac.machines import Linacs
from studies.tolerances.linac.spec import LinacTolerancesStudy

Resolved = ResolvedLinac[LinacTolerancesStudy]


def _base(facts: Facts, light: Resolved, _: Sequence[object], asked: Asked) -> Facts:
    linacs = Linacs(light)
    return Facts(linacs, some_of(facts.answer, linacs.measured, asked))


def _again(facts: Facts, resolved: Resolved, _: str, asked: Asked) -> Facts:
    linacs = Linacs(resolved)
    return Facts(linacs, measured_again(facts.answer, linacs.measured, asked))


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Errors move all but the yield of their budget."""
    return of_errors(names) if key.startswith(("tolerance.", "tolerances.")) else names


MOVING: Moving[Resolved, Facts] = Moving(moved=moved_linac, touched=_touched, base=_base, again=_again)
