"""The study of the tolerances of a linac."""

from __future__ import annotations

from pathlib import Path

from lattice.files import write_text_atomic
from studies.linac.resolution import ResolvedLinac, resolve_linac
from studies.pipeline import Study
from studies.runs.contents import LINAC
from studies.spec.toml_text import toml_text
from studies.tolerances.cases import gathered, many_of
from studies.tolerances.linac.facts import Facts, gather
from studies.tolerances.linac.figures import figures
from studies.tolerances.linac.machines import BATCH, Linacs
from studies.tolerances.linac.moving import MOVING
from studies.tolerances.linac.quantities import evaluate
from studies.tolerances.linac.spec import LinacTolerancesStudy
from studies.tolerances.linac.tables import tables
from studies.tolerances.linac.text import text
from studies.tolerances.told import save_worst


def _resolved(study: LinacTolerancesStudy, file: Path | None) -> ResolvedLinac[LinacTolerancesStudy]:
    """InputError for the cost of what has no error, before anything is computed."""
    resolved = resolve_linac(study, file)
    _MANY.number(resolved)
    return resolved


def _save(facts: Facts, folder: Path) -> None:
    """The section table that the study can be run from again, and the worst machine."""
    write_text_atomic(folder / LINAC, toml_text(facts.linacs.resolved.table))
    save_worst(facts.worst, folder)


_MANY = many_of(Linacs, gather, BATCH)
STUDY = Study(
    spec=LinacTolerancesStudy,
    resolve=_resolved,
    gather=gathered(_MANY),
    quantities=lambda facts, asked: evaluate(asked.names, facts),
    figures=figures,
    tables=tables,
    text=text,
    save=_save,
    moving=MOVING,
    many=_MANY,
)
