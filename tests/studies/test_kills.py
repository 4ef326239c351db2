"""Commands that are killed at several moments: what was finished is whole, and the next command goes on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from optics.beams.parquet import read_parquet
from studies.cli import run
from studies.runs.contents import is_complete
from studies.runs.rows import kept_rows
from studies.runs.store import read_run
from tests.studies.commands import begun, tunes_study, until

#: A writer for each line that comes: a child that finishes runs until it is killed, or for a minute.
WRITERS = """
import os
import sys
import time
from dataclasses import replace
from itertools import count, takewhile
from pathlib import Path
from studies.runs.building import open_run
from tests.report_fakes import fake_result

def write(folder, attempt):
    end = time.monotonic() + 60
    for number in takewhile(lambda _: time.monotonic() < end, count(1)):
        with open_run(folder, force=True) as run:
            result = replace(fake_result(), warnings=(f"{attempt}-{number}",))
            run.finish(result, lambda result: result.warnings[0], lambda: "")
        if number == 1:
            print(os.getpid(), flush=True)

for attempt in map(str.strip, sys.stdin):
    if not os.fork():
        write(Path(sys.argv[1]), attempt)
        os._exit(0)
    print("gone", os.wait()[0], flush=True)
"""

STUDY = tunes_study(("clearance_x", "lower = 0.03", "m"))
GRID = ["--over", "kf=0.27:0.31:30", "--over", "kd=0.48:0.62:40"]


def test_a_run_that_is_killed_leaves_a_whole_one(tmp_path: Path) -> None:
    """One run after another into the same folder, killed at moments that lie apart by less than a run takes."""
    folder = tmp_path / "run"
    with begun("-c", WRITERS, str(folder)) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        for attempt, moment in enumerate((0.0, 0.13, 0.29, 0.46)):
            print(attempt, file=writers.stdin, flush=True)
            writer = int(writers.stdout.readline())
            time.sleep(moment)
            os.kill(writer, signal.SIGKILL)
            assert writers.stdout.readline() == f"gone {writer}\n"
            assert read_run(folder).warnings == ((folder / "report.html").read_text(),)
            assert read_run(folder).warnings[0].startswith(f"{attempt}-")
        writers.stdin.close()
    assert sorted(path.name for path in tmp_path.iterdir()) in (["run"], [".run.partial", "run"],
                                                                [".run.partial.old", "run"])  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The rows of a scan that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tunes.toml").write_text(STUDY)
    assert run(["scan", str(folder / "tunes.toml"), *GRID, "--out", str(folder / "scan"), "-q"]) == 1
    return read_parquet(folder / "scan" / "tables" / "scan.parquet")[0]


@pytest.mark.parametrize(("end", "rows"), [(signal.SIGKILL, 1), (signal.SIGTERM, 1), (signal.SIGINT, 0)])
def test_a_scan_that_is_ended_keeps_its_rows_and_goes_on(
    end: signal.Signals, rows: int, whole: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before its first row is finished, and after: --resume ends with the rows of an undisturbed scan."""
    (tmp_path / "tunes.toml").write_text(STUDY)
    folder = tmp_path / "scan"
    scan = ["scan", str(tmp_path / "tunes.toml"), *GRID, "--out", str(folder), "-q"]
    with begun("-m", "studies.cli", *scan) as running:
        until(lambda: kept_rows(folder) >= rows if rows else (folder / ".lock").exists(), 120)
        if rows:
            assert run(scan) in (2, 4)  # rows are there, or another one writes: nothing is mixed
        running.send_signal(end)
        assert running.wait(5) == (-signal.SIGKILL if end == signal.SIGKILL else 130)
    kept = kept_rows(folder)
    assert rows <= kept < len(whole)
    assert not is_complete(folder)
    capsys.readouterr()
    assert run([*scan, "--resume"]) == 1
    pd.testing.assert_frame_equal(read_parquet(folder / "tables" / "scan.parquet")[0], whole, check_exact=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scan", "tunes.toml"]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_a_class_is_made_ends_with_its_own_code(end: signal.Signals, tmp_path: Path) -> None:
    """Dataclasses are texts that are executed: a plain KeyboardInterrupt through one ends ``python -m`` by signal."""
    made = f"import os, time; os.kill(os.getpid(), {int(end)}); time.sleep(9)"
    (tmp_path / "made.py").write_text(
        "import sys\nfrom studies.runs.interruption import terminate_as_interrupt\nterminate_as_interrupt()\n"
        f"try:\n    exec({made!r})\nexcept KeyboardInterrupt:\n    sys.exit(130)\n"
    )
    with begun("-m", "made", within=tmp_path) as running:
        assert running.wait(60) == 130


def test_two_writers_at_once_are_two_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second is refused with the number of the first, whose kill releases the folder."""
    (tmp_path / "tunes.toml").write_text(STUDY)
    folder = tmp_path / "scan"
    scan = ["scan", str(tmp_path / "tunes.toml"), *GRID, "--out", str(folder), "-q"]
    with begun("-m", "studies.cli", *scan) as running:
        until(lambda: (folder / ".lock").exists() and (folder / ".lock").read_text(), 120)
        assert run([*scan, "--force"]) == 4
        assert f"another lattice-optimize is writing there (process {running.pid} on" in capsys.readouterr().err
        running.kill()
    assert run(["scan", str(tmp_path / "tunes.toml"), "--over", "kf=0.29:0.2925:3", "--out", str(folder), "-q",
                "--force"]) == 0  # fmt: skip
