"""A machine: elements in order, and the parameters their strengths refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lattice.arrays import Array
from lattice.elements import Element
from lattice.errors import InputError, LatticeError, did_you_mean, listed
from lattice.parameters import Parameters, parse_expression
from lattice.reference import ReferenceParticle

Elements = Sequence["Element | Lattice | Elements"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Lattice:
    """A named sequence of elements with parameters; nothing about it ever changes.

    ``elements`` may hold lattices and sequences of elements, which are expanded. ``parameters`` maps names to
    numbers, one-dimensional arrays (all of one length: a batch of lattices) or expressions (text). ``particle`` and
    ``warnings`` come from a reader. Raises LatticeError for unknown parameters, circles, one name with two meanings,
    and strengths that make no sense once evaluated.
    """

    name: str
    elements: tuple[Element, ...]
    particle: ReferenceParticle | None
    warnings: tuple[str, ...]

    def __init__(
        self,
        name: str,
        *,
        elements: Elements,
        parameters: Mapping[str, Any] | None = None,
        particle: ReferenceParticle | None = None,
        warnings: Iterable[str] = (),
    ) -> None:
        expanded, inherited = _expand(elements)
        definitions = {**inherited, **_checked_definitions(parameters or {})}
        self._set(name.lower(), expanded, particle, tuple(warnings), Parameters(definitions))
        if not self.elements:
            raise LatticeError(f"lattice '{name}' holds no elements")
        _refuse_two_meanings(self.elements)
        self._check_strengths()

    def _set(
        self,
        name: str,
        elements: tuple[Element, ...],
        particle: ReferenceParticle | None,
        warnings: tuple[str, ...],
        parameters: Parameters,
    ) -> None:
        values = {"name": name, "elements": elements, "particle": particle, "warnings": warnings}
        for attribute, value in {**values, "_parameters": parameters}.items():
            object.__setattr__(self, attribute, value)
        self.__dict__["batch"] = _batch_length(parameters)

    @property
    def parameters(self) -> Parameters:
        """Read-only mapping of parameter values, dependent ones evaluated; found in any case."""
        parameters: Parameters = self.__dict__["_parameters"]
        return parameters

    @cached_property
    def _values(self) -> Mapping[str, Any]:
        return self.parameters.values_by_name

    @cached_property
    def batch(self) -> int | None:
        """Length of the array parameters, or None for a single lattice."""
        return _batch_length(self.parameters)

    def with_parameters(self, values: Mapping[str, Any] | None = None, /, **keywords: Any) -> Lattice:
        """New lattice with other parameter values (numbers or arrays); unknown and dependent names are refused."""
        changes = {name.lower(): value for name, value in {**(values or {}), **keywords}.items()}
        for name in changes:
            self._refuse_unsettable(name)
        new = object.__new__(Lattice)
        definitions = {**self.parameters.definitions, **_checked_definitions(changes, numbers_only=True)}
        new._set(self.name, self.elements, self.particle, self.warnings, Parameters(definitions))
        for shared in ("names", "_places", "unique_elements", "_strength_expressions", "_changing_strengths", "memory"):
            new.__dict__[shared] = getattr(self, shared)  # these depend on the elements alone
        new._check_strengths(again=True)
        return new

    def with_particle(self, particle: ReferenceParticle | None) -> Lattice:
        """New lattice with another particle."""
        new = object.__new__(Lattice)
        new._set(self.name, self.elements, particle, self.warnings, self.parameters)
        return new

    def _refuse_unsettable(self, name: str) -> None:
        if name not in self.parameters:
            raise LatticeError(
                f"lattice '{self.name}' has no parameter '{name}'{did_you_mean(name, self.parameters)}. "
                f"Its parameters: {listed(self.parameters)}"
            )
        if self.parameters.is_dependent(name):
            text = self.parameters.definitions[name]
            raise LatticeError(f"parameter '{name}' depends on others ('{text}'): set those instead")

    @cached_property
    def memory(self) -> dict[Any, Any]:
        """Room for results that depend on the elements alone; shared with every ``with_parameters`` of this lattice."""
        return {}

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
    def _places(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    def index(self, name: str) -> int:
        """Position in ``elements`` of the one element called ``name`` (``qf::1`` where the name repeats)."""
        key = name.lower()
        if key in self._places:
            return self._places[key]
        repeated = [row for row in self.names if row.startswith(key + "::")]
        if repeated:
            raise InputError(f"'{name}' stands {len(repeated)} times in '{self.name}'; name one: {_some(repeated)}")
        raise InputError(f"lattice '{self.name}' has no element '{name}'{did_you_mean(key, self._places)}")

    def __getitem__(self, name: str) -> Element:
        key = name.lower()
        if key + "::0" in self._places:
            key += "::0"
        return self.elements[self.index(key)]

    def __len__(self) -> int:
        return len(self.elements)

    def __repr__(self) -> str:
        return f"Lattice({self.name!r}, {len(self)} elements, length {self.length} m, {dict(self.parameters)})"

    def value(self, strength: Any) -> Any:
        """Number (or array) of a strength as written; None stays None."""
        if strength is None or isinstance(strength, float):
            return strength
        if isinstance(strength, tuple):
            return tuple(self.value(part) for part in strength)
        if strength in self._values:  # the bare name of a parameter, the usual case
            return self._values[strength]
        return parse_expression(strength).evaluate(self._values)

    def resolved(self, element: Element) -> Element:
        """The element with all its strengths as numbers; InputError when parameters are arrays."""
        if self.batch is not None:
            raise InputError(f"lattice '{self.name}' holds {self.batch} lattices in one; take one of them first")
        return replace(element, **{name: self.value(value) for name, value in element.strengths().items()})

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
        return tuple(unique), indices

    @cached_property
    def s(self) -> Array:
        """Entrance of each element along the reference orbit [m], then the end; shape (..., len + 1)."""
        known: Array | None = self.memory.get("s")
        if known is not None:
            return known
        unique, indices = self.unique_elements
        written = [getattr(element, "length", 0.0) for element in unique]
        if all(isinstance(length, float) for length in written):
            self.memory["s"] = _positions(np.array(written), indices)
            return self.s
        lengths = np.broadcast_arrays(*(self.value(length) for length in written))
        return _positions(np.stack(lengths, axis=-1), indices)

    @property
    def length(self) -> Any:
        """Length of the reference orbit [m]."""
        return self.s[..., -1][()]

    def _check_strengths(self, again: bool = False) -> None:
        """Refuse strengths without a value; ``again``: with other numbers only, so that names still have one."""
        for element, attribute, text in self._changing_strengths if again else self._strength_expressions:
            try:
                value = self.value(text)
            except LatticeError as error:
                raise LatticeError(f"{element.where(attribute)}: {error}") from None
            if attribute in element.not_negative:
                element.check_number(attribute, float(np.min(np.real(value))))

    @cached_property
    def _strength_expressions(self) -> tuple[tuple[Element, str, str], ...]:
        """Each distinct expression once, with an element and attribute that use it."""
        found: dict[tuple[str, bool], tuple[Element, str, str]] = {}
        for element in self.unique_elements[0]:
            for attribute, value in element.strengths().items():
                for text in value if isinstance(value, tuple) else (value,):
                    if isinstance(text, str):
                        found.setdefault((text, attribute in element.not_negative), (element, attribute, text))
        return tuple(found.values())

    @cached_property
    def _changing_strengths(self) -> tuple[tuple[Element, str, str], ...]:
        """Those that other numbers may leave without a value, or below 0: not the bare name of a parameter."""
        return tuple(
            one for one in self._strength_expressions if one[2] not in self._values or one[1] in one[0].not_negative
        )


def _expand(elements: Any) -> tuple[tuple[Element, ...], dict[str, Any]]:
    flat: list[Element] = []
    inherited: dict[str, Any] = {}
    for item in elements:
        if isinstance(item, Element):
            flat.append(item)
        elif isinstance(item, Lattice):
            flat.extend(item.elements)
            inherited.update(item.parameters.definitions)
        elif isinstance(item, (list, tuple)):
            inner, more = _expand(item)
            flat.extend(inner)
            inherited.update(more)
        else:
            raise LatticeError(f"a lattice holds elements, lattices or lists of them, found {item!r}")
    return tuple(flat), inherited


def _checked_definitions(parameters: Mapping[str, Any], numbers_only: bool = False) -> dict[str, Any]:
    return {name.lower(): _checked_parameter(name, value, numbers_only) for name, value in parameters.items()}


def _checked_parameter(name: str, value: Any, numbers_only: bool) -> Any:
    if isinstance(value, str):
        if numbers_only:
            raise LatticeError(f"parameter '{name}' takes a number or an array, found the text {value!r}")
        try:
            parse_expression(value)
        except LatticeError as error:
            raise LatticeError(f"parameter '{name}': {error}") from None
        return value
    if type(value) is float or type(value) is complex:
        array: Any = value
        good = np.isfinite(value)
    else:
        try:
            array = np.asarray(value)
            array = array.astype(complex if np.iscomplexobj(array) else float)[()]
            good = np.ndim(array) <= 1 and np.size(array) > 0 and bool(np.all(np.isfinite(array)))
        except (TypeError, ValueError):
            good = False
    if not good:
        raise LatticeError(f"parameter '{name}' must be a finite number or a one-dimensional array, found {value!r}")
    if isinstance(array, np.ndarray):
        array.setflags(write=False)
        return array
    return complex(array) if np.iscomplexobj(array) else float(array)


def _batch_length(parameters: Parameters) -> int | None:
    lengths = {name: len(value) for name, value in parameters.values_by_name.items() if isinstance(value, np.ndarray)}
    if len(set(lengths.values())) > 1:
        raise LatticeError(f"array parameters must have one length, found {lengths}")
    return next(iter(lengths.values()), None)


def _refuse_two_meanings(elements: Iterable[Element]) -> None:
    known: dict[str, Element] = {}
    for element in elements:
        first = known.setdefault(element.name, element)
        if first is not element and first != element:
            raise LatticeError(f"two different elements are called '{element.name}': give one of them another name")


def _positions(lengths: Array, indices: Array) -> Array:
    """Cumulated lengths of the elements in order, from 0; lengths (..., n_unique)."""
    per_element = lengths[..., indices]
    positions = np.zeros((*per_element.shape[:-1], per_element.shape[-1] + 1), dtype=per_element.dtype)
    np.cumsum(per_element, axis=-1, out=positions[..., 1:])
    positions.setflags(write=False)
    return positions


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
