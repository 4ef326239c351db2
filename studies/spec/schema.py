"""The study file: what may stand in it, of which type, and what a message says when something else does."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.spec.match import MatchSpec, StartSpec
from studies.spec.types import (
    Count,
    FolderName,
    Name,
    NotNegative,
    Number,
    Order,
    Positive,
    Switch,
    Table,
    Text,
    check_order,
)
from studies.vocabulary import EXTRACTION, LINAC, SPILL, SWITCHING, quantity_named, unit_factor


class BeamSpec(Table):
    """The beam whose envelope must fit: normalised rms emittances, full width of dp/p, and how many sigma."""

    normalised_emittance_x_um: Positive
    normalised_emittance_y_um: Positive
    momentum_spread: NotNegative = 0.0
    sigmas: Positive = 3.0


class ModelSpec(Table):
    """How the machine is computed: the bends' fringe fields."""

    fringe: Literal["full", "linear"] = "full"


class ErrorsSpec(Table):
    """Random errors of some magnets, rms [m, rad, relative]; ``magnets``: kinds, parameters or names with ``*``."""

    magnets: Name | tuple[Name, ...]
    dx: NotNegative = 0.0
    dy: NotNegative = 0.0
    ds: NotNegative = 0.0
    roll: NotNegative = 0.0
    pitch: NotNegative = 0.0
    yaw: NotNegative = 0.0
    field: NotNegative = 0.0
    normal: dict[Order, NotNegative] = Field(default_factory=dict)
    skew: dict[Order, NotNegative] = Field(default_factory=dict)
    radius: Positive = 0.03
    cut: Positive = 3.0


class ImperfectionsSpec(Table):
    """Machines with errors, and how their orbits are corrected; ``largest_kick`` [rad] of a corrector."""

    machines: Annotated[int, Strict(), Field(ge=10, le=10_000)] = 100
    errors: tuple[ErrorsSpec, ...] = Field(min_length=1)
    method: Literal["svd", "micado"] = "svd"
    singular_value_cut: Annotated[NotNegative, Field(lt=1.0)] = 1e-3
    correctors_used: Annotated[int, Strict(), Field(ge=1)] | None = None
    largest_kick: Positive | None = None
    monitors: tuple[Name, ...] | None = None
    correctors: tuple[Name, ...] | None = None


class RequirementSpec(Table):
    """One requirement of the user's own."""

    id: Text
    text: Text
    quantity: Name
    at: Name | None = None
    lower: Number | None = None
    upper: Number | None = None
    unit: Annotated[str, Strict()]
    source: Text
    assumed: Switch = False

    @model_validator(mode="after")
    def _judgeable(self) -> Self:
        if self.lower is None and self.upper is None:
            raise ValueError(f"requirement '{self.id}' needs a limit: give lower or upper")
        check_order(self.lower, self.upper)
        unit_factor(quantity_named(self.quantity, self.at), self.unit)
        return self


class AnyStudy(Table):
    """What every kind of study says: its question, name, machine, seed and requirements."""

    study: str
    name: FolderName | None = None
    title: Text | None = None
    machine: Name | None = None
    seed: Count = 1
    machine_requirements: Switch = True
    requirement: tuple[RequirementSpec, ...] = ()

    @model_validator(mode="after")
    def _ids_once(self) -> Self:
        ids = [requirement.id for requirement in self.requirement]
        repeated = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        if repeated:
            raise ValueError(f"requirement id used twice: {', '.join(repeated)}")
        return self


class Study(AnyStudy):
    """What every study of a ring or a line says: machine or lattice, particle, strengths, match."""

    lattice: Text | None = None
    sequence: Name | None = None
    particle: Name | None = None
    kinetic_energy_MeV_per_u: Positive | None = None
    working_point: Text | None = None
    parameters: dict[Name, Number] = Field(default_factory=dict)
    start: StartSpec | None = None
    model: ModelSpec = ModelSpec()
    match: MatchSpec | None = None
    beam: BeamSpec | None = None

    @model_validator(mode="after")
    def _one_machine(self) -> Self:
        if (self.machine is None) == (self.lattice is None):
            found = "both" if self.machine else "neither"
            raise ValueError(f"a study needs either machine or lattice, found {found}")
        for key in ("working_point",) if self.lattice else ("sequence",):
            if getattr(self, key) is not None:
                belongs = "machine" if key == "working_point" else "lattice"
                raise ValueError(f"{key} belongs to a study with {belongs} = ..., this one has none")
        return self


class OpticsStudy(Study):
    """Does the machine have the optics it must have? Match (optional), Twiss, comparison with Xsuite, verdicts."""

    study: Literal["optics"]
    imperfections: ImperfectionsSpec | None = None

    @model_validator(mode="after")
    def _of_optics(self) -> Self:
        for requirement in self.requirement:
            if requirement.quantity.partition("@")[0] in (*EXTRACTION, *SPILL, *LINAC, *SWITCHING):
                raise ValueError(
                    f"requirement '{requirement.id}': '{requirement.quantity}' is computed by studies of "
                    'study = "extraction"'
                )
        return self


class MomentaSpec(Table):
    """The momentum deviations that are extracted, from ``lower`` to ``upper``."""

    lower: Number
    upper: Number
    number: Annotated[int, Strict(), Field(ge=2, le=50)] = 7

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower >= self.upper:
            raise ValueError(f"lower {self.lower} is not below upper {self.upper}")
        return self


class ExtractionSpec(Table):
    """Third-integer extraction: the septa, the momenta that leave, and the side on which the stack waits.

    What is said of the septa goes before what the elements say; without ``septum_angle`` the wires are turned to the
    extracted beam. ``delta`` is the momentum deviation of the design point.
    """

    electrostatic_septum: Name | None = None
    magnetic_septum: Name | None = None
    x_septum: Number | None = None
    septum_angle: Number | None = None
    wire_thickness: NotNegative | None = None
    wire_length: NotNegative | None = None
    septum_kick: NotNegative | None = None
    septum_gap: NotNegative | None = None
    x_wall: Number | None = None
    wall_thickness: NotNegative | None = None
    delta: Number = 0.0
    momenta: MomentaSpec | None = None
    stack: Literal["below", "above"] = "below"
    particles: Annotated[int, Strict(), Field(ge=100, le=100_000)] = 2000


class RippleSpec(Table):
    """Ripple of one family's supply: lines of relative amplitude, frequency [Hz] and phase [rad]."""

    parameter: Name
    lines: tuple[tuple[Number, NotNegative, Number], ...] = Field(min_length=1)


class KnockoutSpec(Table):
    """RF knock-out: where and how the beam is excited, and the width of the stack that it works on.

    Without ``element``, ``tune`` and ``bandwidth`` the study chooses a place and a band over the stack's tunes.
    """

    element: Name | None = None
    tune: Positive | None = None
    bandwidth: Positive | None = None
    excitation: Literal["sine", "chirp", "dual-fm", "noise"] = "noise"
    period_s: Positive = 1e-3
    momentum_spread: Positive = 5e-4


class BucketSpec(Table):
    """Phase displacement: how often empty buckets sweep through the stack, and their RF."""

    sweeps: Annotated[int, Strict(), Field(ge=1, le=1000)] = 4
    harmonic: Annotated[int, Strict(), Field(ge=1, le=1000)] = 1
    volt: Positive | None = None


DriverName = Literal["betatron-core", "tune-sweep", "constant-optics", "rf-knockout", "phase-displacement"]
Some = Annotated[int, Strict(), Field(ge=50, le=10_000_000)]


class SpillSpec(Table):
    """The spill, turn by turn: beam, driver and its programme, ripple, what is compared.

    Without a ``programme`` (time [s], value) the driver moves the whole stack through, evenly or (``shaped``) so that
    the rate is even, until ``shaped_duty_factor`` is reached. ``compare``: other drivers, tracked with
    ``compare_particles``. Xsuite too tracks ``engine_particles``, over a programme of ``engine_turns``. ``response``:
    how ripple of each family comes through.
    """

    tracked: Switch = True
    particles: Some = 2000
    duration_s: Annotated[Positive, Field(le=1000.0)] = 1.0
    driver: DriverName = "betatron-core"
    programme: tuple[tuple[NotNegative, Number], ...] | None = None
    shaped: Switch = True
    shaped_duty_factor: Annotated[Positive, Field(le=1.0)] = 0.95
    sweep_parameter: Name | None = None
    bin_s: Positive = 1e-3
    ripple: tuple[RippleSpec, ...] = ()
    compare: tuple[DriverName, ...] = ()
    compare_particles: Some = 400
    engine_particles: Annotated[int, Strict(), Field(ge=0, le=100_000)] = 300
    engine_turns: Annotated[int, Strict(), Field(ge=500, le=1_000_000)] = 3000
    response: Switch = True
    response_particles: Some = 2000
    knockout: KnockoutSpec = KnockoutSpec()
    buckets: BucketSpec = BucketSpec()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        times = [time for time, _ in self.programme or ()]
        if self.programme is not None and (len(times) < 2 or sorted(set(times)) != times):
            raise ValueError(f"programme: at least two pairs (time [s], value) with rising times, found {times}")
        if 10 * self.bin_s > self.duration_s:
            raise ValueError(f"bin_s {self.bin_s:g} s: a spill of {self.duration_s:g} s needs at least 10 bins")
        names = [ripple.parameter for ripple in self.ripple]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two tables of ripple for {', '.join(repeated)}: put their lines into one")
        return self


class ExtractionStudy(Study):
    """Does the machine extract as it must? Resonance, arms at the septa, losses on the wires, spill, verdicts."""

    study: Literal["extraction"]
    extraction: ExtractionSpec = ExtractionSpec()
    spill: SpillSpec | None = None


def folder_name(stem: str) -> str:
    """A study's name made of a file's: what cannot stand in the name of a folder becomes a dash."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.") or "study"


def as_mapping(study: AnyStudy) -> dict[str, Any]:
    """The study as plain values for TOML: defaults written out, absent keys left out."""
    return study.model_dump(mode="json", exclude_none=True)
