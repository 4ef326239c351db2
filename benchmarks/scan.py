"""Scans of the CNAO ring, beside Xsuite and MAD-X looped over lattices in the same run.

Three quadrupole families move at random by 1 %. Ours gives tunes, stability, chromaticity and the peaks of beta and
dispersion inside elements; the others their Twiss at the ends of elements (MAD-X its first-order chromaticity). What
must come out is the same: the largest differences to a looped ``twiss`` of ours are printed.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from benchmarks.optics import _madx, _without_apertures
from benchmarks.timing import Case, Timing, show, timed, verdict
from lattice import Lattice
from lattice.arrays import Array
from machines.cnao_like import cnao
from optics import scan, to_xsuite, twiss

FAMILIES = ("kf", "kd", "kr")
GOAL = 300_000  # lattices a second
_LATTICES = 200_000
_LOOPED = {"ours": 100, "madx": 20, "xsuite": 4}


def run() -> None:
    """Time everything and print the tables."""
    ring = _without_apertures(cnao())
    parameters = _random(ring, _LATTICES)
    scan(ring, parameters={name: values[:100] for name, values in parameters.items()})  # compiled
    with _madx(ring) as madx:
        timings = timed(list(_cases(ring, parameters, madx)))
    timings = [_each(timing, _LATTICES) if "scan" in timing.code else timing for timing in timings]
    show(f"optics of {len(FAMILIES)} random families of the CNAO ring, time of a lattice", timings)
    for timing in timings[:2]:
        print(f"  {timing.code}: {1 / timing.seconds:,.0f} lattices a second")
    print(f"  processor time of a lattice: {1e6 * _processor_time(ring, parameters):.2f} us (of one processor)")
    reached = "reached" if 1 / timings[0].seconds >= GOAL else "NOT reached"
    print(f"  goal: {GOAL:,} lattices a second on 2 processors: {reached} ({os.cpu_count()} here)")
    verdict(timings, "Xsuite", 1000)
    _show_differences(ring, {name: values[:200] for name, values in parameters.items()})


def _processor_time(ring: Lattice, parameters: dict[str, Any]) -> float:
    """What a lattice takes on a processor, however many others share it [s]."""
    begin = time.process_time()
    scan(ring, parameters=parameters)
    return (time.process_time() - begin) / _LATTICES


def _random(ring: Lattice, n: int) -> dict[str, Array]:
    rng = np.random.default_rng(1)
    return {name: ring.parameters[name] * (1.0 + 0.01 * rng.standard_normal(n)) for name in FAMILIES}


def _cases(ring: Lattice, parameters: dict[str, Any], madx: Any) -> list[Case]:
    def one(i: int) -> dict[str, float]:
        return {name: float(values[i]) for name, values in parameters.items()}

    line = to_xsuite(ring)

    def xsuite(i: int) -> None:
        for name, value in one(i).items():
            line[name] = value
        line.twiss4d()

    def of_madx(i: int) -> None:
        madx.input(" ".join(f"{name}={value!r};" for name, value in one(i).items()) + " twiss;")

    cases = [
        Case("ours, scan", lambda i: scan(ring, parameters=parameters), 1, "all processors"),
        Case("ours, scan, one thread", lambda i: scan(ring, parameters=parameters, jobs=1), 1),
        Case("ours, twiss looped", lambda i: twiss(ring.with_parameters(one(i))), _LOOPED["ours"]),
    ]
    if madx is not None:
        cases.append(Case("MAD-X looped", of_madx, _LOOPED["madx"]))
    return [*cases, Case("Xsuite looped", xsuite, _LOOPED["xsuite"], "twiss4d")]


def _each(timing: Timing, n: int) -> Timing:
    return Timing(timing.code, timing.seconds / n, timing.repetitions, timing.note)


def _show_differences(ring: Lattice, parameters: dict[str, Any]) -> None:
    table = scan(ring, parameters=parameters)
    optics = twiss(ring.with_parameters(parameters))
    stable = table["stable"].to_numpy()
    off = {
        name: np.abs(table[name].to_numpy() - optics.scalar(name))[stable].max() for name in ("qx", "qy", "dqx", "dqy")
    }
    off |= {
        f"max_{name}": np.abs(table[f"max_{name}"].to_numpy() - optics.maximum(name))[stable].max()
        for name in ("betx", "bety", "dx")
    }
    print("  largest difference to twiss: " + ", ".join(f"{name} {value:.1e}" for name, value in off.items()))
