"""Figures of the drivers' programmes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from extraction.drivers.drivers import (
    BetatronCore,
    ConstantOptics,
    PhaseDisplacement,
    RFKnockout,
    TuneSweep,
)
from studies.charts import style
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json, figure_of
from studies.charts.spill import stacked_programmes
from studies.results import FigureData
from studies.slow_extraction.spill.facts import SpillFacts


def programme_figure(facts: SpillFacts) -> FigureData:
    """The programme of the study's driver beside the straight one."""
    heading, scale = _axis_of(facts.driver)
    shown = facts.pictures.programmes[facts.case.spec.driver]
    times, values, even = shown.times, scale * shown.values, scale * shown.even
    found = f"found by shaping: {_shape(facts)}" if facts.shaped else "of the study"
    items = [Curve("programme", list(times), list(values), style.INK)]
    if not np.allclose(values, even, rtol=1e-9, atol=0.0):
        items.append(Curve("even", list(times), list(even), style.LIMIT, "dash", width=1.2))
    caption = (
        f"Programme of the {facts.case.spec.driver}, {found}. "
        + _flux(facts)
        + "Look for: how far it is from a straight line, which is what the supply has to follow."
    )
    frame = pd.DataFrame({"time [s]": times, heading: values})
    return FigureData(
        "spill-programme", "Programme of the driver", caption, figure_json(curves(items, "time [s]", heading)), frame
    )


def _shape(facts: SpillFacts) -> str:
    reached = facts.shaping[facts.case.spec.driver].duty_factor
    return (
        f"tracked over the whole time, its shape has a {reached.told} in 24 bins, "
        f"{facts.case.spec.shaped_duty_factor:g} was wanted"
    )


def programmes_figure(facts: SpillFacts) -> FigureData:
    """The programmes of all drivers, each beside the straight one."""
    panels, tables = [], []
    for name, driver in facts.drivers.items():
        heading, scale = _axis_of(driver)
        shown = facts.pictures.programmes[name]
        times, values, even = shown.times, scale * shown.values, scale * shown.even
        shaped = facts.shaping.get(name)
        told = "not shaped"
        if shaped is not None:
            told = f"shaped, {shaped.duty_factor.told}"
        panels.append((f"{name}: {told}", heading, times, values, even))
        tables.append(
            pd.DataFrame(
                {"driver": name, "quantity": heading, "time [s]": times, "programme": values, "straight": even}
            )
        )
    caption = (
        "Programme of each driver; dashed: the straight one that would move the stack evenly. The duty factor is that "
        "of the shape, in 24 bins from the first particle to the end, by tracking the whole spill with ripple. Look "
        "for: steep places, where few particles leave."
    )
    frame = pd.concat(tables).reset_index(drop=True)
    return FigureData(
        "spill-programmes",
        "Programmes of all drivers",
        caption,
        figure_json(figure_of(stacked_programmes(panels))),
        frame,
    )


def _axis_of(driver: Any) -> tuple[str, float]:
    """Heading of the axis of a programme, and its scale."""
    if isinstance(driver, TuneSweep):
        return f"{driver.parameter} [1/m^2]", 1.0
    headings: dict[type, tuple[str, float]] = {
        BetatronCore: ("dp/p given [1e-3]", 1e3),
        ConstantOptics: ("scaling [1e-3]", 1e3),
        RFKnockout: ("kick [urad]", 1e6),
        PhaseDisplacement: ("dp/p of buckets [1e-3]", 1e3),
    }
    return headings[type(driver)]


def _flux(facts: SpillFacts) -> str:
    if not isinstance(facts.driver, BetatronCore):
        return ""
    shown = facts.pictures
    return f"In all the core gives dp/p = {shown.given:.3g}, which takes {abs(shown.flux):.3g} Wb. "
