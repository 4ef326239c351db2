"""What the study of energy switching has computed before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

from lattice import Lattice
from lattice.arrays import Array
from lattice.errors import counted
from machines.linacs.machine import LinacMachine
from optics.linac import Linac, transport
from optics.linac.balance import tank_table
from optics.linac.extremes import largest_fill
from optics.linac.field_integration import integrated_transport
from optics.linac.structure.lattices import lattice_of
from optics.linac.switching.all_energies import largest_fills
from optics.linac.switching.between import energies_between
from optics.linac.switching.settings import REACH, Settings, settings_for
from studies.linac.facts import NOT_ASKED
from studies.linac.resolution import ResolvedLinac
from studies.linac.switching.beams import arrived, beam_table, cloud, other_gradients, with_refined_spread
from studies.linac.switching.engines import focus_table, integrated_table
from studies.linac.switching.layers import layer_table, layers_of_volume
from studies.linac.switching.reach import energies_of, reach, within_reach
from studies.linac.switching.spec import LinacSwitchingStudy
from studies.linac.switching.upsets import jitter_table, trip_table
from studies.pipeline import Asked
from studies.runs.logs import LOGGER

#: Largest number of energies that the second engine integrates and that jitter is computed at.
_FEW = 33
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
        _, energies = layers_of_volume(self.machine, self.study)
        painted = self.layers["layer"].to_numpy(dtype=int) - 1
        return tuple(map(float, np.delete(energies, painted)))


def gather(resolved: ResolvedLinac[LinacSwitchingStudy], asked: Asked) -> SwitchingFacts:
    """Compute what is asked. NoSolution, naming the range, when no energy is within reach."""
    if not asked.report:
        return _of_quantities(resolved, asked)
    study, machine = resolved.study, resolved.machine
    linac = machine.linac
    start = machine.sample(study.particles_per_energy, study.seed)
    within = reach(linac)
    energies, beyond = within_reach(within, energies_of(study))
    LOGGER.info("settings for %s", counted(len(energies), "energy"))
    settings = settings_for(linac, energies, start, study.least_spread)
    LOGGER.info("tracking %d particles at each of them", len(start))
    ends = arrived(linac, settings, start, energies)
    fills = largest_fills(linac, settings.amplitudes, settings.phases, machine.bunch)
    beams = beam_table(ends, energies).assign(fill=fills)
    beams, refined = with_refined_spread(machine, study, settings, beams)
    shown = np.unique(np.linspace(0, len(energies) - 1, study.shown_energies).astype(int))
    some = few_of(len(energies))
    integrated, alone = integrated_table(linac, settings, energies, some)
    fullest = settings.applied(linac, int(np.argmax(fills)))
    return SwitchingFacts(
        resolved=resolved,
        study=study,
        machine=machine,
        energies=energies,
        settings=settings,
        beams=beams,
        fill_fields=np.nan if alone else largest_fill(integrated_transport(fullest, tolerance=1e-7), machine.bunch),
        clouds={float(energies[i]): cloud(ends[i], machine.bunch.frequency) for i in shown},
        others=other_gradients(resolved, study),
        sources={one.name: one.source for one in study.compare},
        focus=focus_table(machine, settings, energies, some),
        integrated=integrated,
        alone=alone,
        jitter=jitter_table(machine, study, settings, energies, some),
        interpolated=energies_between(linac, settings, energies),
        trips=trip_table(machine, start),
        layers=layer_table(machine, study, start),
        beyond=tuple(map(float, beyond)),
        within=within,
        refined=refined,
    )


def _of_quantities(resolved: ResolvedLinac[LinacSwitchingStudy], asked: Asked) -> SwitchingFacts:
    """The facts that the wanted quantities are made of, and of all else nothing."""
    study, machine = resolved.study, resolved.machine
    start = machine.sample(study.particles_per_energy, study.seed)
    within = reach(machine.linac)
    energies, beyond = within_reach(within, energies_of(study))
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


def few_of(energies: int) -> Array:
    """Numbers of up to 33 of so many energies, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, energies - 1, _FEW).astype(int))


def _settings(linac: Linac, energies: Array, start: Array, turn: bool, asked: Asked) -> Settings:
    """Settings, if any wanted quantity rests on them; particles are tracked for them where phases are turned."""
    if asked.any_of((*_OF_BEAMS, *_OF_FILL, *_OF_PULSES, *_OF_ENGINES, *_OF_ROWS)):
        return settings_for(linac, energies, start if turn else None, turn)
    none = np.zeros((0, len(linac.units)))
    return Settings(none, none, np.zeros(0))


def _with_wanted(facts: SwitchingFacts, start: Array, asked: Asked) -> SwitchingFacts:
    """The facts with each part that a wanted quantity rests on."""
    study, machine, settings, energies = facts.study, facts.machine, facts.settings, facts.energies
    linac, some = machine.linac, few_of(len(energies))
    if asked.any_of(_OF_BEAMS):
        beams = beam_table(arrived(linac, settings, start, energies), energies)
        beams, refined = (
            with_refined_spread(machine, study, settings, beams) if asked.any_of(_OF_SPREAD) else (beams, ())
        )
        facts = replace(facts, beams=beams, refined=refined)
    if asked.any_of(_OF_FILL):
        fills = largest_fills(linac, settings.amplitudes, settings.phases, machine.bunch)
        facts = replace(facts, beams=facts.beams.assign(fill=fills))
    if asked.engines and asked.any_of(_OF_ENGINES):
        integrated, alone = integrated_table(linac, settings, energies, some)
        facts = replace(facts, integrated=integrated, alone=alone)
    if asked.any_of(_OF_PULSES):
        facts = replace(facts, jitter=jitter_table(machine, study, settings, energies, some))
    if asked.any_of(_OF_ROWS):
        facts = replace(facts, interpolated=energies_between(linac, settings, energies))
    if asked.any_of(_OF_TRIPS):
        facts = replace(facts, trips=trip_table(machine, start))
    return replace(facts, layers=layer_table(machine, study, start)) if asked.any_of(_OF_LAYERS) else facts


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
    ends = arrived(facts.machine.linac, facts.settings, start, facts.energies)
    return replace(facts, beams=beam_table(ends, facts.energies).assign(fill=facts.beams["fill"].to_numpy()))


def with_jitter(facts: SwitchingFacts) -> SwitchingFacts:
    """The facts with their machine's pulses at their settings."""
    every = np.arange(len(facts.energies))
    return replace(facts, jitter=jitter_table(facts.machine, facts.study, facts.settings, facts.energies, every))


def with_layers(facts: SwitchingFacts) -> SwitchingFacts:
    """The facts with their machine's times from layer to layer."""
    energies = facts.layers["energy"].to_numpy()
    changes = [0.0, *(facts.machine.change_time(float(a), float(b)) for a, b in pairwise(energies))]
    return replace(facts, layers=facts.layers.assign(change=changes[: len(energies)]))
