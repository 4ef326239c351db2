"""A figure written as a picture: SVG that stands alone, the same bytes each time."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from lattice import FileError, InputError
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json
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


def own_figure() -> go.Figure:
    """As a user draws one: arrays of numpy and pandas, no colours, a title, a line across, a note."""
    turns = np.arange(5)
    figure = go.Figure()
    figure.add_scatter(x=turns, y=turns**2.0, name="measured")
    figure.add_scatter(x=pd.Series(turns), y=pd.Series([1.0, 2.0, np.nan, 4.0, 5.0]), name="computed")
    figure.add_hline(y=7.0, annotation_text="limit")
    figure.add_annotation(x=1.0, y=3.0, text="here")
    return figure.update_layout(title="Growth", xaxis_title="turns", yaxis_title="x [mm]")


def test_a_figure_of_ones_own_is_drawn_whole(tmp_path: Path) -> None:
    written = tmp_path / "own.svg"
    write_picture(own_figure(), written, "growth")
    drawn = written.read_text(encoding="utf-8")
    words = "".join(ElementTree.fromstring(drawn).itertext())
    assert [word for word in ("Growth", "measured", "computed", "limit", "here", "x [mm]") if word not in words] == []
    assert [colour for colour in ("#0072b2", "#d55e00") if drawn.count(colour) < 2] == []  # curve and key of each


def test_packed_arrays_of_a_figure_are_lists_in_its_json() -> None:
    plain = figure_json(go.Figure(go.Heatmap(z=np.array([[1.0, np.nan], [3.0, 4.0]]))))
    assert plain["data"][0]["z"] == [[1.0, None], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("trace", "told"),
    [
        ({"error_y": {"type": "constant", "value": 1}}, "trace 'a': a drawing has no error bars"),
        ({"line": {"shape": "spline"}}, "line of the shape 'spline'"),
        ({"line": {"dash": "longdash"}}, "dash 'longdash'"),
        ({"marker": {"color": [1, 2], "symbol": "circle"}}, "markers of several colours"),
        ({"marker": {"symbol": "square"}}, "the marker 'square'"),
        ({"x": ["2026-01-01", "2026-01-02"]}, "must be numbers, found '2026-01-01'"),
    ],
)
def test_what_a_drawing_would_lack_is_told(trace: dict[str, object], told: str, tmp_path: Path) -> None:
    figure = go.Figure({"type": "scatter", "name": "a", "x": [1, 2], "y": [1, 2], **trace})
    with pytest.raises(InputError, match=told):
        write_picture(figure, tmp_path / "a.svg", "one")


def test_a_figure_without_traces_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no trace"):
        write_picture(go.Figure().add_hline(y=1.0), tmp_path / "a.svg", "none")
