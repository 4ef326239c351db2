"""Beams: rms emittances and momentum spread, and matched Gaussian samples with an explicit seed."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np

from lattice import InputError, ReferenceParticle
from optics.optics import Optics

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Beam:
    """A beam: geometric rms emittances ``emittance_x``, ``emittance_y`` [m] and rms dp/p ``sigma_delta``.

    ``delta`` is the mean momentum deviation. ``Beam.normalised`` takes normalised emittances (beta gamma times the
    geometric ones). Raises InputError for values that are negative or not finite.
    """

    particle: ReferenceParticle
    emittance_x: float
    emittance_y: float
    sigma_delta: float = 0.0
    delta: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.particle, ReferenceParticle):
            raise InputError(f"Beam: particle must be a ReferenceParticle, found {self.particle!r}")
        for name in ("emittance_x", "emittance_y", "sigma_delta"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and isfinite(value) and value >= 0):
                raise InputError(f"Beam: {name} must be a number not below 0, found {value!r}")
        if not (isinstance(self.delta, (int, float)) and isfinite(self.delta)):
            raise InputError(f"Beam: delta must be finite, found {self.delta!r}")

    @classmethod
    def normalised(
        cls,
        particle: ReferenceParticle,
        emittance_x: float,
        emittance_y: float,
        sigma_delta: float = 0.0,
        delta: float = 0.0,
    ) -> Beam:
        """Beam of given normalised rms emittances [m]."""
        scale = particle.beta * particle.gamma
        return cls(particle, emittance_x / scale, emittance_y / scale, sigma_delta, delta)

    def sizes(self, optics: Optics) -> tuple[Array, Array]:
        """Rms sizes [m] in x and y at every row: of both modes, and of the dispersion times sigma_delta."""
        ex, ey = self.emittance_x, self.emittance_y
        return (
            np.sqrt(optics["betx"] * ex + optics["betx2"] * ey + (optics["dx"] * self.sigma_delta) ** 2),
            np.sqrt(optics["bety"] * ey + optics["bety1"] * ex + (optics["dy"] * self.sigma_delta) ** 2),
        )


def gaussian_beam(beam: Beam, optics: Optics, count: int, *, seed: int, at: str | None = None) -> Array:
    """Sample ``count`` particles of a Gaussian beam matched to ``optics`` at a place (default: the start).

    Returns (count, 6) of x, px, y, py, zeta, delta; zeta is 0 (a coasting beam has no bunch). The closed orbit and
    dispersion are included to first order.
    """
    if not (isinstance(count, int) and count >= 1):
        raise InputError(f"count must be a whole number above 0, found {count!r}")
    if optics.lattice.batch is not None:
        raise InputError(f"a beam is matched to one lattice, here are {optics.lattice.batch}")
    row = optics.row(at) if at is not None else 0
    normal = np.random.default_rng(seed).standard_normal((count, 5))
    emittances = np.sqrt([beam.emittance_x, beam.emittance_x, beam.emittance_y, beam.emittance_y])
    delta = beam.delta + beam.sigma_delta * normal[:, 4]
    orbit = np.array([float(optics[name][row]) for name in ("x", "px", "y", "py")])
    dispersion = np.array([float(optics[name][row]) for name in ("dx", "dpx", "dy", "dpy")])
    transverse = orbit + (normal[:, :4] * emittances) @ _modes(optics, row).T + delta[:, None] * dispersion
    return np.column_stack([transverse, np.zeros(count), optics.delta + delta])


def _modes(optics: Optics, row: int) -> Array:
    """Normalising matrix (4, 4) at a row: coordinates from normalised ones."""
    if optics.start_modes is not None:
        if row != 0:
            raise InputError("in coupled optics a beam is sampled at the start: begin the lattice at the place wanted")
        return np.asarray(optics.start_modes[0])
    modes = np.zeros((4, 4))
    for i, plane in ((0, "x"), (2, "y")):
        root = sqrt(float(optics[f"bet{plane}"][row]))
        modes[i, i], modes[i + 1, i] = root, -float(optics[f"alf{plane}"][row]) / root
        modes[i + 1, i + 1] = 1.0 / root
    return modes
