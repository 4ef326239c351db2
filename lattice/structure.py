"""What follows from the elements of a lattice and the names of its parameters, whatever their values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lattice.arrays import Array, read_only
from lattice.elements import Element
from lattice.errors import InputError, did_you_mean, listed
from lattice.magnitudes import Magnitude
from lattice.memory import Memory


@dataclass(frozen=True, eq=False)
class Structure:
    """Elements in order and names of parameters: shared by a lattice and its ``with_parameters``.

    ``memory`` keeps results that depend on these alone (the plan of the maps, the series of elements with numbers).
    """

    elements: tuple[Element, ...]
    parameters: Collection[str]
    memory: Memory = field(default_factory=Memory, repr=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the rows of tables: the element's name, with ``::0``, ``::1`` ... where it repeats."""
        total: dict[str, int] = {}
        for element in self.elements:
            total[element.name] = total.get(element.name, 0) + 1
        seen: dict[str, int] = {}
        names = []
        for element in self.elements:
            count = seen.get(element.name, 0)
            seen[element.name] = count + 1
            names.append(f"{element.name}::{count}" if total[element.name] > 1 else element.name)
        return tuple(names)

    @cached_property
    def places(self) -> dict[str, int]:
        """Position in ``elements`` of each name."""
        return {name: index for index, name in enumerate(self.names)}

    def index(self, name: str, owner: str) -> int:
        """Position of the one element called ``name`` (``qf::1`` where it repeats); ``owner``: the lattice's name."""
        key = name.lower()
        if key in self.places:
            return self.places[key]
        repeated = [row for row in self.names if row.startswith(key + "::")]
        if repeated:
            raise InputError(f"'{name}' stands {len(repeated)} times in '{owner}'; name one: {_some(repeated)}")
        stem, _, end = key.rpartition(":")
        if end in ("exit", "out", "start", "entry", "in") and (stem in self.places or stem + "::0" in self.places):
            raise InputError(f"'{name}': the exit of an element is '{stem}:end', its entrance '{stem}'")
        raise InputError(f"lattice '{owner}' has no element '{name}'{self._nearest(key)}")

    def _nearest(self, key: str) -> str:
        """The element that a name may mean, or else which there are."""
        known = dict.fromkeys(element.name for element in self.elements)
        stem = key.split("::")[0]
        if stem in known:
            return f": '{stem}' stands {sum(row.split('::')[0] == stem for row in self.names)} times, from '{stem}::0'"
        short = stem.rstrip("0123456789._")
        near = f"; did you mean '{short}'?" if short in known else did_you_mean(key, (*known, *self.places))
        return near or f"; it has {listed(known, 8)}"

    def row(self, place: str, owner: str) -> int:
        """Row of a place: an element's name is its entrance, "name:end" its exit, "_end" the end of the line."""
        name = place.lower()
        if name == "_end":
            return len(self.elements)
        if name.endswith(":end") and not name.endswith("::end"):
            return self.index(name[: -len(":end")], owner) + 1
        return self.index(name, owner)

    @cached_property
    def unique_elements(self) -> tuple[tuple[Element, ...], Array]:
        """Distinct elements (names aside) and, for each element in order, its index among them."""
        found: dict[Any, int] = {}
        unique: list[Element] = []
        indices = np.empty(len(self.elements), dtype=np.int64)
        for place, element in enumerate(self.elements):
            flags = tuple(getattr(element, flag) for flag in element.flag_names())
            key = (element.kind, tuple(element.strengths().values()), flags)
            if key not in found:
                found[key] = len(unique)
                unique.append(element)
            indices[place] = found[key]
        return tuple(unique), read_only(indices)

    @cached_property
    def fixed_s(self) -> Array | None:
        """Entrance of each element [m], then the end, where all lengths are numbers; None where one is a parameter."""
        unique, indices = self.unique_elements
        written = [getattr(element, "length", 0.0) for element in unique]
        if not all(isinstance(length, float) for length in written):
            return None
        return positions(np.array(written), indices)

    @cached_property
    def expressions(self) -> tuple[tuple[Element, str, str], ...]:
        """Each distinct expression of a strength once, with an element and attribute that use it."""
        found: dict[tuple[str, bool, Magnitude | None], tuple[Element, str, str]] = {}
        for element in self.unique_elements[0]:
            for attribute, value in element.strengths().items():
                for text in value if isinstance(value, tuple) else (value,):
                    if isinstance(text, str):
                        key = (text, attribute in element.not_negative, element.magnitudes.get(attribute))
                        found.setdefault(key, (element, attribute, text))
        return tuple(found.values())

    @cached_property
    def changing_expressions(self) -> tuple[tuple[Element, str, str], ...]:
        """Those that other numbers may leave without a value, or below 0: not the bare name of a parameter."""
        known = self.parameters
        return tuple(one for one in self.expressions if one[2] not in known or one[1] in one[0].not_negative)


def positions(lengths: Array, indices: Array) -> Array:
    """Cumulated lengths of the elements in order, from 0; lengths (..., n_unique)."""
    per_element = lengths[..., indices]
    found = np.zeros((*per_element.shape[:-1], per_element.shape[-1] + 1), dtype=per_element.dtype)
    np.cumsum(per_element, axis=-1, out=found[..., 1:])
    return read_only(found)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
