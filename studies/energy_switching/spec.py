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
    values_MeV_per_u: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=2000)] | None = None
    lower_MeV_per_u: Positive | None = None
    upper_MeV_per_u: Positive | None = None
    number: Energies | None = None

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
    kinetic_energy_MeV_per_u: Positive
    parameters: dict[Name, Number] = Field(default_factory=dict)


class FieldErrorSpec(Table):
    """Field errors of the ring against u = B rho / scale: coefficients of 1, u, u^2 ..."""

    scale_T_m: Positive = 6.35
    gradients: dict[Name, tuple[Number, ...]] = Field(default_factory=dict)
    bend_k1: tuple[Number, ...] = ()
    bend_k2: tuple[Number, ...] = ()


class HeldSpec(Table):
    """What the operators of a table held: without ``qy`` the mean of what the table gives in an ideal ring."""

    qx: Positive = 1.666
    qy: Positive | None = None
    dqx: Number = -4.0
    degree: Degree = 4
    groups: dict[Text, tuple[Name, ...]] = Field(default_factory=dict)


class CircuitSpec(Table):
    """A circuit: parameter of the lattice ("bend" for the bends), calibration, supply; fields in T, T/m, T/m^2.

    Without ``largest_field`` the machine's rating of such magnets holds.
    """

    parameter: Name
    gain: Positive
    remanent: Number = 0.0
    knee: Positive = 1e9
    power: Positive = 8.0
    largest_field: Positive | None = None
    largest_current_A: Positive
    largest_voltage_V: Positive
    largest_slew_A_per_s: Positive
    resistance_ohm: NotNegative
    inductance_H: Positive
    eddy_delay_s: NotNegative
    eddy_time_s: Positive
    hysteresis_width: NotNegative
    hysteresis_reach: Positive


class CycleSpec(Table):
    """Times and settings of the cycle; ``wanted_ramp_s`` is refused when it cannot be met."""

    injection_working_point: dict[SpeciesName, Text] = Field(default_factory=dict)
    injection_s: NotNegative
    rounding_s: NotNegative
    preparation_s: NotNegative
    extraction_s: dict[SpeciesName, Positive]
    field_tolerance: Positive
    standardise: Switch
    top_current: Share
    wanted_ramp_s: Positive | None = None


class RFSpec(Table):
    """The cavity: harmonic, largest voltage a turn, adiabaticity of the capture, bucket area held in the ramp."""

    harmonic: Whole
    largest_voltage_V: Positive
    capture_voltage_V: Positive
    adiabaticity: Share
    bucket_area_eVs_per_u: Positive


class StepsSpec(Table):
    """Multi-energy extraction: part of the fastest slew, preparation of each step, loss of beam in each step.

    ``direction`` "down" from the deepest layer, or "up" to it.
    """

    direction: Literal["down", "up"] = "down"
    slew: Share
    preparation_s: NotNegative
    loss: Annotated[Number, Field(ge=0, lt=1)]
    field_tolerance: Positive


class ExtractedBeamSpec(Table):
    """Extracted beam of one species at ``plane``: geometric emittance in x, normalised in y, momentum spread."""

    species: SpeciesName
    plane: Text
    betx: Positive
    alfx: Number
    bety: Positive
    alfy: Number
    dx: Number = 0.0
    dpx: Number = 0.0
    emittance_x_um: Positive
    normalised_emittance_y_um: Positive
    momentum_spread_rms: Positive


class EnergySwitchingStudy(RingStudy):
    """What is the magnet programme for every treatment energy, how long does a change of energy take, and why?"""

    study: Literal["energy-switching"]
    title_begins: ClassVar[str] = "Energy switching of"
    energies: tuple[EnergiesSpec, ...] = ()
    table: Text | tuple[Text, ...] | None = None
    degree: Degree = 3
    x_septum: Number | None = None
    vary: tuple[Name, ...] = Field(min_length=1)
    errors: FieldErrorSpec = FieldErrorSpec()
    held: HeldSpec = HeldSpec()
    circuit: tuple[CircuitSpec, ...] = Field(min_length=1)
    cycle: CycleSpec
    rf: RFSpec
    steps: StepsSpec
    extracted: tuple[ExtractedBeamSpec, ...] = ()
    injection: tuple[InjectionSpec, ...] = ()
    engine_energies: Count = 2

    @model_validator(mode="after")
    def _has_energies(self) -> Self:
        if not self.energies and self.table is None:
            raise ValueError("the study needs [[energies]] or table = FILE")
        if not any(circuit.parameter == "bend" for circuit in self.circuit):
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
