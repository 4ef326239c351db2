"""Where particles pass the openings of a ring: both ends of every element with an aperture, as the second engine looks.

Inside a section x and y are linear in the coordinates at the section's beginning, but for what ``corrections`` add.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lattice import Aperture, Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.maps.plan import make_plan

#: Numbers of a place in a map: orbit x, m11, m12, orbit y, m33, m34; then the same of px and py.
ROWS = 12


@dataclass(frozen=True, eq=False)
class Boundaries:
    """Ends of elements with an aperture, in the order of a turn: which ``elements`` (p,), behind how many ``steps``.

    ``sections`` (p,) that they lie in; ``openings`` (p, 6): x0, y0, 1/half_x, 1/half_y, 1/ellipse_x, 1/ellipse_y, 0
    where an aperture has no such side.
    """

    elements: Array
    steps: Array
    sections: Array
    openings: Array

    def first(self, sections: int) -> Array:
        """The first place of each section, and their number at the end: (sections + 1,)."""
        return np.searchsorted(self.sections, np.arange(sections + 1)).astype(np.int64)


def opening_of(aperture: Aperture) -> tuple[float, ...]:
    """x0, y0 [m], 1/half_x, 1/half_y, 1/ellipse_x, 1/ellipse_y [1/m]; 0 where an aperture has no such side."""
    half = (0.0, 0.0) if aperture.shape == "ellipse" else (1 / aperture.half_x, 1 / aperture.half_y)
    ellipse = (0.0, 0.0)
    if aperture.shape == "ellipse":
        ellipse = (1 / aperture.half_x, 1 / aperture.half_y)
    elif aperture.ellipse_x is not None and aperture.ellipse_y is not None:
        ellipse = (1 / aperture.ellipse_x, 1 / aperture.ellipse_y)
    return (aperture.offset_x, aperture.offset_y, *half, *ellipse)


def boundaries_of(
    ring: Lattice, particle: ReferenceParticle, fringe: str, start: int, steps: Array, apertures: bool
) -> Boundaries:
    """All of a ring whose turn begins at element ``start`` and is cut at ``steps``; none without ``apertures``.

    Where one element's opening is that of the next, their common end counts once.
    """
    found = list(_ends(ring, particle, fringe, start)) if apertures else []
    kept = [one for i, one in enumerate(found) if i == 0 or one[1:] != found[i - 1][1:]]
    passed = np.array([one[1] for one in kept], dtype=np.int64)
    return Boundaries(
        elements=np.array([one[0] for one in kept], dtype=np.int64),
        steps=passed,
        sections=np.searchsorted(steps, passed),
        openings=np.array([one[2] for one in kept], dtype=float).reshape(-1, 6),
    )


def _ends(
    ring: Lattice, particle: ReferenceParticle, fringe: str, start: int
) -> Iterator[tuple[int, int, tuple[float, ...]]]:
    """Element, steps passed and opening, at both ends of each element with an aperture."""
    plan = make_plan(ring, particle, fringe, 2)
    rows = np.searchsorted(plan.row_element, np.arange(len(ring) + 1))
    lengths = np.diff(plan.rows[rows])
    passed = 0
    for element in (*range(start, len(ring)), *range(start)):
        aperture, before = ring.elements[element].aperture, passed
        passed += int(lengths[element])
        if aperture is not None:
            yield element, before, opening_of(aperture)
            yield element, passed, opening_of(aperture)


def place_rows(series: Array, orbit: Array, steps: Array, boundaries: Boundaries | None) -> Array:
    """The places (p, ROWS) of a turn whose steps have ``series`` about the orbit that begins at ``orbit``."""
    if boundaries is None or len(boundaries.steps) == 0:
        return np.zeros((0, ROWS))
    ends = np.concatenate([orbit[None], series[:, :, 0]])
    begins = np.concatenate([[0], steps])[boundaries.sections]
    rows, matrix, at, begin = np.zeros((len(begins), ROWS)), np.eye(6), 0, 0
    for row, first, last in zip(rows, begins, boundaries.steps, strict=True):
        if first != begin:
            matrix, at, begin = np.eye(6), int(first), int(first)
        for step in range(at, last):
            matrix = series[step, :, 1:7] @ matrix
        at = int(last)
        for part, plane in ((0, 0), (3, 2), (6, 1), (9, 3)):
            block = 2 * (plane // 2)
            row[part : part + 3] = ends[last, plane], matrix[plane, block], matrix[plane, block + 1]
    return rows
