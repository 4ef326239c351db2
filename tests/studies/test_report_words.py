"""Words of a report: captions on paper, words of figures as they are set, letters dark enough, lines that are lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lattice import Bend, Quadrupole
from machines.lines.machine import LineMachine
from machines.registry import MACHINES, kind_of, machine_named
from studies.charts.style import COLORS, LONGITUDINAL, NEUTRAL, contrast, readable, text
from studies.report.beam import beam_told
from studies.report.captions import caption_of
from studies.report.lettering import lettered
from studies.report.naming import named, told
from studies.results import FigureData, TableData
from studies.scan.figures import _lines
from studies.vocabulary.line_words import magnet_words, strength_words
from studies.vocabulary.names import quantity_named
from studies.vocabulary.places import PLACES, called, placed_text
from studies.vocabulary.typesetting import heading_text
from tests.dossier_runs import linac
from tests.report_fakes import fake_figures, fake_result


def test_a_caption_on_paper_asks_for_no_slider() -> None:
    """Sentences that need a screen are marked; the stop that the drawing shows is told for paper."""
    figure = fake_figures()[0]
    step = {"label": "-0.001", "args": [{}, {}]}
    slider = {"active": 1, "currentvalue": {"prefix": "dp/p = "}, "steps": [step, {**step, "label": "&lt;0"}]}
    plotly = {**figure.plotly, "layout": {**figure.plotly["layout"], "sliders": [slider]}}
    caption = "Arms in m^1/2 <b>. The slider changes the momentum. Look for: the step."
    assert str(caption_of(replace(figure, plotly=plotly, caption=caption))) == (
        'Arms in m¹ᐟ² &lt;b&gt;. <span class="screen">The slider changes the momentum.</span> Look for: the step. '
        '<span class="paper">Drawn here: dp/p = &lt;0.</span>'
    )


def test_words_of_a_figure_are_set() -> None:
    note, axes = text("K1 = 0.3 m^-2", x=0, y=0), {"xaxis": {"title": {"text": "A [mm^1/2]"}}, "yaxis": {}}
    step = {"args": [{"visible": [True]}, {"annotations": [note]}]}
    plotly = {"data": [{"hovertemplate": "d [um] %{x}"}], "layout": {**axes, "sliders": [{"steps": [step]}]}}
    made = lettered(plotly)
    assert made["layout"]["xaxis"]["title"]["text"] == "A [mm¹ᐟ²]"
    assert made["layout"]["sliders"][0]["steps"][0]["args"][1]["annotations"][0]["text"] == "K1 = 0.3 m⁻²"
    assert made["data"][0]["hovertemplate"] == "d [µm] %{x}"


def test_labels_stand_on_paper_where_a_curve_runs_under_them() -> None:
    """Three quarters white; a label that has a ground of its own keeps it."""
    notes = [text("limit", x=0, y=0), text("beam", x=0, y=0, bgcolor="#FFFFFF")]
    made = lettered({"data": [], "layout": {"annotations": notes}})["layout"]["annotations"]
    assert [note["bgcolor"] for note in made] == ["rgba(255,255,255,0.75)", "#FFFFFF"]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("At the entrance of 'es': arms.", "At the entrance of the electrostatic septum (es): arms."),
        ("'es' kicks. 'es' ends.", "The electrostatic septum (es) kicks. The electrostatic septum (es) ends."),
        ("Wires of the electrostatic septum 'es'", "Wires of the electrostatic septum (es)"),
        ("the beam es 'essence' of 'other'", "the beam es 'essence' of 'other'"),
    ],
)
def test_a_sentence_calls_an_element_by_its_word(sentence: str, expected: str) -> None:
    assert told(sentence, {"es": "electrostatic septum"}) == expected


def test_a_page_calls_septa_by_their_words_everywhere() -> None:
    """Notes, names of bars (which notes stand at), slides and cells; numbers and other elements stay as they are."""
    notes = [text("at se_010a_esp", x=1.0, y="se_010a_esp"), text("se_010a_espx, s8_028a_sxr2", x=0, y=0)]
    step = {"label": "s0_016a_msp", "args": [{}, {"annotations": notes[:1]}]}
    data = [{"type": "bar", "x": [1.0, 2], "y": ["se_010a_esp", "qf"], "hovertemplate": "se_010a_esp"}]
    plotly = {"data": data, "layout": {"annotations": notes, "sliders": [{"steps": [step]}]}}
    frame = pd.DataFrame({"element": ["se_010a_esp", "qf"], "x [m]": [1.5, 2.0]})
    figure = FigureData("losses-wires", "Losses", "Behind 'se_010a_esp'.", plotly, frame)
    table = TableData("losses-septa", "Septa", "", frame)
    asked = replace(fake_result(), study={"machine": "CNAO"}, figures=(figure,), tables=(table,), warnings=("at 'x'",))
    made = named(asked)
    drawn = made.figures[0]
    assert [note["text"] for note in drawn.plotly["layout"]["annotations"]] == [
        "at electrostatic septum",
        "se_010a_espx, s8_028a_sxr2",
    ]
    assert drawn.plotly["layout"]["annotations"][0]["y"] == "electrostatic septum"
    assert drawn.plotly["data"][0]["y"] == ["electrostatic septum", "qf"]
    assert drawn.plotly["data"][0]["x"] == [1.0, 2]
    assert drawn.plotly["data"][0]["hovertemplate"] == "se_010a_esp"  # the one place that names an element
    assert drawn.plotly["layout"]["sliders"][0]["steps"][0]["label"] == "magnetic septum"
    assert drawn.caption == "Behind the electrostatic septum (se_010a_esp)."
    assert list(made.tables[0].frame["element"]) == ["electrostatic septum (se_010a_esp)", "qf"]
    assert list(made.tables[0].frame["x [m]"]) == [1.5, 2.0]
    assert made.warnings == ("at 'x'",)
    own = replace(asked, study={})
    assert named(own).figures is own.figures


def test_quantities_that_a_sentence_lists_are_told_in_words() -> None:
    """A warning of keys says little to who reads a page; words with other underscores stay."""
    listed = replace(fake_result(), warnings=("By the maps alone: lost_power, beta_beating of my_ring.",))
    assert named(listed).warnings == (
        f"By the maps alone: {quantity_named('lost_power').kind.text}, {quantity_named('beta_beating').kind.text} "
        "of my_ring.",
    )


def test_a_place_of_a_quantity_has_its_word() -> None:
    assert placed_text("betx at electrostatic_septum, symp") == "betx at electrostatic septum, symp"


def test_a_place_without_a_word_keeps_its_name() -> None:
    assert called({"symp": "start", "rf_cavity": "cav"}) == {"cav": PLACES["rf_cavity"]}


@pytest.mark.parametrize("color", [*COLORS, LONGITUDINAL, NEUTRAL])
def test_letters_of_any_colour_can_be_read(color: str) -> None:
    """WCAG 2.1, 1.4.3 (AA): at least 4.5 to 1 on white; a colour that is dark enough stays."""
    drawn = text("name", color=color, x=0, y=0)["font"]["color"]
    assert contrast(drawn, "#FFFFFF") >= 4.5
    assert (drawn == color) == (contrast(color, "#FFFFFF") >= 4.5)


def test_contrast_of_colours() -> None:
    """Black on white is 21 to 1; the least grey that may be read on white is #767676 (WCAG 2.1)."""
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert readable("#767676") == "#767676"
    assert readable("#777777") != "#777777"


def test_letters_of_every_figure_can_be_read() -> None:
    for figure in fake_figures():
        for note in figure.plotly["layout"].get("annotations", ()):
            assert contrast(note["font"]["color"].upper(), "#FFFFFF") >= 4.5, (figure.id, note["text"])


def test_a_limit_is_a_line_or_none() -> None:
    """A plane has one line at a level; ridges give pieces, and pieces are no line; a stray corner goes."""
    values = np.linspace(0.0, 1.0, 21)
    x, y = np.meshgrid(values, values, indexing="ij")
    assert len(_lines(values, values, x + y, 1.03)) == 1
    assert _lines(values, values, np.sin(40 * x) + 0.2 * np.sin(31 * y), 0.5) == []
    assert _lines(values, values, x + y, 1.97) == [], "a corner of less than three cells"


def test_a_page_calls_families_of_magnets_by_their_words() -> None:
    """Bars, keys, axes and cells; a word that only looks like a parameter stays, and so does a lattice of one's own."""
    notes = [text("K1 of kf", x=0, y=0)]
    data = [{"type": "bar", "x": [1.0], "y": ["kf"], "name": "s0"}, {"type": "bar", "x": [1.0], "y": ["kfx"]}]
    axes = {"xaxis": {"title": {"text": "kd [1/m^2]"}}, "yaxis": {"title": {"text": "kskq"}}}
    frame = pd.DataFrame({"parameter": ["sr", "kr and kd"]})
    figure = FigureData("strengths-made", "Made", "", {"data": data, "layout": {"annotations": notes, **axes}}, frame)
    table = TableData("strengths-families", "Families", "", frame)
    made = named(replace(fake_result(), study={"machine": "CNAO"}, figures=(figure,), tables=(table,)))
    drawn = made.figures[0].plotly
    assert [trace["y"] for trace in drawn["data"]] == [["focusing quadrupoles (kf)"], ["kfx"]]
    assert drawn["data"][0]["name"] == "chromaticity sextupoles (s0)"
    assert drawn["layout"]["xaxis"]["title"]["text"] == "defocusing quadrupoles (kd) [1/m^2]"
    assert drawn["layout"]["yaxis"]["title"]["text"] == "skew quadrupole (kskq)"  # of one magnet
    assert drawn["layout"]["annotations"][0]["text"] == "K1 of kf"
    assert list(made.tables[0].frame["parameter"]) == ["resonance sextupole (sr)", "kr and kd"]


def test_a_page_calls_magnets_of_lines_by_their_words() -> None:
    """By section, kind and number along it: outer quadrupoles share a supply, bends are counted apart."""
    data = [{"type": "bar", "x": [1.0], "y": ["k_la_qf"]}, {"type": "bar", "x": [1.0], "y": ["lt_q2"]}]
    frame = pd.DataFrame({"place": ["la_b2", "k_lm_q4", "lm_grid_1"]})
    figure = FigureData("strengths-made", "Made", "Widest in 'la_q2'.", {"data": data, "layout": {}}, frame)
    table = TableData("places", "Places", "", frame)
    made = named(replace(fake_result(), study={"machine": "linac-room"}, figures=(figure,), tables=(table,)))
    assert [trace["y"][0] for trace in made.figures[0].plotly["data"]] == [
        "achromat quadrupoles 1 and 3 (k_la_qf)",
        "final quadrupole 2",
    ]
    assert made.figures[0].caption == "Widest in the achromat quadrupole 2 (la_q2)."
    told = ["achromat bend 2 (la_b2)", "matching quadrupole 4 (k_lm_q4)", "lm_grid_1"]
    assert list(made.tables[0].frame["place"]) == told


@pytest.mark.parametrize("name", [name for name in MACHINES if kind_of(name) == "line"])
def test_every_magnet_of_a_line_has_a_word_of_its_own(name: str) -> None:
    machine = machine_named(name)
    assert isinstance(machine, LineMachine)
    words = magnet_words(machine.line, machine.sections)
    magnets = {element.name for element in machine.line.elements if isinstance(element, Quadrupole | Bend)}
    assert words.keys() == magnets
    assert len(set(words.values())) == len(words)
    strengths = strength_words(machine.line, words)
    assert strengths.keys() >= set(machine.settable)
    assert len(set(strengths.values())) == len(strengths)


def test_the_head_of_a_linac_tells_what_it_gives() -> None:
    """First the energies that it was set to or ends at, then that at its entrance; a ring is told as it is."""
    energies = {"lower_MeV": 70.0, "upper_MeV": 230.0, "number": 161}
    switched = replace(linac(), study={"study": "linac-energy-switching", "energies": energies})
    assert beam_told(switched) == "proton, 70 to 230 MeV; at the entrance proton 5 MeV: p = 96.99 MeV/c"
    assert beam_told(linac()) == "proton, from 5 MeV to 230.7 MeV; at the entrance proton 5 MeV: p = 96.99 MeV/c"
    assert beam_told(replace(linac(), quantities=())) == linac().particle
    assert beam_told(fake_result()) == fake_result().particle


def test_a_label_in_words_stands_in_lines() -> None:
    """A curve's name has the room of its parameter's: its words take lines; a quantity has its symbol."""
    notes = [text("s1", x=1.0, y=0.0), text("hardt_residual", x=1.0, y=0.0), text("bend", x=1.0, y=0.0)]
    figure = FigureData("strengths-made", "Made", "", {"data": [], "layout": {"annotations": notes}}, pd.DataFrame())
    made = named(replace(fake_result(), study={"machine": "CNAO"}, figures=(figure,), tables=()))
    told = [note["text"] for note in made.figures[0].plotly["layout"]["annotations"]]
    assert told[0] == "chromaticity<br>sextupoles (s1)"
    assert told[1] == quantity_named("hardt_residual").kind.symbol
    assert told[2] == "bend"


@pytest.mark.parametrize(
    ("printed", "expected"),
    [("2.5e+09 a spill", "2.5×10⁹ a spill"), ("(≤ 1e-09)", "(≤ 10⁻⁹)"), ("by 1e-3", "by 1e-3"), ("x1e+09", "x1e+09")],
)
def test_a_printed_power_of_ten_is_set(printed: str, expected: str) -> None:
    assert heading_text(printed) == expected
