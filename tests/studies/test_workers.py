"""Worker processes: they end with the process that began them, and may be lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studies.runs.workers import Lost, in_workers
from studies.scan import many
from tests.checkout import ROOT
from tests.studies.commands import until
from tests.studies.tasks import doubled, hanging, interruptible, killed_always, killed_once, wrong

PARENT = """
import sys
from pathlib import Path
from studies.cli import main
from studies.runs.interruption import terminate_as_interrupt
from studies.runs.workers import in_workers
from tests.studies.tasks import signed

terminate_as_interrupt()
try:
    list(in_workers(signed, [Path(sys.argv[1])] * 5, 2))
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_every_task_is_done_once() -> None:
    assert dict(in_workers(doubled, range(7), 2)) == {number: 2 * number for number in range(7)}


def test_no_tasks_need_no_workers() -> None:
    assert list(in_workers(doubled, [], 2)) == []


def test_a_worker_that_is_lost_costs_nothing_but_its_task_s_time(tmp_path: Path) -> None:
    tasks = [(tmp_path, number) for number in range(6)]
    assert sorted(result for _, result in in_workers(killed_once, tasks, 2)) == list(range(6))
    assert (tmp_path / "killed").exists()


def test_a_task_that_ends_every_worker_is_given_up_and_the_others_are_done() -> None:
    found = dict(in_workers(killed_always, range(6), 2))
    lost = found.pop(3)
    assert isinstance(lost, Lost)
    assert "3 worker processes were lost over it (SIGKILL, perhaps for want of memory)" in lost.reason
    assert found == {number: number for number in (0, 1, 2, 4, 5)}


def test_a_task_without_an_answer_is_given_up_and_the_others_are_done() -> None:
    tasks = [(None, (number,)) for number in range(3, 7)]
    found = {task[1]: answer for task, answer in in_workers(hanging, tasks, 2, limit=1.0)}
    lost = found.pop((5,))
    assert lost == Lost("given up: no answer within 1 s")
    assert [int(found[number,]["number"].iloc[0]) for number in (3, 4, 6)] == [3, 4, 6]


def test_a_case_that_hangs_costs_itself_and_not_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its batch is computed in halves until it is alone; rows stay in their order."""
    monkeypatch.setattr(many, "computed", hanging)
    tasks = [(None, np.arange(8)), (None, np.arange(8, 10))]
    found = sorted(many._halved(in_workers(hanging, tasks, 2, 1.0), 2, 1.0), key=lambda one: one[0][0])  # type: ignore[arg-type]
    rows = pd.concat([table for _, table in found], ignore_index=True)
    assert list(rows["number"].fillna(-1)) == [0, 1, 2, 3, 4, -1, 6, 7, 8, 9]
    assert rows["status"][5] == "given up: no answer within 1 s"
    assert rows["status"].isna().sum() == 9


def test_an_error_of_the_program_comes_with_the_worker_s_traceback() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        list(in_workers(wrong, range(6), 2))


def alive(pid: int) -> bool:
    """A process that runs, and is not one that has ended and waits for its parent to look."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_parent(end: signal.Signals, tmp_path: Path) -> None:
    """Within two seconds, in the middle of a task, and its standard output is no one's any more."""
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, preexec_fn=interruptible) as parent:
        until(lambda: len(list(tmp_path.iterdir())) == 2, 60)
        workers = [int(path.name) for path in tmp_path.iterdir()]
        parent.send_signal(end)
        until(lambda: not any(alive(pid) for pid in workers), 2)
        assert parent.wait(2) == (-signal.SIGKILL if end == signal.SIGKILL else 130)
        assert parent.stdout is not None
        assert parent.stdout.read() == b""
