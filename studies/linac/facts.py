"""What the optics study of a linac has computed before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi
from typing import Any

import numpy as np
import pandas as pd

from lattice import HadronOpticsError, Lattice
from lattice.arrays import Array
from machines.linacs.machine import LinacMachine
from optics.linac import (
    Linac,
    LinacTracked,
    Period,
    Pipe,
    SpaceCharge,
    Tank,
    Transport,
    periods,
    track,
    transport,
    within,
)
from optics.linac.bucket import LongitudinalAcceptance, bucket, longitudinal_acceptance, transverse_acceptance
from optics.linac.field_integration import integrate, integrated_energies
from optics.linac.structure.coordinates import particle_at
from optics.linac.structure.errors import Errors, with_errors
from optics.linac.structure.lattices import lattice_of
from optics.linac.structure.power import copper_power, kilpatrick_field
from optics.linac.structure.reference import Reference, reference_of
from optics.linac.switching.jitter import pulse_energies
from studies.linac.resolution import ResolvedLinac
from studies.linac.spec import LinacOpticsStudy
from studies.pipeline import Asked
from studies.runs.logs import LOGGER

_GRID_SIGMAS = (12.0, 8.0)  # of phase and of energy
_GRID_POINTS = 81
_CHARGED = 2000
#: Share of the energy beyond which a particle at the end is out of the bunch: ten times what buckets hold.
WINDOW = 0.1
_CLOUD = 1e-4  # of the integration of many particles


@dataclass(frozen=True)
class Pair:
    """The same particles by the maps and by integration; ``alone`` says why there is no second engine."""

    maps: LinacTracked | None
    fields: LinacTracked | None
    alone: str = ""


@dataclass(frozen=True)
class LinacFacts:
    """Everything that quantities, tables and figures of the optics study are made of."""

    resolved: ResolvedLinac[LinacOpticsStudy]
    machine: LinacMachine
    run: Transport
    reference: Reference
    sizes: Array
    start: Array
    tracked: LinacTracked
    periods: tuple[Period, ...]
    tanks: pd.DataFrame
    units: pd.DataFrame
    acceptances: dict[str, float]
    longitudinal: LongitudinalAcceptance
    pair: Pair
    errors: pd.DataFrame
    pulses: Array
    space_charge: float
    charged: tuple[LinacTracked, LinacTracked]
    unreached: str = ""
    interrupted: bool = False

    @property
    def lattice(self) -> Lattice:
        """The linac at its design setting."""
        return lattice_of(self.machine.linac)

    @property
    def told(self) -> str:
        """Particle and energy at the entrance."""
        return str(self.machine.linac.particle)


def gather(resolved: ResolvedLinac[LinacOpticsStudy], asked: Asked) -> LinacFacts:
    """Compute everything. NoSolution where no particle arrives, InputError naming a tank that cannot be."""
    study, machine = resolved.study, resolved.machine
    linac, bunch = machine.linac, machine.bunch
    LOGGER.info("design pass and matrices of %s", linac.name)
    run = transport(linac)
    sizes = run.sizes(bunch.covariance)
    start = machine.sample(study.particles, study.seed)
    LOGGER.info("tracking %d particles", study.particles)
    tracked = kept(linac, track(linac, start, stations=True))
    found = structure_periods(linac)
    energies, alone = _integrated(machine)
    return LinacFacts(
        resolved=resolved,
        machine=machine,
        run=run,
        reference=reference_of(linac),
        sizes=sizes,
        start=start,
        tracked=tracked,
        periods=found,
        tanks=tank_table(machine, run, energies),
        units=unit_table(machine, run),
        acceptances={p: _acceptance(run, machine, p) for p in ("x", "y")},
        longitudinal=_longitudinal(machine),
        pair=_pair(machine, start[: study.integrated_particles], alone),
        errors=_errors(machine, study, start),
        pulses=_pulses(machine, study),
        space_charge=_space_charge(machine, run, sizes, found),
        charged=_charged(machine, start[:_CHARGED]),
    )


def kept(linac: Linac, tracked: LinacTracked) -> LinacTracked:
    """The result without stragglers: what is farther than WINDOW from the energy is lost in the beam line."""
    return within(linac, tracked, WINDOW)


def structure_periods(linac: Linac) -> tuple[Period, ...]:
    """Focusing periods that lie inside structures, with a tank on both sides of their middle quadrupole.

    Matching sections are no periods.
    """
    names = [magnet.name for magnet in linac.quadrupoles]
    fed = [_stands_alone(linac, name) for name in names]
    rows = zip(periods(linac), fed, fed[1:], fed[2:], strict=False)
    return tuple(period for period, *inside in rows if all(inside))


def _stands_alone(linac: Linac, name: str) -> bool:
    """True for a quadrupole that is the only one between two tanks."""
    kinds = [type(piece) for piece in linac.pieces]
    place = linac.place(name)
    before = next((kind for kind in reversed(kinds[:place]) if kind is not Pipe), None)
    after = next((kind for kind in kinds[place + 1 :] if kind is not Pipe), None)
    return before is Tank and after is Tank


def _integrated(machine: LinacMachine) -> tuple[Array | None, str]:
    """Energies by integration at all pieces, or why there are none."""
    LOGGER.info("integrating through the fields of %d tanks", len(machine.linac.tanks))
    try:
        return integrated_energies(machine.linac), ""
    except HadronOpticsError as error:
        return None, str(error)


def tank_table(machine: LinacMachine, run: Transport, integrated: Array | None) -> pd.DataFrame:
    """One row a tank: energies, gain by both engines, fields, phases, bucket."""
    return pd.DataFrame([_tank_row(machine, run, integrated, tank) for tank in machine.linac.tanks])


def _tank_row(machine: LinacMachine, run: Transport, integrated: Array | None, tank: Tank) -> dict[str, Any]:
    place = machine.linac.place(tank.name)
    row, after = run.row(tank.name), int(np.searchsorted(run.piece, place + 1))
    entrance, gain = float(run.energy[row]), float(run.energy[after] - run.energy[row])
    other = float(integrated[place + 1] - integrated[place]) if integrated is not None else float("nan")
    particle = particle_at((entrance + 0.5 * gain) / machine.linac.particle.mass, machine.linac.particle)
    here = bucket(tank, particle) if -0.5 * pi < tank.synchronous_phase < 0 else None
    surface = machine.supplies[tank.unit].surface_field_ratio * tank.e0
    return {
        "tank": tank.name, "unit": tank.unit, "s": float(run.s[row]), "length": tank.length, "cells": tank.cells,
        "beta": tank.beta, "entrance": entrance, "gain": gain, "gain_fields": other, "e0": tank.e0, "e0t": tank.e0t,
        "phase": tank.synchronous_phase, "surface": surface, "kilpatrick": surface / kilpatrick_field(tank.frequency),
        "bucket_height": here.half_height if here else float("nan"),
        "bucket_width": here.phase_high - here.phase_low if here else float("nan"),
    }  # fmt: skip


def unit_table(machine: LinacMachine, run: Transport) -> pd.DataFrame:
    """One row an RF unit: energy behind it and its peak power."""
    rows = []
    for unit, supply in machine.supplies.items():
        tanks = machine.tanks_of(unit)
        copper = sum(copper_power(tank, supply.shunt_impedance) for tank in tanks)
        first = run.row(tanks[0].name)
        after = int(np.searchsorted(run.piece, machine.linac.place(tanks[-1].name) + 1))
        beam = machine.current / machine.linac.particle.charge * float(run.energy[after] - run.energy[first])
        needed = (copper + beam) / (1.0 - supply.waveguide_loss)
        rows.append({
            "unit": unit, "exit": float(run.energy[after]), "copper": copper, "beam": beam, "needed": needed,
            "klystron": supply.klystron, "share": needed / supply.klystron, "average": needed * machine.pulse.duty,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _acceptance(run: Transport, machine: LinacMachine, plane: str) -> float:
    bunch = machine.bunch
    return transverse_acceptance(run, plane, getattr(bunch, f"bet{plane}"), getattr(bunch, f"alf{plane}"))


def _longitudinal(machine: LinacMachine) -> LongitudinalAcceptance:
    bunch = machine.bunch
    top = 0.03 * machine.reach[1]
    return longitudinal_acceptance(
        machine.linac, phase=_GRID_SIGMAS[0] * bunch.sigma_phase, energy=_GRID_SIGMAS[1] * bunch.sigma_energy,
        window=top, frequency=bunch.frequency, points=_GRID_POINTS,
    )  # fmt: skip


def _pair(machine: LinacMachine, start: Array, alone: str) -> Pair:
    """A few particles by both engines."""
    if alone:
        return Pair(None, None, alone)
    LOGGER.info("integrating %d particles through the fields", len(start))
    try:
        return Pair(
            kept(machine.linac, track(machine.linac, start)),
            kept(machine.linac, integrate(machine.linac, start, tolerance=_CLOUD)),
        )
    except HadronOpticsError as error:
        return Pair(None, None, str(error))


def _errors(machine: LinacMachine, study: LinacOpticsStudy, start: Array) -> pd.DataFrame:
    """Transmission and energy of machines with errors, all scaled by one factor; 0 where everything is lost."""
    LOGGER.info("%d machines with errors", study.error_samples * len(study.error_scales))
    rows = []
    for scale in study.error_scales:
        errors = scaled(machine.errors, scale)
        for seed in range(study.seed, study.seed + study.error_samples):
            rows.append(
                {"scale": scale, "seed": seed, **_sample(machine, errors, seed, start[: study.error_particles])}
            )
    return pd.DataFrame(rows)


def scaled(errors: Errors, factor: float) -> Errors:
    """All errors times ``factor``, cut where they were."""
    return replace(errors, **{name: factor * value for name, value in vars(errors).items() if name != "cut"})


def _sample(machine: LinacMachine, errors: Errors, seed: int, start: Array) -> dict[str, float]:
    try:
        end = kept(machine.linac, track(with_errors(machine.linac, errors, seed=seed), start))
    except HadronOpticsError:
        return {"transmission": 0.0, "energy": float("nan"), "spread": float("nan")}
    return {"transmission": end.transmission, "energy": float(end.energies.mean()), "spread": float(end.energies.std())}


def _pulses(machine: LinacMachine, study: LinacOpticsStudy) -> Array:
    """Energies of pulses at full energy [eV]."""
    units, errors = len(machine.linac.units), machine.errors
    found = pulse_energies(
        machine.linac, np.ones((1, units)), np.zeros((1, units)), amplitude=errors.amplitude, phase=errors.phase,
        samples=study.samples, seed=study.seed, cut=errors.cut,
    )  # fmt: skip
    return np.asarray(found[0])


def _space_charge(machine: LinacMachine, run: Transport, sizes: Array, found: tuple[Period, ...]) -> float:
    """Largest defocusing by space charge over the focusing of the quadrupoles, period by period."""
    charge = SpaceCharge(machine.bunch_charge)
    worst = 0.0
    for period in found:
        row = int(np.searchsorted(run.s, period.s))
        particle = particle_at(float(run.energy[row] / machine.linac.particle.mass), machine.linac.particle)
        here = np.sqrt(np.mean(sizes[row : int(np.searchsorted(run.s, period.end)) + 1, [0, 2, 4]] ** 2, axis=0))
        advance = np.nanmin([period.mux_without_rf, period.muy_without_rf])
        if np.isfinite(advance):
            worst = max(worst, charge.strength(here, particle, float(advance), period.end - period.s))
    return worst


def _charged(machine: LinacMachine, start: Array) -> tuple[LinacTracked, LinacTracked]:
    """The same particles without and with the bunch's own field."""
    LOGGER.info("%d particles with space charge", len(start))
    with_charge = track(machine.linac, start, space_charge=SpaceCharge(machine.bunch_charge))
    return kept(machine.linac, track(machine.linac, start)), kept(machine.linac, with_charge)
