"""Run folders: nothing is lost in them, nothing half-written is taken for a run, nothing of others is overwritten."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from lattice import Drift, FileError, InputError, Lattice, RFGap
from studies.results import StudyResult
from studies.runs.store import is_complete, is_interrupted, open_run, read_run, write_log, write_run
from tests.report_fakes import fake_result, hostile_result


def no_log() -> str:
    return ""


def render_nothing(result: StudyResult) -> str:
    return result.title


def assert_same(one: StudyResult, other: StudyResult) -> None:
    """Equality of two results, tables by their content."""
    for field in ("name", "title", "machine", "particle", "quantities", "verdicts", "methods", "assumptions"):
        assert getattr(one, field) == getattr(other, field), field
    for field in ("references", "warnings"):
        assert getattr(one, field) == getattr(other, field), field
    assert json.dumps(one.study) == json.dumps(other.study)
    assert json.dumps(one.provenance) == json.dumps(other.provenance)
    for mine, theirs in zip(one.tables, other.tables, strict=True):
        assert (mine.id, mine.title, mine.caption) == (theirs.id, theirs.title, theirs.caption)
        pd.testing.assert_frame_equal(mine.frame, theirs.frame, check_exact=True, check_dtype=False)
    for drawn, again in zip(one.figures, other.figures, strict=True):
        assert (drawn.id, drawn.title, drawn.caption, drawn.plotly) == (
            again.id,
            again.title,
            again.caption,
            again.plotly,
        )
        pd.testing.assert_frame_equal(drawn.table, again.table, check_exact=True, check_dtype=False)
    assert one.lattice.elements == other.lattice.elements
    assert one.lattice.parameters.definitions == other.lattice.parameters.definitions


@pytest.mark.parametrize("result", [fake_result(), hostile_result()], ids=["plain", "hostile"])
def test_a_result_survives_its_folder(result: StudyResult, tmp_path: Path) -> None:
    folder = open_run(tmp_path / "run").path
    write_run(folder, result, render_nothing, no_log)
    assert_same(read_run(folder), result)


def test_a_finished_run_is_refused_without_force(tmp_path: Path) -> None:
    write_run(open_run(tmp_path).path, fake_result(), render_nothing, no_log)
    with pytest.raises(InputError, match="holds a finished run: give --force"):
        open_run(tmp_path)
    assert open_run(tmp_path, force=True).path == tmp_path


def test_force_removes_what_the_old_run_left_and_nothing_else(tmp_path: Path) -> None:
    write_run(open_run(tmp_path).path, fake_result(), render_nothing, no_log)
    (tmp_path / "tables" / "old.csv").write_text("a\n1\n")
    (tmp_path / "notes.md").write_text("mine")
    write_run(open_run(tmp_path, force=True).path, fake_result(), render_nothing, no_log)
    assert not (tmp_path / "tables" / "old.csv").exists()
    assert (tmp_path / "notes.md").read_text() == "mine"


def test_an_interrupted_run_is_recognised_and_may_be_replaced(tmp_path: Path) -> None:
    """Without results.json, the last file, a folder is interrupted however much else it holds."""
    write_run(open_run(tmp_path).path, fake_result(), render_nothing, no_log)
    (tmp_path / "results.json").unlink()
    assert is_interrupted(tmp_path)
    with pytest.raises(FileError, match="holds an interrupted run"):
        read_run(tmp_path)
    write_run(open_run(tmp_path).path, fake_result(), render_nothing, no_log)
    assert is_complete(tmp_path)


def test_results_are_written_last(tmp_path: Path) -> None:
    """A renderer that fails leaves an interrupted run, never a complete one."""

    def fails(result: StudyResult) -> str:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_run(open_run(tmp_path).path, fake_result(), fails, no_log)
    assert is_interrupted(tmp_path)


def test_files_of_others_are_not_overwritten(tmp_path: Path) -> None:
    """A folder with the user's own study.toml is no run folder, with --force or without."""
    (tmp_path / "study.toml").write_text("mine")
    with pytest.raises(InputError, match=r"is no run folder but holds study\.toml"):
        open_run(tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]


def test_a_folder_that_cannot_be_made_is_a_file_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"cannot be written \(a file of that name is in the way\)"):
        open_run(tmp_path / "file" / "run")


def test_what_came_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    open_run(tmp_path / "a" / "b").abandon()
    assert list(tmp_path.iterdir()) == []


def test_abandoning_leaves_an_older_finished_run_alone(tmp_path: Path) -> None:
    write_run(open_run(tmp_path).path, fake_result(), render_nothing, no_log)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    open_run(tmp_path, force=True).abandon()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("damage", ["{", '{"schema": 2}', '{"schema": 1}', "[]"])
def test_a_damaged_run_is_a_file_error(damage: str, tmp_path: Path) -> None:
    write_run(open_run(tmp_path).path, fake_result(), render_nothing, no_log)
    (tmp_path / "results.json").write_text(damage)
    with pytest.raises(FileError):
        read_run(tmp_path)


def test_what_madx_cannot_hold_has_no_lattice_seq(tmp_path: Path) -> None:
    """A linac's thin gap has no MAD-X element: lattice.json holds the machine alone."""
    gap = Lattice("gap", elements=[RFGap("g", volt=1e5, freq=3e9), Drift("d", length=1.0)])
    write_run(open_run(tmp_path).path, replace(fake_result(), lattice=gap), render_nothing, no_log)
    assert not (tmp_path / "lattice.seq").exists()
    assert read_run(tmp_path).lattice.elements == gap.elements


def test_a_log_marks_the_folder(tmp_path: Path) -> None:
    write_log(tmp_path, "x")
    assert is_interrupted(tmp_path)
