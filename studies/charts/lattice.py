"""The field's own pictures of a lattice: optics over the magnets, floor plan, tune diagram.

Every function takes finished numbers (SI, in tables with MAD-X's and Xsuite's column names) and returns a plotly
figure; nothing is computed here but positions on paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from optics.resonances import Range
from studies.charts.floor import floor_drawing
from studies.charts.magnets import MagnetBlock, magnet_blocks
from studies.charts.panels import optics_panels
from studies.charts.tune_plane import StopBand, WorkingPoint, tune_drawing

__all__ = [
    "MagnetBlock",
    "StopBand",
    "WorkingPoint",
    "floor_plan",
    "magnet_blocks",
    "optics_figure",
    "tune_diagram",
]


def optics_figure(
    table: pd.DataFrame,
    blocks: Sequence[MagnetBlock],
    *,
    envelope: pd.DataFrame | None = None,
    reference: pd.DataFrame | None = None,
    reference_name: str = "Xsuite",
    places: Mapping[str, float] | None = None,
) -> go.Figure:
    """Betas, dispersion and (with ``envelope``) the beam inside its aperture, under the magnets, on one s axis.

    ``table``: finely sampled s, betx, bety, dx [m] (dy too where it is not zero). ``envelope``: s, x_low, x_high,
    y_low, y_high and aperture_x_low, aperture_x_high, aperture_y_low, aperture_y_high [m]. ``reference``: the same
    columns as ``table`` from another engine, drawn as black dots. ``places`` maps labels to s [m]; labels of blocks
    are written too. Raises InputError for a missing column.
    """
    return go.Figure(**optics_panels(table, blocks, envelope, reference, reference_name, places or {}))


def floor_plan(
    survey: pd.DataFrame, blocks: Sequence[MagnetBlock], *, lines: Mapping[str, pd.DataFrame] | None = None
) -> go.Figure:
    """The machine from above: magnets to scale along the orbit, equal axes, arrow for the beam.

    ``survey``: s, X, Z [m] and theta [rad] at the entrance of each element (index: names as in ``blocks``) with a
    last row for the end. ``lines`` are further orbits (an extraction line) as tables with the same columns. Widths
    of magnets are those of the drawing, not of a magnet design. Raises InputError for a missing column or magnet.
    """
    return go.Figure(**floor_drawing(survey, blocks, lines or {}))


def tune_diagram(
    points: Sequence[WorkingPoint],
    *,
    max_order: int = 4,
    superperiods: int = 1,
    stop_bands: Sequence[StopBand] = (),
    path: bool = True,
    window: tuple[Range, Range] | None = None,
) -> go.Figure:
    """Working points among the resonances up to ``max_order``: solid normal, dashed skew, dark systematic.

    The points are joined in their order (``path=False``: not). The ``window`` ((Qx low, high), (Qy low, high)) is
    chosen around the points when it is not given. Raises InputError without points.
    """
    return go.Figure(**tune_drawing(points, max_order, superperiods, stop_bands, path, window))
