"""The search of a study file: what moves, what is to be small or large, what must hold, how many machines are tried."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from studies.spec.types import Name, Number, Switch, Table, Text, check_order
from studies.vocabulary import quantity_named, unit_factor


def _parameter_lowered(name: str) -> str:
    """Parameters of a lattice are written small; keys of a study as they are."""
    return name if "." in name else name.lower()


KnobName = Annotated[Text, AfterValidator(_parameter_lowered)]
Few = Annotated[int, Strict(), Field(ge=4, le=100_000)]


class KnobSpec(Table):
    """A parameter of the lattice, or of a linac a key of its study, that the search moves between two bounds."""

    name: KnobName
    """A parameter of the lattice; of a linac a dotted key of this file (section.ccl.tanks, gradient_lines.ccl.0)."""
    lower: Number
    """Least value [as in the lattice, or the unit of the key]."""
    upper: Number
    """Largest value [as in the lattice, or the unit of the key]."""
    whole: Switch = False
    """true: whole numbers alone, such as how many tanks there are."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_order(self.lower, self.upper)
        if self.lower == self.upper:
            raise ValueError(f"lower and upper of '{self.name}' are both {self.lower}: nothing is left to search")
        if self.whole and not (self.lower.is_integer() and self.upper.is_integer()):
            raise ValueError(f"'{self.name}' is whole: lower and upper must be whole numbers too")
        return self


class ObjectiveSpec(Table):
    """A quantity of the study that is to be as small, or as large, as can be had."""

    quantity: Name
    """A quantity of the study."""
    at: Name | None = None
    """The element at whose entrance."""
    goal: Literal["minimise", "maximise"] = "minimise"
    """Whether it is to be small or large."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        quantity_named(self.quantity, self.at)
        return self

    @property
    def name(self) -> str:
        """The quantity with its place, as the vocabulary writes it."""
        return f"{self.quantity}@{self.at}" if self.at else self.quantity


class ConstraintSpec(Table):
    """A quantity of the study that must stay within limits, in its own unit or in ``unit``."""

    quantity: Name
    """A quantity of the study."""
    at: Name | None = None
    """The element at whose entrance."""
    lower: Number | None = None
    """Least value [unit]."""
    upper: Number | None = None
    """Largest value [unit]."""
    unit: Text | None = None
    """Unit of the limits; without it the quantity's own."""

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.lower is None and self.upper is None:
            raise ValueError(f"the constraint on '{self.quantity}' needs a limit: give lower or upper")
        check_order(self.lower, self.upper)
        if self.unit is not None:
            unit_factor(quantity_named(self.quantity, self.at), self.unit)
        else:
            quantity_named(self.quantity, self.at)
        return self

    @property
    def name(self) -> str:
        """The quantity with its place, as the vocabulary writes it."""
        return f"{self.quantity}@{self.at}" if self.at else self.quantity


class ConditionSpec(Table):
    """A condition under which chosen machines are judged again: its name, and the keys of the study that it sets."""

    name: Text
    """What the report calls it, for example "carbon-12, 400 MeV/u"."""
    change: dict[Text, Any] = Field(default_factory=dict)
    """Keys of this study file with other values; tables are merged, lists are replaced."""


class RejudgeSpec(Table):
    """Machines of the front judged again at the end, each by the whole study with what its cases leave out."""

    points: Annotated[int, Strict(), Field(ge=0, le=1000)] = 3
    """How many of the front, the best in each objective first; beside them the machine that was begun with. 0: none."""
    change: dict[Text, Any] = Field(default_factory=dict)
    """Keys of this study file with other values, under every condition: a [spill] table, for example."""
    at: tuple[ConditionSpec, ...] = ()
    """Under which conditions, a list of tables: energies, for example. Without any the study's own alone."""
    show: tuple[Name, ...] = ()
    """Quantities that the report shows beside the objectives."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        names = [one.name for one in self.at]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two conditions are called {', '.join(repeated)}")
        for name in self.show:
            quantity_named(*name.split("@"))
        return self


class SearchSpec(Table):
    """What is searched: knobs, objectives, constraints, and how long.

    ``requirements``: those of the study that a case can judge are constraints too. ``method``: "nsga2" (K. Deb and
    others, IEEE Trans. Evol. Comput. 6, 182 (2002)), "surrogate", the same with half of each generation chosen by
    models of what was computed, for cases that cost seconds, or "random", points drawn evenly, to compare with.
    """

    vary: Annotated[tuple[KnobSpec, ...], Field(min_length=1)]
    """What moves: a list of tables."""
    lattices: tuple[Text, ...] = ()
    """Further lattice files, relative to this file, each searched like the study's own with the knobs that it has."""
    objective: Annotated[tuple[ObjectiveSpec, ...], Field(min_length=1)]
    """What is to be small or large: a list of tables."""
    constraint: tuple[ConstraintSpec, ...] = ()
    """What must hold: a list of tables."""
    requirements: Switch = True
    """Requirements that a case can judge are constraints too."""
    population: Few = 64
    """Machines a generation."""
    generations: Annotated[int, Strict(), Field(ge=1, le=100_000)] = 30
    """How many generations."""
    method: Literal["nsga2", "surrogate", "random"] = "nsga2"
    """nsga2; surrogate: with models of what was computed, for cases of seconds; or random points to compare with."""
    polish: Annotated[int, Strict(), Field(ge=0, le=1000)] = 0
    """Steps of polishing at the end: points of the front moved by the slopes of their quantities to where all bind."""
    polished: Annotated[int, Strict(), Field(ge=1, le=1000)] = 8
    """How many points of the front are polished, spread along it."""
    rejudge: RejudgeSpec | None = None
    """Machines of the front judged again at the end by the whole study; without this table none are."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        for key, names in (("vary", [one.name for one in self.vary]), ("objective", [o.name for o in self.objective])):
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"search.{key} names {', '.join(repeated)} twice")
        return self
