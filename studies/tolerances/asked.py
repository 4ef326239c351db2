"""What study files of tolerances share, whatever their machine is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from studies.spec.errors import ErrorsSpec
from studies.spec.types import Name, NotNegative, Positive, Table

#: A share of the machines: strictly between none and all, which no sample can show.
Yield = Annotated[float, Strict(), Field(gt=0.0, lt=1.0)]
Machines = Annotated[int, Strict(), Field(ge=40, le=1_000_000)]
Fewer = Annotated[int, Strict(), Field(ge=40, le=100_000)]
Costs = dict[Name, Positive]


class FamilySpec(ErrorsSpec):
    """Errors of one family of magnets or monitors, rms; ``cost`` of each of its causes, 1 where none is given.

    ``calibration`` and ``stability``: relative, alike for all magnets of a circuit; ``noise`` [m] and ``gain``: of what
    monitors read. ``distribution``: Gaussian, cut at ``cut`` rms, or uniform of that rms.
    """

    family: Name
    """Name of the family."""
    calibration: NotNegative = 0.0
    """Rms of an error that all magnets of a circuit share, relative [1]."""
    stability: NotNegative = 0.0
    """The same, of the supply in time, relative [1]."""
    noise: NotNegative = 0.0
    """Rms noise of what monitors read [m]."""
    gain: NotNegative = 0.0
    """Rms gain error of what monitors read, relative [1]."""
    distribution: Literal["gaussian", "uniform"] = "gaussian"
    """Gaussian, cut at cut rms, or uniform of that rms."""
    cost: Costs = Field(default_factory=dict)
    """Cost of each cause (misalignment, roll, field, ...) [1], 1 where none is given."""


class BudgetSpec(Table):
    """How errors are allotted: the cost of scaling a cause by t is its cost / t^``power``, t at most ``largest``.

    Levels are tried on ``machines``, what is proposed is drawn again as ``check`` others.
    """

    power: Positive = 1.0
    """Scaling a cause by t costs its cost / t^power [1]."""
    largest: Annotated[Positive, Field(gt=0.01, le=100.0)] = 3.0
    """Largest t [1]."""
    machines: Fewer = 400
    """Machines on which levels are tried."""
    check: Fewer = 600
    """Others that are drawn with what is proposed."""


def without_budget(content: Any) -> Any:
    """A table that asks for no ranking and names no budget asks for no budget."""
    if isinstance(content, Mapping) and content.get("mixed") == 0 and "budget" not in content:
        return {**content, "budget": None}
    return content


def check_mixed(machines: int, mixed: int, budget: BudgetSpec | None) -> None:
    """ValueError when the ranking asks for more machines than there are, or the budget for a ranking without."""
    if 2 * mixed > machines:
        raise ValueError(f"mixed = {mixed} needs twice as many machines, there are {machines}")
    if budget is not None and not mixed:
        raise ValueError("a budget follows from the ranking of causes: give mixed, or leave the table budget out")


def check_families(families: Sequence[FamilySpec]) -> None:
    """ValueError when two families have one name."""
    names = [family.family for family in families]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"two families are called {', '.join(repeated)}: each has a name of its own")
