"""Coordinates of the toolkit (relative to a reference particle) and the canonical ones of the linac maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array

COORDINATES = ("x", "px", "y", "py", "zeta", "delta")


def checked(coordinates: Array) -> Array:
    """Coordinates as (n, 6) of numbers; InputError for anything else."""
    try:
        state = np.array(coordinates, dtype=float, ndmin=2)
    except (TypeError, ValueError):
        raise InputError(f"coordinates must be numbers, shape (n, 6), found {coordinates!r}") from None
    if state.ndim != 2 or state.shape[1] != len(COORDINATES) or not len(state):
        raise InputError(f"coordinates must have shape (n, 6) of {', '.join(COORDINATES)}, found {state.shape}")
    if not np.all(np.isfinite(state)):
        raise InputError(f"coordinates of particle {int(np.argmin(np.isfinite(state).all(axis=1)))} are not finite")
    return state


def canonical(coordinates: Array, particle: ReferenceParticle, ct: float = 0.0) -> Array:
    """(6, n) of x, ux, y, uy, ct, w from (n, 6) relative to a particle that is there at ``ct`` [m]."""
    x, px, y, py, zeta, delta = coordinates.T
    p0 = particle.momentum / particle.mass
    p = p0 * (1.0 + delta)
    return np.stack([x, p0 * px, y, p0 * py, ct - zeta / particle.beta, p * p / (np.sqrt(p * p + 1.0) + 1.0)])


def relative(z: Array, ct: Any, w: Any) -> Array:
    """(n, 6) of x, px, y, py, zeta, delta from (6, n), relative to a reference particle with ``ct`` and ``w``.

    nan for a particle that no longer moves.
    """
    p0 = np.sqrt(w * (w + 2.0))
    x, ux, y, uy, time, energy = z
    with np.errstate(invalid="ignore"):
        p = np.sqrt(energy * (energy + 2.0))
    difference = (energy - w) * (energy + w + 2.0) / (p + p0)  # p - p0 without cancellation
    return np.column_stack([x, ux / p0, y, uy / p0, -(time - ct) * p0 / (1.0 + w), difference / p0])


def particle_at(w: float, particle: ReferenceParticle) -> ReferenceParticle:
    """The same species at the kinetic energy ``w`` m c^2."""
    return ReferenceParticle(particle.kind, kinetic_energy_per_u=w * particle.mass / particle.nucleons)
