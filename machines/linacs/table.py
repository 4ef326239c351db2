"""The section table of a linac as a file holds it: every key with its unit in its name, checked when it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import AllowInfNan, BaseModel, ConfigDict, Field, Strict, model_validator

from lattice.errors import counted

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


#: The cell of a structure whose file states none, by its mode: drift tubes (0), coupled cells (pi).
USUAL_CELLS: Mapping[str, CellSpec] = MappingProxyType({"0": CellSpec(kind="gap", gap=0.25), "pi": CellSpec()})


class SupplySpec(Table):
    """RF of a structure: effective shunt impedance, peak surface field over E0, rating of a klystron, losses to it."""

    shunt_impedance_MOhm_per_m: Positive = 60.0
    surface_field_ratio: Positive = 4.5
    klystron_MW: Positive = 7.5
    waveguide_loss: Share = 0.0


class StructureSpec(Table):
    """Tanks of one structure, each followed by a gap with a quadrupole in its middle; ``sign`` is that of the first.

    Without ``cell``: drift tubes (mode 0) whose gap is a quarter of the cell, coupled cells (pi) with a sine field. A
    sine field over a whole beta lambda would have T = 1/3.
    """

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
    supply: SupplySpec = SupplySpec()

    @model_validator(mode="before")
    @classmethod
    def _usual_cell(cls, content: Any) -> Any:
        if not isinstance(content, Mapping) or "cell" in content or content.get("mode") != "0":
            return content
        return {**content, "cell": USUAL_CELLS["0"]}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for key in ("gradients_T_per_m", "cells"):
            values = getattr(self, key)
            if isinstance(values, tuple) and len(values) != self.tanks:
                told = f"{key} has {counted(len(values), 'number')}, but tanks = {self.tanks}: one a tank is needed"
                raise ValueError(told)
        return self


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
    current_uA: Positive = 300.0

    @model_validator(mode="after")
    def _both_planes(self) -> Self:
        if (self.betx_m is None) != (self.bety_m is None):
            raise ValueError("betx_m and bety_m go together: give both, or neither for a matched beam")
        return self


class PulseSpec(Table):
    """Time structure, and what has to settle between two pulses. ``magnet_slew_Tm_per_s`` is of the beam line."""

    length_us: Positive = 5.0
    repetition_Hz: Positive = 200.0
    amplitude_settling_us: NotNegative = 2.0
    low_level_us: NotNegative = 100.0
    magnet_slew_Tm_per_s: Positive = 2.0
    magnet_settling_ms: NotNegative = 20.0


class ToleranceSpec(Table):
    """Rms errors, Gaussian, cut at ``cut_sigmas``: of every pulse (amplitude, phase) and as built (the rest)."""

    unit_amplitude: NotNegative = 0.001
    unit_phase_deg: NotNegative = 0.2
    tank_amplitude: NotNegative = 0.003
    tank_phase_deg: NotNegative = 0.5
    magnet_offset_um: NotNegative = 10.0
    magnet_roll_mrad: NotNegative = 2.0
    magnet_gradient: NotNegative = 0.003
    cut_sigmas: Annotated[Number, Field(ge=0.5)] = 3.0


#: Keys of supplies, pulses and tolerances that nobody need state.
_USUAL = {key for kind in (SupplySpec, PulseSpec, ToleranceSpec) for key in kind.model_fields} - {
    "waveguide_loss",
    "cut_sigmas",
}


class LinacTable(Table):
    """A whole linac: beam, sections in order, pulses, tolerances.

    What a file does not say of cells, supplies, pulses, tolerances and the current is as usual, and joins its
    ``assumptions`` as a sentence.
    """

    name: Name
    title: Text
    beam: BeamSpec
    section: tuple[Annotated[StructureSpec | MatchingSpec, Field(discriminator="kind")], ...] = Field(min_length=1)
    pulse: PulseSpec = PulseSpec()
    tolerance: ToleranceSpec = ToleranceSpec()
    largest_gradient_T_per_m: Positive
    lowest_energy_MeV: Positive
    highest_energy_MeV: Positive
    assumptions: tuple[Text, ...] = ()
    references: tuple[Text, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _unsaid(cls, content: Any) -> Any:
        if not isinstance(content, Mapping):
            return content
        said = content.get("assumptions", ())
        if not isinstance(said, (list, tuple)):
            return content  # which is refused
        told = [one for one in dict.fromkeys(_assumed(content)) if one not in said]
        return {**content, "assumptions": (*said, *told)} if told else content

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


def _assumed(content: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each of the tables of usual size that a file leaves out or gives in part, for the current and for
    cells."""
    beam, sections = content.get("beam"), content.get("section")
    if isinstance(beam, Mapping) and "current_uA" not in beam:
        yield _told(BeamSpec, ("current_uA",), "beam")
    listed = sections if isinstance(sections, (list, tuple)) else ()
    tanks = [one for one in listed if isinstance(one, Mapping) and one.get("kind") == "tanks"]
    yield from (_cell_told(str(one["mode"])) for one in tanks if "cell" not in one and one.get("mode") in _CELLS_TOLD)
    tables: list[tuple[str, type[Table], Any]] = [("supply", SupplySpec, one.get("supply", {})) for one in tanks]
    tables += [
        ("pulse", PulseSpec, content.get("pulse", {})),
        ("tolerance", ToleranceSpec, content.get("tolerance", {})),
    ]
    for name, kind, given in tables:
        missing = [
            key for key in kind.model_fields if key in _USUAL and isinstance(given, Mapping) and key not in given
        ]
        if missing:
            yield _told(kind, missing, name)


_CELLS_TOLD: Mapping[str, str] = MappingProxyType(
    {
        "0": "drift tubes (mode 0) with a gap of {gap:g} of the cell",
        "pi": "coupled cells (mode pi) with a sine field",
    }
)


def _cell_told(mode: str) -> str:
    return f"Assumed, nobody stated it: cell: {_CELLS_TOLD[mode].format(gap=USUAL_CELLS[mode].gap or 0.0)}."


def _told(kind: type[Table], keys: Iterable[str], name: str) -> str:
    values = ", ".join(f"{key} {kind.model_fields[key].default:g}" for key in keys)
    return f"Assumed, nobody stated it: {name}: {values}."
