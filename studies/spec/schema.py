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
    normalised_emittance_y_um: Positive
    momentum_spread: NotNegative = 0.0
    sigmas: Positive = 3.0


class ModelSpec(Table):
    """How the machine is computed: the bends' fringe fields."""

    fringe: Literal["full", "linear"] = "full"


class RequirementSpec(Table):
    """One requirement of the user's own; ``kind`` says where its limit is from, ``assumed`` does so in older files."""

    id: Text
    text: Text
    quantity: Name
    at: Name | None = None
    lower: Number | None = None
    upper: Number | None = None
    unit: Annotated[str, Strict()]
    source: Text
    kind: Literal["published", "assumed"] | None = None
    assumed: Switch | None = None

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
    that a scan leaves out. ``many``: a run has cases, which can be resumed, sliced and computed elsewhere.
    """

    study: str
    title_begins: ClassVar[str] = ""
    scanned: ClassVar[Literal["", "blocks", "cases"]] = ""
    unscanned: ClassVar[Collection[str]] = ()
    many: ClassVar[bool] = False
    name: FolderName | None = None
    title: Text | None = None
    machine: Name | None = None
    seed: Count = 1
    machine_requirements: Switch = True
    requirement: tuple[RequirementSpec, ...] = ()
    assumption: tuple[AssumptionSpec, ...] = ()

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
    sequence: Name | None = None
    particle: Name | None = None
    kinetic_energy_MeV_per_u: Positive | None = None
    working_point: Text | None = None
    parameters: dict[Name, Number] = Field(default_factory=dict)
    start: StartSpec | None = None
    model: ModelSpec = ModelSpec()
    match: MatchSpec | None = None
    beam: BeamSpec | None = None
    search: SearchSpec | None = None

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


def folder_name(stem: str) -> str:
    """A study's name made of a file's: what cannot stand in the name of a folder becomes a dash."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.") or "study"


def as_mapping(study: StudySpec) -> dict[str, Any]:
    """The study as plain values for TOML: defaults written out, absent keys left out."""
    return study.model_dump(mode="json", exclude_none=True)
