"""Methods, assumptions and references of the optics study in sentences, written from what was resolved and computed."""

from __future__ import annotations

from collections.abc import Iterator

from optics.magnets import FIELDS
from optics.matching.matching import MatchResult
from studies.ring_optics.facts import Facts
from studies.ring_optics.imperfections import PERCENT, Imperfections
from studies.sources import cited

_BENDS = {
    "full": "Bends are exact: circles in the homogeneous field, H = -(1 + x/ρ) √((1 + δ)² - px² - py²) + ..., with the "
    "full nonlinear fringe of a hard edge and the linear effect of the gap integral (Forest 1998). Quadrupoles and "
    "all other bodies have the same square root. Quadrupole fringes and the fringe of a bend's own gradient are off.",
    "linear": "Bends are exact: circles in the homogeneous field, H = -(1 + x/ρ) √((1 + δ)² - px² - py²) + ... "
    "(Forest 1998), with linear edge focusing. Quadrupoles and all other bodies have the same square root; quadrupole "
    "fringes are off.",
}
REFERENCES = cited("courant-1958", "forest-1998", "iadarola-2024")
_COUPLED_REFERENCE = cited("edwards-1973")
_ORBIT_REFERENCES = cited("autin-1973", "sagan-1999")
_MATCH_REFERENCE = cited("madsen-2004", "squire-1998")


def methods(facts: Facts) -> Iterator[str]:
    """How every number was computed."""
    maps = "Our maps are exact in the momentum deviation δ; matrices are their exact derivatives."
    if facts.optics.periodic:
        yield (
            f"{maps} The tune is the phase along the ring, with cos 2πQ = ½ Tr M of its matrix M in each plane; betas "
            "are the periodic solution, dispersion is D = (1 - M)⁻¹ ∂z/∂δ (Courant and Snyder 1958)."
        )
    else:
        yield f"{maps} The functions start from the conditions that the study gives (Courant and Snyder 1958)."
    yield _BENDS[facts.optics.fringe]
    if facts.optics.periodic:
        yield (
            "Chromaticity Q' = dQ/dδ is the first-order change of the phase advance along the dispersive orbit, with "
            "the second derivatives of the maps; RF cavities are off (constant momentum). Momentum compaction is "
            "α = (dC/C)/dδ, from the path length of that orbit; γ at transition is 1/√α."
        )
    yield "Largest and least values are looked for inside elements too: each is cut into parts, a cubic between them."
    if facts.matched is not None:
        yield _match(facts, facts.matched)
    if facts.beams:
        yield (
            "The edge of a beam is n √(β ε / (βγ)) + |D| Δ/2 beside the closed orbit: n sigmas, ε the normalised rms "
            "emittance, βγ of the particle, Δ the full momentum spread; each beam in the optics of its own working "
            "point."
        )
    if any(requirement.quantity in FIELDS for requirement in facts.resolved.requirements):
        yield "Fields are normalised strengths times the top rigidity Bρ = p/q: B = k0 Bρ, G = k1 Bρ, S = k2 Bρ."
    if facts.imperfections is not None:
        yield from _imperfections(facts.imperfections)
    yield _engines(facts)
    yield (
        "The numerical error of a number is the difference of the two engines on the same lattice, with the change "
        "when elements are cut twice as fine where it is looked for inside them. A value within its own error of a "
        "limit does not pass. Errors of the model (fields, alignment, power supplies) are not in it."
    )


def _match(facts: Facts, matched: MatchResult) -> str:
    names = ", ".join(vary.label for vary in matched.vary)
    pairs = zip(matched.target_labels, matched.targets, strict=True)
    goals = ", ".join(f"{label} = {target.value:g}" for label, target in pairs)
    limits = f" within {', '.join(matched.limit_labels)}" if matched.limits else ""
    spec = facts.resolved.study.match
    polish = _POLISH[spec.polish] if spec is not None and spec.polish and matched.success else ""
    seed = facts.resolved.study.seed
    return (
        f"Match: {names} were varied for {goals}{limits}, by bounded least squares (Levenberg and Marquardt, Madsen "
        "et al. 2004) with the exact Jacobian; betas enter by their logarithm. Where that fails from the lattice as it "
        "is, many starts are tried in one batch, then a homotopy from the present optics and differential evolution. "
        f"Starts after the first are drawn with seed {seed}.{polish} Outcome: {matched.message}."
    )


_POLISH = {
    "peak_beta": " The freedom that was left was used for the smallest peak beta (sequential quadratic programming).",
    "gradient": " The freedom that was left was used for the smallest rms of the parameters.",
    "margin": " The freedom that was left was used for the largest margin of limits and bounds.",
}


def _imperfections(found: Imperfections) -> Iterator[str]:
    spec = found.spec
    used = f"the best {spec.correctors_used} correctors of each" if spec.correctors_used else "all correctors"
    how = {
        "svd": f"least squares, singular values below {spec.singular_value_cut:g} of the largest left out",
        "micado": f"{used} (MICADO, Autin and Marti 1973)",
    }
    numbers = "; ".join(
        f"{len(r.monitors)} monitors and {len(r.correctors)} correctors in {plane}"
        for plane, r in (found.correction.responses if found.correction else {}).items()
    )
    yield (
        f"Imperfections: {spec.machines} machines with Gaussian errors, cut, drawn from the study's seed. A misaligned "
        "magnet stands between exact changes of the frame about its middle; its field error scales its field on an "
        "unchanged reference orbit. The closed orbit of each machine is the fixed point of its own maps at fixed "
        "momentum, its optics is that about this orbit with the planes coupled. |C-| follows from the share of each "
        "mode in its plane (Sagan and Rubin 1999), averaged over the ring."
    )
    if found.correction is None:
        yield f"Orbits are not corrected: {found.uncorrected}. A requirement holds for {PERCENT:g} % of the machines."
        return
    limit = f" within {spec.largest_kick:g} rad" if spec.largest_kick else ""
    yield (
        f"Orbits are corrected twice over with the exact response of the ideal ring, {how[spec.method]}{limit}: "
        f"{numbers}, which read with their own errors. A requirement on machines holds for {PERCENT:g} % of them; its "
        "error is statistical."
    )


def _engines(facts: Facts) -> str:
    verification = facts.compared.verification
    if verification is None:
        return f"The optics rests on our maps alone: there is no comparison with Xsuite ({facts.compared.alone})."
    return (
        f"The same lattice was computed by {verification.reference.engine} (Iadarola et al. 2024; exact bends, the "
        "same edges, exact drifts, all multipoles cut into kicks between them), which shares no code with our maps; "
        "the tables show the differences."
    )


def assumptions(facts: Facts) -> Iterator[str]:
    """What is taken as given: the machine's assumptions and those of the study."""
    machine = facts.resolved.machine
    if machine is not None:
        yield from machine.assumptions
    ideal = "The lattice is ideal: no field errors, no misalignments, no orbit distortion that it does not contain."
    if facts.imperfections is None:
        yield ideal
    else:
        yield f"But for the part on imperfections: {ideal[0].lower()}{ideal[1:]}"
        yield "Errors of different magnets are independent; momentum is fixed, so no RF frequency re-centres the orbit."
    if facts.beams:
        yield "Apertures are looked at in each plane by itself; the corner of a beam in a round chamber is not."


def references(facts: Facts) -> Iterator[str]:
    """Sources of the methods and of the machine."""
    yield from REFERENCES
    if facts.matched is not None:
        yield from _MATCH_REFERENCE
    if facts.optics.coupled:
        yield from _COUPLED_REFERENCE
    if facts.imperfections is not None:
        yield from _ORBIT_REFERENCES
    if facts.resolved.machine is not None:
        yield from facts.resolved.machine.references
