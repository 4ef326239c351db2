"""Which quantities the axes of the ring's figures carry, so that limits on them are drawn there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from studies.results import Shown
from studies.ring_optics.facts import Facts
from studies.ring_optics.imperfections import wires_position
from studies.ring_optics.quantities import element_at
from studies.vocabulary import QuantityName, quantity_named

#: Panels of the optics figure: betas, dispersions, and the beam in x.
_PANELS = {"betx": "y2", "bety": "y2", "dx": "y3", "dy": "y3"}
_BEAM = "y4"


def optics_shown(facts: Facts, with_beam: bool) -> Iterator[Shown]:
    """Of the optics figure: extremes and values at places that are judged, and the wires where the beam is drawn."""
    for requirement in facts.resolved.requirements:
        asked = quantity_named(requirement.quantity)
        if asked.base in _PANELS and asked.form in ("max", "min"):
            yield Shown(requirement.quantity, _PANELS[asked.base], curves=(asked.base,))
        elif asked.base in _PANELS and asked.form == "at":
            yield _at_place(requirement.quantity, asked, facts)
    position = wires_position(facts.optics.lattice, facts.resolved.wires.place)
    if with_beam and position:
        yield _wires(facts, position)


def _at_place(name: str, asked: QuantityName, facts: Facts) -> Shown:
    at = float(facts.optics.value("s", element_at(asked, facts)))
    return Shown(name, _PANELS[asked.base], at=at, curves=(asked.base,))


def _wires(facts: Facts, position: float) -> Shown:
    """The room is counted from the wires inwards: none at their ``position`` [m]."""
    at = float(facts.optics.value("s", facts.resolved.septum))
    return Shown("clearance_es", _BEAM, scale=-1e3 * float(np.sign(position)), offset=1e3 * position, at=at)
