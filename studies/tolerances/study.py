"""The study of the tolerances of a ring."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from studies.pipeline import Study
from studies.spec.resolution import Resolved, resolve_ring
from studies.tolerances.assumed import with_assumed
from studies.tolerances.cases import gathered, many_of
from studies.tolerances.facts import gather
from studies.tolerances.figures import figures
from studies.tolerances.machines import BATCH, Ring
from studies.tolerances.moving import MOVING
from studies.tolerances.quantities import evaluate
from studies.tolerances.spec import TolerancesStudy
from studies.tolerances.tables import tables
from studies.tolerances.text import text
from studies.tolerances.told import save_worst


def _resolved(study: TolerancesStudy, file: Path | None) -> Resolved[TolerancesStudy]:
    """InputError for errors of what there is not, before anything is computed."""
    resolved = resolve_ring(study, file, completed=with_assumed)
    ring = Ring(resolved)
    ring.drawn(resolved.lattice, ring.sampling.drawing(np.arange(1)))
    return resolved


_MANY = many_of(Ring, gather, BATCH)
STUDY = Study(
    spec=TolerancesStudy,
    resolve=_resolved,
    gather=gathered(_MANY),
    quantities=lambda facts, asked: evaluate(asked.names, facts.answer, facts.lacking),
    figures=lambda facts: figures(facts.answer),
    tables=lambda facts: tables(facts.answer),
    text=text,
    save=lambda facts, folder: save_worst(facts.worst, folder),
    moving=MOVING,
    many=_MANY,
)
