"""The optics study of a linac."""

from __future__ import annotations

from pathlib import Path

from lattice.files import write_text_atomic
from studies.linac.facts import LinacFacts, gather
from studies.linac.figures import figures
from studies.linac.moving import MOVING
from studies.linac.quantities import evaluate, usual
from studies.linac.resolution import resolve_linac
from studies.linac.spec import LinacOpticsStudy
from studies.linac.tables import tables
from studies.linac.text import text
from studies.pipeline import Study
from studies.runs.contents import LINAC
from studies.spec.toml_text import toml_text


def _save(facts: LinacFacts, folder: Path) -> None:
    """The section table that the study can be run from again."""
    write_text_atomic(folder / LINAC, toml_text(facts.resolved.table))


STUDY = Study(
    spec=LinacOpticsStudy,
    resolve=lambda study, file: resolve_linac(study, file),
    gather=gather,
    quantities=lambda facts, asked: evaluate((*(usual() if asked.report else ()), *asked.names), facts),
    figures=figures,
    tables=tables,
    text=text,
    save=_save,
    moving=MOVING,
)
