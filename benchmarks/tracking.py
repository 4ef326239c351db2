"""1,000 particles round the CNAO ring, every element and aperture, beside Xsuite on one processor in the same run.

Xsuite tracks the line that ``to_xsuite`` makes, with exact bodies: with 28 kicks a quadrupole and sextupole, as it is
compared with our optics, and with 14 and 7, as its spills are tracked. Processor time of a turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.timing import Timing, show, verdict
from lattice.arrays import Array
from machines.cnao_like import cnao
from optics import to_xsuite, track

_PARTICLES, _TURNS, _ROUNDS = 1000, 10, 5
_SPREAD = (1e-3, 1e-4, 1e-3, 1e-4, 1e-2, 1e-4)  # m, rad, m, rad, m, 1


def run() -> None:
    """Time all in turn and print the table."""
    ring = cnao()
    start = np.random.default_rng(1).standard_normal((_PARTICLES, 6)) * _SPREAD
    cases = {
        "ours": lambda: track(ring, None, start, turns=_TURNS),
        "ours, a monitor in every turn": lambda: track(ring, None, start, turns=_TURNS, monitors=["symp"]),
        "Xsuite, 28 kicks": _xsuite(to_xsuite(ring, apertures=True), start),
        "Xsuite, 14 and 7 kicks": _xsuite(
            to_xsuite(ring, apertures=True, quadrupole_kicks=14, sextupole_kicks=7), start
        ),
    }
    timings = _turn_times(cases)
    show(f"{_PARTICLES} particles round the CNAO ring, processor time of a turn", timings)
    verdict(timings, "Xsuite", 1)


def _xsuite(line: Any, start: Array) -> Callable[[], object]:
    line.build_tracker()
    reference = line.particle_ref
    named = dict(zip(("x", "px", "y", "py", "zeta", "delta"), start.T, strict=True))
    begin = line.build_particles(particle_ref=reference, **named)
    return lambda: line.track(begin.copy(), num_turns=_TURNS)


def _turn_times(cases: dict[str, Callable[[], object]]) -> list[Timing]:
    """The cases take turns, so that a busy machine slows them all; the first call of each is not counted."""
    for call in cases.values():
        call()
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(_ROUNDS):
        for name, call in cases.items():
            begin = time.process_time()
            call()
            found[name].append((time.process_time() - begin) / _TURNS)
    return [Timing(name, float(np.median(times)), _ROUNDS) for name, times in found.items()]
