"""The study file of slow extraction: septa, momenta, and the spill."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.slow_extraction.spill.spec import SpillSpec
from studies.spec.schema import RingStudy
from studies.spec.types import Name, NotNegative, Number, Table
from studies.vocabulary import SPILL


class MomentaSpec(Table):
    """The momentum deviations that are extracted, from ``lower`` to ``upper``."""

    lower: Number
    upper: Number
    number: Annotated[int, Strict(), Field(ge=2, le=50)] = 7

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower >= self.upper:
            raise ValueError(f"lower {self.lower} is not below upper {self.upper}")
        return self


#: What a report may show around the design: the step against tune and sextupole, the arm's turning against
#: chromaticity, and what each family of magnets changes.
Variation = Literal["tune", "sextupole", "chromaticity", "families"]
_ALL: tuple[Variation, ...] = ("tune", "sextupole", "chromaticity", "families")


class ExtractionSpec(Table):
    """Third-integer extraction: the septa, the momenta that leave, and the side on which the stack waits.

    What is said of the septa goes before what the elements say; without ``septum_angle`` the wires are turned to the
    extracted beam. ``delta`` is the momentum deviation of the design point; ``variations`` around it are for a report,
    nothing is judged by them.
    """

    electrostatic_septum: Name | None = None
    magnetic_septum: Name | None = None
    x_septum: Number | None = None
    septum_angle: Number | None = None
    wire_thickness: NotNegative | None = None
    wire_length: NotNegative | None = None
    septum_kick: NotNegative | None = None
    septum_gap: NotNegative | None = None
    x_wall: Number | None = None
    wall_thickness: NotNegative | None = None
    delta: Number = 0.0
    momenta: MomentaSpec | None = None
    stack: Literal["below", "above"] = "below"
    particles: Annotated[int, Strict(), Field(ge=100, le=100_000)] = 2000
    variations: tuple[Variation, ...] = _ALL


class ExtractionStudy(RingStudy):
    """Does the machine extract as it must? Resonance, arms at the septa, losses on the wires, spill, verdicts."""

    study: Literal["extraction"]
    title_begins: ClassVar[str] = "Slow extraction of"
    scanned: ClassVar[Literal["", "blocks", "cases"]] = "cases"
    unscanned: ClassVar[Collection[str]] = SPILL
    extraction: ExtractionSpec = ExtractionSpec()
    spill: SpillSpec | None = None


SPEC = ExtractionStudy
