"""What a dossier refuses, with which words and code, and what is left of its folder then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lattice import InputError
from studies.cli import run
from studies.dossier import printing
from studies.dossier.control import control_of
from tests.dossier_runs import PROTON, linac, ring, saved

FILES = ["dossier.html", "dossier.json"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run ``a`` in which commands are run."""
    saved(linac(), tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def newer(here: Path) -> None:
    results = json.loads((here / "a" / "results.json").read_text())
    (here / "a" / "results.json").write_text(json.dumps({**results, "schema": 99}))


def damaged(here: Path) -> None:
    (here / "a" / "figures" / "linac-energy.json").write_text('{"data": [{"type": "pie"}], "layout": {}}')


def interrupted(here: Path) -> None:
    (here / "a" / "results.json").unlink()


def copied(here: Path) -> None:
    shutil.copytree(here / "a", here / "b")


def linked(here: Path) -> None:
    (here / "b").symlink_to("a")


def foreign(here: Path) -> None:
    (here / "out").mkdir()
    (here / "out" / "dossier.pdf").write_text("mine")


def a_file(here: Path) -> None:
    (here / "out").write_text("mine")


def nothing(here: Path) -> None:
    """As it is."""


WRONG = {
    "no run": (nothing, [], 2, "Missing argument 'RUN...'"),
    "no such folder": (nothing, ["gone"], 4, "gone holds no run: results.json was expected there"),
    "no run folder": (lambda here: (here / "b").mkdir(), ["a", "b"], 4, "b holds no run"),
    "an interrupted run": (interrupted, ["a"], 4, "a holds an interrupted run (results.json is missing)"),
    "a newer schema": (newer, ["a"], 4, "schema 99 found, 1 or 2 expected"),
    "a damaged run": (damaged, ["a"], 4, "a: the run folder is damaged"),
    "one folder twice": (nothing, ["a", "a/"], 2, "a and a name the same folder: give each run once"),
    "a link to it": (linked, ["a", "b"], 2, "a and b name the same folder"),
    "a copy of it": (copied, ["a", "b"], 2, "a and b hold the same run: give each run once"),
    "a run in the folder": (nothing, ["a", "--out", "a"], 2, "a holds a run: a dossier needs a folder of its own"),
    "something else there": (foreign, ["a"], 2, "out is no dossier's folder but holds dossier.pdf"),
    "a file in its place": (a_file, ["a"], 4, "a file of that name is in the way"),
    "no control file": (nothing, ["a", "--control", "gone.toml"], 4, "gone.toml"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_and_nothing_is_written(
    name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare, words, code, told = WRONG[name]
    prepare(here)
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    assert run(["dossier", *words, *([] if "--out" in words else ["--out", "out"]), "-q"]) == code
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
    assert not (here / "out").is_dir() or prepare is foreign


def test_the_folder_must_be_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dossier", "a"]) == 2
    assert "--out" in capsys.readouterr().err


CONTROLS = {
    "autor = 'x'": "unknown key. Allowed here: title, version, date, prepared, checked, approved, history",
    "titel = 'x'": "titel: unknown key; did you mean 'title'?",
    "title = 3": "title: found 3, expected text",
    "date = 'soon'": "date: found 'soon', expected a date, for example 2026-11-30",
    "date = 2026-11-30T12:00:00": "expected a date, for example 2026-11-30",
    "prepared = 3": "prepared.0: found 3, expected a table",
    "prepared = { nam = 'x' }": "prepared.0.nam: unknown key; did you mean 'name'?",
    "history = [{ version = '1' }]": "history.0.change: missing",
    "title = ": "not valid TOML",
}


@pytest.mark.parametrize("text", CONTROLS)
def test_a_wrong_control_file_names_its_key(text: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "dossier.toml").write_text(text)
    assert run(["dossier", "a", "--out", "out", "--control", "dossier.toml", "-q"]) == 2
    said = capsys.readouterr().err
    assert f"dossier.toml: {'' if 'TOML' in CONTROLS[text] else text.split(' ')[0]}" in said
    assert CONTROLS[text] in said
    assert names_in(here) == ["a", "dossier.toml"]


def test_persons_are_names_tables_or_lists_of_them() -> None:
    control = control_of({"prepared": "A", "checked": {"name": "B", "date": "2026-11-30"}, "approved": ["C", "D"]}, "")
    found = {word: [(one.name, one.date) for one in persons] for word, persons in control.signatures}
    assert found == {
        "Prepared": [("A", None)],
        "Checked": [("B", "2026-11-30")],
        "Approved": [("C", None), ("D", None)],
    }
    with pytest.raises(InputError, match=r"dossier.toml: approved.1.name .*found ''"):
        control_of({"approved": ["A", {"name": ""}]}, "dossier.toml")


def test_a_dossier_is_replaced_when_asked_and_what_others_put_there_stays(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["dossier", "a", "--out", "out", "-q"]
    assert run(words) == 0
    (here / "out" / "notes.txt").write_text("mine")
    old = (here / "out" / "dossier.html").read_bytes()
    assert run(words) == 2
    assert "out holds a dossier: give --force to replace it" in capsys.readouterr().err
    saved(ring("b", PROTON, 16.0), here / "b")
    assert run([*words, "b", "--force"]) == 0
    assert (here / "out" / "dossier.html").read_bytes() != old
    assert names_in(here / "out") == [*FILES, "notes.txt"]
    assert names_in(here) == ["a", "b", "out"]


def test_a_dossier_that_fails_leaves_the_old_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dossier", "a", "--out", "out", "-q"]
    assert run(words) == 0
    before = {name: (here / "out" / name).read_bytes() for name in FILES}
    damaged(here)
    assert run([*words, "--force"]) == 4
    assert "the run folder is damaged" in capsys.readouterr().err
    assert {name: (here / "out" / name).read_bytes() for name in names_in(here / "out")} == before
    assert names_in(here) == ["a", "out"]


def test_a_dossier_is_no_run_and_no_place_for_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dossier", "a", "--out", "out", "-q"]) == 0
    assert run(["report", "out"]) == 4
    assert "out holds a dossier: the folders of its runs were expected" in capsys.readouterr().err
    assert run(["run", "pimms-optics", "--out", "out", "--force", "-q"]) == 2
    assert "out is no run folder but holds dossier.html, dossier.json" in capsys.readouterr().err


def test_json_is_the_object_of_the_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A verdict that is wanting is no failure of the command."""
    assert run(["dossier", "a", "--out", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((here / "out" / "dossier.json").read_text())


def test_the_terminal_is_told_what_did_not_pass_and_where_the_page_is(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dossier", "a", "--out", "out"]) == 0
    told = capsys.readouterr()
    for line in ("machine: 1 passed, 1 failed, 0 not evaluated", "LIN-02 (made-linac): FAIL: outside the limit"):
        assert line in told.out
    assert "smallest margin: LIN-04 (made-linac), +0.20 %" in told.out
    assert f"dossier: {Path('out') / 'dossier.html'}" in told.out
    assert "run 1 of 1: drawing 1 figure\n" in told.err


def test_without_chromium_there_is_no_pdf(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "BROWSERS", ("no-such-browser",))
    assert run(["dossier", "a", "--out", "out", "--pdf", "-q"]) == 4
    assert "--pdf: Chromium prints the dossier, and none is installed" in capsys.readouterr().err
    assert names_in(here) == ["a"]


def test_a_browser_that_prints_nothing_is_told_and_leaves_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = here / "browser"
    broken.write_text("#!/bin/sh\necho 'no display' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(printing, "BROWSERS", (str(broken),))
    assert run(["dossier", "a", "--out", "out", "--pdf", "-q"]) == 4
    assert "has printed nothing; it said: no display" in capsys.readouterr().err
    assert names_in(here) == ["a", "browser"]


def test_cells_of_a_printed_table_are_counted_from_nought() -> None:
    """Two printings of one page, the first cell numbered otherwise by Chromium: the same file, sorted as before."""
    one = b"/ID (node00000003)>> /ID (node00000099)>> /Headers [(node00000099)] /Names [(node00000003) (node00000099)]"
    two = one.replace(b"00000003", b"00000093")
    assert printing._numbered(one) == printing._numbered(two)
    assert printing._numbered(one).count(b"(node00000000)") == 2
    assert printing._numbered(one).count(b"(node00000001)") == 3
    assert len(printing._numbered(one)) == len(one)


@pytest.mark.browser
def test_the_pdf_is_the_same_twice_and_has_no_time_of_its_own(chromium: str, here: Path) -> None:
    for name in ("one", "two"):
        assert run(["dossier", "a", "--out", name, "--pdf", "-q"]) == 0
    first, second = ((here / name / "dossier.pdf").read_bytes() for name in ("one", "two"))
    assert first.startswith(b"%PDF-")
    assert b"/CreationDate (D:19700101000000+00'00')" in first
    assert first == second
