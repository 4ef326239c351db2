"""Outlines of magnets, as polygons: along a straight axis (the bar over the optics) and on the floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lattice.arrays import Array
from studies.charts.magnets import MagnetBlock
from studies.charts.style import HORIZONTAL, LONGITUDINAL, VERTICAL, Trace, inert, numbers

Polygon = tuple[list[float], list[float]]


@dataclass(frozen=True)
class MagnetStyle:
    """How one sort of magnet is drawn: its ``title`` in the key, ``color``, drawn ``width`` on the floor [m]."""

    title: str
    color: str
    width: float
    low: float
    high: float
    diamond: bool = False


DIPOLE = MagnetStyle("dipole", "#A9A9A9", 0.9, -1.0, 1.0)
FOCUSING = MagnetStyle("quadrupole, focusing in x", HORIZONTAL, 0.6, 0.0, 1.0)
DEFOCUSING = MagnetStyle("quadrupole, focusing in y", VERTICAL, 0.6, -1.0, 0.0)
IDLE_QUADRUPOLE = MagnetStyle("quadrupole, off", "#D0D0D0", 0.6, -0.5, 0.5)
SEXTUPOLE = MagnetStyle("sextupole", "#E6B800", 0.5, -0.7, 0.7, diamond=True)
SEPTUM = MagnetStyle("septum", "#1A1A1A", 0.4, -0.8, 0.8)
RF = MagnetStyle("RF cavity", LONGITUDINAL, 0.5, -0.6, 0.6)
CORRECTOR = MagnetStyle("corrector", "#BFC9B0", 0.35, -0.4, 0.4)
OTHER = MagnetStyle("other", "#D8D2C4", 0.4, -0.4, 0.4)

KEY_ORDER = (DIPOLE, FOCUSING, DEFOCUSING, IDLE_QUADRUPOLE, SEXTUPOLE, SEPTUM, RF, CORRECTOR, OTHER)
_STYLES = {
    "bend": DIPOLE,
    "sextupole": SEXTUPOLE,
    "octupole": SEXTUPOLE,
    "electrostaticseptum": SEPTUM,
    "magneticseptum": SEPTUM,
    "kicker": CORRECTOR,
    "rfcavity": RF,
    "rfgap": RF,
}


def magnet_style(block: MagnetBlock) -> MagnetStyle:
    """The style of one magnet; a quadrupole's follows the sign of its strength."""
    if block.kind != "quadrupole":
        return _STYLES.get(block.kind, OTHER)
    return FOCUSING if block.strength > 0 else DEFOCUSING if block.strength < 0 else IDLE_QUADRUPOLE


def bar_polygon(block: MagnetBlock, shortest: float) -> Polygon:
    """Outline on the magnet bar: s [m] across, -1 to 1 up; drawn at least ``shortest`` [m] long."""
    style = magnet_style(block)
    half = 0.5 * max(block.length, shortest)
    left, middle, right = block.middle - half, block.middle, block.middle + half
    if style.diamond:
        half = max(half, 1.5 * shortest)
        return [middle - half, middle, middle + half, middle], [0.0, style.high, 0.0, style.low]
    return [left, left, right, right], [style.low, style.high, style.high, style.low]


def floor_curve(survey: pd.DataFrame, row: int, points: int) -> tuple[Array, Array, Array]:
    """Z, X [m] and direction theta [rad] at ``points`` equal steps of arc through the element of one survey row.

    The survey gives s, X, Z, theta at the entrance of each element and at the end; theta turns linearly with s
    inside an element: dZ/ds = cos(theta), dX/ds = sin(theta).
    """
    here, there = survey.iloc[row], survey.iloc[row + 1]
    fraction = np.linspace(0.0, 1.0, points)
    length, turn = there["s"] - here["s"], there["theta"] - here["theta"]
    theta = here["theta"] + turn * fraction
    half = 0.5 * turn * fraction  # chord of an arc: length sinc(half angle), along the mean direction
    chord = length * fraction * np.sinc(half / np.pi)
    return here["Z"] + chord * np.cos(here["theta"] + half), here["X"] + chord * np.sin(here["theta"] + half), theta


def floor_polygon(survey: pd.DataFrame, row: int, width: float, shortest: float = 0.1) -> Polygon:
    """Outline of a magnet on the floor (Z, X) [m], ``width`` [m] across; curved as its orbit, never invisible."""
    turn = abs(survey["theta"].iloc[row + 1] - survey["theta"].iloc[row])
    z, x, theta = floor_curve(survey, row, points=2 + int(np.ceil(turn / 0.05)))
    if survey["s"].iloc[row + 1] - survey["s"].iloc[row] < shortest:
        reach = 0.5 * shortest * np.array([-1.0, 1.0])
        z, x, theta = z[0] + reach * np.cos(theta[0]), x[0] + reach * np.sin(theta[0]), theta[[0, 0]]
    across_z, across_x = -0.5 * width * np.sin(theta), 0.5 * width * np.cos(theta)
    outline_z = np.concatenate([z + across_z, (z - across_z)[::-1]])
    outline_x = np.concatenate([x + across_x, (x - across_x)[::-1]])
    return outline_z.tolist(), outline_x.tolist()


def hover_text(block: MagnetBlock) -> str:
    """What the hover says of a magnet: name, s, length, strength, field."""
    where = f"s {block.s:.3f} m, length {block.length:.3f} m"
    parts = [f"<b>{inert(block.name)}</b>", where, inert(block.strength_text), inert(block.field_text)]
    return ", ".join(part for part in parts if part)


def filled(outlines: Sequence[tuple[MagnetStyle, Polygon]], **more: Any) -> list[Trace]:
    """One trace of filled outlines for each sort of magnet that there is, in the order of the key."""
    traces = []
    present = {sort for sort, _ in outlines}
    for sort in (sort for sort in KEY_ORDER if sort in present):
        across, up = _joined([polygon for other, polygon in outlines if other == sort])
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": sort.title,
                "x": across,
                "y": up,
                "fill": "toself",
                "fillcolor": sort.color,
                "line": {"color": sort.color, "width": 1},
                **more,
            }
        )
    return traces


def _joined(polygons: Sequence[Polygon]) -> Polygon:
    across: list[Any] = []
    up: list[Any] = []
    for xs, ys in polygons:
        across += [*numbers([*xs, xs[0]]), None]
        up += [*numbers([*ys, ys[0]]), None]
    return across[:-1], up[:-1]
