"""The second engine: particles integrated through the field of the cells, step by step, with no gap map.

On the axis E(s, t) = e0 g(s) cos(omega t + phase) with g the cell's profile; off it, to first order in the transverse
and second in the axial field, E_r = -(r/2) dE/ds, B_theta = (r / 2 c^2) dE/dt, E_s = E - (r^2/4)(d2E/ds2 - d2E/dt2/c^2)
(Wangler, RF Linear Accelerators, 2008, ch. 7). Classical Runge-Kutta of order four, with as many steps a cell as the
profile needs: a drift tube's narrow edges take more than a cosine. Shares with the maps the description of the machine
and nothing that moves a particle.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from math import cos, sin
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import simpson

from lattice import InputError, NoSolution
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics.compiled import compiled
from optics.linac.result import CAUSES, LinacTracked, arrived, lost_table
from optics.linac.structure.coordinates import canonical, checked, particle_at, relative
from optics.linac.structure.linac import MODES, Linac, PermanentQuadrupole, Piece, Tank
from optics.linac.structure.transit import TransitTime
from optics.linac.transport import Transport, scales

_COMPLEX_STEP = 1e-30
_QUADRUPOLE_STEPS = 8
#: Steps a cell that are tried, and how well their Simpson's rule must give the cell's integrals, relative to the gain.
_STEPS = (6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_TOLERANCE = 1e-5
_CHUNK = 256
_BORE, _STOPPED = CAUSES.index("bore"), CAUSES.index("stopped")


class Field(NamedTuple):
    """A piece as the integration sees it: ``cells`` of ``length`` [m], each with ``profile`` (2 steps + 1, 3).

    The profile is g [1], g' [1/m], g'' [1/m^2] at the ends and middles of the steps. ``force`` q e0/(m c^2) [1/m];
    ``phase`` of the first cell and ``advance`` from cell to cell [rad]; ``wavenumber`` [1/m]; ``gradient`` q G c/(m
    c^2) [1/m^2], at ``dx``, ``dy`` [m], turned (``cosine``, ``sine``); ``s`` of the entrance [m]; ``bore`` [m].
    """

    cells: int
    length: float
    profile: Array
    s: float
    bore: float
    force: float = 0.0
    phase: float = 0.0
    advance: float = 0.0
    wavenumber: float = 1.0
    gradient: float = 0.0
    dx: float = 0.0
    dy: float = 0.0
    cosine: float = 1.0
    sine: float = 0.0


def integrate(
    linac: Linac,
    coordinates: Array,
    *,
    tolerance: float = _TOLERANCE,
    apertures: bool = True,
    threads: int | None = None,
) -> LinacTracked:
    """As ``track``, by integration through the fields; openings are looked at behind every step.

    ``tolerance``: of the steps, relative to the energy gain of a cell. The reference particle is integrated too,
    on the axis. Raises InputError for a tank without RF phase or without a known field, NoSolution where the reference
    particle is stopped or nobody arrives.
    """
    fields = fields_of(linac, tolerance)
    reference = _reference(linac, fields)
    z = np.ascontiguousarray(canonical(checked(coordinates), linac.particle))
    flight = _Flight(z, np.full(z.shape[1], -1), *np.zeros((2, z.shape[1]), dtype=np.int64))
    for number, field in enumerate(fields):
        flight.advance(number, field if apertures else field._replace(bore=np.inf), threads)
    lost = flight.lost >= 0
    place = np.maximum(flight.lost, 0)
    names = [linac.pieces[i].name for i in place]
    s = np.array([fields[i].s + step * _step(fields[i]) for i, step in zip(place, flight.step, strict=True)])
    there = np.array([reference[i][step] for i, step in zip(place, flight.step, strict=True)])
    losses = lost_table(z, lost, flight.cause, names, s, there[:, 0], there[:, 1])
    ct, w = reference[-1][-1]
    end = relative(z, ct, w)
    end[lost] = np.nan
    return arrived(linac, LinacTracked(particle_at(float(w), linac.particle), end, ~lost, losses))


def integrated_energies(linac: Linac, *, tolerance: float = _TOLERANCE) -> Array:
    """Kinetic energy [eV] of the reference particle at the entrance of every piece and at the end, by integration."""
    reference = _reference(linac, fields_of(linac, tolerance))
    return np.array([reference[0][0, 1], *(piece[-1, 1] for piece in reference)]) * linac.particle.mass


def integrated_matrix(linac: Linac, *, tolerance: float = _TOLERANCE) -> Array:
    """Transport matrix (6, 6) from start to end by integration, in the coordinates of ``transport``."""
    return integrated_transport(linac, tolerance=tolerance).matrix


def integrated_transport(linac: Linac, *, tolerance: float = _TOLERANCE) -> Transport:
    """As ``transport``, by integration: at the ends of pipes, cells and eighths of quadrupoles.

    Raises what ``integrated_energies`` raises.
    """
    fields = fields_of(linac, tolerance)
    start = _reference(linac, fields)[0][0, 1]
    z = np.zeros((6, 6), dtype=complex)
    z[5] = start
    z += 1j * _COMPLEX_STEP * np.eye(6)
    states = np.concatenate([z[None].copy(), *(_through_linear(field, z) for field in fields)])
    scale = scales(states[:, 5, 0].real)
    steps = [(number, field) for number, field in enumerate(fields) for _ in range(field.cells)]
    return Transport(
        linac,
        np.cumsum([0.0, *(field.length for _, field in steps)]),
        states[:, 5, 0].real * linac.particle.mass,
        scale[:, :, None] * states.imag / _COMPLEX_STEP / scale[0],
        np.array([*(field.bore for _, field in steps), fields[-1].bore]),
        np.array([*(number for number, _ in steps), len(fields)]),
    )


def fields_of(linac: Linac, tolerance: float = _TOLERANCE) -> list[Field]:
    """Every piece as a Field, with as many steps of integration a cell as ``tolerance`` needs."""
    if not 0 < tolerance < 1:
        raise InputError(f"the tolerance of an integration must lie between 0 and 1, found {tolerance!r}")
    return [_field(linac, piece, s, tolerance) for piece, s in zip(linac.pieces, linac.s, strict=False)]


def _field(linac: Linac, piece: Piece, s: float, tolerance: float) -> Field:
    particle = linac.particle
    if isinstance(piece, PermanentQuadrupole):
        gradient = particle.charge * piece.gradient * SPEED_OF_LIGHT / particle.mass
        return Field(
            _QUADRUPOLE_STEPS,
            piece.length / _QUADRUPOLE_STEPS,
            np.zeros((3, 3)),
            s,
            piece.bore,
            gradient=gradient,
            dx=piece.dx,
            dy=piece.dy,
            cosine=cos(piece.roll),
            sine=sin(piece.roll),
        )
    if not isinstance(piece, Tank) or piece.e0 == 0.0:
        return Field(1, piece.length, np.zeros((3, 3)), s, piece.bore)
    if piece.rf_phase is None:
        raise InputError(f"Tank '{piece.name}' has no RF phase yet: run the design pass first")
    return Field(
        piece.cells,
        piece.cell_length,
        _profile(piece, _steps(piece.cell, MODES[piece.mode][1], tolerance)),
        s,
        piece.bore,
        force=particle.charge * piece.e0 / particle.mass,
        phase=piece.rf_phase,
        advance=MODES[piece.mode][0],
        wavenumber=piece.wavenumber,
    )


@cache
def _steps(cell: TransitTime, harmonic: float, tolerance: float) -> int:
    """Fewest steps whose Simpson's rule (what Runge-Kutta is along a given path) integrates the cell's field.

    Compared are the integrals of g, g cos(q x) and g x sin(q x) at synchronism with those of the most steps.
    """
    if cell.profile is None:
        return _STEPS[0]
    best = _simpson(cell, harmonic, _STEPS[-1])
    for steps in _STEPS:
        if np.max(np.abs(_simpson(cell, harmonic, steps) - best)) <= tolerance * abs(best[1]):
            return steps
    return _STEPS[-1]


def _simpson(cell: TransitTime, harmonic: float, steps: int) -> Array:
    """Integrals over the cell by Simpson's rule."""
    assert cell.profile is not None
    x = np.linspace(-0.5, 0.5, 2 * steps + 1)
    q = 2.0 * np.pi * harmonic
    g = cell.profile(x)
    return np.asarray(simpson(np.array([g, g * np.cos(q * x), g * x * np.sin(q * x)]), x=x))


def _profile(tank: Tank, steps: int) -> Array:
    cell = tank.cell
    if cell.profile is None or cell.slope is None:
        raise InputError(
            f"Tank '{tank.name}': transit time '{cell.name}' comes without its field, so that nothing can be "
            "integrated: give the on-axis field (from_field)"
        )
    at = np.linspace(-0.5, 0.5, 2 * steps + 1)
    inside = np.clip(at, -0.5 + 1e-4, 0.5 - 1e-4)
    second = (cell.slope(inside + 1e-4) - cell.slope(inside - 1e-4)) / 2e-4
    length = tank.cell_length
    return np.ascontiguousarray(np.column_stack([cell.profile(at), cell.slope(at) / length, second / length**2]))


def _reference(linac: Linac, fields: list[Field]) -> list[Array]:
    """ct [m] and w of a particle on the axis at the entrance of every piece and behind its steps, (steps + 1, 2) each.

    Raises NoSolution naming a piece that stops it.
    """
    z = canonical(np.zeros((1, 6)), linac.particle)[:, 0]
    found = []
    for number, field in enumerate(fields):
        found.append(_on_axis(field._replace(gradient=0.0), z))
        if not z[5] > 0:
            raise NoSolution(
                f"linac '{linac.name}': the reference particle is stopped in '{linac.pieces[number].name}'"
            )
    return found


class _Flight(NamedTuple):
    """Canonical ``z`` (6, n), and for each particle the piece (-1: none), cause and step in the piece of its loss."""

    z: Array
    lost: Array
    cause: Array
    step: Array

    def advance(self, number: int, field: Field, threads: int | None) -> None:
        count = self.z.shape[1]
        go = partial(_through, field, number, self.z, self.lost, self.cause, self.step)
        with ThreadPoolExecutor(max_workers=threads or os.cpu_count()) as pool:
            list(pool.map(lambda first: go(first, min(first + _CHUNK, count)), range(0, count, _CHUNK)))


@compiled
def _step(field: Field) -> float:
    """Length of a step [m]."""
    return field.length / ((len(field.profile) - 1) // 2)


@compiled
def _on_axis(field: Field, z: Array) -> Array:
    """Carry one particle (6,) through a piece; its ct and w at the entrance and behind every step, (steps + 1, 2)."""
    steps = (len(field.profile) - 1) // 2
    found = np.empty((field.cells * steps + 1, 2))
    found[0] = z[4:]
    for j in range(field.cells * steps):
        z[:] = _stepped(field, j // steps, j % steps, field.length / steps, z)
        found[j + 1] = z[4:]
    return found


@compiled
def _through(
    field: Field, number: int, z: Array, lost: Array, cause: Array, step: Array, first: int, last: int
) -> None:
    """Carry the living of the particles ``first`` to ``last`` through a piece."""
    steps = (len(field.profile) - 1) // 2
    h = field.length / steps
    for i in range(first, last):
        if lost[i] >= 0:
            continue
        state = _entered(field, z[:, i])
        for j in range(field.cells * steps):
            state = _stepped(field, j // steps, j % steps, h, state)
            r2 = (state[0] + _shift(field, 0)) ** 2 + (state[2] + _shift(field, 1)) ** 2
            if not (r2 <= field.bore**2 and state[5] > 0.0):
                lost[i], cause[i] = number, _BORE if r2 > field.bore**2 else _STOPPED
                step[i] = j + 1
                break
        z[:, i] = _left(field, state)


@compiled
def _through_linear(field: Field, z: Array) -> Array:
    """Carry complex particles (6, n) through a piece; they themselves behind each of its cells, (cells, 6, n)."""
    steps = (len(field.profile) - 1) // 2
    behind = np.empty((field.cells, *z.shape), dtype=z.dtype)
    for i in range(z.shape[1]):
        state = _entered(field, z[:, i])
        for j in range(field.cells * steps):
            state = _stepped(field, j // steps, j % steps, field.length / steps, state)
            if (j + 1) % steps == 0:
                behind[j // steps, :, i] = _left(field, state)
        z[:, i] = behind[-1, :, i]
    return behind


@compiled
def _shift(field: Field, plane: int) -> float:
    """Displacement of a quadrupole in its own turned frame."""
    if plane == 0:
        return field.cosine * field.dx + field.sine * field.dy
    return field.cosine * field.dy - field.sine * field.dx


@compiled
def _entered(field: Field, z: Any) -> Any:
    """State in the frame of the piece."""
    c, s = field.cosine, field.sine
    x, y = z[0] - field.dx, z[2] - field.dy
    return np.array([c * x + s * y, c * z[1] + s * z[3], c * y - s * x, c * z[3] - s * z[1], z[4], z[5]])


@compiled
def _left(field: Field, z: Any) -> Any:
    """State back in the frame of the linac."""
    c, s = field.cosine, field.sine
    return np.array(
        [
            c * z[0] - s * z[2] + field.dx,
            c * z[1] - s * z[3],
            c * z[2] + s * z[0] + field.dy,
            c * z[3] + s * z[1],
            z[4],
            z[5],
        ]
    )


@compiled
def _stepped(field: Field, cell: int, step: int, h: float, state: Any) -> Any:
    """One Runge-Kutta step of length ``h`` [m]."""
    phase = field.phase + cell * field.advance
    last = len(field.profile) - 1
    if step == 0:
        state = _kinked(field, field.profile[0, 1], phase, state)
    a = _rates(field, 2 * step, phase, state)
    b = _rates(field, 2 * step + 1, phase, state + 0.5 * h * a)
    c = _rates(field, 2 * step + 1, phase, state + 0.5 * h * b)
    d = _rates(field, 2 * step + 2, phase, state + h * c)
    state = state + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
    return _kinked(field, -field.profile[last, 1], phase, state) if 2 * step + 2 == last else state


@compiled
def _kinked(field: Field, jump: float, phase: float, state: Any) -> Any:
    """Behind a kink of the profile, where g' rises by ``jump``: the energy that the delta function in g'' gives."""
    result = state.copy()
    r2 = state[0] * state[0] + state[2] * state[2]
    result[5] -= 0.25 * field.force * r2 * jump * np.cos(field.wavenumber * state[4] + phase)
    return result


@compiled
def _rates(field: Field, node: int, phase: float, state: Any) -> Any:
    """d(x, ux, y, uy, ct, w)/ds at a node of the profile."""
    x, ux, y, uy, ct, w = state[0], state[1], state[2], state[3], state[4], state[5]
    g, slope, curvature = field.profile[node, 0], field.profile[node, 1], field.profile[node, 2]
    k = field.wavenumber
    uz = np.sqrt(w * (w + 2.0) - ux * ux - uy * uy)
    cosine, sine = np.cos(k * ct + phase), np.sin(k * ct + phase)
    radial = 0.5 * field.force * (k * g * sine - slope * cosine * (1.0 + w) / uz)
    axial = g - 0.25 * (x * x + y * y) * (curvature + k * k * g) - 0.5 * slope * (x * ux + y * uy) / uz
    rates = np.empty_like(state)
    rates[0], rates[2], rates[4] = ux / uz, uy / uz, (1.0 + w) / uz
    rates[1] = (radial - field.gradient) * x
    rates[3] = (radial + field.gradient) * y
    rates[5] = field.force * cosine * axial
    return rates
