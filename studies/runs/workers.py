"""Processes that compute tasks side by side, end with the process that began them, and may be lost.

A worker that is killed (for want of memory, by a person) costs the task that it had in hand, which another one does
again; a task that has cost three workers is given up. So is, at once, one that gives no answer for an hour: tasks are
cut to take seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from lattice.errors import FileError
from studies.runs.logs import LOGGER

Task = TypeVar("Task")
#: Workers that one task may cost.
_ATTEMPTS = 3
#: Seconds that a task may take before it is given up.
LIMIT_S = 3600.0


@dataclass(frozen=True)
class Lost:
    """In place of a result: the task ended every worker that took it, or gave no answer; ``reason`` says how."""

    reason: str


@dataclass
class _Worker:
    """A process, our end of its line; ``task`` is what it has in hand, ``attempt`` for which time; until ``last``."""

    process: subprocess.Popen[bytes]
    line: Connection
    task: Any = None
    attempt: int = 0
    ready: bool = False
    last: float = inf


def in_workers(
    function: Callable[[Any], Any], tasks: Iterable[Task], jobs: int, limit: float = LIMIT_S
) -> Iterator[tuple[Task, Any]]:
    """Each task with ``function`` of it, as they are finished, ``jobs`` at a time.

    ``function`` stands in a module; it, the tasks and the results can be pickled. A task that was given up, also after
    ``limit`` [s] without an answer, comes with ``Lost``. RuntimeError with the worker's traceback when ``function``
    raises; FileError when no worker can be begun.
    """
    waiting, again = iter(tasks), deque[tuple[Any, int]]()
    workers: list[_Worker] = []
    try:
        while True:
            _hand_out(workers, waiting, again, function, jobs, limit)
            if not workers:
                return
            for line in wait([worker.line for worker in workers], _patience(workers)):
                worker = next(one for one in workers if one.line is line)
                yield from _heard(worker, workers, again, limit)
            yield from _overdue(workers, limit)
    finally:
        for worker in workers:
            _end(worker)


def _patience(workers: list[_Worker]) -> float | None:
    """Seconds until the first of them is overdue; None where none will be."""
    first = min(worker.last for worker in workers)
    return None if first == inf else max(first - time.monotonic(), 0.0)


def _overdue(workers: list[_Worker], limit: float) -> Iterator[tuple[Any, Lost]]:
    """The tasks of workers that gave no answer in time; the workers are ended."""
    for worker in [one for one in workers if time.monotonic() > one.last]:
        workers.remove(worker)
        _end(worker)
        yield worker.task, Lost(f"given up: no answer within {limit:g} s")


def _hand_out(
    workers: list[_Worker],
    waiting: Iterator[Any],
    again: deque[tuple[Any, int]],
    function: Any,
    jobs: int,
    limit: float,
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
        worker.last = time.monotonic() + limit if worker.ready else inf  # reading the modules is no part of the task
        with suppress(OSError):  # it has died since: its line says so
            worker.line.send(worker.task)
    for worker in idle:
        _end(worker)
        workers.remove(worker)


def _heard(
    worker: _Worker, workers: list[_Worker], again: deque[tuple[Any, int]], limit: float
) -> Iterator[tuple[Any, Any]]:
    """What comes over a worker's line: that it is ready, a result, or its end."""
    try:
        kind, content = worker.line.recv()
    except (EOFError, OSError):
        workers.remove(worker)
        yield from _died(worker, again)
        return
    if kind == "ready":
        worker.ready, worker.last = True, time.monotonic() + limit
    elif kind == "failed":
        raise RuntimeError(f"a worker process failed:\n{content}")
    else:
        task, worker.task, worker.attempt, worker.last = worker.task, None, 0, inf
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
