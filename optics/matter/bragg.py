"""Dose against depth in water: Bortfeld's closed form of the Bragg curve.

T. Bortfeld, Med. Phys. 24, 2024 (1997), eq. 26: range straggling, spread of the beam's energy and loss of primaries, a
part of whose energy stays where they are lost: the dose at the entrance is up to 17 % above electronic stopping
(protons of 150 MeV). On the way the residual range goes as a power of the energy (the Bragg-Kleeman rule), with the
factor that gives the whole range of the Bethe formula. Ions have no tail of fragments behind their range, and their
fragments before it count as primaries lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gamma, pi, sqrt

import numpy as np
from scipy.special import pbdv

from lattice import InputError, Species
from lattice.arrays import Array
from lattice.reference import species_named
from optics.matter.ranges import range_of

_MEV_PER_G_IN_GY = 1.602176634e-10
_POWER = {"light": 1.77, "heavy": 1.70}  # of R = alpha E^p: Bortfeld to helium; fitted from 100 to 430 MeV/u above
_GAMMA_LOCAL = 0.6  # part of the energy of a nuclear reaction that stays where it happens (Bortfeld 1997)

#: Loss of primaries by nuclear reactions in water [1/cm], linear in the residual range. Protons: Bortfeld 1997; carbon:
#: E. Haettner et al., Radiat. Prot. Dosim. 122, 485 (2006); helium: assumed, between the two.
NUCLEAR_LOSS = {"proton": 0.012, "helium-4": 0.02, "carbon-12": 0.06}


@dataclass(frozen=True)
class DoseModel:
    """Depth dose: ``straggling`` sigma = factor R^0.935 [cm] for protons, over sqrt(A) for ions of mass A;
    ``energy_spread`` rms of the beam, relative; ``nuclear_loss`` of primaries [1/cm], linear in the residual range:
    that of the species (``NUCLEAR_LOSS``) where none is given.
    """

    straggling: float = 0.012
    energy_spread: float = 0.002
    nuclear_loss: float | None = None

    def loss_of(self, species: str) -> float:
        """Loss of primaries [1/cm] of a species. InputError where none is given and none is known."""
        if self.nuclear_loss is not None:
            return self.nuclear_loss
        name = species_named(species).name
        if name not in NUCLEAR_LOSS:
            raise InputError(
                f"the nuclear loss of {name} in water is not known (of {', '.join(NUCLEAR_LOSS)} it is): give "
                "nuclear_loss in 1/cm"
            )
        return NUCLEAR_LOSS[name]


def depth_dose(species: str, energy: float, depths: Array, model: DoseModel) -> Array:
    """Dose [Gy] in water at ``depths`` [m] of one particle per cm^2 with ``energy`` [MeV/u] (Bortfeld 1997, eq. 26)."""
    kind = species_named(species)
    reach, power = float(range_of(species, energy)) * 100, _power(kind)
    alpha = reach / energy**power  # cm
    sigma = 100 * peak_sigma(species, energy, model)
    z = (reach - 100 * np.asarray(depths, dtype=float)) / sigma
    beta, order = model.loss_of(species), 1.0 / power
    near = np.clip(z, -8.0, 25.0)
    bell = np.exp(-(near**2) / 4) * sigma**order * gamma(order)
    bell /= sqrt(2 * pi) * power * alpha**order * (1 + beta * reach)
    peak = bell * (pbdv(-order, -near)[0] / sigma + (beta * order + _GAMMA_LOCAL * beta) * pbdv(-order - 1, -near)[0])
    with np.errstate(invalid="ignore", divide="ignore"):  # far before the peak: no straggling is seen
        left = np.maximum(reach - 100 * np.asarray(depths, dtype=float), 1e-12)
        plateau = (left ** (order - 1) + (beta + _GAMMA_LOCAL * beta * power) * left**order) / (
            power * alpha**order * (1 + beta * reach)
        )
    stopping = np.where(z > 20, plateau, np.where(z < -8, 0.0, peak))  # MeV / cm per nucleon
    return np.asarray(stopping * kind.nucleons * _MEV_PER_G_IN_GY)


def peak_sigma(species: str, energy: float, model: DoseModel) -> float:
    """Rms width [m] of the ranges about their mean at ``energy`` [MeV/u]: straggling and spread of the beam."""
    kind = species_named(species)
    reach = 100 * float(range_of(species, energy))
    straggling = model.straggling * reach**0.935 / sqrt(kind.nucleons)
    return 0.01 * sqrt(straggling**2 + (_power(kind) * reach * model.energy_spread) ** 2)


def broken_up(species: str, energy: float, model: DoseModel) -> float:
    """Share of the primaries of ``energy`` [MeV/u] lost by nuclear reactions: beta R / (1 + beta R) (Bortfeld 1997)."""
    lost = model.loss_of(species) * 100 * float(range_of(species, energy))
    return lost / (1 + lost)


def _power(kind: Species) -> float:
    return _POWER["light" if abs(kind.charge) <= 2 else "heavy"]
