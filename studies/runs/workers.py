"""Processes that compute tasks side by side, end with the process that began them, and may be lost.

A worker that is killed (for want of memory, by a person) costs the task that it had in hand, which another one does
again; a task that has cost three workers is given up.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from lattice.errors import FileError
from studies.runs.logs import LOGGER

Task = TypeVar("Task")
#: Workers that one task may cost.
_ATTEMPTS = 3


@dataclass(frozen=True)
class Lost:
    """In place of a result: the task ended every worker that took it; ``reason`` says how."""

    reason: str


@dataclass
class _Worker:
    """A process and our end of its line; ``task`` is what it has in hand, ``attempt`` for which time."""

    process: subprocess.Popen[bytes]
    line: Connection
    task: Any = None
    attempt: int = 0
    ready: bool = False


def in_workers(function: Callable[[Any], Any], tasks: Iterable[Task], jobs: int) -> Iterator[tuple[Task, Any]]:
    """Each task with ``function`` of it, as they are finished, ``jobs`` at a time.

    ``function`` stands in a module; it, the tasks and the results can be pickled. A task that was given up comes with
    ``Lost``. RuntimeError with the worker's traceback when ``function`` raises; FileError when no worker can be begun.
    """
    waiting, again = iter(tasks), deque[tuple[Any, int]]()
    workers: list[_Worker] = []
    try:
        while True:
            _hand_out(workers, waiting, again, function, jobs)
            if not workers:
                return
            for line in wait([worker.line for worker in workers]):
                worker = next(one for one in workers if one.line is line)
                yield from _heard(worker, workers, again)
    finally:
        for worker in workers:
            _end(worker)


def _hand_out(
    workers: list[_Worker], waiting: Iterator[Any], again: deque[tuple[Any, int]], function: Any, jobs: int
) -> None:
    """Give a task to every idle worker, beginning workers as they are needed and ending those that are not."""
    idle = [worker for worker in workers if worker.attempt == 0]
    while idle or len(workers) < jobs:
        found = again.popleft() if again else next(((task, 1) for task in waiting), None)
        if found is None:
            break
        if not idle:
            workers.append(_begin(function))
            idle.append(workers[-1])
        worker = idle.pop()
        worker.task, worker.attempt = found
        with suppress(OSError):  # it has died since: its line says so
            worker.line.send(worker.task)
    for worker in idle:
        _end(worker)
        workers.remove(worker)


def _heard(worker: _Worker, workers: list[_Worker], again: deque[tuple[Any, int]]) -> Iterator[tuple[Any, Any]]:
    """What comes over a worker's line: that it is ready, a result, or its end."""
    try:
        kind, content = worker.line.recv()
    except (EOFError, OSError):
        workers.remove(worker)
        yield from _died(worker, again)
        return
    if kind == "ready":
        worker.ready = True
    elif kind == "failed":
        raise RuntimeError(f"a worker process failed:\n{content}")
    else:
        task, worker.task, worker.attempt = worker.task, None, 0
        yield task, content


def _died(worker: _Worker, again: deque[tuple[Any, int]]) -> Iterator[tuple[Any, Any]]:
    _end(worker)
    how = _ending(worker.process.returncode)
    if worker.attempt < _ATTEMPTS:
        LOGGER.warning("a worker process was lost (%s); its task is done again", how)
        again.append((worker.task, worker.attempt + 1))
    elif not worker.ready:
        raise FileError(f"worker processes cannot be started ({how}): give --jobs 1, or free memory")
    else:
        yield worker.task, Lost(f"given up: {_ATTEMPTS} worker processes were lost over it ({how})")


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"{signal.Signals(-code).name}, perhaps for want of memory"
    return f"it ended with {code}"


def _begin(function: Callable[[Any], Any]) -> _Worker:
    """A Python of its own with the same paths: nothing of this process is copied but what goes over the line."""
    ours, theirs = Pipe()
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    begun_with = [str(theirs.fileno()), str(os.getpid())]
    command = [sys.executable, "-P", "-W", "ignore", "-m", "studies.runs.worker", *begun_with]
    try:
        process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
        )
    except OSError as error:
        raise FileError(f"worker processes cannot be started ({error.strerror}): give --jobs 1") from None
    finally:
        theirs.close()
    with suppress(OSError):
        ours.send(function)
    return _Worker(process, ours)


def _end(worker: _Worker) -> None:
    worker.line.close()
    worker.process.kill()
    worker.process.wait()
