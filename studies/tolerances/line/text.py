"""Methods, assumptions and references of the tolerances of a line in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from studies.pipeline import Text
from studies.results import Quantity
from studies.sources import cited
from studies.tolerances.line.facts import Facts
from studies.tolerances.told import STATISTICS, statistics, warnings

REFERENCES = cited("brown-1982", "julier-1997")


def text(facts: Facts, _: Sequence[Quantity]) -> Text:
    """The study in sentences."""
    machine, resolved = facts.lines.resolved.machine, facts.lines.resolved
    return Text(
        methods=(*_methods(facts), *statistics(facts.answer)),
        assumptions=(
            *(machine.assumptions if machine is not None else ()),
            "Errors of different magnets, circuits and of the beam are independent of each other.",
            "Strengths are not set again after the errors: only the trajectory is.",
        ),
        references=(*REFERENCES, *STATISTICS, *(machine.references if machine is not None else ())),
        warnings=tuple(warnings(facts.answer, (*_told(resolved.outside), *_told(facts.uncorrected)))),
        headline="no requirement is on a number of each machine" if facts.answer.all is None else "",
    )


def _told(reason: str) -> tuple[str, ...]:
    return (f"{reason[0].upper()}{reason[1:]}.",) if reason else ()


def _methods(facts: Facts) -> Iterator[str]:
    study, spec = facts.lines.resolved.study, facts.lines.spec
    yield (
        f"{spec.machines} lines with errors of {len(spec.errors)} families and of the beam that enters, each drawn "
        "from the seed, the element's name and the kind of error alone. A misaligned magnet stands between exact "
        "changes of the frame; the middle of the beam goes through each line's own maps."
    )
    if study.settings:
        energies = ", ".join(f"{one.kinetic_energy_per_u / 1e6:g}" for one in facts.lines.resolved.energies)
        yield (
            f"The same lines are steered and looked at at {energies} MeV/u. A number of a line is that of its worst "
            "energy; figures along the line are of the first."
        )
    if not facts.uncorrected:
        yield (
            f"What the monitors of each line read, their errors included, is brought to nothing by {spec.method} with "
            "the response of the line without errors, in three steps. The steering sees all errors of the magnets but "
            "the stability of their supplies, and the steady errors of the beam; stability and ripple come afterwards, "
            "and numbers after steering hold them. Drift of the spot is what they alone do."
        )
    yield (
        "Sizes are those of points one rms from the middle along the axes of the beam's ellipsoid (Julier and "
        f"Uhlmann), about each line's own trajectory. Room is what {study.sigmas:g} rms beside the trajectory leave in "
        "the apertures, in the frame of the magnet, at both ends of every element and between the parts that a thick "
        "one is cut into."
    )
