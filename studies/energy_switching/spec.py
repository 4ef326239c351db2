"""The study file of energy switching on a ring; the built-in one holds the numbers."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from lattice import InputError
from lattice.reference import species_named
from studies.spec.schema import RingStudy
from studies.spec.types import Count, Name, NotNegative, Number, Positive, Switch, Table, Text

Share = Annotated[Number, Field(gt=0, le=1)]
Energies = Annotated[int, Strict(), Field(ge=1, le=2000)]
Degree = Annotated[int, Strict(), Field(ge=0, le=12)]
Whole = Annotated[int, Strict(), Field(ge=1, le=1000)]


def _species(name: str) -> str:
    try:
        return species_named(name).name
    except InputError as error:
        raise ValueError(str(error)) from None


SpeciesName = Annotated[Text, AfterValidator(_species)]


_SPACED = ("lower_MeV_per_u", "upper_MeV_per_u", "number")


class EnergiesSpec(Table):
    """Energies of one species: a list, or ``number`` of them evenly spaced in range (1 if both ends are the same)."""

    species: SpeciesName
    """proton, carbon-12, helium-4, ..."""
    values_MeV_per_u: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=2000)] | None = None
    """A list of energies, rising; or the three keys below."""
    lower_MeV_per_u: Positive | None = None
    """Lowest energy."""
    upper_MeV_per_u: Positive | None = None
    """Highest energy."""
    number: Energies | None = None
    """How many, evenly spaced in range."""

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest energy [MeV/u]."""
        if self.values_MeV_per_u is not None:
            return self.values_MeV_per_u[0], self.values_MeV_per_u[-1]
        assert self.lower_MeV_per_u is not None
        assert self.upper_MeV_per_u is not None
        return self.lower_MeV_per_u, self.upper_MeV_per_u

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        spaced = (self.lower_MeV_per_u, self.upper_MeV_per_u, self.number)
        missing = [key for key, value in zip(_SPACED, spaced, strict=True) if value is None]
        if self.values_MeV_per_u is None and missing:
            raise ValueError(
                f"energies of {self.species}: missing {', '.join(missing)}; give {', '.join(_SPACED)}, or a list "
                "values_MeV_per_u"
            )
        if self.values_MeV_per_u is not None and len(missing) < len(_SPACED):
            raise ValueError(f"energies of {self.species}: give either values_MeV_per_u or {', '.join(_SPACED)}")
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        listed = self.values_MeV_per_u or ()
        for low, high in pairwise(listed):
            if low >= high:
                raise ValueError(f"energies of {self.species}: must rise, found {low:g} and then {high:g} MeV/u")
        if not listed and (self.ends[0] > self.ends[1] or (self.ends[0] == self.ends[1]) != (self.number == 1)):
            raise ValueError(
                f"energies of {self.species}: {self.number} from {self.ends[0]} to {self.ends[1]} MeV/u: lower must be "
                "below upper, or number = 1 and both the same"
            )
        return self


class InjectionSpec(Table):
    """Injection of one species; ``parameters``: the circuits' strengths there, where they are not those of the design.

    It goes before ``cycle.injection_working_point``.
    """

    species: SpeciesName
    """proton, carbon-12, helium-4, ..."""
    kinetic_energy_MeV_per_u: Positive
    """Energy at injection."""
    parameters: dict[Name, Number] = Field(default_factory=dict)
    """Strengths at injection [as in the lattice], where they are not those of the design."""


class FieldErrorSpec(Table):
    """Field errors of the ring against u = B rho / scale: coefficients of 1, u, u^2 ..."""

    scale_T_m: Positive = 6.35
    """The rigidity by which u = B rho / scale is counted."""
    gradients: dict[Name, tuple[Number, ...]] = Field(default_factory=dict)
    """Relative errors of families [1]: coefficients of 1, u, u^2 ...."""
    bend_k1: tuple[Number, ...] = ()
    """Gradient of the bends [m^-2]: coefficients of 1, u, u^2 ...."""
    bend_k2: tuple[Number, ...] = ()
    """Sextupole of the bends [m^-3]: coefficients of 1, u, u^2 ...."""


class HeldSpec(Table):
    """What the operators of a table held: without ``qy`` the mean of what the table gives in an ideal ring."""

    qx: Positive = 1.666
    """Horizontal tune that was held [1]."""
    qy: Positive | None = None
    """Vertical tune that was held [1]; without it the mean of the table in an ideal ring."""
    dqx: Number = -4.0
    """Horizontal chromaticity that was held [1]."""
    degree: Degree = 4
    """Of the polynomials that are fitted."""
    groups: dict[Text, tuple[Name, ...]] = Field(default_factory=dict)
    """Families with one error together: { focusing = ["kf", "kr"] }."""


class CircuitSpec(Table):
    """A circuit: parameter of the lattice ("bend" for the bends), calibration, supply; fields in T, T/m, T/m^2.

    Without ``largest_field`` the machine's rating of such magnets holds.
    """

    parameter: Name
    """The parameter of the family; "bend" for the bends."""
    gain: Positive
    """Field over current [T/A of bends, T/m/A of quadrupoles, T/m^2/A of sextupoles]."""
    remanent: Number = 0.0
    """Field without current [T, T/m, T/m^2]."""
    knee: Positive = 1e9
    """Field at which iron saturates [T, T/m, T/m^2]."""
    power: Positive = 8.0
    """How sharply it does [1]."""
    largest_field: Positive | None = None
    """What the magnets may be run at [T, T/m, T/m^2]; without it the machine's rating."""
    largest_current_A: Positive
    """Of the supply."""
    largest_voltage_V: Positive
    """Of the supply."""
    largest_slew_A_per_s: Positive
    """Of the supply."""
    resistance_ohm: NotNegative
    """Of coils and cables."""
    inductance_H: Positive
    """Of the magnets together."""
    eddy_delay_s: NotNegative
    """Lag of the field behind the current in a ramp."""
    eddy_time_s: Positive
    """Time in which eddy currents die away."""
    hysteresis_width: NotNegative
    """Field left over after a step back [T, T/m, T/m^2]."""
    hysteresis_reach: Positive
    """Change of field after which it has come [T, T/m, T/m^2]."""


class CycleSpec(Table):
    """Times and settings of the cycle, by default usual ones; ``wanted_ramp_s`` is refused when it cannot be met."""

    injection_working_point: dict[SpeciesName, Text] = Field(default_factory=dict)
    """Of each species, a working point of the machine: { proton = "injection-proton-7MeV" }."""
    injection_s: NotNegative = 0.02
    """Time of injection."""
    rounding_s: NotNegative = 0.1
    """Rounded ends of a ramp."""
    preparation_s: NotNegative = 0.1
    """Before the spill, beside the settling of the fields."""
    extraction_s: dict[SpeciesName, Positive] = Field(default_factory=dict)
    """Length of the spill of each species: { proton = 1.0 }."""
    field_tolerance: Positive = 1e-4
    """Relative error of the field at which the spill may begin [1]."""
    standardise: Switch = True
    """true: magnets go by the top of their cycle each time."""
    top_current: Share = 1.0
    """Where standardising leads, share of the largest current [1]."""
    wanted_ramp_s: Positive | None = None
    """A ramp's time; without it the fastest that the supplies give."""


class RFSpec(Table):
    """The cavity, by default one of usual size: harmonic, largest voltage a turn, capture, bucket area in the ramp."""

    harmonic: Whole = 1
    """Of the revolution frequency."""
    largest_voltage_V: Positive = 5000.0
    """Of the cavity, a turn."""
    capture_voltage_V: Positive = 500.0
    """Of the cavity at the end of the capture; it begins at a hundredth."""
    adiabaticity: Share = 0.3
    """Of the capture [1]."""
    bucket_area_eVs_per_u: Positive = 0.15
    """Held in the ramp."""


class StepsSpec(Table):
    """Multi-energy extraction: part of the fastest slew, preparation of each step, loss of beam in each step.

    ``direction`` "down" from the deepest layer, or "up" to it.
    """

    direction: Literal["down", "up"] = "down"
    """From the deepest layer down, or up to it."""
    slew: Share = 0.5
    """Share of the fastest slew [1]."""
    preparation_s: NotNegative = 0.05
    """Of each step."""
    loss: Annotated[Number, Field(ge=0, lt=1)] = 0.2
    """Share of the beam that each step loses [1]."""
    field_tolerance: Positive = 2e-4
    """Relative error of the field after which a step has settled [1]."""


class ExtractedBeamSpec(Table):
    """Extracted beam of one species at ``plane``: geometric emittance in x, normalised in y, momentum spread."""

    species: SpeciesName
    """proton, carbon-12, helium-4, ..."""
    plane: Text
    """Where the beam is told, a line."""
    betx: Positive
    """Beta in x [m]."""
    alfx: Number
    """Alpha in x [1]."""
    bety: Positive
    """Beta in y [m]."""
    alfy: Number
    """Alpha in y [1]."""
    dx: Number = 0.0
    """Dispersion in x [m]."""
    dpx: Number = 0.0
    """Its slope [1]."""
    emittance_x_um: Positive
    """Geometric rms emittance in x."""
    normalised_emittance_y_um: Positive
    """Normalised rms emittance in y."""
    momentum_spread_rms: Positive
    """Rms of dp/p [1]."""


class EnergySwitchingStudy(RingStudy):
    """What is the magnet programme for every treatment energy, how long does a change of energy take, and why?

    What it does not say of ``vary``, ``energies``, ``injection``, ``circuit``, ``cycle``, ``rf`` and ``steps`` is
    assumed (``studies.energy_switching.assumed``). Without a match the tunes are held as they stand.
    """

    study: Literal["energy-switching"]
    """The question asked."""
    title_begins: ClassVar[str] = "Energy switching of"
    energies: tuple[EnergiesSpec, ...] = ()
    """Energies of each species: a list of tables."""
    table: Text | tuple[Text, ...] | None = None
    """Operational tables (CSV) whose energies are taken, one or a list, relative to this file."""
    degree: Degree = 3
    """Of the polynomials in the rigidity."""
    x_septum: Number | None = None
    """Position of the wires, of targets of the extraction [m]."""
    vary: Annotated[tuple[Name, ...], Field(min_length=1)] = ()
    """Parameters that are set at each energy to hold the targets of the match."""
    errors: FieldErrorSpec = FieldErrorSpec()
    """Field errors of the ring against rigidity; without it an ideal ring."""
    held: HeldSpec = HeldSpec()
    """What the operators of an operational table held."""
    circuit: Annotated[tuple[CircuitSpec, ...], Field(min_length=1)] = ()
    """Magnets on one supply: a list of tables."""
    cycle: CycleSpec = CycleSpec()
    """Times and settings of the cycle."""
    rf: RFSpec = RFSpec()
    """The cavity."""
    steps: StepsSpec = StepsSpec()
    """Changes of energy within a spill."""
    extracted: tuple[ExtractedBeamSpec, ...] = ()
    """Extracted beam of each species: a list of tables."""
    injection: tuple[InjectionSpec, ...] = ()
    """Injection of each species: a list of tables, before cycle.injection_working_point."""
    engine_energies: Count = 2
    """Energies that Xsuite computes too."""

    @model_validator(mode="after")
    def _of_bends(self) -> Self:
        if self.circuit and not any(circuit.parameter == "bend" for circuit in self.circuit):
            raise ValueError('the study needs a [[circuit]] with parameter = "bend": it is what follows the rigidity')
        return self

    @model_validator(mode="after")
    def _once(self) -> Self:
        for key, names in (
            ("energies", [spec.species for spec in self.energies]),
            ("injection", [spec.species for spec in self.injection]),
            ("extracted", [spec.species for spec in self.extracted]),
            ("circuit", [spec.parameter for spec in self.circuit]),
        ):
            repeated = [name for name, count in Counter(names).items() if count > 1]
            if repeated:
                raise ValueError(f"two tables [[{key}]] of {', '.join(repeated)}: give one")
        return self


SPEC = EnergySwitchingStudy
