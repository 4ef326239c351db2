"""The study file of a delivery: energies, spots, the line and the beam that enters it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.spec.errors import BeamErrorsSpec, ErrorsSpec
from studies.spec.match import StartSpec
from studies.spec.schema import ModelSpec, StudySpec
from studies.spec.types import Name, NotNegative, Number, Positive, Table, Text

Energies = Annotated[int, Strict(), Field(ge=2, le=500)]
Particles = Annotated[int, Strict(), Field(ge=100, le=200_000)]
Turns = Annotated[int, Strict(), Field(ge=500, le=1_000_000)]


class DeliveredEnergies(Table):
    """Kinetic energies, evenly from one to the other."""

    lower_MeV_per_u: Positive
    """Lowest energy."""
    upper_MeV_per_u: Positive
    """Highest energy."""
    number: Energies
    """How many, evenly spaced in energy."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower_MeV_per_u >= self.upper_MeV_per_u:
            raise ValueError(
                f"lower_MeV_per_u {self.lower_MeV_per_u} is not below upper_MeV_per_u {self.upper_MeV_per_u}"
            )
        return self


class SpotSpec(Table):
    """A spot: rms sizes at the isocentre, chosen independently."""

    x_mm: Positive
    """Rms size in x at the isocentre."""
    y_mm: Positive
    """Rms size in y at the isocentre."""


#: Of a gantry [deg]: a full turn either way.
Angle = Annotated[Number, Field(ge=-360.0, le=360.0)]


class GantrySpec(Table):
    """What the line's gantry is turned to; ``parameter``: the strength of the line that is the angle [rad].

    ``compare``: another line, whose settings for the same beam and spots are shown beside (another joint).
    """

    angles_deg: Annotated[tuple[Angle, ...], Field(min_length=1, max_length=36)]
    """Angles at which each setting has to serve."""
    parameter: Name = "gantry_angle"
    """The line's parameter that is the angle of its gantry."""
    compare: Name | None = None
    """Another line whose settings for the same beam and spots are shown beside."""


class SourceSpec(Table):
    """The beam that enters the line.

    "spill": what the ring extracts, tracked at ``working_point`` over ``turns`` with ``particles``, the wires at
    ``septum_angle_mrad``. "functions": an ellipse of normalised emittances and ``functions`` (default: those that the
    line's source gives). "linac": what the linac before the line delivers at each energy, ``particles`` tracked.
    """

    kind: Literal["spill", "functions", "linac"] = "spill"
    """spill: tracked in the ring before the line; linac: tracked in that; functions: an ellipse."""
    working_point: Text | None = None
    """Of a spill: the ring's setting; without it the extraction of the particle."""
    turns: Turns = 4000
    """Of a spill: turns that are tracked."""
    particles: Particles = 2000
    """Of a spill or a linac: particles that are tracked."""
    septum_angle_mrad: Number = 0.8
    """Of a spill: angle of the wires."""
    normalised_emittance_x_um: Positive | None = None
    """Of functions: normalised rms emittance in x."""
    normalised_emittance_y_um: Positive | None = None
    """Of functions: normalised rms emittance in y."""
    momentum_spread_rms: NotNegative = 5e-4
    """Of functions: rms of dp/p [1]."""
    functions: StartSpec | None = None
    """Of functions: betx, bety, ... where the beam enters; without it the line's own."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        emittances = (self.normalised_emittance_x_um, self.normalised_emittance_y_um)
        if self.kind == "functions" and None in emittances:
            raise ValueError("a source of functions needs normalised_emittance_x_um and normalised_emittance_y_um")
        return self


class AcceptanceSpec(Table):
    """Momenta beside the magnets' at which the beam is looked at: ``points`` from -``momentum_percent`` to it."""

    momentum_percent: Annotated[Positive, Field(le=20.0)] = 3.0
    """How far the momenta go to both sides."""
    points: Annotated[int, Strict(), Field(ge=3, le=101)] = 25
    """How many, an odd number."""

    @model_validator(mode="after")
    def _with_none(self) -> Self:
        if self.points % 2 == 0:
            raise ValueError(f"points must be odd, so that 0 is one of them, found {self.points}")
        return self


class TrajectoriesSpec(Table):
    """Lines with errors of magnets and of the ``beam`` (steady: it is steered; ``ripple`` during the spill is not).

    ``monitors``, ``correctors``: names with ``*``; ``largest_kick`` [rad] of a corrector.
    """

    machines: Annotated[int, Strict(), Field(ge=10, le=10_000)] = 200
    """Lines that are drawn."""
    errors: tuple[ErrorsSpec, ...] = Field(min_length=1)
    """Rms errors of magnets and monitors: a list of tables."""
    beam: BeamErrorsSpec = BeamErrorsSpec()
    """Steady errors of the beam that enters, which are steered away."""
    ripple: BeamErrorsSpec = BeamErrorsSpec()
    """What moves during the spill, which is not."""
    singular_value_cut: Annotated[NotNegative, Field(lt=1.0)] = 1e-2
    """Share of the largest below which singular values are left out [1]."""
    largest_kick: Positive | None = None
    """Largest kick of a corrector [rad]; without it none."""
    monitors: tuple[Name, ...] | None = None
    """Names (with *); without it all there are."""
    correctors: tuple[Name, ...] | None = None
    """Names (with *); without it all there are."""


class DeliveryStudy(StudySpec):
    """Does the beam come to the isocentre, as large as chosen, at every energy, and within the magnets?

    Of a known line, or of one's own: ``lattice`` (``sequence``, ``root``), ``isocentre`` and a source of functions.
    What it does not say of these, of ``energies`` and ``spots`` is assumed (``studies.delivery.assumed``).

    ``vary``: strengths (default: all k1 that are parameters of their own). ``gantry``: angles at which each setting has
    to serve; ``acceptance``: momenta beside the magnets' at which the beam is looked at. ``planes``: elements at whose
    entrance the beam is told besides the isocentre. ``trajectories``: lines and beams with errors, steered.
    """

    study: Literal["delivery"]
    """The question asked."""
    title_begins: ClassVar[str] = "Delivery through"
    lattice: Text | None = None
    """A lattice file of a line instead of a machine, relative to this file."""
    sequence: Name | None = None
    """The sequence to take from a file with several."""
    root: Text | None = None
    """The folder in which files that the lattice calls may lie, relative to this file; without it the lattice's own."""
    isocentre: Name | None = None
    """The element at whose entrance the patient is; without it the machine's."""
    particle: Name = "proton"
    """proton, carbon-12, helium-4, ..."""
    energies: DeliveredEnergies | None = None
    """Kinetic energies, evenly from one to the other."""
    spots: Annotated[tuple[SpotSpec, ...], Field(min_length=1, max_length=20)] = ()
    """Spots that are set: a list of tables."""
    gantry: GantrySpec | None = None
    """Angles of the gantry, of a line that has one."""
    source: SourceSpec = SourceSpec()
    """The beam that enters the line."""
    acceptance: AcceptanceSpec | None = None
    """Momenta beside the magnets' at which the beam is looked at."""
    planes: tuple[Name, ...] = ()
    """Elements at whose entrance the beam is told besides the isocentre."""
    trajectories: TrajectoriesSpec | None = None
    """Lines and beams with errors, steered."""
    vary: tuple[Name, ...] = ()
    """Strengths that set the spots; without it the machine's, or all k1 that are parameters of their own."""
    parameters: dict[Name, Number] = Field(default_factory=dict)
    """Values of parameters of the line [as in the lattice]."""
    largest_gradient_T_per_m: Positive | None = None
    """Of the quadrupoles; without it the machine's rating."""
    sigmas: Positive = 2.5
    """How many rms of the beam have to fit [1]."""
    particles: Particles = 4000
    """Tracked at each energy."""
    model: ModelSpec = ModelSpec()
    """How the line is computed."""

    @model_validator(mode="after")
    def _one_line(self) -> Self:
        if (self.machine is None) == (self.lattice is None):
            found = "both" if self.machine else "neither"
            raise ValueError(f"a delivery needs either machine (a line) or lattice, found {found}")
        own = self.source.kind == "functions" and self.source.functions is not None
        if self.lattice is not None and "source" in self.model_fields_set and not own:
            raise ValueError("a line of one's own needs a source of kind 'functions' with its functions")
        return self


SPEC = DeliveryStudy
