"""What a machine must do: requirements as values, and the verdict on each.

Verdicts are of three kinds: against a limit that is ``published``, against one that is ``assumed``, and checks of the
``program`` itself, which say nothing of the machine. They are counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from lattice.errors import InputError, did_you_mean
from lattice.magnitudes import is_number
from machines.tables import record

PASS = "PASS"
FAIL = "FAIL"
NOT_EVALUATED = "NOT EVALUATED"

PUBLISHED = "published"
ASSUMED = "assumed"
PROGRAM = "program"
KINDS = (PUBLISHED, ASSUMED, PROGRAM)


@dataclass(frozen=True)
class Requirement:
    """One requirement: ``lower`` <= ``quantity`` <= ``upper`` in ``unit``, judged by ``study``.

    ``source`` says where the limit is from, ``kind`` what a verdict on it is: against a ``published`` limit, against an
    ``assumed`` one, or a check of the ``program``. Raises InputError when there is no limit, lower is above upper, the
    kind is none of these, or a published limit names no source.
    """

    id: str
    text: str
    quantity: str
    unit: str
    source: str
    study: str
    lower: float | None = None
    upper: float | None = None
    kind: str = ASSUMED

    def __post_init__(self) -> None:
        limits = [limit for limit in (self.lower, self.upper) if limit is not None]
        if not limits or not all(is_number(limit) for limit in limits):
            raise InputError(f"requirement '{self.id}' needs a finite lower or upper limit")
        if len(limits) == 2 and limits[0] > limits[1]:
            raise InputError(f"requirement '{self.id}': lower {self.lower} is above upper {self.upper}")
        if self.kind not in KINDS:
            hint = did_you_mean(self.kind, KINDS) or "."
            raise InputError(f"requirement '{self.id}': unknown kind '{self.kind}'{hint} Known: {', '.join(KINDS)}")
        if self.kind == PUBLISHED and not self.source.strip():
            raise InputError(f"requirement '{self.id}': a published limit needs its source")


def requirement_from(table: Mapping[str, Any], where: str) -> Requirement:
    """A requirement of a machine's file, whose keys are the fields of ``Requirement``.

    ``assumed = true`` or ``false``, as files said before there were kinds, is kind "assumed" or "published". InputError
    names a wrong or missing key and ``where``.
    """
    told = {key: value for key, value in table.items() if key != "assumed"}
    return record(Requirement, {"kind": kind_told(table.get("kind"), table.get("assumed"), where), **told}, where)


def kind_told(kind: str | None, assumed: bool | None, where: str) -> str:
    """The kind that a file says: its own word, else what ``assumed`` says, else "assumed".

    InputError when both are given and differ.
    """
    meant = None if assumed is None else (ASSUMED if assumed else PUBLISHED)
    if kind is not None and meant is not None and kind != meant:
        raise InputError(f"{where}: kind = '{kind}' and assumed = {str(assumed).lower()} differ: leave out assumed")
    return kind or meant or ASSUMED


@dataclass(frozen=True)
class Unasked:
    """A requirement that other machines have: it is not asked of one, or of one study, for a ``reason``.

    ``study`` is the one that would judge it.
    """

    id: str
    text: str
    study: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The judgement of one requirement; ``margin`` [unit] is positive inside the limits.

    ``error`` decided it; ``numerical`` is the part of it that the arithmetic has.
    """

    requirement: Requirement
    verdict: str
    value: float | None
    error: float | None
    margin: float | None
    reason: str
    numerical: float = 0.0

    @property
    def spread(self) -> float:
        """The rest of the error: that of the model and of the sample."""
        return 0.0 if self.error is None else max(self.error - self.numerical, 0.0)

    @property
    def kind(self) -> str:
        """The requirement's: ``published``, ``assumed`` or ``program``."""
        return self.requirement.kind


def judge(requirement: Requirement, value: float | None, error: float | None, reason: str = "") -> Verdict:
    """PASS, FAIL or NOT EVALUATED for a value with the error that decides, both in the requirement's unit.

    A missing or non-finite value is NOT EVALUATED, never a silent pass; so is one whose error is none, or below 0.
    ``reason`` explains a missing value.

    Equation:
        PASS when min(value - lower, upper - value) >= error, else FAIL.

    Returns:
        Verdict: ``verdict``, ``margin`` [unit] positive inside the limits, and its ``reason``.

    Raises:
        Nothing: what cannot be judged is NOT EVALUATED.

    Source:
        A decision rule with a guard band of the whole error: JCGM 106:2012, Evaluation of measurement data.

    Example:
        >>> need = Requirement("OWN-01", "beta", "max_betx", "m", "ours", "", upper=17.0)
        >>> [judge(need, value, 0.01).verdict for value in (16.0, 16.995, 17.5, None)]
        ['PASS', 'FAIL', 'FAIL', 'NOT EVALUATED']
    """
    if value is None or not isfinite(value):
        return Verdict(requirement, NOT_EVALUATED, None, None, None, reason or "the value could not be computed")
    if error is None or not isfinite(error) or error < 0:
        return Verdict(requirement, NOT_EVALUATED, value, None, None, reason or "the value's error is not known")
    margin = min(
        value - requirement.lower if requirement.lower is not None else float("inf"),
        requirement.upper - value if requirement.upper is not None else float("inf"),
    )
    if margin < 0:
        return Verdict(requirement, FAIL, value, error, margin, reason or "outside the limit")
    if 0 < error and margin < error:
        return Verdict(requirement, FAIL, value, error, margin, f"within its error ({error:.2g}) of the limit")
    return Verdict(requirement, PASS, value, error, margin, reason)


def counted(verdicts: Sequence[Verdict]) -> str:
    """The verdicts counted by their kind.

    For example ``machine: 11 passed, 1 failed, 0 not evaluated (4 against published limits, 8 assumed); checks of the
    program: 6 of 6``; what there is none of is left out. Without any verdict it says that nothing was judged.
    """
    if not verdicts:
        return "no requirement: nothing was judged"
    checks = [verdict for verdict in verdicts if verdict.kind == PROGRAM]
    machine = [verdict for verdict in verdicts if verdict.kind != PROGRAM]
    parts = ([_machine_counted(machine)] if machine or not checks else []) + (
        [_checks_counted(checks)] if checks else []
    )
    return "; ".join(parts)


def _machine_counted(verdicts: Sequence[Verdict]) -> str:
    passed, failed, left = (sum(one.verdict == word for one in verdicts) for word in (PASS, FAIL, NOT_EVALUATED))
    published = sum(one.kind == PUBLISHED for one in verdicts)
    limits = f" ({published} against published limits, {len(verdicts) - published} assumed)" if verdicts else ""
    return f"machine: {passed} passed, {failed} failed, {left} not evaluated{limits}"


def _checks_counted(checks: Sequence[Verdict]) -> str:
    return f"checks of the program: {sum(one.verdict == PASS for one in checks)} of {len(checks)}"
