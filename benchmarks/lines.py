"""Settings of a line with a gantry: 100 energies, 3 spot sizes and 4 angles found together."""

from __future__ import annotations

import time
from math import radians

import numpy as np

from lattice import ReferenceParticle
from lattice.arrays import Array
from machines.registry import line_named
from optics import Moments
from optics.line.settings import Settings, settings

ENERGIES, SPOTS, ANGLES = 100, ((4e-3, 4e-3), (6e-3, 6e-3), (3e-3, 5e-3)), (0.0, 30.0, 37.0, 90.0)
GOAL = 60.0  # s on two processors


def bars(particles: list[ReferenceParticle]) -> Array:
    """Second moments (n, 6, 6) as of an extracted beam: a bar of 1.4e-8 m in x, 4.3 m of dispersion, 0.52 um in y."""
    found = []
    for particle in particles:
        scale = particle.beta * particle.gamma
        functions = {"betx": 50.8, "alfx": 3.31, "bety": 3.6, "alfy": 0.7, "dx": 4.3, "dpx": 0.67}
        beam = Moments.from_functions(
            particle, functions, emittance_x=1.4e-8, emittance_y=0.52e-6 / scale, sigma_delta=3e-4
        )
        found.append(beam.sigma)
    return np.array(found)


def found() -> Settings:
    """The settings of all energies and spots, each for all angles."""
    machine = line_named("cnao-gantry")
    energies = np.linspace(62.5e6, 227.5e6, ENERGIES)
    particles = [ReferenceParticle("proton", kinetic_energy_per_u=float(energy)) for energy in energies]
    sizes = np.tile(np.array(SPOTS), (ENERGIES, 1))
    largest = np.repeat([machine.ratings["gradient"].value / one.magnetic_rigidity for one in particles], len(SPOTS))
    return settings(
        machine.line,
        Moments(particles[0], np.repeat(bars(particles), len(SPOTS), axis=0)),
        vary=machine.settable,
        size_x=sizes[:, 0],
        size_y=sizes[:, 1],
        at=machine.isocentre,
        limits=dict.fromkeys(machine.settable, (-largest, largest)),
        turned=("gantry_angle", [radians(angle) for angle in ANGLES]),
    )


def run() -> None:
    """Print the time of the first call, compiled code loaded or made, and of the second, beside the goal."""
    for told in ("first call", "second call"):
        begun, busy = time.perf_counter(), time.process_time()
        one = found()
        wall, busy = time.perf_counter() - begun, time.process_time() - busy
        reached = f"{int(one.reached.sum())} of {len(one.reached)} reached"
        print(
            f"settings, {ENERGIES} energies x {len(SPOTS)} spots x {len(ANGLES)} angles, {told}: {wall:.1f} s "
            f"({busy:.1f} s of processor; goal {GOAL:g} s), {reached}, largest change with the angle "
            f"{one.spots.change.max():.1e}"
        )
