"""Sections of a ring as functions of momentum and of settings: polynomials that a tracker can evaluate in no time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from extraction.sections import N_KICK, Cuts, Region, SectionalMap, choose_cuts, own_kicks, sectional_map
from lattice import InputError, Lattice, ReferenceParticle

Array = np.ndarray[Any, Any]

_DEGREE = 12  # highest of the polynomials in momentum
_ACCURACY = 1e-10  # of matrices and orbits: what the polynomials may miss
_NARROW = 1e-6  # a momentum range is at least this half width
_SETTING_NODES = 5  # of the polynomials in a setting


@dataclass(frozen=True)
class Layout:
    """Where numbers lie in the vector of a map with ``n`` cuts: matrices, kicks, orbit, orbit at cuts, time."""

    n: int

    @property
    def kicks(self) -> int:
        return 8 * (self.n + 1)

    @property
    def orbit(self) -> int:
        return self.kicks + N_KICK * self.n

    @property
    def places(self) -> int:
        return self.orbit + 4

    @property
    def time(self) -> int:
        return self.places + self.n

    @property
    def size(self) -> int:
        return self.time + 1

    def pack(self, one: SectionalMap) -> Array:
        """A map as a vector (size,)."""
        return np.concatenate([one.matrices.ravel(), one.kicks.ravel(), one.orbit, one.places_x, [one.revolution_time]])

    def unpack(self, vector: Array) -> SectionalMap:
        """The map of a vector (size,); its matrices are made symplectic again to rounding."""
        matrices = vector[: self.kicks].reshape(-1, 2, 2, 2)
        return SectionalMap(
            matrices=matrices / np.sqrt(np.linalg.det(matrices))[..., None, None],
            kicks=vector[self.kicks : self.orbit].reshape(-1, N_KICK),
            orbit=vector[self.orbit : self.places],
            places_x=vector[self.places : self.time],
            revolution_time=float(vector[self.time]),
        )


@dataclass(frozen=True, eq=False)
class Setting:
    """How the vector changes with one parameter: ``tables`` (nodes, size, degree + 1) beyond the ring's own value."""

    name: str
    nodes: Array
    tables: Array

    def weights(self, values: Array) -> Array:
        """Lagrange weights (n, nodes) of values."""
        values = np.asarray(values, dtype=float)
        weights = np.ones((len(values), len(self.nodes)))
        for j, node in enumerate(self.nodes):
            for other in np.delete(self.nodes, j):
                weights[:, j] *= (values - other) / (node - other)
        return weights


@dataclass(frozen=True, eq=False)
class SectionalMaps:
    """All turns a spill needs: ``base`` (size, degree + 1), coefficients in t = (delta - centre) / half_width.

    Powers of t rise along the last axis. ``settings``: what changes besides, each on its own (products of changes of
    two settings are left out: ripple is small). ``misfit`` as in SectionalMap, the largest over the momenta.
    """

    cuts: Cuts
    layout: Layout
    centre: float
    half_width: float
    base: Array
    settings: tuple[Setting, ...]
    misfit: float

    def table(self, values: Mapping[str, Array], count: int) -> Array:
        """Coefficients (count, size, degree + 1) for ``count`` moments, given the values (count,) of each setting."""
        table = np.broadcast_to(self.base, (count, *self.base.shape)).reshape(count, -1)
        for setting in self.settings:
            weights = setting.weights(values[setting.name])
            table = table + weights @ setting.tables.reshape(len(setting.nodes), -1)
        return np.ascontiguousarray(table.reshape(count, *self.base.shape))

    def at(self, delta: float, **values: float) -> SectionalMap:
        """The map of one momentum and one value of each setting."""
        moments = {name: np.array([value]) for name, value in values.items()}
        powers = ((delta - self.centre) / self.half_width) ** np.arange(self.base.shape[-1])
        return self.layout.unpack(self.table(moments, 1)[0] @ powers)


def sectional_maps(
    ring: Lattice,
    particle: ReferenceParticle,
    start: int,
    region: Region,
    momenta: tuple[float, float],
    *,
    settings: Mapping[str, tuple[float, float]] | None = None,
    fringe: str = "full",
    also: tuple[int, ...] = (),
) -> SectionalMaps:
    """Maps of ``ring`` from element ``start`` for all momenta in a range, and all ``settings`` (name: range).

    Closed orbit and linear motion are exact at Chebyshev points of momentum and of each setting, so that the
    polynomials miss less than 1e-10; kicks are fitted at the ring's own settings and follow those of its elements.
    Raises UnstableOptics where a momentum or setting in the range has no stable motion.
    """
    low, high = momenta
    if not (np.isfinite(low) and np.isfinite(high) and -0.5 < low <= high < 0.5):
        raise InputError(f"a range of momentum deviations must lie within -0.5 and 0.5, found {low} to {high}")
    centre, half_width = (low + high) / 2, max((high - low) / 2, _NARROW)
    cuts = choose_cuts(ring, particle, start, region, delta=centre, fringe=fringe, also=also)
    layout = Layout(len(cuts.elements))
    points = chebyshev.chebpts1(_DEGREE + 1)
    deltas = centre + half_width * points
    own = own_kicks(ring, cuts)
    maps = [sectional_map(ring, particle, cuts, region, delta=delta, fringe=fringe) for delta in deltas]
    fitted = [one.kicks - own for one in maps]

    def series(other: Lattice) -> Array:
        """Chebyshev coefficients (degree + 1, size) of a ring's vector."""
        vectors = [
            layout.pack(sectional_map(other, particle, cuts, region, delta=delta, fringe=fringe, fitted=beyond))
            for delta, beyond in zip(deltas, fitted, strict=True)
        ]
        return np.asarray(chebyshev.chebfit(points, np.array(vectors), _DEGREE))

    base = np.asarray(chebyshev.chebfit(points, np.array([layout.pack(one) for one in maps]), _DEGREE))
    degree = _needed_degree(base, layout)
    return SectionalMaps(
        cuts=cuts,
        layout=layout,
        centre=centre,
        half_width=half_width,
        base=_powers(base, degree),
        settings=tuple(_setting(ring, name, limits, series, base, degree) for name, limits in (settings or {}).items()),
        misfit=max(one.misfit for one in maps),
    )


def _setting(ring: Lattice, name: str, limits: tuple[float, float], series: Any, base: Array, degree: int) -> Setting:
    low, high = limits
    middle, half = (low + high) / 2, max((high - low) / 2, 1e-9 * max(abs(low), abs(high), 1e-3))
    nodes = middle + half * chebyshev.chebpts1(_SETTING_NODES)
    tables = [_powers(series(ring.with_parameters({name: float(node)})) - base, degree) for node in nodes]
    return Setting(name, nodes, np.array(tables))


def _needed_degree(coefficients: Array, layout: Layout) -> int:
    """The lowest degree whose neglected terms stay below the accuracy (kicks are smooth, but fitted: they follow)."""
    scale = np.maximum(np.max(np.abs(coefficients), axis=0), 1.0)
    scale[layout.time] = coefficients[0, layout.time]
    linear = np.r_[0 : layout.kicks, layout.orbit : layout.size]
    tails = np.cumsum(
        np.max(np.abs(coefficients) / scale, axis=1, where=np.isin(np.arange(layout.size), linear), initial=0)[::-1]
    )[::-1]
    enough = np.flatnonzero(np.append(tails[1:], 0.0) < _ACCURACY)
    return max(int(enough[0]), 1)


def _powers(coefficients: Array, degree: int) -> Array:
    """Chebyshev coefficients (n, size), cut at ``degree``, as powers (size, degree + 1)."""
    columns = [chebyshev.cheb2poly(column) for column in coefficients[: degree + 1].T]
    padded = np.zeros((coefficients.shape[1], degree + 1))
    for row, column in zip(padded, columns, strict=True):
        row[: len(column)] = column
    return padded
