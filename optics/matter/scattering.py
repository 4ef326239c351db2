"""The spot at the isocentre: what the beam line makes of the emittance, and what the nozzle scatters."""

from __future__ import annotations

from math import hypot, log10, sqrt

from lattice import ReferenceParticle

RADIATION_LENGTH_OF_WATER = 0.3608  # m


def scattering_angle(particle: ReferenceParticle, water: float) -> float:
    """Rms angle [rad] in one plane behind ``water`` [m]; Highland, 14.1 MeV (B. Gottschalk et al., NIM B 74, 1993).

    theta = 14.1 MeV z / (p v) sqrt(L / L_R) (1 + log10(L / L_R) / 9); the energy lost is left out.
    """
    if water <= 0:
        return 0.0
    part = water / RADIATION_LENGTH_OF_WATER
    pv = particle.momentum * particle.beta / 1e6
    return 14.1 * abs(particle.charge) / pv * sqrt(part) * max(1 + log10(part) / 9, 0.0)


def scattered(particle: ReferenceParticle, size: float, water: float, distance: float) -> float:
    """Rms size [m] of a spot of rms ``size`` [m] in vacuum: sqrt(size^2 + (scattering angle distance)^2)."""
    return hypot(size, scattering_angle(particle, water) * distance)
