"""The match of a study file: what moves, what must come out, what must not be exceeded, at which working points."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from studies.spec.types import Count, Name, Number, Positive, Switch, Table, Text, check_order

#: What the study's own lattice is called among several working points.
DESIGN = "design"
Method = Literal["auto", "local", "gauss_newton", "multistart", "homotopy", "global"]
Pair = tuple[Name, Name]


class StartSpec(Table):
    """Optics at the beginning of a line that is no ring [m, rad]; a study without it looks for the periodic one."""

    betx: Positive
    bety: Positive
    alfx: Number = 0.0
    alfy: Number = 0.0
    dx: Number = 0.0
    dpx: Number = 0.0
    dy: Number = 0.0
    dpy: Number = 0.0
    x: Number = 0.0
    px: Number = 0.0
    y: Number = 0.0
    py: Number = 0.0


class VarySpec(Table):
    """A parameter that the match may move, between bounds, with others tied to it; ``case``: at one working point."""

    name: Name
    lower: Number | None = None
    upper: Number | None = None
    tied: dict[Name, Number] = Field(default_factory=dict)
    case: Name | None = None
    active: Switch = True

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_order(self.lower, self.upper)
        if self.lower is not None and self.lower == self.upper:
            raise ValueError(f"lower and upper are both {self.lower}: nothing is left to vary")
        return self


class TargetSpec(Table):
    """A goal of the match: a quantity or a formula, at a place or between two unless it is one number.

    ``x_septum``: position of the wires [m], for quantities of the extraction. Sizes (size_x ...) are rms of
    the study's ``beam`` as it enters a line at its ``start``.
    """

    quantity: Name
    value: Number
    at: Name | None = None
    between: Pair | None = None
    tolerance: Positive | None = None
    weight: Positive = 1.0
    x_septum: Number | None = None
    case: Name | None = None
    active: Switch = True

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.at is not None and self.between is not None:
            raise ValueError("a target is at one place or between two: give at or between, not both")
        return self


class LimitSpec(Table):
    """A bound the match must keep: everywhere (inside elements too), at a place, or between two places.

    Of size_x and size_y the upper one may be "aperture"; they are of the study's ``beam`` or one that ``beam`` names.
    """

    quantity: Name
    lower: Number | None = None
    upper: Number | Literal["aperture"] | None = None
    at: Name | None = None
    between: Pair | None = None
    beam: Text | None = None
    case: Name | None = None
    active: Switch = True

    @model_validator(mode="after")
    def _has_limit(self) -> Self:
        if self.lower is None and self.upper is None:
            raise ValueError("a limit needs lower or upper")
        if self.at is not None and self.between is not None:
            raise ValueError("a limit is at one place or between two: give at or between, not both")
        if not isinstance(self.upper, str):
            check_order(self.lower, self.upper)
        return self


class CaseSpec(Table):
    """A further working point that is matched together with the study's own (which is called "design").

    Of a machine ``working_point`` gives its strengths and particle; ``parameters`` go before them.
    """

    name: Name
    working_point: Text | None = None
    particle: Name | None = None
    kinetic_energy_MeV_per_u: Positive | None = None
    parameters: dict[Name, Number] = Field(default_factory=dict)
    start: StartSpec | None = None
    delta: Annotated[Number, Field(gt=-1.0)] = 0.0


class MatchSpec(Table):
    """The match: what moves, what must come out, what must not be exceeded."""

    vary: tuple[VarySpec, ...] = Field(min_length=1)
    targets: tuple[TargetSpec, ...] = Field(min_length=1)
    limits: tuple[LimitSpec, ...] = ()
    cases: tuple[CaseSpec, ...] = ()
    method: Method = "auto"
    polish: Literal["peak_beta", "gradient", "margin"] | None = None
    restarts: Count = 8

    @model_validator(mode="after")
    def _varies_once(self) -> Self:
        names = [(vary.name, vary.case or "") for vary in self.vary]
        repeated = {name for name, case in names if names.count((name, case)) > 1}
        if repeated:
            raise ValueError(f"the match varies {', '.join(sorted(repeated))} twice")
        return self

    @model_validator(mode="after")
    def _known_cases(self) -> Self:
        names = [DESIGN, *(case.name for case in self.cases)]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two working points are called {', '.join(repeated)} ('{DESIGN}' is the study's own)")
        asked = [one.case for part in (self.vary, self.targets, self.limits) for one in part if one.case is not None]
        for unknown in (case for case in asked if case not in names):
            raise ValueError(f"there is no case '{unknown}'; there are: {', '.join(names)}")
        return self
