"""The section table of a linac as a file holds it: every key with its unit in its name, checked when it is read."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AllowInfNan, BaseModel, ConfigDict, Field, Strict, model_validator

Number = Annotated[float, Strict(), AllowInfNan(False)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Share = Annotated[Number, Field(ge=0, lt=1)]
Count = Annotated[int, Strict(), Field(ge=1, le=1000)]
Text = Annotated[str, Strict(), Field(min_length=1)]
Name = Annotated[Text, Field(pattern=r"^[a-z][a-z0-9_-]*$")]


class Table(BaseModel):
    """A table of the file: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CellSpec(Table):
    """Transit-time factor of a cell: a sine cell, a drift-tube ``gap`` (share of the cell), a polynomial or a table.

    ``coefficients`` in k L, lowest power first, from ``lowest_kl`` to ``highest_kl`` [rad]; or ``kl`` [rad] and
    ``factor`` as columns.
    """

    kind: Literal["sine", "gap", "polynomial", "table"] = "sine"
    gap: Positive | None = None
    edge: Positive = 0.04
    coefficients: tuple[Number, ...] | None = None
    lowest_kl: Positive | None = None
    highest_kl: Positive | None = None
    kl: tuple[Positive, ...] | None = None
    factor: tuple[Number, ...] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needs = {
            "sine": (),
            "gap": ("gap",),
            "polynomial": ("coefficients", "lowest_kl", "highest_kl"),
            "table": ("kl", "factor"),
        }
        missing = [key for key in needs[self.kind] if getattr(self, key) is None]
        if missing:
            raise ValueError(f"a cell of kind '{self.kind}' needs {', '.join(missing)}")
        return self


class SupplySpec(Table):
    """RF of a structure: effective shunt impedance, peak surface field over E0, rating of a klystron, losses to it."""

    shunt_impedance_MOhm_per_m: Positive
    surface_field_ratio: Positive
    klystron_MW: Positive
    waveguide_loss: Share = 0.0


class StructureSpec(Table):
    """Tanks of one structure, each followed by a gap with a quadrupole in its middle; ``sign`` is that of the first."""

    kind: Literal["tanks"]
    name: Name
    mode: Literal["pi", "0"]
    tanks: Count
    cells: Count | tuple[Count, ...]
    cell: CellSpec = CellSpec()
    E0T_MV_per_m: Positive
    synchronous_phase_deg: Annotated[Number, Field(gt=-90, lt=90)]
    frequency_MHz: Positive
    bore_mm: Positive
    shortest_gap_mm: Positive
    magnet_length_mm: Positive
    gradients_T_per_m: tuple[Number, ...]
    tanks_per_unit: Count
    supply: SupplySpec


class MatchingSpec(Table):
    """Quadrupoles between two structures: ``spaces_mm`` before, between and behind them."""

    kind: Literal["matching"]
    name: Name
    bore_mm: Positive
    magnet_length_mm: Positive
    spaces_mm: tuple[NotNegative, ...]
    gradients_T_per_m: tuple[Number, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if len(self.spaces_mm) != len(self.gradients_T_per_m) + 1:
            raise ValueError(
                f"section '{self.name}': {len(self.gradients_T_per_m)} quadrupoles have "
                f"{len(self.gradients_T_per_m) + 1} spaces around them, found {len(self.spaces_mm)}"
            )
        return self


class BeamSpec(Table):
    """The beam at the entrance as a distribution; without Twiss parameters it is matched to the first period.

    Energies are of the whole particle (a carbon-12 of 5 MeV/u has 60). ``frequency_MHz`` is that of the phase,
    ``bunch_frequency_MHz`` how often bunches come (that of the RFQ).
    """

    species: Text = "proton"
    kinetic_energy_MeV: Positive
    emittance_x_um: Positive
    emittance_y_um: Positive
    sigma_phase_deg: Positive
    sigma_energy_keV: Positive
    correlation: Annotated[Number, Field(ge=-1, le=1)] = 0.0
    frequency_MHz: Positive
    bunch_frequency_MHz: Positive | None = None
    betx_m: Positive | None = None
    alfx: Number = 0.0
    bety_m: Positive | None = None
    alfy: Number = 0.0
    distribution: Literal["gaussian", "waterbag"] = "gaussian"
    cut_sigmas: Annotated[Number, Field(ge=0.5)] | None = None
    capture: Annotated[Number, Field(gt=0, le=1)] = 1.0
    current_uA: Positive

    @model_validator(mode="after")
    def _both_planes(self) -> Self:
        if (self.betx_m is None) != (self.bety_m is None):
            raise ValueError("betx_m and bety_m go together: give both, or neither for a matched beam")
        return self


class PulseSpec(Table):
    """Time structure, and what has to settle between two pulses. ``magnet_slew_Tm_per_s`` is of the beam line."""

    length_us: Positive
    repetition_Hz: Positive
    amplitude_settling_us: NotNegative
    low_level_us: NotNegative
    magnet_slew_Tm_per_s: Positive
    magnet_settling_ms: NotNegative


class ToleranceSpec(Table):
    """Rms errors, Gaussian, cut at ``cut_sigmas``: of every pulse (amplitude, phase) and as built (the rest)."""

    unit_amplitude: NotNegative
    unit_phase_deg: NotNegative
    tank_amplitude: NotNegative
    tank_phase_deg: NotNegative
    magnet_offset_um: NotNegative
    magnet_roll_mrad: NotNegative
    magnet_gradient: NotNegative
    cut_sigmas: Annotated[Number, Field(ge=0.5)] = 3.0


class LinacTable(Table):
    """A whole linac: beam, sections in order, pulses, tolerances."""

    name: Name
    title: Text
    beam: BeamSpec
    section: tuple[Annotated[StructureSpec | MatchingSpec, Field(discriminator="kind")], ...] = Field(min_length=1)
    pulse: PulseSpec
    tolerance: ToleranceSpec
    largest_gradient_T_per_m: Positive
    lowest_energy_MeV: Positive
    highest_energy_MeV: Positive
    assumptions: tuple[Text, ...] = ()
    references: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        names = [section.name for section in self.section]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two sections are called {', '.join(repeated)}")
        if not any(isinstance(section, StructureSpec) for section in self.section):
            raise ValueError("a linac needs at least one section of tanks")
        if not self.lowest_energy_MeV < self.highest_energy_MeV:
            raise ValueError(
                f"lowest_energy_MeV {self.lowest_energy_MeV:g} is not below highest_energy_MeV "
                f"{self.highest_energy_MeV:g}"
            )
        return self
