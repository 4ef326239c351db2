"""From a study of a linac's energies as written to everything it means."""

from __future__ import annotations

from pathlib import Path

from machines.linacs.machine import LinacMachine
from optics.matter.ranges import range_in_water
from studies.linac.resolution import ResolvedLinac, resolve_linac
from studies.linac.switching.spec import EnergiesSpec, LinacSwitchingStudy, VolumeSpec
from studies.spec.checking import checked


def resolve(study: LinacSwitchingStudy, file: Path | None) -> ResolvedLinac[LinacSwitchingStudy]:
    """As ``resolve_linac``, with energies and depths that the machine reaches."""
    return resolve_linac(study, file, _reachable)


def _reachable(study: LinacSwitchingStudy, machine: LinacMachine) -> LinacSwitchingStudy:
    """The study with the machine's own energies, and depths that they reach, where the study gives none."""
    table = machine.table
    ends = {"lower_MeV": table.lowest_energy_MeV, "upper_MeV": table.highest_energy_MeV}
    given = study.energies.model_dump(include=study.energies.model_fields_set)
    energies = checked(EnergiesSpec, {**ends, **given, **study.energies.of_list()}, "energies")
    kind = machine.linac.particle.kind
    painted = (energies.lower_MeV, energies.upper_MeV) if energies.number > 1 else tuple(ends.values())
    near, deep = (1e3 * float(range_in_water(end * 1e6, kind)) for end in painted)
    volume = study.volume
    if "volume" not in study.model_fields_set and not near <= volume.nearest_mm < volume.deepest_mm <= deep:
        volume = VolumeSpec(nearest_mm=near, deepest_mm=deep, layer_mm=min(volume.layer_mm, (deep - near) / 10))
    return study.model_copy(update={"energies": energies, "volume": volume})
