"""From a study of a treatment as written to everything it means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from studies.spec.resolution import Resolved, resolve_ring
from studies.treatment.spec import SwitchingComparisonStudy


@dataclass(frozen=True)
class ResolvedTreatment(Resolved[SwitchingComparisonStudy]):
    """As ``Resolved``, of several machines."""

    @property
    def machine_name(self) -> str:
        """How results call the machines."""
        return "synchrotron, linac, cyclotron"


def resolve(study: SwitchingComparisonStudy, file: Path | None) -> ResolvedTreatment:
    """As ``resolve_ring``."""
    return ResolvedTreatment(**vars(resolve_ring(study, file)))
