"""A worker process (``studies.runs.workers`` begins it): takes tasks from its line and sends results back."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

_PR_SET_PDEATHSIG = 1
_LOOK_S = 0.5


def end_with(parent: int) -> None:
    """End this process soon after its parent has ended, also in the middle of a task and without its doing.

    Linux sends a signal then; elsewhere a thread looks who the parent is, and the end of the line tells one that waits.
    """
    with suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


def serve(line: Connection) -> None:
    """Answer tasks until the line ends."""
    function = line.recv()
    line.send(("ready", None))
    while True:
        task = line.recv()
        line.send(_answer(function, task))


def _answer(function: Any, task: Any) -> tuple[str, Any]:
    try:
        return "done", function(task)
    except Exception:
        return "failed", traceback.format_exc()


def main() -> None:
    """Entry point: the line's file descriptor and the parent's process."""
    handle, parent = int(sys.argv[1]), int(sys.argv[2])
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent ends its workers
    with suppress(EOFError, OSError):
        serve(Connection(handle))


if __name__ == "__main__":
    main()
