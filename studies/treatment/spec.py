"""The study file of a treatment on several machines; the built-in one holds the numbers."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.energy_switching.spec import Share, Whole
from studies.spec.schema import RingStudy
from studies.spec.types import NotNegative, Number, Positive, Switch, Table, Text

#: Share of particles lost to nuclear reactions in a cm of water: p: Bortfeld 1997; C: Haettner 2006; He: assumed.
NUCLEAR_LOSS = MappingProxyType({"proton": 0.012, "helium-4": 0.02, "carbon-12": 0.06})
#: In a spill of CNAO; helium assumed.
PARTICLES = MappingProxyType({"proton": 1e10, "helium-4": 2.5e9, "carbon-12": 4e8})


class TargetVolumeSpec(Table):
    """The volume in water."""

    species: Text = "proton"
    """proton, helium-4 or carbon-12."""
    proximal_mm: NotNegative = 100.0
    """Depth in water where the volume begins."""
    distal_mm: Positive = 200.0
    """Depth in water where it ends."""
    side_mm: Positive = 100.0
    """Its width and height."""
    dose_Gy: Positive = 2.0
    """Dose in it."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.proximal_mm >= self.distal_mm:
            raise ValueError(f"proximal_mm {self.proximal_mm} is not below distal_mm {self.distal_mm}")
        return self


class DoseSpec(Table):
    """The depth-dose model, layers and spots."""

    straggling: Positive = 0.012
    """Of the range R: factor of R^0.935 [cm, R in cm]."""
    energy_spread: NotNegative = 0.002
    """Relative rms spread of the beam's energy [1]."""
    nuclear_loss_per_cm: dict[Text, NotNegative] = Field(default_factory=lambda: dict(NUCLEAR_LOSS))
    """Share of particles lost in a cm of water, by species."""
    layer_spacing_mm: Positive = 3.0
    """Distance of layers."""
    spot_spacing_mm: Positive = 5.0
    """Distance of spots."""
    margin_mm: NotNegative = 5.0
    """Painted around the volume."""


class ScanningSpec(Table):
    """Spot scanning, repainting, gating."""

    speed_m_per_s: Positive = 20.0
    """Of the spot."""
    overhead_s: NotNegative = 0.002
    """Of each spot."""
    repaints: Whole = 1
    """How often each layer is painted."""
    volumetric: Switch = False
    """true: the whole volume again, false: each layer again."""
    gate_duty: Share = 1.0
    """Share of the time that breathing leaves [1]."""
    gate_period_s: Positive = 4.0
    """Of breathing."""


class IsocentreSpec(Table):
    """What scatters in front of the patient: ``nozzle_mm`` of water, ``distance_m`` before the isocentre."""

    nozzle_mm: NotNegative = 3.3
    """Of water in front of the patient."""
    distance_m: NotNegative = 0.8
    """Of it from the isocentre."""


class SynchrotronSpec(Table):
    """Synchrotron: the study of its ring (with ``settings`` changed), particles in a spill, steps within a spill.

    What is not given is computed by that study: times of a change and of a step, energy spread.
    """

    study: Text = "cnao-energy-switching"
    """The study of energy switching of its ring: a built-in one or a file."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Keys of that study, changed [as there]."""
    particles_per_spill: dict[Text, Positive] = Field(default_factory=lambda: dict(PARTICLES))
    """Particles in a spill, by species."""
    spill_s: Positive = 1.0
    """Length of a spill."""
    flat_top_s: Positive = 10.0
    """Longest flat top."""
    change_s: Positive | None = None
    """Time of a change of energy; without it that study's."""
    step_s: Positive | None = None
    """Time of a step within a spill; without it that study's."""
    step_loss: Annotated[Number, Field(ge=0, lt=1)] = 0.2
    """Share of the beam that a step loses [1]."""
    least_of_layer: Share = 0.2
    """Share of a layer that the rest of a spill must hold to begin it [1]."""
    energies_per_spill: Whole = 8
    """Energies in a spill at most."""
    energy_spread: Positive | None = None
    """Relative rms [1]; without it that study's."""
    delivery: Text | None = None
    """The study of the delivery behind it, a built-in one or a file: spots and losses in the line are that study's."""
    spot_mm: Positive | None = None
    """Rms spot that the line is set to, without the nozzle; without it the first of that study."""
    isocentre_beta_m: Positive = 8.0
    """Beta at the isocentre where no delivery is named, or it does not serve."""


class LinacSpec(Table):
    """Linac: its study (with ``settings`` changed), pulses, the most particles that are wanted in one.

    What is not given is computed by that study: particles of a pulse, repetition, change of energy with the beam line,
    energy spread.
    """

    study: Text = "linac-energy-switching"
    """The study of energy switching of the linac: a built-in one or a file."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Keys of that study, changed [as there]."""
    tracked_particles: Annotated[int, Strict(), Field(ge=100, le=100_000)] = 1000
    """Tracked for what that study computes."""
    largest_particles_per_pulse: Positive
    """The most that are wanted in a pulse."""
    repetition_Hz: Positive | None = None
    """Of pulses; without it that study's."""
    pulses_per_spot: Whole
    """Pulses of a spot at least."""
    change_s: NotNegative | None = None
    """Time of a change of energy; without it that study's."""
    energy_spread: Positive | None = None
    """Relative rms [1]; without it that study's."""
    delivery: Text | None = None
    """The study of the delivery behind it, a built-in one or a file: spots and losses in the line are that study's."""
    spot_mm: Positive | None = None
    """Rms spot that the line is set to, without the nozzle; without it the first of that study."""
    isocentre_beta_m: Positive
    """Beta at the isocentre where no delivery is named, or it does not serve."""


class CyclotronSpec(Table):
    """Cyclotron with degrader: rate behind it at the top energy, its fall with energy, the most that is let through."""

    lower_MeV_per_u: Positive
    """Lowest energy behind the degrader."""
    upper_MeV_per_u: Positive
    """Energy of the cyclotron."""
    rate_per_s: Positive
    """Particles a second behind the degrader at the top energy."""
    exponent: NotNegative
    """Power of energy over top energy with which the rate falls [1]."""
    largest_rate_per_s: Positive
    """The most that is let through."""
    change_s: NotNegative
    """Time of a change of energy."""
    energy_spread: Positive
    """Relative rms [1]."""
    emittance_um: Positive
    """Geometric rms behind the slits."""
    isocentre_beta_m: Positive
    """Beta at the isocentre."""


class SwitchingComparisonStudy(RingStudy):
    """How long does the same treatment take on a synchrotron, a linac and a cyclotron, and what limits each?

    What it does not say of volume, dose, scanning, isocentre and synchrotron is assumed: the defaults of these tables.
    """

    study: Literal["switching-comparison"]
    """The question asked."""
    title_begins: ClassVar[str] = "Time to treat: linac and cyclotron beside"
    target: TargetVolumeSpec = TargetVolumeSpec()
    """The volume in water."""
    dose: DoseSpec = DoseSpec()
    """The model of the depth dose, layers and spots."""
    scanning: ScanningSpec = ScanningSpec()
    """Spot scanning, repainting, gating."""
    isocentre: IsocentreSpec = IsocentreSpec()
    """What scatters in front of the patient."""
    synchrotron: SynchrotronSpec = SynchrotronSpec()
    """The synchrotron."""
    linac: LinacSpec | None = None
    """The linac; without it none is compared."""
    cyclotron: CyclotronSpec | None = None
    """The cyclotron; without it none is compared."""


SPEC = SwitchingComparisonStudy
