"""The study file of the tolerances of a ring."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from studies.ring_optics.spec import ImperfectionsSpec
from studies.spec.errors import ErrorsSpec
from studies.spec.schema import RingStudy
from studies.spec.types import Name, NotNegative
from studies.tolerances.asked import BudgetSpec, Costs, Fewer, Machines, Yield, check_mixed


class FamilySpec(ErrorsSpec):
    """Errors of one family of magnets or monitors, rms; ``cost`` of each of its causes, 1 where none is given.

    ``calibration`` and ``stability``: relative, alike for all magnets of a circuit; ``noise`` [m] and ``gain``: of what
    monitors read. ``distribution``: Gaussian, cut at ``cut`` rms, or uniform of that rms.
    """

    family: Name
    calibration: NotNegative = 0.0
    stability: NotNegative = 0.0
    noise: NotNegative = 0.0
    gain: NotNegative = 0.0
    distribution: Literal["gaussian", "uniform"] = "gaussian"
    cost: Costs = Field(default_factory=dict)


class TolerancesSpec(ImperfectionsSpec):
    """``machines`` that are drawn, ``mixed`` more for each cause to rank them, and the yield that is wanted."""

    machines: Machines = 1000
    mixed: Fewer | Literal[0] = 128
    wanted_yield: Yield = 0.95
    errors: tuple[FamilySpec, ...] = Field(min_length=1)
    budget: BudgetSpec | None = BudgetSpec()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [family.family for family in self.errors]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two families are called {', '.join(repeated)}: each has a name of its own")
        check_mixed(self.machines, self.mixed, self.budget)
        return self


class TolerancesStudy(RingStudy):
    """Which share of rings as built keeps every requirement, which errors matter, how large may each be?"""

    study: Literal["tolerances"]
    title_begins: ClassVar[str] = "Tolerances of"
    many: ClassVar[bool] = True
    tolerances: TolerancesSpec

    @model_validator(mode="after")
    def _as_it_stands(self) -> Self:
        if self.match is not None:
            raise ValueError(
                "tolerances are those of a ring as it stands: match it in an optics study, give parameters"
            )
        if self.start is not None:
            raise ValueError("tolerances are those of a ring: a line (start) has no closed orbit")
        return self


SPEC = TolerancesStudy
