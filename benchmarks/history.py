"""Ratios of earlier runs on this machine, kept in the user's cache: what became slower shows.

Ratios only, of a bound or a peer to ours in the same run: times of a busy machine say nothing.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from optics.caching import user_caches

FILE = user_caches() / "hadron-optics" / "benchmarks.jsonl"
_LAST = 5  # runs that a new one is held beside
_SLOWER = 0.9  # of their median


@dataclass(frozen=True)
class Slower:
    """A ``ratio`` that was ``before``, the median of the last runs; larger is faster."""

    name: str
    before: float
    ratio: float


_noted: dict[str, float] = {}


def note(name: str, ratio: float) -> None:
    """Remember a ratio of this run; larger is faster."""
    _noted[name] = ratio


def finish(file: Path = FILE) -> None:
    """Print what became slower by more than a tenth since the last runs on this machine, and append this one."""
    if not _noted:
        return
    for one in compared(file, _noted):
        print(f"SLOWER: {one.name}: ratio {one.ratio:.3g}, before {one.before:.3g}")
    append(file, _noted)
    print(f"{len(_noted)} ratios appended to {file}")
    _noted.clear()


def compared(file: Path, ratios: Mapping[str, float]) -> list[Slower]:
    """Which of these ``ratios`` are less than nine tenths of the median of the last runs in ``file``."""
    runs = [run["ratios"] for run in _runs(file) if run.get("machine") == _machine()]
    found = []
    for name, ratio in ratios.items():
        before = [run[name] for run in runs if name in run][-_LAST:]
        if before and ratio < _SLOWER * median(before):
            found.append(Slower(name, median(before), ratio))
    return found


def append(file: Path, ratios: Mapping[str, float]) -> None:
    """One line for this run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    run = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": _machine(), "ratios": dict(ratios)}
    with file.open("a", encoding="utf-8") as out:
        out.write("\n" + json.dumps(run))  # behind a line that may be cut short


def _runs(file: Path) -> list[dict[str, Any]]:
    """Of a history, which may not be there, and whose last line may be half written."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        try:
            run = json.loads(line)
        except ValueError:
            continue
        if isinstance(run, dict) and isinstance(run.get("ratios"), dict):
            found.append(run)
    return found


def _machine() -> str:
    """Which processor this is, as far as the system tells."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else f"{platform.machine()} {platform.processor()}".strip()
