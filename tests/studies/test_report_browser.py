"""The report in a real browser: its policy holds, its figures appear, nothing foreign comes to life."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from studies.charts.kit.bars import name_axis
from studies.charts.magnets import magnet_blocks
from studies.charts.spill import RatePanel, spill_drawing
from studies.charts.steinbach import Still, steinbach_film
from studies.cli import run
from studies.report import render
from studies.results import FigureData, TableData
from studies.runs.store import read_run
from tests.browser import complaints, opened
from tests.report_fakes import HOSTILE, PROTON, fake_result, fake_ring, hostile_result

pytestmark = pytest.mark.browser

FIGURES = len(fake_result().figures)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(fake_result()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    path.write_text(render(hostile_result()), encoding="utf-8")
    return path


#: Pairs of texts of one figure that share more than a pixel, as the browser drew them.
MEETING = """
const meeting = [];
for (const figure of document.querySelectorAll('figure')) {
  const boxes = [...figure.querySelectorAll(arguments[0])].map(e => [e.textContent, e.getBoundingClientRect()])
    .filter(([, b]) => b.width && b.height);
  boxes.forEach(([one, a], i) => boxes.slice(0, i).forEach(([other, b]) => {
    if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1) meeting.push([figure.id, one, other]);
  }));
}
return meeting;
"""
LABELS, LETTERS = ".plot .annotation-text-g", ".drawing text"


def test_opens_without_a_complaint_and_draws_every_figure(chromium: str, page: Path) -> None:
    with opened(chromium, page) as browser:
        assert complaints(browser) == []
        assert browser.execute_script(MEETING, LABELS) == []
        drawn = "return document.querySelectorAll('figure.live .plot .main-svg:first-child').length"
        assert browser.execute_script(drawn) == FIGURES
        assert "WebGL is not supported" not in browser.execute_script("return document.body.innerText")
        titles = browser.execute_script(
            "return [...document.querySelectorAll('.modebar-btn')].map(b => b.dataset.title)"
        )
        assert len(titles) >= FIGURES, "the buttons of the figures are there"
        assert not [title for title in titles if "share" in title.lower() or "cloud" in title.lower()]
        assert not browser.execute_script(
            "return document.querySelectorAll('.plotlyjsicon, .modebar-btn--logo').length"
        )


def test_figures_are_drawn_when_they_come_into_view(chromium: str, page: Path) -> None:
    """On paper and before it is reached a figure is a drawing; the script of plotly comes packed and is run."""
    undrawn = "return [...document.querySelectorAll('figure:not(.live)')].map(f => f.dataset.figure)"
    with opened(chromium, page, drawn=False) as browser:
        WebDriverWait(browser, 30).until(lambda page: page.execute_script("return Boolean(window.Plotly)"))
        last = fake_result().figures[-1].id
        assert last in browser.execute_script(undrawn)
        browser.execute_script(f"document.getElementById('figure-{last}').scrollIntoView({{behavior: 'instant'}})")
        WebDriverWait(browser, 30).until(lambda page: last not in page.execute_script(undrawn))
        assert browser.execute_script(undrawn), "those that were not near the screen are still drawings"
        assert complaints(browser) == []


def hover_over_septum(browser: webdriver.Chrome, figure: str) -> str:
    """The text of the hover when the pointer is over the middle of the electrostatic septum."""
    septum = next(block for block in magnet_blocks(fake_ring(), PROTON) if block.name == "es")
    browser.execute_script(f"Plotly.Fx.hover('plot-{figure}', {{xval: {septum.middle}}}, ['xy', 'xy2', 'xy3']);")
    return str(browser.execute_script(f"return document.querySelector('#plot-{figure} .hoverlayer').textContent"))


def test_hover_names_the_magnet_and_runs_through_all_panels(chromium: str, page: Path) -> None:
    with opened(chromium, page) as browser:
        text = hover_over_septum(browser, "optics-ring")
        for part in ("es, s ", "length 0.800 m", "kick 2.5 mrad", "MV/m", "betx ", "bety ", "dx "):
            assert part in text, f"{part!r} missing from the hover text {text!r}"


LINKED = """
const line = document.querySelector('#plot-engines-along-s .at-s.line');
const ring = document.querySelector('#plot-layout-floor .at-s.ring');
const strip = document.querySelector('#figure-optics-ring .reading');
const axis = document.getElementById('plot-engines-along-s')._fullLayout.xaxis;
return [line && !line.hidden, ring && !ring.hidden, strip.textContent,
        line ? axis.p2l(parseFloat(line.style.left) - axis._offset) : null];
"""


def test_a_place_along_the_ring_is_shown_in_every_figure(chromium: str, page: Path) -> None:
    """The pointer at the middle of the optics: the same s in the other figure over s and in the floor plan."""
    with opened(chromium, page) as browser:
        plot = browser.find_element("id", "plot-optics-ring")
        ActionChains(browser).move_to_element(plot).move_by_offset(3, 0).perform()
        WebDriverWait(browser, 10).until(lambda page: all(page.execute_script(LINKED)[:2]))
        _, _, told, s = browser.execute_script(LINKED)
        assert abs(float(told.split("s ")[1].split(" m")[0]) - s) < 0.2  # the strip names the nearest of 600 points
        assert all(name in told for name in ("betx ", "bety ", "dx ")), told
        assert complaints(browser) == []


def test_csv_downloads_under_the_policy(chromium: str, page: Path, tmp_path: Path) -> None:
    with opened(chromium, page) as browser:
        allowed = {"behavior": "allow", "downloadPath": str(tmp_path), "eventsEnabled": True}
        browser.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
        browser.execute_script("document.querySelector('#figure-optics-ring a.csv').click()")
        target = tmp_path / "optics-ring.csv"
        WebDriverWait(browser, 20).until(lambda _: target.is_file() and target.stat().st_size > 0)
        assert target.read_text().startswith("s,betx,bety,dx\n")
        assert complaints(browser) == []


def test_hostile_names_stay_text(chromium: str, hostile_page: Path) -> None:
    with opened(chromium, hostile_page) as browser:
        assert complaints(browser) == []
        assert browser.execute_script("return document.images.length") == 0
        assert (
            browser.execute_script("return [...document.scripts].filter(s => !s.type).length") == 2
        )  # plotly's is put in
        foreign = "return document.querySelectorAll('main b, main i, svg a, svg foreignObject').length"
        assert browser.execute_script(foreign) == 0
        title = browser.execute_script("return document.querySelector('h1').textContent")
        assert all(name in title for name in HOSTILE)
        labels = browser.execute_script(
            "return [...document.querySelectorAll('#plot-tunes-hostile .annotation-text')].map(t => t.textContent)"
        )
        assert set(HOSTILE) <= set(labels), "each label is the name to the letter"
        assert all(name in hover_over_septum(browser, "optics-hostile") for name in HOSTILE)


def test_reads_on_a_phone(chromium: str, page: Path) -> None:
    with opened(chromium, page, width=390, height=844) as browser:
        width, window = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert width <= window, "the page itself does not scroll sideways"
        assert browser.execute_script(MEETING, LABELS) == []
        assert complaints(browser) == []


def test_still_drawings_without_scripts(chromium: str, page: Path) -> None:
    with opened(chromium, page, scripts=False) as browser:
        shown = browser.find_elements("css selector", "figure .drawing svg")
        assert len(shown) == FIGURES
        assert all(drawing.is_displayed() and drawing.size["height"] > 100 for drawing in shown)
        assert not [plot for plot in browser.find_elements("css selector", "figure .plot") if plot.is_displayed()]


def test_prints_drawings_on_a4(chromium: str, page: Path) -> None:
    with opened(chromium, page) as browser:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        shown = "return [...document.querySelectorAll('{}')].filter(e => e.getClientRects().length).length"
        assert browser.execute_script(shown.format("figure .drawing > svg")) == FIGURES
        assert browser.execute_script(shown.format("figure .plot")) == 0
        assert browser.execute_script(MEETING, LETTERS) == []


@pytest.mark.parametrize("columns", [10, 14, 27])
def test_a_table_of_many_columns_is_printed_whole(chromium: str, tmp_path: Path, columns: int) -> None:
    """A4 without its margins of 14 mm is 688 px of 1/96 inch wide: nothing of a table stands beyond it."""
    frame = pd.DataFrame([[-1.23456e-05] * columns], columns=[f"k_h2_{k:03}a_que [T/m]" for k in range(columns)])
    table = TableData("delivery-settings", "Settings", "", frame)
    path = tmp_path / "wide.html"
    path.write_text(render(replace(fake_result(), figures=(), tables=(table,))), encoding="utf-8")
    with opened(chromium, path, width=688, drawn=False) as browser:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        ends = "return [...document.querySelectorAll('#table-delivery-settings th, #table-delivery-settings td')]"
        assert browser.execute_script(f"{ends}.every(e => e.getBoundingClientRect().right <= 689)")
        assert browser.execute_script(f"{ends}.every(e => e.scrollWidth <= e.clientWidth + 1)")


def test_rows_of_a_long_table_are_there_without_scripts(chromium: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"place": [f"<b>{k}</b>" for k in range(30)], "value [m]": range(30)})
    path = tmp_path / "long.html"
    table = TableData("spots", "Spots", "", frame)
    path.write_text(render(replace(fake_result(), figures=(), tables=(table,))), encoding="utf-8")
    with opened(chromium, path, scripts=False, drawn=False) as browser:
        rows = browser.find_elements("css selector", "#table-spots details tbody tr")
        assert len(rows) == 30
        assert rows[7].get_attribute("textContent") == "<b>7</b>7"


@pytest.mark.parametrize("name", ["air-core quadrupole for fast tune corrections (kacq)", "k_h2_012a_que_of_one_word"])
def test_names_beside_bars_are_whole_on_paper_and_on_a_phone(chromium: str, tmp_path: Path, name: str) -> None:
    data = [{"type": "bar", "orientation": "h", "x": [1.0, 0.5], "y": [name, "kf"], "marker": {"color": "#1A1A1A"}}]
    layout = {"yaxis": name_axis(), "xaxis": {"title": {"text": "field [1]"}}, "margin": {"l": 64}, "height": 220}
    figure = FigureData("bars", "Bars", "Bars.", {"data": data, "layout": layout}, pd.DataFrame({"field": [1.0, 0.5]}))
    path = tmp_path / "bars.html"
    path.write_text(render(replace(fake_result(), figures=(figure,))), encoding="utf-8")
    begins = """const box = document.querySelector(arguments[0]).getBoundingClientRect();
    return [...document.querySelectorAll(arguments[1])].map(e => e.getBoundingClientRect().left - box.left)"""
    with opened(chromium, path, width=390) as browser:
        assert min(browser.execute_script(begins, ".plot .main-svg", ".plot .ytick text")) >= 0
    with opened(chromium, path, scripts=False) as browser:
        assert min(browser.execute_script(begins, ".drawing svg", ".drawing text")) >= 0


def test_a_foreign_script_would_be_stopped_and_noticed(chromium: str, page: Path, tmp_path: Path) -> None:
    """That the other tests find no complaint means something: here is one."""
    tampered = tmp_path / "tampered.html"
    text = page.read_text(encoding="utf-8")
    tampered.write_text(text.replace("</main>", "<script>alert(3)</script></main>"), encoding="utf-8")
    with opened(chromium, tampered) as browser:
        found = complaints(browser)
        assert any(text.startswith("policy: script-src") for text in found)
        assert not any(text.startswith("alert") for text in found)


SHOWN_IN = """
const plot = document.getElementById('plot-optics-scan');
const region = document.getElementById('plot-scan-region');
const slider = document.getElementById('slider-optics-scan');
return [Number(slider.value), plot.layout.title.text, plot.data.filter(t => t.visible !== false
        && t.name === 'betx').length, region.data[region.data.length - 1].x[0]];
"""


def test_a_click_on_the_region_shows_the_optics_of_the_nearest_case(chromium: str, tmp_path: Path) -> None:
    """The ring's own page: a click beside the fourth case that can be picked, then the slider back to the design."""
    folder = tmp_path / "scan"
    assert (
        run(
            [
                "scan",
                "cnao-optics",
                "--over",
                "kf=0.288:0.294:5",
                "--over",
                "kd=0.49:0.50:5",
                "--out",
                str(folder),
                "-q",
            ]
        )
        == 0
    )
    region = next(figure.plotly for figure in read_run(folder).figures if figure.id == "scan-region")
    picks = region["layout"]["meta"]["picks"]
    near = {"x": picks["x"][4] + 1e-5, "y": picks["y"][4] - 1e-5}
    with opened(chromium, folder / "report.html") as browser:
        assert browser.execute_script(SHOWN_IN)[:2] == [0, "design: kf = 0.291213, kd = 0.495458"]
        click = "document.getElementById('plot-scan-region').emit('plotly_click', {points: [arguments[0]]})"
        browser.execute_script(click, near)
        WebDriverWait(browser, 10).until(lambda page: page.execute_script(SHOWN_IN)[0] == 4)
        active, title, betas, ring = browser.execute_script(SHOWN_IN)
        assert (active, betas) == (4, 1)
        assert title == f"4: kf = {picks['x'][4]:.6g}, kd = {picks['y'][4]:.6g}"
        assert ring == picks["x"][4]
        slider = browser.find_element("id", "slider-optics-scan")
        slider.send_keys(Keys.HOME)  # a keyboard moves it, and the ring in the region with it
        WebDriverWait(browser, 10).until(lambda page: page.execute_script(SHOWN_IN)[0] == 0)
        slider.send_keys(Keys.ARROW_RIGHT)
        WebDriverWait(browser, 10).until(lambda page: page.execute_script(SHOWN_IN)[3] == picks["x"][1])
        verdicts_follow(browser, region["layout"]["meta"]["what_if"])
        assert complaints(browser) == []


HERE = """
const box = document.querySelector('#figure-scan-region .what-if');
return [[...box.querySelectorAll('tbody tr')].map(row => row.lastChild.textContent.trim().replace('\u2212', '-')),
        box.querySelector('[role=status]').textContent];
"""


def _told_here(wanted: list[str], browser: webdriver.Chrome) -> bool:
    return [text.split()[-1] for text in browser.execute_script(HERE)[0]] == wanted


def verdicts_follow(browser: webdriver.Chrome, given: dict[str, Any]) -> None:
    """Values and verdicts beside the sliders are those of the case that they stand at, and count what passes."""
    words = {"p": "PASS", "f": "FAIL", "n": "no answer"}
    steps = len(given["axes"][1]["values"])
    sliders = [browser.find_element("id", f"what-if-scan-region-{place}") for place in (0, 1)]
    at = [axis["at"] for axis in given["axes"]]
    counts = set()
    for moved, key, to in ((0, Keys.HOME, 0), (1, Keys.HOME, 0), (1, Keys.ARROW_RIGHT, 1)):
        sliders[moved].send_keys(key)
        at[moved] = to
        case = at[0] * steps + at[1]
        letters = [row["verdicts"][case] for row in given["rows"]]
        wanted = [words[letter].split()[-1] for letter in letters]
        WebDriverWait(browser, 10).until(partial(_told_here, wanted))
        told, status = browser.execute_script(HERE)
        values = [float(text.split()[0]) for text in told]
        assert values == pytest.approx([row["values"][case] for row in given["rows"]], rel=6e-3)  # three digits
        assert status.startswith(f"{letters.count('p')} of {len(letters)} pass.")
        counts.add(letters.count("p"))
    assert len(counts) > 1, "a verdict turned on the way"


FILM = """
const line = document.querySelector('#plot-rate .at-s.line');
const axis = document.getElementById('plot-rate')._fullLayout.xaxis;
const [button] = document.querySelectorAll('#figure-film .slider button');
return [button.textContent, document.querySelector('#figure-film output').textContent,
        axis.p2l(parseFloat(line.style.left) - axis._offset)];
"""


def test_a_film_plays_and_figures_over_time_show_its_moment(chromium: str, tmp_path: Path) -> None:
    """Three moments of a spill of 1 s: the button plays from where it stands to the end and then from the beginning."""
    stills = [Still(f"{time:g} s", np.array([-1.0]), np.array([0.1]), time=time) for time in (0.2, 0.5, 0.8)]
    film = steinbach_film((np.array([-1.0, 0.0]), np.array([0.2, 0.0])), stills, 1)
    rate = spill_drawing(RatePanel(np.arange(0, 1000, 5), 1e-3, 1000), None)
    table = pd.DataFrame({"time [s]": [0.0]})
    figures = tuple(FigureData(id, id.title(), "", drawing, table) for id, drawing in (("film", film), ("rate", rate)))
    page = tmp_path / "film.html"
    page.write_text(render(replace(fake_result(), figures=figures)), encoding="utf-8")
    with opened(chromium, page) as browser:
        told, moment, at = browser.execute_script(FILM)
        assert (told, moment, at) == ("Play", "0.5 s", pytest.approx(0.5, abs=0.003))  # a pixel is 1 s / 700
        button = browser.find_element("css selector", "#figure-film .slider button")
        browser.execute_script("arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})", button)
        button.click()
        WebDriverWait(browser, 20).until(lambda page: page.execute_script(FILM)[1] == "0.8 s")
        WebDriverWait(browser, 20).until(lambda page: page.execute_script(FILM)[0] == "Play")
        assert browser.execute_script(FILM)[2] == pytest.approx(0.8, abs=0.003)
        button.click()
        WebDriverWait(browser, 20).until(lambda page: page.execute_script(FILM)[:2] == ["Pause", "0.2 s"])
        button.click()
        assert browser.execute_script(FILM)[:2] == ["Play", "0.2 s"]
        assert complaints(browser) == []
