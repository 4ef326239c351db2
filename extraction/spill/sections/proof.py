"""Amplitudes that stay inside all openings of a ring for a turn: a proof that costs a tracker two products a particle.

In a section the ellipse through a particle is carried along by the linear motion; its largest x at a place is the
closed orbit there and A sqrt(beta), A^2 twice the action. Openings, what positions may differ from the linear ones,
and a kick's largest share, dA <= sqrt(beta) |dV/dx|, bound A in each section and, carried through the turn, at its
beginning:

    |orbit - x0| + most + A sqrt(beta) <= half        (and for ellipses the sum of squares of both planes)

An exciter's kick is taken off beforehand. The bounds hold between the momenta that they are computed at to a part in a
hundred, which is taken off too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from extraction.spill.sections.fit import start_functions
from extraction.spill.sections.kicks import largest_kick
from extraction.spill.sections.layout import Layout
from extraction.spill.sections.places import ROWS
from extraction.spill.sections.table import SectionalMaps
from lattice.arrays import Array

CELLS = 64  # of the momenta
_LEVELS = (0.25, 0.35, 0.5, 0.7, 1.0)  # vertical amplitudes that are proven, of the region's
_GROWN = 1.25  # what the vertical amplitude may grow to within a turn
_SURE = 0.99  # of the amplitudes
_HALVINGS = 14
_BEYOND = -1.0  # no amplitude is small enough


@dataclass(frozen=True, eq=False)
class Limits:
    """Squares of amplitudes [m] on the ``ellipse`` (beta x, alpha x, beta y, alpha y) at the beginning of a turn.

    ``turn`` (levels, CELLS, 2): with no more than these a particle stays inside all openings for the turn;
    ``sections`` (levels, CELLS, sections, 2): for the section, on the ellipse carried there. Levels are of rising
    vertical and falling horizontal amplitude: each holds on its own. Cells divide the momenta of the maps evenly.
    ``root_beta`` (cuts,): largest sqrt(beta x) at each cut.
    """

    ellipse: tuple[float, float, float, float]
    turn: Array
    sections: Array
    root_beta: Array

    def after_kicks(self, cut: int, most: float) -> Array:
        """``turn`` where an exciter at ``cut`` kicks by at most ``most`` [rad] besides."""
        limits = self.turn.copy()
        left = np.sqrt(np.maximum(limits[..., 0], 0.0)) - self.root_beta[cut] * most
        limits[..., 0] = np.where((limits[..., 0] > 0) & (left > 0), left * np.abs(left), _BEYOND)
        return limits


def ellipse_of(maps: SectionalMaps, own: Mapping[str, float]) -> tuple[float, float, float, float]:
    """beta x, alpha x, beta y, alpha y at the beginning of a turn in the middle of the momenta."""
    (beta_x, alpha_x), (beta_y, alpha_y) = start_functions(maps.at(maps.centre, **own).matrices)
    return beta_x, alpha_x, beta_y, alpha_y


def limits_of(maps: SectionalMaps, own: Mapping[str, float]) -> Limits:
    """Limits of maps whose settings are ``own`` in the ring: the least of all momenta in a cell and ends of
    settings."""
    ellipse = ellipse_of(maps, own)
    turns, sections, roots = [], [], []
    for vectors in corners(maps, own):
        walk = _Walk.of(maps, vectors, ellipse)
        each = [walk.limits(level * maps.region.y, maps.region.x) for level in _LEVELS]
        turns.append([one.turn for one in each])
        sections.append([one.sections for one in each])
        roots.append(np.sqrt(np.max(walk.betas[:, :, 0], axis=0)))
    least_turn, least_sections = np.min(turns, axis=0), np.min(sections, axis=0)  # (levels, momenta, ...)
    turn = np.minimum(least_turn[:, :-1], least_turn[:, 1:])
    section = np.minimum(least_sections[:, :-1], least_sections[:, 1:])
    return Limits(ellipse, _squares(turn), _squares(section), np.max(roots, axis=0)[1:])


def _squares(amplitudes: Array) -> Array:
    return np.where(amplitudes > 0, (_SURE * amplitudes) ** 2, _BEYOND)


def corners(maps: SectionalMaps, own: Mapping[str, float]) -> Iterator[Array]:
    """Vectors (size, momenta) at the ring's own settings and at the ends of each, and of all together."""
    powers = np.linspace(-1.0, 1.0, CELLS + 1) ** np.arange(maps.base.shape[-1])[:, None]
    low = {one.name: float(np.min(one.nodes)) for one in maps.settings}
    high = {one.name: float(np.max(one.nodes)) for one in maps.settings}
    corners = [dict(own), low, high]
    corners += [{**own, name: end[name]} for name in low for end in (low, high)]
    for values in corners if maps.settings else corners[:1]:
        weights = maps.weights({name: np.array([value]) for name, value in values.items()}, 1)[0]
        yield np.tensordot(weights, maps.stack(slice(None)), 1) @ powers


class _Bounds(NamedTuple):
    """Amplitudes (momenta, 2) at the beginning of a turn, and (momenta, sections, 2) of each section."""

    turn: Array
    sections: Array


@dataclass(frozen=True, eq=False)
class _Walk:
    """A turn at many momenta: ``betas`` (momenta, sections, 2) at the beginnings, ``ends`` those before each kick.

    ``kicks`` (momenta, cuts, terms); of each place ``room`` (momenta, places, 2) from the orbit to the box,
    ``offset`` of the orbit from the middle with what is unsure, and ``roots`` of beta (momenta, places, 2).
    """

    betas: Array
    ends: Array
    kicks: Array
    room: Array
    offset: Array
    roots: Array
    openings: Array
    sections: Array

    @staticmethod
    def of(maps: SectionalMaps, vectors: Array, ellipse: tuple[float, float, float, float]) -> _Walk:
        layout = maps.layout
        betas, alphas = carried(matrices_of(vectors, layout), ellipse)
        rows = vectors[layout.turn : layout.size].T.reshape(-1, layout.p, ROWS)
        offset, roots = _at_places(maps, rows, betas, alphas)
        with np.errstate(divide="ignore"):
            room = 1.0 / maps.boundaries.openings[:, 2:4] - offset
        return _Walk(
            betas=betas[:, :-1],
            ends=betas[:, 1:],
            kicks=_kicks(vectors, layout),
            room=room,
            offset=offset,
            roots=roots,
            openings=maps.boundaries.openings,
            sections=maps.boundaries.sections,
        )

    def limits(self, vertical: float, most: float) -> _Bounds:
        """With this vertical amplitude at the beginning, and up to ``most`` in x."""
        count = len(self.betas)
        sections = self._sections(_GROWN * vertical)
        low, high = np.zeros(count), np.full(count, most)
        possible = self._stays(low, vertical, sections)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            stays = self._stays(middle, vertical, sections)
            low, high = np.where(stays, middle, low), np.where(stays, high, middle)
        turn = np.stack([np.where(possible, low, _BEYOND), np.full(count, vertical)], axis=1)
        return _Bounds(turn, np.stack([sections, np.full(sections.shape, _GROWN * vertical)], axis=2))

    def _sections(self, vertical: float) -> Array:
        """Largest amplitude in x (momenta, sections) with this vertical one; negative where there is none."""
        height = vertical * self.roots[..., 1]
        box = np.where(height <= self.room[..., 1], self.room[..., 0], _BEYOND)
        share = (self.offset[..., 1] + height) * self.openings[:, 5]
        with np.errstate(divide="ignore", invalid="ignore"):
            half = np.sqrt(np.maximum(1.0 - share**2, 0.0)) / self.openings[:, 4]
        ellipse = np.where(self.openings[:, 4] > 0, half - self.offset[..., 0], np.inf)
        allowed = np.minimum(box, ellipse) / self.roots[..., 0]
        found = np.full(self.betas.shape[:2], np.inf)
        for section in range(found.shape[1]):
            found[:, section] = np.min(allowed[:, self.sections == section], axis=1, initial=np.inf)
        return found

    def _stays(self, horizontal: Array, vertical: float, sections: Array) -> Array:
        """Whether amplitudes at the beginning stay below those of each section (momenta,)."""
        x, y = horizontal, np.full(len(horizontal), vertical)
        stays = x <= sections[:, 0]
        for cut in range(self.kicks.shape[1]):
            roots = np.sqrt(self.ends[:, cut])
            by_x, by_y = largest_kick(self.kicks[:, cut], roots[:, 0] * x, roots[:, 1] * y)
            x, y = x + roots[:, 0] * by_x, y + roots[:, 1] * by_y
            stays &= (x <= sections[:, cut + 1]) & (y <= _GROWN * vertical)
        return stays


def _kicks(vectors: Array, layout: Layout) -> Array:
    return vectors[layout.kicks : layout.orbit].T.reshape(-1, layout.n, layout.terms)


def matrices_of(vectors: Array, layout: Layout) -> Array:
    """Of the sections (momenta, sections, 2, 2, 2)."""
    return vectors[: layout.kicks].T.reshape(-1, layout.n + 1, 2, 2, 2)


def carried(matrices: Array, ellipse: tuple[float, float, float, float]) -> tuple[Array, Array]:
    """beta and alpha (momenta, sections + 1, 2) at the beginning of each section and at the end of the turn."""
    beta = np.broadcast_to(ellipse[0::2], (len(matrices), 2))
    alpha = np.broadcast_to(ellipse[1::2], (len(matrices), 2))
    betas, alphas = [beta], [alpha]
    for section in range(matrices.shape[1]):
        (a, b), (c, d) = np.moveaxis(matrices[:, section], (2, 3), (0, 1))
        gamma = (1.0 + alpha**2) / beta
        beta, alpha = (
            a * a * beta - 2.0 * a * b * alpha + b * b * gamma,
            -a * c * beta + (a * d + b * c) * alpha - b * d * gamma,
        )
        betas.append(beta)
        alphas.append(alpha)
    return np.stack(betas, axis=1), np.stack(alphas, axis=1)


def _at_places(maps: SectionalMaps, rows: Array, betas: Array, alphas: Array) -> tuple[Array, Array]:
    """Distance of the orbit from the middle of each opening with what is unsure, and sqrt(beta): (momenta, places,
    2)."""
    boundaries = maps.boundaries
    beta, alpha = betas[:, boundaries.sections], alphas[:, boundaries.sections]
    orbit, first, second = (rows[..., [part, part + 3]] for part in (0, 1, 2))
    square = first**2 * beta - 2.0 * first * second * alpha + second**2 * (1.0 + alpha**2) / beta
    return np.abs(orbit - boundaries.openings[:, :2]) + maps.most + maps.unsure, np.sqrt(square)
