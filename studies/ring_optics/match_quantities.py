"""Quantities of a match: the parameters that it found, and what it left of its targets."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from optics.matching.matching import MatchResult
from studies.judging import BOTH
from studies.results import Quantity
from studies.ring_optics.facts import Facts
from studies.ring_optics.quantities import evaluate
from studies.spec.units import kind_of, vary_unit


def match_quantities(facts: Facts) -> tuple[Quantity, ...]:
    """The matched parameters, and what the targets were missed by; nothing without a match."""
    return () if facts.matched is None else tuple(_of(facts, facts.matched))


def _of(facts: Facts, matched: MatchResult) -> Iterator[Quantity]:
    targets = matched.target_labels
    residuals = np.array([matched.residuals[label] for label in targets])
    own = len(matched.cases[0].targets)
    known = np.array([_target_error(t.label, facts) if k < own else 0.0 for k, t in enumerate(matched.targets)])
    errors = np.abs(np.linalg.pinv(matched.sensitivity)) @ (np.abs(residuals) + known)
    for vary, error in zip(matched.vary, errors, strict=True):
        unit = vary_unit(vary, matched) or "1"
        method = "matched; error: that of the targets through the inverse sensitivity"
        value = matched.parameters[vary.label]
        yield Quantity(f"parameter.{vary.label}", value, unit, float(error), BOTH, method, "match-targets")
    for target, label, error in zip(matched.targets, targets, known, strict=True):
        method = f"value minus goal {target.value:g} (tolerance {target.tolerance:g})"
        unit = kind_of(label).unit
        yield Quantity(f"match.{label}", matched.residuals[label], unit, float(error), BOTH, method, "match-targets")


def _target_error(label: str, facts: Facts) -> float:
    """Error of a target's value; 0 for what the vocabulary lacks (formulas, advances between places, zeta, s)."""
    if not re.fullmatch(r"\w+(@[^@:]+(:end)?)?", label):
        return 0.0
    try:
        quantity = evaluate([label], facts)[0]
    except ValueError:
        return 0.0
    return quantity.error or 0.0
