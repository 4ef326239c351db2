"""Methods, assumptions, warnings and references of the tracked spill, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from extraction.spill.agreement import AGREE, APART, OTHER_FATE
from optics.engines.xsuite.elements import KICKS, LONG_KICKS
from studies.slow_extraction.spill.facts import SpillFacts
from studies.sources import cited

#: Beginning of a warning that the report shows in red, above everything else.
ALARM = "Engines disagree: "
REFERENCES = cited("pimms-2-spill", "welch-1967", "simpson-1949", "wilson-1927")


def methods(facts: SpillFacts) -> Iterator[str]:
    """How the spill was tracked."""
    case, spill = facts.case, facts.spill
    yield (
        f"Spill: {spill.particles} particles, each matched to the closed orbit and optics at its own momentum, over "
        f"{spill.turns} turns. Between sextupoles (and where other magnets need it) the ring is a section that is "
        "linear in x, px, y, py and exact in momentum, with kicks fitted to the full map: what they miss of one turn's "
        f"nonlinear part is {spill.misfit:.1e} of it (misfit, rms). What that amounts to: after a transit to the "
        f"wires the farthest of 100 particles a momentum is {1e6 * spill.missed:.2g} um, in x and y, from where the "
        "exact turn brings it; of others those that linger at a corner of the triangle may be twice or thrice as far. "
        "Settings follow programme and ripple in steps far below their periods."
    )
    yield (
        "Particles are lost at both ends of every element with an aperture. Amplitudes that provably stay inside all "
        "openings for a turn (orbit, dispersion, kicks, offsets and elliptic openings counted) need no closer look; "
        "others are followed place by place."
    )
    yield (
        "A particle is extracted when it arrives beyond the wires, which stand at the angle given in the table of "
        "septa; one that reaches them within their length, or within their thickness, is lost on them."
    )
    if facts.shaped:
        yield (
            "Programmes were found by shaping: shortened trials show at which setting each part of the beam has left, "
            "and the programme reaches that setting when that part shall have left; the whole spill is tracked with it "
            "and corrected, at most three times, until the duty factor in 24 bins is "
            f"{case.spec.shaped_duty_factor:g}."
        )
    yield (
        f"Duty factor <n>^2/<n^2> in bins of {1e3 * case.spec.bin_s:g} ms, from pairs of particles in one bin, so "
        "that the number of particles tracked does not matter; of a rate that is even but for counting, chance may put "
        "it above 1, by about its error. Confidence intervals of shares are Wilson's, of 95 %."
    )
    if facts.agreement is not None:
        yield (
            f"Both trackers followed the same {facts.agreement.ours.particles} particles over the programme "
            f"shortened to {facts.agreement.ours.turns} turns. They disagree when a Kolmogorov-Smirnov test gives "
            f"turns or angles of extraction a chance below {AGREE:g}, when the same particle leaves more than "
            f"{APART:g} turns apart (median), or when more than {OTHER_FATE:.0%} are extracted by one of them only; "
            "then no number of the spill passes. Xsuite tracks spills with "
            f"{LONG_KICKS['quadrupole_kicks']} kicks a quadrupole and {LONG_KICKS['sextupole_kicks']} a sextupole "
            f"between exact drifts, where it takes {KICKS} in short comparisons: half the time, 3e-5 of a stable area."
        )


_VERTICAL = 0.005  # of what left the ring: vertical losses above this are said
_MANY = 0.2  # of the losses: so many of them are too


def _vertical(facts: SpillFacts) -> Iterator[str]:
    """That vertical losses matter, which the analysis in the horizontal plane does not see."""
    lost = facts.spill.lost
    count, gone = int((lost["plane"] == "y").sum()), len(lost) + len(facts.spill.extracted)
    if count > _VERTICAL * gone or (count > _ENOUGH and count > _MANY * len(lost)):
        yield (
            f"Spill: {count} of {len(lost)} lost particles, of {gone} that left the ring, were lost vertically: the "
            "extraction's analysis (arms, spiral step, losses on the wires) is that of the horizontal plane, y = 0, "
            "and does not count them"
        )


_ENOUGH = 5  # particles, to say anything of so few


def assumptions(facts: SpillFacts) -> Iterator[str]:
    """What is taken as given."""
    case, stack = facts.case, facts.case.stack
    yield (
        f"The stack is {1e3 * stack.beam.span:g}e-3 wide in dp/p and cut at {stack.beam.sigmas:g} sigma; its near edge "
        "stands where the largest amplitude is just stable. Without a programme of the study the driver moves it by "
        f"{stack.reach:.3g}."
    )
    if case.ripple:
        lines = "; ".join(
            f"{one.parameter}: " + ", ".join(f"{a:g} at {f:g} Hz" for a, f, _ in one.lines) for one in case.ripple
        )
        yield f"Ripple of the supplies (relative amplitude): {lines}."
    yield "Particles do not act on one another; one that is extracted is followed no further."


def warnings(facts: SpillFacts | None) -> Iterator[str]:
    """What a reader of the spill must know; a disagreement of the trackers first."""
    if facts is None:
        return
    if facts.disagreement:
        yield f"{ALARM}{facts.disagreement}. No verdict that rests on tracking passes."
    for note in facts.spill.notes:
        yield f"Spill: {note}."
    yield from _vertical(facts)
    for name, spill in facts.others.items():
        yield from (f"Spill by {name}: {note}." for note in spill.notes)
    for reason in facts.why_not:
        yield f"Spill: {reason}."
    if facts.agreement is None:
        yield f"Spill: no comparison with Xsuite ({facts.alone}). Its verdicts rest on the fast tracker alone."


def references(facts: SpillFacts | None) -> tuple[str, ...]:
    """Sources of the methods."""
    return REFERENCES if facts is not None else ()
