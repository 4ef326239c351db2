"""What a machine must do: requirements as values, and the verdict on each."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from lattice.errors import InputError

PASS = "PASS"
FAIL = "FAIL"
NOT_EVALUATED = "NOT EVALUATED"


@dataclass(frozen=True)
class Requirement:
    """One requirement: ``lower`` <= ``quantity`` <= ``upper`` in ``unit``, judged by ``study``.

    ``source`` says where the limit is from; ``assumed`` marks a limit without a published source. Raises
    InputError when there is no limit, or lower is above upper.
    """

    id: str
    text: str
    quantity: str
    unit: str
    source: str
    study: str
    lower: float | None = None
    upper: float | None = None
    assumed: bool = False

    def __post_init__(self) -> None:
        limits = [limit for limit in (self.lower, self.upper) if limit is not None]
        if not limits or not all(isfinite(limit) for limit in limits):
            raise InputError(f"requirement '{self.id}' needs a finite lower or upper limit")
        if len(limits) == 2 and limits[0] > limits[1]:
            raise InputError(f"requirement '{self.id}': lower {self.lower} is above upper {self.upper}")


@dataclass(frozen=True)
class Verdict:
    """The judgement of one requirement; ``margin`` [unit] is positive inside the limits."""

    requirement: Requirement
    verdict: str
    value: float | None
    error: float | None
    margin: float | None
    reason: str


def judge(requirement: Requirement, value: float | None, error: float | None, reason: str = "") -> Verdict:
    """PASS, FAIL or NOT EVALUATED for a value with its numerical error, both in the requirement's unit.

    A missing or non-finite value (or error) is NOT EVALUATED, never a silent pass. A value closer to its limit
    than its own error is a FAIL that says so. ``reason`` explains a missing value.
    """
    if value is None or not isfinite(value):
        return Verdict(requirement, NOT_EVALUATED, None, None, None, reason or "the value could not be computed")
    if error is None or not isfinite(error):
        return Verdict(requirement, NOT_EVALUATED, value, None, None, reason or "the value's error is not known")
    margin = min(
        value - requirement.lower if requirement.lower is not None else float("inf"),
        requirement.upper - value if requirement.upper is not None else float("inf"),
    )
    if margin < 0:
        return Verdict(requirement, FAIL, value, error, margin, reason or "outside the limit")
    if 0 < error and margin < error:
        return Verdict(requirement, FAIL, value, error, margin, "within its own numerical error of the limit")
    return Verdict(requirement, PASS, value, error, margin, reason)
