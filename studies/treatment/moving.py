"""How a comparison of machines is computed with its assumptions moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from lattice import InputError
from studies.pipeline import Asked, Moving
from studies.spec.assumption import AssumptionSpec
from studies.spec.moving import moved_study
from studies.spec.resolution import Resolved
from studies.treatment.facts import LINAC, RING, ComparisonFacts, gather_again
from studies.treatment.lines import ComputedLine
from studies.treatment.spec import SwitchingComparisonStudy

#: Keys by which ring and linac are computed.
_OF_MACHINES = ("synchrotron.settings.", "linac.settings.", "linac.tracked_particles")
#: Keys of what the line behind a machine gives, and what each moves.
_OF_LINES = {f"{place}.line.{part}": (place, part) for place in (RING, LINAC) for part in ("sizes", "arriving")}


@dataclass(frozen=True)
class MovedComparison(Resolved[SwitchingComparisonStudy]):
    """A resolved study with what its lines give moved: an ``assumption`` on it, by ``sign``."""

    assumption: AssumptionSpec | None = None
    sign: float = 0.0

    def moved_lines(self, lines: Mapping[str, ComputedLine]) -> dict[str, ComputedLine]:
        """Lines whose spots in vacuum, or the part that arrives (at most all), are other ones."""
        if self.assumption is None:
            return dict(lines)
        place, part = _OF_LINES[self.assumption.key]
        return {name: self._moved(line, part) if name == place else line for name, line in lines.items()}

    def _moved(self, line: ComputedLine, part: str) -> ComputedLine:
        assert self.assumption is not None
        values = self.assumption.moved(getattr(line, part), self.sign)
        return replace(line, **{part: np.minimum(values, 1.0) if part == "arriving" else values})


def _moved(
    resolved: Resolved[SwitchingComparisonStudy], assumption: AssumptionSpec, sign: float
) -> Resolved[SwitchingComparisonStudy]:
    def move(value: float) -> float:
        return float(assumption.moved(value, sign))

    if assumption.key in _OF_LINES:
        return _with_line(resolved, assumption, sign)
    return replace(resolved, study=moved_study(resolved.study, assumption.key, move))


def _with_line(
    resolved: Resolved[SwitchingComparisonStudy], assumption: AssumptionSpec, sign: float
) -> MovedComparison:
    """InputError where no line stands behind the machine."""
    place = _OF_LINES[assumption.key][0]
    spec = resolved.study.synchrotron if place == RING else resolved.study.linac
    if spec is None or spec.delivery is None:
        raise InputError(f"assumption '{assumption.key}': {place}.delivery names no line whose spots could be moved")
    known = {one.name: getattr(resolved, one.name) for one in fields(Resolved)}
    return MovedComparison(**known, assumption=assumption, sign=sign)


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Spots take no time, and what arrives makes no spot."""
    if key not in _OF_LINES:
        return names
    sizes = _OF_LINES[key][1] == "sizes"
    return tuple(name for name in names if (name == "worst_spot" if sizes else name.startswith("treatment_time")))


def _again(
    facts: ComparisonFacts, resolved: Resolved[SwitchingComparisonStudy], key: str, _: Asked
) -> ComparisonFacts | None:
    """Ring and linac are kept where the key is none of theirs."""
    if isinstance(resolved, MovedComparison):
        machines = replace(facts.machines, lines=resolved.moved_lines(facts.machines.lines))
        return gather_again(replace(facts, machines=machines), resolved)
    return None if key.startswith(_OF_MACHINES) else gather_again(facts, resolved)


MOVING: Moving[Resolved[SwitchingComparisonStudy], ComparisonFacts] = Moving(
    moved=_moved, touched=_touched, base=lambda facts, light, moved, asked: facts, again=_again
)
