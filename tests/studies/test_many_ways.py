"""A scan is the same table whoever computes its cases, and whatever ends who computes them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import InputError
from lattice.errors import FileError
from optics.beams.parquet import read_parquet
from studies.cli import run
from studies.runs.contents import is_complete
from studies.runs.executors import in_executor, on_scheduler
from studies.runs.locks import one_of_many, only_writer
from studies.runs.rows import kept_rows, lock_of, processor, processors
from studies.runs.workers import Lost
from studies.scan.asked import plan
from studies.scan.cases import rows, rows_elsewhere
from studies.scan.plan import COMPUTED, STATUS, Axis, Plan
from studies.scan.slicing import Slice
from studies.scan.work import Work, computed, rows_of, work_of
from studies.spec.study_file import load_study
from tests.checkout import ROOT
from tests.studies.commands import begun, tunes_study, until

STUDY = tunes_study(("tune_distance", "upper = 0.002", "1"))
GRID = ["--over", "kf=0.27:0.31:25", "--over", "kd=0.48:0.62:24"]
AXES = [Axis("kf", 0.27, 0.31, 25), Axis("kd", 0.48, 0.62, 24)]
CASES = 600


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "tunes.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="module")
def made(study: Path) -> Plan:
    return plan(load_study(study), study, AXES)


@pytest.fixture(scope="module")
def whole(study: Path) -> Path:
    """The folder of a scan that one process computes."""
    folder = study.parent / "whole"
    assert run(["scan", str(study), *GRID, "--out", str(folder), "-q"]) == 1  # some rings are unstable
    return folder


def scan_in(study: Path, folder: Path, *more: str) -> int:
    return run(["scan", str(study), *GRID, *more, "--out", str(folder), "-q"])


def collected(study: Path, folder: Path) -> int:
    return run(["scan", str(study), *GRID, "--collect", str(folder), "-q"])


def same(folder: Path, whole: Path) -> None:
    for name in ("tables/scan.parquet", "results.json", "report.html"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


# ---------------------------------------------------------------------------------------------------------- slices


@pytest.mark.parametrize(("total", "of"), [(10, 3), (3, 7), (1, 1), (1000, 16)])
def test_slices_are_all_cases_once_and_as_large_to_one(total: int, of: int) -> None:
    parts = [Slice(k, of).cases(total) for k in range(1, of + 1)]
    assert np.concatenate(parts).tolist() == list(range(total))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_a_scan_of_slices_is_the_scan(study: Path, whole: Path, tmp_path: Path, capsys: Any) -> None:
    """In any order, one of them twice; while one is missing it is named and nothing is collected."""
    folder = tmp_path / "shared"
    for part in ("3/4", "1/4", "3/4", "4/4"):
        assert scan_in(study, folder, "--slice", part) == 1
    assert "slice 3/4: 150 cases" in capsys.readouterr().out
    assert collected(study, folder) == 2
    assert "150 of 600 cases are missing, of the slices 2/4" in capsys.readouterr().err
    assert not is_complete(folder)
    assert scan_in(study, folder, "--slice", "2/4") == 1
    assert processors(folder) == (processor(),)
    assert collected(study, folder) == 1
    same(folder, whole)
    assert not (folder / "rows").exists()


def test_slices_of_folders_put_together_are_one_scan(study: Path, whole: Path, tmp_path: Path) -> None:
    """Two machines without a common file system."""
    for part in (1, 2):
        assert scan_in(study, tmp_path / f"m{part}", "--slice", f"{part}/2") == 1
    for segment in (tmp_path / "m2" / "rows").glob("*.rows"):
        segment.rename(tmp_path / "m1" / "rows" / segment.name)
    assert collected(study, tmp_path / "m1") == 1
    same(tmp_path / "m1", whole)


def test_a_scan_begun_in_slices_is_finished_whole(study: Path, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "begun"
    assert scan_in(study, folder, "--slice", "2/3") == 1
    assert scan_in(study, folder) == 2  # finished rows are not thrown away unasked
    assert scan_in(study, folder, "--resume") == 1
    same(folder, whole)
    assert scan_in(study, folder, "--slice", "2/3") == 2  # a finished run is no place for slices


def test_rows_of_another_scan_are_no_slices_of_this_one(study: Path, tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "shared"
    assert scan_in(study, folder, "--slice", "1/4") == 1
    other = ["scan", str(study), "--over", "kf=0.27:0.31:5", "--out", str(folder), "-q", "--slice", "2/4"]
    assert run(other) == 2
    assert "holds another scan (other grid)" in capsys.readouterr().err
    assert collected(study, tmp_path / "none") == 2
    assert "holds no rows of a scan to collect" in capsys.readouterr().err


def test_slices_share_a_folder_with_each_other_and_with_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    first, second = (lock_of(tmp_path, name) for name in ("slice-1-of-2", "slice-2-of-2"))
    with one_of_many(tmp_path, first):
        with one_of_many(tmp_path, second):
            with pytest.raises(FileError, match="another lattice-optimize is writing there"), only_writer(tmp_path):
                pass
            with pytest.raises(FileError, match="another lattice-optimize"), one_of_many(tmp_path, second):
                pass
        with pytest.raises(FileError, match="another lattice-optimize is writing there"), only_writer(tmp_path):
            pass
    refused = pytest.raises(FileError, match="another lattice-optimize")
    with only_writer(tmp_path), refused, one_of_many(tmp_path, first):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["rows"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--slice", "5/4"], "expected K/N"),
        (["--slice", "0/4"], "expected K/N"),
        (["--slice", "half"], "expected K/N"),
        (["--slice", "1/4", "--scheduler", "tcp://a:1"], "two ways to run a scan"),
        (["--scheduler", "tcp://a:1", "--jobs", "3"], "those of a --scheduler are begun with 'dask worker'"),
        (["--collect", "x", "--out", "y"], "leave --out away"),
        (["--write-jobs", "lsf", "x"], "'lsf' is not one of 'slurm', 'htcondor'"),
    ],
)
def test_ways_that_exclude_each_other_are_refused(study: Path, options: list[str], message: str, capsys: Any) -> None:
    assert run(["scan", str(study), *GRID, *options]) == 2
    assert message in capsys.readouterr().err


def test_a_dry_run_writes_nothing(study: Path, tmp_path: Path, capsys: Any) -> None:
    assert scan_in(study, tmp_path / "dry", "--dry-run") == 0
    assert re.match(
        r"600 cases; 256 of them took [\d.e-]+ s: about [\d.e-]+ s on \d+ processors", capsys.readouterr().out
    )
    assert not (tmp_path / "dry").exists()


# ------------------------------------------------------------------------------------------------------------ jobs


def with_command(folder: Path) -> dict[str, str]:
    """The environment of a batch system on which the toolkit is installed."""
    (folder / "bin").mkdir()
    script = f'#!/bin/sh\nexec "{sys.executable}" -m studies.cli "$@"\n'
    (folder / "bin" / "lattice-optimize").write_text(script)
    (folder / "bin" / "lattice-optimize").chmod(0o755)
    return {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def test_jobs_of_slurm_are_the_scan(study: Path, whole: Path, tmp_path: Path, capsys: Any) -> None:
    """As Slurm runs them, one array index after the other; then the command that was told collects."""
    jobs = tmp_path / "my jobs"
    assert run(["scan", str(study), *GRID, "--write-jobs", "slurm", str(jobs), "--slices", "2", "-q"]) == 0
    told = capsys.readouterr().out
    batch = (jobs / "scan.sbatch").read_text()
    assert "#SBATCH --array=0-1\n" in batch
    environment = with_command(tmp_path)
    for index in ("0", "1"):
        done = subprocess.run(
            ["sh", jobs / "scan.sbatch"], env={**environment, "SLURM_ARRAY_TASK_ID": index}, timeout=300
        )
        assert done.returncode == 1  # rows without an answer
    collect = re.search(r"^collect:  (.*)$", told, re.MULTILINE)
    assert collect is not None
    subprocess.run(["sh", "-c", f"{collect[1]} -q"], env=environment, timeout=300)
    same(jobs / "scan", whole)


def test_jobs_of_htcondor_name_the_script_and_how_many(tmp_path: Path) -> None:
    jobs = ["--write-jobs", "htcondor", str(tmp_path / "jobs"), "--slices", "3", "--jobs", "2"]
    assert run(["scan", "cnao-optics", *GRID, *jobs, "--set", "seed=7"]) == 0
    lines = (tmp_path / "jobs" / "scan.sub").read_text().splitlines()
    assert f"executable = {tmp_path / 'jobs' / 'slice.sh'}" in lines
    assert lines[-1] == "queue 3"
    assert {"arguments = $(Process)", "request_cpus = 2", "getenv = true"} <= set(lines)
    script = (tmp_path / "jobs" / "slice.sh").read_text()
    assert "scan cnao-optics --over kf=0.27:0.31:25 --over kd=0.48:0.62:24 --set seed=7 --out" in script
    assert '--slice "$(($1 + 1))/3"' in script
    assert run(["scan", "cnao-optics", *GRID, *jobs]) == 2  # jobs that stand there are not overwritten


def test_a_scan_that_is_wrong_is_said_before_jobs_are_written(study: Path, tmp_path: Path) -> None:
    assert run(["scan", str(study), "--over", "kff=1:2:3", "--write-jobs", "slurm", str(tmp_path / "jobs")]) == 2
    assert not (tmp_path / "jobs").exists()


# ------------------------------------------------------------------------------------------------------- executors


def test_any_executor_gives_the_rows_of_the_scan(made: Plan) -> None:
    """concurrent.futures' own; tasks of 100 cases."""
    cases = np.arange(made.number)
    expected = pd.concat([table for _, table in rows(made, cases)], ignore_index=True)
    with ThreadPoolExecutor(2) as executor:
        found = list(rows_elsewhere(made, cases, executor, 3))
    table = pd.concat([part.assign(case=numbers) for numbers, part in found]).sort_values("case", ignore_index=True)
    assert np.array_equal(table.pop("case"), cases)
    pd.testing.assert_frame_equal(table, expected, check_exact=True)


class Watched(Executor):
    """Computes at once what it is given when its result is asked for; counts what waits."""

    def __init__(self) -> None:
        self.begun: list[int] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **more: Any) -> Future[Any]:
        """Computed at once."""
        self.begun.append(arguments[0])
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def test_no_more_tasks_are_handed_out_than_asked() -> None:
    executor = Watched()
    found = in_executor(str, range(100), executor, 5)
    next(found)
    assert executor.begun == list(range(5))
    rest = dict(found)
    assert len(rest) == 99
    assert executor.begun == list(range(100))


class KilledWorker(Exception):
    """Called as the error of distributed."""


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(BrokenProcessPool("gone"), FileError), (TimeoutError(), FileError), (InputError("x"), InputError)],
)
def test_an_executor_that_is_gone_is_a_trouble_of_files(raised: Exception, expected: type[Exception]) -> None:
    def fails(_: int) -> None:
        raise raised

    with pytest.raises(expected, match=r"what is finished is kept|x"):
        list(in_executor(fails, range(3), Watched(), 2))


def test_a_task_that_several_workers_ended_with_is_given_up() -> None:
    def fails(number: int) -> int:
        if number == 1:
            raise KilledWorker
        return number

    found = dict(in_executor(fails, range(3), Watched(), 2))
    assert isinstance(found.pop(1), Lost)
    assert found == {0: 0, 2: 2}


def test_a_case_that_raises_is_a_row_with_its_reason(made: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the program in one case of a block: the others have their numbers."""
    from studies.scan import work
    from studies.scan.blocks import block as real

    def breaks(made: Plan, numbers: Any, *more: Any) -> pd.DataFrame:
        if 17 in numbers:
            raise ZeroDivisionError("in the seventeenth")
        return real(made, numbers, *more)

    expected = work.rows_of(made, np.arange(40))
    monkeypatch.setattr(work, "block", breaks)
    found = work.rows_of(made, np.arange(40))
    assert found[STATUS][17] == "an error of the program: ZeroDivisionError: in the seventeenth"
    others = np.arange(40) != 17
    pd.testing.assert_frame_equal(found[others][expected.columns], expected[others], check_exact=True)


def test_a_worker_of_another_version_or_with_other_files_is_refused(made: Plan) -> None:
    work = work_of(made)
    older = Work(work.study, work.file, work.axes, "0.0.1", work.inputs)
    with pytest.raises(InputError, match=r"a worker has version .*, the scan is of 0\.0\.1: install the same"):
        computed((older, np.arange(3)))
    other = Work(work.study, work.file, work.axes, work.version, {**work.inputs, "my_ring.seq": "0" * 64})
    with pytest.raises(InputError, match=r"a worker reads another my_ring\.seq than the scan"):
        computed((other, np.arange(3)))


def test_a_worker_has_the_scan_of_a_matched_study(tmp_path: Path, made: Plan) -> None:
    """The work that travels has the design's strengths: what it reads is hashed as the worker reads it."""
    path = tmp_path / "matched.toml"
    knobs = '"kf", lower = 0.27, upper = 0.31 }, { name = "kd", lower = 0.48, upper = 0.62'
    match = f'[match]\nvary = [{{ name = {knobs} }}]\ntargets = [{{ quantity = "qx", value = 1.67 }}, '
    path.write_text(STUDY + match + '{ quantity = "qy", value = 1.73 }]\n')
    matched = plan(load_study(path), path, [Axis("kf", 0.27, 0.31, 3)])
    assert matched.design.parameters["kf"] != matched.resolved.lattice.parameters["kf"]
    found = computed((work_of(matched), np.arange(3)))
    pd.testing.assert_frame_equal(found, rows_of(matched, np.arange(3)), check_exact=True)


# ------------------------------------------------------------------------------------------------------------ Dask


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def processes(*commands: list[str], errors: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with errors.open("wb") as log:
        begun = [
            subprocess.Popen([sys.executable, "-m", "dask", *c], env=environment, stdout=log, stderr=log)
            for c in commands
        ]
        try:
            yield begun
        finally:
            for process in begun:
                process.kill()
                process.wait()


def dask_commands(address: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """Scheduler, two workers and the scan of docs/scale.md, at another address."""
    text = (ROOT / "docs" / "scale.md").read_text()
    block = next(part for part in re.findall(r"```text\n(.*?)```", text, re.DOTALL) if "dask scheduler" in part)
    port = address.rpartition(":")[2]
    lines = [line.replace("8786", port).split() for line in block.splitlines()]
    scheduler, first, second, scan = (line[1:] for line in lines)
    quiet = ["--no-dashboard"]
    return [*scheduler, *quiet], [*first, *quiet], [*second, *quiet], scan


def scanning(study: Path, folder: Path, *more: str) -> subprocess.Popen[str]:
    return begun("-m", "studies.cli", "scan", str(study), *GRID, "--out", str(folder), "-q", *more)


def test_worker_processes_of_dask_compute_the_scan_and_may_be_lost(study: Path, whole: Path, tmp_path: Path) -> None:
    """The commands of the documentation. A worker is killed, then the client, then the scheduler: no case is lost."""
    address = f"tcp://127.0.0.1:{free_port()}"
    scheduler, *workers, documented = dask_commands(address)
    folder = tmp_path / "scan"
    with processes(scheduler, *workers, errors=tmp_path / "dask.log") as (head, first, _):
        assert run([*documented, "--out", str(tmp_path / "documented"), "-q"]) == 0
        with scanning(study, folder, "--scheduler", address) as client:
            until(lambda: kept_rows(folder), 120)
            first.kill()
            client.send_signal(signal.SIGKILL)
        kept = kept_rows(folder)
        assert 0 < kept
        assert scan_in(study, folder, "--scheduler", address, "--resume") == 1
        same(folder, whole)
        head.kill()
        assert scan_in(study, tmp_path / "late", "--scheduler", address) == 4
    assert not (tmp_path / "late").exists()


def test_a_scheduler_that_is_not_there_is_said(study: Path, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("studies.runs.executors.ANSWER_S", 1)
    address = f"tcp://127.0.0.1:{free_port()}"
    assert scan_in(study, tmp_path / "none", "--scheduler", address) == 4
    assert f"no Dask scheduler answers at {address} within 1 s" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1", "tcp://127.0.0.1:port", ""])
def test_what_is_no_address_is_said(address: str) -> None:
    """Before Dask is asked, which would say it in a traceback and 20 s later."""
    with pytest.raises(InputError, match=f"'{address}' is no address of a scheduler, expected tcp://HOST:PORT"):
        on_scheduler(address).__enter__()


def test_a_missing_extra_is_named(study: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert scan_in(study, tmp_path / "none", "--scheduler", "tcp://127.0.0.1:1") == 4
    assert "distributed is not installed: pip install 'hadron-optics[cluster]'" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of Dask's own half-made cluster
def test_a_cluster_that_cannot_be_begun_is_said(study: Path, tmp_path: Path, capsys: Any) -> None:
    """Also on a machine that has Slurm, and a configuration of its own for it."""
    config = pytest.importorskip("dask.config")
    pytest.importorskip("dask_jobqueue")  # which reads its defaults when it is imported
    with config.set({"jobqueue.slurm.cores": None, "jobqueue.slurm.memory": None}):
        assert scan_in(study, tmp_path / "none", "--cluster", "slurm") == 4
    assert "no jobs of slurm can be begun" in capsys.readouterr().err


def test_a_scan_was_computed(whole: Path) -> None:
    table, _ = read_parquet(whole / "tables" / "scan.parquet")
    assert len(table) == CASES
    assert set(table[STATUS]) == {COMPUTED, "unstable"}
