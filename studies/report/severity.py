"""How serious a verdict is: what failed, what could not be judged, then what passed by the least margin."""

from __future__ import annotations

from math import inf

from machines.requirements import FAIL, NOT_EVALUATED, PASS, Verdict
from studies.vocabulary import quantity_named, unit_factor
from studies.vocabulary.sizes import SIZES

_ORDER = {FAIL: 0, NOT_EVALUATED: 1, PASS: 2}
_ERRORS = 10.0  # a margin of so many errors counts as one of the size of the quantity


def has_margin(verdict: Verdict) -> bool:
    """Whether its margin says anything: of what must be none, and is none exactly, it does not."""
    return verdict.margin is not None and not (verdict.margin == 0 == verdict.value and not verdict.error)


def severity(verdict: Verdict) -> tuple[int, float, str]:
    """To sort by, the most serious first.

    Margins are compared in sizes of their quantities (half the distance of two limits, else what ``SIZES`` says, else
    the limit, else the value), or in tenths of their errors where that is less: an uncertain margin is a small one.
    """
    if verdict.margin is None or not has_margin(verdict):
        return _ORDER[verdict.verdict], inf, verdict.requirement.id
    margin = verdict.margin / _size(verdict)
    if verdict.error:
        margin = min(margin, verdict.margin / (_ERRORS * verdict.error), key=abs)
    return _ORDER[verdict.verdict], margin, verdict.requirement.id


def _size(verdict: Verdict) -> float:
    """What counts as one, in the requirement's unit."""
    requirement = verdict.requirement
    if requirement.lower is not None and requirement.upper is not None:
        return (requirement.upper - requirement.lower) / 2 or 1.0
    if requirement.quantity in SIZES:
        return SIZES[requirement.quantity] / unit_factor(quantity_named(requirement.quantity), requirement.unit)
    limit = requirement.lower if requirement.upper is None else requirement.upper
    return abs(limit or 0.0) or abs(verdict.value or 0.0) or 1.0
