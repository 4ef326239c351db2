"""Where tasks are computed when it is not here: any ``concurrent.futures.Executor``, and those of Dask.

Dask and dask-jobqueue are an extra (``hadron-optics[cluster]``) and imported when they are asked for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import Any, TypeVar

from lattice.errors import FileError, HadronOpticsError, InputError
from studies.runs.workers import Lost

Task = TypeVar("Task")
#: Seconds within which a scheduler has to answer.
ANSWER_S = 10
#: Tasks that wait for each worker: enough that none is idle, few enough that an end does not wait for the rest.
_AHEAD = 4
#: With the protocol or without it, a name, a number of IPv4, or one of IPv6 in brackets.
_ADDRESS = re.compile(r"([a-z]+://)?([\w.-]+|\[[\da-f:]+\]):\d{1,5}", re.IGNORECASE)
_CLUSTERS = {"slurm": "SLURMCluster", "htcondor": "HTCondorCluster"}


def in_executor(
    function: Callable[[Task], Any], tasks: Iterable[Task], executor: Executor, window: int
) -> Iterator[tuple[Task, Any]]:
    """Each task with ``function`` of it, as they are finished; at most ``window`` are submitted at a time.

    A task whose workers all ended comes with ``Lost``; FileError when nobody computes any more.
    """
    waiting = iter(tasks)
    begun: dict[Future[Any], Task] = {executor.submit(function, task): task for task in islice(waiting, window)}
    while begun:
        for future in wait(begun, return_when=FIRST_COMPLETED).done:
            task = begun.pop(future)
            yield task, _result(future)
            begun |= {executor.submit(function, task): task for task in islice(waiting, 1)}


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except HadronOpticsError:
        raise
    except (CancelledError, BrokenExecutor, OSError, TimeoutError) as error:
        raise FileError(
            f"the scheduler or its workers are gone ({type(error).__name__}): what is finished is kept, --resume goes "
            "on with the rest"
        ) from None
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # of distributed: a task that several workers ended with
            return Lost("given up: several workers were lost over it")
        raise


@contextmanager
def on_scheduler(address: str) -> Iterator[tuple[Executor, int]]:
    """The executor of a Dask scheduler at ``address`` (tcp://host:port), and how many tasks to give it at a time.

    FileError when it does not answer.
    """
    distributed = _extra("distributed")
    _check_address(address)
    with _quiet(), _client(distributed, address) as client:
        yield client.get_executor(), _AHEAD * max(1, sum(client.nthreads().values()))


def _check_address(address: str) -> None:
    """InputError for what is no address; Dask would leave a client half made behind, and its traceback."""
    if not _ADDRESS.fullmatch(address):
        raise InputError(f"--scheduler: '{address}' is no address of a scheduler, expected tcp://HOST:PORT")


def _client(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout=ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise FileError(
            f"no Dask scheduler answers at {address} within {ANSWER_S} s ({_first_line(error)}): begin one with "
            "'dask scheduler' and workers with 'dask worker ADDRESS'"
        ) from None


@contextmanager
def on_cluster(kind: str, jobs: int) -> Iterator[tuple[Executor, int]]:
    """The executor of ``jobs`` jobs of a batch system, "slurm" or "htcondor", begun for this scan and ended with it.

    Queue, memory and times of a job are those of dask-jobqueue's own configuration. FileError when none can be begun.
    """
    with _quiet(), _jobs(kind, jobs) as cluster, on_scheduler(cluster.scheduler_address) as (executor, _):
        yield executor, _AHEAD * jobs


def _jobs(kind: str, jobs: int) -> Any:
    jobqueue = _extra("dask_jobqueue")
    try:
        return getattr(jobqueue, _CLUSTERS[kind])(n_workers=jobs)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise FileError(
            f"no jobs of {kind} can be begun ({_first_line(error)}): is it installed here, and does dask's "
            "jobqueue.yaml say cores, memory and queue?"
        ) from None


def _extra(module: str) -> Any:
    """A module of the extra; FileError, naming the extra, when it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        raise FileError(
            f"{module.replace('_', '-')} is not installed: pip install 'hadron-optics[cluster]', or give --jobs "
            "instead, or --write-jobs for a batch system without Dask"
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells on its loggers what is told here in a line."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
