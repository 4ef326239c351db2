"""Sections of a ring as functions of momentum and of settings: polynomials that a tracker can evaluate in no time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from extraction.spill.sections.layout import Layout
from extraction.spill.sections.one_turn import SectionalMap
from extraction.spill.sections.places import Boundaries
from extraction.spill.sections.region import Cuts, Region
from lattice.arrays import Array
from lattice.memory import Memory


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
    first order in each. ``boundaries``: where apertures are looked at; ``corrections`` (p, terms, powers of t) of the
    linear positions there, ``most`` (p, 2) [m] the largest that they add, ``unsure`` [m] what they still miss.
    ``misfit`` as in SectionalMap, the largest over the momenta; ``missed`` [m]: where the maps bring particles to the
    wires and where the exact turn does, 0 where no wires are known.
    """

    cuts: Cuts
    region: Region
    layout: Layout
    centre: float
    half_width: float
    base: Array
    settings: tuple[Setting, ...]
    pairs: tuple[Pair, ...]
    boundaries: Boundaries
    corrections: Array
    most: Array
    unsure: float
    misfit: float
    missed: float
    memory: Memory = field(default_factory=Memory, repr=False)

    def table(self, values: Mapping[str, Array], count: int) -> Array:
        """Coefficients (count, turn, degree + 1) of what a turn needs, for ``count`` moments.

        ``values`` (count,) of each setting.
        """
        return self._mixed(self.weights(values, count), slice(0, self.layout.turn))

    def weights(self, values: Mapping[str, Array], count: int) -> Array:
        """How much of each of the ``stack`` makes up the table of each of ``count`` moments: (count, tables)."""
        ones = np.ones((count, 1))
        alone = [setting.weights(values[setting.name]) for setting in self.settings]
        both = [pair.products(values)[:, None] for pair in self.pairs]
        return np.concatenate([ones, *alone, *both], axis=1)

    def stack(self, rows: slice) -> Array:
        """Tables (tables, rows, degree + 1) of the ring's own settings, of each setting's nodes, and of the pairs."""
        alone = [setting.tables[:, rows] for setting in self.settings]
        return np.concatenate([self.base[None, rows], *alone, *(pair.table[None, rows] for pair in self.pairs)])

    def _mixed(self, weights: Array, rows: slice) -> Array:
        tables = self.stack(rows)
        mixed = weights @ tables.reshape(len(tables), -1)
        return np.ascontiguousarray(mixed.reshape(len(weights), *tables.shape[1:]))

    def at(self, delta: float, **values: float) -> SectionalMap:
        """The map of one momentum and one value of each setting."""
        moments = {name: np.array([value]) for name, value in values.items()}
        powers = ((delta - self.centre) / self.half_width) ** np.arange(self.base.shape[-1])
        return self.layout.unpack(self._mixed(self.weights(moments, 1), slice(None))[0] @ powers)
