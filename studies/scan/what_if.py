"""What each requirement says in every case of a plane: what the page's script shows while a slider moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lattice.arrays import Array
from machines.requirements import FAIL, PASS, Requirement
from studies.charts.kit.marks import limits_told
from studies.charts.style import Layout
from studies.scan.plan import Plan
from studies.spec.units import parameter_unit
from studies.vocabulary import quantity_named, unit_factor
from studies.vocabulary.typesetting import MINUS, heading_text, unit_text

_DIGITS = 4
_LETTERS = {PASS: "p", FAIL: "f"}
_NO_ANSWER = "n"


def what_if(layout: Layout, made: Plan, drawn: pd.DataFrame) -> Layout:
    """The layout with the verdicts of the cases ``drawn`` (a row a case) of a plane, for two sliders to go through.

    Unchanged where the plane is not two parameters, or where nothing is judged.
    """
    judged = [one for one in made.judged if one.quantity in drawn and one.id in drawn]
    if len(made.axes) != 2 or not judged:
        return layout
    values = [np.unique(drawn[axis.name].to_numpy()) for axis in made.axes]
    grid = drawn.set_index([axis.name for axis in made.axes]).reindex(pd.MultiIndex.from_product(values))
    given = {
        "axes": [_axis(made, axis.name, of) for axis, of in zip(made.axes, values, strict=True)],
        "rows": [_row(one, grid) for one in judged],
        "others": len(made.unjudged),
    }
    return {**layout, "meta": {**layout.get("meta", {}), "what_if": given}}


def _axis(made: Plan, name: str, values: Array) -> dict[str, Any]:
    """The stops of a slider; ``at``: the one nearest to the design."""
    design = float(np.real(made.design.parameters[name]))
    unit = parameter_unit(name, made.design) or "1"
    stops = [f"{value:.6g}" for value in values]
    return {
        "name": name,
        "unit": unit_text(unit),
        "values": [float(stop) for stop in stops],
        "at": int(np.abs(values - design).argmin()),
    }


def _row(requirement: Requirement, grid: pd.DataFrame) -> dict[str, Any]:
    """One requirement over the plane, the second parameter fastest: values in its unit, a letter a verdict."""
    factor = unit_factor(quantity_named(requirement.quantity), requirement.unit)
    values = grid[requirement.quantity].to_numpy(dtype=float) / factor
    return {
        "id": requirement.id,
        "text": heading_text(requirement.text),
        "limit": heading_text(limits_told(requirement)).replace("-", MINUS),
        "unit": unit_text(requirement.unit),
        "values": [float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None for value in values],
        "verdicts": "".join(_LETTERS.get(one, _NO_ANSWER) for one in grid[requirement.id]),
    }
