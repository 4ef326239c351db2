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
    """Beta in x [m]."""
    bety: Positive
    """Beta in y [m]."""
    alfx: Number = 0.0
    """Alpha in x [1]."""
    alfy: Number = 0.0
    """Alpha in y [1]."""
    dx: Number = 0.0
    """Dispersion in x [m]."""
    dpx: Number = 0.0
    """Its slope [1]."""
    dy: Number = 0.0
    """Dispersion in y [m]."""
    dpy: Number = 0.0
    """Its slope [1]."""
    x: Number = 0.0
    """Orbit in x [m]."""
    px: Number = 0.0
    """Its slope [rad]."""
    y: Number = 0.0
    """Orbit in y [m]."""
    py: Number = 0.0
    """Its slope [rad]."""


class VarySpec(Table):
    """A parameter that the match may move, between bounds, with others tied to it; ``case``: at one working point."""

    name: Name
    """A parameter of the lattice, or start.betx of a line."""
    lower: Number | None = None
    """Least value [as in the lattice]."""
    upper: Number | None = None
    """Largest value [as in the lattice]."""
    tied: dict[Name, Number] = Field(default_factory=dict)
    """Parameters that follow it, each times a factor [1]: { kd = -1.7 }."""
    case: Name | None = None
    """Moved at one working point only."""
    active: Switch = True
    """false: left where it is."""

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
    """What must come out: qx, betx, ... or a formula such as "betx@a - betx@b"."""
    value: Number
    """The value wanted [unit of the quantity]."""
    at: Name | None = None
    """The element at whose entrance (name:end is its exit)."""
    between: Pair | None = None
    """Two elements, of a phase advance."""
    tolerance: Positive | None = None
    """What may be missed [unit of the quantity]; without it the quantity's own."""
    weight: Positive = 1.0
    """How much it counts beside the others [1]."""
    x_septum: Number | None = None
    """Position of the wires, of quantities of the extraction [m]."""
    case: Name | None = None
    """Asked at one working point only."""
    active: Switch = True
    """false: not asked."""

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
    """What must not be exceeded: betx, size_x, ..."""
    lower: Number | None = None
    """Least value allowed [unit of the quantity]."""
    upper: Number | Literal["aperture"] | None = None
    """Largest value allowed [unit of the quantity], of sizes also "aperture"."""
    at: Name | None = None
    """The element at whose entrance; without it everywhere."""
    between: Pair | None = None
    """Two elements between which it holds."""
    beam: Text | None = None
    """Which of the machine's beams a size is of; without it the study's."""
    case: Name | None = None
    """Asked at one working point only."""
    active: Switch = True
    """false: not asked."""

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
    """How vary, targets and limits call it."""
    working_point: Text | None = None
    """A setting of the machine: strengths and particle."""
    particle: Name | None = None
    """Species; without it the study's."""
    kinetic_energy_MeV_per_u: Positive | None = None
    """Kinetic energy; without it the study's."""
    parameters: dict[Name, Number] = Field(default_factory=dict)
    """Values of parameters there [as in the lattice]."""
    start: StartSpec | None = None
    """Optics at the beginning of a line there."""
    delta: Annotated[Number, Field(gt=-1.0)] = 0.0
    """Momentum deviation dp/p there [1]."""


class MatchSpec(Table):
    """The match: what moves, what must come out, what must not be exceeded."""

    vary: tuple[VarySpec, ...] = Field(min_length=1)
    """What moves: a list of tables."""
    targets: tuple[TargetSpec, ...] = Field(min_length=1)
    """What must come out: a list of tables."""
    limits: tuple[LimitSpec, ...] = ()
    """What must not be exceeded: a list of tables."""
    cases: tuple[CaseSpec, ...] = ()
    """Further working points that are matched together."""
    method: Method = "auto"
    """How the solution is looked for; auto: one way after another."""
    polish: Literal["peak_beta", "gradient", "margin"] | None = None
    """What the freedom that is left is used for; without it nothing."""
    restarts: Count = 8
    """Starts in the first batch."""

    @property
    def spent(self) -> str:
        """Why one more target cannot be met, "" where a knob is left for it; nothing of matches of many cases."""
        targets, knobs = (sum(one.active for one in part) for part in (self.targets, self.vary))
        if self.cases or targets < knobs:
            return ""
        compared = "as many targets as" if targets == knobs else "more targets than"
        return f"the match has {compared} knobs: free a target or add a knob"

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
