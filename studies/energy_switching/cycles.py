"""The cycle of each species of an energy switching study: its circuits, plans and cavity, from the study's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from machines.rings.machine import RATED
from optics.magnets import strongest
from optics.ramping.acceleration import RingRF
from optics.ramping.circuits import Circuit, MagnetCircuit
from optics.ramping.cycle import CyclePlan
from optics.ramping.energy_table import Programme
from optics.ramping.magnet_models import EddyCurrents, Excitation, Hysteresis, Supply
from optics.ramping.species import SpeciesCycle, species_cycle
from optics.ramping.steps import StepPlan
from studies.energy_switching.ring import family, injection_of
from studies.energy_switching.spec import CircuitSpec, EnergySwitchingStudy
from studies.spec.resolution import Resolved


def cycle_of(
    study: EnergySwitchingStudy,
    resolved: Resolved[EnergySwitchingStudy],
    ring: Lattice,
    programme: Programme,
    particles: list[ReferenceParticle],
    rows: slice,
) -> SpeciesCycle:
    """Circuits, times and RF of one species, ``rows`` of the programme. NoSolution and InputError name energies."""
    species, energies = particles[0].species, np.array([p.kinetic_energy_per_u / 1e6 for p in particles])
    point = injection_of(resolved, study, ring, species, float(energies.min()))
    circuits = tuple(_circuit(spec, ring, programme, (point.particle, point.strengths), rows) for spec in study.circuit)
    return species_cycle(
        particles,
        point.particle,
        circuits,
        RingRF(ring.length, _compaction(programme), study.rf.harmonic, study.rf.largest_voltage_V),
        plan=_plan(study, species),
        steps=_step_plan(study),
        bucket_area=study.rf.bucket_area_eVs_per_u,
        wanted_ramp=study.cycle.wanted_ramp_s,
        field_ratings=field_ratings(study, resolved, circuits),
        judged=_judged(resolved),
    )


#: Ratings that quantities tell the share of.
_SHARES = {"largest_current_share": "current", "largest_voltage_share": "voltage", "largest_field_share": "field"}


def _judged(resolved: Resolved[EnergySwitchingStudy]) -> set[str]:
    """The ratings that a requirement of the study judges: beyond these it fails, beyond others there is no study."""
    asked = {requirement.quantity for requirement in resolved.requirements}
    return {kind for quantity, kind in _SHARES.items() if quantity in asked}


def _compaction(programme: Programme) -> float:
    return float(np.atleast_1d(programme.optics.momentum_compaction)[0])


def _circuit(
    spec: CircuitSpec,
    ring: Lattice,
    programme: Programme,
    injected: tuple[ReferenceParticle, Mapping[str, float]],
    rows: slice,
) -> Circuit:
    """Fields of a circuit: field per B rho and setting, times the setting, times B rho."""
    injection, strengths = injected
    rigidities = programme.rigidities[rows]
    if spec.parameter == "bend":
        unit, per_setting, low = "T", strongest("max_bend_field", ring, 1.0).value, 1.0
        settings = np.ones(len(rigidities))
    else:
        unit, per_setting = family(ring, spec.parameter)
        low = strengths.get(spec.parameter, 0.0)
        found = programme.set.get(spec.parameter)
        settings = found[rows] if found is not None else np.full(len(rigidities), ring.parameters[spec.parameter])
    begin, end = per_setting * low * injection.magnetic_rigidity, per_setting * settings * rigidities
    return Circuit(_magnet(spec, unit), float(begin), np.asarray(end))


def _magnet(spec: CircuitSpec, unit: str) -> MagnetCircuit:
    supply = Supply(
        largest_current=spec.largest_current_A,
        largest_voltage=spec.largest_voltage_V,
        largest_slew=spec.largest_slew_A_per_s,
        resistance=spec.resistance_ohm,
        inductance=spec.inductance_H,
    )
    return MagnetCircuit(
        name=spec.parameter,
        unit=unit,
        excitation=Excitation(spec.gain, spec.remanent, spec.knee, spec.power),
        supply=supply,
        eddy=EddyCurrents(spec.eddy_delay_s, spec.eddy_time_s),
        hysteresis=Hysteresis(spec.hysteresis_width, spec.hysteresis_reach),
    )


def field_ratings(
    study: EnergySwitchingStudy, resolved: Resolved[EnergySwitchingStudy], circuits: Sequence[Circuit]
) -> list[float | None]:
    """Largest field of each circuit: its own, else the machine's of such magnets, else none."""
    known = resolved.machine.ratings if resolved.machine else {}
    rated = {known[name].unit: known[name].value for name in RATED.values() if name in known}
    return [
        spec.largest_field or rated.get(circuit.magnet.unit)
        for spec, circuit in zip(study.circuit, circuits, strict=True)
    ]


def _plan(study: EnergySwitchingStudy, species: str) -> CyclePlan:
    cycle = study.cycle
    if species not in cycle.extraction_s:
        there = ", ".join(f"{name} = {value:g}" for name, value in cycle.extraction_s.items())
        raise InputError(
            f"cycle.extraction_s has no length of the spill for {species}: give cycle.extraction_s = {{ {species} = "
            f"SECONDS }} beside {{ {there} }}"
        )
    return CyclePlan(
        injection=cycle.injection_s,
        rounding=cycle.rounding_s,
        preparation=cycle.preparation_s,
        extraction=cycle.extraction_s[species],
        field_tolerance=cycle.field_tolerance,
        standardise=cycle.standardise,
        top_current=cycle.top_current,
        adiabaticity=study.rf.adiabaticity,
        capture_voltage=study.rf.capture_voltage_V,
    )


def _step_plan(study: EnergySwitchingStudy) -> StepPlan:
    steps = study.steps
    return StepPlan(
        slew=steps.slew,
        preparation=steps.preparation_s,
        loss=steps.loss,
        field_tolerance=steps.field_tolerance,
        up=steps.direction == "up",
    )
