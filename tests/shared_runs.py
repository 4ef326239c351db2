"""Runs of built-in studies that tests look at, made once for the whole suite, whoever asks first.

Runs of the same command have the same bytes (``test_runs.py`` has one of them run again to see it), so that a test that
wants the outcome of a command, and not its working, may look at a copy.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from studies.cli import run


def shared_run(study: str, factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The run folder of ``lattice-optimize run STUDY`` (to be looked at, not changed) and its exit code."""
    place = _place(factory) / study
    place.mkdir(parents=True, exist_ok=True)
    told = place / "code"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be at it
        if not told.exists():
            told.write_text(str(run(["run", study, "--out", str(place / "run"), "-q"])))
    return place / "run", int(told.read_text())


def copied_run(study: str, factory: pytest.TempPathFactory, folder: Path) -> int:
    """A copy of that folder, and its exit code."""
    kept, code = shared_run(study, factory)
    if kept.exists():
        shutil.copytree(kept, folder)
    return code


def _place(factory: pytest.TempPathFactory) -> Path:
    """Below pytest's folder, that of all workers where there are several."""
    base = factory.getbasetemp()
    return (base.parent if base.name.startswith("popen-") else base) / "shared-runs"
