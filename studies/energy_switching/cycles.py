"""The cycle of each species of an energy switching study: circuits, ratings, times, steps and RF at its energies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import InputError, Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from optics.ramping.acceleration import RingRF, rf_programme
from optics.ramping.energy_table import Programme
from optics.ramping.magnet_models import EddyCurrents, Excitation, Hysteresis, Supply
from studies.energy_switching.cycle import (
    Circuit,
    CyclePlan,
    MagnetCircuit,
    StepPlan,
    at_energies,
    check_ratings,
    cycle_times,
    step_times,
)
from studies.energy_switching.ring import family, injection_of
from studies.energy_switching.spec import CircuitSpec, EnergySwitchingStudy
from studies.ring_optics.magnet_fields import strongest
from studies.spec.resolution import Resolved

_RATINGS = {"T": "bend_field", "T/m": "gradient", "T/m^2": "sextupole_gradient"}
_RF_POINTS = 25


@dataclass(frozen=True, eq=False)
class SpeciesCycle:
    """One species: its particles, circuits, and the times of cycle and steps, row by row as ``energies`` [MeV/u].

    ``cavity``, ``plan``, ``step_plan``: what the times of other energies are computed with.
    """

    species: str
    energies: Array
    particles: list[ReferenceParticle]
    injection: ReferenceParticle
    circuits: tuple[Circuit, ...]
    times: pd.DataFrame
    steps: pd.DataFrame
    rf: pd.DataFrame
    cavity: RingRF
    plan: CyclePlan
    step_plan: StepPlan


def species_cycle(
    study: EnergySwitchingStudy,
    resolved: Resolved,
    ring: Lattice,
    programme: Programme,
    species: str,
    particles: list[ReferenceParticle],
    rows: slice,
) -> SpeciesCycle:
    """Circuits, times and RF of one species, ``rows`` of the programme. NoSolution and InputError name energies."""
    energies = np.array([p.kinetic_energy_per_u / 1e6 for p in particles])
    point = injection_of(resolved, study, ring, species, float(energies.min()))
    injection, rigidities = point.particle, programme.rigidities[rows]
    circuits = tuple(
        _circuit(spec, ring, programme, point.strengths, injection, rigidities, rows) for spec in study.circuit
    )
    _check_fields(circuits, _ratings(study, resolved, circuits), energies)
    check_ratings(circuits, energies)
    rf = RingRF(ring.length, _compaction(programme), study.rf.harmonic, study.rf.largest_voltage_V)
    _check_transition(rf, injection, particles[-1])
    plan = _plan(study, species)
    times = cycle_times(circuits, particles, injection, rf, plan)
    _check_ramp(times, energies, study.cycle.wanted_ramp_s)
    steps = StepPlan(study.steps.slew, study.steps.preparation_s, study.steps.loss, study.steps.field_tolerance,
                     study.steps.direction == "up")  # fmt: skip
    return SpeciesCycle(
        species=species,
        energies=energies,
        particles=particles,
        injection=injection,
        circuits=circuits,
        times=times,
        steps=step_times(circuits, particles, rf, plan, steps),
        rf=_rf(rf, species, injection, particles[-1], float(times["ramp"].iloc[-1]), study, particles[-1].nucleons),
        cavity=rf,
        plan=plan,
        step_plan=steps,
    )


def _compaction(programme: Programme) -> float:
    return float(np.atleast_1d(programme.optics.momentum_compaction)[0])


def _circuit(
    spec: CircuitSpec,
    ring: Lattice,
    programme: Programme,
    injected: Mapping[str, float],
    injection: ReferenceParticle,
    rigidities: Array,
    rows: slice,
) -> Circuit:
    if spec.parameter == "bend":
        unit, curvature = "T", strongest("max_bend_field", ring, 1.0).value
        begin, end = curvature * injection.magnetic_rigidity, curvature * rigidities
    else:
        unit, per_setting = family(ring, spec.parameter)
        settings = programme.set.get(spec.parameter)
        strengths = (
            settings[rows] if settings is not None else np.full(len(rigidities), ring.parameters[spec.parameter])
        )
        begin = per_setting * injected.get(spec.parameter, 0.0) * injection.magnetic_rigidity
        end = per_setting * strengths * rigidities
    magnet = MagnetCircuit(
        spec.parameter,
        unit,
        Excitation(spec.gain, spec.remanent, spec.knee, spec.power),
        Supply(spec.largest_current_A, spec.largest_voltage_V, spec.largest_slew_A_per_s, spec.resistance_ohm,
               spec.inductance_H),
        EddyCurrents(spec.eddy_delay_s, spec.eddy_time_s),
        Hysteresis(spec.hysteresis_width, spec.hysteresis_reach),
    )  # fmt: skip
    return Circuit(magnet, float(begin), np.asarray(end))


def _ratings(study: EnergySwitchingStudy, resolved: Resolved, circuits: Sequence[Circuit]) -> list[float | None]:
    """Largest field of each circuit: its own, else the machine's of such magnets, else none."""
    known = resolved.machine.ratings if resolved.machine else {}
    rated = {unit: known[name].value for unit, name in _RATINGS.items() if name in known}
    return [
        spec.largest_field or rated.get(circuit.magnet.unit)
        for spec, circuit in zip(study.circuit, circuits, strict=True)
    ]


def _check_fields(circuits: Sequence[Circuit], ratings: Sequence[float | None], energies: Array) -> None:
    """NoSolution where a field exceeds its rating, naming the energies."""
    for circuit, rating in zip(circuits, ratings, strict=True):
        over = np.abs(circuit.extraction) > (rating or np.inf) * (1 + 1e-3)  # ratings are given to few digits
        if over.any():
            works = f"; the nearest that works is {energies[~over].max():.5g} MeV/u" if (~over).any() else ""
            raise NoSolution(
                f"'{circuit.magnet.name}' needs {np.abs(circuit.extraction).max():.5g} {circuit.magnet.unit}, rated "
                f"{rating:g}: exceeded {at_energies(energies[over])}{works}"
            )


def _check_transition(rf: RingRF, injection: ReferenceParticle, top: ReferenceParticle) -> None:
    """NoSolution where the ramp crosses transition: there is no bucket there, and the models know no jump."""
    if rf.slip(injection) * rf.slip(top) <= 0:
        transition = 1 / np.sqrt(rf.momentum_compaction)
        energy = (transition - 1) * top.mass / top.nucleons / 1e6
        raise NoSolution(
            f"{top.species} crosses transition (gamma = {transition:.5g}, {energy:.5g} MeV/u) between injection and "
            f"{top.kinetic_energy_per_u / 1e6:.5g} MeV/u: stay on one side of it, or change the optics"
        )


def _plan(study: EnergySwitchingStudy, species: str) -> CyclePlan:
    cycle = study.cycle
    if species not in cycle.extraction_s:
        there = ", ".join(f"{name} = {value:g}" for name, value in cycle.extraction_s.items())
        raise InputError(
            f"cycle.extraction_s has no length of the spill for {species}: give cycle.extraction_s = {{ {species} = "
            f"SECONDS }} beside {{ {there} }}"
        )
    return CyclePlan(
        cycle.injection_s, cycle.rounding_s, cycle.preparation_s, cycle.extraction_s[species], cycle.field_tolerance,
        cycle.standardise, cycle.top_current, study.rf.adiabaticity, study.rf.capture_voltage_V,
    )  # fmt: skip


def _check_ramp(times: pd.DataFrame, energies: Array, wanted: float | None) -> None:
    """NoSolution when a wanted ramp time cannot be met, naming the energies and the fastest that works."""
    if wanted is None:
        return
    over = times["ramp"].to_numpy() > wanted
    if over.any():
        row = times.loc[over].iloc[-1]
        raise NoSolution(
            f"cycle.wanted_ramp_s = {wanted:g} s cannot be met from {energies[over].min():.5g} to "
            f"{energies[over].max():.5g} MeV/u: '{row['slowest']}' needs "
            f"{times['ramp'].max():.4g} s, the least that works"
        )


def _rf(
    rf: RingRF,
    species: str,
    injection: ReferenceParticle,
    top: ReferenceParticle,
    ramp: float,
    study: EnergySwitchingStudy,
    nucleons: int,
) -> pd.DataFrame:
    """RF along the ramp to the highest energy: a smooth rise with zero slope at both ends."""
    part = np.linspace(0.0, 1.0, _RF_POINTS)
    rounding = study.cycle.rounding_s / ramp
    rise = _rounded(part, min(rounding, 0.5))
    low, high = injection.magnetic_rigidity, top.magnetic_rigidity
    return rf_programme(rf, species, low + (high - low) * rise, part * ramp, study.rf.bucket_area_eVs_per_u * nucleons)


def _rounded(part: Array, rounding: float) -> Array:
    """A ramp from 0 to 1 with parabolas over ``rounding`` of its time at both ends."""
    slope = 1.0 / (1.0 - rounding)
    begin = slope * part**2 / (2 * rounding)
    end = 1.0 - slope * (1.0 - part) ** 2 / (2 * rounding)
    return np.where(part < rounding, begin, np.where(part > 1 - rounding, end, slope * (part - rounding / 2)))
