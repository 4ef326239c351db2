"""Switching of a linac's energy in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lattice.errors import counted
from optics.linac.result import WINDOW
from optics.linac.switching.settings import REACH
from optics.matter.ranges import range_text
from studies.linac.switching.facts import SwitchingFacts
from studies.linac.text import ARRIVING, strong_fields, text_of
from studies.pipeline import Text
from studies.results import Quantity


def text(facts: SwitchingFacts, quantities: Sequence[Quantity]) -> Text:
    """All of it."""
    found = text_of(facts.machine, methods(facts), quantities, facts.alone)
    assumptions = (*found.assumptions, *_unmoved(facts))
    told = (*out_of_reach(facts), *_beam_lost(facts), *search_ends(facts), *strong_fields(facts.tanks))
    return replace(found, assumptions=assumptions, warnings=(*told, *found.warnings))


def _beam_lost(facts: SwitchingFacts) -> Iterator[str]:
    """That more than a tenth of a beam is lost, where it is most."""
    if "transmission" in facts.beams and (least := facts.beams["transmission"].min()) < ARRIVING:
        row = int(facts.beams["transmission"].argmin())
        count = int((facts.beams["transmission"] < ARRIVING).sum())
        yield (
            f"{1 - least:.0%} of the beam is lost at {facts.energies[row] / 1e6:.4g} MeV; at {count} of "
            f"{counted(len(facts.energies), 'energy')} less than {ARRIVING:.0%} of it arrives."
        )


def search_ends(facts: SwitchingFacts) -> Iterator[str]:
    """That no energy has its least spread inside the search of phases: a single row of a table is told in the table."""
    if facts.study.least_spread and len(facts.energies) and facts.settings.at_reach.all():
        low, high = np.degrees(REACH)
        yield (
            "At every energy asked for the phase of the last unit stands at an end of its search, "
            f"{low:.0f} to {high:.0f} degrees from the designed one (search-end in the table of energies). Energies "
            "and spreads hold for the settings in the table; a phase beyond may leave less spread, at a larger "
            "amplitude of the unit. No key widens the search; other energies of a unit's range, as a rule higher ones, "
            "have their least spread inside it."
        )


def _unmoved(facts: SwitchingFacts) -> Iterator[str]:
    """What assumptions do not move, and what that means."""
    if facts.study.assumption:
        yield (
            "Assumptions are moved past the table of settings, which is made for the linac as it is assumed: beams, "
            "pulses and times move. Which energies have a setting (energies_reached), and how far settings between two "
            "rows miss (interpolation_error), hold for the linac's RF as designed: another one has a table of its own."
        )


def out_of_reach(facts: SwitchingFacts) -> Iterator[str]:
    """What a reader must know of the energies that have no setting."""
    if facts.layers_beyond:
        low, high = min(facts.layers_beyond) / 1e6, max(facts.layers_beyond) / 1e6
        yield (
            f"{counted(len(facts.layers_beyond), 'layer')} of the volume, {low:.4g} to {high:.4g} MeV, cannot be "
            f"painted: units on one after the other give {_within(facts)}. Times of layers and treatment are of the "
            "others, and not judged."
        )
    if facts.beyond:
        told = ", ".join(f"{energy / 1e6:.4g}" for energy in facts.beyond[:6]) + (", ..." if facts.beyond[6:] else "")
        yield (
            f"Out of reach, without setting and beam: {told} MeV; units on one after the other give {_within(facts)}. "
            "What holds for every energy is not judged."
        )


def _within(facts: SwitchingFacts) -> str:
    low, high = (energy / 1e6 for energy in facts.within)
    return f"{low:.6g} to {high:.6g} MeV"


def methods(facts: SwitchingFacts) -> Iterator[str]:
    """Of the switching study."""
    yield (
        "RF phases and gradients are those of the design. For an energy, units are on from the low-energy end, the "
        "last one at the least amplitude that gives the energy at its phase, the rest off. So the linac gives "
        f"{_within(facts)}."
    )
    if facts.study.least_spread:
        low, high = np.degrees(REACH)
        yield (
            f"The phase of the last unit, within {low:.0f} and {high:.0f} degrees of the designed one, leaves 256 "
            "tracked particles with the least energy spread; found at 9 energies of each unit, monotone cubic between. "
            f"{int(facts.settings.at_reach.sum())} of {len(facts.energies)} rows stand at an end of this search: there "
            "a phase beyond may leave less spread, at a larger amplitude of the unit."
        )
    yield (
        f"At every energy {facts.study.particles_per_energy} particles are tracked through all gaps; what all energies "
        f"share is tracked once. {_more(facts)}A particle farther than "
        f"{WINDOW:.0%} from its energy counts as lost. Twiss parameters at the exit are those of the survivors."
    )
    yield (
        "A trip leaves the unit off; each unit behind is set its synchronous phase away from the phase at which it "
        "gives most energy to what arrives, at full amplitude, or stays off where it gives none; 1000 particles are "
        "tracked."
    )
    yield f"Range in water: {range_text()}."


def _more(facts: SwitchingFacts) -> str:
    if not facts.refined:
        return ""
    return (
        f"At the {counted(len(facts.refined), 'energy')} whose spread may be the largest, within its error at 95 %, "
        f"it is of {facts.study.particles} particles. "
    )
