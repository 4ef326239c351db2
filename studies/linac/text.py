"""The optics of a linac in sentences: how it is computed, and what a reader must know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from machines.linacs.machine import LinacMachine
from optics.linac import LinacTracked
from optics.linac.result import WINDOW
from optics.matter.ranges import range_text
from studies.judging import ALONE
from studies.linac.facts import LinacFacts
from studies.pipeline import Text
from studies.results import Quantity
from studies.sources import cited

ARRIVING = 0.9  # transmission below which a beam is called lost
_KILPATRICK = 2.0  # of short pulses: Wangler, RF Linear Accelerators (2008), sec. 5.10


def text(facts: LinacFacts, quantities: Sequence[Quantity]) -> Text:
    """All of it."""
    found = text_of(facts.machine, methods(facts), quantities, facts.pair.alone)
    told = (*beam_lost(facts.tracked, "at full energy"), *strong_fields(facts.tanks))
    return replace(found, warnings=(*told, *found.warnings))


def beam_lost(tracked: LinacTracked, where: str) -> Iterator[str]:
    """That a beam is lost, how much of it and where most, of more than a tenth; whether or not a limit judges it."""
    if tracked.transmission < ARRIVING:
        piece = str(tracked.lost["piece"].mode()[0])
        yield (
            f"{1 - tracked.transmission:.0%} of the beam is lost {where}: {tracked.transmission:.3g} of it arrives; "
            f"most is lost at {piece}."
        )


def strong_fields(tanks: pd.DataFrame) -> Iterator[str]:
    """That surface fields lie so high that tanks break down, by the ``tanks`` of ``tank_table``."""
    worst = tanks.loc[tanks["kilpatrick"].idxmax()]
    if worst["kilpatrick"] > _KILPATRICK:
        yield (
            f"The peak surface field of {worst['tank']} is {worst['kilpatrick']:.3g} times Kilpatrick's; above "
            f"{_KILPATRICK:g} tanks of short pulses break down: look at the cell (transit time), E0T and the ratio of "
            "peak surface field."
        )


def text_of(machine: LinacMachine, how: Iterator[str], quantities: Sequence[Quantity], alone: str) -> Text:
    """Methods with what the machine assumes and cites, and the warnings; ``alone``: why there is no second engine."""
    table = machine.table
    references = (*cited("magnus-1954"), *table.references)
    return Text(tuple(how), table.assumptions, references, tuple(_warnings(quantities, alone)))


def _warnings(quantities: Sequence[Quantity], alone: str) -> Iterator[str]:
    if alone:
        yield f"No integration through the fields: {alone}. Verdicts rest on the maps alone."
    for quantity in quantities:
        if quantity.value is None:
            yield f"{quantity.name} has no value: {quantity.method}."
    names = [quantity.name for quantity in quantities if quantity.engine == ALONE and quantity.value is not None]
    if names:
        yield f"By the maps alone, without a second engine: {', '.join(names)}."


def methods(facts: LinacFacts) -> Iterator[str]:
    """Of the optics study."""
    yield (
        "Every cell acts in its middle: the energy changes by q E0 L T(k) I0(K r) cos(phase), the transverse momentum "
        "by the radial derivative of the same function, position and slope by what the field does on its way through "
        "the cell, to second order in the field; T depends on the velocity, and the map is symplectic (implicit "
        "midpoint). The arrival phase is carried from cell to cell."
    )
    yield (
        "The design pass follows the reference particle and sets the RF phase of each tank its synchronous phase away "
        "from the phase at which the tank as a whole gives most energy."
    )
    yield (
        f"A particle that ends farther than {WINDOW:.0%} from the reference energy has fallen out of the bunch: it "
        "counts as lost, at the end."
    )
    yield "Envelopes, phase advances and acceptances come from 6x6 matrices, derivatives of the same maps."
    if not facts.pair.alone:
        yield (
            "Second engine: Runge-Kutta integration through the on-axis field of the same cells with the fields off "
            "the axis to first order; the reference particle and matrices through all tanks (envelopes, phase "
            "advances and acceptances have its difference as their error), and "
            f"{len(facts.pair.maps.alive) if facts.pair.maps else 0} particles."
        )
    yield (
        "Copper power is (E0T)^2 L over the effective shunt impedance; the beam's power is current times energy gain; "
        "Kilpatrick's field E from f = 1.64 E^2 exp(-8.5/E), f in MHz, E in MV/m."
    )
    yield (
        f"Machines with errors: {len(facts.errors)} samples, Gaussian, cut at {facts.machine.errors.cut:g} rms, no "
        "steering, RF phases as designed."
    )
    yield f"Range in water: {range_text()}."
