"""Figures of every working point: fields of the septa, steps and losses beside the limits on the worst of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from studies.charts.bars import bars
from studies.charts.figure import figure_json
from studies.results import FigureData, Shown
from studies.slow_extraction.energies import AtEnergy


class _Drawn(NamedTuple):
    """What one figure draws of a working point, in the unit of its ``axis``: ``scale`` times the ``quantity``'s own."""

    id: str
    title: str
    axis: str
    quantity: str
    scale: float
    value: Callable[[AtEnergy], float]


_FIGURES = (
    _Drawn(
        "energies-field",
        "Field of the electrostatic septum",
        "E [MV/m]",
        "largest_es_field",
        1e-6,
        lambda point: point.electric,
    ),
    _Drawn(
        "energies-magnetic",
        "Field of the magnetic septum",
        "B [T]",
        "largest_ms_field",
        1.0,
        lambda point: point.magnetic,
    ),
    _Drawn(
        "energies-step",
        "Least spiral step",
        "least spiral step [mm]",
        "worst_spiral_step",
        1e3,
        lambda point: min(point.steps, default=np.nan),
    ),
    _Drawn(
        "energies-loss",
        "Losses on the wires",
        "loss on the wires [%]",
        "worst_wire_loss",
        1e2,
        lambda point: point.loss,
    ),
)


def energy_figures(points: Sequence[AtEnergy]) -> Iterator[FigureData]:
    """A figure of each quantity that is known at any of the ``points``."""
    for drawn in _FIGURES:
        values = [drawn.scale * drawn.value(point) for point in points]
        if np.isfinite(values).any():
            yield _figure(drawn, [point.name for point in points], values)


def _figure(drawn: _Drawn, names: Sequence[str], values: Sequence[float]) -> FigureData:
    caption = (
        f"{drawn.title} at each species' lowest, middle and highest energy, and at the study's own, with the study's "
        "normalised strengths. Look for: the working point that decides."
    )
    return FigureData(
        drawn.id,
        f"{drawn.title} at every working point",
        caption,
        figure_json(bars(names, values, drawn.axis)),
        pd.DataFrame({"working point": list(names), drawn.axis: values}),
        (Shown(drawn.quantity, "x", drawn.scale, curves=(drawn.axis,)),),
    )
