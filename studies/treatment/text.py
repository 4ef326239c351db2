"""A treatment on several machines in sentences, from what was resolved and computed."""

from __future__ import annotations

from collections.abc import Iterator

from lattice.errors import counted
from optics.matter.ranges import range_text
from studies.pipeline import Text
from studies.sources import cited
from studies.treatment.facts import ComparisonFacts

REFERENCES = cited("bortfeld-1997", "liang-2022", "iwata-2010", "haettner-2006", "gottschalk-1993", "icru-78")


def methods(facts: ComparisonFacts) -> Iterator[str]:
    yield (
        "The ring's change of energy, its steps within a spill and its energy spread are computed by the study "
        f"'{facts.study.synchrotron.study}' at the energies of the treatment (24 matched, its circuits' fields "
        "between them by interpolation); the linac's transmission, energy spread, emittances, repetition and change of "
        f"energy by '{facts.study.linac.study}' (a bunch tracked at each energy)."
        if facts.study.linac is not None
        else f"The ring's times and energy spread are computed by the study '{facts.study.synchrotron.study}'."
    )
    for place, line in facts.machines.lines.items():
        if not line.why_not:
            yield (
                f"Behind the {place}: spots and losses are those of particles tracked through the line of "
                f"'{line.name}', set for a spot of {_spot_of(facts, place)} at {counted(len(line.energies), 'energy')} "
                "of the treatment, linear between them."
            )
    yield (
        "Spot: the line's, or sqrt(emittance beta) with beta at the isocentre as assumed where no line is computed, "
        "and Highland's angle behind the nozzle times the distance, in quadrature; air and the patient are left out."
    )
    yield (
        f"Ranges: {range_text()}, scaled to ions of the same velocity by mass / charge^2; "
        "layers are spaced evenly in range from the distal edge. "
        "Dose: Bortfeld's closed form with range straggling, energy spread and loss of primaries. The "
        "particles of the layers make the dose level up to one sigma of the ranges before the end, by least squares "
        "with no negative weight, the smoothest of many nearly as good; lateral scattering is "
        "left out, the field is the side and its margins."
    )
    yield (
        "Time: layer by layer from the deepest. Synchrotron: particles leave evenly over the spill and wait in the "
        "ring while spots move; a spill ends with its particles or its flat top (refill). Several energies a spill: "
        "the beam that is left, less what a step loses, goes on to the next layer if it serves enough of it, for at "
        "most as many energies as a spill may have. Linac: whole pulses for each "
        "spot, moves between pulses. Cyclotron: rate behind the degrader (E / E_top)^exponent up to a largest rate."
    )
    yield (
        "The gate is open for the first part of each period; beam and spot moves wait for it, changes of energy do "
        "not. Repainting splits each layer into paints of equal particles, or (volumetric) goes through all layers "
        "again."
    )


def _spot_of(facts: ComparisonFacts, place: str) -> str:
    spot = getattr(facts.study, place).spot_mm
    return "the first size of that study" if spot is None else f"{spot:g} mm rms in vacuum"


def assumptions(facts: ComparisonFacts) -> Iterator[str]:
    yield "Every number of the study's tables is an assumption, shown under Provenance; change it with --set."
    yield (
        "The errors of the model are those of the study's own numbers. Times and beams that the studies of ring, "
        "linac and lines compute are taken as they are: their errors stand on the pages of these studies."
    )
    yield "Dose is physical, in water; RBE, fragments and the lateral penumbra are left out. A box, one field."
    yield (
        "Ranges: protons within 0.25 % of PSTAR from 50 MeV; behind 3.3 mm of nozzle CNAO's operational ranges of "
        "protons are met to 0.2 mm, of carbon ions to 1.1 mm (0.4 %). With I = 78 eV (ICRU Report 90) all were 0.5 % "
        "longer."
    )
    if facts.treatment.species != "proton":
        yield (
            f"Bortfeld's form was made for protons. Of the ions of the deepest layer "
            f"{100 * facts.treatment.broken_up:.2g} % break up before their end: six tenths of what they still carry "
            "count where it happens; the rest of their fragments' dose, and all of the tail behind the peak, is left "
            "out."
        )
    if facts.study.scanning.gate_duty < 1:
        yield "The gate's phase at the beginning of the treatment is open, and breathing is strictly periodic."


def text(facts: ComparisonFacts) -> Text:
    """All of it."""
    missing = tuple(f"{name}: not delivered: {reason}" for name, reason in facts.machines.missing.items())
    missing += tuple(
        f"{place}: '{line.name}' does not serve ({line.why_not}): spots by isocentre_beta_m, and nothing lost in it"
        for place, line in facts.machines.lines.items()
        if line.why_not
    )
    return Text(tuple(methods(facts)), tuple(assumptions(facts)), REFERENCES, missing)
