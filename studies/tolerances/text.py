"""Methods, assumptions and references of tolerances in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from studies.pipeline import Text
from studies.results import Quantity
from studies.ring_optics.text import REFERENCES
from studies.tolerances.facts import Facts
from studies.tolerances.machines import EXTRACTION, TRACKED
from studies.tolerances.told import STATISTICS, statistics, warnings

_OF_ARMS = (
    "At the electrostatic septum the tune counts as set again, and the wires as turned to the arm of each ring, as "
    "operators do; the orbit at the wires stays as the correction leaves it.",
)


_OF_STEPS = (
    "Spiral step, angle and losses at the wires are those of the exact arm without errors, with what orbit, functions "
    "and sextupoles of each ring change of it to leading order (Kobayashi), resonant momenta are distance over "
    f"chromaticity; the arms and momenta of {TRACKED} rings are tracked beside it, and the largest difference is the "
    "error.",
)


def text(facts: Facts, _: Sequence[Quantity]) -> Text:
    """The study in sentences."""
    machine = facts.ring.resolved.machine
    return Text(
        methods=(_of_rings(facts), *(_OF_STEPS if _extracts(facts) else ()), *statistics(facts.answer)),
        assumptions=(
            *(machine.assumptions if machine is not None else ()),
            "Errors of different magnets and circuits are independent; momentum is fixed.",
            "Tunes are not set again after the errors: operators would take out what all magnets of a family do.",
            *(_OF_ARMS if _extracts(facts) else ()),
        ),
        references=(*REFERENCES, *STATISTICS, *(machine.references if machine is not None else ())),
        warnings=tuple(warnings(facts.answer, (*facts.ring.resolved.warnings, facts.uncorrected))),
        headline="no requirement is on a number of each machine" if facts.answer.all is None else "",
    )


def _extracts(facts: Facts) -> bool:
    return not set(EXTRACTION).isdisjoint(facts.ring.names)


def _of_rings(facts: Facts) -> str:
    spec = facts.ring.spec.tolerances
    return (
        f"{spec.machines} rings with errors of {len(spec.errors)} families, each drawn from the seed, the element's "
        "name and the kind of error alone. A misaligned magnet stands between exact changes of the frame; closed "
        f"orbits are fixed points of each ring's own maps, corrected by {spec.method} on what the monitors read; "
        "optics is that about the corrected orbit, planes coupled. Room is that of every beam at its own working "
        "point, in the same ring with the same errors."
    )
