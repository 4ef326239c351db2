"""The study of energy switching on a linac."""

from __future__ import annotations

from pathlib import Path

from lattice.files import write_text_atomic
from studies.linac.switching.facts import SwitchingFacts, gather
from studies.linac.switching.figures import figures
from studies.linac.switching.moving import MOVING
from studies.linac.switching.quantities import evaluate, usual
from studies.linac.switching.resolution import resolve
from studies.linac.switching.spec import LinacSwitchingStudy
from studies.linac.switching.tables import energies_tfs, tables
from studies.linac.switching.text import text
from studies.pipeline import Study
from studies.runs.contents import LINAC
from studies.spec.toml_text import toml_text

TFS = "tables/energies.tfs"


def _save(facts: SwitchingFacts, folder: Path) -> None:
    """The section table that the study can be run from again, and the table of energies as TFS."""
    write_text_atomic(folder / LINAC, toml_text(facts.resolved.table))
    (folder / TFS).parent.mkdir(exist_ok=True)
    write_text_atomic(folder / TFS, energies_tfs(facts))


STUDY = Study(
    spec=LinacSwitchingStudy,
    resolve=resolve,
    gather=gather,
    quantities=lambda facts, asked: evaluate((*(usual() if asked.report else ()), *asked.names), facts),
    figures=figures,
    tables=tables,
    text=text,
    save=_save,
    moving=MOVING,
)
