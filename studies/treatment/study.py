"""The study that compares machines: the same treatment on a synchrotron, a linac and a cyclotron, second by second."""

from __future__ import annotations

from studies.pipeline import Study
from studies.treatment.facts import gather
from studies.treatment.figures import figures
from studies.treatment.moving import MOVING
from studies.treatment.quantities import quantities
from studies.treatment.resolution import resolve
from studies.treatment.spec import SwitchingComparisonStudy
from studies.treatment.tables import tables
from studies.treatment.text import text

STUDY = Study(
    spec=SwitchingComparisonStudy,
    resolve=resolve,
    gather=gather,
    quantities=lambda facts, asked: tuple(quantities(facts)),
    figures=figures,
    tables=tables,
    text=lambda facts, quantities: text(facts),
    moving=MOVING,
)
