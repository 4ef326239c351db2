"""The bound of spill tracking: the same arithmetic in C, built where a compiler is found."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_SOURCE = Path(__file__).with_name("spill_bound.c")
_GROUPS = (2, 3, 4)  # vectors that are interleaved; which is best depends on the processor


@dataclass(frozen=True)
class Bound:
    """Particle-turns in a second of the processor: with the sections' ``matrices``, and with ``shears`` for them."""

    matrices: float
    shears: float


def spill_bound(cuts: int) -> Bound | None:
    """Of a turn with so many ``cuts``, the best of several groups of vectors; None without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    with TemporaryDirectory() as folder:
        try:
            found = [_rates(compiler, Path(folder) / str(groups), groups, cuts) for groups in _GROUPS]
        except (OSError, subprocess.CalledProcessError):
            return None
    return Bound(*(1e6 * max(rates) for rates in zip(*found, strict=True)))


def _rates(compiler: str, program: Path, groups: int, cuts: int) -> tuple[float, ...]:
    options = ["-O3", "-march=native", "-ffast-math", f"-DGROUPS={groups}", f"-DCUTS={cuts}"]
    subprocess.run([compiler, *options, str(_SOURCE), "-o", str(program)], check=True, capture_output=True)
    out = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    return tuple(float(word) for word in out.split())
