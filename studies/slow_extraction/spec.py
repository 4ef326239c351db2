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
    """The lowest dp/p [1]."""
    upper: Number
    """The highest dp/p [1]."""
    number: Annotated[int, Strict(), Field(ge=2, le=50)] = 7
    """How many, ends among them."""

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
    """The element that the wires begin at; without it the machine's, or the only one of its kind."""
    magnetic_septum: Name | None = None
    """The element of the magnetic septum; without it as above."""
    x_septum: Number | None = None
    """Position of the wires, its sign their side [m]; without it the element's."""
    septum_angle: Number | None = None
    """Of the wires to the orbit [rad]; without it they are turned to the extracted beam."""
    wire_thickness: NotNegative | None = None
    """Of the wires [m]; without it the element's."""
    wire_length: NotNegative | None = None
    """Of the wires [m]; without it the element's."""
    septum_kick: NotNegative | None = None
    """Of the electrostatic septum [rad]; without it the element's."""
    septum_gap: NotNegative | None = None
    """Wires to cathode [m]; without it the element's."""
    x_wall: Number | None = None
    """Position of the magnetic septum's wall [m]; without it the element's."""
    wall_thickness: NotNegative | None = None
    """Of that wall [m]; without it the element's."""
    delta: Number = 0.0
    """Dp/p of the design point [1]."""
    momenta: MomentaSpec | None = None
    """Dp/p that leave; without it those of a waiting stack that lose stability."""
    stack: Literal["below", "above"] = "below"
    """The side of the resonant momentum on which the stack waits."""
    particles: Annotated[int, Strict(), Field(ge=100, le=100_000)] = 2000
    """Sampled of the stack."""
    variations: tuple[Variation, ...] = _ALL
    """What the report shows around the design; nothing is judged by it."""


class ExtractionStudy(RingStudy):
    """Does the machine extract as it must? Resonance, arms at the septa, losses on the wires, spill, verdicts."""

    study: Literal["extraction"]
    """The question asked."""
    title_begins: ClassVar[str] = "Slow extraction of"
    scanned: ClassVar[Literal["", "blocks", "cases"]] = "cases"
    unscanned: ClassVar[Collection[str]] = SPILL
    extraction: ExtractionSpec = ExtractionSpec()
    """Septa and momenta."""
    spill: SpillSpec | None = None
    """The spill, tracked turn by turn; without this table none is."""


SPEC = ExtractionStudy
