"""Tasks for worker processes: they say who does them, wait, and die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def doubled(number: int) -> int:
    """Twice the number."""
    return 2 * number


def signed(folder: Path) -> int:
    """Leave a file with the name of this process, and work for a minute without letting go."""
    (folder / str(os.getpid())).touch()
    begun = time.monotonic()
    while time.monotonic() < begun + 60:
        sum(range(10_000))
    return os.getpid()


def killed_once(task: tuple[Path, int]) -> int:
    """The third task ends its worker the first time."""
    folder, number = task
    with_mark = folder / "killed"
    if number == 3 and not with_mark.exists():
        with_mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def killed_always(number: int) -> int:
    """The third task ends every worker."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def wrong(number: int) -> float:
    """An error of the program."""
    return 1 / (number - 3)


def interruptible() -> None:
    """Ctrl-C ends the process also where the tests run in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def hanging(task: tuple[object, Sequence[int]]) -> pd.DataFrame:
    """The numbers of a batch; 5 never comes to an end."""
    while 5 in task[1]:
        time.sleep(1.0)
    return pd.DataFrame({"number": task[1]})
