"""The study of the tolerances of a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from studies.pipeline import Study
from studies.tolerances.cases import gathered, many_of
from studies.tolerances.line.facts import gather
from studies.tolerances.line.figures import figures
from studies.tolerances.line.machines import BATCH, Lines
from studies.tolerances.line.moving import MOVING
from studies.tolerances.line.quantities import evaluate
from studies.tolerances.line.resolution import ResolvedLine, resolve_line
from studies.tolerances.line.spec import LineTolerancesStudy
from studies.tolerances.line.tables import tables
from studies.tolerances.line.text import text
from studies.tolerances.told import save_worst


def _resolved(study: LineTolerancesStudy, file: Path | None) -> ResolvedLine:
    """InputError for errors of what there is not, before anything is computed."""
    resolved = resolve_line(study, file)
    lines = Lines(resolved)
    lines.check_instruments()
    lines.families.drawn(resolved.line, lines.sampling.drawing(np.arange(1)))
    assert lines.each  # names what the settings have wrongly
    return resolved


_MANY = many_of(Lines, gather, BATCH)
STUDY = Study(
    spec=LineTolerancesStudy,
    resolve=_resolved,
    gather=gathered(_MANY),
    quantities=lambda facts, asked: evaluate(asked.names, facts),
    figures=figures,
    tables=tables,
    text=text,
    save=lambda facts, folder: save_worst(facts.worst, folder),
    moving=MOVING,
    many=_MANY,
)
