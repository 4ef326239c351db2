"""The study that compares machines: the same treatment on a synchrotron, a linac and a cyclotron, second by second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from extraction.figures import Curve, curves
from lattice import HadronOpticsError
from optics import figure_style as style
from optics.figures import figure_json
from studies.delivery import (
    CAUSES,
    CyclotronDelivery,
    DeliveryMachine,
    LinacDelivery,
    Scanning,
    SynchrotronDelivery,
    Timeline,
)
from studies.evaluation import FORMULA
from studies.optics_design import Outcome, provenance_of, verdicts_on
from studies.quantities import SWITCHING
from studies.resolution import Resolved
from studies.results import FigureData, Quantity, StudyResult, TableData
from studies.switching_drawings import COLORS, sensitivities, stacked
from studies.switching_schema import SwitchingComparisonStudy
from studies.timing_checks import Check, checks
from studies.treatment import DoseModel, SpotPlan, Target, Treatment, planned

#: Assumptions that are halved and doubled, by their place in the study.
_VARIED = (
    ("target.dose_Gy", "dose"), ("dose.layer_spacing_mm", "layer spacing"), ("dose.spot_spacing_mm", "spot spacing"),
    ("scanning.speed_m_per_s", "scanning speed"), ("scanning.overhead_s", "overhead of a spot"),
    ("synchrotron.particles_per_spill", "particles a spill"), ("synchrotron.spill_s", "length of a spill"),
    ("synchrotron.change_s", "cycle change"), ("synchrotron.step_s", "step in a spill"),
    ("linac.particles_per_pulse", "particles a pulse"), ("linac.repetition_Hz", "repetition"),
    ("linac.change_s", "linac change"), ("cyclotron.rate_per_s", "degraded rate"),
    ("cyclotron.largest_rate_per_s", "largest rate"), ("cyclotron.change_s", "degrader change"),
)  # fmt: skip
_QUANTITY = {
    "one energy a cycle": "treatment_time_cycles",
    "several energies a spill": "treatment_time_steps",
    "linac": "treatment_time_linac",
    "cyclotron": "treatment_time_cyclotron",
}


@dataclass(frozen=True, eq=False)
class ComparisonFacts:
    """The treatment, each machine's timeline or why there is none, and what every assumption changes."""

    resolved: Resolved
    study: SwitchingComparisonStudy
    treatment: Treatment
    timelines: dict[str, Timeline]
    missing: dict[str, str]
    sensitivity: pd.DataFrame
    checks: tuple[Check, ...]


def compute(resolved: Resolved) -> Outcome:
    """Run the study; no file is touched. NoSolution when no machine reaches the volume."""
    facts = _gather(resolved)
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
        figures=tuple(_figures(facts)),
        tables=tuple(_tables(facts)),
        methods=tuple(_methods()),
        assumptions=tuple(_assumptions(facts)),
        references=REFERENCES,
        warnings=tuple(f"{name}: not delivered: {reason}" for name, reason in facts.missing.items()),
        provenance=provenance_of(resolved),
    )
    return Outcome(result, True)


def _told(facts: ComparisonFacts) -> str:
    treatment = facts.treatment
    return (
        f"{treatment.species}, {treatment.layers} layers from {treatment.energies.min():.4g} to "
        f"{treatment.energies.max():.4g} MeV/u"
    )


def _gather(resolved: Resolved) -> ComparisonFacts:
    study = resolved.study
    assert isinstance(study, SwitchingComparisonStudy)
    treatment = treatment_of(study)
    timelines, missing = delivered(study, treatment)
    return ComparisonFacts(
        resolved,
        study,
        treatment,
        timelines,
        missing,
        _sensitivity(study, timelines),
        checks(study, treatment, timelines),
    )


def treatment_of(study: SwitchingComparisonStudy) -> Treatment:
    """The treatment within the widest energies of all machines; NoSolution when none reaches it."""
    target, dose = study.target, study.dose
    machines = [m for m in (study.synchrotron, study.linac, study.cyclotron) if m is not None]
    limits = min(m.lowest_MeV_per_u for m in machines), max(m.highest_MeV_per_u for m in machines)
    return planned(
        target.species,
        Target(target.proximal_mm * 1e-3, target.distal_mm * 1e-3, target.side_mm * 1e-3, target.dose_Gy),
        limits,
        DoseModel(dose.straggling, dose.energy_spread, dose.nuclear_loss_per_cm),
        SpotPlan(dose.layer_spacing_mm * 1e-3, dose.spot_spacing_mm * 1e-3, dose.margin_mm * 1e-3),
    )


def machines_of(study: SwitchingComparisonStudy) -> dict[str, tuple[DeliveryMachine, tuple[float, float]]]:
    """Each way to deliver with the energies [MeV/u] it reaches."""
    s = study.synchrotron
    reach = (s.lowest_MeV_per_u, s.highest_MeV_per_u)
    common: dict[str, Any] = {"particles": s.particles_per_spill, "spill": s.spill_s, "flat_top": s.flat_top_s}

    def change(energy: float) -> float:
        del energy
        return s.change_s

    def step(energy: float) -> float:
        del energy
        return s.step_s

    found: dict[str, tuple[DeliveryMachine, tuple[float, float]]] = {
        "one energy a cycle": (SynchrotronDelivery("synchrotron, one energy a cycle", **common, change=change), reach),
        "several energies a spill": (
            SynchrotronDelivery("synchrotron, several energies a spill", **common, change=change, step=step,
                                loss=s.step_loss, least=s.least_of_layer), reach),
    }  # fmt: skip
    if (linac := study.linac) is not None:
        found["linac"] = (
            LinacDelivery(
                "linac", linac.particles_per_pulse, linac.repetition_Hz, linac.pulses_per_spot, linac.change_s
            ),
            (linac.lowest_MeV_per_u, linac.highest_MeV_per_u),
        )
    if (cyclotron := study.cyclotron) is not None:
        found["cyclotron"] = (
            CyclotronDelivery("cyclotron with degrader", cyclotron.rate_per_s, cyclotron.highest_MeV_per_u,
                              cyclotron.exponent, cyclotron.largest_rate_per_s, cyclotron.change_s),
            (cyclotron.lowest_MeV_per_u, cyclotron.highest_MeV_per_u),
        )  # fmt: skip
    return found


def delivered(study: SwitchingComparisonStudy, treatment: Treatment) -> tuple[dict[str, Timeline], dict[str, str]]:
    """Timelines of the machines that reach the volume, and of the others why not."""
    plan = study.scanning
    scanning = Scanning(
        plan.speed_m_per_s, plan.overhead_s, plan.repaints, plan.volumetric, plan.gate_duty, plan.gate_period_s
    )
    timelines, missing = {}, {}
    for name, (machine, (low, high)) in machines_of(study).items():
        least, most = float(treatment.energies.min()), float(treatment.energies.max())
        if treatment.species != "proton" and name in ("linac", "cyclotron"):
            missing[name] = f"it accelerates protons, the target asks for {treatment.species}"
        elif least < low * (1 - 1e-9) or most > high * (1 + 1e-9):
            missing[name] = (
                f"the volume needs {least:.4g} to {most:.4g} MeV/u, the machine has {low:g} to {high:g} MeV/u"
            )
        else:
            timelines[name] = machine.deliver(treatment, scanning)
    return timelines, missing


def _sensitivity(study: SwitchingComparisonStudy, timelines: dict[str, Timeline]) -> pd.DataFrame:
    """Change of each time [s] with every assumption halved and doubled."""
    rows = []
    for place, told in _VARIED:
        table, key = place.split(".")
        spec = getattr(study, table)
        if spec is None:
            continue
        for factor in (0.5, 2.0):
            changed = study.model_copy(update={table: spec.model_copy(update={key: factor * getattr(spec, key)})})
            try:
                again = delivered(changed, treatment_of(changed))[0]
            except HadronOpticsError:
                again = {}
            changes = {n: again[n].total - t.total if n in again else np.nan for n, t in timelines.items()}
            rows.append({"assumption": told, "factor": factor, **changes})
    return pd.DataFrame(rows)


# ---------------------------------------------------------------------------------------------------- quantities


def _quantities(facts: ComparisonFacts) -> Iterator[Quantity]:
    for name, quantity in _QUANTITY.items():
        if name in facts.timelines:
            line = facts.timelines[name]
            method = f"timeline layer by layer; most of it: {line.limited_by}"
            yield _quantity(quantity, line.total, 0.01, method, "time-causes")
        else:
            method = f"not computed: {facts.missing.get(name, 'the study has no such machine')}"
            yield Quantity(quantity, None, "s", None, FORMULA, method)
    level = max(abs(value - 1.0) for value in facts.treatment.level)
    yield _quantity("dose_level", level, 1e-4, "least and greatest dose along the axis, last layer aside", "dose-depth")
    yield _quantity("layers_number", facts.treatment.layers, 0.0, "counted", "dose-layers")
    specs = [m for m in (facts.study.synchrotron, facts.study.linac, facts.study.cyclotron) if m is not None]
    spreads, spots = [m.energy_spread for m in specs], [m.spot_mm * 1e-3 for m in specs]
    yield _quantity("largest_energy_spread", max(spreads), 0.0, "as the study says", "")
    yield _quantity("worst_spot", max(spots, key=lambda s: abs(s - 0.0055)), 0.0, "as the study says", "")
    missed = sum(not check.met for check in facts.checks)
    yield _quantity("timing_checks_missed", missed, 0.0, f"of {len(facts.checks)} published numbers", "")


def _quantity(name: str, value: float, error: float, method: str, figure: str) -> Quantity:
    return Quantity(name, float(value), SWITCHING[name].unit, float(error), FORMULA, method, figure)


# ---------------------------------------------------------------------------------------------- figures and tables


def _figures(facts: ComparisonFacts) -> Iterator[FigureData]:
    yield _causes(facts)
    yield from _dose(facts)
    yield _progress(facts)
    yield from _changes(facts)


def _causes(facts: ComparisonFacts) -> FigureData:
    lines = facts.timelines
    rows = [line.title for line in lines.values()]
    parts = {cause: [line.spent[cause] for line in lines.values()] for cause in CAUSES}
    parts = {cause: values for cause, values in parts.items() if any(values)}
    frame = pd.DataFrame({"machine": rows, **{f"{cause} [s]": values for cause, values in parts.items()}})
    target = facts.treatment.target
    caption = (
        f"Time to give {target.dose:g} Gy to {1e6 * target.volume:.4g} cm^3 between {1e3 * target.proximal:g} and "
        f"{1e3 * target.distal:g} mm, by cause. Limits: "
        + "; ".join(f"{line.title}: {line.limited_by}" for line in lines.values())
        + ". Look for: the longest part of each bar, which is what to work on."
    )
    return FigureData("time-causes", "Time to treat", caption, stacked(rows, parts, "time [s]"), frame)


def _dose(facts: ComparisonFacts) -> Iterator[FigureData]:
    treatment = facts.treatment
    depth = 1e3 * treatment.depths
    target = treatment.target
    figure = curves(
        [Curve("dose", list(depth), list(treatment.dose), style.INK)], "depth in water [mm]", "dose [Gy]",
        levels=[(target.dose, "prescribed")],
        marks=[(1e3 * target.proximal, "proximal"), (1e3 * target.distal, "distal")],
    )  # fmt: skip
    caption = (
        f"Dose along the axis of all layers together: {treatment.level[0]:.3f} to {treatment.level[1]:.3f} of what is "
        "prescribed between the marks. Look for: ripple, which a closer spacing of the layers takes out."
    )
    frame = pd.DataFrame({"depth [mm]": depth, "dose [Gy]": treatment.dose})
    yield FigureData("dose-depth", "Dose in depth", caption, figure_json(figure), frame)
    figure = curves(
        [Curve("particles", list(treatment.energies), list(treatment.particles), style.HORIZONTAL, markers=True)],
        "kinetic energy [MeV/u]", "particles in the layer [1]",
    )  # fmt: skip
    frame = pd.DataFrame({"energy [MeV/u]": treatment.energies, "range [mm]": 1e3 * treatment.ranges,
                          "particles": treatment.particles})  # fmt: skip
    caption = (
        f"Particles of each layer, {treatment.particles.sum():.3g} in all, {treatment.spots} spots a layer. The "
        "deepest layer takes most, which a synchrotron may have to refill for; layers that need none are passed over."
    )
    yield FigureData("dose-layers", "Particles in the layers", caption, figure_json(figure), frame)


def _progress(facts: ComparisonFacts) -> FigureData:
    items, frames = [], []
    for k, line in enumerate(facts.timelines.values()):
        ends = [0.0, *line.layer_ends]
        items.append(Curve(line.title, ends, list(np.linspace(0.0, 100.0, len(ends))), COLORS[k]))
        frames.append(pd.DataFrame({"machine": line.title, "t [s]": ends, "layers [%]": items[-1].y}))
    caption = "Layers done against time. Look for: slope, which is the layer time, and the first, deepest layer."
    figure = curves(items, "time [s]", "layers done [%]")
    return FigureData("time-progress", "Progress of the treatment", caption, figure_json(figure), pd.concat(frames))


def _changes(facts: ComparisonFacts) -> Iterator[FigureData]:
    table = facts.sensitivity
    if table.empty or not facts.timelines:
        return
    names = list(facts.timelines)
    rows = [f"{row.assumption} x {row.factor:g}" for row in table.itertuples()]
    changes = [[float(value) for value in row] for row in table[names].to_numpy()]
    caption = "Change of the time to treat [s] when one assumption is halved or doubled, all else as it is."
    frame = table.rename(columns={name: f"{name} [s]" for name in names})
    yield FigureData(
        "sensitivity-time", "Sensitivity to each assumption", caption, sensitivities(rows, names, changes), frame
    )


def _tables(facts: ComparisonFacts) -> Iterator[TableData]:
    rows: Sequence[dict[str, Any]] = [
        {"machine": line.title, **{f"{cause} [s]": line.spent[cause] for cause in CAUSES}, "total [s]": line.total,
         "limited by": line.limited_by, "spills or pulses": float(sum(line.counts.values()))}
        for line in facts.timelines.values()
    ]  # fmt: skip
    yield TableData("time-machines", "Time to treat", "Seconds by cause.", pd.DataFrame(rows))
    frame = pd.DataFrame([
        {"what": check.what, "here": check.value, "published from": check.low, "published to": check.high,
         "unit": check.unit, "met": check.met, "source": check.source}
        for check in facts.checks
    ])  # fmt: skip
    caption = "What the models give beside what is published of real machines."
    yield TableData("time-checks", "Published numbers", caption, frame)
    specs = {"synchrotron": facts.study.synchrotron, "linac": facts.study.linac, "cyclotron": facts.study.cyclotron}
    beams = [
        {"machine": name, "lowest [MeV/u]": spec.lowest_MeV_per_u, "highest [MeV/u]": spec.highest_MeV_per_u,
         "energy spread [%]": 100 * spec.energy_spread, "spot sigma [mm]": spec.spot_mm}
        for name, spec in specs.items() if spec is not None
    ]  # fmt: skip
    yield TableData("beam-machines", "Beams compared", "As the study says.", pd.DataFrame(beams))


# ------------------------------------------------------------------------------------------------------ sentences

REFERENCES = (
    "T. Bortfeld, An analytical approximation of the Bragg curve for therapeutic proton beams, Med. Phys. 24, 2024 "
    "(1997).",
    "S. Shimizu et al., A proton beam therapy system dedicated to spot-scanning increases accuracy with moving tumors, "
    "PLoS ONE 9, e94971 (2014).",
    "Y. Iwata et al., Multiple-energy operation with extended flattops at HIMAC, Nucl. Instr. Meth. A 624, 33 (2010).",
    "ICRU Report 78, Prescribing, recording, and reporting proton-beam therapy, 2007.",
)


def _methods() -> Iterator[str]:
    yield (
        "Ranges: R = 0.0022 E^1.77 cm (times A / Z^2 for ions); layers are spaced evenly in range from the distal "
        "edge. Dose: Bortfeld's closed form with range straggling, energy spread and loss of primaries. The "
        "particles of the layers make the dose level by least squares with no negative weight; lateral scattering is "
        "left out, the field is the side and its margins."
    )
    yield (
        "Time: layer by layer from the deepest. Synchrotron: particles leave evenly over the spill and wait in the "
        "ring while spots move; a spill ends with its particles or its flat top (refill). Several energies a spill: "
        "the beam that is left goes on to the next layer if it serves enough of it. Linac: whole pulses for each "
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
    yield "Bragg-Kleeman ranges are good to 1-2 % between 60 and 250 MeV, and worse for carbon ions."
    if facts.study.scanning.gate_duty < 1:
        yield "The gate's phase at the beginning of the treatment is open, and breathing is strictly periodic."
