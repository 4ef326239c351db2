"""A figure as a picture of its own: SVG, for a paper or a page, drawn without a browser."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go

from lattice.files import write_text_atomic
from studies.charts.figure import figure_json
from studies.report.drawing import draw


def write_picture(figure: go.Figure, path: Path | str, label: str) -> None:
    """Write the figure of a ``value.plot()``, or one of the charts, as an SVG file; the same bytes for the same figure.

    ``label`` is read aloud instead of the picture. A figure of several frames is drawn as it stands first.

    Raises:
        InputError: the figure has a trace, shape or axis that our charts do not have, which the drawing would lack.
        FileError: the file cannot be written.
    """
    target = Path(path)
    write_text_atomic(target, draw(figure_json(figure), target.stem, label) + "\n")
