"""The study of the tolerances of a ring."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lattice.arrays import Array
from studies.pipeline import Asked, Many, Study
from studies.spec.resolution import Resolved, resolve_ring
from studies.tolerances.assumed import with_assumed
from studies.tolerances.facts import Facts, gather, rows
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


def _number(resolved: Resolved[TolerancesStudy]) -> int:
    return Ring(resolved).sampling.cases


def _gathered(resolved: Resolved[TolerancesStudy], asked: Asked) -> Facts:
    every: Array = np.arange(_number(resolved))
    return gather(resolved, rows(resolved, every), asked)


STUDY = Study(
    spec=TolerancesStudy,
    resolve=_resolved,
    gather=_gathered,
    quantities=lambda facts, asked: evaluate(asked.names, facts.answer, facts.uncorrected),
    figures=lambda facts: figures(facts.answer),
    tables=lambda facts: tables(facts.answer),
    text=text,
    save=lambda facts, folder: save_worst(facts.worst, folder),
    moving=MOVING,
    many=Many(_number, rows, gather, BATCH),
)
