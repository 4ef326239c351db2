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
        """Rms sizes [m] in x and y at every row of ``optics``: sqrt(beta emittance + (D sigma_delta)^2)."""
        return (
            np.sqrt(optics["betx"] * self.emittance_x + (optics["dx"] * self.sigma_delta) ** 2),
            np.sqrt(optics["bety"] * self.emittance_y + (optics["dy"] * self.sigma_delta) ** 2),
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
    here = {name: float(optics[name][row]) for name in ("betx", "alfx", "bety", "alfy", "dx", "dpx", "dy", "dpy")}
    orbit = {name: float(optics[name][row]) for name in ("x", "px", "y", "py")}
    normal = np.random.default_rng(seed).standard_normal((count, 5))
    delta = beam.sigma_delta * normal[:, 4]
    x, px = _plane(normal[:, 0:2], beam.emittance_x, here["betx"], here["alfx"])
    y, py = _plane(normal[:, 2:4], beam.emittance_y, here["bety"], here["alfy"])
    return np.stack(
        [
            orbit["x"] + x + here["dx"] * (beam.delta + delta),
            orbit["px"] + px + here["dpx"] * (beam.delta + delta),
            orbit["y"] + y + here["dy"] * (beam.delta + delta),
            orbit["py"] + py + here["dpy"] * (beam.delta + delta),
            np.zeros(count),
            optics.delta + beam.delta + delta,
        ],
        axis=1,
    )


def _plane(normal: Array, emittance: float, beta: float, alpha: float) -> tuple[Array, Array]:
    u = sqrt(emittance * beta) * normal[:, 0]
    return u, sqrt(emittance / beta) * (normal[:, 1] - alpha * normal[:, 0])
