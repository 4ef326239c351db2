"""What is told of tolerances in sentences, whatever the machine is; the worst machine in a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lattice import Lattice, write_json
from optics.imperfections.worsened import worsened
from studies.runs.contents import LATTICE, WORST
from studies.sources import cited
from studies.tolerances.allotment import Budget
from studies.tolerances.outcome import Answer

STATISTICS = cited("clopper-1934", "sobol-2001", "glen-2012", "gumbel-1950")


def statistics(found: Answer) -> Iterator[str]:
    """How yields, causes and the budget are found."""
    yield (
        f"A requirement holds for {100 * found.question.wanted:g} % of the machines; its error is that of order "
        "statistics. Yields have exact intervals (Clopper and Pearson 1934)."
    )
    sampling = found.question.sampling
    if found.ranking:
        yield (
            f"Causes are ranked by their parts of the variance of each number: in {sampling.mixed} machines each cause "
            "by itself is taken from another machine (Sobol 2001; Glen and Isaacs 2012); errors leave out groups."
        )
    if found.budget is not None:
        spec, aim = found.question.budget, found.budget.aim
        assert spec is not None
        yield (
            f"Budget: the least sum of cost / t^{spec.power:g} over scales t of the causes that keeps the excess of "
            "every number, taken to grow as the root of the sum of share t^2, in its limit. The level is the "
            f"largest at which {aim.least} of {aim.machines} machines drawn anew keep all limits. Then {aim.shown} of "
            f"{aim.check} others, which show the yield that is wanted, do with a chance of {100 * aim.chance:.3g} % "
            "(Gumbel and von Schelling 1950). Those check it."
        )
        yield from _lowered(found.budget)


def _lowered(budget: Budget) -> Iterator[str]:
    """That the first check did not show the yield."""
    if budget.before is not None:
        failed = budget.before.found
        yield (
            f"The first check did not show it: {failed.count} of {failed.total}. The level was lowered from "
            f"{budget.before.level:.3g} to {budget.level:.3g} of the room, by what those machines use, and checked on "
            f"{budget.check.total} others."
        )


def warnings(found: Answer, known: Sequence[str]) -> Iterator[str]:
    """What must be known of the result."""
    yield from filter(None, known)
    lost = found.machines[found.machines["status"] != "computed"]["status"].value_counts()
    for reason, count in lost.items():
        yield f"{count} of {len(found.machines)} machines have no answer and keep nothing: {reason}."
    for what in ("orbit", "trajectory"):
        for plane in "xy":
            names = (f"{what}_{plane}_uncorrected", f"{what}_{plane}")
            if set(names) <= set(found.machines):
                before, after = (found.machines[name].to_numpy(dtype=float) for name in names)
                yield from filter(None, [worsened(plane, before, after, what)])
    for name, reason in found.unranked.items():
        yield f"Causes of {name} are not told apart: {reason}."
    if found.budget is None and found.question.budget is not None:
        yield f"No budget: {found.unallotted}."


def save_worst(worst: Lattice | None, folder: Path) -> None:
    """The worst machine as a lattice to open."""
    if worst is not None:
        (folder / WORST).mkdir(exist_ok=True)
        write_json(worst, folder / WORST / LATTICE)
