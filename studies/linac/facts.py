"""What the optics study of a linac has computed before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from lattice import HadronOpticsError, Lattice
from lattice.arrays import Array
from machines.linacs.machine import LinacMachine
from optics.linac import LinacTracked, Period, SpaceCharge, Transport, track, transport
from optics.linac.balance import lost_power, tank_table, unit_table
from optics.linac.bucket import LongitudinalAcceptance, longitudinal_acceptance
from optics.linac.extremes import Extremes, extremes
from optics.linac.field_integration import integrate, integrated_energies, integrated_transport
from optics.linac.focusing import structure_periods
from optics.linac.result import kept
from optics.linac.structure.errors import Errors, with_errors
from optics.linac.structure.lattices import lattice_of
from optics.linac.structure.reference import Reference, reference_of
from optics.linac.switching.jitter import pulse_energies
from studies.linac.clouds import projections
from studies.linac.resolution import ResolvedLinac
from studies.linac.spec import LinacOpticsStudy
from studies.pipeline import Asked
from studies.runs.logs import LOGGER
from studies.runs.stages import steps

_GRID_SIGMAS = (12.0, 8.0)  # of phase and of energy
_GRID_POINTS = 81
_UNASKED = 3  # points or pulses where nobody asks for what they give
_OF_PULSES = ("energy_jitter", "range_jitter")
_CHARGED = 2000
_SHOWN = 1500  # particles of a cloud
_CLOUD = 1e-4  # of the integration of many particles
_MATRICES = 1e-7  # of that of matrices
#: Why there is no second engine where none was asked.
NOT_ASKED = "the second engine was not asked"


@dataclass(frozen=True)
class Pair:
    """The same particles by the maps and by integration; ``alone`` says why there is no second engine."""

    maps: LinacTracked | None
    fields: LinacTracked | None
    alone: str = ""


@dataclass(frozen=True)
class LinacFacts:
    """Everything that quantities, tables and figures of the optics study are made of.

    ``lattice``: the linac at its design setting; ``clouds``: particles at the ``entrance`` and the ``exit``;
    ``across``: what the matrices amount to, and ``across_fields`` the same by integration (None: there is none).
    """

    resolved: ResolvedLinac[LinacOpticsStudy]
    machine: LinacMachine
    lattice: Lattice
    run: Transport
    reference: Reference
    sizes: Array
    start: Array
    tracked: LinacTracked
    clouds: Mapping[str, pd.DataFrame]
    periods: tuple[Period, ...]
    tanks: pd.DataFrame
    units: pd.DataFrame
    across: Extremes
    across_fields: Extremes | None
    longitudinal: LongitudinalAcceptance
    pair: Pair
    errors: pd.DataFrame
    pulses: Array
    lost_power: float
    charged: tuple[LinacTracked, LinacTracked]
    unreached: str = ""
    interrupted: bool = False

    @property
    def told(self) -> str:
        """Particle and energy at the entrance."""
        return str(self.machine.linac.particle)


def gather(resolved: ResolvedLinac[LinacOpticsStudy], asked: Asked) -> LinacFacts:
    """Compute what is asked. NoSolution where no particle arrives, InputError naming a tank that cannot be."""
    study, machine = resolved.study, resolved.machine
    linac, bunch = machine.linac, machine.bunch
    LOGGER.info("design pass and matrices of %s", linac.name)
    run = transport(linac)
    sizes = run.sizes(bunch.covariance)
    start = machine.sample(study.particles, study.seed)
    LOGGER.info("tracking %d particles", study.particles)
    tracked = kept(linac, track(linac, start, stations=True))
    found = structure_periods(linac)
    energies, alone = _integrated(machine) if asked.engines else (None, NOT_ASKED)
    across = partial(extremes, bunch=bunch, charge=machine.bunch_charge, found=found)
    return LinacFacts(
        resolved=resolved,
        machine=machine,
        lattice=lattice_of(linac),
        run=run,
        reference=reference_of(linac),
        sizes=sizes,
        start=start,
        tracked=tracked,
        clouds=_clouds(machine, start, tracked),
        periods=found,
        tanks=tank_table(linac, run, machine.supplies, energies),
        units=unit_table(linac, run, machine.supplies, current=machine.current, duty=machine.pulse.duty),
        across=across(run),
        across_fields=None if alone else across(integrated_transport(linac, tolerance=_MATRICES)),
        longitudinal=_longitudinal(machine, _points(asked)),
        pair=_pair(machine, start[: study.integrated_particles], alone),
        errors=_errors(machine, _with_errors(study, asked), start),
        pulses=_pulses(machine, study, _samples(study, asked)),
        lost_power=lost_power(linac, run, tracked, machine.current * machine.pulse.duty),
        charged=_charged(machine, start[:_CHARGED]) if asked.report else (tracked, tracked),
    )


def gather_again(facts: LinacFacts, resolved: ResolvedLinac[LinacOpticsStudy], asked: Asked) -> LinacFacts | None:
    """The facts of a study whose section table differs from that of ``facts``: what the difference does not reach is
    kept. None where the linac itself is another one, or the study, and all is computed.
    """
    machine, known = resolved.machine, facts.machine
    if machine.linac is not known.linac or resolved.study != facts.resolved.study:
        return None
    new = replace(facts, resolved=resolved, machine=machine)
    if _particles(machine) != _particles(known):
        new = _with_particles(new, asked)
    if machine.errors != known.errors:
        new = replace(new, pulses=_pulses(machine, resolved.study, _samples(resolved.study, asked)))
    if machine.errors != known.errors or _particles(machine) != _particles(known):
        new = replace(new, errors=_errors(machine, _with_errors(resolved.study, asked), new.start))
    return _with_power(new)


def _particles(machine: LinacMachine) -> dict[str, Any]:
    """What decides where particles start."""
    return machine.table.beam.model_dump(exclude={"current_uA"})


def _with_particles(facts: LinacFacts, asked: Asked) -> LinacFacts:
    """The facts with particles of the machine's beam, and none of its machines with errors."""
    machine, linac, study = facts.machine, facts.machine.linac, facts.resolved.study
    start = machine.sample(study.particles, study.seed)
    return replace(
        facts,
        sizes=facts.run.sizes(machine.bunch.covariance),
        start=start,
        tracked=kept(linac, track(linac, start, stations=True)),
        longitudinal=_longitudinal(machine, _points(asked)),
    )


def _with_power(facts: LinacFacts) -> LinacFacts:
    """The facts with what follows from supplies, current and sizes by closed formulas."""
    machine, linac, run = facts.machine, facts.machine.linac, facts.run
    return replace(
        facts,
        tanks=tank_table(linac, run, machine.supplies, None),
        units=unit_table(linac, run, machine.supplies, current=machine.current, duty=machine.pulse.duty),
        across=extremes(run, bunch=machine.bunch, charge=machine.bunch_charge, found=facts.periods),
        lost_power=lost_power(linac, run, facts.tracked, machine.current * machine.pulse.duty),
    )


def _points(asked: Asked) -> int:
    return _GRID_POINTS if asked.any_of(("bucket_sigmas",)) else _UNASKED


def _samples(study: LinacOpticsStudy, asked: Asked) -> int:
    return study.samples if asked.any_of(_OF_PULSES) else _UNASKED


def _with_errors(study: LinacOpticsStudy, asked: Asked) -> LinacOpticsStudy | None:
    return study if asked.any_of(("transmission_with_errors",)) else None


def _clouds(machine: LinacMachine, start: Array, end: LinacTracked) -> dict[str, pd.DataFrame]:
    frequency = machine.bunch.frequency
    return {
        "entrance": projections(start[:_SHOWN], machine.linac.particle, frequency),
        "exit": projections(end.survivors[:_SHOWN], end.particle, frequency),
    }


def _integrated(machine: LinacMachine) -> tuple[Array | None, str]:
    """Energies by integration at all pieces, or why there are none."""
    LOGGER.info("integrating through the fields of %d tanks", len(machine.linac.tanks))
    try:
        return integrated_energies(machine.linac), ""
    except HadronOpticsError as error:
        return None, str(error)


def _longitudinal(machine: LinacMachine, points: int) -> LongitudinalAcceptance:
    bunch = machine.bunch
    top = 0.03 * machine.reach[1]
    return longitudinal_acceptance(
        machine.linac,
        phase=_GRID_SIGMAS[0] * bunch.sigma_phase,
        energy=_GRID_SIGMAS[1] * bunch.sigma_energy,
        window=top,
        frequency=bunch.frequency,
        points=points,
    )


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


def _errors(machine: LinacMachine, study: LinacOpticsStudy | None, start: Array) -> pd.DataFrame:
    """Transmission and energy of machines with errors, all scaled by one factor; 0 where everything is lost.

    None of them without a study that asks for them.
    """
    if study is None:
        return pd.DataFrame({name: [] for name in ("scale", "seed", "transmission", "energy", "spread")})
    LOGGER.info("%d machines with errors", study.error_samples * len(study.error_scales))
    seeds = range(study.seed, study.seed + study.error_samples)
    scaled = {scale: machine.errors.scaled(scale) for scale in study.error_scales}
    some = start[: study.error_particles]
    rows = [
        {"scale": scale, "seed": seed, **_sample(machine, scaled[scale], seed, some)}
        for scale, seed in steps([(scale, seed) for scale in scaled for seed in seeds], "machines")
    ]
    return pd.DataFrame(rows)


def _sample(machine: LinacMachine, errors: Errors, seed: int, start: Array) -> dict[str, float]:
    try:
        end = kept(machine.linac, track(with_errors(machine.linac, errors, seed=seed), start))
    except HadronOpticsError:
        return {"transmission": 0.0, "energy": float("nan"), "spread": float("nan")}
    return {"transmission": end.transmission, "energy": float(end.energies.mean()), "spread": float(end.energies.std())}


def _pulses(machine: LinacMachine, study: LinacOpticsStudy, samples: int) -> Array:
    """Energies of pulses at full energy [eV]."""
    units, errors = len(machine.linac.units), machine.errors
    found = pulse_energies(
        machine.linac,
        np.ones((1, units)),
        np.zeros((1, units)),
        amplitude=errors.amplitude,
        phase=errors.phase,
        samples=samples,
        seed=study.seed,
        cut=errors.cut,
    )
    return np.asarray(found[0])


def _charged(machine: LinacMachine, start: Array) -> tuple[LinacTracked, LinacTracked]:
    """The same particles without and with the bunch's own field."""
    LOGGER.info("%d particles with space charge", len(start))
    with_charge = track(machine.linac, start, space_charge=SpaceCharge(machine.bunch_charge))
    return kept(machine.linac, track(machine.linac, start)), kept(machine.linac, with_charge)
