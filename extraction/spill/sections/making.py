"""Maps of a ring for all momenta and settings of a spill, made at Chebyshev points and kept with the ring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from extraction.spill.sections.corrections import TERMS_X, TERMS_Y, corrections
from extraction.spill.sections.cuts import choose_cuts, probes_at
from extraction.spill.sections.layout import Layout
from extraction.spill.sections.one_turn import SectionalMap, first_steps, own_kicks, sectional_map
from extraction.spill.sections.places import Boundaries, boundaries_of
from extraction.spill.sections.region import Cuts, Region
from extraction.spill.sections.table import Pair, SectionalMaps, Setting
from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.memory import Kept, Memory
from optics.maps.lattices.turns import turns

_DEGREES = (8, 16)  # of the polynomials in momentum, tried one after the other
_ACCURACY = 1e-10  # of matrices and orbits: what the polynomials may miss
_NARROW = 1e-6  # a momentum range is at least this half width
_SETTING_NODES = 5  # of the polynomials in a setting,
_FEW_NODES, _SMALL = 3, 1e-4  # and in one that changes by less than this part of itself
_CORRECTION_ORDER = 2  # in momentum, of what is added to positions at apertures


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
    apertures: bool = False,
) -> SectionalMaps:
    """Maps of ``ring`` from element ``start`` for all momenta in a range, and all ``settings`` (name: range).

    Closed orbit and linear motion are exact at Chebyshev points of momentum and of each setting, so that the
    polynomials miss less than 1e-10; kicks are fitted at the ring's own settings, and anew at the points of a setting
    that changes by more than 1e-4 of itself; else they follow those of its elements.
    ``apertures``: with the places where they are looked at. The last ones are kept with the ring.
    Raises UnstableOptics where a momentum or setting in the range has no stable motion, LatticeError for a ring that
    kicks between linear sections cannot be.
    """
    low, high = (float(value) for value in momenta)
    if not (np.isfinite(low) and np.isfinite(high) and -0.5 < low <= high < 0.5):
        raise InputError(f"a range of momentum deviations must lie within -0.5 and 0.5, found {low} to {high}")
    asked = _Asked(particle, start, region, low, high, fringe, also, apertures)
    key = asked, tuple(ring.parameters.definitions.items())
    own = ring.memory.once(_OWN, key, lambda: _own_settings(ring, asked))
    ranges = tuple((name, float(one), float(other)) for name, (one, other) in (settings or {}).items())
    return own.memory.once(_MAPS, ranges, lambda: _with_settings(own, ranges))


@dataclass(frozen=True)
class _Asked:
    """What maps are asked for, beside the ring."""

    particle: ReferenceParticle
    start: int
    region: Region
    low: float
    high: float
    fringe: str
    also: tuple[int, ...]
    apertures: bool


@dataclass(frozen=True, eq=False)
class _Own:
    """The maps at the ring's own settings: at ``nodes``, as Chebyshev ``series``, as ``maps``; ``fitted`` kicks."""

    nodes: _Nodes
    series: Array
    fitted: tuple[Array, ...]
    maps: SectionalMaps
    memory: Memory = field(default_factory=Memory, repr=False)

    def beyond(self, values: Mapping[str, float], far: bool = False) -> Array:
        """What changes in the tables when settings have these values; ``far``: with kicks fitted anew."""
        other = self.nodes.ring.with_parameters(values)
        maps = self.nodes.maps(other, near=self.fitted) if far else self.nodes.maps(other, fitted=self.fitted)
        series = self.nodes.series(maps)
        return _powers(series - self.series, self.maps.base.shape[1] - 1)


#: A setting's name, and the ends of its values.
_Range = tuple[str, float, float]
#: What is wanted, and the ring's parameters; range of each setting; the settings of a pair.
_OWN = Kept[tuple[_Asked, tuple[tuple[str, Any], ...]], _Own]("sections", at_most=16)
_MAPS = Kept[tuple[_Range, ...], SectionalMaps]("sections with settings", at_most=8)
_SETTINGS = Kept[_Range, Setting]("settings", at_most=64)
_PAIRS = Kept[tuple[_Range, _Range], Pair]("pairs of settings", at_most=256)


def _own_settings(ring: Lattice, asked: _Asked) -> _Own:
    centre, half_width = (asked.low + asked.high) / 2, max((asked.high - asked.low) / 2, _NARROW)
    ends = list(dict.fromkeys([centre, centre - half_width, centre + half_width]))
    chosen = choose_cuts(ring, asked.particle, asked.start, asked.region, ends, fringe=asked.fringe, also=asked.also)
    steps = first_steps(ring, asked.particle, asked.fringe, chosen.cuts)
    boundaries = boundaries_of(ring, asked.particle, asked.fringe, asked.start, steps, asked.apertures)
    nodes, maps, series, degree = _fine_enough(
        _Nodes(
            ring=ring,
            particle=asked.particle,
            cuts=chosen.cuts,
            region=chosen.region,
            fringe=asked.fringe,
            centre=centre,
            half_width=half_width,
            order=_DEGREES[0],
            boundaries=boundaries,
        )
    )
    found = SectionalMaps(
        cuts=chosen.cuts,
        region=chosen.region,
        layout=nodes.layout,
        centre=centre,
        half_width=half_width,
        base=_powers(series, degree),
        settings=(),
        pairs=(),
        boundaries=boundaries,
        misfit=max(one.misfit for one in maps),
        missed=0.0,
        **_corrected(nodes),
    )
    missed = max((probes.missed(found.at(delta)) for delta, probes in chosen.probes.items()), default=0.0)
    fitted = tuple(one.kicks - own_kicks(ring, chosen.cuts) for one in maps)
    return _Own(nodes, series, fitted, replace(found, missed=missed))


def _fine_enough(nodes: _Nodes) -> tuple[_Nodes, list[SectionalMap], Array, int]:
    """The nodes that polynomials need, the maps there, their series and its degree; InputError where none will do."""
    missed = np.inf
    for order in _DEGREES:
        nodes = replace(nodes, order=order)
        maps = nodes.maps()
        series = nodes.series(maps)
        degree, missed = _needed_degree(series, nodes.layout)
        if missed < _ACCURACY:
            return nodes, maps, series, degree
    low, high = nodes.centre - nodes.half_width, nodes.centre + nodes.half_width
    raise InputError(
        f"momenta from {low:g} to {high:g} are too many for one set of maps of ring '{nodes.ring.name}': its orbit and "
        f"optics are missed by {missed:.2g}; narrow the range, or track element by element (engine='xsuite')"
    )


def _corrected(nodes: _Nodes) -> dict[str, Any]:
    """Corrections of the positions at apertures as powers of t, the largest, and what they miss."""
    few = replace(nodes, order=_CORRECTION_ORDER)
    found = []
    for delta, one in zip(few.deltas, few.maps(), strict=True) if len(nodes.boundaries.steps) else ():
        turn = turns(nodes.ring, nodes.particle, nodes.fringe, slices=2, first_element=nodes.cuts.start)[0]
        found.append(corrections(turn, one, float(delta), nodes.boundaries, nodes.region))
    if not found:
        return {"corrections": np.zeros((0, TERMS_X + TERMS_Y, 1)), "most": np.zeros((0, 2)), "unsure": 0.0}
    terms = np.array([one.terms for one in found])
    series = np.asarray(chebyshev.chebfit(few.points, terms.reshape(len(terms), -1), few.order))
    return {
        "corrections": _powers(series, few.order).reshape(*terms.shape[1:], -1),
        "most": np.max([one.most for one in found], axis=0),
        "unsure": max(one.missed for one in found),
    }


def _missed(nodes: _Nodes, maps: SectionalMaps, values: Mapping[str, float]) -> float:
    """How far from the exact turn maps with other settings bring particles to the wires; 0 without wires."""
    if nodes.region.wires == 0.0:
        return 0.0
    ring = nodes.ring.with_parameters(values)
    probes = probes_at(ring, nodes.particle, nodes.cuts.start, nodes.region, maps.centre, nodes.fringe)
    return probes.missed(maps.at(maps.centre, **values))


def _with_settings(own: _Own, ranges: Sequence[_Range]) -> SectionalMaps:
    """The maps with settings that change within ranges; how well they do at the ends of these is looked at too."""
    found = tuple(_kept_setting(own, one) for one in ranges)
    pairs = tuple(_kept_pair(own, *both) for both in combinations(zip(ranges, found, strict=True), 2))
    maps = replace(own.maps, settings=found, pairs=pairs, memory=Memory())
    if not any(_half(low, high) > _SMALL * abs(low + high) / 2 for _, low, high in ranges):
        return maps
    ends = ({name: low for name, low, _ in ranges}, {name: high for name, _, high in ranges})
    return replace(maps, memory=Memory(), missed=max(maps.missed, *(_missed(own.nodes, maps, end) for end in ends)))


def _kept_setting(own: _Own, one: _Range) -> Setting:
    return own.memory.once(_SETTINGS, one, lambda: _setting(own, *one))


def _kept_pair(own: _Own, one: tuple[_Range, Setting], other: tuple[_Range, Setting]) -> Pair:
    return own.memory.once(_PAIRS, (one[0], other[0]), lambda: _pair(own, one[1], other[1]))


def _half(low: float, high: float) -> float:
    """Half of a setting's range, which is not less than rounding."""
    return max(abs(high - low) / 2, 1e-9 * max(abs(low), abs(high), 1e-3))


def _setting(own: _Own, name: str, low: float, high: float) -> Setting:
    middle, half = (low + high) / 2, _half(low, high)
    far = half > _SMALL * abs(middle)
    values = middle + half * chebyshev.chebpts1(_SETTING_NODES if far else _FEW_NODES)
    return Setting(name, values, np.array([own.beyond({name: float(value)}, far) for value in values]))


def _pair(own: _Own, first: Setting, second: Setting) -> Pair:
    """From a corner of half the largest changes."""
    here = [float(own.nodes.ring.parameters[one.name]) for one in (first, second)]
    far = [one.nodes[np.argmax(np.abs(one.nodes - at))] for one, at in zip((first, second), here, strict=True)]
    near = [float(at + (end - at) / 2) for at, end in zip(here, far, strict=True)]
    alone = [
        np.tensordot(one.weights(np.array([at]))[0], one.tables, 1)
        for one, at in zip((first, second), near, strict=True)
    ]
    anew = max(len(first.nodes), len(second.nodes)) > _FEW_NODES
    together = own.beyond({first.name: near[0], second.name: near[1]}, anew)
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
    boundaries: Boundaries

    @property
    def layout(self) -> Layout:
        return Layout(len(self.cuts.elements), self.cuts.terms, len(self.boundaries.steps))

    @property
    def points(self) -> Array:
        """From -1 to 1."""
        return np.asarray(chebyshev.chebpts1(self.order + 1))

    @property
    def deltas(self) -> Array:
        """Their momenta."""
        return np.asarray(self.centre + self.half_width * self.points)

    def maps(
        self,
        ring: Lattice | None = None,
        *,
        fitted: Sequence[Array] | None = None,
        near: Sequence[Array] | None = None,
    ) -> list[SectionalMap]:
        """A map at each momentum, of another ring if given, with kicks fitted (from ``near``) or as ``fitted`` says."""
        none = [None] * (self.order + 1)
        return [
            sectional_map(
                ring or self.ring,
                self.particle,
                self.cuts,
                self.region,
                delta=float(delta),
                fringe=self.fringe,
                fitted=kicks,
                near=guess,
                boundaries=self.boundaries,
            )
            for delta, kicks, guess in zip(self.deltas, fitted or none, near or none, strict=True)
        ]

    def series(self, maps: list[SectionalMap]) -> Array:
        """Chebyshev coefficients (order + 1, size) of the maps' vectors."""
        vectors = np.array([self.layout.pack(one) for one in maps])
        return np.asarray(chebyshev.chebfit(self.points, vectors, self.order))


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
    basis = np.zeros((degree + 1, degree + 1))
    for order in range(degree + 1):
        basis[order, : order + 1] = chebyshev.cheb2poly(np.eye(degree + 1)[order])
    return np.asarray(coefficients[: degree + 1].T @ basis)
