"""What a target in water asks of a machine: energies, layers, particles in each, spots.

The layers are even in range; their weights make the dose of ``depth_dose`` level in the target (least squares, none
negative).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from lattice import InputError, NoSolution
from lattice.arrays import Array
from optics.matter.bragg import DoseModel, broken_up, depth_dose, peak_sigma
from optics.matter.ranges import energy_of, range_of

_SMOOTHNESS = 0.3  # of the second difference of the layers' weights, beside a dose of 1


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
    ``dose`` [Gy] along the axis; ``broken_up`` share of the deepest layer's primaries lost by nuclear reactions.
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
    broken_up: float

    @property
    def layers(self) -> int:
        """Number of layers."""
        return len(self.energies)

    def upwards(self) -> Treatment:
        """The same treatment with the shallowest layer first."""
        turned = {name: getattr(self, name)[::-1] for name in ("energies", "ranges", "particles")}
        return replace(self, **turned)


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
        broken_up=broken_up(species, float(energies[0]), model),
    )


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
