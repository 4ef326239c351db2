"""The study file of the tolerances of a ring."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from studies.ring_optics.spec import ImperfectionsSpec
from studies.spec.schema import RingStudy
from studies.tolerances.asked import FamiliesSpec, FamilySpec


class TolerancesSpec(FamiliesSpec, ImperfectionsSpec):
    """Rings that are drawn and corrected."""

    errors: Annotated[tuple[FamilySpec, ...], Field(min_length=1)] = ()
    """Rms errors, a table a family."""


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
