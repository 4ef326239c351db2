"""A machine: elements in order, and the parameters their strengths refer to."""

from __future__ import annotations

import cmath
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import FrozenInstanceError, dataclass, replace
from functools import cached_property
from os import PathLike
from typing import Any, NoReturn

import numpy as np

from lattice.arrays import Array, read_only
from lattice.building import parts
from lattice.building.sequence import Elements, ElementSequence, expanded_elements
from lattice.elements import Element
from lattice.errors import InputError, LatticeError, did_you_mean, listed, where_else
from lattice.expressions.functions import CONSTANTS
from lattice.expressions.parsing import parse_expression
from lattice.memory import Memory
from lattice.names import checked_parameter_name, checked_title
from lattice.parameters import Parameters
from lattice.reference import ReferenceParticle, same_particle
from lattice.showing import Showing, chart, told
from lattice.structure import Structure, positions
from lattice.survey import survey

#: What readers say of a name that a file uses and does not define.
COUNTS_AS_0 = "is not defined here and counts as 0"


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Lattice(ElementSequence, Showing):
    """A named sequence of elements with parameters; nothing about it ever changes.

    ``elements`` may hold lattices and sequences of elements, which are expanded. ``parameters`` maps names to
    numbers, one-dimensional arrays (all of one length: a batch of lattices) or expressions (text). ``particle`` and
    ``warnings`` come from a reader. Raises LatticeError for unknown parameters, circles, one name with two meanings,
    and strengths that make no sense once evaluated.

    ``with_parameters`` sets parameters, ``with_new_parameters`` adds some, ``freed`` gives one element a parameter of
    its own (to be varied alone), ``replace`` and ``insert`` change elements, ``equals`` compares.

    >>> from lattice import Drift, Quadrupole
    >>> cell = [Quadrupole("qf", length=0.3, k1="kf"), Drift("d", length=1.0), Quadrupole("qd", length=0.3, k1="-kf")]
    >>> line = Lattice("line", elements=cell, parameters={"kf": 1.2})
    >>> print(round(line.length, 9), line.with_parameters(kf=1.3).parameters["kf"], line["qd"].k1)
    1.6 1.3 -kf
    """

    name: str
    elements: tuple[Element, ...]
    particle: ReferenceParticle | None
    warnings: tuple[str, ...]
    #: Read-only mapping of parameter values, dependent ones evaluated; found in any case.
    parameters: Parameters
    #: Length of the array parameters, or None for a single lattice.
    batch: int | None
    _structure: Structure

    def __init__(
        self,
        name: str,
        *,
        elements: Elements,
        parameters: Mapping[str, Any] | None = None,
        particle: ReferenceParticle | None = None,
        warnings: Iterable[str] = (),
    ) -> None:
        own = _checked_definitions(parameters or {})
        expanded, inherited = expanded_elements(elements)
        definitions = {**parts.merged(inherited, own), **own}
        title = checked_title("the name of a lattice", name).lower()
        structure = Structure(expanded, frozenset(definitions))
        self._set(title, structure, particle, tuple(warnings), Parameters(definitions))
        if not self.elements:
            raise LatticeError(f"lattice '{name}' holds no elements")
        _refuse_two_meanings(self.elements)
        self._check_strengths()

    def _set(
        self,
        name: str,
        structure: Structure,
        particle: ReferenceParticle | None,
        warnings: tuple[str, ...],
        parameters: Parameters,
    ) -> None:
        batch = _batch_length(parameters)
        values = {"name": name, "elements": structure.elements, "particle": particle, "warnings": warnings}
        self.__dict__.update(values, parameters=parameters, batch=batch, _structure=structure)

    def with_parameters(self, values: Mapping[str, Any] | None = None, /, **keywords: Any) -> Lattice:
        """New lattice with other parameter values (numbers or arrays); unknown and dependent names are refused.

        A new parameter comes by ``with_new_parameters``, one for a single element by ``freed``.
        """
        if not isinstance(values, Mapping | None):
            raise InputError(f"with_parameters takes names with values, such as (kf=0.3), found {values!r:.60}")
        changes = _by_lower_name({**(values or {}), **keywords})
        for name in changes:
            self._refuse_unsettable(name)
        new = object.__new__(Lattice)
        parameters = self.parameters.changed(_checked_numbers(changes))
        new._set(self.name, self._structure, self.particle, self.warnings, parameters)
        new._check_strengths(changes)
        return new

    def with_new_parameters(self, values: Mapping[str, Any] | None = None, /, **keywords: Any) -> Lattice:
        """New lattice with further parameters: numbers, arrays or expressions, for what is put in or freed.

        Raises LatticeError for a name that is taken, or that no parameter can have.

        >>> from lattice import Drift, Quadrupole
        >>> line = Lattice("line", elements=[Drift("d", length=2.0)]).with_new_parameters(kt=0.3)
        >>> print(line.insert(Quadrupole("qt", length=0.2, k1="kt"), at=1.0).parameters)
        Parameters({'kt': 0.3})
        """
        new = _checked_definitions(_by_lower_name({**(values or {}), **keywords}))
        for name in new:
            if name in self.parameters:
                raise LatticeError(
                    f"lattice '{self.name}' has a parameter '{name}' already: with_parameters({name}=...) sets it"
                )
        return self._with_elements(self.elements, {**self.parameters.definitions, **new})

    def freed(self, element: str, attribute: str, name: str) -> Lattice:
        """New lattice in which one strength of an element is a parameter ``name`` of its own, at its value of now.

        ``element``: every element of that name; "qf::1" is this one alone, called "qf_1" or the next free number then.
        Raises LatticeError for an attribute that is no strength of one number, and for a name that is taken.

        >>> from lattice import Quadrupole
        >>> pair = [Quadrupole("q1", length=0.3, k1="kf"), Quadrupole("q2", length=0.3, k1="kf")]
        >>> line = Lattice("line", elements=pair, parameters={"kf": 1.2}).freed("q2", "k1", "k_q2")
        >>> print(line["q1"].k1, line["q2"].k1, line.parameters["k_q2"])
        kf k_q2 1.2
        """
        rows = self._rows_of(element)
        old = self.elements[min(rows)]
        if attribute not in old.strength_names() or not isinstance(value := getattr(old, attribute), (float, str)):
            raise LatticeError(
                f"{old.where(attribute)} is no strength of one number; it has: {listed(old.strength_names())}"
            )
        others = {one.name for row, one in enumerate(self.elements) if row not in rows}
        alone = next(parts.free_names(old.name, others)) if old.name in others else old.name
        new = replace(replace(old, name=alone), **{attribute: name})  # type: ignore[arg-type]
        return self.with_new_parameters({name: self.value(value)}).replace(element, new)

    def equals(self, other: Lattice) -> bool:
        """Whether two lattices have the same elements in the same order, parameters and particle.

        Numbers are compared to the last bit. Expressions are the same where they compute the same to a few rounding
        units ("2*pi/k" and "6.283185307179586 / k"), the particle where its energy is the same to a few rounding
        units of the total energy, which files hold: a lattice that went through MAD-X or Xsuite is equal. Xsuite keeps
        the numbers alone of lengths that are expressions, PALS the product of ``hgap`` and ``fint``: these come back
        with the same optics, and not equal, as are ions with electrons, whose name Xsuite does not keep.

        ``==`` tells whether they are one value in memory, and is False for a lattice that was saved and read again.
        Names and warnings of the lattices do not count.
        """
        checked_lattice(other, "equals")
        ours, theirs = self.parameters.definitions, other.parameters.definitions
        return (
            parts.same_elements(self.elements, other.elements)
            and same_particle(self.particle, other.particle)
            and ours.keys() == theirs.keys()
            and all(parts.computed_same(value, theirs[name]) for name, value in ours.items())
        )

    def with_particle(self, particle: ReferenceParticle | None) -> Lattice:
        """New lattice with another particle."""
        new = object.__new__(Lattice)
        new._set(self.name, self._structure, particle, self.warnings, self.parameters)
        return new

    def _moved_by(self, changes: Mapping[str, Any]) -> Iterator[tuple[Element, str, str]]:
        """Expressions that may have lost value or sign by ``changes``: of these, or of what depends on others."""
        moved = self.parameters.dependent.union(changes)
        for found in self._structure.changing_expressions:
            if not moved.isdisjoint(parse_expression(found[2]).names):
                yield found

    def may_refuse(self, names: Collection[str]) -> bool:
        """True when some numbers for these parameters are refused for their sign, such as a negative length."""
        moved = self._moved_by(dict.fromkeys(self.parameters.following(names)))
        return any(attribute in element.not_negative for element, attribute, _ in moved)

    def no_parameter(self, name: str) -> str:
        """What messages say of a name that is no parameter here, and of the ways to one."""
        element, attribute = (name, "k1") if name in self else (name.rpartition(".")[0], name.rpartition(".")[2])
        place = (element, attribute) if element in self else ("name of an element", "k1")
        return (
            f"lattice '{self.name}' has no parameter '{name}'{did_you_mean(name, self.parameters) or '.'} "
            f"Its parameters: {listed(self.parameters)}. lattice.freed('{place[0]}', '{place[1]}', 'new_name') makes "
            "one of a strength, lattice.with_new_parameters(new_name=0.0) adds one; in a MAD-X file it is "
            f"kq = 1.2; {element if element in self else 'qf'}: quadrupole, ..., k1 := kq;"
        )

    def _refuse_unsettable(self, name: str) -> None:
        if name not in self.parameters:
            raise LatticeError(self.no_parameter(name))
        if self.parameters.is_dependent(name):
            text = self.parameters.definitions[name]
            sources = ", ".join(self.parameters.sources(name))
            way = (
                f"depends on others ('{text}'): set {sources}"
                if sources
                else f"is fixed as '{text}': write it as a number"
            )
            raise LatticeError(f"parameter '{name}' {way}")

    @property
    def memory(self) -> Memory:
        """Results that depend on the elements alone; shared with every ``with_parameters`` of this lattice."""
        return self._structure.memory

    def summary(self) -> Mapping[str, Any]:
        """Name, number and kinds of elements, length, particle, parameters."""
        kinds = Counter(element.kind for element in self.elements)
        return {
            "name": self.name,
            "elements": f"{len(self)}: " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common()),
            "length": f"{told(self.length)} m",
            "particle": str(self.particle) if self.particle else "none of its own",
            "parameters": dict(self.parameters),
            **({"in no strength": ", ".join(self.unused_parameters)} if self.unused_parameters else {}),
            "warnings": self._told_warnings(),
        }

    @property
    def unused_parameters(self) -> tuple[str, ...]:
        """Parameters that no strength of an element depends on: to vary them changes nothing."""
        known = self.parameters.keys()
        written = [parse_expression(text).names & known for _, _, text in self._structure.expressions]
        used = {source for name in set().union(*written) for source in (name, *self.parameters.sources(name))}
        return tuple(name for name in known if name not in used and not self.parameters.is_dependent(name))

    def _told_warnings(self) -> Any:
        """How many there are, and the first of them: a name that counts as 0 before what was passed over."""
        first = sorted(self.warnings, key=lambda one: COUNTS_AS_0 not in one)[:1]
        return f"{len(self.warnings)}, in .warnings: {first[0]}" if first else 0

    def plot(self, particle: ReferenceParticle | None = None) -> Any:
        """The machine from above, a plotly figure; fields at the rigidity of ``particle`` (default: the lattice's own).

        Raises InputError for a batch of lattices, and where nothing that draws is installed.
        """
        return chart("floor", survey=survey(self), lattice=self, particle=particle or self.particle)

    def value(self, strength: Any) -> Any:
        """Number (or array) of a strength as written; None stays None."""
        if strength is None or isinstance(strength, float):
            return strength
        if isinstance(strength, tuple):
            return tuple(self.value(part) for part in strength)
        values = self.parameters.values_by_name
        if strength in values:  # the bare name of a parameter, the usual case
            return values[strength]
        return parse_expression(strength).evaluate(values)

    def resolved(self, element: Element | str) -> Element:
        """The element (or that of a name) with all its strengths as numbers; InputError when parameters are arrays."""
        element = self[element] if isinstance(element, str) else element
        if not isinstance(element, Element):
            raise InputError(f"resolved takes an element or its name, found {element!r:.60}")
        if self.batch is not None:
            raise InputError(
                f"lattice '{self.name}' holds {self.batch} lattices in one; take one of them first: {self.way_to_one}"
            )
        return replace(element, **{name: self.value(value) for name, value in element.strengths().items()})

    @property
    def unique_elements(self) -> tuple[tuple[Element, ...], Array]:
        """Distinct elements (names aside) and, for each element in order, its index among them."""
        return self._structure.unique_elements

    @cached_property
    def s(self) -> Array:
        """Entrance of each element along the reference orbit [m], then the end; shape (..., len + 1)."""
        if self._structure.fixed_s is not None:
            return self._structure.fixed_s
        unique, indices = self.unique_elements
        lengths = np.broadcast_arrays(*(self.value(getattr(element, "length", 0.0)) for element in unique))
        return positions(np.stack(lengths, axis=-1), indices)

    @property
    def length(self) -> Any:
        """Length of the reference orbit [m]."""
        return self.s[..., -1][()]

    def _check_strengths(self, changes: Mapping[str, Any] | None = None) -> None:
        """Refuse strengths without a value; after ``changes`` of numbers only where they count."""
        structure, again = self._structure, changes is not None
        for element, attribute, text in structure.expressions if changes is None else self._moved_by(changes):
            try:
                value = self.value(text)
            except LatticeError as error:
                raise LatticeError(f"{element.where(attribute)}: {error}{self._way_to(text)}") from None
            if attribute in element.not_negative or (attribute in element.magnitudes and not again):
                for extreme in (np.min, np.max):
                    element.check_number(attribute, float(extreme(np.real(value))))

    @property
    def way_to_one(self) -> str:
        """How one lattice of a batch is taken, as messages say it."""
        arrays = [name for name, value in self.parameters.items() if np.ndim(value)]
        taken = ", ".join(f"{name}=lattice.parameters['{name}'][0]" for name in arrays[:3])
        return f"lattice.with_parameters({taken}{', ...' if len(arrays) > 3 else ''})"

    def _way_to(self, text: str) -> str:
        """How a parameter that is missing is defined."""
        for name in sorted(parse_expression(text).names - self.parameters.keys() - CONSTANTS.keys()):
            return f" (define it first: Lattice(parameters={{'{name}': 0.0}}) or with_new_parameters({name}=0.0))"
        return ""


def _refuse_change(lattice: Lattice, name: str, *_: object) -> None:
    """What happens when an attribute of a lattice is set or deleted."""
    way = f"lattice.with_parameters({name}=...) gives another one" if name in lattice.parameters else "make another one"
    raise FrozenInstanceError(f"lattice '{lattice.name}': {name} cannot be set, lattices never change: {way}")


def _no_attribute(lattice: Lattice, name: str) -> NoReturn:
    """What happens when an attribute is asked for that lattices do not have."""
    if name.startswith("_"):  # Python, notebooks and copies ask for these, of lattices that are not complete too
        raise AttributeError(f"'Lattice' object has no attribute '{name}'")
    way = where_else(name, [one for one in dir(lattice) if not one.startswith("_")])
    if name in lattice.__dict__.get("parameters", ()):
        way = f": its parameter is lattice.parameters['{name}']"
    raise AttributeError(f"a Lattice has no '{name}'{way}", name=name, obj=None)  # Python would add a nearest name


# set here and not written in the class: type checkers go on to refuse names that lattices do not have
Lattice.__getattr__ = _no_attribute  # type: ignore[attr-defined]
for _way in ("__setattr__", "__delattr__"):  # after dataclass has made its own
    setattr(Lattice, _way, _refuse_change)


def _checked_definitions(parameters: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        key = checked_parameter_name(name)
        if key in found:
            raise LatticeError(f"parameter '{key}' is given twice: names that differ in case only are the same")
        found[key] = _checked_parameter(name, value, numbers_only=False)
    return found


def _checked_numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _checked_parameter(name, value, numbers_only=True) for name, value in values.items()}


def _by_lower_name(values: Mapping[Any, Any]) -> dict[str, Any]:
    found = {str(name).lower(): value for name, value in values.items()}
    if len(found) < len(values):
        raise LatticeError(f"a parameter is given twice, in another case: {listed(map(str, values))}")
    return found


_USUAL = (np.dtype(float), np.dtype(complex))


def _checked_parameter(name: str, value: Any, numbers_only: bool) -> Any:
    if isinstance(value, str):
        if numbers_only:
            raise LatticeError(f"parameter '{name}' takes a number or an array, found the text {value!r}")
        try:
            parse_expression(value)
        except LatticeError as error:
            raise LatticeError(f"parameter '{name}': {error}") from None
        return " ".join(value.split())
    if type(value) is float or type(value) is complex:
        array: Any = value
        good = cmath.isfinite(value)
    elif type(value) is np.ndarray and value.ndim == 1 and value.dtype in _USUAL:
        array = value.copy()
        good = len(value) > 0 and bool(np.isfinite(value).all())
    else:
        try:
            array = np.asarray(value)
            if array.dtype.kind not in "iufc":  # no booleans, texts and objects
                raise TypeError
            array = array.astype(complex if np.iscomplexobj(array) else float)[()]
            good = np.ndim(array) <= 1 and np.size(array) > 0 and bool(np.all(np.isfinite(array)))
        except (TypeError, ValueError):
            good = False
    if not good:
        raise LatticeError(f"parameter '{name}' must be a finite number or a one-dimensional array, found {value!r}")
    if isinstance(array, np.ndarray):
        return read_only(array)
    return complex(array) if isinstance(array, complex) else float(array)


def _batch_length(parameters: Parameters) -> int | None:
    lengths = {name: len(value) for name, value in parameters.values_by_name.items() if type(value) is np.ndarray}
    if len(set(lengths.values())) > 1:
        raise LatticeError(f"array parameters must have one length, found {lengths}")
    return next(iter(lengths.values()), None)


def _refuse_two_meanings(elements: Iterable[Element]) -> None:
    known: dict[str, Element] = {}
    for element in elements:
        first = known.setdefault(element.name, element)
        if first is not element and first != element:
            raise LatticeError(f"two different elements are called '{element.name}': give one of them another name")


_READ_FIRST = "read the file first (read_madx, read_json ...)"
#: The hint of functions that write.
BEFORE_PATH = "the lattice comes first, then the path"


def checked_lattice(
    given: object, function: str, hint: str = "read the file first (read_madx, read_json ...)"
) -> Lattice:
    """What a function was given, where it is a lattice; InputError says what else it is, of a text with a hint."""
    if isinstance(given, Lattice):
        return given
    what = f": {hint}" if isinstance(given, (str, PathLike)) else ""
    raise InputError(f"{function} takes a Lattice, found {type(given).__name__}{what}")
