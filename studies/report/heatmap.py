"""Heat maps of plotly's JSON drawn by matplotlib: shaded cells between names, with the numbers in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap


def draw_heatmap(axes: Axes, trace: Mapping[str, Any], columns: Sequence[str], rows: Sequence[str]) -> None:
    """Cells of a heatmap trace at the places of its ``x`` among ``columns`` and of its ``y`` among ``rows``."""
    shades = np.array([[np.nan if value is None else value for value in row] for row in trace["z"]], dtype=float)
    edges = [np.arange(len(names) + 1) - 0.5 for names in (columns, rows)]
    colors = LinearSegmentedColormap.from_list("cells", [tuple(stop) for stop in trace["colorscale"]])
    axes.pcolormesh(
        *edges, shades, cmap=colors, vmin=trace["zmin"], vmax=trace["zmax"], edgecolors="white", linewidth=2
    )
    font = trace["textfont"]
    for name, texts in zip(trace["y"], trace["text"], strict=True):
        for column, text in zip(trace["x"], texts, strict=True):
            place = (columns.index(column), rows.index(name))
            axes.text(
                *place, text, ha="center", va="center", color=font["color"], fontsize=font["size"], parse_math=False
            )
