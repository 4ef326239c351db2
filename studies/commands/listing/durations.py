"""How long the built-in studies take: measured once, and what the last run here took."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

#: Seconds of each built-in study, report included: measured on two processors, one worker, compiled code in the cache.
SECONDS: Mapping[str, float] = MappingProxyType(
    {
        "cnao-delivery": 60,
        "cnao-energy-switching": 30,
        "cnao-extraction": 195,
        "cnao-gantry": 30,
        "cnao-optics": 70,
        "cnao-search": 30,
        "cnao-tolerances": 240,
        "helium-ring-search": 15,
        "linac-delivery": 150,
        "linac-energy-switching": 110,
        "linac-optics": 150,
        "linac-search": 15,
        "linac-tolerances": 210,
        "line-tolerances": 25,
        "medaustron-extraction": 205,
        "medaustron-optics": 15,
        "pimms-extraction": 230,
        "pimms-optics": 55,
        "switching-comparison": 95,
    }
)
_TOOK = re.compile(r"^took ([0-9.]+) s$", re.MULTILINE)


def expected(study: str) -> str:
    """ "40 s", or "4 min" from two minutes on; "-" for a study that was never measured."""
    seconds = SECONDS.get(study)
    if seconds is None:
        return "-"
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def altogether() -> str:
    """All built-in studies, one after the other, as a sentence."""
    minutes = sum(SECONDS.values()) / 60
    return f"All {len(SECONDS)} built-in studies: about {minutes:.0f} min on two processors."


def last_run(folder: Path) -> str | None:
    """The time that the log of a finished run in ``folder`` tells ("39.00 s"); None without one."""
    try:
        found = _TOOK.search((folder / "log.txt").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return f"{found[1]} s" if found else None
