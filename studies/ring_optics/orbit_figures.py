"""Figures of machines with errors: orbit before and after correction, how many keep a limit, beating."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lattice.arrays import Array
from studies.charts import style
from studies.charts.curves import Curve, curves
from studies.charts.figure import drawing_json, figure_json
from studies.charts.style import Drawing, Layout, Trace, axis, base_layout, numbers, s_axis, text, tint
from studies.results import FigureData, Shown
from studies.ring_optics.imperfections import PERCENT, SHOWN, Imperfections

_COLORS = {"x": style.HORIZONTAL, "y": style.VERTICAL}
_DASHES = {"before": "dot", "after": "solid"}
#: Planes with their panels, after correction and before it, and the curves that are the machines then.
_CURVES = {"": ("5 % after", "95 % after"), "_uncorrected": ("5 % before", "95 % before")}
_PANELS = [(plane, axis_name, when) for plane, axis_name in (("x", "y"), ("y", "y2")) for when in _CURVES]


def orbit_figures(found: Imperfections) -> Iterator[FigureData]:
    """The three figures of the section on imperfections."""
    table = orbit_table(found)
    caption = (
        f"Closed orbit of {found.spec.machines} machines, light: the middle 90 % of them before correction, dark: "
        f"after it; black: machine {SHOWN}, dotted before, solid after; marks below: monitors. In the design's frame. "
        "Look for: where the dark band stays wide, between monitors or where correctors are missing."
    )
    yield FigureData(
        "orbit-machines",
        "Orbit before and after correction",
        caption,
        drawing_json(_bands(table, _monitors(found))),
        _headed(table),
        tuple(
            Shown(f"orbit_{p}{when}", axis, 1e3, mirrored=True, curves=_CURVES[when])
            for p, axis, when in _PANELS
            if when or found.after
        ),
    )
    yield _shares(found)
    yield _beating(found)


# --------------------------------------------------------------------------------------------------------- bands


def orbit_table(found: Imperfections) -> pd.DataFrame:
    """Orbits [m] along s: 5th and 95th percentile over machines and one machine, before and after correction."""
    columns: dict[str, Array] = {"s": found.before.s}
    for when, machines in found.states.items():
        for plane in ("x", "y"):
            low, high = np.nanpercentile(machines.orbit[plane], (5, 95), axis=0)
            columns |= {f"{plane}_low_{when}": low, f"{plane}_high_{when}": high}
            columns[f"{plane}_one_{when}"] = machines.orbit[plane][SHOWN]
    return pd.DataFrame(columns)


def _headed(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns={name: f"{name} [m]" for name in table})


def _monitors(found: Imperfections) -> dict[str, list[float]]:
    """Places [m] of the monitors of each plane."""
    if found.correction is None:
        return {}
    ring = found.correction.machines.ideal
    middle = 0.5 * (ring.s[:-1] + ring.s[1:])
    return {
        plane: [float(middle[ring.index(name)]) for name in response.monitors]
        for plane, response in found.correction.responses.items()
    }


def _bands(table: pd.DataFrame, monitors: Mapping[str, list[float]]) -> Drawing:
    traces = [
        trace for plane, axis_name in (("x", "y"), ("y", "y2")) for trace in _plane(table, plane, axis_name, monitors)
    ]
    layout = base_layout(
        480,
        hovermode="x unified",
        hoversubplots="axis",
        xaxis=s_axis([float(table["s"].min()), float(table["s"].max())], "y2"),
        yaxis=axis(style.heading("x"), domain=[0.54, 1.0], anchor="x"),
        yaxis2=axis(style.heading("y"), domain=[0.0, 0.46], anchor="x"),
        annotations=[_corner("horizontal", "x", "y"), _corner("vertical", "y", "y2")],
    )
    return {"data": traces, "layout": layout}


def _corner(words: str, plane: str, yaxis: str) -> Layout:
    place: dict[str, Any] = {
        "x": 0.0,
        "xref": "paper",
        "y": 1.0,
        "yref": f"{yaxis} domain",
        "xanchor": "left",
        "yanchor": "bottom",
    }
    return text(words, color=_COLORS[plane], xshift=6, **place)


def _plane(table: pd.DataFrame, plane: str, yaxis: str, monitors: Mapping[str, list[float]]) -> list[Trace]:
    color = _COLORS[plane]
    lowest = 1.08e3 * float(table[f"{plane}_low_before"].min())
    marks: Trace = {
        "type": "scatter",
        "mode": "markers",
        "name": "monitors",
        "x": numbers(monitors.get(plane, [])),
        "y": [float(f"{lowest:.8g}")] * len(monitors.get(plane, [])),
        "yaxis": yaxis,
        "marker": {"color": style.LIMIT, "size": 5},
        "hoverinfo": "skip",
    }
    looks = {"before": (0.18, "dot"), "after": (0.55, "solid")}
    drawn = {when: look for when, look in looks.items() if f"{plane}_one_{when}" in table}
    bands = [
        one for when, (opacity, _) in drawn.items() for one in _band(table, plane, when, yaxis, tint(color, opacity))
    ]
    return [*bands, *(_one(table, plane, when, yaxis, dash) for when, (_, dash) in drawn.items()), marks]


def _band(table: pd.DataFrame, plane: str, when: str, yaxis: str, color: str) -> list[Trace]:
    low = _line(table, f"{plane}_low_{when}", yaxis, {"color": color, "width": 0.5}, f"5 % {when}")
    high = _line(table, f"{plane}_high_{when}", yaxis, {"color": color, "width": 0.5}, f"95 % {when}")
    return [low, {**high, "fill": "tonexty", "fillcolor": color}]


def _one(table: pd.DataFrame, plane: str, when: str, yaxis: str, dash: str) -> Trace:
    line = {"color": style.INK, "width": 1.2, "dash": dash}
    return _line(table, f"{plane}_one_{when}", yaxis, line, f"machine {SHOWN} {when}")


def _line(table: pd.DataFrame, column: str, yaxis: str, line: dict[str, object], name: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": numbers(table["s"]),
        "y": numbers(table[column], 1e3),
        "yaxis": yaxis,
        "line": line,
        "hovertemplate": name + " %{y:.2f} mm<extra></extra>",
    }


# -------------------------------------------------------------------------------------------------- distributions


def _shares(found: Imperfections) -> FigureData:
    items: list[Curve] = []
    columns: dict[str, list[float]] = {}
    for plane in ("x", "y"):
        for when, machines in found.states.items():
            dash = _DASHES[when]
            values, share = _share(machines.table[f"orbit_max_{plane}"].to_numpy() * 1e3)
            items.append(Curve(f"{plane} {when}", values, share, color=_COLORS[plane], dash=dash))
            columns |= {f"{plane} {when} [mm]": values}
    caption = (
        "Share of the machines whose largest orbit stays below a value: the yield against a limit. Dotted before, "
        f"solid after correction; {PERCENT:g} % is what requirements are judged at (limits dashed). Look for: solid "
        "lines left of the limits there."
    )
    figure = curves(
        items,
        "largest orbit of a machine [mm]",
        "share of machines [%]",
        levels=[(PERCENT, "")],
    )
    frame = pd.DataFrame({"share [%]": share, **columns})
    shows = tuple(
        Shown(f"orbit_{plane}{when}", "x", 1e3, at=PERCENT) for plane in "xy" for when in _CURVES if when or found.after
    )
    return FigureData("orbit-yield", "Yield against the orbit", caption, figure_json(figure), frame, shows)


def _share(values: Array) -> tuple[list[float], list[float]]:
    """Sorted values and the share [%] of all machines up to each; unstable ones are never reached."""
    share = 100.0 * (1 + np.arange(len(values))) / len(values)
    return list(np.sort(values)), list(share)


def _beating(found: Imperfections) -> FigureData:
    sets = {
        f"bet{plane} {when}": (machines.table[f"beating_max_{plane}"].to_numpy() * 100, _COLORS[plane], _DASHES[when])
        for plane in ("x", "y")
        for when, machines in found.states.items()
    }
    top = max(float(np.nanmax(values)) for values, _, _ in sets.values())
    edges = np.linspace(0.0, top * 1.001 + 1e-12, 16)
    corners = np.repeat(edges, 2)
    items, columns = [], {}
    for name, (values, color, dash) in sets.items():
        counts = np.histogram(values[np.isfinite(values)], edges)[0]
        last = 2 * (int(np.max(np.flatnonzero(counts), initial=0)) + 1) + 1  # up to the last bin with machines
        steps = [0.0, *np.repeat(counts, 2).astype(float)]
        items.append(Curve(name, list(corners[:last]), steps[:last], color=color, dash=dash, width=1.4))
        columns[name] = counts
    caption = (
        "Histogram of the largest relative change of each beta function in a machine. Dotted before, solid after "
        "correction: what remains comes from the gradients, what goes comes from the orbit in the sextupoles."
    )
    figure = curves(items, "largest change of beta in a machine [%]", "machines [1]")
    frame = pd.DataFrame({"from [%]": edges[:-1], "to [%]": edges[1:], **columns})
    shows = (Shown("beta_beating", "x", 100.0, at=0.0),)
    return FigureData("orbit-beating", "Beta beating over the machines", caption, figure_json(figure), frame, shows)
