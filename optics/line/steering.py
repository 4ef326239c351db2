"""Trajectories of lines: what monitors read, their correction, what arrives with errors of magnets and of the beam.

A line has no closed orbit: its trajectory is that of the middle of what enters. Many lines with errors are one batch;
each has a beam of its own, and what its monitors read is brought to nothing with the response of the ideal line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from lattice import Bend, InputError, Lattice, Quadrupole, ReferenceParticle
from lattice.arrays import Array
from optics.closed import closed
from optics.imperfections.errors import Imperfect, MagnetErrors, draw_errors
from optics.imperfections.orbit import (
    PLANES,
    Correction,
    OrbitResponse,
    corrected,
    correctors_of,
    monitors_of,
    readings,
    steerable,
    steering,
)
from optics.imperfections.orbit_kicks import Method
from optics.linear.moments import COORDINATES, Moments
from optics.maps.lattices.checked import checked_particle
from optics.maps.lattices.trajectories import row_elements, trajectories

_KICK = 1e-6  # rad: of a response by differences; their error is of the order of its square
_DEAF = 1e-9  # m/rad: a response below this is none


def trajectory_response(
    line: Lattice,
    particle: ReferenceParticle | None = None,
    plane: str = "x",
    *,
    monitors: str | Iterable[str] | None = None,
    correctors: str | Iterable[str] | None = None,
    fringe: str = "full",
) -> OrbitResponse:
    """What each monitor of a line reads [m] for a kick [rad] of each corrector before it, about the axis.

    ``monitors``, ``correctors`` as in ``orbit_response``; correctors that no monitor sees are left out. In a line
    without coupling R_ij = sqrt(b_i b_j) sin(mu_i - mu_j). InputError where there are none.
    """
    particle = checked_particle(line, particle)
    stood = steerable(line)
    seen, acting = monitors_of(stood, plane, monitors), correctors_of(stood, plane, correctors)
    kicks = _KICK * np.concatenate([np.eye(len(acting)), -np.eye(len(acting))])
    moved = stood.with_parameters({steering(name, plane): column for name, column in zip(acting, kicks.T, strict=True)})
    read = readings(moved, trajectories(moved, particle, np.zeros(6), fringe=fringe), seen, plane)
    matrix = (read[: len(acting)] - read[len(acting) :]).T / (2 * _KICK)
    heard = np.abs(matrix).max(axis=0) > _DEAF
    if not heard.any():
        raise InputError(f"line '{line.name}': no monitor stands behind a corrector that acts in {plane}")
    return OrbitResponse(plane, tuple(seen), tuple(np.array(acting)[heard].tolist()), matrix[:, heard])


def correct_trajectory(
    machines: Imperfect,
    particle: ReferenceParticle | None = None,
    start: Array | None = None,
    *,
    planes: Sequence[str] = PLANES,
    monitors: str | Iterable[str] | None = None,
    correctors: str | Iterable[str] | None = None,
    method: Method = "svd",
    cut: float = 1e-2,
    number: int | None = None,
    limit: float | None = None,
    iterations: int = 3,
    fringe: str = "full",
    responses: Mapping[str, OrbitResponse] | None = None,
) -> Correction:
    """Correct what the monitors of each line read, with the response of the ideal one, as ``correct_orbit`` does rings.

    ``start`` (machines, 6): where the middle of the beam of each begins. ``limit`` [rad] bounds each kick.
    ``responses``: those of the ideal line by plane where they are known already.
    """
    particle = checked_particle(machines.ideal, particle)
    begin = np.zeros((machines.machines, 6)) if start is None else np.asarray(start, dtype=float)
    responses = responses or {
        plane: trajectory_response(
            machines.ideal, particle, plane, monitors=monitors, correctors=correctors, fringe=fringe
        )
        for plane in planes
    }
    found = partial(trajectories, particle=particle, start=begin, fringe=fringe)
    return corrected(
        machines,
        responses,
        lambda lines: found(lines),
        method=method,
        cut=cut,
        number=number,
        limit=limit,
        iterations=iterations,
    )


@closed
@dataclass(frozen=True, eq=False)
class Arrivals:
    """Beams at a place: middle ``position`` (n, 2) [m], ``angle`` (n, 2) of px and py, rms ``sizes`` (n, 2) [m]."""

    position: Array
    angle: Array
    sizes: Array


def arrivals(
    line: Lattice, particle: ReferenceParticle, beam: Moments, start: Array, at: str, *, fringe: str = "full"
) -> Arrivals:
    """A beam of moments ``beam`` about ``start`` ((n, 6) or (6,)), through each line of a batch (or one) to a place.

    Sizes by points one rms from the middle along the axes of the beam's ellipsoid, sigma^2 = sum (x+ - x-)^2 / 4 (S.
    Julier & J. Uhlmann, Proc. SPIE 3068, 182, 1997): exact for linear maps about any trajectory.
    """
    found = partial(trajectories, line, particle, fringe=fringe, places=np.array([line.row(at)]))
    middle, sizes = _middle_and_sizes(found, np.atleast_2d(np.asarray(start, dtype=float)), beam)
    return Arrivals(middle[:, 0, [0, 2]], middle[:, 0, [1, 3]], sizes[:, 0])


def _middle_and_sizes(found: Callable[..., Array], begin: Array, beam: Moments) -> tuple[Array, Array]:
    """The middle (n, places, 6) and rms sizes (n, places, 2) [m] of beams about ``begin`` (n, 6)."""
    middle = found(start=begin)
    squares = np.zeros((*middle.shape[:2], 2))
    for axis in _axes(beam):
        across = found(start=begin + axis)[..., [0, 2]] - found(start=begin - axis)[..., [0, 2]]
        squares += (0.5 * across) ** 2
    return middle, np.sqrt(squares)


@closed
@dataclass(frozen=True, eq=False)
class Carried:
    """Beams along lines: ``middle`` (n, rows + 1, 6) and rms ``sizes`` (n, rows + 1, 2) [m], from the entrance on.

    ``row_element`` (rows,): the element that each row begins at; one of several parts has as many rows. Its columns
    serve ``optics.aperture``: x, y [m], px, py, size_x, size_y [m] at the rows.
    """

    middle: Array
    sizes: Array
    row_element: Array

    def entrances(self, elements: Array) -> Array:
        """The rows at which elements begin; the one behind the last is the end."""
        return np.searchsorted(np.append(self.row_element, self.row_element[-1:] + 1), elements)

    def column(self, name: str) -> Array:
        """A coordinate of the middle, or size_x, size_y: (n, rows + 1)."""
        if name in _SIZES:
            return np.asarray(self.sizes[..., _SIZES.index(name)])
        return np.asarray(self.middle[..., COORDINATES.index(name)])


_SIZES = ("size_x", "size_y")


def carried(
    line: Lattice,
    particle: ReferenceParticle,
    beam: Moments,
    start: Array,
    row: int,
    *,
    fringe: str = "full",
    slices: int = 1,
) -> Carried:
    """A beam of moments ``beam`` about ``start`` ((n, 6) or (6,)), along each line of a batch (or one) to a ``row``.

    Sizes as those of ``arrivals``, at the entrances of the elements before ``row``, with every thick one in ``slices``
    parts, and at its own; nothing is lost on the way.
    """
    owner = row_elements(line, particle, slices, fringe=fringe)
    owner = owner[: np.searchsorted(owner, row)]
    found = partial(trajectories, line, particle, fringe=fringe, places=np.arange(len(owner) + 1), slices=slices)
    return Carried(*_middle_and_sizes(found, np.atleast_2d(np.asarray(start, dtype=float)), beam), owner)


def _axes(beam: Moments) -> list[Array]:
    """Axes (6,) of the ellipsoid of a beam, each one rms long: sigma = sum of a a^T."""
    scales = np.sqrt(np.diagonal(beam.sigma))
    scales = np.where(scales > 0, scales, 1.0)
    values, vectors = np.linalg.eigh(beam.sigma / np.outer(scales, scales))
    return [scales * vector * np.sqrt(value) for value, vector in zip(values, vectors.T, strict=True) if value > 1e-14]


@closed
@dataclass(frozen=True)
class Sensitivity:
    """What a relative change of 1e-4 of one ``supply`` does at a place: ``x``, ``y`` [m] of the middle, relative change
    ``size_x``, ``size_y`` of rms sizes."""

    supply: str
    x: float
    y: float
    size_x: float
    size_y: float


PART = 1e-4  # of a supply


def sensitivities(
    line: Lattice, particle: ReferenceParticle, beam: Moments, at: str, *, fringe: str = "full"
) -> tuple[Sensitivity, ...]:
    """For every supply of a line with its beam on the axis: each k1 of quadrupoles that is a parameter, and each bend.

    Differences over changes of either sign. A supply that feeds several magnets moves them together.
    """
    names = _supplies(line)
    found = [_sensitivity(name, *_changed_strength(line, name), particle, beam, at, fringe) for name in names]
    bends = dict.fromkeys(e.name for e in line.elements if isinstance(e, Bend) and line.value(e.angle) != 0.0)
    found += [_sensitivity(name, *_changed_bend(line, name), particle, beam, at, fringe) for name in bends]
    return tuple(found)


def _supplies(line: Lattice) -> list[str]:
    named = [e.k1 for e in line.elements if isinstance(e, Quadrupole) and isinstance(e.k1, str)]
    return [name for name in dict.fromkeys(named) if name in line.parameters and not line.parameters.is_dependent(name)]


def _changed_strength(line: Lattice, name: str) -> tuple[Lattice, float]:
    """The line twice, with the parameter up and down by PART of itself, and PART."""
    value = float(line.parameters[name])
    return line.with_parameters({name: value * (1.0 + PART * np.array([1.0, -1.0]))}), PART


def _changed_bend(line: Lattice, name: str) -> tuple[Lattice, float]:
    """The line with another field in one bend, up and down, its frame as it was; and by how much."""
    drawn = draw_errors(line, MagnetErrors(magnets=name, field=PART), 1, 2)
    parameters = drawn.lattice.parameters.values_by_name
    own = {key: value for key, value in parameters.items() if key not in line.parameters and np.ndim(value)}
    ((key, values),) = own.items()
    change = float(next(iter(drawn.values.values()))["field"][0])
    return drawn.lattice.with_parameters({key: values[0] * np.array([1.0, -1.0])}), change


def _sensitivity(
    name: str, lines: Lattice, change: float, particle: ReferenceParticle, beam: Moments, at: str, fringe: str
) -> Sensitivity:
    found = arrivals(lines, particle, beam, np.zeros(6), at, fringe=fringe)
    moved = 0.5 * (found.position[0] - found.position[1]) * PART / change
    grown = 0.5 * np.log(found.sizes[0] / found.sizes[1]) * PART / change
    return Sensitivity(name, *map(float, (*moved, *grown)))
