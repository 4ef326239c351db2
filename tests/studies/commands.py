"""What tests of commands share: settings, results, processes to wait for, and a small study to scan."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.checkout import ROOT
from tests.studies.tasks import interruptible


def settings(*changes: str) -> list[str]:
    """``--set`` before each."""
    return [word for change in changes for word in ("--set", change)]


def results(folder: Path) -> dict[str, Any]:
    """What results.json of a run holds."""
    read: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return read


def tunes_study(*requirements: tuple[str, str, str]) -> str:
    """A study of CNAO's ring whose requirements are ``quantity``, "lower" or "upper" = limit, and ``unit`` each."""
    head = 'study = "optics"\nname = "tunes"\nmachine = "cnao"\nmachine_requirements = false\n'
    return head + "".join(
        f'[[requirement]]\nid = "OWN-{number:02d}"\ntext = "Own {quantity}"\nquantity = "{quantity}"\n{limit}\n'
        f'unit = "{unit}"\nsource = "the test"\n'
        for number, (quantity, limit, unit) in enumerate(requirements, start=1)
    )


def begun(*command: str, within: Path | None = None) -> subprocess.Popen[str]:
    """A Python of this tree that runs ``command`` (``within`` a folder); it can be written to, its output read."""
    return subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        preexec_fn=interruptible,
        cwd=within,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def until(condition: Callable[[], object], seconds: float) -> None:
    """Wait for what must come within ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)
