"""The optics study: match, Twiss, comparison with Xsuite, quantities, verdicts; finished values for the report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lattice import UnstableOptics
from lattice.interchange import lattice_to_json
from machines.requirements import FAIL, PASS, Requirement, Verdict, judge
from optics import Limit, Target, Vary, match
from optics.matching import MatchResult, counted
from optics.targets import Goal
from studies.evaluation import ALONE, BOTH, evaluate
from studies.facts import Facts, gather
from studies.logs import LOGGER
from studies.optics_figures import figures
from studies.optics_methods import assumptions, methods, references
from studies.optics_tables import kind_of, parameter_unit, tables
from studies.provenance import provenance
from studies.quantities import quantity_named, unit_factor
from studies.resolution import Resolved
from studies.results import Quantity, StudyResult
from studies.schema import TargetSpec
from studies.toml_text import toml_text

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
    facts = gather(resolved, final.with_particle(resolved.particle))
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
    )
    return Outcome(result, matched is None or matched.success)


def matched_design(resolved: Resolved, goal: Callable[[TargetSpec], Goal] | None = None) -> MatchResult | None:
    """The match that the study asks for, None without one; ``goal`` makes its targets.

    UnstableOptics when no stable optics was found.
    """
    spec = resolved.study.match
    if spec is None:
        return None
    LOGGER.info("matching %s to %s", counted(len(spec.vary), "parameter"), counted(len(spec.targets), "target"))
    matched = match(
        resolved.lattice,
        resolved.particle,
        vary=[Vary(v.name, v.lower, v.upper) for v in spec.vary],
        targets=[(goal or optics_target)(target) for target in spec.targets],
        limits=[Limit(i.quantity, i.lower, i.upper, at=i.at, between=i.between) for i in spec.limits],
        start=resolved.start,
        fringe=resolved.study.model.fringe,
        restarts=spec.restarts,
        seed=resolved.study.seed,
    )
    if not np.all(np.isfinite(list(matched.values.values()))):
        raise UnstableOptics(f"the match of '{resolved.lattice.name}' found no stable optics: {matched.message}")
    LOGGER.log(logging.INFO if matched.success else logging.WARNING, "match: %s", matched.message)
    return matched


def optics_target(spec: TargetSpec) -> Goal:
    """A goal of the optics."""
    return Target(spec.quantity, spec.value, at=spec.at, tolerance=spec.tolerance, weight=spec.weight)


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
    targets = [target.label for target in matched.targets]
    residuals = np.array([matched.residuals[label] for label in targets])
    known = np.array([_target_error(label, facts) for label in targets])
    errors = np.abs(np.linalg.pinv(matched.sensitivity)) @ (np.abs(residuals) + known)
    for vary, error in zip(matched.vary, errors, strict=True):
        unit = parameter_unit(vary.name, matched.lattice) or "1"
        method = "matched; error: that of the targets through the inverse sensitivity"
        value = matched.parameters[vary.name]
        yield Quantity(f"parameter.{vary.name}", value, unit, float(error), BOTH, method, "match-targets")
    for target, label, error in zip(matched.targets, targets, known, strict=True):
        method = f"value minus goal {target.value:g} (tolerance {target.tolerance:g})"
        unit = kind_of(label).unit
        yield Quantity(f"match.{label}", matched.residuals[label], unit, float(error), BOTH, method, "match-targets")


def _target_error(label: str, facts: Facts) -> float:
    """Error of a target's value; 0 for the few that the vocabulary lacks (zeta, delta, s), which are exact."""
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
