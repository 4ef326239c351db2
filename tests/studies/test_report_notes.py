"""A reviewer's notes: kept in the browser under the run, out and in as a file, printed; one for each requirement."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from machines.requirements import PUBLISHED, Requirement, judge
from studies.report import render
from studies.report.verdicts import verdict_rows
from studies.results import StudyResult
from tests.browser import complaints, opened
from tests.report_fakes import fake_result


def reviewed() -> StudyResult:
    """Two requirements of one id on one quantity, and one of another; no figures."""
    limits = (("R-1", "max_betx", 17.0), ("R-1", "max_betx", 16.0), ("R-2", "max_bety", 17.0))
    verdicts = tuple(
        judge(Requirement(id, f"{id} below {upper}", name, "m", "table 4", "fake", None, upper, PUBLISHED), 15.0, 1e-6)
        for id, name, upper in limits
    )
    return replace(fake_result(), verdicts=verdicts, figures=(), tables=())


def test_requirements_of_one_id_have_notes_of_their_own_in_any_order() -> None:
    """The number among those of one id and quantity is that of the study, not of the table."""
    result = reviewed()
    rows = verdict_rows(result.verdicts, (), ())
    told = {row.verdict.requirement.text: json.loads(row.note) for row in rows}
    assert told == {
        "R-1 below 17.0": ["R-1", "max_betx", 1],
        "R-1 below 16.0": ["R-1", "max_betx", 2],
        "R-2 below 17.0": ["R-2", "max_bety", 1],
    }


def test_notes_belong_to_a_run() -> None:
    """The same study with the same verdicts keeps its notes; another value, and they are of another run."""

    def run(result: StudyResult) -> str:
        return render(result).split('data-run="')[1].split('"')[0]

    bare = replace(reviewed(), lattice=fake_result().lattice)
    other = judge(bare.verdicts[0].requirement, 15.1, 1e-6)
    assert run(bare) == run(replace(bare, title="Another title"))
    assert run(bare) != run(replace(bare, verdicts=(other, *bare.verdicts[1:])))


NOTE = """
const row = [...document.querySelectorAll('[data-note]')].find(n => JSON.parse(n.dataset.note).join() === arguments[0]);
return [row.querySelector('summary'), row.querySelector('.noted'), row.querySelector('summary').innerText];
"""
TOLD = "return document.querySelector('.notes output').textContent"


def write(browser: webdriver.Chrome, key: str, first_letter: str, remark: str) -> None:
    """By keyboard alone: open the note, choose the verdict by its letter, go on to the remark."""
    summary = browser.execute_script(NOTE, key)[0]
    browser.execute_script("arguments[0].focus()", summary)
    keys = ActionChains(browser).send_keys(Keys.ENTER, Keys.TAB, first_letter, Keys.TAB, remark)
    keys.perform()


def noted(browser: webdriver.Chrome, key: str) -> str:
    return str(browser.execute_script("return arguments[0].textContent", browser.execute_script(NOTE, key)[1]))


def exported(browser: webdriver.Chrome, folder: Path) -> dict[str, Any]:
    """The file that the button gives."""
    allowed = {"behavior": "allow", "downloadPath": str(folder), "eventsEnabled": True}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
    target = folder / "fake-optics-notes.json"
    browser.find_element("xpath", "//button[text()='Export']").send_keys(Keys.ENTER)
    WebDriverWait(browser, 20).until(lambda _: target.is_file() and target.stat().st_size > 0)
    content: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return content


@pytest.mark.browser
def test_notes_are_kept_exported_imported_and_printed(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(reviewed()), encoding="utf-8")
    remark = 'too near & <b>bold</b> "quoted" é'
    with opened(chromium, page, drawn=False) as browser:
        write(browser, "R-1,max_betx,2", "o", remark)
        write(browser, "R-2,max_bety,1", "a", "")
        assert browser.execute_script(TOLD).startswith("2 of 3 rows have a note.")
        browser.refresh()
        assert noted(browser, "R-1,max_betx,2") == f"Reviewer: objection: {remark}"
        assert noted(browser, "R-1,max_betx,1") == ""
        content = exported(browser, tmp_path)
        rows = {(row["requirement"], row["number"]): (row["verdict"], row["remark"]) for row in content["notes"]}
        assert rows == {("R-1", 2): ("objection", remark), ("R-2", 1): ("accepted", "")}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        shown = "return getComputedStyle(arguments[0]).display"
        assert browser.execute_script(shown, browser.execute_script(NOTE, "R-1,max_betx,2")[1]) == "block"
        assert complaints(browser) == []
    with opened(chromium, page, drawn=False) as fresh:  # another browser: nothing there until the file is read
        assert fresh.execute_script(TOLD).startswith("0 of 3 rows have a note.")
        file = fresh.find_element("css selector", ".notes input[type=file]")
        file.send_keys(str(tmp_path / "fake-optics-notes.json"))
        WebDriverWait(fresh, 10).until(lambda _: "Imported 2 of 2 notes" in fresh.execute_script(TOLD))
        assert noted(fresh, "R-1,max_betx,2") == f"Reviewer: objection: {remark}"
        wrong = tmp_path / "wrong.json"
        wrong.write_text('{"schema": 1, "notes": [{"requirement": "R-1"}]}')
        file.send_keys(str(wrong))
        WebDriverWait(fresh, 10).until(lambda _: "not imported: a note needs" in fresh.execute_script(TOLD))
        assert noted(fresh, "R-1,max_betx,2") == f"Reviewer: objection: {remark}"
        assert complaints(fresh) == []
