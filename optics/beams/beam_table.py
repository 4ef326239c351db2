"""The beam at one energy and plane as dose calculation takes it: energy spread, size, divergence, correlation."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

from lattice import InputError, ReferenceParticle


def beam_row(
    particle: ReferenceParticle,
    optics: Mapping[str, float],
    *,
    emittance_x: float,
    emittance_y: float,
    momentum_spread: float,
) -> dict[str, float | str]:
    """Moments of a Gaussian beam at a plane: one row of a beam table, units in the names.

    ``optics``: betx, alfx, bety, alfy [m, 1], dx, dpx and dy, dpy where there are any; geometric rms emittances [m];
    rms dp/p. The spread of energy is (gamma + 1) / gamma dp/p of the kinetic energy; the correlation is that of size
    and divergence, dispersion included. InputError for a beta or emittance that is not positive.
    """
    for name, value in (
        *((key, optics[key]) for key in ("betx", "bety")),
        ("emittance_x", emittance_x),
        ("emittance_y", emittance_y),
    ):
        if not value > 0:
            raise InputError(f"{name} of a beam must be positive, found {value!r}")
    row: dict[str, float | str] = {
        "species": particle.species,
        "energy [MeV/u]": particle.kinetic_energy_per_u / 1e6,
        "energy spread [%]": 100 * particle.energy_spread(momentum_spread),
    }
    for plane, emittance in (("x", emittance_x), ("y", emittance_y)):
        beta, alpha = optics[f"bet{plane}"], optics[f"alf{plane}"]
        d, dp = optics.get(f"d{plane}", 0.0) * momentum_spread, optics.get(f"dp{plane}", 0.0) * momentum_spread
        size2 = emittance * beta + d * d
        angle2 = emittance * (1 + alpha * alpha) / beta + dp * dp
        row |= {
            f"sigma {plane} [mm]": 1e3 * sqrt(size2),
            f"sigma {plane}' [mrad]": 1e3 * sqrt(angle2),
            f"correlation {plane} [1]": (d * dp - emittance * alpha) / sqrt(size2 * angle2),
        }
    return row
