"""Run folders: nothing is lost in them, nothing half-written is taken for a run, nothing of others is overwritten."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from lattice import Drift, FileError, InputError, Lattice, RFGap
from studies.cli import run as command
from studies.results import StudyResult
from studies.runs.building import open_run
from studies.runs.contents import is_complete, is_interrupted
from studies.runs.store import Render, read_run, rewrite_report
from tests.report_fakes import fake_result, hostile_result


def no_log() -> str:
    return ""


def written(folder: Path, result: StudyResult | None = None, render: Render | None = None, force: bool = False) -> Path:
    with open_run(folder, force) as run:
        run.finish(result or fake_result(), render or render_nothing, no_log)
    return folder


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
    folder = written(tmp_path / "run", result)
    assert_same(read_run(folder), result)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_run_is_refused_without_force(tmp_path: Path) -> None:
    run = written(tmp_path / "run")
    before = files_of(tmp_path)
    with pytest.raises(InputError, match="holds a finished run: give --force"):
        written(run)
    assert files_of(tmp_path) == before
    assert written(run, worse(), force=True) == run
    assert read_run(run).warnings == ("another",)


def worse() -> StudyResult:
    """Another result, with other tables and figures."""
    result = fake_result()
    return replace(result, warnings=("another",), tables=(), figures=result.figures[:1], verdicts=result.verdicts[:1])


@pytest.mark.parametrize("where", ["beside", "inside"])
def test_force_removes_what_the_old_run_wrote_and_nothing_else(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the folder cannot change places with another one: we work in it."""
    run = written(tmp_path / "run")
    if where == "inside":
        monkeypatch.chdir(run)
    (run / "tables" / "mine.csv").write_text("a\n1\n")
    (run / "notes.md").write_text("mine")
    (run / "own").mkdir()
    (run / "own" / "results.json").write_text("mine too")
    mine = {"tables/mine.csv": b"a\n1\n", "notes.md": b"mine", "own/results.json": b"mine too"}
    written(run, worse(), force=True)
    assert files_of(run) == files_of(written(tmp_path / "new", worse())) | mine
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "run"]


@pytest.mark.parametrize("where", ["beside", "inside"])
def test_nothing_is_removed_or_written_through_a_link(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, elsewhere = written(tmp_path / "run"), tmp_path / "elsewhere"
    if where == "inside":
        monkeypatch.chdir(run)
    (run / "tables").rename(elsewhere)
    (run / "tables").symlink_to(elsewhere)
    before = files_of(elsewhere)
    written(run, force=True)
    assert files_of(elsewhere) == before
    assert not (run / "tables").is_symlink()
    assert (run / "tables.kept1").readlink() == elsewhere


def test_a_folder_behind_a_link_stays_behind_it(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    written(tmp_path / "run")
    assert (tmp_path / "run").is_symlink()
    assert is_complete(tmp_path / "disk")


@pytest.mark.parametrize("finished", [True, False])
def test_a_name_of_ours_that_is_another_s_file_is_kept(finished: bool, tmp_path: Path) -> None:
    """A user's own tables/match.csv beside the tables of the old run, which had none of that name."""
    first = fake_result().tables[0]
    run = written(tmp_path / "run", replace(fake_result(), tables=()))
    if not finished:
        (run / "results.json").unlink()
    (run / "tables" / f"{first.id}.csv").write_text("mine")
    written(run, force=True)
    assert (run / "tables" / f"{first.id}.csv.kept1").read_text() == "mine"
    assert_same(read_run(run), fake_result())


def test_an_old_run_without_a_list_of_its_files_is_known_by_its_tables_and_figures(tmp_path: Path) -> None:
    run = written(tmp_path / "run")
    details = json.loads((run / "report.json").read_text())
    del details["files"]
    (run / "report.json").write_text(json.dumps(details))
    (run / "tables" / "mine.csv").write_text("mine")
    written(run, worse(), force=True)
    assert set(files_of(run)) == set(files_of(written(tmp_path / "new", worse()))) | {"tables/mine.csv"}


def test_an_interrupted_run_is_recognised_and_may_be_replaced(tmp_path: Path) -> None:
    """Without results.json a folder is interrupted however much else it holds."""
    run = written(tmp_path / "run")
    (run / "results.json").unlink()
    assert is_interrupted(run)
    with pytest.raises(FileError, match="holds an interrupted run"):
        read_run(run)
    written(run)
    assert is_complete(run)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, FileError, OSError])
def test_a_run_that_fails_leaves_the_old_one(error: type[BaseException], tmp_path: Path) -> None:
    """Whatever goes wrong while it is computed or written, and nothing lies about then."""

    def fails(result: StudyResult) -> str:
        raise error("boom")

    run = written(tmp_path / "run")
    before = files_of(tmp_path)
    with pytest.raises((error, FileError)):
        written(run, worse(), render=fails, force=True)
    assert files_of(tmp_path) == before


def test_a_full_disk_leaves_the_old_run_and_may_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills with each file in turn: the old run is whole, the next try finds nothing in its way."""
    run, fsync, left = written(tmp_path / "run"), os.fsync, [0]
    before = files_of(tmp_path)

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        fsync(handle)

    for files in (0, 1, 3, 8, 15):
        with monkeypatch.context() as patch:
            left[0] = files
            patch.setattr(os, "fsync", full)
            with pytest.raises(FileError, match="No space left on device"):
                written(run, worse(), force=True)
        assert files_of(tmp_path) == before
    written(run, worse(), force=True)
    assert read_run(run).warnings == ("another",)


def test_files_of_others_are_not_overwritten(tmp_path: Path) -> None:
    """A folder with the user's own study.toml or results.json is no run folder, with --force or without."""
    for name in ("study.toml", "results.json"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_text("mine")
        with pytest.raises(InputError, match=rf"is no run folder but holds {name}"):
            written(folder, force=True)
        assert files_of(folder) == {name: b"mine"}


def test_a_folder_that_cannot_be_made_is_a_file_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name in ("file/run", "circle", "n" * 300):
        with pytest.raises(FileError, match="cannot be written"):
            written(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["circle", "file"]


def test_what_came_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    with open_run(tmp_path / "a" / "b"):
        assert is_interrupted(tmp_path / "a" / "b")  # as long as it is computed
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_is_cleared_and_others_files_in_it_are_kept(tmp_path: Path) -> None:
    """Once while the new run was built, once after it had changed places with the old one."""
    run = written(tmp_path / "run")
    shutil.copytree(run, tmp_path / ".run.partial")
    (tmp_path / ".run.partial" / ".lock").write_text("")
    shutil.copytree(run, tmp_path / ".run.partial.old")
    (tmp_path / ".run.partial.old" / "notes.md").write_text("mine")
    written(run, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (run / "notes.md").read_text() == "mine"


def test_a_folder_of_others_that_is_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".run.partial").mkdir()
    (tmp_path / ".run.partial" / "mine").write_text("")
    with pytest.raises(FileError, match="is in the way"):
        written(tmp_path / "run")
    assert (tmp_path / ".run.partial" / "mine").exists()
    assert not (tmp_path / "run").exists()


def test_two_writers(tmp_path: Path) -> None:
    """The second is told who the first is; when that has ended, however it ended, nothing is locked."""
    holder = rf"another lattice-optimize is writing there \(process {os.getpid()} on"
    with open_run(tmp_path / "run"):
        for _ in range(2):
            with pytest.raises(FileError, match=holder):
                written(tmp_path / "run")
    with open_run(tmp_path / "run"), pytest.raises(FileError, match="another lattice-optimize"):
        written(tmp_path / "run", force=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("process 1 on the moon")
    assert is_complete(written(tmp_path / "run"))
    assert not (tmp_path / "run" / ".lock").exists()


def test_a_report_is_not_rendered_into_a_run_that_is_written(tmp_path: Path) -> None:
    run = written(tmp_path / "run")
    with open_run(run, force=True), pytest.raises(FileError, match="another lattice-optimize"):
        rewrite_report(run, render_nothing)
    assert rewrite_report(run, render_nothing).read_text() == fake_result().title


@pytest.mark.parametrize("damage", ["{", '{"schema": 3}', '{"schema": 2}', '{"schema": 1}', "[]"])
def test_a_damaged_run_is_a_file_error(damage: str, tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "results.json").write_text(damage)
    with pytest.raises(FileError):
        read_run(tmp_path)


def test_a_folder_s_name_may_be_any_bytes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A run is written and read there; on the command line such a name is refused, in words."""
    run = written(tmp_path / os.fsdecode(b"run-\xff"))
    assert read_run(run).name
    assert command(["compare", str(run), str(run), "-q"]) == 2
    assert "call the file or folder by another name" in capfd.readouterr().err


def test_an_empty_name_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = written(tmp_path / "run")
    for arguments in (["run", "cnao-optics"], ["compare", str(run), str(run)]):
        assert command([*arguments, "--out", ""]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("epoch", ["abc", "9" * 30, "-1", "\u00b2"])
def test_a_wrong_date_is_told_before_anything_is_done(
    epoch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = written(tmp_path / "run")
    before = files_of(run)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    for arguments in (["run", "cnao-optics", "--force", "--out", str(run)], ["report", str(run)]):
        assert command([*arguments, "-q"]) == 2
        assert "SOURCE_DATE_EPOCH must be a whole number of seconds" in capsys.readouterr().err
    assert files_of(run) == before


def test_what_madx_cannot_hold_has_no_lattice_seq(tmp_path: Path) -> None:
    """A linac's thin gap has no MAD-X element: lattice.json holds the machine alone."""
    gap = Lattice("gap", elements=[RFGap("g", volt=1e5, freq=3e9), Drift("d", length=1.0)])
    written(tmp_path, replace(fake_result(), lattice=gap))
    assert not (tmp_path / "lattice.seq").exists()
    assert read_run(tmp_path).lattice.elements == gap.elements


def test_a_pipe_in_the_place_of_a_log_is_no_run(tmp_path: Path) -> None:
    """Nothing waits for it: the folder holds what others put there."""
    for name in ("log.txt", "dossier.json"):
        os.mkfifo(tmp_path / name)
    assert not is_interrupted(tmp_path)
    with pytest.raises(FileError, match="holds no run"):
        read_run(tmp_path)
