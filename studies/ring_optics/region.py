"""Where a match's solution stands: the region around it in which all requirements hold together, from a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lattice import LatticeError
from optics import Optics
from optics.matching.matching import MatchResult
from optics.matching.targets import Vary
from studies.ring_optics.spec import OpticsStudy
from studies.runs.logs import LOGGER
from studies.scan.blocks import blocks
from studies.scan.counting import PASSES, classes_of
from studies.scan.facts import ScanFacts, gather_scan
from studies.scan.plan import Axis, Plan, planned
from studies.spec.resolution import Resolved

_CASES = 41  # along each axis
_REACH = 0.1  # of a parameter without bounds, to either side
_ROOM = 1.0  # around the cases that pass, in parts of their extent
_SMALLEST = 0.02  # of the first width


@dataclass(frozen=True, eq=False)
class MatchRegion:
    """The ``scan`` over the plane of the two leading parameters; ``held`` are the matched ones that stay."""

    scan: ScanFacts
    held: tuple[str, ...]


def match_region(resolved: Resolved[OpticsStudy], optics: Optics, matched: MatchResult | None) -> MatchRegion | None:
    """The plane of the two leading parameters, its cases judged by every requirement that a scan gives.

    None without a match of at least two single parameters, for lines, and where nothing is judged.
    """
    made = _plan(resolved, optics, matched) if matched is not None else None
    if matched is None or made is None or not made.judged:
        return None
    LOGGER.info("region around the match over %s", " and ".join(axis.name for axis in made.axes))
    try:
        made = _narrowed(made, matched)
        table = _table(made)
    except LatticeError:  # bounds may hold lengths below 0, which no grid can go through
        return None
    names = [axis.name for axis in made.axes]
    held = tuple(vary.label for vary in matched.vary if vary.name not in names)
    return MatchRegion(gather_scan(made, classes_of(made.judged, table), lambda cases: table.loc[cases]), held)


def _plan(resolved: Resolved[OpticsStudy], optics: Optics, matched: MatchResult) -> Plan | None:
    """The scan over the bounds of the two parameters that move the targets most; None for lines and single knobs."""
    study, design = resolved.study, optics.lattice
    free = [vary for vary in matched.vary if vary.name in design.parameters and not vary.tied and vary.case is None]
    if not optics.periodic or len(free) < 2:
        return None
    axes = [_axis(vary, matched.parameters[vary.label]) for vary in _leading(free, matched)]
    return planned(study, resolved, design, axes)


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
    return pd.concat([table for _, table in blocks(made, np.arange(made.number))], ignore_index=True)


def _narrowed(made: Plan, matched: MatchResult) -> Plan:
    """The same within the smallest frame around the best cases and the outcome, with room around it."""
    judged = tuple(requirement for requirement in made.judged if requirement.quantity in made.names)
    table = _table(replace(made, extra=(), judged=judged))
    best = table[classes_of(judged, table) == PASSES]
    axes = [_closer(axis, [*best[axis.name], matched.parameters[axis.name]]) for axis in made.axes]
    return planned(made.study, made.resolved, made.design, axes)


def _closer(axis: Axis, values: Sequence[float]) -> Axis:
    width = axis.upper - axis.lower
    low, high = min(values), max(values)
    extent = max(high - low, width / (_CASES - 1), _SMALLEST * width)
    return replace(axis, lower=max(axis.lower, low - _ROOM * extent), upper=min(axis.upper, high + _ROOM * extent))
