"""What a study returns: quantities, verdicts, tables, figures' data and provenance, all finished values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import hypot
from typing import Any

import pandas as pd

from lattice import Lattice
from machines.requirements import Unasked, Verdict


@dataclass(frozen=True)
class Quantity:
    """A computed number: ``value`` in ``unit`` with its errors, the ``engine`` and ``method`` used.

    ``numerical``: of engines, steps, rounding; ``statistical``: of a sample, at 95 %; ``model``: what it moves when the
    study's assumptions move by what they are uncertain, None where nobody asked. ``value`` is None where it could not
    be computed; ``method`` then says why. ``figure`` is the id of the figure that shows it ("" if none). ``withheld``
    says why the value is shown but must not be judged ("" if it may be). ``at`` is the element of the final lattice (or
    the unit of a linac) that it is found at, "" for a number of the whole machine.
    """

    name: str
    value: float | None
    unit: str
    numerical: float | None
    engine: str
    method: str
    figure: str = ""
    withheld: str = ""
    statistical: float = 0.0
    model: float | None = None
    at: str = ""

    @property
    def spread(self) -> float:
        """sqrt(model^2 + statistical^2): what is uncertain of it besides the arithmetic."""
        return hypot(self.model or 0.0, self.statistical)

    @property
    def error(self) -> float | None:
        """sqrt(model^2 + statistical^2) + numerical: what decides a verdict on it."""
        return None if self.numerical is None else self.spread + self.numerical


@dataclass(frozen=True)
class Shown:
    """That an axis of a figure carries a quantity, so that limits on it are drawn there.

    A value v of the ``quantity``, in its own unit, stands at ``offset`` + ``scale`` v on ``axis`` ("y2", "x").
    ``mirrored``: at minus that too, for a quantity that is the size of what is drawn. ``at``: where along the other
    axis it is taken, None where it is the extreme of whole ``curves``. These are the names of the traces that the
    limit holds for; without any, all on that axis.
    """

    quantity: str
    axis: str = "y"
    scale: float = 1.0
    offset: float = 0.0
    mirrored: bool = False
    at: float | None = None
    curves: tuple[str, ...] = ()

    def place(self, value: float) -> float:
        """Where a value of the quantity stands on the axis."""
        return self.offset + self.scale * value


@dataclass(frozen=True)
class FigureData:
    """A finished figure: plotly's own JSON (``{"data": [...], "layout": {...}}``) with title and caption.

    ``id`` is fixed and unique in the report; ``table`` holds the data behind it, offered as CSV. ``shows`` names the
    quantities that its axes carry.
    """

    id: str
    title: str
    caption: str
    plotly: Mapping[str, Any]
    table: pd.DataFrame
    shows: tuple[Shown, ...] = ()


@dataclass(frozen=True)
class TableData:
    """A table of the report: ``columns`` of ``frame`` carry their unit in brackets, e.g. ``betx [m]``.

    Numbers are shown with ``digits`` significant digits; its CSV holds them in full.
    """

    id: str
    title: str
    caption: str
    frame: pd.DataFrame
    digits: int = 6


@dataclass(frozen=True)
class StudyResult:
    """Everything a report needs; serialises to a run folder and back without loss.

    ``study`` is the resolved study (the content of study.toml). ``methods``, ``assumptions``, ``references`` and
    ``warnings`` are sentences. ``provenance`` holds versions, input hashes and the seed: nothing of the host, the
    paths or the times. ``lattice`` is the final lattice. ``headline`` stands in the banner where nothing is judged;
    ``wanting`` when what it tells is no success; ``outside`` says why its machine is not described for what was asked,
    so that nothing passes. ``unasked``: requirements of such machines that this one is not asked.
    """

    name: str
    title: str
    machine: str
    particle: str
    study: Mapping[str, Any]
    lattice: Lattice
    quantities: tuple[Quantity, ...]
    verdicts: tuple[Verdict, ...]
    figures: tuple[FigureData, ...] = ()
    tables: tuple[TableData, ...] = ()
    methods: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    headline: str = ""
    wanting: bool = False
    outside: str = ""
    unasked: tuple[Unasked, ...] = ()
