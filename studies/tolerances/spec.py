"""The study file of the tolerances of a ring."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from studies.ring_optics.spec import ImperfectionsSpec
from studies.spec.schema import RingStudy
from studies.tolerances.asked import (
    BudgetSpec,
    FamilySpec,
    Fewer,
    Machines,
    Yield,
    check_families,
    check_mixed,
    without_budget,
)


class TolerancesSpec(ImperfectionsSpec):
    """``machines`` that are drawn, ``mixed`` more for each cause to rank them, and the yield that is wanted."""

    machines: Machines = 1000
    """Machines that are drawn."""
    mixed: Fewer | Literal[0] = 128
    """Further machines for each cause, to rank them; 0: no ranking."""
    wanted_yield: Yield = 0.95
    """Share of machines that shall keep every requirement [1]."""
    errors: Annotated[tuple[FamilySpec, ...], Field(min_length=1)] = ()
    """Rms errors, a table a family."""
    budget: BudgetSpec | None = BudgetSpec()
    """How large the errors may be, found for the wanted yield."""

    @model_validator(mode="before")
    @classmethod
    def _of_the_ranking(cls, content: Any) -> Any:
        return without_budget(content)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_families(self.errors)
        check_mixed(self.machines, self.mixed, self.budget)
        return self


class TolerancesStudy(RingStudy):
    """Which share of rings as built keeps every requirement, which errors matter, how large may each be?

    Without ``errors`` those of usual rings are assumed (``studies.tolerances.assumed``).
    """

    study: Literal["tolerances"]
    """The question asked."""
    title_begins: ClassVar[str] = "Tolerances of"
    many: ClassVar[bool] = True
    tolerances: TolerancesSpec = TolerancesSpec()
    """Errors, and the machines drawn with them."""

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
