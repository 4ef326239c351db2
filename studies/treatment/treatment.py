"""What a treatment asks of a machine: energies, layers, particles in each, spots; all from stated models in water.

Range: Bragg-Kleeman R = alpha E^p with the constants of the species (``lattice.reference.range_law``).
Depth dose: Bortfeld's closed form (Med. Phys. 24, 2024, 1997, eq. 26) with range straggling, spread of the beam's
energy and loss of primaries; the layers' weights make the dose level in the target (least squares, none negative).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gamma, pi, sqrt
from typing import Any

import numpy as np
from scipy.optimize import nnls
from scipy.special import pbdv

from lattice import InputError, NoSolution
from lattice.arrays import Array
from lattice.reference import range_law, species_named

_MEV_PER_G_IN_GY = 1.602176634e-10
_SMOOTHNESS = 0.3  # of the second difference of the layers' weights, beside a dose of 1
_GAMMA_LOCAL = 0.6  # part of the energy of a nuclear reaction that stays where it happens (Bortfeld 1997)


@dataclass(frozen=True)
class Target:
    """A box in water: ``proximal`` and ``distal`` depth [m], square ``side`` [m], physical ``dose`` [Gy]."""

    proximal: float
    distal: float
    side: float
    dose: float

    def __post_init__(self) -> None:
        if not 0 <= self.proximal < self.distal:
            raise InputError(
                f"target: proximal depth {self.proximal} m must be at least 0 and below the distal {self.distal} m"
            )

    @property
    def volume(self) -> float:
        """Volume [m^3]."""
        return (self.distal - self.proximal) * self.side**2


@dataclass(frozen=True)
class DoseModel:
    """Depth dose: ``straggling`` sigma = factor R^0.935 [cm] for protons, over sqrt(A) for ions of mass A;
    ``energy_spread`` rms of the beam, relative; ``nuclear_loss`` of primaries [1/cm], linear in the residual range.
    """

    straggling: float = 0.012
    energy_spread: float = 0.002
    nuclear_loss: float = 0.012


@dataclass(frozen=True)
class SpotPlan:
    """Layers every ``layer_spacing`` [m] of depth; spots every ``spot_spacing`` [m] up to ``margin`` [m] outside."""

    layer_spacing: float
    spot_spacing: float
    margin: float


@dataclass(frozen=True, eq=False)
class Treatment:
    """What has to be delivered, deepest layer first: ``energies`` [MeV/u], ``ranges`` [m] and ``particles`` of each.

    ``spots`` in each layer; ``level`` least and greatest dose over the prescribed one, up to one sigma of the ranges
    before the distal depth; ``depths`` [m] and
    ``dose`` [Gy] along the axis.
    """

    species: str
    target: Target
    energies: Array
    ranges: Array
    particles: Array
    spots: int
    spot_spacing: float
    level: tuple[float, float]
    depths: Array
    dose: Array

    @property
    def layers(self) -> int:
        """Number of layers."""
        return len(self.energies)

    def upwards(self) -> Treatment:
        """The same treatment with the shallowest layer first."""
        turned = {name: getattr(self, name)[::-1] for name in ("energies", "ranges", "particles")}
        return replace(self, **turned)


def range_of(species: str, energy: Any) -> Array:
    """Range in water [m] of ``energy`` [MeV/u]."""
    alpha, power = range_law(species_named(species))
    return np.asarray(alpha * np.asarray(energy, dtype=float) ** power)


def energy_of(species: str, depth: Any) -> Array:
    """Energy [MeV/u] whose range in water is ``depth`` [m]."""
    alpha, power = range_law(species_named(species))
    return np.asarray((np.asarray(depth, dtype=float) / alpha) ** (1 / power))


def depth_dose(species: str, energy: float, depths: Array, model: DoseModel) -> Array:
    """Dose [Gy] in water at ``depths`` [m] of one particle per cm^2 with ``energy`` [MeV/u] (Bortfeld 1997, eq. 26)."""
    kind = species_named(species)
    alpha, power = range_law(kind)
    alpha *= 100  # cm
    reach = float(range_of(species, energy)) * 100
    sigma = 100 * peak_sigma(species, energy, model)
    z = (reach - 100 * np.asarray(depths, dtype=float)) / sigma
    beta, order = model.nuclear_loss, 1.0 / power
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


def planned(species: str, target: Target, limits: tuple[float, float], model: DoseModel, spots: SpotPlan) -> Treatment:
    """Layers, particles and spots for ``target`` with energies within ``limits`` [MeV/u].

    NoSolution for depths that the energies do not reach, naming both and the nearest depth that works.
    """
    ranges = layer_ranges(target, spots.layer_spacing)
    _check_reach(species, target, ranges, limits)
    energies = energy_of(species, ranges)
    flat = max(target.distal - peak_sigma(species, float(energies[0]), model), target.proximal)  # behind it dose falls
    inside = np.linspace(target.proximal, flat, 8 * len(ranges) + 8)
    unit = np.stack([depth_dose(species, float(energy), inside, model) for energy in energies], axis=1)
    fluence = _level(unit, target.dose)
    dose = unit @ fluence
    shown = np.linspace(0.0, 1.15 * target.distal, 240)
    curve = np.stack([depth_dose(species, float(e), shown, model) for e in energies], axis=1) @ fluence
    area = (100 * (target.side + 2 * spots.margin)) ** 2
    return Treatment(
        species=species,
        target=target,
        energies=energies,
        ranges=ranges,
        particles=fluence * area,
        spots=spots_in_layer(target, spots),
        spot_spacing=spots.spot_spacing,
        level=(float(dose.min() / target.dose), float(dose.max() / target.dose)),
        depths=shown,
        dose=curve,
    )


def peak_sigma(species: str, energy: float, model: DoseModel) -> float:
    """Rms width [m] of the ranges about their mean at ``energy`` [MeV/u]: straggling and spread of the beam."""
    kind = species_named(species)
    reach = 100 * float(range_of(species, energy))
    straggling = model.straggling * reach**0.935 / sqrt(kind.nucleons)
    return 0.01 * sqrt(straggling**2 + (range_law(kind)[1] * reach * model.energy_spread) ** 2)


def _level(unit: Array, dose: float) -> Array:
    """Fluences [1/cm^2], none negative, that make the dose level; of many the smoothest behind the first layer.

    ``unit``: dose [Gy] at each depth (rows) of one particle per cm^2 in each layer (columns).
    """
    scale, layers = float(unit.max()), unit.shape[1]
    bend = np.zeros((max(layers - 3, 0), layers))
    for row in range(len(bend)):
        bend[row, row + 1 : row + 4] = _SMOOTHNESS * np.array([1.0, -2.0, 1.0])
    wanted = np.concatenate([np.full(len(unit), dose), np.zeros(len(bend))])
    return np.asarray(nnls(np.vstack([unit / scale, bend]), wanted)[0] / scale)


def layer_ranges(target: Target, spacing: float) -> Array:
    """Ranges [m] of the layers, deepest first, so that no two neighbours are farther apart than ``spacing``."""
    number = int(np.ceil((target.distal - target.proximal) / spacing - 1e-9))
    step = (target.distal - target.proximal) / number
    return np.asarray(target.distal - step * np.arange(number))


def spots_in_layer(target: Target, plan: SpotPlan) -> int:
    """Spots on a square grid over the side and its margins."""
    along = int(np.ceil((target.side + 2 * plan.margin) / plan.spot_spacing - 1e-9)) + 1
    return along**2


def _check_reach(species: str, target: Target, ranges: Array, limits: tuple[float, float]) -> None:
    lowest, highest = (float(range_of(species, energy)) for energy in limits)
    if target.distal > highest * (1 + 1e-9):
        raise NoSolution(
            f"a depth of {1e3 * target.distal:.4g} mm needs {species} of "
            f"{float(energy_of(species, target.distal)):.4g} MeV/u; "
            f"the machine ends at {limits[1]:.4g} MeV/u, which reaches {1e3 * highest:.4g} mm: the deepest that works"
        )
    least = float(ranges.min())
    if least < lowest * (1 - 1e-9):
        raise NoSolution(
            f"the shallowest layer, at {1e3 * least:.4g} mm, needs {species} of "
            f"{float(energy_of(species, least)):.4g} MeV/u; the machine begins at {limits[0]:.4g} MeV/u, which reaches "
            f"{1e3 * lowest:.4g} mm: a proximal depth of {1e3 * lowest:.4g} mm works, or a range shifter"
        )
