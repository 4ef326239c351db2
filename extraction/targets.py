"""Extraction quantities as goals of ``match``, beside tunes, dispersion and chromaticity.

Leading-order quantities and the exact stable area have exact derivatives: the complex step goes through the virtual
sextupole's sum, and through Newton's method at the fixed points (which then returns the derivative that the implicit
function theorem gives). Tracked arms are differentiated by central differences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from extraction.resonance.hardt import arm_divergence, hardt_residual
from extraction.resonance.sextupoles import driven, resonant_tunes
from extraction.resonance.third_integer import ThirdIntegerResonance, signed_area, third_integer_resonance
from lattice import InputError, Lattice, NoSolution, UnstableOptics
from lattice.arrays import Array
from lattice.errors import did_you_mean
from lattice.expressions.functions import FUNCTIONS
from lattice.magnitudes import is_number
from lattice.showing import Showing
from optics import Optics
from optics.maps.lattices.turns import turns
from optics.maps.turn import periodic_point

#: Quantity -> (default tolerance, scale of one unit of cost).
QUANTITIES: dict[str, tuple[float, float]] = {
    "tune_distance": (1e-8, 1e-3),
    "virtual_sextupole": (1e-5, 1.0),
    "virtual_phase": (1e-6, 0.01),
    "hardt_residual": (1e-5, 0.5),
    "stable_area": (1e-10, 1e-6),
    "arm_angle": (1e-6, 1e-3),
    "spiral_step": (1e-6, 1e-3),
    "arm_divergence": (1e-4, 0.1),
}
_AT_WIRES = ("hardt_residual", "arm_angle", "spiral_step", "arm_divergence")
_TRACKED = ("arm_angle", "spiral_step", "arm_divergence")
_DIFFERENCE = 1e-5  # relative parameter step of the central differences
_STEP = 1e-30  # the step that match makes along the imaginary axis


@dataclass(frozen=True)
class ExtractionTarget(Showing):
    """``quantity`` of the third-integer extraction at the entrance of ``at`` shall be ``value``.

    tune_distance, virtual_sextupole [m^-1/2], virtual_phase [turns]; stable_area [m], exact; and, at the wires
    ``x_septum`` [m]: hardt_residual [m^1/2] (leading order), arm_divergence [1] (exact Hardt condition),
    arm_angle (px), spiral_step [m]. ``active=False`` switches it off. Raises InputError for an unknown
    quantity or a missing ``x_septum``.
    """

    quantity: str
    value: float
    at: str
    x_septum: float | None = None
    tolerance: float | None = None
    weight: float = 1.0
    active: bool = True

    def __post_init__(self) -> None:
        owner = f"ExtractionTarget('{self.quantity}')"
        if self.quantity not in QUANTITIES:
            raise InputError(
                f"{owner}: unknown quantity{did_you_mean(self.quantity, QUANTITIES)} Known: {', '.join(QUANTITIES)}"
            )
        if self.quantity in _AT_WIRES and not (is_number(self.x_septum) and self.x_septum):
            raise InputError(f"{owner} needs x_septum, the position of the wires [m], not {self.x_septum!r}")
        if self.tolerance is None:
            object.__setattr__(self, "tolerance", QUANTITIES[self.quantity][0])
        for name in ("value", "tolerance", "weight"):
            number = getattr(self, name)
            if not (is_number(number) and (name == "value" or number > 0)):
                raise InputError(f"{owner}: {name} must be a finite number{'' if name == 'value' else ' above 0'}")

    @property
    def label(self) -> str:
        """How results name it."""
        return f"{self.quantity}@{self.at}"

    @property
    def places(self) -> tuple[str, ...]:
        """Places it names."""
        return (self.at,)

    @property
    def chromatic(self) -> bool:
        """The leading-order Hardt residual holds the chromaticity."""
        return self.quantity == "hardt_residual"

    @property
    def costly(self) -> bool:
        """Fixed points and arms take tenths of a second each."""
        return self.quantity == "stable_area" or self.quantity in _TRACKED

    def residual(self, value: Array) -> Array:
        """Scaled distance from the goal."""
        return self.weight * (value - self.value) / QUANTITIES[self.quantity][1]

    def evaluate(self, optics: Optics) -> Array:
        """Value for each lattice of the batch, nan where there is no triangle or no arm."""
        if self.quantity == "stable_area":
            return _stable_area(optics, self.at)
        if self.quantity in _TRACKED:
            return _by_differences(optics, self._tracked(optics))
        place = optics.lattice.index(self.at)
        if self.quantity == "hardt_residual":
            return hardt_residual(optics, place, float(np.sign(self.x_septum or 1.0)))
        if self.quantity == "tune_distance":
            return resonant_tunes(optics, place).distance
        found = driven(optics, place)
        if self.quantity == "virtual_sextupole":
            return found.size
        real, imaginary = found.sum
        phase = np.asarray(FUNCTIONS["atan2"](imaginary, real)) / (6 * np.pi)
        return phase - np.round((phase.real - self.value) * 3) / 3  # the branch next to the goal

    def _tracked(self, optics: Optics) -> Callable[[Lattice], float]:
        x_septum = float(self.x_septum or 0.0)

        def value(ring: Lattice) -> float:
            delta, fringe = optics.delta, optics.fringe
            if self.quantity == "arm_divergence":
                return arm_divergence(ring, optics.particle, at=self.at, x_septum=x_septum, delta=delta, fringe=fringe)
            found = third_integer_resonance(ring, optics.particle, at=self.at, delta=delta, fringe=fringe)
            arm = found.arm(x_septum)
            return arm.px if self.quantity == "arm_angle" else arm.spiral_step

        return value


def _real(lattice: Lattice, index: int, shift: float = 0.0) -> Lattice:
    """One lattice of a batch with real parameters, moved by ``shift`` along the direction of its imaginary step."""
    arrays = {n: v[index] for n, v in lattice.parameters.items() if isinstance(v, np.ndarray) and _free(lattice, n)}
    return lattice.with_parameters({n: float(v.real + shift * v.imag / _STEP) for n, v in arrays.items()})


def _free(lattice: Lattice, name: str) -> bool:
    return not lattice.parameters.is_dependent(name)


def _solved(ring: Lattice, optics: Optics, at: str) -> ThirdIntegerResonance | None:
    try:
        return third_integer_resonance(ring, optics.particle, at=at, delta=optics.delta, fringe=optics.fringe)
    except (NoSolution, UnstableOptics):
        return None


def _stable_area(optics: Optics, at: str) -> Array:
    """Exact area for each lattice: solved for the real parameters, then Newton's method carries the complex step."""
    lattice = optics.lattice
    complex_step = any(np.iscomplexobj(value) for value in lattice.parameters.values())
    maps = turns(lattice, optics.particle, optics.fringe, first_element=lattice.index(at)) if complex_step else []
    areas = np.full(lattice.batch or 1, np.nan, dtype=complex if complex_step else float)
    found: ThirdIntegerResonance | None = None
    for index in range(len(areas)):
        if index == 0 or not complex_step:
            found = _solved(_real(lattice, index) if lattice.batch else lattice, optics, at)
        if found is not None:
            areas[index] = _complex_area(maps[index].shortened().jacobian, found) if complex_step else found.stable_area
    return areas


def _complex_area(jacobian: Any, found: ThirdIntegerResonance) -> complex:
    point = periodic_point(jacobian, found.points[0].astype(complex), 3)
    second = jacobian(point)[0]
    area = signed_area(np.stack([point, second, jacobian(second)[0]])[:, : 2 * found.motion.planes])
    return complex(area if area.real > 0 else -area)


def _by_differences(optics: Optics, value: Callable[[Lattice], float]) -> Array:
    """Value of a batch that shares its real parameters, derivatives by central differences in the imaginary part."""
    lattice = optics.lattice
    try:
        if lattice.batch is None:
            return np.array([value(lattice)])
        if not any(np.iscomplexobj(v) for v in lattice.parameters.values()):
            return np.array([value(_real(lattice, index)) for index in range(lattice.batch)])
        here = value(_real(lattice, 0))
        slopes = [_slope(lattice, index, value) for index in range(lattice.batch)]
        return here + 1j * _STEP * np.array(slopes)
    except (NoSolution, UnstableOptics):
        return np.full(lattice.batch or 1, np.nan)


def _slope(lattice: Lattice, index: int, value: Callable[[Lattice], float]) -> float:
    sizes = [
        abs(float(v[index].real))
        for n, v in lattice.parameters.items()
        if isinstance(v, np.ndarray) and v[index].imag != 0.0 and _free(lattice, n)
    ]
    shift: float = _DIFFERENCE * max([*sizes, 0.1])
    change: float = value(_real(lattice, index, shift)) - value(_real(lattice, index, -shift))
    return change / (2 * shift)
