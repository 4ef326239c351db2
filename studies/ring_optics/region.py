"""Where a match's solution stands: the region around it in which all requirements hold together, from a scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lattice import LatticeError
from optics.matching.matching import MatchResult
from optics.matching.targets import Vary
from studies.results import FigureData
from studies.ring_optics.facts import Facts
from studies.scan.cases import Axis, Plan, planned, rows
from studies.scan.figures import classes_of, region
from studies.scan.picks import chosen_cases, picked_optics
from studies.spec.schema import OpticsStudy

_CASES = 41  # along each axis
_REACH = 0.1  # of a parameter without bounds, to either side
_ROOM = 1.0  # around the cases that pass, in parts of their extent
_SMALLEST = 0.02  # of the first width


def match_region(facts: Facts, matched: MatchResult) -> Iterator[FigureData]:
    """The plane of the two leading parameters, its cases judged by every requirement that a scan gives."""
    made = _plan(facts, matched)
    if made is None or not made.judged:
        return
    try:
        made = _narrowed(made, matched)
        table = _table(made)
    except LatticeError:  # bounds may hold lengths below 0, which no grid can go through
        return
    classes = classes_of(made.judged, table)
    chosen = chosen_cases(made, table, classes)
    names = [axis.name for axis in made.axes]
    others = [vary.label for vary in matched.vary if vary.name not in names]
    held = f" ({', '.join(others)} as matched)" if others else ""
    drawn = region(made, table, classes, chosen, "match-region", "match-region-optics")
    caption = f"Around the outcome of the match, in the plane of {names[0]} and {names[1]}{held}. {drawn.caption}"
    yield replace(drawn, title="Where all requirements hold", caption=caption)
    if len(chosen):
        yield picked_optics(made, table, chosen, "match-region-optics", "the figure above")


def _plan(facts: Facts, matched: MatchResult) -> Plan | None:
    """The scan over the bounds of the two parameters that move the targets most; None for lines and single knobs."""
    study = facts.resolved.study
    design = facts.optics.lattice
    free = [vary for vary in matched.vary if vary.name in design.parameters and not vary.tied and vary.case is None]
    if not facts.optics.periodic or len(free) < 2 or not isinstance(study, OpticsStudy):
        return None
    axes = [_axis(vary, matched.parameters[vary.label]) for vary in _leading(free, matched)]
    return planned(study, facts.resolved, design, axes)


def _leading(free: Sequence[Vary], matched: MatchResult) -> list[Vary]:
    """The two parameters with the largest share in the targets, in the order of the match."""
    changes = np.abs(matched.diagnosis.changes)
    shares = (changes / np.maximum(changes.max(axis=1, keepdims=True), 1e-300)).sum(axis=0)
    share = dict(zip(matched.diagnosis.knobs, shares, strict=True))
    best = sorted(free, key=lambda vary: -share[vary.label])[:2]
    return [vary for vary in free if vary in best]


def _axis(vary: Vary, at: float) -> Axis:
    reach = _REACH * abs(at) or _REACH
    lower = at - reach if vary.lower is None else vary.lower
    upper = at + reach if vary.upper is None else vary.upper
    return Axis(vary.name, lower, upper, _CASES)


def _table(made: Plan) -> pd.DataFrame:
    return pd.concat(rows(made, 0, 1, lambda _: None), ignore_index=True)


def _narrowed(made: Plan, matched: MatchResult) -> Plan:
    """The same within the smallest frame around the best cases and the outcome, with room around it."""
    judged = tuple(requirement for requirement in made.judged if requirement.quantity in made.names)
    table = _table(replace(made, extra=(), judged=judged))
    best = table[classes_of(judged, table) == 0]
    axes = [_closer(axis, [*best[axis.name], matched.parameters[axis.name]]) for axis in made.axes]
    return planned(made.study, made.resolved, made.design, axes)


def _closer(axis: Axis, values: Sequence[float]) -> Axis:
    width = axis.upper - axis.lower
    low, high = min(values), max(values)
    extent = max(high - low, width / (_CASES - 1), _SMALLEST * width)
    return replace(axis, lower=max(axis.lower, low - _ROOM * extent), upper=min(axis.upper, high + _ROOM * extent))
