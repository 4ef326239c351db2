"""MAD-X, by cpymad, as the reference for what a file means; without cpymad such tests are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from lattice.arrays import Array

#: The start of a Twiss along a line, any will do.
START = {"betx": 3.0, "bety": 2.0, "alfx": 0.1, "alfy": -0.2, "dx": 0.5, "dpx": 0.1, "dy": 0.3, "dpy": -0.1}


@contextmanager
def madx(text: str) -> Iterator[Any]:
    """A MAD-X that has read ``text``; quiet, and gone at the end."""
    cpymad = pytest.importorskip("cpymad.madx", reason="cpymad is not installed: not compared with MAD-X")
    with TemporaryDirectory() as folder:  # PTC leaves files where MAD-X was started
        session = cpymad.Madx(stdout=False, cwd=folder)
        try:
            session.input(text)
            yield session
        finally:
            session.quit()


@dataclass(frozen=True)
class MadxOptics:
    """What MAD-X says of the named elements in order: exits [m] and optics there; and its summary."""

    names: list[str]
    columns: dict[str, Array]
    summary: dict[str, float]


def madx_optics(text: str, sequence: str) -> MadxOptics:
    """MAD-X's own reading of a text: periodic Twiss of one sequence; implicit drifts left out."""
    with madx(text) as session:
        return used_optics(session, sequence, {})


def used_optics(session: Any, sequence: str, start: dict[str, float]) -> MadxOptics:
    """Twiss of a sequence that MAD-X knows, from a start or periodic; implicit drifts left out."""
    session.use(sequence)
    table = session.twiss(**start)
    names = [str(name).split(":")[0] for name in table.name]
    kept = np.array(["$" not in name and not name.startswith("drift_") for name in names])
    columns = ("s", "l", "betx", "alfx", "bety", "alfy", "x", "px", "y", "py", "dx", "dy", "r11", "r12")
    return MadxOptics(
        [name for name, keep in zip(names, kept, strict=True) if keep],
        {column: np.array(table[column])[kept] for column in columns},
        dict(table.summary),
    )
