"""The study file of the tolerances of a linac."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.linac.spec import LinacStudy
from studies.spec.types import NotNegative, Table
from studies.tolerances.asked import BudgetSpec, Costs, Fewer, Machines, Yield, check_mixed


class SourceSpec(Table):
    """Errors of the beam at the entrance, rms, of its centre in both planes, its energy and its phase."""

    offset_um: NotNegative = 0.0
    angle_mrad: NotNegative = 0.0
    energy: NotNegative = 0.0
    phase_deg: NotNegative = 0.0


class LinacTolerancesSpec(Table):
    """Linacs that are drawn with the rms errors of the section table and of the ``source``; ``cost`` of each cause."""

    machines: Machines = 400
    mixed: Fewer | Literal[0] = 60
    wanted_yield: Yield = 0.9
    source: SourceSpec = SourceSpec()
    tracked: Annotated[int, Strict(), Field(ge=50, le=100_000)] = 200
    cost: Costs = Field(default_factory=dict)
    budget: BudgetSpec | None = BudgetSpec()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_mixed(self.machines, self.mixed, self.budget)
        return self


class LinacTolerancesStudy(LinacStudy):
    """Which share of linacs as built keeps every requirement, which errors matter, how large may each be?"""

    study: Literal["linac-tolerances"]
    title_begins: ClassVar[str] = "Tolerances of"
    many: ClassVar[bool] = True
    tolerances: LinacTolerancesSpec = LinacTolerancesSpec()


SPEC = LinacTolerancesStudy
