"""The optics study: match, Twiss, comparison with Xsuite, quantities, verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optics.imperfections.worsened import worsened
from optics.matching.matching import MatchResult
from studies.pipeline import Asked, Study, Text
from studies.results import Quantity
from studies.ring_optics import text
from studies.ring_optics.facts import Facts, gather
from studies.ring_optics.figures import figures
from studies.ring_optics.match_quantities import match_quantities
from studies.ring_optics.moving import MOVING
from studies.ring_optics.quantities import evaluate
from studies.ring_optics.spec import OpticsStudy
from studies.ring_optics.tables import tables
from studies.spec.resolution import resolve_ring

_ALWAYS = ("max_betx", "max_bety", "max_dx", "min_dx", "length")
_OF_A_RING = (
    "qx",
    "qy",
    "dqx",
    "dqy",
    "momentum_compaction",
    "gamma_transition",
    "residual_tune_xsuite",
    "residual_beta_xsuite",
    "residual_dispersion_xsuite",
    "residual_chromaticity_xsuite",
)


def _quantities(facts: Facts, asked: Asked) -> tuple[Quantity, ...]:
    """What is asked for, what every optics study gives, and the outcome of the match."""
    usual = (*_OF_A_RING, *_ALWAYS) if facts.optics.periodic else _ALWAYS
    return (*evaluate((*usual, *asked.names), facts), *match_quantities(facts))


def _text(facts: Facts, _: Sequence[Quantity]) -> Text:
    return Text(
        tuple(text.methods(facts)),
        tuple(text.assumptions(facts)),
        tuple(text.references(facts)),
        tuple(optics_warnings(facts)),
        headline(facts.matched),
    )


def headline(matched: MatchResult | None) -> str:
    """What the banner says of a match when no requirement is judged; empty without a match."""
    if matched is None or matched.success:
        return "" if matched is None else f"Match: {matched.message}"
    if len(matched.conflicts) > 1:
        return f"The match has no solution: {', '.join(matched.conflicts[:-1])} and {matched.conflicts[-1]} conflict"
    return "The match has no solution: see the warning"


def optics_warnings(facts: Facts) -> Iterator[str]:
    """What a reader of the optics must know."""
    matched = facts.matched
    yield from facts.resolved.warnings
    if matched is not None and not matched.success:
        yield f"The match did not converge: {matched.message}. What follows is its best point, and no verdict is given."
    if facts.imperfections is not None and facts.imperfections.uncorrected:
        yield f"Orbits of machines with errors are not corrected: {facts.imperfections.uncorrected}."
    if facts.imperfections is not None and facts.imperfections.after is not None:
        states = (facts.imperfections.before, facts.imperfections.after)
        for plane in "xy":
            before, after = (state.table[f"orbit_max_{plane}"].to_numpy() for state in states)
            yield from filter(None, [worsened(plane, before, after)])
    verification = facts.compared.verification
    if verification is None:
        yield f"No comparison with Xsuite: {facts.compared.alone}. Verdicts rest on our maps alone."
    elif not verification.success:
        yield f"The two engines differ by more than explained: {verification.message}."
    for case in facts.beams:
        if case.compared.verification is None:
            yield f"Beam '{case.beam.name}': no comparison with Xsuite ({case.compared.alone})."


STUDY = Study(OpticsStudy, resolve_ring, gather, _quantities, figures, tables, _text, moving=MOVING)
