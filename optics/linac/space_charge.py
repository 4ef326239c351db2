"""Space charge as linear kicks of a uniformly filled ellipsoid that has the bunch's rms sizes.

F. J. Sacherer (IEEE Trans. Nucl. Sci. 18, 1105, 1971): the rms sizes of a bunch depend on the linear part of the
self-force alone, and hardly on the distribution; so the ellipsoid gives envelopes and rms growth, not halos (the kick
of particles outside it is overestimated). Where it may be dropped: see ``strength``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from scipy.constants import epsilon_0
from scipy.special import elliprd

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.magnitudes import as_number, is_number


@dataclass(frozen=True)
class SpaceCharge:
    """``charge`` of a bunch [C] (mean current in the pulse over bunch frequency), kicked every ``every`` [m].

    Above ``until`` [eV] of kinetic energy the kicks stop.
    """

    charge: float
    every: float = 0.02
    until: float = float("inf")

    def __post_init__(self) -> None:
        if not (is_number(self.charge) and self.charge >= 0):
            raise InputError(f"SpaceCharge: charge must be a number of C not below 0, found {self.charge!r}")
        if not (is_number(self.every) and self.every > 0):
            raise InputError(f"SpaceCharge: every must be a length in m above 0, found {self.every!r}")
        if as_number(self.until) is None or not self.until > 0:
            raise InputError(f"SpaceCharge: until must be an energy in eV above 0, found {self.until!r}")

    def rows(self, s: Array) -> list[int]:
        """Numbers of rows, whose ends are at ``s`` [m], behind which the bunch is kicked."""
        cells = np.floor(s / self.every)
        return [int(row) for row in np.flatnonzero(np.diff(cells)) + 1 if row < len(s)]

    def kicked(self, z: Array, particle: ReferenceParticle, length: float) -> Array:
        """Canonical coordinates (6, n) behind a kick of ``length`` [m] of the bunch's own field."""
        w = float(np.mean(z[5]))
        if self.charge == 0.0 or w * particle.mass > self.until or z.shape[1] < 2:
            return z
        gamma = 1.0 + w
        beta = np.sqrt(w * (w + 2.0)) / gamma
        offset = np.stack([z[0], z[2], -beta * z[4]])
        offset = offset - offset.mean(axis=1, keepdims=True)
        field = self.fields(offset.std(axis=1), gamma)[:, None] * offset
        kick = particle.charge * length / particle.mass * field
        result = z.copy()
        result[1] += kick[0] / beta
        result[3] += kick[1] / beta
        result[5] += kick[2]
        return result

    def fields(self, sizes: Array, gamma: float) -> Array:
        """Force per charge and offset [V/m^2] in x, y, z of a bunch of rms ``sizes`` [m], in the laboratory.

        In the rest frame, z stretched by gamma, E_i = rho N_i x_i / epsilon_0 with N_x = (a b c / 3) R_D(b^2, c^2,
        a^2) (depolarisation factors; O. D. Kellogg, Potential Theory, 1929, ch. VII); seen from the laboratory the
        transverse force is 1/gamma of that and the longitudinal field the same.
        """
        a, b, c = (max(float(size), 1e-9) * np.sqrt(5.0) for size in (*sizes[:2], gamma * sizes[2]))
        factors = (
            a
            * b
            * c
            / 3.0
            * np.array([elliprd(b * b, c * c, a * a), elliprd(a * a, c * c, b * b), elliprd(a * a, b * b, c * c)])
        )
        density = 3.0 * self.charge / (4.0 * pi * a * b * c)
        return np.asarray(density / epsilon_0 * factors * np.array([1.0 / gamma, 1.0 / gamma, gamma]))

    def strength(self, sizes: Array, particle: ReferenceParticle, phase_advance: float, period: float) -> float:
        """Space-charge defocusing over external focusing, k_sc^2 / k_0^2, of a bunch of rms ``sizes`` [m].

        ``phase_advance`` [turns] of the focusing period of length ``period`` [m] without current. Below a few per cent
        the phase advance changes by half of that and space charge may be dropped: the ratio falls as
        1 / (beta^2 gamma^3).
        """
        force = float(np.max(self.fields(np.asarray(sizes), particle.gamma)[:2]))
        defocusing = abs(particle.charge) * force / (particle.mass * particle.gamma * particle.beta**2)
        return defocusing * (period / (2.0 * pi * phase_advance)) ** 2
