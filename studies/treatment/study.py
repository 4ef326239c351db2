"""The study that compares machines: the same treatment on a synchrotron, a linac and a cyclotron, second by second."""

from __future__ import annotations

from collections.abc import Iterator

from studies.results import Quantity, StudyResult
from studies.ring_optics.quantities import FORMULA
from studies.ring_optics.study import Outcome, provenance_of, verdicts_on
from studies.spec.resolution import Resolved
from studies.treatment.facts import CYCLES, CYCLOTRON, LINAC, STEPS, ComparisonFacts, gather
from studies.treatment.figures import figures
from studies.treatment.tables import tables
from studies.treatment.timing_checks import COMPUTED
from studies.vocabulary import SWITCHING

_TIMES = {
    CYCLES: "treatment_time_cycles",
    STEPS: "treatment_time_steps",
    LINAC: "treatment_time_linac",
    CYCLOTRON: "treatment_time_cyclotron",
}
_MIDDLE_SPOT = 5.5e-3  # m, between 3 and 8 mm


def compute(resolved: Resolved) -> Outcome:
    """Run the study; no file is touched. NoSolution when no machine reaches the volume."""
    facts = gather(resolved)
    quantities = tuple(_quantities(facts))
    result = StudyResult(
        name=resolved.name,
        title=resolved.title,
        machine="synchrotron, linac, cyclotron",
        particle=_told(facts),
        study=resolved.content,
        lattice=resolved.lattice,
        quantities=quantities,
        verdicts=verdicts_on(resolved.requirements, quantities, None),
        figures=figures(facts),
        tables=tables(facts),
        methods=tuple(_methods(facts)),
        assumptions=tuple(_assumptions(facts)),
        references=REFERENCES,
        warnings=tuple(f"{name}: not delivered: {reason}" for name, reason in facts.machines.missing.items()),
        provenance=provenance_of(resolved),
    )
    return Outcome(result, True)


def _told(facts: ComparisonFacts) -> str:
    treatment = facts.treatment
    return (
        f"{treatment.species}, {treatment.layers} layers from {treatment.energies.min():.4g} to "
        f"{treatment.energies.max():.4g} MeV/u"
    )


# ---------------------------------------------------------------------------------------------------- quantities


def _quantities(facts: ComparisonFacts) -> Iterator[Quantity]:
    for name, quantity in _TIMES.items():
        if name in facts.timelines:
            line = facts.timelines[name]
            method = f"timeline layer by layer; most of it: {line.limited_by}"
            yield _quantity(quantity, line.total, 0.01, method, "time-causes")
        else:
            yield _missing(quantity, facts.machines.missing.get(name, "the study has no such machine"))
    level = max(abs(value - 1.0) for value in facts.treatment.level)
    yield _quantity(
        "dose_level", level, 1e-4, "least and greatest dose along the axis, its fall at the end aside", "dose-depth"
    )
    yield _quantity("layers_number", facts.treatment.layers, 0.0, "counted", "dose-layers")
    yield from _of_beams(facts)
    models = [check for check in facts.checks if check.kind == COMPUTED]
    missed = sum(not check.met for check in models)
    yield _quantity("timing_checks_missed", missed, 0.0, f"of {len(models)} that models compute", "")


def _of_beams(facts: ComparisonFacts) -> Iterator[Quantity]:
    """The widest energy spread and the spot farthest from the middle, with the machine and energy that have them."""
    beams = facts.beams
    if beams.empty:
        for name in ("largest_energy_spread", "worst_spot"):
            yield _missing(name, "no machine reaches the volume")
        return
    worst = beams.loc[beams["spread"].idxmax()]
    method = f"all machines and energies; {worst['machine']} at {worst['energy']:.4g} MeV/u"
    yield _quantity("largest_energy_spread", worst["spread"], 1e-5, method, "beam-spread")
    spots = beams.melt(["machine", "energy"], ["spot_x", "spot_y"], value_name="spot")
    far = spots.loc[(spots["spot"] - _MIDDLE_SPOT).abs().idxmax()]
    method = f"all machines, energies and planes; {far['machine']} at {far['energy']:.4g} MeV/u"
    yield _quantity("worst_spot", far["spot"], 1e-5, method, "beam-spots")


def _quantity(name: str, value: float, error: float, method: str, figure: str) -> Quantity:
    return Quantity(name, float(value), SWITCHING[name].unit, float(error), FORMULA, method, figure)


def _missing(name: str, reason: str) -> Quantity:
    return Quantity(name, None, SWITCHING[name].unit, None, FORMULA, f"not computed: {reason}")


# ------------------------------------------------------------------------------------------------------ sentences

REFERENCES = (
    "T. Bortfeld, An analytical approximation of the Bragg curve for therapeutic proton beams, Med. Phys. 24, 2024 "
    "(1997).",
    "X. Liang et al., Investigation of the impact of machine operating parameters on beam delivery time ... for "
    "synchrotron-based proton pencil beam spot scanning system, Front. Oncol. 12, 1036139 (2022).",
    "Y. Iwata et al., Multiple-energy operation with extended flattops at HIMAC, Nucl. Instr. Meth. A 624, 33 (2010).",
    "E. Haettner, H. Iwase, D. Schardt, Experimental fragmentation studies with 12C therapy beams, Rad. Prot. Dosim. "
    "122, 485 (2006).",
    "B. Gottschalk et al., Multiple Coulomb scattering of 160 MeV protons, Nucl. Instr. Meth. B 74, 467 (1993).",
    "ICRU Report 78, Prescribing, recording, and reporting proton-beam therapy, 2007.",
)


def _methods(facts: ComparisonFacts) -> Iterator[str]:
    yield (
        "The ring's change of energy, its steps within a spill and its energy spread are computed by the study "
        f"'{facts.study.synchrotron.study}' at the energies of the treatment (24 matched, its circuits' fields "
        "between them by interpolation); the linac's transmission, energy spread, emittances, repetition and change of "
        f"energy by '{facts.study.linac.study}' (a bunch tracked at each energy)."
        if facts.study.linac is not None
        else f"The ring's times and energy spread are computed by the study '{facts.study.synchrotron.study}'."
    )
    yield (
        "Spot: sqrt(emittance beta + (scattering angle times distance)^2) with beta at the isocentre of each beam line "
        "as assumed and Highland's angle behind the nozzle; air and the patient are left out."
    )
    yield (
        "Ranges: R = 0.0022 E^1.77 cm for protons and helium, 0.00316 E^1.70 cm for heavier ions, times A / Z^2 "
        "(fitted to the Bethe formula, 100 to 430 MeV/u); layers are spaced evenly in range from the distal "
        "edge. Dose: Bortfeld's closed form with range straggling, energy spread and loss of primaries. The "
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


def _assumptions(facts: ComparisonFacts) -> Iterator[str]:
    yield "Every number of the study's tables is an assumption, shown under Provenance; change it with --set."
    yield "Dose is physical, in water; RBE, fragments and the lateral penumbra are left out. A box, one field."
    yield "Bragg-Kleeman ranges are good to 2 % between 60 and 250 MeV (protons) and 100 and 430 MeV/u (carbon)."
    if facts.treatment.species != "proton":
        yield "Bortfeld's form was made for protons: for ions the tail of fragments behind the peak is left out."
    if facts.study.scanning.gate_duty < 1:
        yield "The gate's phase at the beginning of the treatment is open, and breathing is strictly periodic."
