"""The study of energy switching on a ring: programme of all energies, cycle, steps in a spill, operational tables."""

from __future__ import annotations

from studies.energy_switching.facts import gather
from studies.energy_switching.figures import figures
from studies.energy_switching.moving import MOVING
from studies.energy_switching.quantities import evaluate
from studies.energy_switching.resolution import resolve
from studies.energy_switching.spec import EnergySwitchingStudy
from studies.energy_switching.tables import tables
from studies.energy_switching.text import text
from studies.pipeline import Study

STUDY = Study(
    spec=EnergySwitchingStudy,
    resolve=resolve,
    gather=gather,
    quantities=lambda facts, asked: evaluate(asked.names, facts),
    figures=figures,
    tables=tables,
    text=lambda facts, quantities: text(facts),
    moving=MOVING,
)
