"""The longitudinal bucket and the acceptances of a linac."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, isfinite, pi, sin, sqrt

import numpy as np
from scipy.optimize import brentq

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics.closed import closed
from optics.linac.bunch import energies
from optics.linac.structure.linac import Linac, Tank
from optics.linac.tops import tops
from optics.linac.tracking import track
from optics.linac.transport import Transport


@dataclass(frozen=True)
class Bucket:
    """Small and large longitudinal motion at one place, acceleration taken as slow.

    ``k_longitudinal``, ``k_transverse`` [1/m]: wavenumbers of the small oscillation in phase and of the RF's transverse
    defocusing, k_t^2 = k_l^2 / 2. The separatrix runs from ``phase_low`` to ``phase_high`` [rad] (the unstable fixed
    point, minus the synchronous phase) and is ``half_height`` [eV] high. Wangler (2008), eqs. 6.28, 6.39, 6.46, 7.10.
    """

    k_longitudinal: float
    k_transverse: float
    phase_low: float
    phase_high: float
    half_height: float


def bucket(tank: Tank, particle: ReferenceParticle) -> Bucket:
    """Bucket of a tank for ``particle``. Raises InputError where the synchronous phase does not hold a bunch."""
    phase = tank.synchronous_phase
    if not -0.5 * pi < phase < 0.0:
        raise InputError(
            f"Tank '{tank.name}': a synchronous phase of {phase:.4g} rad holds no bunch; it must lie within -pi/2 and 0"
        )
    force = abs(particle.charge) * tank.e0t / particle.mass
    wavelength = SPEED_OF_LIGHT / tank.frequency
    momentum3 = (particle.momentum / particle.mass) ** 3
    k = sqrt(2.0 * pi * force * sin(-phase) / (momentum3 * wavelength))
    height = sqrt(2.0 * force * momentum3 * wavelength / pi * (phase * cos(phase) - sin(phase)))

    def separatrix(at: float) -> float:
        return sin(at) - at * cos(phase) + sin(phase) - phase * cos(phase)

    return Bucket(k, k / sqrt(2.0), brentq(separatrix, -1.5 * pi, phase), -phase, height * particle.mass)


def transverse_acceptance(run: Transport, plane: str, beta: float, alpha: float) -> float:
    """Normalised emittance [m] of the largest ellipse of the given shape at the start that touches no opening.

    min over s of bore^2 beta gamma / beta(s), along the axis and without the bunch's length.
    """
    here, slope, _ = run.twiss(plane, beta, alpha)
    return float(np.min(run.bore**2 * run.momentum / tops(run, here, -2 * slope)))


@closed
@dataclass(frozen=True)
class LongitudinalAcceptance:
    """Which particles on the axis are still with the bunch at the end.

    ``phase`` (n,) [rad] and ``energy`` (m,) [eV] relative to the reference particle at the start, ``accepted`` (m, n);
    ``area`` [rad eV].
    """

    phase: Array
    energy: Array
    accepted: Array
    area: float


def longitudinal_acceptance(
    linac: Linac, *, phase: float, energy: float, window: float, frequency: float, points: int = 61
) -> LongitudinalAcceptance:
    """Track a grid from -``phase`` to ``phase`` [rad] and -``energy`` to ``energy`` [eV] along the axis to the end.

    Accepted: not lost, and within ``window`` [eV] of the reference particle at the end.
    """
    for name, value in (("phase", phase), ("energy", energy), ("window", window), ("frequency", frequency)):
        if not (isfinite(value) and value > 0):
            raise InputError(f"longitudinal acceptance: {name} must be a number above 0, found {value!r}")
    if energy >= linac.particle.kinetic_energy:
        raise InputError(f"longitudinal acceptance: energy {energy:.4g} eV reaches down to particles at rest")
    turn, shift = np.linspace(-phase, phase, points), np.linspace(-energy, energy, points)
    start = _on_axis(linac.particle, turn, shift, frequency)
    end = track(linac, start)
    near = np.abs(energies(end.coordinates, end.particle) - end.particle.kinetic_energy) <= window
    accepted = (end.alive & near).reshape(points, points)
    pixel = (turn[1] - turn[0]) * (shift[1] - shift[0])
    return LongitudinalAcceptance(turn, shift, accepted, float(accepted.sum() * pixel))


def _on_axis(particle: ReferenceParticle, phase: Array, energy: Array, frequency: float) -> Array:
    """Coordinates (m n, 6) of a grid of particles on the axis."""
    shift, turn = (part.ravel() for part in np.meshgrid(energy, phase, indexing="ij"))
    kinetic = particle.kinetic_energy + shift
    momentum = np.sqrt(kinetic * (kinetic + 2.0 * particle.mass))
    start = np.zeros((len(turn), 6))
    start[:, 4] = -turn * particle.beta * SPEED_OF_LIGHT / (2.0 * pi * frequency)
    start[:, 5] = momentum / particle.momentum - 1.0
    return start
