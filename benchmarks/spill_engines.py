"""Both trackers of a spill, 10,000 particles and 5,000 turns a driver: the long version of the tests' comparison.

Xsuite takes some ten minutes for each driver on one thread.
"""

from __future__ import annotations

import time
from dataclasses import replace

from scipy.stats import ks_2samp

from extraction import (
    BetatronCore,
    ConstantOptics,
    PhaseDisplacement,
    RFKnockout,
    Ripple,
    Septum,
    Spill,
    TuneSweep,
    track_spill,
)
from extraction.drivers.drivers import Driver
from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from machines.cnao_like import cnao
from optics import Beam, sample_beam, twiss

_PARTICLES, _TURNS = 10_000, 5000
_SEPTUM, _ANGLE = "se_010a_esp", 0.8e-3  # rad: its wires stand along the arm
_EXCITER = "s2_008a_csh"
_RIPPLE = Ripple("kf", ((1e-5, 50.0, 0.0), (1e-5, 300.0, 0.5), (5e-6, 600.0, 1.0)))
_CHANCE = 0.01  # below which two samples are taken for different


def run(particles: int = _PARTICLES) -> None:
    """Print, for each driver, the chances of the differences in turn and angle of extraction.

    Each tracker has particles of its own seed: the samples are independent, as the test demands.
    """
    ring, particle = cnao(), ReferenceParticle("proton", kinetic_energy_per_u=60e6)
    septum = replace(Septum.of(ring, _SEPTUM), angle=_ANGLE)
    end = _TURNS * float(ring.length) / (particle.beta * SPEED_OF_LIGHT)
    print(f"\nBoth trackers, {particles} particles each, {_TURNS} turns: Kolmogorov-Smirnov of turn and angle")
    for name, (driver, delta) in _drivers(ring, end).items():
        begun = time.perf_counter()
        ours, theirs = (
            track_spill(
                ring,
                particle,
                _stack(ring, particle, particles, delta, seed),
                driver,
                septum,
                turns=_TURNS,
                engine=engine,
                ripple=_RIPPLE,
            )
            for engine, seed in (("sectional", 1), ("xsuite", 2))
        )
        print(f"  {name:<20} {_judged(ours, theirs)} ({time.perf_counter() - begun:.0f} s)", flush=True)


def _drivers(ring: Lattice, end: float) -> dict[str, tuple[Driver, float]]:
    """Each driver with the momentum of its stack; all drive most of it out by ``end`` [s]."""
    kf = float(ring.parameters["kf"])
    noise = RFKnockout(_EXCITER, [(0.0, 8e-6), (end, 8e-6)], 0.668, "noise", 0.01)
    return {
        "betatron core": (BetatronCore([(0.0, 0.0), (end, 1.2e-3)]), -9e-4),
        "tune sweep": (TuneSweep("kf", [(0.0, kf - 2e-4), (end, kf + 6e-4)]), 0.0),
        "constant optics": (ConstantOptics([(0.0, 0.0), (end, -1.2e-3)]), -9e-4),
        "RF knock-out": (noise, -1e-3),
        "phase displacement": (PhaseDisplacement([(0.0, 1.5e-3), (end, -1.5e-3)], volt=50.0), -6e-4),
    }


def _stack(ring: Lattice, particle: ReferenceParticle, count: int, delta: float, seed: int) -> Array:
    beam = Beam.normalised(particle, 0.52e-6, 0.52e-6, delta=delta)
    optics = twiss(ring, particle, chromatic=False)
    return sample_beam(beam, optics, count, seed=seed, momenta="uniform", full_width=4e-4, coasting=True)


def _judged(ours: Spill, theirs: Spill) -> str:
    first, second = ours.extracted, theirs.extracted
    counts = f"{len(first)} and {len(second)} extracted, {len(ours.lost)} and {len(theirs.lost)} lost"
    if min(len(first), len(second)) < 50:
        return f"{counts}: too few to compare"
    chances = [float(ks_2samp(first[name], second[name]).pvalue) for name in ("turn", "px")]
    verdict = "agree" if min(chances) >= _CHANCE else "DIFFER"
    return f"{counts}, chances {chances[0]:.3f} and {chances[1]:.3f}: {verdict}"
