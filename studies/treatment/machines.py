"""The machines of a comparison from their own studies: ring and linac computed at the energies of the treatment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.reference import species_named
from machines.linacs.machine import LinacMachine
from machines.registry import ring_named
from optics.linac.switching.bunches import beam_at_exit, bunches_at
from optics.linac.switching.settings import settings_for
from optics.matter.layers import Treatment
from optics.matter.ranges import range_of
from optics.ramping.species import SpeciesCycle
from studies.energy_switching.facts import SwitchingFacts, gather
from studies.energy_switching.resolution import resolve
from studies.energy_switching.ring import reach
from studies.energy_switching.spec import EnergySwitchingStudy
from studies.linac.switching.resolution import resolve as resolve_linac
from studies.linac.switching.spec import LinacSwitchingStudy
from studies.pipeline import Asked
from studies.runs.logs import LOGGER
from studies.treatment.files import path_of, study_of
from studies.treatment.spec import LinacSpec, SwitchingComparisonStudy, SynchrotronSpec

ELEMENTARY_CHARGE = 1.602176634e-19  # C, exact
_RING_ENERGIES = 24  # energies that the ring is computed at; its strengths between them by interpolation
_ROOM = 0.01  # by which these reach beyond the treatment's


@dataclass(frozen=True, eq=False)
class ComputedRing:
    """A ring as its energy switching study has it: the cycle of the species at some energies."""

    name: str
    facts: SwitchingFacts

    @property
    def cycle(self) -> SpeciesCycle:
        """The cycle of the one species."""
        return self.facts.cycles[0]

    @property
    def range_ends(self) -> tuple[float, float]:
        """Ranges [m] of the lowest and the highest energy computed."""
        low, high = (float(range_of(self.cycle.species, self.cycle.energies[k])) for k in (0, -1))
        return low, high

    def beams(self, energies: Array) -> pd.DataFrame:
        """Relative rms energy ``spread`` and geometric emittances [m] of the extracted beam at ``energies`` [MeV/u]."""
        spec = next((one for one in self.facts.study.extracted if one.species == self.cycle.species), None)
        if spec is None:
            raise InputError(f"study '{self.name}' has no [[extracted]] beam of {self.cycle.species}: add one")
        rows = []
        for energy in energies:
            particle = ReferenceParticle(self.cycle.species, kinetic_energy_per_u=float(energy) * 1e6)
            rows.append(
                {
                    "energy": float(energy),
                    "spread": particle.energy_spread(spec.momentum_spread_rms),
                    "emittance_x": spec.emittance_x_um * 1e-6,
                    "emittance_y": particle.geometric_emittance(spec.normalised_emittance_y_um * 1e-6),
                }
            )
        return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class ComputedLinac:
    """A linac as its energy switching study has it: ``beams`` tracked at the energies of the treatment, deepest first.

    ``available``: particles of a pulse behind the linac at each.
    """

    name: str
    machine: LinacMachine
    beams: pd.DataFrame
    available: Array

    def changes(self, energies: Array) -> Array:
        """Time [s] of the change to all ``energies`` [MeV] from the one before; the first as long as the next."""
        eV = 1e6 * np.asarray(energies, dtype=float)
        found = [self.machine.change_time(a, b) for a, b in pairwise(eV)]
        return np.array([*(found[:1] or [0.0]), *found])


@dataclass(frozen=True)
class Reaches:
    """Energies [MeV/u] within the reach of each way to deliver a species, or why it cannot."""

    species: str
    limits: Mapping[str, tuple[float, float]]
    unable: Mapping[str, str]

    def widest(self, species: str) -> tuple[float, float]:
        """Lowest and highest energy of all. InputError when no machine has the species."""
        if not self.limits:
            why = "; ".join(dict.fromkeys(self.unable.values()))
            raise InputError(f"target.species: no machine of the study has {species}: {why}")
        return min(low for low, _ in self.limits.values()), max(high for _, high in self.limits.values())

    def missing(self, treatment: Treatment) -> dict[str, str]:
        """Why each machine that cannot deliver the treatment cannot."""
        least, most = float(treatment.energies.min()), float(treatment.energies.max())
        found = dict(self.unable)
        for name, (low, high) in self.limits.items():
            if least < low * (1 - 1e-9) or most > high * (1 + 1e-9):
                found[name] = (
                    f"the volume needs {least:.4g} to {most:.4g} MeV/u, the machine has {low:g} to {high:g} MeV/u: "
                    f"depths from {1e3 * float(range_of(self.species, low)):.4g} to "
                    f"{1e3 * float(range_of(self.species, high)):.4g} mm work"
                )
        return found


def reaches(study: SwitchingComparisonStudy) -> Reaches:
    """What each machine of the study reaches, before anything is computed."""
    species = species_named(study.target.species).name
    limits: dict[str, tuple[float, float]] = {}
    unable: dict[str, str] = {}
    ring = ring_study(study.synchrotron)
    known = _ring_reach(ring)
    for name in ("one energy a cycle", "several energies a spill"):
        if species in known:
            limits[name] = known[species]
        else:
            unable[name] = f"'{ring.machine or ring.lattice}' is described for {', '.join(known)}, not for {species}"
    if study.linac is not None:
        linac = linac_machine(study.linac)[1]
        if linac.table.beam.species != species:
            unable["linac"] = f"it accelerates {linac.table.beam.species}, the target asks for {species}"
        elif species != "proton":
            unable["linac"] = "linacs are compared for protons only"
        else:
            low, high = linac.energies[species]
            limits["linac"] = (low / 1e6, high / 1e6)
    if (cyclotron := study.cyclotron) is not None:
        if species == "proton":
            limits["cyclotron"] = (cyclotron.lower_MeV_per_u, cyclotron.upper_MeV_per_u)
        else:
            unable["cyclotron"] = f"it accelerates protons, the target asks for {species}"
    return Reaches(species, limits, unable)


def ring_study(spec: SynchrotronSpec) -> EnergySwitchingStudy:
    """The study of the ring, its settings changed. InputError for another kind of study."""
    return study_of(EnergySwitchingStudy, "energy-switching", spec.study, spec.settings, "synchrotron.study")


def _ring_reach(study: EnergySwitchingStudy) -> dict[str, tuple[float, float]]:
    return reach(study, ring_named(study.machine) if study.machine else None)


def computed_ring(spec: SynchrotronSpec, species: str, energies: Array) -> ComputedRing:
    """The ring matched and cycled over ``energies`` [MeV/u]. Raises what that study raises."""
    study = ring_study(spec)
    low, high = _ring_reach(study)[species]
    low, high = max(float(energies.min()) * (1 - _ROOM), low), min(float(energies.max()) * (1 + _ROOM), high)
    asked = [{"species": species, "lower_MeV_per_u": low, "upper_MeV_per_u": high, "number": _RING_ENERGIES}]
    changes = {"energies": asked, "table": None, "engine_energies": 0, "machine_requirements": False, "requirement": []}
    one = EnergySwitchingStudy.model_validate({**study.model_dump(exclude_none=True), **changes})
    LOGGER.info("ring of '%s' at the energies of the treatment", spec.study)
    return ComputedRing(spec.study, gather(resolve(one, path_of(spec.study, "synchrotron.study")), Asked(())))


def linac_machine(spec: LinacSpec) -> tuple[LinacSwitchingStudy, LinacMachine]:
    """The linac of its study, settings changed. InputError for another kind of study."""
    study = study_of(LinacSwitchingStudy, "linac-energy-switching", spec.study, spec.settings, "linac.study")
    return study, resolve_linac(study, path_of(spec.study, "linac.study")).machine


def computed_linac(spec: LinacSpec, energies: Array) -> ComputedLinac:
    """The linac set to ``energies`` [MeV], a bunch tracked at each. NoSolution where nothing arrives."""
    study, machine = linac_machine(spec)
    LOGGER.info("linac of '%s' at the energies of the treatment", spec.study)
    start = machine.sample(spec.tracked_particles, study.seed)
    settings = settings_for(machine.linac, energies * 1e6, start, study.least_spread)
    ends = zip(bunches_at(machine.linac, settings, start), energies * 1e6, strict=True)
    rows = pd.DataFrame([beam_at_exit(end, float(wanted)) for end, wanted in ends])
    kind = machine.linac.particle.kind
    gamma = 1 + rows["energy"] / kind.mass
    momentum = np.sqrt(gamma**2 - 1)  # beta gamma
    beams = pd.DataFrame(
        {
            "energy": energies,
            "spread": rows["sigma_energy"] / rows["energy"],
            "transmission": rows["transmission"],
            "emittance_x": rows["emittance_x"] / momentum,
            "emittance_y": rows["emittance_y"] / momentum,
        }
    )
    pulse = machine.current * machine.pulse.length / (ELEMENTARY_CHARGE * abs(kind.charge))
    return ComputedLinac(spec.study, machine, beams, pulse * rows["transmission"].to_numpy())


def followed(energies: Sequence[float] | Array, values: Array) -> Callable[[float], float]:
    """``values`` at ``energies`` [MeV/u] as a function: linear between them, the end values outside."""
    order = np.argsort(energies)
    x, y = np.asarray(energies)[order], np.asarray(values)[order]
    return lambda energy: float(np.interp(energy, x, y))


def constant(value: float) -> Callable[[float], float]:
    """The same ``value`` at every energy."""
    return lambda energy: value
