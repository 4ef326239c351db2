"""A scan that is killed at random moments, again and again: no finished row is lost, none is computed twice.

``KILLS`` says how often, ten without it; ``make kills`` does it a hundred times, and as often over worker processes and
over Dask, whose processes take seconds to begin.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

from optics.beams.parquet import read_parquet
from studies.cli import run
from studies.runs.contents import is_complete
from studies.runs.rows import kept_rows, read_rows
from tests.studies.commands import begun, tunes_study
from tests.studies.test_many_ways import dask_commands, free_port, processes

KILLS = int(os.environ.get("KILLS", "10"))
#: A scan for each line that comes: a child of one Python that has all it needs loaded and compiled.
SCANS = """
import os
import sys
from studies.cli import run

split = sys.argv.index("--")
words, way = sys.argv[1:split], sys.argv[split + 1 :]
run([*words, "--dry-run", "-q"])
print("loaded", flush=True)
for _ in sys.stdin:
    child = os.fork()
    if not child:
        os._exit(run([*words, *way, "--resume", "-q"]))
    print("begun", child, flush=True)
    print("ended", os.wait()[1], flush=True)
"""
GRID = ["--over", "kf=0.27:0.31:20", "--over", "kd=0.48:0.62:20"]
_SHORTEST, _LONGEST = 0.02, 0.6  # s until a kill: from before the first row to the end of a block


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the scan, without its folder."""
    path = tmp_path_factory.mktemp("study") / "tunes.toml"
    path.write_text(tunes_study(("clearance_x", "lower = 0.03", "m")))
    return ["scan", str(path), *GRID]


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[list[str]]:
    """The words that send a scan to a scheduler and two workers."""
    address = f"tcp://127.0.0.1:{free_port()}"
    scheduler, *workers, _ = dask_commands(address)
    with processes(scheduler, *workers, errors=tmp_path / "dask.log"):
        yield ["--scheduler", address]


def test_kills_at_random_lose_and_repeat_nothing(words: list[str], tmp_path: Path) -> None:
    """What is on the disk only grows; what comes out is the scan that nobody disturbs."""
    killed_at_random(words, tmp_path, [])


@pytest.mark.skipif(KILLS <= 10, reason="minutes: make kills")
def test_kills_at_random_over_worker_processes(words: list[str], tmp_path: Path) -> None:
    killed_at_random(words, tmp_path, ["--jobs", "2"])


@pytest.mark.skipif(KILLS <= 10, reason="minutes: make kills")
def test_kills_at_random_over_dask(words: list[str], tmp_path: Path, dask: list[str]) -> None:
    killed_at_random(words, tmp_path, dask, longest=3.0)


def killed_at_random(words: list[str], tmp_path: Path, way: list[str], longest: float = _LONGEST) -> None:
    """A scan computed some ``way``, killed until it has been ``KILLS`` times, and the table of an undisturbed one."""
    folder, moments, killed, kept = tmp_path / "scan", random.Random(KILLS), 0, 0
    with begun("-c", SCANS, *words, "--out", str(folder), "--", *way) as scans:
        assert scans.stdin is not None
        assert scans.stdout is not None
        while "loaded" not in scans.stdout.readline():
            pass
        while killed < KILLS:
            print("again", file=scans.stdin, flush=True)
            child = int(scans.stdout.readline().split()[1])
            time.sleep(moments.uniform(_SHORTEST, longest))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            killed += scans.stdout.readline() == f"ended {int(signal.SIGKILL)}\n"
            if is_complete(folder):
                shutil.rmtree(folder)
                kept = 0
                continue
            assert kept_rows(folder) >= kept if folder.is_dir() else kept == 0
            kept = kept_rows(folder) if folder.is_dir() else 0
            assert not kept or len(read_rows(folder)) == kept  # none of them twice
        scans.stdin.close()
    assert run([*words, "--out", str(folder), "--resume", "-q"]) == 1
    assert run([*words, "--out", str(tmp_path / "whole"), "-q"]) == 1
    tables = [read_parquet(tmp_path / name / "tables" / "scan.parquet")[0] for name in ("scan", "whole")]
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
