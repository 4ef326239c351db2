"""What the linear positions inside a section miss: the kicks stand in the middle of elements, real magnets are long.

Up to a millimetre far out. Polynomials of third order in the coordinates at the section's beginning, fitted to the
exact positions of a cloud at every aperture, hold it to micrometres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from extraction.spill.sections.fit import cloud_of, normalising
from extraction.spill.sections.kicks import slopes
from extraction.spill.sections.one_turn import SectionalMap
from extraction.spill.sections.places import Boundaries
from extraction.spill.sections.region import Region
from lattice.arrays import Array
from optics.maps.turn import Turn

#: Numbers of a place: of x, then of y.
TERMS_X, TERMS_Y = 16, 14


@dataclass(frozen=True, eq=False)
class Corrections:
    """``terms`` (p, TERMS_X + TERMS_Y): coefficients of the monomials of x, then of y, at each place.

    ``most`` (p, 2) [m]: the largest that they add to x and y within the region; ``missed`` [m]: the largest difference
    from exact positions that is left.
    """

    terms: Array
    most: Array
    missed: float


def monomials_x(z: Array) -> Array:
    """Of second and third order that x may hold, even in y: (n, TERMS_X) of coordinates (n, 4)."""
    x, p, y, q = z.T
    second = (x * x, x * p, p * p, y * y, y * q, q * q)
    pure = (x * x * x, x * x * p, x * p * p, p * p * p)
    return np.stack([*second, *pure, *(first * two for first in (x, p) for two in (y * y, y * q, q * q))], axis=1)


def monomials_y(z: Array) -> Array:
    """Of second and third order that y may hold, odd in y: (n, TERMS_Y) of coordinates (n, 4)."""
    x, p, y, q = z.T
    second = (x * y, x * q, p * y, p * q)
    pure = (y * y * y, y * y * q, y * q * q, q * q * q)
    return np.stack([*second, *pure, *(two * last for two in (x * x, x * p, p * p) for last in (y, q))], axis=1)


_PLANES: tuple[tuple[int, Callable[[Array], Array], slice], ...] = (
    (0, monomials_x, slice(0, TERMS_X)),
    (1, monomials_y, slice(TERMS_X, TERMS_X + TERMS_Y)),
)


def corrections(turn: Turn, one: SectionalMap, delta: float, boundaries: Boundaries, region: Region) -> Corrections:
    """Of the places of a map at momentum ``delta``, from the exact ``turn`` of a cloud."""
    places = len(boundaries.steps)
    terms, most, missed = np.zeros((places, TERMS_X + TERMS_Y)), np.zeros((places, 2)), 0.0
    cloud = cloud_of(region) @ normalising(one.matrices).T
    exact = _exact_positions(turn, one.orbit + cloud, delta, boundaries)
    inside = np.all(np.isfinite(exact), axis=(0, 1))
    for section, here in enumerate(_section_starts(one, cloud[inside])):
        which = np.flatnonzero(boundaries.sections == section)
        for plane, monomials, columns in _PLANES:
            wanted = exact[which, plane][:, inside].T - _linear(one.places[which], here, plane)
            terms[which, columns], rest = _least_squares(monomials(here), wanted)
            most[which, plane] = np.max(np.abs(wanted), axis=0, initial=0.0)
            missed = max(missed, rest)
    return Corrections(terms, most, missed)


def _exact_positions(turn: Turn, start: Array, delta: float, boundaries: Boundaries) -> Array:
    """x and y of a cloud that begins at ``start`` (n, 4), at each place: (p, 2, n); nan for what is lost before."""
    cloud = np.column_stack([start, np.zeros(len(start)), np.full(len(start), delta)])
    found, passed = np.zeros((len(boundaries.steps), 2, len(start))), 0
    for row, last in zip(found, boundaries.steps, strict=True):
        part = slice(passed, int(last))
        cloud, passed = Turn(turn.bank, turn.programs[part], turn.arguments[part], turn.name).track(cloud), int(last)
        row[:] = cloud[:, [0, 2]].T
    return found


def _section_starts(one: SectionalMap, relative: Array) -> Iterator[Array]:
    """Coordinates (n, 4) about the orbit at the beginning of each section, behind the kick."""
    yield relative
    for (horizontal, vertical), kick in zip(one.matrices[:-1], one.kicks, strict=True):
        (x, px), (y, py) = horizontal @ relative[:, :2].T, vertical @ relative[:, 2:].T
        by_x, by_y = slopes(x, y, len(kick))
        relative = np.stack([x, px - kick @ by_x, y, py - kick @ by_y], axis=1)
        yield relative


def _linear(rows: Array, here: Array, plane: int) -> Array:
    """Linear positions (n, p) in a plane of places with ``rows``, of coordinates at their section's beginning."""
    orbit, *motion = rows[:, 3 * plane : 3 * plane + 3].T
    return np.asarray(orbit + here[:, 2 * plane : 2 * plane + 2] @ np.stack(motion))


def _least_squares(columns: Array, wanted: Array) -> tuple[Array, float]:
    """Coefficients (p, terms) of the ``columns`` (n, terms) for ``wanted`` (n, p), and the largest that is left."""
    size = np.maximum(np.sqrt(np.mean(columns**2, axis=0)), 1e-300)
    found = np.linalg.lstsq(columns / size, wanted, rcond=None)[0]
    left = float(np.max(np.abs(wanted - columns / size @ found), initial=0.0))
    return (found / size[:, None]).T, left
