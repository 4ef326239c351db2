"""The study file of energy switching on a linac."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.linac.spec import LinacStudy, Particles, SectionName
from studies.spec.types import NotNegative, Number, Positive, Table, Text


class EnergiesSpec(Table):
    """The table of energies: at equal steps, both ends in it, or those of a list."""

    lower_MeV: Positive = 70.0
    """Lowest energy, of the whole particle; without it the machine's."""
    upper_MeV: Positive = 230.0
    """Highest energy, of the whole particle; without it the machine's."""
    number: Annotated[int, Strict(), Field(ge=1, le=2000)] = 161
    """How many, ends among them: 2 or more, but for a list of one."""
    values_MeV: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=2000)] | None = None
    """A list of one's own instead, rising [MeV of the whole particle]: ends and number are then those of the list."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        ends = {"lower_MeV", "upper_MeV"} <= self.model_fields_set  # else the machine's own
        if self.values_MeV is None and ends and self.lower_MeV >= self.upper_MeV:
            raise ValueError(f"lower_MeV {self.lower_MeV:g} is not below upper_MeV {self.upper_MeV:g}")
        return self

    @model_validator(mode="after")
    def _spaced(self) -> Self:
        if self.values_MeV is None and self.number < 2:
            raise ValueError(f"number is {self.number}, but both ends are energies: give 2 or more, or values_MeV")
        return self

    @model_validator(mode="after")
    def _listed(self) -> Self:
        if self.values_MeV is None:
            return self
        if any(before >= after for before, after in pairwise(self.values_MeV)):
            raise ValueError(f"values_MeV must rise, found {list(self.values_MeV)}")
        for key, own in self.of_list().items():
            if key in self.model_fields_set and getattr(self, key) != own:
                raise ValueError(
                    f"{key} is {getattr(self, key):g}, but that of values_MeV is {own:g}: give values_MeV alone, or "
                    "lower_MeV, upper_MeV and number"
                )
        return self

    def of_list(self) -> dict[str, float]:
        """Ends and number as the list has them; none without a list."""
        if self.values_MeV is None:
            return {}
        return {"lower_MeV": self.values_MeV[0], "upper_MeV": self.values_MeV[-1], "number": len(self.values_MeV)}


class VolumeSpec(Table):
    """A volume to be painted: depths in water [mm], distance of layers, spots of a layer, pulses of a spot."""

    nearest_mm: Positive = 100.0
    """Depth in water where the volume begins."""
    deepest_mm: Positive = 200.0
    """Depth in water where it ends."""
    layer_mm: Positive = 3.0
    """Distance of layers."""
    spots: Annotated[int, Strict(), Field(ge=1, le=1_000_000)] = 400
    """Spots of a layer."""
    pulses_per_spot: Annotated[int, Strict(), Field(ge=1, le=10_000)] = 1
    """Pulses of a spot."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.nearest_mm >= self.deepest_mm:
            raise ValueError(f"nearest_mm {self.nearest_mm:g} is not below deepest_mm {self.deepest_mm:g}")
        return self


class CompareSpec(Table):
    """Another set of gradients [T/m] to set beside the machine's: by section."""

    name: Text
    """How it is called."""
    source: Text
    """Where the gradients are from."""
    gradients: dict[SectionName, tuple[Number, ...]]
    """Gradients [T/m], one a quadrupole, by section."""


class LinacSwitchingStudy(LinacStudy):
    """Every energy: settings, beam at the exit, transmission, time, failures, jitter.

    Ends of ``energies`` that the study does not give are those of the machine; so is a ``volume`` it does not give,
    where the usual one is out of reach.
    """

    study: Literal["linac-energy-switching"]
    """The question asked."""
    title_begins: ClassVar[str] = "Energy switching of"
    cheap: ClassVar[Collection[str]] = (
        *("length", "klystrons", "rf_power", "klystron_share", "kilpatrick", "max_gradient"),
        *("energies_reached", "largest_fill"),
    )
    energies: EnergiesSpec = EnergiesSpec()
    """The table of energies: lower_MeV, upper_MeV and number, or values_MeV, a list; without ends the machine's."""
    particles_per_energy: Particles = 2000
    """Tracked at each energy."""
    particles: Particles = 20_000
    """Tracked once more where the energy spread may be the largest, if more than particles_per_energy."""
    least_spread: bool = True
    """true: phases are chosen for the least energy spread."""
    volume: VolumeSpec = VolumeSpec()
    """A volume to be painted."""
    compare: tuple[CompareSpec, ...] = ()
    """Other sets of gradients, beside the machine's: a list of tables."""
    compare_energies: Annotated[int, Strict(), Field(ge=2, le=500)] = 33
    """At how many energies they are compared."""
    shown_energies: Annotated[int, Strict(), Field(ge=2, le=30)] = 9
    """Bunches that are drawn."""
    range_step_mm: NotNegative = 3.0
    """Steps in range of the table of settings; 0: none."""


SPEC = LinacSwitchingStudy
