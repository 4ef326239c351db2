"""One turn as linear sections with polynomial kicks between them: fast, symplectic, and fitted to the exact turn.

The ring is cut in the middle of its sextupoles (and octupoles, thin multipoles) and of a few bends. Between two cuts
the motion about the closed orbit is the exact linear one at the particle's momentum. At each cut a kick from the
potential V = a x^3/3 + b x y^2 + c x^4/4 + d x^2 y^2/2 + e y^4/4 is applied, x and y counted from the closed orbit.
The sextupoles' own a = k2 l/2 = -b are the start; all coefficients are then fitted to exact turns of a cloud of
particles, which takes in the length of the sextupoles, the second order of the bends and their edges, and the cubic
terms of the drifts. Kicks and sections are symplectic whatever their numbers are, so the whole turn is.

Kicks as carriers of a map's higher orders: J. Irwin, SSC-228 (1989); A. Dragt and D. Abell, Proc. EPAC 1996, 1244.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from lattice import (
    Bend,
    Element,
    Lattice,
    LatticeError,
    Multipole,
    Octupole,
    ReferenceParticle,
    Sextupole,
    UnstableOptics,
)
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics.linear.propagation import courant_snyder
from optics.maps.model import turns
from optics.maps.plan import make_plan
from optics.maps.turn import Turn

N_KICK = 5  # a, b, c, d, e
_CLOUD = 500  # particles the kicks are fitted to
_STEPS = 3  # of the Gauss-Newton iteration; the kicks enter almost linearly
_RIDGE = 1e-10  # keeps the fit near the elements' own strengths where the turn does not tell
_UNIT = 0.1  # m^-2, size of a quadratic kick's coefficient in the fit
_GOOD = 5e-4  # of the nonlinear part of a turn: the fit stops adding places below this
_USABLE = 1e-2  # and is refused above this
_EXTRA = (0, 2, 3, 4, 6, 8, 12, 16)  # how many bends are tried as further places
_COUPLED = 1e-9


@dataclass(frozen=True)
class Cuts:
    """Where a ring is cut: a turn begins at element ``start``, the ``elements`` are cut in the middle, in order."""

    start: int
    elements: tuple[int, ...]


@dataclass(frozen=True)
class Region:
    """Amplitudes the fit must hold for: sqrt of twice the action, ``x`` and ``y`` [m^1/2]."""

    x: float
    y: float


@dataclass(frozen=True, eq=False)
class SectionalMap:
    """One turn at one momentum.

    ``matrices`` (n + 1, 2, 2, 2): section, plane, 2 x 2 matrix; ``kicks`` (n, 5): a, b, c, d, e behind each section
    but the last; ``orbit`` (4,): closed orbit x, px, y, py at the start, ``places_x`` (n,) its x [m] at the cuts;
    ``revolution_time`` [s]; ``misfit``: rms difference from exact turns over the rms of what is nonlinear in them.
    """

    matrices: Array
    kicks: Array
    orbit: Array
    places_x: Array
    revolution_time: float
    misfit: float = nan

    def track(self, coordinates: Array, turns: int = 1) -> Array:
        """x, px, y, py (n, 4), absolute, after some turns from the start."""
        relative = np.asarray(coordinates, dtype=float) - self.orbit
        for _ in range(turns):
            relative = turned(self.matrices, self.kicks, relative)
        return np.asarray(relative + self.orbit)


def turned(matrices: Array, kicks: Array, relative: Array) -> Array:
    """One turn of coordinates (n, 4) relative to the closed orbit."""
    for (horizontal, vertical), (a, b, c, d, e) in zip(matrices[:-1], kicks, strict=True):
        x, px = horizontal @ relative[:, :2].T
        y, py = vertical @ relative[:, 2:].T
        kick_x = x * (a * x + c * x * x + d * y * y) + b * y * y
        kick_y = y * (x * (2.0 * b + d * x) + e * y * y)
        relative = np.stack([x, px - kick_x, y, py - kick_y], axis=1)
    horizontal, vertical = matrices[-1]
    return np.concatenate([relative[:, :2] @ horizontal.T, relative[:, 2:] @ vertical.T], axis=1)


def choose_cuts(
    ring: Lattice,
    particle: ReferenceParticle,
    start: int,
    region: Region,
    *,
    delta: float = 0.0,
    fringe: str = "full",
    also: tuple[int, ...] = (),
) -> Cuts:
    """Cuts at all nonlinear elements, at elements ``also``, and at as many bends as the fit needs.

    LatticeError when even with them the turn is not reproduced (strong skew or high multipoles): such a ring is for
    element-by-element tracking.
    """
    own = [i for i, element in enumerate(ring.elements) if is_nonlinear(ring, element) or i in also]
    bends = [i for i, element in enumerate(ring.elements) if isinstance(element, Bend) and i not in own]
    best: tuple[float, Cuts] | None = None
    for extra in _evenly(bends):
        cuts = Cuts(start, tuple(sorted((*own, *extra), key=lambda i: (i - start) % len(ring))))
        misfit = sectional_map(ring, particle, cuts, region, delta=delta, fringe=fringe).misfit
        if best is None or misfit < best[0]:
            best = misfit, cuts
        if misfit < _GOOD:
            break
    assert best is not None
    if not best[0] < _USABLE:
        raise LatticeError(
            f"ring '{ring.name}' cannot be tracked in sections: kicks at its {len(own)} nonlinear elements and at "
            f"bends miss {best[0]:.2g} of its nonlinear motion; track it element by element (engine='xsuite')"
        )
    return best[1]


def _evenly(bends: list[int]) -> Iterator[list[int]]:
    for count in _EXTRA:
        if count <= len(bends):
            yield [bends[int((k + 0.5) * len(bends) / count)] for k in range(count)]


def sectional_map(
    ring: Lattice,
    particle: ReferenceParticle,
    cuts: Cuts,
    region: Region,
    *,
    delta: float = 0.0,
    fringe: str = "full",
    fitted: Array | None = None,
) -> SectionalMap:
    """The sections of ``ring`` at momentum deviation ``delta`` with kicks fitted inside ``region``.

    ``fitted`` (n, 5) saves the fit: what the kicks are beyond the elements' own (``kicks - own_kicks``). Raises
    UnstableOptics without closed orbit or stable motion, LatticeError for a ring that couples the planes.
    """
    turn = turns(ring, particle, fringe, slices=2, first_element=cuts.start)[0]
    steps = _first_steps(ring, particle, fringe, cuts)
    orbit = turn.closed_orbit(delta)
    series = turn.follow(orbit, 1)
    sections = [_product(part) for part in np.split(series, steps)]
    matrices = np.stack([_planes(ring, section) for section in sections])
    ends = np.concatenate([orbit[None], series[:, :, 0]])
    own = own_kicks(ring, cuts)
    kicks, misfit = (own + fitted, nan) if fitted is not None else _fitted(turn, orbit, matrices, own, region)
    slip = float(ends[-1, 4] - ends[0, 4])
    return SectionalMap(
        matrices=matrices,
        kicks=kicks,
        orbit=orbit[:4].copy(),
        places_x=ends[steps, 0],
        revolution_time=(float(ring.length) - slip) / (particle.beta * SPEED_OF_LIGHT),
        misfit=misfit,
    )


def own_kicks(ring: Lattice, cuts: Cuts) -> Array:
    """Kicks (n, 5) of the elements that are cut, from their strengths alone."""
    return np.array([_own_kick(ring, ring.elements[i]) for i in cuts.elements]).reshape(-1, N_KICK)


def is_nonlinear(ring: Lattice, element: Element) -> bool:
    """Whether an element has a sextupole's or octupole's strength: the ring is cut there."""
    return bool(np.any(_own_kick(ring, element)))


def _own_kick(ring: Lattice, element: Element) -> Array:
    """a, b, c, d, e of what an element has beyond its linear part, as if it stood in its middle."""
    k2l = k3l = 0.0
    if isinstance(element, Sextupole):
        k2l = float(ring.value(element.k2)) * float(ring.value(element.length))
    elif isinstance(element, Octupole):
        k3l = float(ring.value(element.k3)) * float(ring.value(element.length))
    elif isinstance(element, Bend):
        k2l = float(ring.value(element.k2)) * float(ring.value(element.length))
    elif isinstance(element, Multipole):
        k2l, k3l = (float(ring.value(k)) for k in (*element.knl, 0.0, 0.0, 0.0, 0.0)[2:4])
    return np.array([k2l / 2, -k2l / 2, k3l / 6, -k3l / 2, k3l / 6])


def _first_steps(ring: Lattice, particle: ReferenceParticle, fringe: str, cuts: Cuts) -> Array:
    """Step behind which each cut lies, counted from the start."""
    plan = make_plan(ring, particle, fringe, 2)
    begin = plan.rows[np.searchsorted(plan.row_element, cuts.start)]
    middle = []
    for element in cuts.elements:
        rows = np.flatnonzero(plan.row_element == element)
        middle.append(plan.rows[rows[np.searchsorted(plan.row_fraction[rows], 0.5 - 1e-12) % len(rows)]])
    return np.asarray((np.array(middle, dtype=np.int64) - begin) % len(plan.sequence))


def _product(series: Array) -> Array:
    total = np.eye(6)
    for matrix in series[:, :, 1:7]:
        total = matrix @ total
    return np.asarray(total[:4, :4])


def _planes(ring: Lattice, section: Array) -> Array:
    """The blocks (2, 2, 2) of the two planes; LatticeError when the section couples them."""
    scale = np.max(np.abs(section))
    if max(np.max(np.abs(section[:2, 2:])), np.max(np.abs(section[2:, :2]))) > _COUPLED * scale:
        raise LatticeError(
            f"ring '{ring.name}' couples the planes: it cannot be tracked in sections; track it element by element "
            f"(engine='xsuite')"
        )
    return np.stack([section[:2, :2], section[2:, 2:]])


def _fitted(turn: Turn, orbit: Array, matrices: Array, own: Array, region: Region) -> tuple[Array, float]:
    """Kicks (n, 5) that reproduce one exact turn of a cloud best, and what they miss."""
    frame = _normalising(matrices)
    cloud = _cloud(region) @ frame.T
    start = np.zeros((_CLOUD, 6))
    start[:, :4], start[:, 5] = orbit[:4] + cloud, orbit[5]
    end = turn.track(start)[:, :4] - orbit[:4]
    inside = np.all(np.isfinite(end), axis=1)
    cloud, end = cloud[inside], end[inside]
    inverse = np.linalg.inv(frame).T / region.x
    linear = turned(matrices, np.zeros_like(own), cloud)
    nonlinear = float(np.sqrt(np.mean(((end - linear) @ inverse) ** 2)))
    if len(own) == 0 or nonlinear == 0.0:
        return own, 0.0 if nonlinear < 1e-12 else 1.0
    unit = _UNIT * np.array([1.0, 1.0, 30.0, 30.0, 30.0])

    def misses(numbers: Array) -> Array:
        return np.asarray(((turned(matrices, own + numbers.reshape(own.shape) * unit, cloud) - end) @ inverse).ravel())

    numbers = np.zeros(own.size)
    for _ in range(_STEPS):
        numbers = numbers + _step(misses, numbers)
    missed = float(np.sqrt(np.mean(misses(numbers) ** 2)))
    return np.asarray(own + numbers.reshape(own.shape) * unit), missed / nonlinear


def _step(misses: Any, numbers: Array) -> Array:
    """Gauss-Newton step with a ridge; forward differences serve, the kicks being almost linear in their numbers."""
    now = misses(numbers)
    change = 1e-4
    slopes = np.stack([(misses(numbers + change * unit) - now) / change for unit in np.eye(len(numbers))], axis=1)
    ridge = _RIDGE * len(now)
    normal = slopes.T @ slopes + ridge * np.eye(len(numbers))
    return np.asarray(np.linalg.solve(normal, -(slopes.T @ now) - ridge * numbers))


def _cloud(region: Region) -> Array:
    """Normalised coordinates (n, 4) that fill the region evenly in both planes; the same ones every time."""
    draw = np.random.default_rng(1).random((_CLOUD, 4))
    radius_x, radius_y = region.x * np.sqrt(draw[:, 0]), region.y * np.sqrt(draw[:, 1])
    phase_x, phase_y = 2 * np.pi * draw[:, 2], 2 * np.pi * draw[:, 3]
    return np.stack(
        [
            radius_x * np.cos(phase_x),
            radius_x * np.sin(phase_x),
            radius_y * np.cos(phase_y),
            radius_y * np.sin(phase_y),
        ],
        axis=1,
    )


def _normalising(matrices: Array) -> Array:
    """Matrix (4, 4) from normalised coordinates at the start; UnstableOptics where the linear motion has no bounds."""
    turn, frame = np.zeros((4, 4)), np.zeros((4, 4))
    for plane in (0, 1):
        block = slice(2 * plane, 2 * plane + 2)
        turn[block, block] = np.linalg.multi_dot([np.eye(2), np.eye(2), *matrices[::-1, plane]])
        bounded, _, _, beta, alpha = courant_snyder(turn, 2 * plane)
        if not bounded:
            trace = turn[block, block].trace()
            raise UnstableOptics(f"the motion in {'xy'[plane]} is unstable: trace of the one-turn matrix {trace:.6g}")
        root = np.sqrt(beta)
        frame[block, block] = [[root, 0.0], [-alpha / root, 1.0 / root]]
    return frame
