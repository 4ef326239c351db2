"""Ranges in water by quadrature of the Bethe formula, with the electrons that ions catch: the tests' second code."""

from __future__ import annotations

from math import exp, log, sqrt

from scipy.integrate import quad
from scipy.optimize import brentq

from lattice.reference import species_named


def bethe_range(species: str, energy: float) -> float:
    """Range [m] of ``energy`` [MeV/u]: I = 75 eV (ICRU 49), effective charge of Pierce and Blann."""
    kind = species_named(species)
    electron, excitation, coulomb, electrons = 0.51099895, 75e-6, 0.307075, 0.555087  # MeV, MeV, MeV cm^2, mol/g
    mass = kind.mass / 1e6

    def steps(per_u: float) -> float:
        gamma = 1 + per_u * kind.nucleons / mass
        beta2 = 1 - gamma**-2
        caught = exp(-125 * sqrt(beta2) * abs(kind.charge) ** (-2 / 3)) if kind.charge > 1 else 0.0
        charge = abs(kind.charge) * (1 - caught)
        most = 2 * electron * beta2 * gamma**2 / (1 + 2 * gamma * electron / mass)
        power = (
            coulomb
            * electrons
            * charge**2
            / beta2
            * (log(2 * electron * beta2 * gamma**2 * most / excitation**2) / 2 - beta2)
        )
        return float(kind.nucleons / power / 100)

    first = 24.58e-6 * mass / 938.272 / kind.charge**2
    return first + float(quad(steps, 1.0, energy, limit=200, epsrel=1e-10)[0])


def bethe_energy(species: str, depth: float) -> float:
    """Energy [MeV/u] whose range is ``depth`` [m]."""
    return float(brentq(lambda energy: bethe_range(species, energy) - depth, 2.0, 1000.0, xtol=1e-9))
