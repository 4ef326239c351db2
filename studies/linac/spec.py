"""What every study file of a linac says, and that of its optics at full energy."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.spec.schema import StudySpec
from studies.spec.search import SearchSpec
from studies.spec.types import Number, Positive, Text

Particles = Annotated[int, Strict(), Field(ge=100, le=1_000_000)]
Samples = Annotated[int, Strict(), Field(ge=2, le=10_000)]
GradientLine = Annotated[tuple[Positive, ...], Field(min_length=2)]
SectionName = Annotated[Text, Field(pattern=r"^[a-z][a-z0-9_-]*$")]


class LinacStudy(StudySpec):
    """A study of a linac: a machine by name or a section table, with keys of it changed, and gradients replaced.

    ``beam``, ``pulse``, ``tolerance``: keys of the tables of these names; ``gradients``: [T/m], one a quadrupole of the
    section. ``gradients``, ``section``, ``gradient_lines`` and ``matched`` act in this order.
    """

    keyed: ClassVar[bool] = True
    linac: Text | None = None
    """A section table (TOML) of one's own instead of a machine, relative to this file."""
    beam: dict[str, Any] = Field(default_factory=dict)
    """Keys of the section table's [beam], changed [unit in each key's name]."""
    pulse: dict[str, Any] = Field(default_factory=dict)
    """Keys of its [pulse], changed [unit in each key's name]."""
    tolerance: dict[str, Any] = Field(default_factory=dict)
    """Keys of its [tolerance], changed [unit in each key's name]."""
    gradients: dict[SectionName, tuple[Number, ...]] = Field(default_factory=dict)
    """Gradients [T/m], one a quadrupole, by section."""
    section: dict[SectionName, dict[str, Any]] | None = None
    """Keys of its sections, changed, by section [unit in each key's name]."""
    gradient_lines: dict[SectionName, GradientLine] | None = None
    """Sizes of gradients [T/m] at equal steps along a section, by section: quadrupoles follow them, signs alternate."""
    matched: tuple[SectionName, ...] | None = None
    """Matching sections whose gradients are found anew, for the first period of the tanks behind them."""
    search: SearchSpec | None = None
    """Knobs (keys of this file), objectives and constraints of lattice-optimize search."""
    particles: Particles = 20_000
    """Tracked through the gaps."""
    integrated_particles: Annotated[int, Strict(), Field(ge=10, le=100_000)] = 100
    """Tracked by the second engine too."""
    samples: Samples = 300
    """Pulses drawn for the jitter."""

    @model_validator(mode="after")
    def _one_linac(self) -> Self:
        if (self.machine is None) == (self.linac is None):
            found = "both" if self.machine else "neither"
            raise ValueError(f"a study of a linac needs either machine or linac (a section table), found {found}")
        return self


class LinacOpticsStudy(LinacStudy):
    """Does the linac carry the beam to its top energy? Energy, phases, envelopes, transmission, power, tolerances."""

    study: Literal["linac-optics"]
    """The question asked."""
    title_begins: ClassVar[str] = "Optics of"
    error_particles: Particles = 1000
    """Tracked in each machine with errors."""
    error_samples: Annotated[int, Strict(), Field(ge=2, le=1000)] = 40
    """Machines with errors at each scale."""
    error_scales: tuple[Positive, ...] = (0.5, 1.0, 2.0)
    """Factors of all tolerances [1], 1 among them."""

    @model_validator(mode="after")
    def _as_stated(self) -> Self:
        if 1.0 not in self.error_scales:
            raise ValueError(f"error_scales must hold 1, the stated tolerances; found {list(self.error_scales)}")
        return self


SPEC = LinacOpticsStudy
