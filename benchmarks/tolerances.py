"""Thousands of CNAO rings with errors: drawn, orbits corrected, optics of each; processor time of a ring."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from studies.scan.many import CasesRun
from studies.spec.builtin import study_path
from studies.spec.study_file import load_study
from studies.tolerances.machines import BATCH

MACHINES = 10_000
GOAL = 60.0  # s for all of them, with orbit correction, on two processors
_PROCESSORS = 2
_BATCHES = 3


def run() -> None:
    """Time some batches, after one that compiles, and say what ten thousand rings take."""
    for title, changes in (
        ("orbits before and after correction, beating, coupling, tunes", ["machine_requirements=false"]),
        ("all that the built-in study judges: every beam, chromaticity, resonance too", []),
    ):
        seconds = _processor_time(changes)
        total = seconds * MACHINES / _PROCESSORS
        print(f"\n{title}")
        print(f"  processor time of a ring: {1e3 * seconds:.1f} ms (of one processor)")
        reached = "reached" if total <= GOAL else "NOT reached"
        print(f"  {MACHINES:,} rings on {_PROCESSORS} processors: {total:.0f} s; goal {GOAL:g} s: {reached}")


def _processor_time(changes: list[str]) -> float:
    """What a ring takes on a processor, however many others share it [s]."""
    path: Any = study_path("cnao-tolerances")
    cases = CasesRun.of(load_study(path, changes), path)
    cases.rows(np.arange(BATCH))
    begin = time.process_time()
    for batch in range(1, 1 + _BATCHES):
        cases.rows(np.arange(batch * BATCH, (batch + 1) * BATCH))
    return (time.process_time() - begin) / (_BATCHES * BATCH)
