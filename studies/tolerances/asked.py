"""What study files of tolerances share, whatever their machine is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator

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


class DrawnSpec(Table):
    """``machines`` that are drawn, ``mixed`` more for each cause to rank them, the yield that is wanted, the budget."""

    machines: Machines = 1000
    """Machines that are drawn."""
    mixed: Fewer | Literal[0] = 128
    """Further machines for each cause, to rank them; 0: no ranking."""
    wanted_yield: Yield = 0.95
    """Share of machines that shall keep every requirement [1]."""
    budget: BudgetSpec | None = BudgetSpec()
    """How large the errors may be, found for the wanted yield."""

    @model_validator(mode="before")
    @classmethod
    def _of_the_ranking(cls, content: Any) -> Any:
        """A table that asks for no ranking and names no budget asks for no budget."""
        if isinstance(content, Mapping) and content.get("mixed") == 0 and "budget" not in content:
            return {**content, "budget": None}
        return content

    @model_validator(mode="after")
    def _enough(self) -> Self:
        """ValueError for a ranking of more machines than there are, and for a budget without a ranking."""
        if 2 * self.mixed > self.machines:
            raise ValueError(f"mixed = {self.mixed} needs twice as many machines, there are {self.machines}")
        if self.budget is not None and not self.mixed:
            raise ValueError("a budget follows from the ranking of causes: give mixed, or leave the table budget out")
        return self


class FamiliesSpec(DrawnSpec):
    """The same of machines whose magnets and monitors have errors by family."""

    errors: Annotated[tuple[FamilySpec, ...], Field(min_length=1)] = ()
    """Rms errors, a table a family."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        """ValueError when two families have one name."""
        names = [family.family for family in self.errors]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two families are called {', '.join(repeated)}: each has a name of its own")
        return self
