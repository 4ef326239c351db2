"""From an extraction study as written to everything it means: its ring, and its septa."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from studies.slow_extraction.assumed import with_assumed
from studies.slow_extraction.spec import ExtractionStudy
from studies.spec.resolution import Resolved, Wires, resolve_ring


def resolve(study: ExtractionStudy, file: Path | None) -> Resolved[ExtractionStudy]:
    """As ``resolve_ring``, with the numbers of the septa written out, and a beam."""
    found = resolve_ring(study, file, completed=with_assumed)
    septa = found.study.extraction
    return replace(found, wires=Wires(septa.electrostatic_septum, septa.x_septum))
