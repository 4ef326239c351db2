"""A whole proton linac, 5 to 230 MeV: 100,000 protons tracked, and a table of 100 energies from matrices.

The machine has 40 tanks of 5 and 6 drift-tube cells (0 mode) and 40 tanks of 16 coupled cells (pi mode): 860 gaps, all
of them symplectic with carried phase. Where RF-Track is installed it tracks beside us.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from math import radians
from statistics import median

import numpy as np

from benchmarks import rf_track
from benchmarks.timing import Timing, cold, show
from lattice import ReferenceParticle
from lattice.arrays import Array
from optics.linac import (
    Bunch,
    Linac,
    Section,
    design_pass,
    gap_cell,
    grade_gradients,
    linac_of,
    matched_start,
    track,
    transport,
)
from optics.linac.field_integration import integrate
from optics.linac.switching.energies import energy_table

PARTICLES, ENERGIES = 100_000, 100
GOALS = {"track": 4.0, "table": 2.0}
_CPUS = 2
_FREQUENCY = 2997.92458e6
_COLD = (
    "from benchmarks.linac import bunch, machine; from optics.linac import track; m = machine(); track(m, bunch(m, 10))"
)


def machine() -> Linac:
    """The linac; its gradients are graded to 0.2 turns a period, the CCL's from 165 T/m down."""
    common = {"synchronous_phase": radians(-25), "frequency": _FREQUENCY, "magnet_length": 0.03}
    drift_tube = Section(
        name="scdtl",
        tanks=40,
        cells=[5] * 20 + [6] * 20,
        e0t=8.6e6,
        bore=2.5e-3,
        mode="0",
        cell=gap_cell(0.3),
        gradients=[(-1.0) ** i * 200 for i in range(40)],
        shortest_gap=0.045,
        tanks_per_unit=10,
        **common,
    )
    start = ReferenceParticle("proton", kinetic_energy_per_u=5e6)
    first = grade_gradients(design_pass(linac_of("scdtl", start, [drift_tube])), 0.2, 230.0)
    coupled = Section(
        name="ccl",
        tanks=40,
        cells=16,
        e0t=14.24e6,
        bore=2.5e-3,
        shortest_gap=0.065,
        tanks_per_unit=4,
        gradients=[(-1.0) ** i * (165 - i) for i in range(40)],
        **common,
    )
    end = ReferenceParticle("proton", kinetic_energy_per_u=float(transport(first).energy[-1]))
    return design_pass(Linac("linac", start, (*first.pieces, *linac_of("ccl", end, [coupled]).pieces)))


def bunch(linac: Linac, count: int) -> Array:
    """A bunch matched to its entrance, 0.03 um."""
    return _beam(linac).sample(count, seed=1)


def _beam(linac: Linac) -> Bunch:
    return Bunch(
        particle=linac.particle,
        emittance_x=3e-8,
        emittance_y=3e-8,
        sigma_phase=radians(4),
        sigma_energy=15e3,
        frequency=_FREQUENCY,
        **matched_start(linac),
    )


def run() -> None:
    """Print times and whether the goals are reached."""
    linac = machine()
    gaps = sum(tank.cells for tank in linac.tanks)
    start = bunch(linac, PARTICLES)
    energies = np.linspace(70e6, 0.999 * float(transport(linac).energy[-1]), ENERGIES)
    track(linac, start[:1000])
    energy_table(linac, energies[:2], _beam(linac))
    integrate(linac, start[:10], tolerance=1e-4)
    tracked, transmission = _timed(f"track, {PARTICLES} protons", lambda: track(linac, start).transmission)
    few, _ = _timed(
        "field integration, 200 protons", lambda: integrate(linac, start[:200], tolerance=1e-4).transmission
    )
    table, _ = _timed(f"table of {ENERGIES} energies", lambda: energy_table(linac, energies, _beam(linac)))
    show(f"Linac of {gaps} gaps, transmission {transmission:.3f}, {os.cpu_count()} CPUs", [tracked, table, few])
    for timing, key in ((tracked, "track"), (table, "table")):
        word = "reached" if timing.seconds < GOALS[key] else "NOT reached"
        print(
            f"  goal: {timing.code} in under {GOALS[key]:g} s of wall: {word} ({timing.seconds:.2f} s; {timing.note})"
        )
    print(f"  load of this machine: {os.getloadavg()[0]:.1f}; goals are for {_CPUS} CPUs that do nothing else")
    show("Cold start: a fresh interpreter, design and 10 protons", [cold("ours", _COLD, "cache warm")])
    rf_track.run()


def _timed(code: str, call: Callable[[], object]) -> tuple[Timing, float]:
    """Median of three calls, with the processor's time, and what the last gave."""
    walls, processors = [], []
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        result = call()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    timing = Timing(code, median(walls), 3, f"processor {median(processors):.2f} s")
    return timing, float(result) if isinstance(result, float) else float("nan")
