"""From a section table to tanks and quadrupoles: the sizing of cells, tanks and gaps at constant phase."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, cos
from typing import Any

import numpy as np

from lattice import InputError, ReferenceParticle
from lattice.errors import counted
from lattice.reference import SPEED_OF_LIGHT
from optics.linac.structure.linac import MODES, Linac, PermanentQuadrupole, Piece, Pipe, Tank
from optics.linac.structure.transit import TransitTime, usual_cell

_ITERATIONS = 100


@dataclass(frozen=True, kw_only=True)
class Section:
    """A row of the section table: tanks of one structure, each followed by a gap with a quadrupole in its middle.

    ``tanks`` in number, of ``cells`` each (or one number a tank); ``e0t`` [V/m], ``synchronous_phase`` [rad],
    ``frequency`` [Hz], ``mode`` "pi" or "0", ``bore`` [m] of the tanks. ``gradients`` [T/m], one a quadrupole, of
    ``magnet_length`` [m] and ``magnet_bore`` [m] (None: as the tanks). Gaps are (m + 1/2) beta lambda, the shortest
    from ``shortest_gap`` [m] on. Every ``tanks_per_unit`` tanks share an RF unit. Without ``cell`` it is
    ``usual_cell`` of the mode.
    """

    name: str
    tanks: int
    cells: int | Sequence[int]
    e0t: float
    synchronous_phase: float
    frequency: float
    bore: float
    gradients: Sequence[float]
    magnet_length: float
    shortest_gap: float
    tanks_per_unit: int
    mode: str = "pi"
    magnet_bore: float | None = None
    cell: TransitTime | None = None

    def __post_init__(self) -> None:
        self._require(self.tanks >= 1 and self.tanks_per_unit >= 1, "tanks and tanks_per_unit must be 1 or more")
        self._require(self.mode in MODES, f"mode must be one of {', '.join(MODES)}, found {self.mode!r}")
        self._require(self.e0t > 0 and self.frequency > 0, "e0t and frequency must be above 0")
        self._one_a_tank("gradients", self.gradients)
        if not isinstance(self.cells, int):
            self._one_a_tank("cells", self.cells)
        self._require(
            0 < self.magnet_length <= self.shortest_gap,
            f"a quadrupole of {self.magnet_length} m does not fit into a gap of {self.shortest_gap} m",
        )

    def _one_a_tank(self, key: str, values: Sequence[float]) -> None:
        told = f"{key} has {counted(len(values), 'number')}, but tanks = {self.tanks}: one a tank is needed"
        self._require(len(values) == self.tanks, told)

    def _require(self, holds: bool, text: str) -> None:
        if not holds:
            raise InputError(f"section '{self.name}': {text}")

    @property
    def transit_time(self) -> TransitTime:
        """Transit-time factor of the cells."""
        return self.cell or usual_cell(self.mode)

    def cells_of(self, number: int) -> int:
        """Cells of tank ``number`` (from 0)."""
        return self.cells if isinstance(self.cells, int) else int(self.cells[number])

    def unit_of(self, number: int) -> str:
        """Name of the RF unit of tank ``number`` (from 0)."""
        return f"{self.name}-{number // self.tanks_per_unit + 1}"


def linac_of(name: str, particle: ReferenceParticle, sections: Iterable[Section]) -> Linac:
    """Linac of these sections one behind the other, sized from the energy of ``particle``; phases are not set yet."""
    pieces: list[Piece] = []
    at = particle
    for section in sections:
        added, at = size_section(section, at)
        pieces += added
    return Linac(name, particle, tuple(pieces))


def size_section(section: Section, particle: ReferenceParticle) -> tuple[tuple[Piece, ...], ReferenceParticle]:
    """Pieces of a section that begins at the energy of ``particle``, and the particle at its end.

    Each tank's cells are beta lambda/2 (pi mode) or beta lambda (0 mode) long with beta at the mean energy of the
    tank, its energy gain q E0T L cos(phase).
    """
    pieces: list[Piece] = []
    for number in range(section.tanks):
        tank, particle = _size_tank(section, number, particle)
        pieces += [tank, *_gap(section, number, particle.beta * SPEED_OF_LIGHT / section.frequency)]
    return tuple(pieces), particle


def _size_tank(section: Section, number: int, particle: ReferenceParticle) -> tuple[Tank, ReferenceParticle]:
    cells, harmonic = section.cells_of(number), MODES[section.mode][1]
    force = abs(particle.charge) * section.e0t * cos(section.synchronous_phase)
    length, before = particle.beta, 0.0
    for _ in range(_ITERATIONS):
        middle = _gained(particle, 0.5 * force * length)
        length, before = cells * harmonic * middle.beta * SPEED_OF_LIGHT / section.frequency, length
        if abs(length - before) <= 4.0 * np.finfo(float).eps * length:
            break
    tank = Tank(
        f"{section.name}-tank-{number + 1}",
        length=length,
        bore=section.bore,
        cells=cells,
        e0=section.e0t / _synchronous_factor(section),
        frequency=section.frequency,
        synchronous_phase=section.synchronous_phase,
        mode=section.mode,
        cell=section.transit_time,
        unit=section.unit_of(number),
    )
    return tank, _gained(particle, force * length)


def _synchronous_factor(section: Section) -> float:
    """T of a particle in step with the cells; InputError naming the section where it is not known or not above 0."""
    try:
        factor = float(section.transit_time(2.0 * np.pi * MODES[section.mode][1]))
    except InputError as error:
        raise InputError(f"section '{section.name}', mode \"{section.mode}\": {error}") from error
    if not factor > 0:
        raise InputError(
            f"section '{section.name}': transit time '{section.transit_time.name}' is {factor:.4g} for a particle in "
            "step with the cells, it must be above 0 to accelerate"
        )
    return factor


def _gap(section: Section, number: int, wavelength: float) -> list[Piece]:
    """Pipe, quadrupole, pipe: (m + 1/2) ``wavelength`` (= beta lambda) long in all."""
    length = (max(ceil(section.shortest_gap / wavelength - 0.5), 0) + 0.5) * wavelength
    side = 0.5 * (length - section.magnet_length)
    label = f"{section.name}-{{}}-{number + 1}"
    magnet = PermanentQuadrupole(
        label.format("quadrupole"),
        length=section.magnet_length,
        bore=section.magnet_bore or section.bore,
        gradient=float(section.gradients[number]),
    )
    pipes: list[Any] = [Pipe(label.format(where), length=side, bore=section.bore) for where in ("before", "after")]
    return [pipes[0], magnet, pipes[1]]


def _gained(particle: ReferenceParticle, energy: float) -> ReferenceParticle:
    per_u = (particle.kinetic_energy + energy) / particle.nucleons
    return ReferenceParticle(particle.kind, kinetic_energy_per_u=per_u)
