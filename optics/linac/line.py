"""A linac flattened to rows of numbers, and the compiled walk of a block of particles along them."""

from __future__ import annotations

from math import ceil, cos, nan, sin, sqrt
from typing import Any, NamedTuple

import numpy as np

from lattice import ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics.compiled import compiled, merged
from optics.linac.gap import TRANSIT_TERMS, gap
from optics.linac.maps import drift, quadrupole
from optics.linac.structure.linac import MODES, Linac, PermanentQuadrupole, Piece, Tank
from optics.linac.structure.transit import NO_SECOND_ORDER, TransitTime

DRIFT, QUADRUPOLE, GAP = 0, 1, 2
#: Particles that walk together: their six coordinates stay in the processor's first cache.
BLOCK = 256
#: Positions in a block of x, ux, y, uy, ct, w.
UX, Y, UY, CT, W = BLOCK, 2 * BLOCK, 3 * BLOCK, 4 * BLOCK, 5 * BLOCK
#: Phase advance of one slice of a quadrupole, and the fewest slices in its half: the beam is looked at between them. A
#: beam that is largest half way between two looks of eight is 0.05 % larger there than at either.
_SLICE_PHASE, _HALF_SLICES = 0.7, 4


class Line(NamedTuple):
    """One row a step: ``kind``, number of the ``piece``, place ``s`` of its end [m], ``length`` [m], ``bore`` [m].

    ``magnet`` (rows, 5): q G c/(m c^2) [1/m^2], dx, dy [m], cosine and sine of the roll. ``volt`` q E0 L/(m c^2) and
    ``phase`` [rad] of a gap; ``cell`` (rows, 5): wavenumber [1/m], scale and offset of its transit time, whose
    polynomial is row ``shape`` of ``coefficients`` and its second order of ``second``, wavenumber L/4, and the mean
    square of the field over its mean.
    """

    kind: Array
    piece: Array
    s: Array
    length: Array
    bore: Array
    magnet: Array
    volt: Array
    phase: Array
    cell: Array
    shape: Array
    coefficients: Array
    second: Array


def rows_of(line: Line, first: int, last: int) -> Line:
    """Rows ``first`` to ``last`` alone; polynomials belong to all rows and stay."""
    shared = ("coefficients", "second")
    return line._replace(**{name: part[first:last] for name, part in line._asdict().items() if name not in shared})


class _Row(NamedTuple):
    """One step of a piece, as in Line."""

    kind: int
    length: float
    magnet: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0, 0.0)
    volt: float = 0.0
    phase: float = 0.0
    cell: tuple[float, ...] = (1.0, 1.0, 0.0, 0.0, 0.0)
    cells: TransitTime | None = None


def line_of(linac: Linac) -> Line:
    """The rows of a linac; the phase of a tank that the design pass has not seen is nan."""
    steps = [(i, row) for i, piece in enumerate(linac.pieces) for row in _rows(piece, linac.particle)]
    rows = [row for _, row in steps]
    shapes = list(dict.fromkeys(tank.cell for tank in linac.tanks))
    length = np.array([row.length for row in rows])
    return Line(
        kind=np.array([row.kind for row in rows]),
        piece=np.array([i for i, _ in steps]),
        s=np.cumsum(length),
        length=length,
        bore=np.array([linac.pieces[i].bore for i, _ in steps]),
        magnet=np.array([row.magnet for row in rows]),
        volt=np.array([row.volt for row in rows]),
        phase=np.array([row.phase for row in rows]),
        cell=np.array([row.cell for row in rows]),
        shape=np.array([shapes.index(row.cells) if row.cells else 0 for row in rows]),
        coefficients=np.array([shape.coefficients for shape in shapes] or [(0.0,) * TRANSIT_TERMS]),
        second=np.array([shape.second for shape in shapes] or [NO_SECOND_ORDER]),
    )


def _rows(piece: Piece, particle: ReferenceParticle) -> list[_Row]:
    if isinstance(piece, Tank):
        return _tank_rows(piece, particle)
    if isinstance(piece, PermanentQuadrupole):
        return _quadrupole_rows(piece, particle)
    return [_Row(DRIFT, piece.length)]


def _quadrupole_rows(magnet: PermanentQuadrupole, particle: ReferenceParticle) -> list[_Row]:
    strength = particle.charge * magnet.gradient * SPEED_OF_LIGHT / particle.mass
    phase = magnet.length * sqrt(abs(strength) * particle.mass / particle.momentum)
    slices = 2 * max(_HALF_SLICES, ceil(0.5 * phase / _SLICE_PHASE))
    numbers = (strength, magnet.dx, magnet.dy, cos(magnet.roll), sin(magnet.roll))
    return [_Row(QUADRUPOLE, magnet.length / slices, numbers)] * slices


def _tank_rows(tank: Tank, particle: ReferenceParticle) -> list[_Row]:
    length, cell = tank.cell_length, tank.cell
    volt = particle.charge * tank.e0 * length / particle.mass
    phase = tank.wavenumber * length
    numbers = (tank.wavenumber, phase / cell.half, cell.middle / cell.half, 0.25 * phase, cell.square)
    first = nan if tank.rf_phase is None else tank.rf_phase
    rows = [_Row(DRIFT, 0.5 * length)]
    for i in range(tank.cells):
        rows.append(_Row(GAP, 0.0, volt=volt, phase=first + i * MODES[tank.mode][0], cell=numbers, cells=cell))
        rows.append(_Row(DRIFT, length if i + 1 < tank.cells else 0.5 * length))
    return rows


@compiled
def step(line: Line, row: int, z: Any, count: int) -> None:
    """Carry the first ``count`` particles of a block over one row, in place.

    ``z``: the six coordinates behind each other, BLOCK apart, real or complex.
    """
    if line.kind[row] == GAP:
        if line.volt[row] != 0.0:
            _gap_step(line, row, z, count)
    elif line.kind[row] == QUADRUPOLE:
        _quadrupole_step(line, row, z, count)
    else:
        drift_step(line.length[row], z, count)


@compiled
def drift_step(length: float, z: Any, count: int) -> None:
    """Carry the first ``count`` particles of a block over a field-free ``length``, in place."""
    for i in range(count):
        z[i], z[Y + i], z[CT + i] = drift(z[i], z[UX + i], z[Y + i], z[UY + i], z[CT + i], z[W + i], length)


@merged
def gap_numbers(line: Line, row: int) -> Any:
    """What ``gap`` is told of a row: volt, phase, cell, coefficients, second."""
    cell = (line.cell[row, 0], line.cell[row, 1], line.cell[row, 2], line.cell[row, 3], line.cell[row, 4])
    shape = line.shape[row]
    return line.volt[row], line.phase[row], cell, line.coefficients[shape], line.second[shape]


@compiled
def _gap_step(line: Line, row: int, z: Any, count: int) -> None:
    volt, phase, cell, coefficients, second = gap_numbers(line, row)
    for i in range(count):
        z[i], z[UX + i], z[Y + i], z[UY + i], z[CT + i], z[W + i] = gap(
            z[i], z[UX + i], z[Y + i], z[UY + i], z[CT + i], z[W + i], volt, phase, cell, coefficients, second, None
        )


@compiled
def _quadrupole_step(line: Line, row: int, z: Any, count: int) -> None:
    gradient, dx, dy, cosine, sine = line.magnet[row]
    length = line.length[row]
    for i in range(count):
        x, y, ux, uy = z[i] - dx, z[Y + i] - dy, z[UX + i], z[UY + i]
        x, ux, y, uy, z[CT + i] = quadrupole(
            cosine * x + sine * y,
            cosine * ux + sine * uy,
            cosine * y - sine * x,
            cosine * uy - sine * ux,
            z[CT + i],
            z[W + i],
            length,
            gradient,
        )
        z[i], z[UX + i] = cosine * x - sine * y + dx, cosine * ux - sine * uy
        z[Y + i], z[UY + i] = cosine * y + sine * x + dy, cosine * uy + sine * ux


@compiled
def velocity(line: Line, row: int, w: Any) -> Any:
    """Where a particle stands in the range of a gap's transit-time factor: from -1 to 1."""
    return line.cell[row, 1] * (1.0 + w) / np.sqrt(w * (w + 2.0)) - line.cell[row, 2]
