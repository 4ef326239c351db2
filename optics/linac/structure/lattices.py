"""A linac at one setting as a ``Lattice``: for the files, layouts and drawings that know lattices."""

from __future__ import annotations

from math import copysign, pi, remainder, sin

import numpy as np

from lattice import Aperture, Drift, Element, Lattice, Quadrupole, RFGap
from optics.linac.line import GAP, Line, line_of
from optics.linac.structure.coordinates import particle_at
from optics.linac.structure.linac import Linac, PermanentQuadrupole, Piece, Tank
from optics.linac.structure.reference import Reference, beta_of, reference_of


def lattice_of(linac: Linac) -> Lattice:
    """Drifts, quadrupoles and RF gaps of a linac for its reference particle.

    A quadrupole has the k1 that belongs to the energy of its place. A gap has the phase at which the particle meets its
    middle, and E0 T L for the voltage, so that the energy gain is charge volt cos(phase) to second order of the gain
    within a cell. Offsets of quadrupoles are left out. Raises what ``reference_of`` raises.
    """
    line = line_of(linac)
    reference = reference_of(linac, line)
    elements: list[Element] = []
    for number, piece in enumerate(linac.pieces):
        first, last = (int(row) for row in np.searchsorted(line.piece, [number, number + 1]))
        elements += _elements(linac, piece, line, reference, range(first, last))
    return Lattice(linac.name, elements=tuple(elements), particle=linac.particle)


def _elements(linac: Linac, piece: Piece, line: Line, reference: Reference, rows: range) -> list[Element]:
    opening = Aperture("ellipse", piece.bore, piece.bore)
    if isinstance(piece, PermanentQuadrupole):
        rigidity = particle_at(float(reference.w[rows[0]]), linac.particle).magnetic_rigidity
        k1 = copysign(piece.gradient, piece.gradient * linac.particle.charge) / rigidity
        return [Quadrupole(piece.name, length=piece.length, k1=k1, tilt=piece.roll, aperture=opening)]
    if not isinstance(piece, Tank):
        return [Drift(piece.name, length=piece.length, aperture=opening)]
    elements: list[Element] = []
    for number, row in enumerate(rows):
        if line.kind[row] == GAP:
            elements.append(_gap(linac, piece, line, reference, row, number // 2 + 1))
        else:
            name = f"{piece.name}-drift-{number // 2 + 1}"
            elements.append(Drift(name, length=float(line.length[row]), aperture=opening))
    return elements


def _gap(linac: Linac, tank: Tank, line: Line, reference: Reference, row: int, number: int) -> RFGap:
    """The gap with the phase in its middle; the second order taken up, dW = V (T + 4 A sin(phase)) cos(phase)."""
    arrival = 0.5 * (reference.ct[row] + reference.ct[row + 1])
    middle = 0.5 * float(reference.w[row] + reference.w[row + 1])
    q = tank.wavenumber * tank.cell_length / beta_of(middle)
    phase = remainder(tank.wavenumber * arrival + float(line.phase[row]), 2.0 * pi)
    inside = float(line.volt[row]) * float(line.cell[row, 3]) * (middle * (middle + 2.0)) ** -1.5
    factor = float(tank.cell(q)) + 4.0 * inside * tank.cell.second_order(float(q)) * sin(phase)
    volt = float(line.volt[row]) * linac.particle.mass / linac.particle.charge * factor
    return RFGap(f"{tank.name}-gap-{number}", volt=volt, freq=tank.frequency, phase=phase)
