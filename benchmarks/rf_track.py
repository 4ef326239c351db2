"""RF-Track beside our tracking of a linac, where it is installed (``pip install RF-Track``; nothing else asks for it).

Both carry the same protons through the same coupled-cell linac, 37.5 to 230 MeV, with the same RF phases: RF-Track by
integration through its own analytic standing wave, ours by one map a cell. Each looks at the bore behind its own steps.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np

from lattice.arrays import Array
from optics.linac import Linac, PermanentQuadrupole, Tank, track
from optics.linac.structure.linac import Piece
from tests.linac_machines import ccl, ccl_bunch

_PARTICLES = 1000
#: Its defaults, and the cheapest we found that keeps the energy to some keV: (algorithm, steps a cell).
_DEFAULT, _FAST = None, ("leapfrog", 4)
#: Amplitudes of units that differ from the design.
_SETTINGS: dict[str, dict[str, float]] = {
    "all units on": {},
    "last unit at half": {"ccl-10": 0.5},
    "4 units off": {f"ccl-{i}": 0.0 for i in range(7, 11)},
    "8 units off": {f"ccl-{i}": 0.0 for i in range(3, 11)},
}


@dataclass(frozen=True)
class Cost:
    """Seconds a call by the clock on the wall and by that of the processor, medians of ``repetitions``."""

    wall: float
    processor: float
    repetitions: int


@dataclass(frozen=True)
class End:
    """Energy of the reference particle and rms spread of the survivors [MeV], and the share that arrived."""

    energy: float
    spread: float
    transmission: float

    def __str__(self) -> str:
        return f"{self.energy:8.3f} MeV, {self.spread:.4f} MeV, {self.transmission:.3f}"


def run() -> None:
    """Print times a proton, their ratios, and where both codes end; or, in one line, that there is no RF-Track."""
    try:
        code = import_module("RF_Track")
    except ImportError:
        print("\nRF-Track is not installed here, so it is not compared (pip install RF-Track).")
        return
    linac, start = ccl(), ccl_bunch().sample(_PARTICLES, seed=1)
    cells = sum(tank.cells for tank in linac.tanks)
    print(f"\nRF-Track {version('RF-Track')} beside it: {cells} coupled cells, {_PARTICLES} protons, the same phases")
    _times(code, linac, start)
    print("  reference energy, sigma_W and transmission: ours | RF-Track as it comes")
    for name, amplitude in _SETTINGS.items():
        switched = linac.with_units(amplitude=amplitude)
        print(f"  {name:<18} {_our_end(switched, start)} | {_their_end(code, switched, start)}", flush=True)


def _times(code: Any, linac: Linac, start: Array) -> None:
    bunch = _bunch(code, linac, start)
    default, fast = _lattice(code, linac, _DEFAULT), _lattice(code, linac, _FAST)
    track(linac, start)
    ours = _cost(lambda: track(linac, start), 9)
    rows = {
        "ours, one map a cell": ours,
        "RF-Track as it comes": _cost(lambda: default.track(bunch), 1),
        f"RF-Track, {_FAST[0]}, {_FAST[1]} steps a cell": _cost(lambda: fast.track(bunch), 3),
    }
    print(f"  microseconds a proton: wall ({os.cpu_count()} CPUs), processor; ratios to ours")
    for name, cost in rows.items():
        print(
            f"  {name:<34} {1e6 * cost.wall / _PARTICLES:9.0f} {1e6 * cost.processor / _PARTICLES:9.0f}   "
            f"{cost.wall / ours.wall:6.1f} {cost.processor / ours.processor:6.1f}   median of {cost.repetitions}",
            flush=True,
        )


def _cost(call: Callable[[], object], repetitions: int) -> Cost:
    walls, processors = [], []
    for _ in range(repetitions):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return Cost(median(walls), median(processors), repetitions)


def _our_end(linac: Linac, start: Array) -> End:
    end = track(linac, start)
    energy = end.particle.kinetic_energy_per_u
    return End(energy / 1e6, float(np.std(end.energies)) / 1e6, end.transmission)


def _their_end(code: Any, linac: Linac, start: Array) -> End:
    lattice = _lattice(code, linac, _DEFAULT)
    reference, bunch = (_energies(code, lattice.track(_bunch(code, linac, z))) for z in (np.zeros((1, 6)), start))
    return End(float(reference[0]), float(np.std(bunch)), len(bunch) / len(start))


def _energies(code: Any, bunch: Any) -> Array:
    """Kinetic energies [MeV] of a bunch's survivors."""
    momenta = bunch.get_phase_space("%Pc")[:, 0]
    return np.asarray(np.hypot(momenta, code.protonmass) - code.protonmass)


def _bunch(code: Any, linac: Linac, coordinates: Array) -> Any:
    """Its bunch, in x, y [mm], slopes [mrad], c t [mm] and momentum [MeV/c], of our ``coordinates`` (n, 6)."""
    x, px, y, py, zeta, delta = coordinates.T
    along = np.sqrt((1.0 + delta) ** 2 - px**2 - py**2)
    momentum = linac.particle.momentum / 1e6 * (1.0 + delta)
    columns = [1e3 * x, 1e3 * px / along, 1e3 * y, 1e3 * py / along, -1e3 * zeta / linac.particle.beta, momentum]
    return code.Bunch6d(code.protonmass, float(len(coordinates)), 1.0, np.column_stack(columns))


def _lattice(code: Any, linac: Linac, steps: tuple[str, int] | None) -> Any:
    lattice = code.Lattice()
    for piece in linac.pieces:
        element = _element(code, piece, steps)
        element.set_aperture(piece.bore)
        lattice.append(element)
    return lattice


def _element(code: Any, piece: Piece, steps: tuple[str, int] | None) -> Any:
    """Its element of one of our pieces; a tank is a sine standing wave of our peak field and phase."""
    if isinstance(piece, PermanentQuadrupole):
        magnet = code.Quadrupole(piece.length, 0.0)
        magnet.set_gradient(piece.gradient)
        return magnet
    if not isinstance(piece, Tank):
        return code.Drift(piece.length)
    assert piece.rf_phase is not None
    assert piece.mode == "pi"
    tank = code.SW_Structure(piece.e0 * piece.cell.peak, piece.frequency, piece.cell_length, piece.cells)
    tank.set_t0(0.0)
    tank.set_phi(piece.rf_phase)
    if steps is not None:
        tank.set_odeint_algorithm(steps[0])
        tank.set_nsteps(steps[1] * piece.cells)
    return tank
