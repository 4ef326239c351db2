"""What the study of energy switching has computed before anything is judged: programme, circuits, cycles, table, RF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lattice import Bend, InputError, Lattice, NoSolution, ReferenceParticle
from lattice.errors import did_you_mean
from machines.machine import Machine, WorkingPoint
from optics import twiss
from optics.acceleration import RingRF, rf_programme
from optics.energy_table import FieldErrors, Programme, match_table, with_bend_errors
from optics.field_error_fit import FieldErrorFit, Held, fit_field_errors
from optics.magnet_models import EddyCurrents, Excitation, Hysteresis, Supply
from optics.matching import MatchResult
from optics.optics import Optics
from optics.verification import verify
from studies.cycle import (
    Circuit,
    CyclePlan,
    MagnetCircuit,
    StepPlan,
    at_energies,
    check_ratings,
    cycle_times,
    step_times,
)
from studies.energy_table_file import OperationalTable, read_table, table_text
from studies.logs import LOGGER
from studies.match_design import goal, matched_design
from studies.resolution import TABLES, Resolved
from studies.switching_schema import CircuitSpec, EnergiesSpec, EnergySwitchingStudy
from studies.treatment import energy_of, range_of

Array = np.ndarray[Any, Any]

_FIELD_UNITS = {"bend": "T", "quadrupole": "T/m", "sextupole": "T/m^2"}
_RATINGS = {"T": "bend_field", "T/m": "gradient", "T/m^2": "sextupole_gradient"}
_RF_POINTS = 25
_ROUNDING = 1e-9  # of energies that are the ends of a machine


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


@dataclass(frozen=True, eq=False)
class TableFacts:
    """Operational tables: the optics they give in an ideal ring, and the field errors that explain it."""

    tables: tuple[OperationalTable, ...]
    species: list[str]
    energies: Array
    optics: Optics
    fit: FieldErrorFit
    held: Held


@dataclass(frozen=True, eq=False)
class EngineSample:
    """Tunes of one energy by both engines."""

    energy: float
    species: str
    ours: tuple[float, float]
    xsuite: tuple[float, float]


@dataclass(frozen=True, eq=False)
class SwitchingFacts:
    """Everything that quantities, tables and figures are made of; rows in the order of ``species`` and energies."""

    resolved: Resolved
    study: EnergySwitchingStudy
    machine: Machine
    matched: MatchResult | None
    ring: Lattice
    programme: Programme
    species: list[str]
    energies: Array
    cycles: tuple[SpeciesCycle, ...]
    tune_per_strength: float
    table: TableFacts | None
    engines: tuple[EngineSample, ...]


def gather(resolved: Resolved) -> SwitchingFacts:
    """Compute the study. NoSolution and InputError name the energies or circuits concerned."""
    study = resolved.study
    assert isinstance(study, EnergySwitchingStudy)
    machine = _ring_machine(resolved)
    tables = _tables(resolved)
    lists = _energies(study, tables, machine)
    if study.match is not None and study.match.cases:
        raise InputError("match.cases: this study holds its targets at every energy by itself, it takes no other cases")
    goals = [goal(spec, resolved) for spec in (study.match.targets if study.match else ()) if spec.active]
    if not goals:
        raise InputError("match.targets: the study needs what shall be held at every energy")
    matched = matched_design(resolved)
    ring = with_bend_errors((matched.lattice if matched else resolved.lattice).with_particle(resolved.particle))
    rigidities = np.concatenate([[p.magnetic_rigidity for p in particles] for _, particles in lists])
    LOGGER.info("strengths of %d energies together", len(rigidities))
    programme = match_table(
        ring, resolved.particle, rigidities, study.vary, goals, _errors(study), degree=study.degree,
        fringe=study.model.fringe, names=[_called(p) for _, particles in lists for p in particles],
    )  # fmt: skip
    begins = np.cumsum([0, *(len(particles) for _, particles in lists)])
    LOGGER.info("cycles, steps and RF")
    cycles = tuple(
        _cycle(study, machine, ring, programme, species, particles, slice(begin, begin + len(particles)))
        for (species, particles), begin in zip(lists, begins, strict=False)
    )
    return SwitchingFacts(
        resolved=resolved,
        study=study,
        machine=machine,
        matched=matched,
        ring=ring,
        programme=programme,
        species=[species for species, particles in lists for _ in particles],
        energies=np.concatenate([cycle.energies for cycle in cycles]),
        cycles=cycles,
        tune_per_strength=_tune_per_strength(ring, resolved.particle, machine, study.model.fringe),
        table=_table_facts(tables, ring, resolved, study),
        engines=tuple(_engines(ring, programme, lists, study)),
    )


def _ring_machine(resolved: Resolved) -> Machine:
    if resolved.machine is None:
        raise InputError("energy switching needs machine = NAME: its magnet families, working points and energies")
    return resolved.machine


# -------------------------------------------------------------------------------------------------------- energies


def _tables(resolved: Resolved) -> tuple[OperationalTable, ...]:
    named = sorted(key for key in resolved.inputs if key.startswith(TABLES))
    found = tuple(read_table(table_text(resolved.inputs[key], key), key) for key in named)
    species = [table.species for table in found]
    repeated = {name for name in species if species.count(name) > 1}
    if repeated:
        raise InputError(f"two tables of {', '.join(sorted(repeated))}: give one file a species")
    return found


def _energies(
    study: EnergySwitchingStudy, tables: Sequence[OperationalTable], machine: Machine
) -> list[tuple[str, list[ReferenceParticle]]]:
    """Particles of each species, those of the tables where there are any; InputError outside the machine."""
    lists = [(t.species, t.particles) for t in tables] or [(spec.species, _spaced(spec)) for spec in study.energies]
    for species, particles in lists:
        if species not in machine.energies:
            raise InputError(
                f"'{machine.name}' is not described for {species}{did_you_mean(species, machine.energies)}: "
                f"it has {', '.join(machine.energies)}"
            )
        low, high = machine.energies[species]
        inside = (low * (1 - _ROUNDING), high * (1 + _ROUNDING))
        outside = [p.kinetic_energy_per_u for p in particles if not inside[0] <= p.kinetic_energy_per_u <= inside[1]]
        if outside:
            raise InputError(
                f"{len(outside)} energies of {species} lie outside '{machine.name}', {low / 1e6:g} to {high / 1e6:g} "
                f"MeV/u: {min(outside) / 1e6:.5g} to {max(outside) / 1e6:.5g} MeV/u; the nearest that work are its ends"
            )
    return lists


def _spaced(spec: EnergiesSpec) -> list[ReferenceParticle]:
    """Energies evenly spaced in range."""
    low, high = (float(range_of(spec.species, e)) for e in (spec.lower_MeV_per_u, spec.upper_MeV_per_u))
    energies = energy_of(spec.species, np.linspace(low, high, spec.number))
    return [ReferenceParticle(spec.species, kinetic_energy_per_u=float(energy) * 1e6) for energy in energies]


def _called(particle: ReferenceParticle) -> str:
    return f"{particle.species} {particle.kinetic_energy_per_u / 1e6:.5g} MeV/u"


def _errors(study: EnergySwitchingStudy) -> FieldErrors:
    spec = study.errors
    return FieldErrors(spec.scale_T_m, spec.gradients, spec.bend_k1, spec.bend_k2)


# ---------------------------------------------------------------------------------------------------------- cycles


def _cycle(
    study: EnergySwitchingStudy,
    machine: Machine,
    ring: Lattice,
    programme: Programme,
    species: str,
    particles: list[ReferenceParticle],
    rows: slice,
) -> SpeciesCycle:
    energies = np.array([p.kinetic_energy_per_u / 1e6 for p in particles])
    point = _injection(study, machine, species, energies)
    injection, rigidities = point.particle, programme.rigidities[rows]
    circuits = tuple(
        _circuit(spec, machine, ring, programme, point.strengths, injection, rigidities, rows) for spec in study.circuit
    )
    _check_fields(circuits, machine, energies)
    check_ratings(circuits, energies)
    rf = RingRF(ring.length, _compaction(programme), study.rf.harmonic, study.rf.largest_voltage_V)
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


def _injection(study: EnergySwitchingStudy, machine: Machine, species: str, energies: Array) -> WorkingPoint:
    """The working point at injection. InputError when none is named for the species, or it is not one of injection."""
    named = study.cycle.injection_working_point
    if species not in named:
        raise InputError(
            f"cycle.injection_working_point has none for {species}: name one of '{machine.name}', which has "
            f"{', '.join(machine.working_points)}"
        )
    point = machine.working_point(named[species])
    if point.particle.species != species or point.particle.kinetic_energy_per_u / 1e6 >= energies.min():
        raise InputError(
            f"cycle.injection_working_point: '{point.name}' is {point.particle.species} of "
            f"{point.particle.kinetic_energy_per_u / 1e6:.5g} MeV/u, expected {species} below "
            f"{energies.min():.5g} MeV/u"
        )
    return point


def _compaction(programme: Programme) -> float:
    return float(np.atleast_1d(programme.optics.momentum_compaction)[0])


def _circuit(
    spec: CircuitSpec,
    machine: Machine,
    ring: Lattice,
    programme: Programme,
    injected: Mapping[str, float],
    injection: ReferenceParticle,
    rigidities: Array,
    rows: slice,
) -> Circuit:
    if spec.parameter == "bend":
        unit, curvature = "T", _curvature(ring)
        begin, end = curvature * injection.magnetic_rigidity, curvature * rigidities
    else:
        family = _family(spec.parameter, machine)
        unit = _FIELD_UNITS[family]
        settings = programme.set.get(spec.parameter)
        strengths = (
            settings[rows] if settings is not None else np.full(len(rigidities), ring.parameters[spec.parameter])
        )
        begin = injected.get(spec.parameter, 0.0) * injection.magnetic_rigidity
        end = strengths * rigidities
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


def _family(parameter: str, machine: Machine) -> str:
    kinds = {family.parameter: family.kind for family in machine.families.values()}
    if kinds.get(parameter) not in _FIELD_UNITS:
        raise InputError(
            f"circuit '{parameter}' is no magnet family of '{machine.name}'{did_you_mean(parameter, kinds)}"
        )
    return kinds[parameter]


def _curvature(ring: Lattice) -> float:
    """Largest curvature of the bends [1/m]."""
    bends = [element for element in ring.elements if isinstance(element, Bend)]
    return float(max(abs(ring.value(bend.angle) / ring.value(bend.length)) for bend in bends))


def _check_fields(circuits: Sequence[Circuit], machine: Machine, energies: Array) -> None:
    """NoSolution where a field exceeds the machine's rating, naming the energies."""
    for circuit in circuits:
        rating = machine.ratings.get(_RATINGS[circuit.magnet.unit])
        if rating is None:
            continue
        over = np.abs(circuit.extraction) > rating.value * (1 + 1e-3)  # ratings are given to few digits
        if over.any():
            works = f"; the nearest that works is {energies[~over].max():.5g} MeV/u" if (~over).any() else ""
            raise NoSolution(
                f"'{circuit.magnet.name}' needs {np.abs(circuit.extraction).max():.5g} {circuit.magnet.unit}, rated "
                f"{rating.value:g}: exceeded {at_energies(energies[over])}{works}"
            )


def _plan(study: EnergySwitchingStudy, species: str) -> CyclePlan:
    cycle = study.cycle
    if species not in cycle.extraction_s:
        raise InputError(f"cycle.extraction_s has no length of the spill for {species}: {dict(cycle.extraction_s)}")
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


def _tune_per_strength(ring: Lattice, particle: ReferenceParticle, machine: Machine, fringe: str) -> float:
    """dQx for all quadrupoles scaled together, per relative change."""
    names = [family.parameter for family in machine.families.values() if family.kind == "quadrupole"]
    step = 1e-5
    values = {name: ring.parameters[name] * np.array([1 - step, 1 + step]) for name in names}
    tunes = twiss(ring.with_parameters(values), particle, fringe=fringe, chromatic=False).qx
    return float((tunes[1] - tunes[0]) / (2 * step))


# --------------------------------------------------------------------------------------------- table and engines


def _table_facts(
    tables: Sequence[OperationalTable], ring: Lattice, resolved: Resolved, study: EnergySwitchingStudy
) -> TableFacts | None:
    if not tables:
        return None
    LOGGER.info("optics of the operational table, and the field errors that explain it")
    settings = {name: np.concatenate([t.settings[name] for t in tables]) for name in tables[0].settings}
    for name in settings:
        if name not in ring.parameters:
            raise InputError(
                f"operational tables are of the families {', '.join(settings)}; '{ring.name}' has no '{name}': leave "
                "table out and give [[energies]]"
            )
    fringe = study.model.fringe
    optics = twiss(ring.with_parameters(settings), resolved.particle, fringe=fringe)
    spec = study.held
    held = Held(spec.qx, spec.qy if spec.qy is not None else float(np.nanmean(optics.qy)), spec.dqx)
    rigidities = np.concatenate([t.rigidities for t in tables])
    fit = fit_field_errors(
        ring, resolved.particle, rigidities, settings, spec.groups, held,
        degree=spec.degree, scale=study.errors.scale_T_m, fringe=fringe,
        names=[_called(particle) for table in tables for particle in table.particles],
    )  # fmt: skip
    species = [t.species for t in tables for _ in t.energies]
    return TableFacts(tuple(tables), species, np.concatenate([t.energies for t in tables]), optics, fit, held)


def _engines(
    ring: Lattice,
    programme: Programme,
    lists: Sequence[tuple[str, list[ReferenceParticle]]],
    study: EnergySwitchingStudy,
) -> list[EngineSample]:
    """The ring at sampled energies by Xsuite too, with the true strengths and the particle of that energy."""
    particles = [particle for _, group in lists for particle in group]
    rows = np.unique(np.linspace(0, len(particles) - 1, study.engine_energies).astype(int))
    found = []
    for row in rows[: study.engine_energies]:
        LOGGER.info("%s beside Xsuite", particles[row])
        one = ring.with_parameters({name: float(values[row]) for name, values in programme.true.items()})
        compared = verify(one, particles[row], fringe=study.model.fringe)
        ours, theirs = compared.ours, compared.reference
        found.append(
            EngineSample(
                particles[row].kinetic_energy_per_u / 1e6,
                particles[row].species,
                (ours.qx, ours.qy),
                (theirs.qx, theirs.qy),
            )
        )
    return found
