"""Figures and tables of a gantry: how spots go with its angle, beside another joint, and the orbit from the side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from studies.charts import style
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json
from studies.charts.floor import orbit_in_space
from studies.delivery.turning import Joint, Turning
from studies.results import FigureData, TableData

_COLORS = (style.HORIZONTAL, style.VERTICAL)
_DASHES = ("solid", "dash")
_ANGLES = ("solid", "dash", "dot", "dashdot")


def joint_figures(turning: Turning | None) -> Iterator[FigureData]:
    """Figures of a gantry, none of a line without one."""
    if turning is None:
        return
    yield _sizes(turning)
    yield _sides(turning)


def _sizes(turning: Turning) -> FigureData:
    angles = turning.angles_deg.tolist()
    items = [
        Curve(f"{plane}, {_short(k)}", angles, (1e3 * joint.sizes[:, p]).tolist(), _COLORS[p], _DASHES[k % 2])
        for k, joint in enumerate(turning.joints)
        for p, plane in enumerate("xy")
    ]
    columns = {
        f"{plane}, {_short(k)} [mm]": 1e3 * joint.sizes[:, p]
        for k, joint in enumerate(turning.joints)
        for p, plane in enumerate("xy")
    }
    told = "; ".join(f"{_short(k)}: {joint.title}" for k, joint in enumerate(turning.joints))
    told = told[:1].upper() + told[1:]
    caption = (
        f"Rms size at the isocentre in the gantry's frame over its angle, one setting for all angles, "
        f"{turning.case.label}. {told}. Look for: curves that are not level."
    )
    drawn = curves(items, "angle of the gantry [deg]", "rms size [mm]")
    table = pd.DataFrame({"angle [deg]": angles, **columns})
    return FigureData("gantry-sizes", "Sizes over the angle of the gantry", caption, figure_json(drawn), table)


def _short(number: int) -> str:
    return "this joint" if number == 0 else "the other"


def _sides(turning: Turning) -> FigureData:
    orbits = {name: orbit_in_space(table) for name, table in turning.sides.items()}
    curved = [
        Curve(name, along.tolist(), height.tolist(), style.EXACT, _ANGLES[k % len(_ANGLES)])
        for k, (name, (along, _, height)) in enumerate(orbits.items())
    ]
    parts = [
        pd.DataFrame({"along the axis [m]": along, "height [m]": height, "angle": name})
        for name, (along, _, height) in orbits.items()
    ]
    caption = (
        "The gantry from the side: height of the orbit above the axis, at the angles of the study (at 0 it lies in the "
        "plane of the floor). Look for: the isocentre, where all of them end."
    )
    drawn = curves(curved, "along the axis [m]", "height [m]")
    return FigureData("gantry-side", "The gantry at its angles", caption, figure_json(drawn), pd.concat(parts))


def joint_tables(turning: Turning | None) -> Iterator[TableData]:
    """The joints beside each other, none of a line without a gantry."""
    if turning is None:
        return
    rows = [_row(joint, turning) for joint in turning.joints]
    caption = (
        "Ways to join the gantry for the same beam, energies and spots, one setting for all angles: spots that are "
        "reached, how much sizes and divergences change with the angle, and what it takes."
    )
    yield TableData("gantry-joints", "Joints of the gantry", caption, pd.DataFrame(rows), digits=4)


def _row(joint: Joint, turning: Turning) -> dict[str, object]:
    found = joint.found
    even = np.isclose(found.wanted[:, 0], found.wanted[:, 1])
    return {
        "joint": joint.title,
        "reached": f"{int(found.reached.sum())} of {len(found.reached)}",
        "round ones": f"{int(found.reached[even].sum())} of {int(even.sum())}",
        "size, largest change [1]": float(found.spots.change.max()),
        "round ones, change [1]": float(found.spots.change[even].max()) if even.any() else np.nan,
        "divergence, change [1]": float((np.ptp(joint.slopes, axis=0) / joint.slopes.mean(axis=0)).max()),
        "correlation [1]": float(np.abs(found.spots.correlation).max()),
        "fill [1]": float(found.fill.max()),
        "largest |k1| [m^-2]": float(np.abs(found.values).max()),
    }
