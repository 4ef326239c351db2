"""The beam at the exit for each energy: tracked bunches, their moments, and those of other gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lattice import NoSolution
from lattice.arrays import Array
from lattice.errors import counted
from machines.linacs.machine import LinacMachine
from machines.linacs.table import LinacTable
from optics.linac import Linac, LinacTracked
from optics.linac.switching.bunches import arrived_at, beam_at_exit, bunches_at
from optics.linac.switching.settings import Settings, settings_for
from optics.statistics import spread
from studies.linac.clouds import projections
from studies.linac.resolution import ResolvedLinac
from studies.linac.sections import with_gradients
from studies.linac.switching.reach import reach, within_reach
from studies.linac.switching.spec import LinacSwitchingStudy
from studies.runs.logs import LOGGER
from studies.spec.checking import checked

_SHOWN = 500  # particles of a cloud


def arrived(linac: Linac, settings: Settings, start: Array, energies: Array) -> list[LinacTracked]:
    """The bunch at the end for each setting; NoSolution, naming the energy, where nothing arrives."""
    ends = zip(bunches_at(linac, settings, start), energies, strict=True)
    return [arrived_at(end, float(energy)) for end, energy in ends]


def beam_table(ends: Sequence[LinacTracked], energies: Array) -> pd.DataFrame:
    """A row an energy: moments at the exit, and the error of the energy spread."""
    beams = pd.DataFrame([beam_at_exit(end, float(wanted)) for end, wanted in zip(ends, energies, strict=True)])
    return beams.assign(sigma_energy_error=[spread(end.energies)[1] for end in ends])


def with_refined_spread(
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
    again = beam_table(arrived(machine.linac, settings.rows(rows), start, wanted), wanted)
    found = beams.copy()
    for name in ("sigma_energy", "sigma_energy_error"):
        found.loc[rows, name] = again[name].to_numpy() * (beams["energy"].to_numpy()[rows] / again["energy"].to_numpy())
    return found, tuple(map(int, rows))


def cloud(end: LinacTracked, frequency: float) -> pd.DataFrame:
    """The first particles that arrive, as figures show them; ``frequency`` [Hz] of the bunches."""
    return projections(end.survivors[:_SHOWN], end.particle, frequency)


def other_gradients(resolved: ResolvedLinac[LinacSwitchingStudy], study: LinacSwitchingStudy) -> pd.DataFrame:
    """Transmission, against energy, with the machine's own gradients and with other sets."""
    energies = np.linspace(study.energies.lower_MeV, study.energies.upper_MeV, study.compare_energies) * 1e6
    energies = within_reach(reach(resolved.machine.linac), energies)[0]
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
