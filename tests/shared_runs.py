"""Runs of built-in studies that tests look at, made once for the whole suite, whoever asks first.

Runs of the same command have the same bytes (``test_wheel.py`` has one of them run again to see it), so that a test
that wants the outcome of a command, and not its working, may look at a copy.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from studies.cli import run
from tests.checkout import ROOT

MAIN = ("cnao-optics",)
#: Carbon at another tune of the same ring.
OTHER_TUNE = (
    "cnao-optics",
    *("--set", "working_point=extraction-carbon-400MeV"),
    *("--set", "match.targets.0.value=1.664"),
)
#: A ring of a file, in seconds.
SMALL = (str(ROOT / "examples" / "small_ring" / "study.toml"),)
#: The machines side by side, of few layers and particles.
COMPARISON = (
    "switching-comparison",
    *("--set", "dose.layer_spacing_mm=5"),
    *("--set", "linac.tracked_particles=200"),
)
#: What documents and tests look at alike.
SHARED = (MAIN, OTHER_TUNE, COMPARISON)


def shared_run(asked: Sequence[str], factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The run folder of ``lattice-optimize run`` with these words (not to be changed) and its exit code."""
    place = _place(factory) / sha256("\n".join(asked).encode()).hexdigest()[:16]
    place.mkdir(parents=True, exist_ok=True)
    told = place / "code"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be at it
        if not told.exists():
            told.write_text(str(run(["run", *asked, "--out", str(place / "run"), "-q"])))
    return place / "run", int(told.read_text())


def copied_run(asked: Sequence[str], factory: pytest.TempPathFactory, folder: Path) -> int:
    """A copy of that folder, and its exit code."""
    kept, code = shared_run(asked, factory)
    if kept.exists():
        shutil.copytree(kept, folder)
    return code


def _place(factory: pytest.TempPathFactory) -> Path:
    """Below pytest's folder, that of all workers where there are several."""
    base = factory.getbasetemp()
    return (base.parent if base.name.startswith("popen-") else base) / "shared-runs"
