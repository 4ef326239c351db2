"""The dossier's page and data: complete, counted once, linked, inert, the same every time."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from machines.requirements import PASS
from studies.cli import run
from studies.dossier.assembly import Dossier, dossier_of
from studies.dossier.control import Control, control_of
from studies.dossier.entries import case_of, read_entries, slugs
from studies.dossier.judged import not_passed, smallest_margins, what_decides
from studies.dossier.page import render
from studies.dossier.parameters import KEYS
from studies.dossier.statements import assumptions, open_points
from studies.results import StudyResult, TableData
from studies.runs.store import read_run
from studies.vocabulary import quantity_named
from tests.browser import complaints, opened
from tests.dossier_runs import CARBON, PROTON, linac, line, made_runs, ring, saved
from tests.report_fakes import HOSTILE, hostile_result
from tests.studies.test_report import Page, allowed, of_hash, unpacked

CONTROL = {
    "title": "Design review",
    "version": "0.3",
    "date": "2026-11-30",
    "prepared": "A. Designer",
    "checked": ["B. Checker", {"name": "C. Second", "role": "medical physics"}],
    "history": [{"version": "0.1", "change": "first draft"}],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return made_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def dossier(runs: tuple[Path, Path, Path]) -> Dossier:
    return dossier_of(read_entries(runs), control_of(CONTROL, "dossier.toml"))


@pytest.fixture(scope="module")
def html(dossier: Dossier) -> str:
    return render(dossier, "2026-11-30")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture(scope="module")
def written(runs: tuple[Path, Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the dossier, as the command writes it without a control page."""
    folder = tmp_path_factory.mktemp("out") / "dossier"
    assert run(["dossier", *map(str, runs), "--out", str(folder), "-q"]) == 0
    return folder


def data_of(folder: Path) -> dict:
    return json.loads((folder / "dossier.json").read_text())


def test_verdicts_are_counted_by_kind_over_all_runs(written: Path) -> None:
    """By hand: two rings of one published limit (met), two assumed (16.75 met, 17.2 failed, two not judged) and one
    check each; a linac with a published limit (failed) and an assumed one (met)."""
    found = data_of(written)
    assert found["counts"] == {
        "published": {"PASS": 2, "FAIL": 1, "NOT EVALUATED": 0},
        "assumed": {"PASS": 2, "FAIL": 1, "NOT EVALUATED": 2},
        "program": {"PASS": 2, "FAIL": 0, "NOT EVALUATED": 0},
    }
    machine = "machine: 4 passed, 2 failed, 2 not evaluated (3 against published limits, 5 assumed)"
    assert found["counted"] == f"{machine}; checks of the program: 2 of 2"


def test_the_matrix_has_the_worst_row_and_column_first(dossier: Dossier) -> None:
    """LIN-02 fails by 0.45 of 0.95, OPT-05 by 0.2 of 17; OPT-11 is open; then 0.004 of half of 0.01 above
    what LIN-04 leaves, 0.2 of ten times its error 0.05."""
    assert [row.id for row in dossier.machine.rows] == ["LIN-02", "OPT-05", "OPT-11", "LIN-04", "OPT-01"]
    assert [case.told for case in dossier.machine.cases] == [
        "linac proton from 5 MeV to 230.7 MeV",
        "ring carbon-12 400 MeV/u",
        "ring proton 60 MeV",
    ]
    words = {row.id: [[one.verdict.verdict for one in cell] for cell in row.cells] for row in dossier.machine.rows}
    assert words["OPT-05"] == [[], ["FAIL"], ["PASS"]]
    assert words["LIN-02"] == [["FAIL"], [], []]
    assert words["OPT-11"] == [[], ["NOT EVALUATED"], ["NOT EVALUATED"]]
    assert [row.id for row in dossier.program.rows] == ["OPT-17"]
    assert dossier.machine.rows[1].limit == "≤ 17 m"


def test_each_kind_of_study_has_the_columns_that_it_is_asked_of(dossier: Dossier) -> None:
    """A ring of two cases and a linac of one: over all three columns half of the cells were empty."""
    matrix = dossier.machine
    assert [(group.title, [row.id for row in group.rows]) for group in matrix.groups] == [
        ("Linac", ["LIN-02", "LIN-04"]),
        ("Optics", ["OPT-05", "OPT-11", "OPT-01"]),
    ]
    assert [[case.told for case in group.cases] for group in matrix.groups] == [
        ["linac proton from 5 MeV to 230.7 MeV"],
        ["ring carbon-12 400 MeV/u", "ring proton 60 MeV"],
    ]
    assert all(row.cells[place] for group in matrix.groups for row in group.rows for place, _ in enumerate(group.cases))
    assert matrix.machines == ("linac", "ring")
    linacs, rings = matrix.groups
    assert linacs.told("linac") == (("fail", "1 failed"), ("pass", "1 passed"))
    assert (linacs.told("ring"), rings.told("linac")) == ((), ())
    assert rings.told() == (("fail", "1 failed"), ("not-evaluated", "2 not evaluated"), ("pass", "3 passed"))
    assert not any(group.passed for group in matrix.groups)
    assert [group.passed for group in dossier.program.groups] == [True]


def test_parameters_stand_over_the_cases_that_give_them(dossier: Dossier) -> None:
    given = dossier.parameters
    assert {subject: given.columns(rows) for subject, rows in given.groups} == {"Ring": (0, 1), "Linac": (2,)}


def test_one_id_for_two_quantities_is_two_rows(tmp_path: Path) -> None:
    failed = linac().verdicts[0]
    other = replace(linac(), verdicts=(replace(failed, requirement=replace(failed.requirement, id="OPT-05")),))
    folders = [saved(ring("a", PROTON, 16.0), tmp_path / "a"), saved(other, tmp_path / "b")]
    rows = dossier_of(read_entries(folders), Control()).machine.rows
    assert [(row.id, row.quantity) for row in rows if row.id == "OPT-05"] == [
        ("OPT-05", "transmission"),
        ("OPT-05", "max_betx"),
    ]
    assert len({row.anchor for row in rows}) == len(rows)


def test_what_did_not_pass_has_cause_and_remedy(dossier: Dossier, page: Page) -> None:
    """A run says no remedy where its version knew none: then the vocabulary does."""
    left = not_passed(dossier.judged)
    assert [one.verdict.requirement.id for one in left] == ["LIN-02", "OPT-05", "OPT-11", "OPT-11"]
    assert left[0].wanting.cause == "outside the limit"
    assert all(one.wanting.remedy for one in left[:2])
    assert (left[2].wanting.cause, left[2].wanting.remedy) == ("no aperture is given", "")
    assert "no aperture is given" in page.text


def test_the_smallest_margins_are_of_requirements_that_are_met(dossier: Dossier) -> None:
    """In sizes: OPT-05 0.25 in ten errors of 0.05 is 0.5; LIN-04 0.2 of 0.5 is 0.4; OPT-01 0.004 of 0.005 is 0.8."""
    smallest = smallest_margins(dossier.judged)
    assert [one.verdict.verdict for one in smallest] == [PASS] * 3
    assert [one.verdict.requirement.id for one in smallest] == ["OPT-05", "LIN-04", "OPT-01"]


def test_a_requirement_that_two_machines_meet_narrowly_is_told_once(tmp_path: Path) -> None:
    folders = [saved(ring(name, PROTON, beta), tmp_path / name) for name, beta in (("a", 16.8), ("b", 16.9))]
    smallest = smallest_margins(dossier_of(read_entries(folders), Control()).judged)
    assert [(one.verdict.requirement.id, one.entry.label) for one in smallest] == [("OPT-05", "b"), ("OPT-01", "a")]


def test_assumptions_that_decide_are_those_that_turn_a_verdict_soonest(dossier: Dossier, page: Page) -> None:
    """Each once, over all runs: LIN-02 is not met as it is, LIN-04 up to 1.25 times one uncertainty."""
    found = what_decides(dossier.judged)
    assert [(entry.label, one.assumption, one.told) for entry, one in found] == [
        ("made-linac", "beam.emittance_x_um", "does not pass"),
        ("made-linac", "beam.sigma_energy_keV", "passes up to 1.2 times it"),
    ]
    assert "passes up to 1.2 times it" in page.text


def test_sentences_stand_once_with_the_runs_that_say_them(dossier: Dossier, page: Page) -> None:
    said = {one.text: [entry.label for entry in one.entries] for one in assumptions(dossier.entries)}
    assert said["No fringe fields."] == ["made-proton", "made-carbon"]
    assert said["The beam is one of carbon-12."] == ["made-carbon"]
    assert page.text.count("No fringe fields.") == 1
    assert page.text.count("A paper on rings.") == 1


def test_open_points_count_what_verdicts_rest_on(dossier: Dossier) -> None:
    points = open_points(dossier.entries, dossier.judged)
    assert points[0].startswith("5 of 8 verdicts on machines are against limits that were assumed")
    assert points[-1].endswith("different versions of the toolkit: 0.1.0, 0.2.0.")


def test_a_run_that_compares_others_is_shown_and_not_counted(tmp_path: Path) -> None:
    first = ring("a", PROTON, 16.0)
    both = replace(ring("a-and-b", PROTON, 16.5), provenance={"A": {}, "B": {}})
    found = dossier_of(read_entries([saved(first, tmp_path / "a"), saved(both, tmp_path / "b")]), Control())
    assert len(found.judged) == len(first.verdicts)
    assert len(found.studies[1].judged) == len(both.verdicts)
    assert all(one.entry.label == "a" for one in found.judged)


def test_parameters_are_those_of_the_runs_in_units_that_people_read(dossier: Dossier) -> None:
    rows = {row.name: row for _, group in dossier.parameters.groups for row in group}
    given = {name: [[one.value for one in cell] for cell in row.values] for name, row in rows.items()}
    assert given["max_betx"] == [["16.75 ± 0.05"], ["17.20 ± 0.05"], []]
    assert (given["final_energy"], rows["final_energy"].unit) == ([[], [], ["230.7"]], "MeV")
    assert (given["clearance_es"], rows["clearance_es"].unit) == ([["2.400"], ["2.400"], []], "mm")


def test_runs_of_one_case_that_differ_stand_side_by_side(tmp_path: Path) -> None:
    results = ring("a", PROTON, 16.0), ring("b", PROTON, 16.5, tune=1.664), ring("c", PROTON, 16.5)
    folders = [saved(result, tmp_path / result.name) for result in results]
    found = dossier_of(read_entries(folders), Control())
    tune = next(row for _, group in found.parameters.groups for row in group if row.name == "qx")
    assert [[(one.value, one.label) for one in cell] for cell in tune.values] == [[("1.666", "a"), ("1.664", "b")]]
    assert [len(cell) for cell in found.machine.rows[0].cells] == [3]


def test_one_number_with_and_without_its_error_stands_once(tmp_path: Path) -> None:
    """Two runs find one tune to four digits, one of them with the error of its model: that is told."""
    first, second = ring("a", PROTON, 16.0), ring("b", PROTON, 16.5)
    told = [replace(one, model=0.002) if one.name == "qx" else one for one in second.quantities]
    results = first, replace(second, quantities=tuple(told))
    found = dossier_of(read_entries([saved(result, tmp_path / result.name) for result in results]), Control())
    tune = next(row for _, group in found.parameters.groups for row in group if row.name == "qx")
    assert [[(one.value, one.label) for one in cell] for cell in tune.values] == [[("1.666 ± 0.002", "b")]]


def test_a_title_of_many_machines_counts_them(tmp_path: Path) -> None:
    names = ["a", "b", "c", "b, d", "e", "f", "g"]
    results = [replace(ring(f"study-{k}", PROTON, 16.0), machine=name) for k, name in enumerate(names)]
    entries = read_entries([saved(result, tmp_path / result.name) for result in results])
    assert dossier_of(entries, Control()).title == "Dossier of 7 machines"
    assert dossier_of(entries[:5], Control()).title == "Dossier: a, b, c, d, e"


def test_every_key_of_the_parameter_list_is_a_quantity() -> None:
    keys = [key for group in KEYS.values() for key in group]
    assert len(keys) == len(set(keys))
    for key in keys:
        assert quantity_named(key).full == key


def test_figures_that_runs_share_stand_once(dossier: Dossier, page: Page, html: str) -> None:
    """The floor plan is one for both particles; the optics are not, and lead to the tunes of their own run."""
    carbon = dossier.studies[1].run
    assert [figure.id for figure in carbon.own.figures] == ["optics-ring--made-carbon"]
    assert [one.id for one in carbon.shared] == ["layout-floor--made-proton", "tunes-diagram--made-proton"]
    optics = next(figure for figure in carbon.result.figures if figure.id.startswith("optics"))
    assert optics.plotly["layout"]["meta"]["picks"]["figure"] == "tunes-diagram--made-proton"
    assert page.values("id").count("figure-layout-floor--made-proton") == 1
    assert "figure-layout-floor--made-carbon" not in page.values("id")
    assert dossier.numbers.figures["tunes-diagram--made-proton"] == 3
    assert dossier.numbers.figures["optics-ring--made-carbon"] == 4
    shared = re.search(r'<figure id="figure-tunes-diagram--made-proton".*?</figure>', html, re.DOTALL)
    assert shared is not None
    assert shared[0].count("OPT-01") == 2, "both runs are judged by the figure that they share"


def test_csv_has_seven_digits_of_every_number(dossier: Dossier, html: str) -> None:
    addresses = re.findall(r'download="([^"]+)\.csv\.gz" href="data:application/gzip;base64,([^"]+)"', html)
    given = {id: unpacked(address) for id, address in addresses}
    figures = {one.id: one for study in dossier.studies for one in study.run.own.figures}
    assert figures.keys() <= given.keys()
    for id, figure in figures.items():
        read = pd.read_csv(StringIO(given[id]))
        numbers = figure.table.select_dtypes("number")
        assert len(numbers.columns)
        for name in numbers:
            assert read[name].to_numpy(float) == pytest.approx(numbers[name].to_numpy(float), rel=5e-7, nan_ok=True)
    long = [
        len(found.replace(".", "").strip("0")) for text in given.values() for found in re.findall(r"\d+\.\d+", text)
    ]
    assert max(long) <= 7


def test_every_link_leads_somewhere_and_ids_are_unique(page: Page) -> None:
    ids, links = page.values("id"), [href for href in page.values("href") if href.startswith("#")]
    assert [id for id, number in Counter(ids).items() if number > 1] == []
    assert {href[1:] for href in links} <= set(ids)
    labels = [attrs["aria-labelledby"] for _, attrs in page.elements if attrs.get("aria-labelledby")]
    assert {label for label in labels if label} <= set(ids)


def test_every_part_that_scrolls_says_which_it_is(page: Page) -> None:
    """By a name that no other has: a reader who listens goes from one to the next."""
    names = [
        attrs.get("aria-label") or attrs.get("aria-labelledby") or ""
        for _, attrs in page.elements
        if attrs.get("role") == "region"
    ]
    assert all(names)
    assert [name for name, number in Counter(names).items() if number > 1] == []


def test_every_verdict_can_be_traced(dossier: Dossier, html: str) -> None:
    """A row a verdict: requirement, source of its limit, study, figure, engine."""
    table = re.search(r'<table class="traced".*?</table>', html, re.DOTALL)
    assert table is not None
    rows = re.findall(r'<tr role="row"><td.*?</tr>', table[0], re.DOTALL)
    assert len(rows) == len(dossier.judged)
    shown = [row for row in rows if "#figure-" in row]
    assert len(shown) == 4, "OPT-01 and OPT-05 of both rings; no figure shows what the others name"
    beta = Page(next(row for row in rows if "OPT-05" in row and "made-carbon" in row)).text
    for told in ("Text of OPT-05", "ring", "carbon-12 400 MeV/u", "≤ 17 m", "source of OPT-05", "4", "own maps"):
        assert told in beta


def test_the_index_names_what_can_be_looked_for(dossier: Dossier) -> None:
    places = [place for _, group in dossier.index for place in group]
    texts = [place.text for place in places]
    for text in ("OPT-05 Text of OPT-05", "Horizontal tune", "Title of optics-ring", "made-linac"):
        assert text in texts
    letters = [letter for letter, _ in dossier.index]
    assert letters == sorted(set(letters))


def test_control_page_and_date(
    page: Page, runs: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for told in ("Design review", "0.3", "2026-11-30", "A. Designer", "C. Second", "medical physics", "first draft"):
        assert told in page.text
    out = ["dossier", str(runs[2]), "--out", str(tmp_path / "out"), "-q", "--force"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")  # 2023-11-14T22:13:20Z
    assert run(out) == 0
    assert data_of(tmp_path / "out")["date"] == "2023-11-14"
    (tmp_path / "dossier.toml").write_text("date = 2024-02-29\n")
    assert run([*out, "--control", str(tmp_path / "dossier.toml")]) == 0
    assert data_of(tmp_path / "out")["date"] == "2024-02-29"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert run(out) == 0
    assert data_of(tmp_path / "out")["date"] is None
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", Page((tmp_path / "out" / "dossier.html").read_text()).text)


def test_the_same_bytes_twice(runs: tuple[Path, Path, Path], written: Path, tmp_path: Path) -> None:
    assert run(["dossier", *map(str, runs), "--out", str(tmp_path / "again"), "-q"]) == 0
    for name in ("dossier.html", "dossier.json"):
        assert (tmp_path / "again" / name).read_bytes() == (written / name).read_bytes()
    assert sorted(path.name for path in written.iterdir()) == ["dossier.html", "dossier.json"]
    assert str(runs[0].parent) not in (written / "dossier.html").read_text()


def test_policy_names_its_scripts_and_nothing_is_fetched(page: Page) -> None:
    running = [text for attributes, text in page.scripts if "type" not in attributes]
    assert len(running) == 2
    assert allowed(page)[:2] == [of_hash(text) for text in running]
    assert len(allowed(page)) == 3, "and plotly"
    for tag, attributes in page.elements:
        assert tag not in ("img", "iframe", "object", "embed", "link", "base", "form", "foreignobject")
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "xlink:href")]
        assert (attributes.get("href") or "#").startswith(("#", "data:application/gzip;"))


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Of runs and of the control file."""
    bad = " ".join(HOSTILE)
    result = replace(hostile_result(), figures=(line("optics-a", [1.0, 2.0]),))
    control = control_of({"title": bad, "prepared": bad, "history": [{"version": bad, "change": bad}]}, "dossier.toml")
    entries = read_entries([saved(result, tmp_path / "a"), saved(ring("b", bad, 16.0), tmp_path / "b")])
    page = Page(render(dossier_of(entries, control), ""))
    for name in HOSTILE:
        assert name in page.text
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 3 + 4, "two that run, plotly, data of figures"
    assert [tag for tag, _ in page.elements if tag == "img"] == []
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert [id for id in ids if re.search(r"\s", id)] == []


def test_the_case_of_a_run(tmp_path: Path) -> None:
    def case(particle: str) -> tuple[str, str]:
        found = case_of(replace(linac(), particle=particle, study={"study": "optics"}))
        return found.particle, found.energy

    assert case(PROTON) == ("proton", "60 MeV")
    assert case(CARBON) == ("carbon-12", "400 MeV/u")
    assert case("proton, 34 layers from 118.5 to 172.4 MeV") == ("proton", "118.5 to 172.4 MeV")
    two = "proton, 162 energies 62.584 to 227.54 MeV; carbon-12, 121 energies 115 to 399 MeV/u"
    assert case(two) == ("proton 62.58 to 227.5 MeV; carbon-12 115 to 399 MeV/u", "")
    assert case("") == ("", "")
    assert case_of(linac()).energy == "from 5 MeV to 230.7 MeV"
    energies = {"lower_MeV": 70.0, "upper_MeV": 230.0, "number": 161}
    switched = replace(linac(), study={"study": "linac-energy-switching", "energies": energies}, quantities=())
    assert case_of(switched).energy == "70 to 230 MeV"
    assert case_of(replace(switched, study={"study": "linac-optics"})).energy == "from 5 MeV"


def test_slugs_are_words_and_differ() -> None:
    assert slugs(["cnao-optics", "CNAO optics", "cnao-optics", "17", "§"]) == [
        "cnao-optics",
        "cnao-optics-n2",
        "cnao-optics-n3",
        "x-17",
        "x",
    ]


def test_runs_of_one_study_are_called_by_their_folders_too(tmp_path: Path) -> None:
    results: list[tuple[StudyResult, str]] = [(ring("a", PROTON, 16.0), "a"), (ring("a", PROTON, 16.5), "other tune")]
    entries = read_entries([saved(result, tmp_path / folder) for result, folder in results])
    assert [entry.label for entry in entries] == ["a", "a (other tune)"]
    assert [entry.slug for entry in entries] == ["a", "a-other-tune"]


@pytest.mark.browser
def test_search_and_figures_in_a_browser(chromium: str, written: Path) -> None:
    """Nothing is complained of, every figure is drawn, and the search leads to what it finds."""
    with opened(chromium, written / "dossier.html") as browser:
        assert complaints(browser) == []
        assert found(browser, "text of opt-05 17.2") == ["made-carbon-requirement-opt-05"]
        assert found(browser, "nothing of this kind") == []


@pytest.mark.browser
def test_rows_of_a_long_table_are_unpacked_when_it_is_opened(chromium: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"place": [f"<b>{k}</b>" for k in range(30)], "value [m]": range(30)})
    run = replace(ring("a", PROTON, 16.0), figures=(), tables=(TableData("spots", "Spots", "", frame),))
    text = render(dossier_of(read_entries([saved(run, tmp_path / "a")]), Control()), "")
    (tmp_path / "dossier.html").write_text(text, encoding="utf-8")
    rows = "return [...document.querySelectorAll('details.long tbody tr')].map(e => e.textContent)"
    with opened(chromium, tmp_path / "dossier.html", drawn=False) as browser:
        assert browser.execute_script(rows) == []
        browser.execute_script("document.querySelector('details.long summary').click()")
        WebDriverWait(browser, 10).until(lambda page: len(page.execute_script(rows)) == 30)
        assert browser.execute_script(rows)[7] == "<b>7</b>7"
        assert complaints(browser) == []


def found(browser: webdriver.Chrome, words: str) -> list[str]:
    """Ids of the places that the search finds in studies."""
    script = (
        "const box = document.getElementById('search'); box.value = arguments[0]; "
        "box.dispatchEvent(new Event('input')); const all = [...document.querySelectorAll('#found a')]; "
        "return all.map(link => link.hash.slice(1))"
    )
    places: list[str] = browser.execute_script(script, words)
    return [place for place in places if "requirement" in place]


def test_older_runs_are_read(runs: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Schema 1 told one error and no kind; it is judged as it was."""
    folder = saved(ring("old", PROTON, 16.0), tmp_path / "old")
    results = json.loads((folder / "results.json").read_text())
    results["schema"] = 1
    for verdict in results["verdicts"]:
        del verdict["kind"]
    details = json.loads((folder / "report.json").read_text())
    for verdict in details["verdicts"]:
        verdict["assumed"] = True
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "report.json").write_text(json.dumps(details))
    assert run(["dossier", str(folder), str(runs[2]), "--out", str(tmp_path / "out"), "-q"]) == 0
    assert data_of(tmp_path / "out")["counts"]["assumed"]["PASS"] == 3
    assert read_run(folder).verdicts[0].verdict == PASS
