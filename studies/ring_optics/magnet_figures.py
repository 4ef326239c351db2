"""The magnets against their limits: the field that each family takes at the top rigidity."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from optics.magnets import FIELDS, strongest
from studies.charts.figure import figure_json
from studies.charts.match import MagnetField, fields_of_limit
from studies.results import FigureData
from studies.ring_optics.facts import Facts
from studies.vocabulary import SCALARS, quantity_named, unit_factor


def magnet_figures(facts: Facts) -> Iterator[FigureData]:
    """The fields that magnets need at the top rigidity, over their limits."""
    magnets = [magnet for quantity in FIELDS for magnet in _fields(quantity, facts)]
    if not magnets:
        return
    caption = (
        f"Field of each family of magnets at {facts.resolved.top_particle.magnetic_rigidity:.6g} T m, the top "
        "rigidity, over the limit that is judged: strength of the final lattice times the rigidity. Look for: bars "
        "near the dashed line, which leave no room to retune."
    )
    frame = pd.DataFrame([vars(magnet) for magnet in magnets])
    drawn = figure_json(fields_of_limit(magnets))
    yield FigureData("strengths-limits", "Magnet limits", caption, drawn, frame)


def _fields(quantity: str, facts: Facts) -> Iterator[MagnetField]:
    kind, machine = FIELDS[quantity], facts.resolved.machine
    rigidity = facts.resolved.top_particle.magnetic_rigidity
    limits = [
        r.upper * unit_factor(quantity_named(quantity), r.unit)
        for r in facts.resolved.requirements
        if r.quantity == quantity and r.upper
    ]
    if machine is not None and not limits and (rating := machine.rating(kind)) is not None:
        limits = [rating.value]
    if not limits or all(element.kind != kind for element in facts.optics.lattice.elements):
        return
    unit, parameters = SCALARS[quantity].unit, facts.optics.lattice.parameters
    families = [family for family in (machine.families.values() if machine else ()) if family.kind == kind]
    for family in families:
        field = float(parameters[family.parameter]) * rigidity
        yield MagnetField(family.parameter, field, min(limits), unit)
    if not families:
        found = strongest(quantity, facts.optics.lattice, rigidity)
        yield MagnetField(f"{found.element} (strongest {kind})", found.value, min(limits), unit)
