"""The report page as text: complete, in order, inert, the same every time."""

from __future__ import annotations

import ast
import gzip
import json
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from plotly.offline import get_plotlyjs

import studies
from lattice import InputError
from machines.requirements import counted
from studies.charts.kit.slider import HEIGHT
from studies.report import render
from studies.report.csv import csv_text
from studies.report.digits import thinned
from studies.report.drawing import KINDS
from studies.report.packing.bundle import cut_down
from studies.report.packing.letters import packed
from studies.report.page import PLOTLY_CONFIG, figure_content
from studies.report.sections import SECTIONS, contents, home_of
from studies.report.sliders import without_slider_room
from studies.report.verdicts import verdict_rows
from studies.results import FigureData, TableData
from tests.checkout import ROOT
from tests.report_fakes import HOSTILE, fake_figures, fake_result, fake_verdicts, hostile_result

CSS = ROOT / "studies" / "report" / "static" / "report.css"


class Page(HTMLParser):
    """What a browser would see: elements with attributes, the text of scripts, the text of the rest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)
            if tag == "script":
                self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside == ["script"]:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif not self._inside:
            self.text += data

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.elements if attribute in attrs]


@pytest.fixture(scope="module")
def html() -> str:
    return render(fake_result())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture(scope="module")
def hostile() -> Page:
    return Page(render(hostile_result()))


def test_same_bytes_when_rendered_again(html: str) -> None:
    assert render(fake_result()) == html


def test_sections_come_in_their_declared_order(page: Page) -> None:
    found = [attrs["id"] for tag, attrs in page.elements if tag == "section"]
    declared = [section.id for section in SECTIONS]
    assert found == [id for id in declared if id in found]
    assert {section.id for section in SECTIONS if section.always} <= set(found)


def test_every_figure_and_table_is_in_exactly_one_section() -> None:
    odd = FigureData(
        "surprise", "Surprise", "An id with no known first word.", fake_figures()[0].plotly, pd.DataFrame()
    )
    result = replace(fake_result(), figures=(*fake_result().figures, odd))
    parts = contents(result)
    assert sorted(figure.id for part in parts for figure in part.figures) == sorted(f.id for f in result.figures)
    assert sorted(table.id for part in parts for table in part.tables) == sorted(t.id for t in result.tables)
    assert next(part for part in parts if odd in part.figures).section.id == "more"


def test_every_figure_and_table_that_a_study_names_has_a_section_of_its_own() -> None:
    """Ids as they stand in the rooms of the studies: none falls under what no section knows."""
    rooms = Path(studies.__file__).parent
    named = [(path.name, id) for path in sorted(rooms.rglob("*.py")) for id in _ids_of(path.read_text("utf-8"))]
    assert len(named) > 80
    assert [one for one in named if home_of(one[1]).id == "more"] == []


def _ids_of(text: str) -> list[str]:
    """First words given to ``FigureData`` and ``TableData``, where they are plain text."""
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and node.args)
    made = (node.args[0] for node in calls if getattr(node.func, "id", "") in ("FigureData", "TableData"))
    return [first.value for first in made if isinstance(first, ast.Constant) and isinstance(first.value, str)]


@pytest.mark.parametrize(
    ("id", "section"),
    [
        ("line-turned", "line"),
        ("line-supplies", "steering"),
        ("delivery-spots", "isocentre"),
        ("delivery-settings", "settings"),
        ("beam-energies", "planning"),
        ("beam-spots", "held"),
        ("lines", "more"),
    ],
)
def test_the_longest_subject_decides(id: str, section: str) -> None:
    assert home_of(id).id == section


def test_an_empty_study_still_has_every_constant_section() -> None:
    empty = replace(
        fake_result(),
        verdicts=(),
        quantities=(),
        figures=(),
        tables=(),
        methods=(),
        assumptions=(),
        references=(),
        warnings=(),
        provenance={},
    )
    page = Page(render(empty))
    found = [attrs["id"] for tag, attrs in page.elements if tag == "section"]
    assert found == [section.id for section in SECTIONS if section.always]
    assert "No requirement names this study." in page.text
    assert "no requirement: nothing was judged" in page.text


def test_banner_counts_every_verdict(page: Page) -> None:
    """By kind: a check of the program is none of the machine."""
    machine = "machine: 2 passed, 1 failed, 1 not evaluated (4 against published limits, 0 assumed)"
    assert counted(fake_verdicts()) == f"{machine}; checks of the program: 1 of 1"
    assert f"{machine}; checks of the program: 1 of 1" in page.text


def test_checks_of_the_program_have_a_table_of_their_own(html: str, page: Page) -> None:
    tables = re.findall(r'<table class="verdicts".*?</table>', html, re.DOTALL)
    assert ["OPT-17" in table for table in tables] == [False, True]
    assert ["OPT-02" in table for table in tables] == [True, False]
    assert "checks-of-the-program" in page.values("id")


def test_a_machine_that_stands_for_another_says_so_at_the_head() -> None:
    """The ring that stands for MedAustron's is the CNAO ring: its own title beside its name, above the banner."""
    bare = replace(fake_result(), figures=(), machine="medaustron")
    result = replace(bare, study={"study": "optics", "machine": "medaustron"})
    head = Page(render(result)).text.split("passed")[0]
    assert "Machine medaustron (MedAustron-like synchrotron: the CNAO ring with protons to 800 MeV)" in head
    assert "MedAustron-like" not in Page(render(bare)).text  # a lattice of that name is no machine of ours


def test_most_serious_verdict_comes_first() -> None:
    result = fake_result()
    rows = verdict_rows(result.verdicts, result.quantities, result.figures)
    assert [row.verdict.verdict for row in rows] == ["FAIL", "NOT EVALUATED", "PASS", "PASS", "PASS"]
    # margins relative to the width of the limits: 0.0040 / 0.01 = 0.40 before 0.0497 / 0.1 = 0.497
    assert [row.verdict.requirement.id for row in rows[2:4]] == ["OPT-01", "OPT-03"]


def test_requirements_and_figures_link_to_each_other(page: Page) -> None:
    ids, links = set(page.values("id")), [href for href in page.values("href") if href.startswith("#")]
    assert {href[1:] for href in links} <= ids, "every link within the page has its target"
    assert links.count("#figure-optics-ring") == 3, "two requirements are judged from the optics, its number is a link"
    assert {"#requirement-1", "#requirement-3", "#requirement-4"} <= set(links)
    assert {f"#basis-{row}" for row in range(1, 6)} <= set(links), "every row leads to what it rests on"


def test_sections_figures_and_tables_are_counted_and_link_to_themselves(page: Page) -> None:
    """Each kind from 1 on, in the order of the page; a requirement names the number of its figure."""
    parts = contents(fake_result())
    figures = [figure.id for part in parts for figure in part.figures]
    tables = [table.id for part in parts for table in part.tables]
    links = [attrs["href"] or "" for _, attrs in page.elements if attrs.get("class") == "permalink"]
    headed = [f"#{part.section.id}" for part in parts]
    assert sorted(links) == sorted([*headed, *(f"#figure-{id}" for id in figures), *(f"#table-{id}" for id in tables)])
    for word, ids in (("Figure", figures), ("Table", tables)):
        assert [number for number in range(1, 99) if f"{word} {number} " in page.text] == list(range(1, len(ids) + 1))
    assert f"Figure {figures.index('optics-ring') + 1}: Optics" in page.text


def test_a_slider_leaves_no_empty_room_below_its_figure() -> None:
    """The page has a slider of its own: plotly's room goes, gauges below it move up by as much, stops too."""
    note = {"text": "gauge", "yref": "paper", "y": -0.9}
    inside = {"text": "inside", "yref": "paper", "y": 1.0}
    step = {"label": "a", "args": [{"visible": [True]}, {"annotations": [inside, note]}]}
    layout = {"height": 400, "margin": {"t": 40, "b": 160}, "sliders": [{"pad": {"t": 44}, "steps": [step]}]}
    made = without_slider_room({"data": [], "layout": {**layout, "annotations": [inside, note]}})["layout"]
    assert (made["height"], made["margin"]["b"]) == (400 - HEIGHT, 160 - HEIGHT)
    lifted = [1.0, pytest.approx(-0.9 + HEIGHT / 200)]  # the panel is 200 px high, before and after
    assert [one["y"] for one in made["annotations"]] == lifted
    assert [one["y"] for one in made["sliders"][0]["steps"][0]["args"][1]["annotations"]] == lifted


def test_ids_are_unique(page: Page, hostile: Page) -> None:
    for each in (page, hostile):
        ids = each.values("id")
        assert len(ids) == len(set(ids))


def unpacked(payload: str) -> str:
    return gzip.decompress(b64decode(payload, validate=True)).decode()


def allowed(page: Page) -> list[str]:
    """The hashes that the policy of a page lets run; all else of the policy is as strict as can be."""
    policy = next(attrs["content"] or "" for tag, attrs in page.elements if attrs.get("http-equiv"))
    scripts, rest = policy.removeprefix("default-src 'none'; script-src ").split(";", 1)
    assert (
        rest == " style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    return scripts.split()


def of_hash(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


def test_policy_names_exactly_the_two_scripts(page: Page) -> None:
    """The one that stands in the page, and plotly once it is unpacked."""
    running = [text for attributes, text in page.scripts if "type" not in attributes]
    plotly = [text for attributes, text in page.scripts if attributes.get("id") == "plotly"]
    assert (len(running), len(plotly)) == (1, 1)
    assert allowed(page) == [of_hash(running[0]), of_hash(unpacked(plotly[0]))]


def test_plotly_is_its_bundle_less_what_no_figure_needs(page: Page) -> None:
    """One pair of brackets more, so that it is read once; two kinds beside its own scatter; less of the rest."""
    packaged = get_plotlyjs().rstrip()
    [bundle] = [unpacked(text) for attributes, text in page.scripts if attributes.get("id") == "plotly"]
    kinds = re.compile(r"(?<=\.register\(\[)[\w$()]+(?:,[\w$()]+)*(?=\]\))")
    [made], [shipped] = kinds.findall(bundle), kinds.findall(packaged)
    assert len(made.split(",")) == len(set(KINDS) - {"scatter"})
    assert set(made.split(",")) < set(shipped.split(","))
    whole = bundle.replace(made, shipped).replace("(() => {\n", "() => {\n").removesuffix("})));")
    place = 0
    for piece in re.split(r"(?=var [\w$]+=[\w$]+\((?:\([\w$,]*\)|[\w$]+)=>\{)", whole):
        place = packaged.index(piece, place) + len(piece)  # its own text, in its own order
    assert packaged[place:] == "}));"
    assert len(whole) < len(packaged) / 2
    assert "Licensed under the MIT license" in whole
    assert "Bundled license information" in whole


SMALL_BUNDLE = (
    'var a=W((e,t)=>{"use strict";t.exports={moduleType:"trace",name:"bar"}});'
    'var b=W((e,t)=>{"use strict";t.exports=a()});'
    'var c=W((e,t)=>{"use strict";t.exports={moduleType:"trace",name:"cone"}});'
    'var d=W((e,t)=>{"use strict";var x=c();x.plot=a();t.exports=x});'
    'var e=W(e=>{"use strict";e.z={}});'
)


def cut(made: str) -> list[str]:
    """The names of the modules that stay when a small bundle makes the kinds ``made``."""
    text = cut_down(f"{SMALL_BUNDLE}var f=W(e=>{{r.register([{made}])}});return f();")
    return [*re.findall(r"var (\w)=", text), *re.findall(r"register\(\[(.*)\]", text)]


@pytest.mark.parametrize(
    ("made", "kept", "modules"),
    [
        ("b(),d()", "b()", "abf"),
        ("d(),b(),d()", "b()", "abf"),
        ("b(),e(),g()", "b(),e(),g()", "abef"),
    ],
    ids=["a cone is none of ours", "in any order", "what does not say its kind stays"],
)
def test_kinds_that_no_figure_has_are_not_made(made: str, kept: str, modules: str) -> None:
    assert cut(made) == [*modules, kept]


def test_modules_end_where_their_brackets_do() -> None:
    """Brackets in texts, patterns and comments count nothing; what stands between modules goes with those in it."""
    tricky = 'var a=W((e,t)=>{t.x="}";t.y=/[}/]}/;t.z=`}`;/* } */t.exports={}});'
    loose = "var g={};function h(){return 1}var i=E(()=>{a()});"
    unused = loose.replace("i=", "j=").replace("h(", "k(")
    last = "var z=W(e=>{i()});return z();"
    assert cut_down(f"{tricky}{loose}var b=W(e=>{{}});{unused}{last}") == f"{tricky}{loose}{last}"


def test_a_bundle_that_is_written_otherwise_stays_as_it_is() -> None:
    text = "window.Plotly={newPlot(){return a()}};"
    assert cut_down(text) == text


def test_a_page_without_figures_holds_and_allows_no_plotly() -> None:
    text = render(replace(fake_result(), figures=()))
    page = Page(text)
    running = [text for attributes, text in page.scripts if "type" not in attributes]
    assert not [attributes for attributes, _ in page.scripts if "type" in attributes]
    assert allowed(page) == [of_hash(running[0])]
    assert "plotly" not in text.lower()


def test_packed_text_is_the_same_letters_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "</script><!--&\u2028é" * 100
    first = packed(text)
    assert unpacked(first) == text
    assert re.fullmatch("[A-Za-z0-9+/]+=*", first)
    assert b64decode(first)[4:8] == bytes(4), "no time in the head of the gzip"
    monkeypatch.setattr("time.time", lambda: 1.7e9)
    assert packed(text) == first


def test_numbers_of_a_figure_keep_five_digits_of_what_differs() -> None:
    """Of 16.750912 five; of tunes that differ in the fourth decimal as many as tell them apart to 1e-5 of that."""
    trace = {"x": [0.0, 77.6481234], "y": [1.66601234567, 1.66611234567], "z": [[1.23456789, None]], "name": "a"}
    assert thinned(trace) == {"x": [0, 77.648], "y": [1.66601235, 1.66611235], "z": [[1.23456789, None]], "name": "a"}
    same = [1.23456789012345, 1.23456789012345]  # nothing differs: twelve digits
    assert thinned({"x": [1.0, 2.5], "y": same})["y"] == [1.23456789012] * 2
    turns = list(range(123456, 123459))
    assert thinned({"x": turns, "y": ["qf", "qd"]}) == {"x": turns, "y": ["qf", "qd"]}


def test_nothing_is_fetched_or_handled_inline(page: Page, hostile: Page) -> None:
    for each in (page, hostile):
        for tag, attributes in each.elements:
            assert tag not in ("img", "iframe", "object", "embed", "link", "base", "form", "foreignobject")
            assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "xlink:href")]
            assert (attributes.get("href") or "#").startswith(("#", "data:application/gzip;"))


def test_figure_data_is_packed_json_with_the_safe_configuration(page: Page) -> None:
    blocks = [text for attributes, text in page.scripts if (attributes.get("id") or "").startswith("data-")]
    assert len(blocks) == len(fake_figures())
    for text, figure in zip(blocks, fake_figures(), strict=True):
        content = json.loads(unpacked(text))
        assert content["config"] == PLOTLY_CONFIG
        assert content["data"] == [thinned(trace) for trace in figure.plotly["data"]]
    assert PLOTLY_CONFIG["showSendToCloud"] is False
    assert PLOTLY_CONFIG["plotlyServerURL"] == ""
    assert PLOTLY_CONFIG["displaylogo"] is False


def test_every_figure_has_its_drawing_data_and_caption(page: Page) -> None:
    images = [attrs for tag, attrs in page.elements if tag == "svg" and attrs.get("role") == "img"]
    drawings = [attrs for attrs in images if attrs.get("class") != "machine"]
    assert [attrs["aria-label"] for attrs in drawings] == [f"Drawing: {figure.title}" for figure in fake_figures()]
    for figure in fake_figures():
        assert {f"figure-{figure.id}", f"plot-{figure.id}", f"caption-{figure.id}"} <= set(page.values("id"))
        assert f"{figure.id}.csv.gz" in page.values("download")


def test_csv_of_a_figure_holds_its_numbers_in_full(page: Page) -> None:
    links = {attrs["download"]: attrs["href"] or "" for _, attrs in page.elements if "download" in attrs}
    text = unpacked(links["optics-ring.csv.gz"].split(",", 1)[1])
    figure = next(figure for figure in fake_figures() if figure.id == "optics-ring")
    lines = text.splitlines()
    assert lines[0] == "s,betx,bety,dx"
    assert [float(cell) for cell in lines[5].split(",")] == list(figure.table.iloc[4])


def test_csv_runs_no_formula() -> None:
    frame = pd.DataFrame({"=1+1": ["=1+1", "@x", "+x", "-x", "x"], "number": [-1.0, 2.0, 3.0, 4.0, 5.0]})
    assert csv_text(frame) == "'=1+1,number\n'=1+1,-1.0\n'@x,2.0\n'+x,3.0\n'-x,4.0\nx,5.0\n"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_shown_to_the_letter(hostile: Page, name: str) -> None:
    assert hostile.text.count(name) >= 15, "in heading, banner, tables, captions, sentences, provenance and drawings"


def test_a_figure_holds_no_number_that_json_lacks() -> None:
    """NaN is no JSON: figures hold null instead."""
    trace = {"type": "scatter", "x": [1.0, 2.0], "y": [float("nan"), 2.0]}
    with pytest.raises(ValueError, match="JSON"):
        figure_content(FigureData("optics-x", "", "", {"data": [trace], "layout": {}}, pd.DataFrame()))


def test_date_only_when_it_is_given(html: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", Page(html).text)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")  # 2023-11-14T22:13:20Z
    bare = replace(fake_result(), figures=())
    assert "2023-11-14" in Page(render(bare)).text
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH must be a whole number of seconds, found 'yesterday'"):
        render(fake_result())


def test_ids_that_break_a_page_are_refused() -> None:
    result = fake_result()
    bad = TableData('x" onclick="', "", "", pd.DataFrame())
    with pytest.raises(InputError, match="must be a word"):
        render(replace(result, tables=(bad,)))
    with pytest.raises(InputError, match="stands for 2 figures or tables"):
        render(replace(result, figures=(result.figures[0], result.figures[0])))


def test_webgl_is_refused() -> None:
    figure = FigureData(
        "optics-x", "", "", {"data": [{"type": "scattergl", "x": [1], "y": [1]}], "layout": {}}, pd.DataFrame()
    )
    with pytest.raises(InputError, match=r"figure 'optics-x'.*scattergl"):
        render(replace(fake_result(), figures=(figure,)))


def test_page_can_be_used_by_keyboard_and_read_aloud(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    assert tags.count("main") == tags.count("nav") == tags.count("h1") == 1
    assert ("html", {"lang": "en"}) in page.elements
    captions = [id for id in page.values("id") if id.startswith("caption-")]
    assert sum(attrs.get("aria-describedby") in captions for tag, attrs in page.elements if tag == "svg") == len(
        fake_figures()
    )
    assert set(page.values("aria-describedby") + page.values("aria-labelledby")) <= set(page.values("id"))
    ranks = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(below - above <= 1 for above, below in pairwise(ranks)), "no rank of headings is left out"
    first_link = next(attrs for tag, attrs in page.elements if tag == "a")
    assert first_link["href"] == "#main"
    for tag, attrs in page.elements:
        if tag == "svg":
            assert attrs.get("aria-hidden") == "true" or attrs.get("aria-label")
            if (attrs.get("aria-label") or "").startswith("Drawing: "):
                assert attrs["aria-describedby"] in captions, "a drawing is told by its caption"
        if tag == "figure":
            assert attrs["aria-labelledby"] in page.values("id")


def test_colours_of_text_have_contrast() -> None:
    """WCAG 2.1, 1.4.3 (AA): at least 4.5 to 1 for text, on white and on the shade behind the banner."""
    colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6});", CSS.read_text(encoding="utf-8")))
    for ink in ("ink", "soft", "link", "pass", "fail", "open"):
        for paper in ("paper", "shade"):
            assert _contrast(colors[ink], colors[paper]) >= 4.5, (ink, paper)


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
