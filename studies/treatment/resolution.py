"""From a study of a treatment as written to everything it means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lattice import Lattice
from machines.rings.machine import RingMachine
from studies.spec.assumed import unsaid, with_unsaid
from studies.spec.resolution import Resolved, resolve_ring
from studies.treatment.spec import SwitchingComparisonStudy

_KEYS = ("target", "dose", "scanning", "isocentre", "synchrotron")


@dataclass(frozen=True)
class ResolvedTreatment(Resolved[SwitchingComparisonStudy]):
    """As ``Resolved``, of several machines."""

    @property
    def machine_name(self) -> str:
        """How results call the machines."""
        return "synchrotron, linac, cyclotron"


def resolve(study: SwitchingComparisonStudy, file: Path | None) -> ResolvedTreatment:
    """As ``resolve_ring``; what the study does not say of its tables is named as assumed."""
    return ResolvedTreatment(**vars(resolve_ring(study, file, completed=_with_assumed)))


def _with_assumed(
    study: SwitchingComparisonStudy, lattice: Lattice, machine: RingMachine | None
) -> SwitchingComparisonStudy:
    return study.model_copy(update={"assumed": with_unsaid(study, unsaid(study, _KEYS))})
