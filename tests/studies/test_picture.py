"""A figure written as a picture: SVG that stands alone, the same bytes each time."""

from pathlib import Path
from xml.etree import ElementTree

import plotly.graph_objects as go
import pytest

from lattice import FileError, InputError
from studies.charts.curves import Curve, curves
from studies.report.picture import write_picture


def test_a_figure_as_a_picture(tmp_path: Path) -> None:
    figure = curves([Curve("betx", [0.0, 1.0], [4.0, 5.0])], "s [m]", "betx [m]")
    one, other = tmp_path / "a" / "optics.svg", tmp_path / "b" / "optics.svg"
    for path in (one, other):
        path.parent.mkdir()
        write_picture(figure, path, "betas of the ring")
    root = ElementTree.parse(one).getroot()
    assert (root.tag, root.get("aria-label")) == ("{http://www.w3.org/2000/svg}svg", "betas of the ring")
    assert "betx [m]" in "".join(root.itertext())
    assert one.read_bytes() == other.read_bytes()


def test_what_cannot_be_drawn_or_written_is_told(tmp_path: Path) -> None:
    pie = go.Figure(data=[{"type": "pie", "values": [1, 2]}])
    with pytest.raises(InputError, match="optics"):
        write_picture(pie, tmp_path / "optics.svg", "a pie")
    with pytest.raises(FileError):
        write_picture(curves([Curve("x", [0, 1], [0, 1])], "x", "y"), tmp_path / "none" / "a.svg", "x")
