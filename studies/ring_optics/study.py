"""The optics study: match, Twiss, comparison with Xsuite, quantities, verdicts; finished values for the report."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lattice.interchange import lattice_to_json
from machines.requirements import FAIL, PASS, Requirement, Verdict, judge
from optics.matching.matching import MatchResult
from studies.results import Quantity, StudyResult
from studies.ring_optics.facts import Facts, gather
from studies.ring_optics.figures import figures
from studies.ring_optics.match import matched_design
from studies.ring_optics.quantities import ALONE, BOTH, evaluate
from studies.ring_optics.region import match_region
from studies.ring_optics.tables import tables
from studies.ring_optics.text import assumptions, methods, references
from studies.runs.provenance import provenance
from studies.spec.resolution import Resolved
from studies.spec.toml_text import toml_text
from studies.spec.units import kind_of, vary_unit
from studies.vocabulary import quantity_named, unit_factor

_ALWAYS = ("max_betx", "max_bety", "max_dx", "min_dx", "length")
_OF_A_RING = (
    "qx", "qy", "dqx", "dqy", "momentum_compaction", "gamma_transition",
    "residual_tune_xsuite", "residual_beta_xsuite", "residual_dispersion_xsuite", "residual_chromaticity_xsuite",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """The finished study, whether its match (if it has one) converged, and whether Ctrl-C cut it short.

    ``save`` writes further files into the run's folder.
    """

    result: StudyResult
    converged: bool
    interrupted: bool = False
    save: Callable[[Path], None] | None = None


def compute(resolved: Resolved) -> Outcome:
    """Run the optics study. UnstableOptics when there is no optics to judge; no file is touched."""
    matched = matched_design(resolved)
    final = matched.lattice if matched else resolved.lattice
    start = matched.start if matched else resolved.start
    facts = gather(resolved, final.with_particle(resolved.particle), start)
    facts = replace(facts, region=match_region(resolved, facts.optics, matched))
    quantities = tuple(_quantities(facts, matched))
    verdicts = verdicts_on(resolved.requirements, quantities, matched)
    result = StudyResult(
        name=resolved.name,
        title=resolved.title,
        machine=resolved.machine_name,
        particle=str(resolved.particle),
        study=resolved.content,
        lattice=facts.optics.lattice,
        quantities=quantities,
        verdicts=verdicts,
        figures=figures(facts, matched),
        tables=tables(facts, matched),
        methods=tuple(methods(facts, matched)),
        assumptions=tuple(assumptions(facts)),
        references=tuple(references(facts, matched)),
        warnings=tuple(optics_warnings(facts, matched)),
        provenance=provenance_of(resolved),
        headline=headline(matched),
        wanting=matched is not None and not matched.success,
    )
    return Outcome(result, matched is None or matched.success)


def headline(matched: MatchResult | None) -> str:
    """What the banner says of a match when no requirement is judged; empty without a match."""
    if matched is None or matched.success:
        return "" if matched is None else f"Match: {matched.message}"
    if len(matched.conflicts) > 1:
        return f"The match has no solution: {', '.join(matched.conflicts[:-1])} and {matched.conflicts[-1]} conflict"
    return "The match has no solution: see the warning"


# ---------------------------------------------------------------------------------------------------- quantities


def _quantities(facts: Facts, matched: MatchResult | None) -> Iterator[Quantity]:
    """What the requirements ask for, what every optics study gives, and the outcome of the match."""
    asked = [requirement.quantity for requirement in facts.resolved.requirements]
    usual = (*_OF_A_RING, *_ALWAYS) if facts.optics.periodic else _ALWAYS
    yield from evaluate((*usual, *asked), facts)
    if matched is not None:
        yield from match_quantities(facts, matched)


def match_quantities(facts: Facts, matched: MatchResult) -> Iterator[Quantity]:
    """The matched parameters, and what the targets were missed by."""
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
        quantity = evaluate(["length" if label == "circumference" else label], facts)[0]
    except ValueError:
        return 0.0
    return quantity.error or 0.0


# ------------------------------------------------------------------------------------------------------ verdicts


def verdicts_on(
    requirements: Iterable[Requirement], quantities: Iterable[Quantity], matched: MatchResult | None
) -> tuple[Verdict, ...]:
    """The verdict on each requirement, in order; none is judged when the match did not converge."""
    by_name = {quantity.name: quantity for quantity in quantities}
    unmatched = "" if matched is None or matched.success else "the match did not converge"
    return tuple(_verdict(requirement, by_name[requirement.quantity], unmatched) for requirement in requirements)


def _verdict(requirement: Requirement, quantity: Quantity, unmatched: str) -> Verdict:
    """The judgement in the requirement's unit; a design that was not reached is not judged."""
    if quantity.value is None:
        return judge(requirement, None, None, quantity.method)
    factor = unit_factor(quantity_named(requirement.quantity), requirement.unit)
    value, error = quantity.value / factor, None if quantity.error is None else quantity.error / factor
    if unmatched:
        return judge(requirement, None, None, f"{unmatched}: {value:.6g} at its best point")
    verdict = judge(requirement, value, error)
    alone = "rests on our maps alone" if quantity.engine == ALONE and verdict.verdict in (PASS, FAIL) else ""
    return replace(verdict, reason="; ".join(filter(None, (verdict.reason, alone))))


# ------------------------------------------------------------------------------------------------------ the rest


def optics_warnings(facts: Facts, matched: MatchResult | None) -> Iterator[str]:
    """What a reader of the optics must know."""
    yield from facts.resolved.warnings
    if matched is not None and not matched.success:
        yield f"The match did not converge: {matched.message}. What follows is its best point, and no verdict is given."
    verification = facts.compared.verification
    if verification is None:
        yield f"No comparison with Xsuite: {facts.compared.alone}. Verdicts rest on our maps alone."
    elif not verification.success:
        yield f"The two engines differ by more than explained: {verification.message}."
    for case in facts.beams:
        if case.compared.verification is None:
            yield f"Beam '{case.beam.name}': no comparison with Xsuite ({case.compared.alone})."


def provenance_of(resolved: Resolved) -> dict[str, object]:
    """Versions, seed and inputs of a resolved study."""
    inputs = {
        "study.toml (resolved)": toml_text(resolved.content).encode(),
        "lattice before the study (as JSON)": lattice_to_json(resolved.lattice).encode(),
        **resolved.inputs,
    }
    return provenance(resolved.study.seed, inputs)
