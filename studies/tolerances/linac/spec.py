"""The study file of the tolerances of a linac."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from studies.linac.spec import LinacStudy
from studies.spec.types import NotNegative, Table
from studies.tolerances.asked import Costs, DrawnSpec, Fewer, Machines, Yield


class SourceSpec(Table):
    """Errors of the beam at the entrance, rms, of its centre in both planes, its energy and its phase."""

    offset_um: NotNegative = 0.0
    """Of its centre, in both planes."""
    angle_mrad: NotNegative = 0.0
    """Of its direction, in both planes."""
    energy: NotNegative = 0.0
    """Of its energy, relative [1]."""
    phase_deg: NotNegative = 0.0
    """Of its phase."""


class LinacTolerancesSpec(DrawnSpec):
    """Linacs that are drawn with the rms errors of the section table and of the ``source``; ``cost`` of each cause."""

    machines: Machines = 400
    """Linacs that are drawn."""
    mixed: Fewer | Literal[0] = 60
    """Further linacs for each cause, to rank them; 0: no ranking."""
    wanted_yield: Yield = 0.9
    """Share of linacs that shall keep every requirement [1]."""
    source: SourceSpec = SourceSpec()
    """Rms errors of the beam at the entrance."""
    tracked: Annotated[int, Strict(), Field(ge=50, le=100_000)] = 200
    """Particles in each linac."""
    cost: Costs = Field(default_factory=dict)
    """Cost of each cause [1], 1 where none is given."""


class LinacTolerancesStudy(LinacStudy):
    """Which share of linacs as built keeps every requirement, which errors matter, how large may each be?"""

    study: Literal["linac-tolerances"]
    """The question asked."""
    title_begins: ClassVar[str] = "Tolerances of"
    many: ClassVar[bool] = True
    tolerances: LinacTolerancesSpec = LinacTolerancesSpec()
    """Linacs drawn with the errors of the section table."""


SPEC = LinacTolerancesStudy
