"""The study file of a treatment on several machines; the built-in one holds the numbers."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.energy_switching.spec import Share, Whole
from studies.spec.schema import RingStudy
from studies.spec.types import NotNegative, Number, Positive, Switch, Table, Text


class TargetVolumeSpec(Table):
    """The volume in water."""

    species: Text = "proton"
    proximal_mm: NotNegative
    distal_mm: Positive
    side_mm: Positive
    dose_Gy: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.proximal_mm >= self.distal_mm:
            raise ValueError(f"proximal_mm {self.proximal_mm} is not below distal_mm {self.distal_mm}")
        return self


class DoseSpec(Table):
    """The depth-dose model, layers and spots."""

    straggling: Positive
    energy_spread: NotNegative
    nuclear_loss_per_cm: dict[Text, NotNegative]
    layer_spacing_mm: Positive
    spot_spacing_mm: Positive
    margin_mm: NotNegative


class ScanningSpec(Table):
    """Spot scanning, repainting, gating."""

    speed_m_per_s: Positive
    overhead_s: NotNegative
    repaints: Whole
    volumetric: Switch
    gate_duty: Share
    gate_period_s: Positive


class IsocentreSpec(Table):
    """What scatters in front of the patient: ``nozzle_mm`` of water, ``distance_m`` before the isocentre."""

    nozzle_mm: NotNegative
    distance_m: NotNegative


class SynchrotronSpec(Table):
    """Synchrotron: the study of its ring (with ``settings`` changed), particles in a spill, steps within a spill.

    What is not given is computed by that study: times of a change and of a step, energy spread.
    """

    study: Text = "cnao-energy-switching"
    settings: dict[str, Any] = Field(default_factory=dict)
    particles_per_spill: dict[Text, Positive]
    spill_s: Positive
    flat_top_s: Positive
    change_s: Positive | None = None
    step_s: Positive | None = None
    step_loss: Annotated[Number, Field(ge=0, lt=1)]
    least_of_layer: Share
    energies_per_spill: Whole
    energy_spread: Positive | None = None
    isocentre_beta_m: Positive


class LinacSpec(Table):
    """Linac: its study (with ``settings`` changed), pulses, the most particles that are wanted in one.

    What is not given is computed by that study: particles of a pulse, repetition, change of energy with the beam line,
    energy spread.
    """

    study: Text = "linac-energy-switching"
    settings: dict[str, Any] = Field(default_factory=dict)
    tracked_particles: Annotated[int, Strict(), Field(ge=100, le=100_000)] = 1000
    largest_particles_per_pulse: Positive
    repetition_Hz: Positive | None = None
    pulses_per_spot: Whole
    change_s: NotNegative | None = None
    energy_spread: Positive | None = None
    isocentre_beta_m: Positive


class CyclotronSpec(Table):
    """Cyclotron with degrader: rate behind it at the top energy, its fall with energy, the most that is let through."""

    lowest_MeV_per_u: Positive
    highest_MeV_per_u: Positive
    rate_per_s: Positive
    exponent: NotNegative
    largest_rate_per_s: Positive
    change_s: NotNegative
    energy_spread: Positive
    emittance_um: Positive
    isocentre_beta_m: Positive


class SwitchingComparisonStudy(RingStudy):
    """How long does the same treatment take on a synchrotron, a linac and a cyclotron, and what limits each?"""

    study: Literal["switching-comparison"]
    title_begins: ClassVar[str] = "Time to treat: linac and cyclotron beside"
    target: TargetVolumeSpec
    dose: DoseSpec
    scanning: ScanningSpec
    isocentre: IsocentreSpec
    synchrotron: SynchrotronSpec
    linac: LinacSpec | None = None
    cyclotron: CyclotronSpec | None = None


SPEC = SwitchingComparisonStudy
