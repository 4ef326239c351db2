"""A figure as a picture of its own: SVG, for a paper or a page, drawn without a browser."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go

from lattice.files import write_text_atomic
from studies.report.completed import completed
from studies.report.drawing import draw


def write_picture(figure: go.Figure, path: Path | str, label: str) -> None:
    """Write a plotly figure as an SVG file; the same bytes for the same figure.

    It draws what ``value.plot()`` and the charts return, and figures of one's own of curves and points
    (``go.Scatter`` of numbers: lists, numpy or pandas) with title, legend, lines across (``add_hline``), notes and
    linear or logarithmic axes. ``label`` is read aloud instead of the picture. A figure of several frames is drawn as
    it stands first.

    Raises:
        InputError: the figure has a trace, shape or axis that the drawing would lack; says which.
        FileError: the file cannot be written.
    """
    target = Path(path)
    write_text_atomic(target, draw(completed(figure, target.stem), target.stem, label) + "\n")
