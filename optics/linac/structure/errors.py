"""A linac as it will be built and driven: one sample of its errors of alignment, gradient, amplitude and phase."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lattice import InputError
from lattice.magnitudes import is_number
from optics.linac.structure.linac import Linac, PermanentQuadrupole, Piece, Tank


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Standard deviations, all Gaussian and cut at ``cut`` of them.

    Quadrupoles: ``offset`` [m] in x and in y, ``roll`` [rad], ``gradient`` (relative). RF units, each as one:
    ``amplitude`` (relative), ``phase`` [rad]. Tanks, each on its own: ``tank_amplitude`` (relative), ``tank_phase``
    [rad].
    """

    offset: float = 0.0
    roll: float = 0.0
    gradient: float = 0.0
    amplitude: float = 0.0
    phase: float = 0.0
    tank_amplitude: float = 0.0
    tank_phase: float = 0.0
    cut: float = 3.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (is_number(value) and value >= 0):
                raise InputError(f"Errors: {name} must be a number not below 0, found {value!r}")
        if self.cut < 0.5:
            raise InputError(f"Errors: cut must be 0.5 standard deviations or more, found {self.cut!r}")

    def scaled(self, factor: float) -> Errors:
        """All errors times ``factor``, cut where they were."""
        return replace(self, **{name: factor * value for name, value in vars(self).items() if name != "cut"})


def with_errors(linac: Linac, errors: Errors, *, seed: int) -> Linac:
    """One sample of a linac with errors, on top of those it has; RF phases stay as the design pass set them."""
    random = np.random.default_rng(seed)
    units = {unit: _drawn(random, errors.cut, 2) for unit in linac.units}
    return replace(linac, pieces=tuple(_with_errors(piece, errors, random, units) for piece in linac.pieces))


def _with_errors(piece: Piece, errors: Errors, random: np.random.Generator, units: dict[str, list[float]]) -> Piece:
    if isinstance(piece, PermanentQuadrupole):
        dx, dy, roll, gradient = _drawn(random, errors.cut, 4)
        return replace(
            piece,
            dx=piece.dx + errors.offset * dx,
            dy=piece.dy + errors.offset * dy,
            roll=piece.roll + errors.roll * roll,
            gradient=piece.gradient * (1.0 + errors.gradient * gradient),
        )
    if isinstance(piece, Tank):
        return _tank_with_errors(piece, errors, units[piece.unit], _drawn(random, errors.cut, 2))
    return piece


def _tank_with_errors(tank: Tank, errors: Errors, unit: list[float], own: list[float]) -> Tank:
    if tank.rf_phase is None:
        raise InputError(f"Tank '{tank.name}' has no RF phase yet to be wrong: run the design pass first")
    factor = (1.0 + errors.amplitude * unit[0]) * (1.0 + errors.tank_amplitude * own[0])
    turned = errors.phase * unit[1] + errors.tank_phase * own[1]
    return replace(tank, e0=tank.e0 * max(factor, 0.0), rf_phase=tank.rf_phase + turned)


def _drawn(random: np.random.Generator, cut: float, count: int) -> list[float]:
    """Normal deviates within ``cut``; those beyond are drawn again."""
    values = random.standard_normal(count)
    while (far := np.abs(values) > cut).any():
        values[far] = random.standard_normal(int(far.sum()))
    return [float(value) for value in values]
