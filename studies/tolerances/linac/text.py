"""Methods, assumptions and references of the tolerances of a linac in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from studies.pipeline import Text
from studies.results import Quantity
from studies.tolerances.linac.facts import Facts
from studies.tolerances.told import STATISTICS, statistics, warnings


def text(facts: Facts, _: Sequence[Quantity]) -> Text:
    """The study in sentences."""
    machine, spec = facts.linacs.resolved.machine, facts.linacs.resolved.study.tolerances
    how = (
        f"{spec.machines} linacs with errors of alignment, gradient, amplitude, phase and source, Gaussian and cut, "
        f"each drawn from the seed, the piece's name and the kind of error alone. {spec.tracked} particles, the same "
        "for all, are tracked through each without steering; trajectories are those of their mean at all pieces."
    )
    return Text(
        methods=(how, *statistics(facts.answer)),
        assumptions=(
            *machine.assumptions,
            "Errors are independent of each other; phases are set once, for the linac without errors.",
            "The lattice of the worst machine holds gradients, rolls, voltages and phases, not the offsets of magnets.",
        ),
        references=(*STATISTICS, *machine.references),
        warnings=tuple(warnings(facts.answer, ())),
        headline="no requirement is on a number of each machine" if facts.answer.all is None else "",
    )
