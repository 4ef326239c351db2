"""The study file: what may stand in it, of which type, and what a message says when something else does."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.spec.assumption import AssumptionSpec
from studies.spec.match import MatchSpec, StartSpec
from studies.spec.search import SearchSpec
from studies.spec.types import (
    Count,
    FolderName,
    Name,
    NotNegative,
    Number,
    Positive,
    Switch,
    Table,
    Text,
    check_order,
)
from studies.vocabulary import computed_by, quantity_named, unit_factor, words_of


class BeamSpec(Table):
    """The beam whose envelope must fit: normalised rms emittances, full width of dp/p, and how many sigma."""

    normalised_emittance_x_um: Positive
    """Normalised rms emittance in x."""
    normalised_emittance_y_um: Positive
    """Normalised rms emittance in y."""
    momentum_spread: NotNegative = 0.0
    """Full width of dp/p [1]."""
    sigmas: Positive = 3.0
    """How many rms of the beam have to fit [1]."""


class ModelSpec(Table):
    """How the machine is computed: the bends' fringe fields."""

    fringe: Literal["full", "linear"] = "full"
    """Edges of the bends: with all orders, or linear ones."""


class RequirementSpec(Table):
    """One requirement of the user's own; ``kind`` says where its limit is from, ``assumed`` does so in older files."""

    id: Text
    """Name of the requirement, once in a study."""
    text: Text
    """What is required, a line."""
    quantity: Name
    """What is judged: a name of docs/quantities.md."""
    at: Name | None = None
    """The element at whose entrance, of a quantity that varies along the lattice."""
    lower: Number | None = None
    """Least value that passes [unit]."""
    upper: Number | None = None
    """Largest value that passes [unit]."""
    unit: Annotated[str, Strict()]
    """Unit of the limits, "1" for a pure number."""
    source: Text
    """Where the limit is from."""
    kind: Literal["published", "assumed"] | None = None
    """Whether the limit is published or assumed; without it assumed."""
    assumed: Switch | None = None
    """The same in older files: leave it out."""

    @model_validator(mode="after")
    def _judgeable(self) -> Self:
        if self.lower is None and self.upper is None:
            raise ValueError(f"requirement '{self.id}' needs a limit: give lower or upper")
        check_order(self.lower, self.upper)
        unit_factor(quantity_named(self.quantity, self.at), self.unit)
        if self.kind is not None and self.assumed is not None and self.assumed != (self.kind == "assumed"):
            raise ValueError(
                f"kind = '{self.kind}' and assumed = {str(self.assumed).lower()} differ: leave out assumed"
            )
        return self


class StudySpec(Table):
    """What every kind of study says: its question, name, machine, seed and requirements.

    ``title_begins``: the title of a study that gives none, before the machine's. ``scanned``: how a scan computes its
    cases, in "blocks" of the batched optics or as "cases" one by one, "" where it cannot; ``unscanned``: quantities
    that a scan leaves out. ``many``: a run has cases, which can be resumed, sliced and computed elsewhere. ``keyed``: a
    search moves keys of the study itself; ``cheap``: quantities that such a case is looked at for first.
    """

    study: str
    """The question asked."""
    title_begins: ClassVar[str] = ""
    scanned: ClassVar[Literal["", "blocks", "cases"]] = ""
    unscanned: ClassVar[Collection[str]] = ()
    many: ClassVar[bool] = False
    keyed: ClassVar[bool] = False
    cheap: ClassVar[Collection[str]] = ()
    name: FolderName | None = None
    """What results and run folder are called; without it as the file."""
    title: Text | None = None
    """Headline of the report."""
    machine: Name | None = None
    """A built-in machine: lattice-optimize list shows them."""
    seed: Count = 1
    """Seed of everything random."""
    machine_requirements: Switch = True
    """false: judge the study's own requirements only."""
    requirement: tuple[RequirementSpec, ...] = ()
    """What the machine must do; without any, its values are told and nothing is judged."""
    assumed: tuple[Text, ...] | None = None
    """Keys with usual values that nobody stated, which the page names; take a key out once its values are yours."""
    assumption: tuple[AssumptionSpec, ...] = ()
    """What is taken for granted and how uncertain it is: what it moves is the error of the model."""

    @model_validator(mode="after")
    def _ids_once(self) -> Self:
        ids = [requirement.id for requirement in self.requirement]
        repeated = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        if repeated:
            raise ValueError(f"requirement id used twice: {', '.join(repeated)}")
        return self

    @model_validator(mode="after")
    def _computed_here(self) -> Self:
        for requirement in self.requirement:
            if self.study not in words_of(requirement.quantity):
                raise ValueError(
                    f"requirement '{requirement.id}': '{requirement.quantity}' is computed by studies of "
                    f"{computed_by(requirement.quantity)}, not by this one"
                )
        return self


class RingStudy(StudySpec):
    """What every study of a ring or a line says: machine or lattice, particle, strengths, match."""

    lattice: Text | None = None
    """A lattice file instead of a machine (.seq, .lte, .bmad, .pals.yaml, .json ...), relative to this file."""
    sequence: Name | None = None
    """The sequence to take from a file with several."""
    root: Text | None = None
    """The folder in which files that the lattice calls may lie, relative to this file; without it the lattice's own."""
    particle: Name | None = None
    """proton, carbon-12, helium-4, ...; without it that of the working point or of the file's beam."""
    kinetic_energy_MeV_per_u: Positive | None = None
    """Kinetic energy; without it that of the working point or of the file's beam."""
    working_point: Text | None = None
    """One of the machine's settings: strengths and particle."""
    parameters: dict[Name, Number] = Field(default_factory=dict)
    """Values of parameters of the lattice [as in the lattice], the start of a match."""
    start: StartSpec | None = None
    """Optics at the beginning of a line; a ring, whose optics is periodic, has none."""
    model: ModelSpec = ModelSpec()
    """How the machine is computed."""
    match: MatchSpec | None = None
    """What moves, what must come out, what must not be exceeded; without it the lattice is taken as it is."""
    beam: BeamSpec | None = None
    """The beam that must fit; without it the machine's beams."""
    search: SearchSpec | None = None
    """Knobs, objectives and constraints of lattice-optimize search."""

    @model_validator(mode="after")
    def _one_machine(self) -> Self:
        if (self.machine is None) == (self.lattice is None):
            found = "both" if self.machine else "neither"
            raise ValueError(f"a study needs either machine or lattice, found {found}")
        for key in ("working_point",) if self.lattice else ("sequence", "root"):
            if getattr(self, key) is not None:
                belongs = "machine" if key == "working_point" else "lattice"
                raise ValueError(f"{key} belongs to a study with {belongs} = ..., this one has none")
        return self


def folder_name(stem: str) -> str:
    """A study's name made of a file's: what cannot stand in the name of a folder becomes a dash."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.") or "study"


def as_mapping(study: StudySpec) -> dict[str, Any]:
    """The study as plain values for TOML: defaults written out, absent keys left out."""
    return study.model_dump(mode="json", exclude_none=True)
