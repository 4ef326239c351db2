"""What the study of energy switching has computed before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from lattice import HadronOpticsError, Lattice, NoSolution
from lattice.arrays import Array
from lattice.errors import counted
from machines.linacs.machine import LinacMachine
from machines.linacs.table import LinacTable
from optics.linac import Linac, LinacTracked, track, transport
from optics.linac.balance import tank_table
from optics.linac.extremes import acceptances, largest_fill
from optics.linac.field_integration import integrated_energies, integrated_transport
from optics.linac.focusing import structure_periods
from optics.linac.result import kept
from optics.linac.structure.lattices import lattice_of
from optics.linac.switching.all_energies import largest_fills
from optics.linac.switching.between import energies_between
from optics.linac.switching.bunches import arrived_at, beam_at_exit, bunches_at
from optics.linac.switching.energies import stages
from optics.linac.switching.jitter import pulse_energies
from optics.linac.switching.settings import REACH, Settings, settings_for
from optics.linac.switching.trips import recovery
from optics.matter.ranges import energy_of_range, range_in_water
from optics.statistics import spread
from studies.linac.clouds import projections
from studies.linac.facts import NOT_ASKED
from studies.linac.resolution import ResolvedLinac
from studies.linac.sections import with_gradients
from studies.linac.switching.spec import LinacSwitchingStudy
from studies.pipeline import Asked
from studies.runs.logs import LOGGER
from studies.spec.checking import checked

#: Largest number of energies that the second engine integrates and that jitter is computed at.
_FEW = 33
_SHOWN = 500  # particles of a cloud
#: Which quantities rest on which part of the facts.
_OF_SPREAD = ("largest_spread",)
_OF_BEAMS = (
    *("least_transmission", "largest_spread", "largest_growth", "energy_miss"),
    *("largest_spot", "least_spot"),
)
_OF_FILL = ("largest_fill",)
_OF_PULSES = ("energy_jitter", "range_jitter")
_OF_ENGINES = ("energy_miss", "residual_energy")
_OF_ROWS = ("interpolation_error",)
_OF_TRIPS = ("worst_trip", "best_recovery")
_OF_LAYERS = ("layer_time", "treatment_time")
#: Phases of the last unit from the designed one that are looked at [rad].
PHASES = REACH


@dataclass(frozen=True)
class SwitchingFacts:
    """Everything that quantities, tables and figures of the switching study are made of.

    ``beams``: one row an energy, ``fill_fields`` the largest
    fill among them by integration (nan: there is none); ``clouds``: particles at the exit for a
    few; ``others``: transmission of other sets of gradients; ``integrated``: wanted energy, final energy by
    integration, its error by the steps; ``jitter``: rms energy and range. ``beyond``: energies [eV] asked for that the
    linac does not reach; all else is of those that it does, from the lower to the upper one of ``within`` [eV].
    ``refined``: rows whose energy spread is that of all
    ``particles`` of the study.
    """

    resolved: ResolvedLinac[LinacSwitchingStudy]
    study: LinacSwitchingStudy
    machine: LinacMachine
    energies: Array
    settings: Settings
    beams: pd.DataFrame
    fill_fields: float
    clouds: Mapping[float, pd.DataFrame]
    others: pd.DataFrame
    sources: Mapping[str, str]
    focus: pd.DataFrame
    integrated: pd.DataFrame
    alone: str
    jitter: pd.DataFrame
    interpolated: pd.DataFrame
    trips: pd.DataFrame
    layers: pd.DataFrame
    beyond: tuple[float, ...] = ()
    refined: tuple[int, ...] = ()
    within: tuple[float, float] = (0.0, 0.0)
    unreached: str = ""
    interrupted: bool = False

    @property
    def told(self) -> str:
        """Particle and energy at the entrance."""
        return str(self.machine.linac.particle)

    @cached_property
    def lattice(self) -> Lattice:
        """The linac at its design setting."""
        return lattice_of(self.machine.linac)

    @cached_property
    def tanks(self) -> pd.DataFrame:
        """Fields of the tanks at the design setting (``tank_table``)."""
        linac = self.machine.linac
        return tank_table(linac, transport(linac), self.machine.supplies, None)

    @cached_property
    def layers_beyond(self) -> tuple[float, ...]:
        """Energies [eV] of the volume's layers that the linac does not reach; ``layers`` are the others."""
        if self.layers.columns.empty:
            return ()
        _, energies = _of_volume(self.machine, self.study)
        painted = self.layers["layer"].to_numpy(dtype=int) - 1
        return tuple(map(float, np.delete(energies, painted)))


def gather(resolved: ResolvedLinac[LinacSwitchingStudy], asked: Asked) -> SwitchingFacts:
    """Compute what is asked. NoSolution, naming the range, when no energy is within reach."""
    if not asked.report:
        return _of_quantities(resolved, asked)
    study, machine = resolved.study, resolved.machine
    linac = machine.linac
    start = machine.sample(study.particles_per_energy, study.seed)
    within = _reach(linac)
    energies, beyond = _within_reach(within, _energies_of(study))
    LOGGER.info("settings for %s", counted(len(energies), "energy"))
    settings = settings_for(linac, energies, start, study.least_spread)
    LOGGER.info("tracking %d particles at each of them", len(start))
    ends = _arrived(linac, settings, start, energies)
    fills = largest_fills(linac, settings.amplitudes, settings.phases, machine.bunch)
    beams = _beams(ends, energies).assign(fill=fills)
    beams, refined = _refined(machine, study, settings, beams)
    shown = np.unique(np.linspace(0, len(energies) - 1, study.shown_energies).astype(int))
    some = np.unique(np.linspace(0, len(energies) - 1, _FEW).astype(int))
    integrated, alone = _integrated(linac, settings, energies, some)
    fullest = settings.applied(linac, int(np.argmax(fills)))
    return SwitchingFacts(
        resolved=resolved,
        study=study,
        machine=machine,
        energies=energies,
        settings=settings,
        beams=beams,
        fill_fields=np.nan if alone else largest_fill(integrated_transport(fullest, tolerance=1e-7), machine.bunch),
        clouds={float(energies[i]): _cloud(ends[i], machine.bunch.frequency) for i in shown},
        others=_others(resolved, study),
        sources={one.name: one.source for one in study.compare},
        focus=_focus(machine, settings, energies, some),
        integrated=integrated,
        alone=alone,
        jitter=_jitter(machine, study, settings, energies, some),
        interpolated=energies_between(linac, settings, energies),
        trips=_trips(machine, start),
        layers=_layers(machine, study, start),
        beyond=tuple(map(float, beyond)),
        within=within,
        refined=refined,
    )


def _of_quantities(resolved: ResolvedLinac[LinacSwitchingStudy], asked: Asked) -> SwitchingFacts:
    """The facts that the wanted quantities are made of, and of all else nothing."""
    study, machine = resolved.study, resolved.machine
    start = machine.sample(study.particles_per_energy, study.seed)
    within = _reach(machine.linac)
    energies, beyond = _within_reach(within, _energies_of(study))
    settings = _settings(machine.linac, energies, start, study.least_spread, asked)
    bare = SwitchingFacts(
        **dict.fromkeys(("others", "focus", "integrated", "jitter", "interpolated", "trips", "layers"), pd.DataFrame()),
        resolved=resolved,
        study=study,
        machine=machine,
        energies=energies,
        settings=settings,
        beams=pd.DataFrame({"wanted": energies}),
        fill_fields=np.nan,
        clouds={},
        sources={},
        alone=NOT_ASKED,
        beyond=tuple(map(float, beyond)),
        within=within,
    )
    return _with_wanted(bare, start, asked)


def _settings(linac: Linac, energies: Array, start: Array, turn: bool, asked: Asked) -> Settings:
    """Settings, if any wanted quantity rests on them; particles are tracked for them where phases are turned."""
    if asked.any_of((*_OF_BEAMS, *_OF_FILL, *_OF_PULSES, *_OF_ENGINES, *_OF_ROWS)):
        return settings_for(linac, energies, start if turn else None, turn)
    none = np.zeros((0, len(linac.units)))
    return Settings(none, none, np.zeros(0))


def _with_wanted(facts: SwitchingFacts, start: Array, asked: Asked) -> SwitchingFacts:
    """The facts with each part that a wanted quantity rests on."""
    study, machine, settings, energies = facts.study, facts.machine, facts.settings, facts.energies
    linac, some = machine.linac, np.unique(np.linspace(0, len(energies) - 1, _FEW).astype(int))
    if asked.any_of(_OF_BEAMS):
        beams = _beams(_arrived(linac, settings, start, energies), energies)
        beams, refined = _refined(machine, study, settings, beams) if asked.any_of(_OF_SPREAD) else (beams, ())
        facts = replace(facts, beams=beams, refined=refined)
    if asked.any_of(_OF_FILL):
        fills = largest_fills(linac, settings.amplitudes, settings.phases, machine.bunch)
        facts = replace(facts, beams=facts.beams.assign(fill=fills))
    if asked.engines and asked.any_of(_OF_ENGINES):
        integrated, alone = _integrated(linac, settings, energies, some)
        facts = replace(facts, integrated=integrated, alone=alone)
    if asked.any_of(_OF_PULSES):
        facts = replace(facts, jitter=_jitter(machine, study, settings, energies, some))
    if asked.any_of(_OF_ROWS):
        facts = replace(facts, interpolated=energies_between(linac, settings, energies))
    if asked.any_of(_OF_TRIPS):
        facts = replace(facts, trips=_trips(machine, start))
    return replace(facts, layers=_layers(machine, study, start)) if asked.any_of(_OF_LAYERS) else facts


def _energies_of(study: LinacSwitchingStudy) -> Array:
    """The energies asked for [eV]."""
    if study.energies.values_MeV is not None:
        return np.array(study.energies.values_MeV) * 1e6
    return np.linspace(study.energies.lower_MeV, study.energies.upper_MeV, study.energies.number) * 1e6


def _beams(ends: Sequence[LinacTracked], energies: Array) -> pd.DataFrame:
    """A row an energy: moments at the exit, and the error of the energy spread."""
    beams = pd.DataFrame([beam_at_exit(end, float(wanted)) for end, wanted in zip(ends, energies, strict=True)])
    return beams.assign(sigma_energy_error=[spread(end.energies)[1] for end in ends])


def _refined(
    machine: LinacMachine, study: LinacSwitchingStudy, settings: Settings, beams: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[int, ...]]:
    """The beams with the energy spread of more particles where it may be the largest, and which rows these are.

    These are the rows whose interval reaches that of the largest.
    """
    relative, error = beams["sigma_energy"] / beams["energy"], beams["sigma_energy_error"] / beams["energy"]
    rows = np.flatnonzero(relative + error >= (relative - error)[relative.idxmax()])
    if study.particles <= study.particles_per_energy:
        return beams, ()
    LOGGER.info("%d particles at the %s of the largest spread", study.particles, counted(len(rows), "energy"))
    start = machine.sample(study.particles, study.seed)
    wanted = beams["wanted"].to_numpy()[rows]
    again = _beams(_arrived(machine.linac, settings.rows(rows), start, wanted), wanted)
    found = beams.copy()
    for name in ("sigma_energy", "sigma_energy_error"):
        found.loc[rows, name] = again[name].to_numpy() * (beams["energy"].to_numpy()[rows] / again["energy"].to_numpy())
    return found, tuple(map(int, rows))


def _arrived(linac: Linac, settings: Settings, start: Array, energies: Array) -> list[LinacTracked]:
    """The bunch at the end for each setting; NoSolution, naming the energy, where nothing arrives."""
    ends = zip(bunches_at(linac, settings, start), energies, strict=True)
    return [arrived_at(end, float(energy)) for end, energy in ends]


# ----------------------------------------------------------------------------------------------- with moved tables


def at_some_energies(
    facts: SwitchingFacts, resolved: ResolvedLinac[LinacSwitchingStudy], asked: Asked
) -> SwitchingFacts:
    """The facts with fewer particles, pulses and energies, as far as judged quantities go, at the settings found.

    The table of settings is made for the study's linac: what the machine of ``resolved`` does with it is computed.
    """
    machine, study = resolved.machine, resolved.study
    if not len(facts.energies):  # all are out of reach: times and the machine itself are left to judge
        return replace(facts, resolved=resolved, study=study, machine=machine)
    rows = np.unique(np.linspace(0, len(facts.energies) - 1, _FEW).astype(int))
    few = replace(
        facts,
        resolved=resolved,
        study=study,
        machine=machine,
        energies=facts.energies[rows],
        settings=facts.settings.rows(rows),
        beams=facts.beams.iloc[rows].reset_index(drop=True),
        refined=(),
    )
    if asked.any_of(_OF_BEAMS):
        few = with_beams(few)
    return with_jitter(few) if asked.any_of(_OF_PULSES) else few


def with_beams(facts: SwitchingFacts) -> SwitchingFacts:
    """The facts with their machine's beam tracked at their settings; how far it fills the bore is left as it was."""
    start = facts.machine.sample(facts.study.particles_per_energy, facts.study.seed)
    ends = _arrived(facts.machine.linac, facts.settings, start, facts.energies)
    return replace(facts, beams=_beams(ends, facts.energies).assign(fill=facts.beams["fill"].to_numpy()))


def with_jitter(facts: SwitchingFacts) -> SwitchingFacts:
    """The facts with their machine's pulses at their settings."""
    every = np.arange(len(facts.energies))
    return replace(facts, jitter=_jitter(facts.machine, facts.study, facts.settings, facts.energies, every))


def with_layers(facts: SwitchingFacts) -> SwitchingFacts:
    """The facts with their machine's times from layer to layer."""
    energies = facts.layers["energy"].to_numpy()
    changes = [0.0, *(facts.machine.change_time(float(a), float(b)) for a, b in pairwise(energies))]
    return replace(facts, layers=facts.layers.assign(change=changes[: len(energies)]))


def _reach(linac: Linac) -> tuple[float, float]:
    """Lowest and highest energy [eV] that units on one after the other give."""
    reached = stages(linac)
    return float(reached[0]), float(reached[-1])


def _within_reach(reach: tuple[float, float], energies: Array) -> tuple[Array, Array]:
    """The energies [eV] that are within reach, and the others; all where it is none of them."""
    within = _reached(reach, energies)
    return (energies[within], energies[~within]) if within.any() else (energies, energies[:0])


def _reached(reach: tuple[float, float], energies: Array) -> Array:
    """Which of the energies [eV] are within reach."""
    return np.asarray((energies >= reach[0]) & (energies <= reach[1]))


def _cloud(end: LinacTracked, frequency: float) -> pd.DataFrame:
    return projections(end.survivors[:_SHOWN], end.particle, frequency)


def _others(resolved: ResolvedLinac[LinacSwitchingStudy], study: LinacSwitchingStudy) -> pd.DataFrame:
    """Transmission, against energy, with the machine's own gradients and with other sets."""
    energies = np.linspace(study.energies.lower_MeV, study.energies.upper_MeV, study.compare_energies) * 1e6
    energies = _within_reach(_reach(resolved.machine.linac), energies)[0]
    table = {"wanted": energies}
    sets: dict[str, Mapping[str, Any]] = {"this machine": {}, **{one.name: one.gradients for one in study.compare}}
    for name, gradients in sets.items() if study.compare else ():
        LOGGER.info("gradients '%s' at %s", name, counted(len(energies), "energy"))
        content = {**resolved.table, "section": with_gradients(resolved.table["section"], gradients)}
        machine = LinacMachine.of(checked(LinacTable, content, f"compare '{name}'"))
        start = machine.sample(study.particles_per_energy, study.seed)
        settings = settings_for(machine.linac, energies, start, study.least_spread)
        ends = bunches_at(machine.linac, settings, start)
        table[name] = np.array([0.0 if isinstance(end, NoSolution) else end.transmission for end in ends])
    return pd.DataFrame(table)


def _focus(machine: LinacMachine, settings: Settings, energies: Array, some: Array) -> pd.DataFrame:
    """Phase advances of the periods inside structures, and acceptances over emittances, against energy."""
    rows = []
    for i in some:
        linac = settings.applied(machine.linac, int(i))
        advances = np.array([[period.mux, period.muy] for period in structure_periods(linac)])
        found, row = acceptances(transport(linac), machine.bunch), {"wanted": float(energies[i])}
        for column, plane in enumerate("xy"):
            here = advances[:, column] if len(advances) else np.array([np.nan])
            row |= {
                f"largest_mu{plane}": float(np.max(here)),
                f"least_mu{plane}": float(np.min(here)),
                f"acceptance_{plane}": found[plane] / getattr(machine.bunch, f"emittance_{plane}"),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def _integrated(linac: Linac, settings: Settings, energies: Array, some: Array) -> tuple[pd.DataFrame, str]:
    LOGGER.info("integrating through the fields at %s", counted(len(some), "energy"))
    try:
        found = [_by_fields(settings.applied(linac, int(i))) for i in some]
    except HadronOpticsError as error:
        return pd.DataFrame({"wanted": energies[some], "fields": np.nan, "steps": np.nan}), str(error)
    fields, steps = np.transpose(found)
    return pd.DataFrame({"wanted": energies[some], "fields": fields, "steps": steps}), ""


def _by_fields(linac: Linac) -> tuple[float, float]:
    """Final energy [eV] by integration, and how much finer steps change it."""
    usual, finer = (float(integrated_energies(linac, tolerance=tolerance)[-1]) for tolerance in (1e-5, 1e-7))
    return finer, abs(finer - usual)


def _jitter(
    machine: LinacMachine, study: LinacSwitchingStudy, settings: Settings, energies: Array, some: Array
) -> pd.DataFrame:
    LOGGER.info("%d pulses with errors at %s", study.samples, counted(len(some), "energy"))
    errors = machine.errors
    pulses = pulse_energies(
        machine.linac,
        settings.amplitudes[some],
        settings.phases[some],
        amplitude=errors.amplitude,
        phase=errors.phase,
        samples=study.samples,
        seed=study.seed,
        cut=errors.cut,
    )
    return pd.DataFrame(
        {
            "wanted": energies[some],
            "sigma_energy": np.nanstd(pulses, axis=1),
            "sigma_range": np.nanstd(range_in_water(pulses, machine.linac.particle.kind), axis=1),
        }
    )


def _trips(machine: LinacMachine, start: Array) -> pd.DataFrame:
    """One row a unit that trips."""
    LOGGER.info("trips of %d units", len(machine.linac.units))
    return pd.DataFrame([_trip(machine, start, unit) for unit in machine.linac.units])


def _trip(machine: LinacMachine, start: Array, unit: str) -> dict[str, Any]:
    linac, (low, top) = machine.linac, machine.reach
    found = recovery(linac, unit)
    reachable = float(np.clip(found.untouched, low, top))
    try:
        setting = found.applied(linac)
        end = kept(setting, track(setting, start[:1000]))
        transmission, spread = end.transmission, float(end.energies.std() / end.energies.mean())
    except HadronOpticsError:
        transmission, spread = 0.0, float("nan")
    turned = ", ".join(
        f"{name} {np.degrees(phase) % 360:.0f}"
        for name, phase, on in zip(linac.units, found.phases, found.amplitudes, strict=True)
        if phase and on
    )
    return {
        "unit": unit,
        "untouched": found.untouched,
        "lost": top - reachable,
        "recovered": found.energy,
        "transmission": transmission,
        "spread": spread,
        "phases": turned or "none",
    }


def _of_volume(machine: LinacMachine, study: LinacSwitchingStudy) -> tuple[Array, Array]:
    """Depths [m] of the volume's layers, deepest first, and their energies [eV]."""
    volume = study.volume
    count = max(ceil((volume.deepest_mm - volume.nearest_mm) / volume.layer_mm - 1e-9), 1)
    depths = volume.deepest_mm - volume.layer_mm * np.arange(count + 1)
    depths = np.maximum(depths, volume.nearest_mm) * 1e-3
    return depths, np.asarray(energy_of_range(depths, machine.linac.particle.kind))


_LAYER_COLUMNS = ("layer", "depth", "energy", "unit", "amplitude", "phase", "change", "begins", "pulses")


def _layers(machine: LinacMachine, study: LinacSwitchingStudy, start: Array) -> pd.DataFrame:
    """The pulse sequence over the volume, deepest layer first; layers out of reach are not painted."""
    volume = study.volume
    depths, energies = _of_volume(machine, study)
    within = _reached(_reach(machine.linac), energies)
    if not within.any():
        return pd.DataFrame(columns=_LAYER_COLUMNS, dtype=float)
    numbers, depths, energies = np.flatnonzero(within) + 1, depths[within], energies[within]
    settings = settings_for(machine.linac, energies, start, study.least_spread)
    last = settings.last_units
    pulses = volume.spots * volume.pulses_per_spot
    rows, clock = [], 0.0
    for i, energy in enumerate(energies):
        change = machine.change_time(float(energies[i - 1]), float(energy)) if i else 0.0
        clock += change
        rows.append(
            {
                "layer": int(numbers[i]),
                "depth": float(depths[i]),
                "energy": float(energy),
                "unit": machine.linac.units[last[i]],
                "amplitude": float(settings.amplitudes[i, last[i]]),
                "phase": float(settings.phases[i, last[i]]),
                "change": change,
                "begins": clock,
                "pulses": pulses,
            }
        )
        clock += pulses / machine.pulse.repetition
    return pd.DataFrame(rows)
