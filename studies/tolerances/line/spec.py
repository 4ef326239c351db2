"""The study file of the tolerances of a transfer line."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.spec.errors import BeamErrorsSpec
from studies.spec.match import StartSpec
from studies.spec.schema import ModelSpec, StudySpec
from studies.spec.types import Name, NotNegative, Number, Positive, Table, Text
from studies.tolerances.asked import Costs, FamiliesSpec


class EnteringSpec(Table):
    """The beam that enters the line: an ellipse of normalised rms emittances and ``functions`` at the entrance."""

    normalised_emittance_x_um: Positive = 1.0
    """Normalised rms emittance in x."""
    normalised_emittance_y_um: Positive = 1.0
    """Normalised rms emittance in y."""
    momentum_spread_rms: NotNegative = 5e-4
    """Rms of dp/p [1]."""
    functions: StartSpec | None = None
    """Betx, bety, ... where the beam enters; without it the machine's own."""

    @model_validator(mode="after")
    def _on_the_axis(self) -> Self:
        given = {} if self.functions is None else self.functions.model_dump()
        off = [key for key in ("x", "px", "y", "py") if given.get(key)]
        if off:
            raise ValueError(
                f"functions.{off[0]}: the beam enters on the axis; how far it is off it, [tolerances.beam] says"
            )
        return self


class LineTolerancesSpec(FamiliesSpec):
    """Lines that are drawn with ``errors`` of magnets and monitors and with errors of the ``beam`` that enters.

    What is steered away: all errors of magnets but ``stability``, and those of the ``beam``. What comes afterwards:
    ``stability`` of supplies, and the ``ripple`` of the beam. ``cost`` of each cause of the beam: "beam position".
    """

    beam: BeamErrorsSpec = BeamErrorsSpec()
    """Steady errors of the beam that enters, which are steered away."""
    ripple: BeamErrorsSpec = BeamErrorsSpec()
    """What moves after the steering, which does not see it."""
    cost: Costs = Field(default_factory=dict)
    """Cost of each cause of beam and ripple [1], 1 where none is given."""
    method: Literal["svd", "micado"] = "svd"
    """svd: least squares; micado: the best few correctors."""
    singular_value_cut: Annotated[NotNegative, Field(lt=1.0)] = 1e-2
    """Of svd: share of the largest below which singular values are left out [1]."""
    correctors_used: Annotated[int, Strict(), Field(ge=1)] | None = None
    """Of micado: how many correctors."""
    largest_kick: Positive | None = None
    """Largest kick of a corrector [rad]; without it none."""
    monitors: tuple[Name, ...] | None = None
    """Names (with *); without it all there are."""
    correctors: tuple[Name, ...] | None = None
    """Names (with *); without it all there are."""


class SettingSpec(Table):
    """Another energy at which the same lines have to serve."""

    kinetic_energy_MeV_per_u: Positive
    """Kinetic energy."""
    parameters: dict[Name, Number] = Field(default_factory=dict)
    """Strengths of this energy [as in the lattice]; those that are not named are those of the study."""


class LineTolerancesStudy(StudySpec):
    """Which share of transfer lines as built keeps every requirement, which errors matter, how large may each be?

    Of a known line, or of one's own: ``lattice`` (``sequence``, ``root``), at the strengths that it has or that
    ``parameters`` gives it. What it does not say is assumed (``studies.tolerances.line.assumed``).
    """

    study: Literal["line-tolerances"]
    """The question asked."""
    title_begins: ClassVar[str] = "Tolerances of"
    many: ClassVar[bool] = True
    lattice: Text | None = None
    """A lattice file of a line instead of a machine, relative to this file."""
    sequence: Name | None = None
    """The sequence to take from a file with several."""
    root: Text | None = None
    """The folder in which files that the lattice calls may lie, relative to this file; without it the lattice's own."""
    isocentre: Name | None = None
    """The element at whose entrance the spot is looked at; without it the machine's, or the end."""
    particle: Name | None = None
    """proton, carbon-12, helium-4, ...; without it that of the file's beam, or proton."""
    kinetic_energy_MeV_per_u: Positive | None = None
    """Kinetic energy; without it that of the file's beam, or the lowest of the machine."""
    parameters: dict[Name, Number] = Field(default_factory=dict)
    """Values of parameters of the line [as in the lattice]."""
    settings: tuple[SettingSpec, ...] = ()
    """Other energies, a table each: the number of a line is that of its worst energy."""
    entering: EnteringSpec = EnteringSpec()
    """The beam that enters the line."""
    sigmas: Positive = 2.5
    """How many rms of the beam have to fit [1]."""
    model: ModelSpec = ModelSpec()
    """How the line is computed."""
    tolerances: LineTolerancesSpec = LineTolerancesSpec()
    """Errors, and the lines drawn with them."""

    @model_validator(mode="after")
    def _one_line(self) -> Self:
        if (self.machine is None) == (self.lattice is None):
            found = "both" if self.machine else "neither"
            raise ValueError(f"tolerances of a line need either machine (a line) or lattice, found {found}")
        return self


SPEC = LineTolerancesStudy
