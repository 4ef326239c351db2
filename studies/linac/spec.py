"""The study files of a linac: optics at full energy, and switching of energy."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.spec.schema import AnyStudy
from studies.spec.types import NotNegative, Number, Positive, Table, Text
from studies.vocabulary import LINAC, SCALARS

Particles = Annotated[int, Strict(), Field(ge=100, le=1_000_000)]
Samples = Annotated[int, Strict(), Field(ge=2, le=10_000)]
SectionName = Annotated[Text, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
#: Of a length or an energy, which scalars of rings share with linacs.
SHARED = ("length", "max_gradient")


class LinacStudy(AnyStudy):
    """A study of a linac: a machine by name or a section table, with keys of it changed, and gradients replaced.

    ``beam``, ``pulse``, ``tolerance``: keys of the tables of these names; ``gradients``: [T/m], one a quadrupole of the
    section.
    """

    linac: Text | None = None
    beam: dict[str, Any] = Field(default_factory=dict)
    pulse: dict[str, Any] = Field(default_factory=dict)
    tolerance: dict[str, Any] = Field(default_factory=dict)
    gradients: dict[SectionName, tuple[Number, ...]] = Field(default_factory=dict)
    particles: Particles = 20_000
    integrated_particles: Annotated[int, Strict(), Field(ge=10, le=100_000)] = 100
    samples: Samples = 300

    @model_validator(mode="after")
    def _one_linac(self) -> Self:
        if (self.machine is None) == (self.linac is None):
            found = "both" if self.machine else "neither"
            raise ValueError(f"a study of a linac needs either machine or linac (a section table), found {found}")
        return self

    @model_validator(mode="after")
    def _of_linacs(self) -> Self:
        for requirement in self.requirement:
            name = requirement.quantity.partition("@")[0]
            if name not in LINAC and name not in SHARED:
                known = ", ".join((*LINAC, *SHARED))
                raise ValueError(
                    f"requirement '{requirement.id}': '{requirement.quantity}' is no quantity of a linac. Known: "
                    f"{known}"
                )
        assert set(SHARED) <= set(SCALARS)
        return self


class LinacOpticsStudy(LinacStudy):
    """Does the linac carry the beam to its top energy? Energy, phases, envelopes, transmission, power, tolerances."""

    study: Literal["linac-optics"]
    error_particles: Particles = 1000
    error_samples: Annotated[int, Strict(), Field(ge=2, le=1000)] = 20
    error_scales: tuple[Positive, ...] = (0.5, 1.0, 2.0)

    @model_validator(mode="after")
    def _as_stated(self) -> Self:
        if 1.0 not in self.error_scales:
            raise ValueError(f"error_scales must hold 1, the stated tolerances; found {list(self.error_scales)}")
        return self


class EnergiesSpec(Table):
    """The table of energies, both ends in it."""

    lowest_MeV: Positive = 70.0
    highest_MeV: Positive = 230.0
    number: Annotated[int, Strict(), Field(ge=2, le=2000)] = 161

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lowest_MeV >= self.highest_MeV:
            raise ValueError(f"lowest_MeV {self.lowest_MeV:g} is not below highest_MeV {self.highest_MeV:g}")
        return self


class VolumeSpec(Table):
    """A volume to be painted: depths in water [mm], distance of layers, spots of a layer, pulses of a spot."""

    nearest_mm: Positive = 100.0
    deepest_mm: Positive = 200.0
    layer_mm: Positive = 3.0
    spots: Annotated[int, Strict(), Field(ge=1, le=1_000_000)] = 400
    pulses_per_spot: Annotated[int, Strict(), Field(ge=1, le=10_000)] = 1

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.nearest_mm >= self.deepest_mm:
            raise ValueError(f"nearest_mm {self.nearest_mm:g} is not below deepest_mm {self.deepest_mm:g}")
        return self


class CompareSpec(Table):
    """Another set of gradients [T/m] to set beside the machine's: by section."""

    name: Text
    source: Text
    gradients: dict[SectionName, tuple[Number, ...]]


class LinacSwitchingStudy(LinacStudy):
    """Every energy: settings, beam at the exit, transmission, time, failures, jitter.

    Ends of ``energies`` that the study does not give are those of the machine; so is a ``volume`` it does not give,
    where the usual one is out of reach.
    """

    study: Literal["linac-energy-switching"]
    energies: EnergiesSpec = EnergiesSpec()
    particles_per_energy: Particles = 2000
    least_spread: bool = True
    volume: VolumeSpec = VolumeSpec()
    compare: tuple[CompareSpec, ...] = ()
    compare_energies: Annotated[int, Strict(), Field(ge=2, le=500)] = 33
    shown_energies: Annotated[int, Strict(), Field(ge=2, le=30)] = 9
    range_step_mm: NotNegative = 3.0
