"""Bunches: six-dimensional samples with an explicit seed, and what a cloud of particles amounts to."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, pi, sqrt

import numpy as np

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.magnitudes import require_numbers
from lattice.reference import SPEED_OF_LIGHT

DISTRIBUTIONS = ("gaussian", "waterbag")


@dataclass(frozen=True, kw_only=True)
class Bunch:
    """A bunch about ``particle``: Twiss parameters [m], normalised rms emittances [m], rms phase [rad] and energy [eV].

    ``frequency`` [Hz] is that of the phase; ``correlation`` that of phase and energy, from -1 to 1.
    """

    particle: ReferenceParticle
    betx: float
    alfx: float
    bety: float
    alfy: float
    emittance_x: float
    emittance_y: float
    sigma_phase: float
    sigma_energy: float
    frequency: float
    correlation: float = 0.0

    def __post_init__(self) -> None:
        require_numbers("Bunch", **{name: value for name, value in vars(self).items() if name != "particle"})
        for name in ("betx", "bety", "frequency"):
            self._require(name, getattr(self, name) > 0, "above 0")
        for name in ("emittance_x", "emittance_y", "sigma_phase", "sigma_energy"):
            self._require(name, getattr(self, name) >= 0, "not below 0")
        for name in ("alfx", "alfy"):
            self._require(name, True, "finite")
        self._require("correlation", -1 <= self.correlation <= 1, "from -1 to 1")

    def _require(self, name: str, holds: bool, expected: str) -> None:
        value = getattr(self, name)
        if not (holds and isfinite(value)):
            raise InputError(f"Bunch: {name} must be a number {expected}, found {value!r}")

    @property
    def covariance(self) -> Array:
        """Covariance matrix (6, 6) of x, px, y, py, zeta, delta."""
        root = self._root()
        return np.asarray(root @ root.T)

    def sample(self, count: int, *, seed: int, distribution: str = "gaussian", cut: float | None = None) -> Array:
        """Particles (count, 6) of x, px, y, py, zeta, delta.

        ``distribution``: "gaussian", within ``cut`` standard deviations in each normalised plane if given, or
        "waterbag" (uniform in a six-dimensional ellipsoid).
        """
        if not (isinstance(count, (int, np.integer)) and count >= 1):
            raise InputError(f"count must be a whole number above 0, found {count!r}")
        if distribution not in DISTRIBUTIONS:
            raise InputError(f"distribution must be one of {', '.join(DISTRIBUTIONS)}, found {distribution!r}")
        if cut is not None and not cut >= 0.5:
            raise InputError(f"cut must be a number of standard deviations from 0.5 on, found {cut!r}")
        random = np.random.default_rng(seed)
        normal = _waterbag(random, count) if distribution == "waterbag" else _gaussian(random, count, cut)
        return np.asarray(normal @ self._root().T)

    def _root(self) -> Array:
        """(6, 6): coordinates from uncorrelated ones of unit variance."""
        scale = self.particle.beta * self.particle.gamma
        root = np.zeros((6, 6))
        planes = ((0, self.betx, self.alfx, self.emittance_x), (2, self.bety, self.alfy, self.emittance_y))
        for i, beta, alpha, emittance in planes:
            size = sqrt(beta * emittance / scale)
            root[i, i], root[i + 1, i], root[i + 1, i + 1] = size, -alpha / beta * size, size / beta
        zeta = -self.particle.beta * SPEED_OF_LIGHT / (2.0 * pi * self.frequency)  # a late particle has a larger phase
        delta = 1.0 / (self.particle.momentum * self.particle.beta)
        root[4, 4] = zeta * self.sigma_phase
        root[5, 4] = delta * self.sigma_energy * self.correlation
        root[5, 5] = delta * self.sigma_energy * sqrt(1.0 - self.correlation**2)
        return root


def _gaussian(random: np.random.Generator, count: int, cut: float | None) -> Array:
    normal = random.standard_normal((count, 6))
    while cut is not None:
        far = (normal.reshape(count, 3, 2) ** 2).sum(axis=2).max(axis=1) > cut * cut
        if not far.any():
            break
        normal[far] = random.standard_normal((int(far.sum()), 6))
    return normal


def _waterbag(random: np.random.Generator, count: int) -> Array:
    direction = random.standard_normal((count, 6))
    radius = random.random(count) ** (1.0 / 6.0)
    unit = direction * (radius / np.linalg.norm(direction, axis=1))[:, None]
    return np.asarray(unit * sqrt(8.0))  # <u_i^2> of the unit ball in d dimensions is 1 / (d + 2)


def phases(coordinates: Array, particle: ReferenceParticle, frequency: float) -> Array:
    """RF phases [rad] of particles relative to the reference one, above 0 for late ones."""
    return np.asarray(-coordinates[:, 4] * 2.0 * pi * frequency / (particle.beta * SPEED_OF_LIGHT))


def energies(coordinates: Array, particle: ReferenceParticle) -> Array:
    """Kinetic energies [eV]: p^2 = T (T + 2 m)."""
    p = particle.momentum * (1.0 + coordinates[:, 5])
    return np.asarray(p * p / (np.sqrt(p * p + particle.mass**2) + particle.mass))


def normalised_emittance(coordinates: Array, particle: ReferenceParticle, plane: str) -> float:
    """Normalised rms emittance [m] in "x" or "y": beta gamma times the root of the covariance's determinant."""
    i = {"x": 0, "y": 2}[plane]
    covariance = np.cov(coordinates[:, i : i + 2].T)
    return float(particle.beta * particle.gamma * sqrt(max(float(np.linalg.det(covariance)), 0.0)))


def shifted(
    coordinates: Array,
    particle: ReferenceParticle,
    frequency: float,
    *,
    x: float = 0.0,
    px: float = 0.0,
    y: float = 0.0,
    py: float = 0.0,
    energy: float = 0.0,
    phase: float = 0.0,
) -> Array:
    """Particles (n, 6) of a source that is off: by ``x``, ``y`` [m] and slopes ``px``, ``py``, all of them.

    ``energy``: of the reference particle's kinetic energy, added to that of each, p^2 = T (T + 2 m); ``phase`` [rad] at
    ``frequency`` [Hz], later where it is above 0.
    """
    found = coordinates + np.array([x, px, y, py, 0.0, 0.0])
    found[:, 4] -= particle.beta * SPEED_OF_LIGHT * phase / (2.0 * pi * frequency)
    if energy != 0.0:
        kinetic = energies(coordinates, particle) + energy * particle.kinetic_energy
        found[:, 5] = np.sqrt(kinetic * (kinetic + 2.0 * particle.mass)) / particle.momentum - 1.0
    return np.asarray(found)
