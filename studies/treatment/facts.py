"""What the comparison of machines has computed before anything is judged: treatment, timelines, beams, variations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from lattice import HadronOpticsError, InputError, Lattice, ReferenceParticle
from optics.matter.bragg import DoseModel
from optics.matter.layers import SpotPlan, Target, Treatment, planned
from optics.matter.scattering import scattered
from studies.pipeline import Asked
from studies.spec.resolution import Resolved
from studies.treatment.lines import ComputedLine, computed_line, named_line
from studies.treatment.machines import (
    ComputedLinac,
    ComputedRing,
    Reaches,
    computed_linac,
    computed_ring,
    constant,
    followed,
    reaches,
)
from studies.treatment.spec import SwitchingComparisonStudy
from studies.treatment.timeline import (
    CyclotronDelivery,
    DeliveryMachine,
    LinacDelivery,
    Scanning,
    SynchrotronDelivery,
    Timeline,
)
from studies.treatment.timing_checks import Check, checks

RING = "synchrotron"
CYCLES, STEPS, LINAC, CYCLOTRON = "one energy a cycle", "several energies a spill", "linac", "cyclotron"
#: Assumptions that are halved and doubled, by their place in the study.
VARIED = (
    ("target.dose_Gy", "dose"),
    ("dose.layer_spacing_mm", "layer spacing"),
    ("dose.spot_spacing_mm", "spot spacing"),
    ("dose.energy_spread", "energy spread"),
    ("dose.nuclear_loss_per_cm", "loss of primaries"),
    ("scanning.speed_m_per_s", "scanning speed"),
    ("scanning.overhead_s", "overhead of a spot"),
    ("synchrotron.particles_per_spill", "particles a spill"),
    ("synchrotron.spill_s", "length of a spill"),
    ("synchrotron.flat_top_s", "longest flat top"),
    ("synchrotron.change_s", "change by a cycle"),
    ("synchrotron.step_s", "step in a spill"),
    ("synchrotron.step_loss", "loss in a step"),
    ("synchrotron.energies_per_spill", "energies a spill"),
    ("synchrotron.least_of_layer", "least part of a layer"),
    ("linac.largest_particles_per_pulse", "particles a pulse"),
    ("linac.repetition_Hz", "repetition"),
    ("linac.pulses_per_spot", "pulses a spot"),
    ("linac.change_s", "change, linac"),
    ("cyclotron.rate_per_s", "degraded rate"),
    ("cyclotron.largest_rate_per_s", "largest rate"),
    ("cyclotron.change_s", "change, degrader"),
)
_MOST_ENERGIES = 12  # of a spill, in the figure of multi-energy extraction
_SPILLS = (0.25, 1.0, 4.0)  # of the particles of a spill, likewise


@dataclass(frozen=True, eq=False)
class Machines:
    """What was computed of ``ring`` and ``linac`` (None where there are none), why some machines are missing, and the
    ``lines`` behind ring and linac, by the word of their table."""

    ring: ComputedRing | None
    linac: ComputedLinac | None
    missing: Mapping[str, str]
    lines: Mapping[str, ComputedLine] = field(default_factory=dict)

    def line(self, place: str) -> ComputedLine | None:
        """The line that serves behind a machine, where there is one."""
        found = self.lines.get(place)
        return None if found is None or found.why_not else found


@dataclass(frozen=True, eq=False)
class ComparisonFacts:
    """The treatment, each machine's timeline or why there is none, beams, and what every assumption changes.

    ``beams``: a row for each machine and energy; ``several``: time against energies a spill.
    """

    resolved: Resolved[SwitchingComparisonStudy]
    study: SwitchingComparisonStudy
    treatment: Treatment
    machines: Machines
    timelines: dict[str, Timeline]
    beams: pd.DataFrame
    sensitivity: pd.DataFrame
    several: pd.DataFrame
    checks: tuple[Check, ...]
    unreached: str = ""
    interrupted: bool = False

    @property
    def lattice(self) -> Lattice:
        """The ring's, before its energies are matched."""
        return self.resolved.lattice

    @property
    def told(self) -> str:
        """Species, layers and energies."""
        low, high = self.treatment.energies.min(), self.treatment.energies.max()
        per = "MeV" if self.treatment.species == "proton" else "MeV/u"
        return f"{self.treatment.species}, {self.treatment.layers} layers from {low:.4g} to {high:.4g} {per}"


def gather(resolved: Resolved[SwitchingComparisonStudy], asked: Asked) -> ComparisonFacts:
    """Compute the study. NoSolution when no machine reaches the volume."""
    study = resolved.study
    within = reaches(study)
    treatment = treatment_of(study, within)
    machines = computed_machines(study, treatment, within)
    timelines = delivered(study, treatment, machines)
    return ComparisonFacts(
        resolved=resolved,
        study=study,
        treatment=treatment,
        machines=machines,
        timelines=timelines,
        beams=beams_of(study, treatment, machines),
        sensitivity=_sensitivity(study, timelines, machines, within),
        several=_several(study, treatment, machines),
        checks=checks(study, machines.ring),
    )


def gather_again(facts: ComparisonFacts, resolved: Resolved[SwitchingComparisonStudy]) -> ComparisonFacts:
    """The facts of another study of the same ring and linac: their times and beams are kept."""
    study = resolved.study
    treatment = treatment_of(study, reaches(study))
    timelines = delivered(study, treatment, facts.machines)
    beams = beams_of(study, treatment, facts.machines)
    return replace(facts, resolved=resolved, study=study, treatment=treatment, timelines=timelines, beams=beams)


def treatment_of(study: SwitchingComparisonStudy, within: Reaches) -> Treatment:
    """The treatment within the widest energies of all machines; NoSolution when none reaches it."""
    target, dose = study.target, study.dose
    if target.species not in dose.nuclear_loss_per_cm:
        raise InputError(
            f"dose.nuclear_loss_per_cm has no {target.species}: it has {', '.join(dose.nuclear_loss_per_cm)}; add it"
        )
    return planned(
        target.species,
        Target(target.proximal_mm * 1e-3, target.distal_mm * 1e-3, target.side_mm * 1e-3, target.dose_Gy),
        within.widest(target.species),
        DoseModel(dose.straggling, dose.energy_spread, dose.nuclear_loss_per_cm[target.species]),
        SpotPlan(dose.layer_spacing_mm * 1e-3, dose.spot_spacing_mm * 1e-3, dose.margin_mm * 1e-3),
    )


def computed_machines(study: SwitchingComparisonStudy, treatment: Treatment, within: Reaches) -> Machines:
    """Ring and linac at the energies of the treatment, where they reach it. InputError for a line that is none."""
    for place, spec in ((RING, study.synchrotron), (LINAC, study.linac)):
        if spec is not None:
            named_line(spec, place)
    missing = within.missing(treatment)
    ring = None if CYCLES in missing else computed_ring(study.synchrotron, treatment.species, treatment.energies)
    linac = None
    if study.linac is not None and LINAC not in missing:
        linac = computed_linac(study.linac, treatment.energies)
    return Machines(ring, linac, missing, dict(_lines(study, treatment, ring, linac)))


def _lines(
    study: SwitchingComparisonStudy, treatment: Treatment, ring: ComputedRing | None, linac: ComputedLinac | None
) -> Iterator[tuple[str, ComputedLine]]:
    for place, machine, spec in ((RING, ring, study.synchrotron), (LINAC, linac, study.linac)):
        if machine is not None and spec is not None:
            line = computed_line(spec, place, treatment.species, treatment.energies)
            if line is not None:
                yield place, line


def delivered(
    study: SwitchingComparisonStudy,
    treatment: Treatment,
    machines: Machines,
    factors: Mapping[str, float] | None = None,
) -> dict[str, Timeline]:
    """Timelines of the machines that reach the volume; ``factors`` multiply computed numbers by their place."""
    plan = study.scanning
    scanning = Scanning(
        plan.speed_m_per_s, plan.overhead_s, plan.repaints, plan.volumetric, plan.gate_duty, plan.gate_period_s
    )
    found = dict(_deliveries(study, treatment, machines, factors or {}))
    up = machines.ring is not None and machines.ring.cycle.step_plan.up

    def given(name: str) -> Treatment:
        line = machines.line({CYCLES: RING, STEPS: RING}.get(name, name))
        whole = treatment if line is None else line.before(treatment)
        return whole.upwards() if up and name == STEPS else whole

    return {name: machine.deliver(given(name), scanning) for name, machine in found.items()}


def _deliveries(
    study: SwitchingComparisonStudy, treatment: Treatment, machines: Machines, factors: Mapping[str, float]
) -> Iterator[tuple[str, DeliveryMachine]]:
    if machines.ring is not None:
        yield from _ring_deliveries(study, treatment, machines.ring, factors)
    if machines.linac is not None:
        yield LINAC, _linac_delivery(study, treatment, machines.linac, factors)
    if (cyclotron := study.cyclotron) is not None and CYCLOTRON not in machines.missing:
        yield (
            CYCLOTRON,
            CyclotronDelivery(
                "cyclotron with degrader",
                cyclotron.rate_per_s,
                cyclotron.upper_MeV_per_u,
                cyclotron.exponent,
                cyclotron.largest_rate_per_s,
                cyclotron.change_s,
            ),
        )


def _ring_deliveries(
    study: SwitchingComparisonStudy, treatment: Treatment, ring: ComputedRing, factors: Mapping[str, float]
) -> Iterator[tuple[str, DeliveryMachine]]:
    spec, energies = study.synchrotron, np.sort(treatment.energies)
    if treatment.species not in spec.particles_per_spill:
        raise InputError(
            f"synchrotron.particles_per_spill has no {treatment.species}: it has {', '.join(spec.particles_per_spill)}"
        )
    changes, steps = ring.cycle.times_at(energies)
    change = (
        factors.get("synchrotron.change_s", 1.0) * changes if spec.change_s is None else spec.change_s + 0 * changes
    )
    step = factors.get("synchrotron.step_s", 1.0) * steps if spec.step_s is None else spec.step_s + 0 * steps
    common: dict[str, Any] = {
        "particles": spec.particles_per_spill[treatment.species],
        "spill": spec.spill_s,
        "flat_top": spec.flat_top_s,
        "change": followed(energies, change),
    }
    yield CYCLES, SynchrotronDelivery("synchrotron, one energy a cycle", **common)
    arrived = energies[1:] if ring.cycle.step_plan.up else energies[:-1]
    between = followed(arrived, step) if len(step) else constant(0.0)
    yield (
        STEPS,
        SynchrotronDelivery(
            "synchrotron, several energies a spill",
            **common,
            step=between,
            loss=spec.step_loss,
            least=spec.least_of_layer,
            energies=spec.energies_per_spill,
        ),
    )


def _linac_delivery(
    study: SwitchingComparisonStudy, treatment: Treatment, linac: ComputedLinac, factors: Mapping[str, float]
) -> LinacDelivery:
    spec = study.linac
    assert spec is not None
    changes = factors.get("linac.change_s", 1.0) * linac.changes(treatment.energies)
    repetition = factors.get("linac.repetition_Hz", 1.0) * linac.machine.pulse.repetition
    particles = np.minimum(spec.largest_particles_per_pulse, linac.available)
    return LinacDelivery(
        "linac",
        followed(linac.beams["energy"].to_numpy(), particles),
        spec.repetition_Hz or repetition,
        spec.pulses_per_spot,
        followed(treatment.energies, changes) if spec.change_s is None else constant(spec.change_s),
    )


# ----------------------------------------------------------------------------------------------------------- beams


def beams_of(study: SwitchingComparisonStudy, treatment: Treatment, machines: Machines) -> pd.DataFrame:
    """Energy [MeV/u], rms energy spread, emittances and spots [m] of each machine at every energy of the treatment."""
    frames = []
    if machines.ring is not None:
        ring = machines.ring.beams(treatment.energies)
        frames.append(_with_spots(study, treatment.species, RING, ring, study.synchrotron, machines.line(RING)))
    if machines.linac is not None and study.linac is not None:
        frames.append(
            _with_spots(study, treatment.species, LINAC, machines.linac.beams, study.linac, machines.line(LINAC))
        )
    if (cyclotron := study.cyclotron) is not None and CYCLOTRON not in machines.missing:
        emittance = cyclotron.emittance_um * 1e-6
        same = pd.DataFrame(
            {
                "energy": treatment.energies,
                "spread": cyclotron.energy_spread,
                "emittance_x": emittance,
                "emittance_y": emittance,
            }
        )
        frames.append(_with_spots(study, treatment.species, CYCLOTRON, same, cyclotron))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"machine": [], "energy": []})


def _with_spots(
    study: SwitchingComparisonStudy,
    species: str,
    machine: str,
    beams: pd.DataFrame,
    spec: Any,
    line: ComputedLine | None = None,
) -> pd.DataFrame:
    given, place = spec.energy_spread, study.isocentre
    beams = beams if given is None else beams.assign(spread=given)
    particles = [ReferenceParticle(species, kinetic_energy_per_u=energy * 1e6) for energy in beams["energy"]]
    if line is None:
        sizes = np.sqrt(beams[["emittance_x", "emittance_y"]].to_numpy() * spec.isocentre_beta_m)
    else:
        sizes = line.sizes_at(beams["energy"].to_numpy())
    water, distance = place.nozzle_mm * 1e-3, place.distance_m
    spots = [
        [scattered(particle, size, water, distance) for size in both]
        for particle, both in zip(particles, sizes, strict=True)
    ]
    spot_x, spot_y = np.transpose(spots)
    arriving = 1.0 if line is None else line.arriving_at(beams["energy"].to_numpy())
    return beams.assign(machine=machine, spot_x=spot_x, spot_y=spot_y, arriving=arriving)


# ------------------------------------------------------------------------------------------------------ variations


def _sensitivity(
    study: SwitchingComparisonStudy, timelines: Mapping[str, Timeline], machines: Machines, within: Reaches
) -> pd.DataFrame:
    """Change of each time [s] with every assumption halved and doubled."""
    rows = []
    for place, told in VARIED:
        if getattr(study, place.partition(".")[0]) is None:
            continue
        for factor in (0.5, 2.0):
            try:
                changed, factors = varied(study, place, factor)
                again = delivered(changed, treatment_of(changed, within), machines, factors)
            except HadronOpticsError:
                again = {}
            changes = {n: again[n].total - t.total if n in again else np.nan for n, t in timelines.items()}
            rows.append({"assumption": told, "factor": factor, **changes})
    return pd.DataFrame(rows)


def varied(
    study: SwitchingComparisonStudy, place: str, factor: float
) -> tuple[SwitchingComparisonStudy, dict[str, float]]:
    """The study with the number at ``place`` times ``factor``; a number that is computed is returned as a factor."""
    table, key = place.split(".")
    spec = getattr(study, table)
    value = getattr(spec, key)
    if value is None:
        return study, {place: factor}
    new: Any
    if isinstance(value, dict):
        new = {**value, study.target.species: factor * value[study.target.species]}
    elif isinstance(value, int):
        new = max(1, round(factor * value))
    else:
        new = factor * value
    return study.model_copy(update={table: spec.model_copy(update={key: new})}), {}


def _several(study: SwitchingComparisonStudy, treatment: Treatment, machines: Machines) -> pd.DataFrame:
    """Time to treat [s] against the energies of a spill, for several fillings of the ring."""
    if machines.ring is None:
        return pd.DataFrame()
    rows = []
    for part in _SPILLS:
        filled, _ = varied(study, "synchrotron.particles_per_spill", part)
        for number in range(1, _MOST_ENERGIES + 1):
            spec = filled.synchrotron.model_copy(update={"energies_per_spill": number})
            one = filled.model_copy(update={"synchrotron": spec, "linac": None, "cyclotron": None})
            only = Machines(machines.ring, None, {CYCLOTRON: "", LINAC: ""}, machines.lines)
            line = delivered(one, treatment, only)[STEPS]
            particles = spec.particles_per_spill[treatment.species]
            rows.append(
                {"particles": particles, "energies": number, "time": line.total, "spills": line.counts["spills"]}
            )
    return pd.DataFrame(rows)
