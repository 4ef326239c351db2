"""Timing: medians of repeated calls, and cold starts of fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import history


@dataclass(frozen=True)
class Timing:
    """``seconds``: the median of ``repetitions`` calls."""

    code: str
    seconds: float
    repetitions: int
    note: str = ""


_BLOCKS = 5


@dataclass(frozen=True)
class Case:
    """Something to time: ``call(0)``, ``call(1)`` ... in blocks of ``repetitions``."""

    code: str
    call: Callable[[int], object]
    repetitions: int
    note: str = ""


def timed(cases: Sequence[Case]) -> list[Timing]:
    """Median time of a call of each case.

    The cases take turns, block by block, so that a busy machine slows them all; the first call of a block, which
    finds the processor's caches filled by another code, is not counted.
    """
    times: list[list[float]] = [[] for _ in cases]
    for _ in range(_BLOCKS):
        for case, found in zip(cases, times, strict=True):
            case.call(0)
            found += [_seconds(case.call, repetition) for repetition in range(case.repetitions)]
    return [Timing(case.code, median(found), len(found), case.note) for case, found in zip(cases, times, strict=True)]


def _seconds(call: Callable[[int], object], repetition: int) -> float:
    begin = time.perf_counter()
    call(repetition)
    return time.perf_counter() - begin


def cold(code: str, program: str, note: str, *, empty_cache: bool = False) -> Timing:
    """Wall time of a fresh Python that runs ``program``, imports included; ``empty_cache``: nothing compiled yet."""
    with TemporaryDirectory() as folder:
        environment = {**os.environ, **({"NUMBA_CACHE_DIR": folder} if empty_cache else {})}
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True)
        return Timing(code, time.perf_counter() - begin, 1, note)


def show(title: str, timings: list[Timing]) -> None:
    """Print a table; ratios are to the first row, and are kept in the history."""
    print(f"\n{title}")
    for timing in timings:
        ratio = timing.seconds / timings[0].seconds
        if timing is not timings[0]:
            history.note(f"{title}: {timing.code}", ratio)
        print(
            f"  {timing.code:<34} {1e3 * timing.seconds:10.3f} ms   {ratio:8.1f}   "
            f"median of {timing.repetitions:<3}  {timing.note}"
        )


def verdict(timings: list[Timing], code: str, goal: float) -> None:
    """Print whether the first row is ``goal`` times faster than every row of ``code``."""
    ratios = [timing.seconds / timings[0].seconds for timing in timings if timing.code.startswith(code)]
    if ratios:
        word = "reached" if min(ratios) >= goal else "NOT reached"
        print(f"  goal: {goal:g} times faster than {code}: {word} ({min(ratios):.1f})")
