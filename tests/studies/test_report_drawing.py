"""Still drawings: every figure has one, it is complete, closed in itself and always the same."""

from __future__ import annotations

import itertools
import re
from copy import deepcopy
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from lattice import Drift, InputError, Lattice, Quadrupole
from studies.charts.figure import figure_json
from studies.charts.lattice import floor_plan, magnet_blocks, optics_figure
from studies.charts.style import base_layout
from studies.report.drawing import draw
from studies.report.labels.boxes import plain_text
from studies.report.svg import embeddable
from studies.report.ticks import LogTicks
from studies.results import FigureData
from tests.report_fakes import HOSTILE, fake_figures, fake_survey, hostile_result

FIGURES = fake_figures()
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawings() -> dict[str, str]:
    return {figure.id: draw(figure.plotly, figure.id, figure.title) for figure in FIGURES}


def _texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_every_figure_has_a_drawing_with_all_its_words(figure: FigureData, drawings: dict[str, str]) -> None:
    svg = drawings[figure.id]
    assert len(svg) < 150_000
    layout = figure.plotly["layout"]
    words = [note["text"] for note in layout.get("annotations", ())]
    words += [axis["title"]["text"] for key, axis in layout.items() if "axis" in key and axis.get("visible", True)]
    drawn = _texts(svg)
    for word in filter(None, words):
        assert set(plain_text(word).split("\n")) <= set(drawn)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_same_bytes_every_time(figure: FigureData, drawings: dict[str, str]) -> None:
    assert draw(figure.plotly, figure.id, figure.title) == drawings[figure.id]


def test_ids_belong_to_one_figure_and_references_stay_inside(drawings: dict[str, str]) -> None:
    for id, svg in drawings.items():
        root = ElementTree.fromstring(svg)
        ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        assert len(ids) == len(set(ids))
        assert all(name.startswith(f"{id}-") for name in ids)
        used = re.findall(r"url\(#([^)]+)\)", svg) + re.findall(r'href="#([^"]+)"', svg)
        assert set(used) == set(ids)
        assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_no_scripts_styles_or_links(drawings: dict[str, str]) -> None:
    for svg in drawings.values():
        tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
        assert tags <= {"svg", "g", "path", "text", "tspan", "defs", "clipPath", "rect", "use"}


def test_hostile_names_are_letters() -> None:
    for figure in hostile_result().figures:
        svg = draw(figure.plotly, figure.id, figure.title)
        tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
        assert not tags & {"script", "img", "b", "a"}
    tunes = next(figure for figure in hostile_result().figures if figure.id == "tunes-hostile")
    assert set(HOSTILE) <= set(_texts(draw(tunes.plotly, tunes.id, tunes.title)))


def _changed(**trace: Any) -> dict[str, Any]:
    figure = {"data": [{"type": "scatter", "x": [0.0, 1.0], "y": [0.0, 1.0], **trace}], "layout": {}}
    return deepcopy(figure)


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (_changed(type="contour"), "a trace of type 'contour'"),
        (_changed(type="heatmap"), "a heat map that does not lie between names"),
        (_changed(mode="text"), "a trace with mode 'text'"),
        (_changed(fill="tonext"), "the fill 'tonext'"),
        (_changed(x={"dtype": "f8", "bdata": "AAAA"}), "must be a plain list"),
        ({**_changed(), "data": [*_changed()["data"], *_changed(xaxis="x2")["data"]]}, "one x axis under 'y'"),
        (_changed(type="bar"), "bars that do not lie beside names"),
        ({**_changed(), "layout": {"xaxis": {"type": "date"}}}, "an axis of type 'date'"),
        ({**_changed(), "layout": {"shapes": [{"type": "circle"}]}}, "a shape of type 'circle'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(figure: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        draw(figure, "optics-x", "x")
    assert "figure 'optics-x'" in str(refused.value)


def test_markup_of_plotly_becomes_plain_text() -> None:
    assert plain_text("<b>qf</b><br>k1 &lt; 0 &amp; 3 < 4") == "qf\nk1 < 0 & 3 < 4"


def test_foreign_parts_of_an_svg_are_dropped() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="10pt" height="5pt"><style>*{}</style><script>x</script>'
        '<g id="a"><path id="b" d="M 1.23456 2"/></g><rect clip-path="url(#b)"/></svg>'
    )
    clean = embeddable(svg, "f", 'a "label"')
    assert "style" not in clean
    assert "script" not in clean
    assert 'id="f-0" d="M 1.23 2"' in clean
    assert 'clip-path="url(#f-0)"' in clean
    assert 'viewBox="0 0 10 5"' in clean


def test_neighbours_that_look_alike_are_one_group() -> None:
    """But none that is moved, for its clip moves with it, and none that shines through, as a group would as a whole."""
    like = 'clip-path="url(#c)" style="fill: red"'
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="10pt" height="5pt"><clipPath id="c"/> '
        f'<g><path d="M 1 1" {like}/></g><g>  <path d="M 2  2 " {like}/></g>'
        f'<path d="M 3 3" {like} transform="scale(2)"/>'
        '<path d="M 4 4" style="opacity: 0.5"/><path d="M 5 5" style="opacity: 0.5"/><text> a  b </text></svg>'
    )
    assert embeddable(svg, "f", "x").split(">", 1)[1] == (
        '<clipPath id="f-0" /><g clip-path="url(#f-0)" style="fill:red"><path d="M 1 1" /><path d="M 2 2" /></g>'
        '<path d="M 3 3" clip-path="url(#f-0)" style="fill:red" transform="scale(2)" />'
        '<path d="M 4 4" style="opacity:0.5" /><path d="M 5 5" style="opacity:0.5" /><text> a  b </text></svg>'
    )


def test_a_straight_line_has_a_plan_and_optics_too() -> None:
    """A transfer line without bends: the plan has no extent across, the dispersion is zero everywhere."""
    line = Lattice(
        "line", elements=[Drift("d", length=2.0), Quadrupole("q", length=0.5, k1=0.0), Drift("d2", length=1.0)]
    )
    blocks = magnet_blocks(line)
    optics = pd.DataFrame({"s": line.s, "betx": 2.0, "bety": 3.0, "dx": 0.0})
    for figure in (floor_plan(fake_survey(line), blocks), optics_figure(optics, blocks, places={"end": 3.5})):
        assert draw(figure_json(figure), "line", "a line").startswith("<svg")


def test_dots_of_one_colour_are_points_of_one_path_where_they_were() -> None:
    """Eleven dots of 6 px, a tenth of the axis apart: one path with eleven points at equal steps, 6 px wide."""
    marker = {"color": "#0072B2", "size": 6}
    x = [0.1 * k for k in range(11)]
    trace = {"type": "scatter", "mode": "markers", "x": x, "y": x, "marker": marker}
    rings = {**trace, "marker": {"color": "#D55E00", "symbol": "circle-open", "line": {"width": 1.0}}}
    svg = draw({"data": [trace, rings], "layout": {}}, "dots", "Dots")
    joined = [path for path in ElementTree.fromstring(svg).iter(f"{SVG}path") if "round" in path.get("style", "")]
    assert len(joined) == 1
    assert "stroke:#0072b2;stroke-width:6;" in joined[0].attrib["style"]
    points = [(float(a), float(b)) for a, b in re.findall(r"M([\d.]+) ([\d.]+)h0", joined[0].attrib["d"])]
    assert len(points) == len(x)
    for along in range(2):
        steps = [two[along] - one[along] for one, two in itertools.pairwise(points)]
        assert steps == pytest.approx([steps[0]] * 10, abs=0.02)
        assert abs(steps[0]) > 10
    assert svg.count("<use") >= len(x), "rings stay rings"


def test_an_axis_whose_stops_have_names_is_drawn_with_them() -> None:
    trace = {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0.0, 1.0]}
    layout = {"xaxis": {"tickvals": [0, 1], "ticktext": ["<i>kf</i>", "max betx<br>[m]"]}}
    drawn = _texts(draw({"data": [trace], "layout": layout}, "knobs", "Knobs"))
    assert {"kf", "max betx", "[m]"} <= set(drawn)


def test_numbers_along_axes_are_plain_text() -> None:
    """Powers of ten as such; what small numbers share stands at the end of their axis."""
    log = LogTicks()
    assert [log(x) for x in (1e-12, 1e-3, 0.01, 1.0, 100.0, 1e4, 3e-5)] == [
        "10⁻¹²",
        "10⁻³",
        "0.01",
        "1",
        "100",
        "10⁴",
        "3e-05",
    ]
    small = {"data": [{"type": "scatter", "x": [0.0, 1.0], "y": [1e-7, 3e-7]}], "layout": base_layout(300)}
    drawn = draw(small, "small", "small")
    assert "×10⁻⁷" in drawn
    assert "mathdefault" not in drawn
    large = draw({**small, "data": [{"type": "scatter", "x": [0.0, 1.0], "y": [-5e6, 1e7]}]}, "large", "large")
    assert "×10⁷" in large
    assert "−0.5" in large
