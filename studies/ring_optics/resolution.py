"""From an optics study as written to everything it means."""

from __future__ import annotations

from pathlib import Path

from studies.ring_optics.spec import OpticsStudy
from studies.spec.resolution import Resolved, resolve_ring
from studies.vocabulary import IMPERFECTIONS


def resolve(study: OpticsStudy, file: Path | None) -> Resolved[OpticsStudy]:
    """As ``resolve_ring``; without machines with errors, requirements on them are left out."""
    return resolve_ring(study, file, unjudged=() if study.imperfections else IMPERFECTIONS)
