"""Sections of a ring as functions of momentum and of settings: polynomials that a tracker can evaluate in no time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.polynomial import chebyshev

from extraction.spill.sections import N_KICK, Cuts, Region, SectionalMap, choose_cuts, own_kicks, sectional_map
from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array

_DEGREES = (8, 16)  # of the polynomials in momentum, tried one after the other
_ACCURACY = 1e-10  # of matrices and orbits: what the polynomials may miss
_NARROW = 1e-6  # a momentum range is at least this half width
_SETTING_NODES = 5  # of the polynomials in a setting,
_FEW_NODES, _SMALL = 3, 1e-4  # and in one that changes by less than this part of itself


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
class Pair:
    """What two settings do together: ``table`` (size, degree + 1) times the product of their changes from ``own``."""

    names: tuple[str, str]
    own: tuple[float, float]
    table: Array

    def products(self, values: Mapping[str, Array]) -> Array:
        """Of the changes, for values (n,) of each setting."""
        changes = [np.asarray(values[name]) - own for name, own in zip(self.names, self.own, strict=True)]
        return np.asarray(changes[0] * changes[1])


@dataclass(frozen=True, eq=False)
class SectionalMaps:
    """All turns a spill needs: ``base`` (size, degree + 1), coefficients in t = (delta - centre) / half_width.

    Powers of t rise along the last axis. ``settings``: what changes besides, each on its own, and ``pairs`` of them, to
    first order in each. ``misfit`` as in SectionalMap, the largest over the momenta.
    """

    cuts: Cuts
    layout: Layout
    centre: float
    half_width: float
    base: Array
    settings: tuple[Setting, ...]
    pairs: tuple[Pair, ...]
    misfit: float

    def table(self, values: Mapping[str, Array], count: int) -> Array:
        """Coefficients (count, size, degree + 1) for ``count`` moments, given the values (count,) of each setting."""
        table = np.broadcast_to(self.base, (count, *self.base.shape)).reshape(count, -1)
        for setting in self.settings:
            weights = setting.weights(values[setting.name])
            table = table + weights @ setting.tables.reshape(len(setting.nodes), -1)
        for pair in self.pairs:
            table = table + np.multiply.outer(pair.products(values), pair.table.ravel())
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
    The last ones are kept: the same ring (the same object) with the same arguments is not computed again.
    Raises UnstableOptics where a momentum or setting in the range has no stable motion.
    """
    low, high = (float(value) for value in momenta)
    if not (np.isfinite(low) and np.isfinite(high) and -0.5 < low <= high < 0.5):
        raise InputError(f"a range of momentum deviations must lie within -0.5 and 0.5, found {low} to {high}")
    own = _own_settings(ring, particle, start, region, low, high, fringe, also)
    found = tuple(_setting(own, name, *limits) for name, limits in (settings or {}).items())
    return SectionalMaps(
        cuts=own.nodes.cuts,
        layout=own.nodes.layout,
        centre=own.nodes.centre,
        half_width=own.nodes.half_width,
        base=own.powers,
        settings=found,
        pairs=tuple(_pair(own, one, other) for one, other in combinations(found, 2)),
        misfit=own.misfit,
    )


@dataclass(frozen=True, eq=False)
class _Own:
    """The maps at the ring's own settings: at ``nodes``, as Chebyshev ``series``, as ``powers``; ``fitted`` kicks."""

    nodes: _Nodes
    series: Array
    powers: Array
    fitted: tuple[Array, ...]
    misfit: float

    def beyond(self, values: Mapping[str, float]) -> Array:
        """What changes in the tables when settings have these values."""
        other = self.nodes.ring.with_parameters(values)
        series = self.nodes.series(self.nodes.maps(other, self.fitted))
        return _powers(series - self.series, self.powers.shape[1] - 1)


@lru_cache(maxsize=16)
def _own_settings(
    ring: Lattice,
    particle: ReferenceParticle,
    start: int,
    region: Region,
    low: float,
    high: float,
    fringe: str,
    also: tuple[int, ...],
) -> _Own:
    centre, half_width = (low + high) / 2, max((high - low) / 2, _NARROW)
    cuts = choose_cuts(ring, particle, start, region, delta=centre, fringe=fringe, also=also)
    nodes = _Nodes(ring, particle, cuts, region, fringe, centre, half_width, _DEGREES[0])
    for order in _DEGREES:
        nodes = replace(nodes, order=order)
        maps = nodes.maps()
        series = nodes.series(maps)
        degree, missed = _needed_degree(series, nodes.layout)
        if missed < _ACCURACY:
            break
    else:
        raise InputError(
            f"momenta from {low:g} to {high:g} are too many for one set of maps of ring '{ring.name}': its orbit and "
            f"optics are missed by {missed:.2g}; narrow the range, or track element by element (engine='xsuite')"
        )
    fitted = tuple(one.kicks - own_kicks(ring, cuts) for one in maps)
    return _Own(nodes, series, _powers(series, degree), fitted, max(one.misfit for one in maps))


@lru_cache(maxsize=64)
def _setting(own: _Own, name: str, low: float, high: float) -> Setting:
    middle, half = (low + high) / 2, max(abs(high - low) / 2, 1e-9 * max(abs(low), abs(high), 1e-3))
    count = _SETTING_NODES if half > _SMALL * abs(middle) else _FEW_NODES
    values = middle + half * chebyshev.chebpts1(count)
    return Setting(name, values, np.array([own.beyond({name: float(value)}) for value in values]))


@lru_cache(maxsize=256)
def _pair(own: _Own, first: Setting, second: Setting) -> Pair:
    """From a corner of half the largest changes."""
    here = [float(own.nodes.ring.parameters[one.name]) for one in (first, second)]
    far = [one.nodes[np.argmax(np.abs(one.nodes - at))] for one, at in zip((first, second), here, strict=True)]
    near = [float(at + (end - at) / 2) for at, end in zip(here, far, strict=True)]
    alone = [
        np.tensordot(one.weights(np.array([at]))[0], one.tables, 1)
        for one, at in zip((first, second), near, strict=True)
    ]
    together = own.beyond({first.name: near[0], second.name: near[1]})
    area = (near[0] - here[0]) * (near[1] - here[1])
    return Pair((first.name, second.name), (here[0], here[1]), (together - alone[0] - alone[1]) / area)


@dataclass(frozen=True)
class _Nodes:
    """Momenta at which maps are made: the Chebyshev points of ``order`` + 1."""

    ring: Lattice
    particle: ReferenceParticle
    cuts: Cuts
    region: Region
    fringe: str
    centre: float
    half_width: float
    order: int

    @property
    def layout(self) -> Layout:
        return Layout(len(self.cuts.elements))

    def maps(self, ring: Lattice | None = None, fitted: Sequence[Array] | None = None) -> list[SectionalMap]:
        """A map at each momentum, of another ring if given, with kicks fitted or as ``fitted`` says."""
        deltas = self.centre + self.half_width * chebyshev.chebpts1(self.order + 1)
        given = fitted if fitted is not None else [None] * len(deltas)
        return [
            sectional_map(
                ring or self.ring, self.particle, self.cuts, self.region, delta=delta, fringe=self.fringe, fitted=kicks
            )
            for delta, kicks in zip(deltas, given, strict=True)
        ]

    def series(self, maps: list[SectionalMap]) -> Array:
        """Chebyshev coefficients (order + 1, size) of the maps' vectors."""
        vectors = np.array([self.layout.pack(one) for one in maps])
        return np.asarray(chebyshev.chebfit(chebyshev.chebpts1(self.order + 1), vectors, self.order))


def _needed_degree(coefficients: Array, layout: Layout) -> tuple[int, float]:
    """The lowest degree whose neglected terms stay below the accuracy, and what the highest term of all still holds.

    Of matrices, orbits and time; the fitted kicks are smoother than these.
    """
    scale = np.maximum(np.max(np.abs(coefficients), axis=0), 1.0)
    scale[layout.time] = coefficients[0, layout.time]
    linear = np.r_[0 : layout.kicks, layout.orbit : layout.size]
    terms = np.max(np.abs(coefficients[:, linear]) / scale[linear], axis=1)
    beyond = np.append(np.cumsum(terms[::-1])[::-1][1:], 0.0)
    return max(int(np.flatnonzero(beyond < _ACCURACY)[0]), 1), float(terms[-1])


def _powers(coefficients: Array, degree: int) -> Array:
    """Chebyshev coefficients (n, size), cut at ``degree``, as powers (size, degree + 1)."""
    columns = [chebyshev.cheb2poly(column) for column in coefficients[: degree + 1].T]
    padded = np.zeros((coefficients.shape[1], degree + 1))
    for row, column in zip(padded, columns, strict=True):
        row[: len(column)] = column
    return padded
