"""The study of a delivery: from the machine to the isocentre."""

from __future__ import annotations

from studies.delivery.facts import gather
from studies.delivery.figures import figures
from studies.delivery.moving import MOVING, moved_quantities
from studies.delivery.resolution import resolve
from studies.delivery.spec import DeliveryStudy
from studies.delivery.stored import save
from studies.delivery.tables import tables
from studies.delivery.text import text
from studies.pipeline import Study

STUDY = Study(
    spec=DeliveryStudy,
    resolve=resolve,
    gather=gather,
    quantities=moved_quantities,
    figures=figures,
    tables=tables,
    text=lambda facts, quantities: text(facts),
    save=save,
    moving=MOVING,
)
