"""A lattice as a sequence of its elements: what is read of it by name and position, and how lines are built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn, Self, overload

import numpy as np

from lattice.arrays import Array
from lattice.building import parts
from lattice.building.mirror import reversed_elements
from lattice.elements import Aperture, Drift, Element
from lattice.errors import InputError, LatticeError, did_you_mean, listed
from lattice.expressions.parsing import parse_expression
from lattice.magnitudes import is_number
from lattice.parameters import Parameters
from lattice.reference import ReferenceParticle
from lattice.structure import Structure

Elements = Sequence["Element | ElementSequence | Elements"]


def expanded_elements(elements: Any) -> tuple[tuple[Element, ...], list[Mapping[str, Any]]]:
    """The elements of elements, lattices and lists of them, and the parameters of every lattice among them."""
    if isinstance(elements, Element | str) or not isinstance(elements, Iterable):
        raise LatticeError(f"elements must be a list of elements, lattices or lists of them, found {elements!r:.80}")
    flat: list[Element] = []
    inherited: list[Mapping[str, Any]] = []
    for item in elements:
        if isinstance(item, Element):
            flat.append(item)
        elif isinstance(item, ElementSequence):
            flat.extend(item.elements)
            inherited.append(item.parameters.definitions)
        elif isinstance(item, (list, tuple)):
            inner, more = expanded_elements(item)
            flat.extend(inner)
            inherited.extend(more)
        else:
            raise LatticeError(f"a lattice holds elements, lattices or lists of them, found {item!r}")
    return tuple(flat), inherited


class ElementSequence:
    """Elements in order under a name, with the parameters of their strengths: what ``Lattice`` reads and builds with.

    Everything gives new lattices. A name without number ("qf") means every element that bears it where elements are
    replaced or removed, and must be the only one where a place is meant; "qf::1" is one row.
    """

    name: str
    elements: tuple[Element, ...]
    parameters: Parameters
    particle: ReferenceParticle | None
    warnings: tuple[str, ...]
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
        raise NotImplementedError  # Lattice checks and keeps these

    @property
    def s(self) -> Array:
        """Entrance of each element along the reference orbit [m], then the end; shape (..., len + 1)."""
        raise NotImplementedError

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the rows of tables: the element's name, with ``::0``, ``::1`` ... where it repeats."""
        return self._structure.names

    def index(self, name: str) -> int:
        """Position in ``elements`` of the one element called ``name`` (``qf::1`` where the name repeats)."""
        return self._structure.index(name, self.name)

    def row(self, place: str) -> int:
        """Row of tables at a place: "qf" the entrance of an element, "qf:end" its exit, "_end" the end of all."""
        return self._structure.row(place, self.name)

    @overload
    def __getitem__(self, key: str | int) -> Element: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: Any) -> Element | Self:
        """The element of a name or position, or the part of the lattice between two of them.

        ``ring["qf"]``, ``ring["qf::1"]``, ``ring[0]``, ``ring[-1]``; ``ring[3:7]``; ``ring["a":"b"]`` from the entrance
        of a to that of b, ``ring["a":"b:end"]`` with b: ends of slices are places. A part keeps name and parameters.
        """
        if isinstance(key, slice):
            return self._part(key)
        if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
            return self.elements[self._position(int(key))]
        if not isinstance(key, str):
            raise InputError(f"'{self.name}'[...] takes a name, a position or a slice of these, found {key!r}")
        name = key.lower()
        return self.elements[self.index(name + "::0" if name + "::0" in self._structure.places else name)]

    def _position(self, number: int) -> int:
        if not -len(self) <= number < len(self):
            raise InputError(f"lattice '{self.name}' has {len(self)} elements: there is no element [{number}]")
        return number % len(self)

    def _part(self, key: slice) -> Self:
        if key.step not in (None, 1):
            hint = "; a line that is flown the other way is lattice.reversed()" if key.step == -1 else ""
            raise InputError(f"a part of a lattice holds every element: no step in a slice, found {key.step!r}{hint}")
        ends = [self.row(end) if isinstance(end, str) else end for end in (key.start, key.stop)]
        first, last, _ = slice(*ends).indices(len(self))
        if first >= last:
            raise LatticeError(f"'{self.name}'[{key.start!r}:{key.stop!r}] holds no elements: its end lies before it")
        return self._with_elements(self.elements[first:last])

    def __setitem__(self, key: object, what: object) -> NoReturn:
        raise InputError(f"lattices never change: lattice.replace({key!r:.40}, element) gives another one")

    def __delitem__(self, key: object) -> NoReturn:
        raise InputError(f"lattices never change: lattice.remove({key!r:.40}) gives another one")

    def __iter__(self) -> Iterator[Element]:
        """The elements in order."""
        return iter(self.elements)

    def __contains__(self, item: object) -> bool:
        """True for the name of an element (or row: ``qf::1``), in any case, and for an element that stands here."""
        if isinstance(item, str):
            name = item.lower()
            return name in self._structure.places or name + "::0" in self._structure.places
        return isinstance(item, Element) and item in self.elements

    def __len__(self) -> int:
        return len(self.elements)

    def _with_elements(self, elements: Elements, parameters: Mapping[str, Any] | None = None) -> Self:
        """New lattice of other elements, with this one's name, parameters, particle and warnings."""
        own = self.parameters.definitions if parameters is None else parameters
        return self._made(self.name, elements, own)

    def _made(self, name: str, elements: Elements, parameters: Mapping[str, Any]) -> Self:
        return type(self)(
            name, elements=elements, parameters=parameters, particle=self.particle, warnings=self.warnings
        )

    @classmethod
    def placed(
        cls,
        name: str,
        placed: Iterable[tuple[float, Element]],
        *,
        length: float,
        refer: str = "centre",
        drift: str = "drift",
        aperture: Aperture | None = None,
        parameters: Mapping[str, Any] | None = None,
        particle: ReferenceParticle | None = None,
    ) -> Self:
        """A lattice of elements at places s [m] with drifts "drift_01" ... between them, that is ``length`` [m] long.

        ``refer``: what stands at the place, the "entry", "centre" or "exit" of the element; ``aperture`` is that of
        the drifts. Raises LatticeError where elements overlap or are longer than the length.

        >>> from lattice import Lattice, Quadrupole
        >>> cell = Lattice.placed("cell", [(1.0, Quadrupole("qf", length=0.4, k1=1.0))], length=2.0)
        >>> [(e.name, round(e.length, 9)) for e in cell]
        [('drift_01', 0.8), ('qf', 0.4), ('drift_02', 0.8)]
        """
        elements = tuple(parts.between_drifts(placed, length, refer, drift, aperture))
        return cls(name, elements=elements, parameters=parameters, particle=particle)

    def named(self, name: str) -> Self:
        """The same under another name."""
        return self._made(name, self.elements, self.parameters.definitions)

    def renamed(
        self, names: Mapping[str, str] | None = None, *, prefix: str = "", parameters: Mapping[str, str] | None = None
    ) -> Self:
        """Elements (``names``: old to new, the others get ``prefix``) and parameters under other names.

        Strengths follow their parameters. Raises LatticeError for a name that is not here, or is taken.
        """
        elements = {old.lower(): new for old, new in (names or {}).items()}
        settings = {old.lower(): new.lower() for old, new in (parameters or {}).items()}
        for old, known in ((elements, {e.name for e in self.elements}), (settings, set(self.parameters))):
            for name in old.keys() - known:
                raise LatticeError(f"lattice '{self.name}' has no '{name}' to rename{did_you_mean(name, known)}")
        definitions = self.parameters.definitions
        if len({settings.get(name, name) for name in definitions}) < len(definitions):
            raise LatticeError(f"a new name of a parameter is taken in '{self.name}': {listed(settings.values())}")
        new = {settings.get(name, name): parts.with_names(value, settings) for name, value in definitions.items()}
        renamed = (parts.renamed(element, elements, prefix) for element in self.elements)
        return self._with_elements([parts.with_parameter_names(one, settings) for one in renamed], new)

    def insert(
        self,
        what: Element | ElementSequence | Sequence[Element],
        *,
        before: str | None = None,
        after: str | None = None,
        at: float | None = None,
        refer: str = "centre",
    ) -> Self:
        """New lattice with ``what`` in it: ``before`` or ``after`` an element, which makes the lattice longer by its
        length, or ``at`` s [m] in a drift, whose length it takes the place of.

        ``refer``: what of it stands at s, its "entry", "centre" or "exit". A drift "d" is cut into "d_1" and "d_2";
        drifts of one aperture that touch are one. An element that is here already is ``moved``.
        A parameter of its strengths that is not here is added first: ``ring.with_new_parameters(kt=0.0).insert(...)``.
        Raises LatticeError naming what stands there and the nearest place that has room.
        """
        if sum(where is not None for where in (before, after, at)) != 1:
            raise InputError("insert takes one of before='element', after='element' and at=s [m]")
        new, parameters = self._joined(what)
        if at is not None:
            if not is_number(at):
                raise InputError(f"at is s [m], a number, found {at!r:.60}: beside an element is before= or after=")
            return self._with_elements(self._at_place(new, float(at), parts.refer_share(refer)), parameters)
        row = self.index(before) if before is not None else self.index(str(after)) + 1
        return self._with_elements((*self.elements[:row], *new, *self.elements[row:]), parameters)

    def _at_place(self, new: tuple[Element, ...], at: float, share: float) -> tuple[Element, ...]:
        s = self._plain_s()
        length = sum(map(self._length_now, new))
        begin = at - share * length
        touching = parts.TOUCHING
        if length <= touching and len(rows := np.flatnonzero(np.abs(s - begin) <= touching)):
            return (*self.elements[: rows[-1]], *new, *self.elements[rows[-1] :])
        first = int(np.searchsorted(s, begin + touching, side="right")) - 1
        last = max(int(np.searchsorted(s, begin + length - touching, side="left")) - 1, first)
        drifts = range(first, last + 1)
        if not (first >= 0 and last < len(self) and self._is_one_drift(drifts)):
            raise LatticeError(self._no_room(new, begin, length, s))
        after = float(s[last + 1]) - begin - length
        return parts.split_drifts(self.elements, drifts, begin - float(s[first]), new, after)

    def _length_now(self, element: Element) -> float:
        """Length [m] of an element with the parameters of now."""
        length = getattr(element, "length", 0.0)
        if isinstance(length, str):
            return float(parse_expression(length).evaluate(self.parameters.values_by_name))
        return float(length)

    def _is_one_drift(self, rows: range) -> bool:
        """True of drifts of one aperture that follow each other."""
        drifts = [self.elements[row] for row in rows]
        return all(isinstance(one, Drift) and one.aperture == drifts[0].aperture for one in drifts)

    def _plain_s(self) -> Array:
        if self.batch is not None:
            raise InputError(f"lattice '{self.name}' holds {self.batch} lattices in one; build with one of them")
        return self.s

    def _no_room(self, new: Sequence[Element], begin: float, length: float, s: Array) -> str:
        """What stands in the way of ``new``, and the nearest drift that is long enough."""
        end, rows = begin + length, range(len(self))
        drifts = [row for row in rows if isinstance(self.elements[row], Drift)]
        covered = [row for row in rows if s[row] < end and s[row + 1] > begin]
        obstacles = [self._span(row, s) for row in covered if row not in drifts]
        if not obstacles and begin >= 0.0 and end <= s[-1]:
            obstacles = [f"a change of the drifts' aperture, at {s[covered[-1]]:.6g} m"]
        obstacles = obstacles or [f"{s[-1]:.6g} m of line"]
        rooms = [row for row in drifts if s[row + 1] - s[row] >= length]
        nearest = min(rooms, key=lambda row: abs(s[row] + s[row + 1] - begin - end), default=None)
        found = "no drift is long enough" if nearest is None else f"the nearest with room is {self._span(nearest, s)}"
        return (
            f"'{new[0].name}' from {begin:.6g} to {end:.6g} m of '{self.name}' needs a drift, there is "
            f"{obstacles[0]}; {found}"
        )

    def _span(self, row: int, s: Array) -> str:
        return f"'{self.names[row]}' from {s[row]:.6g} to {s[row + 1]:.6g} m"

    def replace(self, name: str, what: Element | ElementSequence | Sequence[Element]) -> Self:
        """New lattice with ``what`` in place of every element of a name, or of the row ``qf::1`` alone.

        One that differs a little: ``ring.replace("qf", dataclasses.replace(ring["qf"], k1=1.3))``; a strength that
        becomes a parameter of its own: ``ring.freed("qf", "k1", "k_new")``.
        """
        new, parameters = self._joined(what)
        rows = self._rows_of(name)
        parts = [new if row in rows else (element,) for row, element in enumerate(self.elements)]
        return self._with_elements(tuple(element for part in parts for element in part), parameters)

    def remove(self, *names: str, keep_length: bool = False) -> Self:
        """New lattice without some elements: every one of a name, or the row ``qf::1`` alone.

        ``keep_length``: a drift stands where a thick one was ("qf_left_1" of "qf", or the next free number), so that
        nothing behind it moves. To put it elsewhere is ``moved``.
        """
        rows = {row for name in names for row in self._rows_of(name)}
        taken = {element.name for element in self.elements}
        left = {self.elements[row]: parts.drift_left(self.elements[row], taken) for row in rows if keep_length}
        kept = [
            left[element] if row in rows else element
            for row, element in enumerate(self.elements)
            if row not in rows or (keep_length and getattr(element, "length", 0.0) != 0.0)
        ]
        return self._with_elements(kept)

    def moved(self, name: str, to: float, refer: str = "centre") -> Self:
        """New lattice with one element (row ``qf::1`` where it repeats) at s = ``to`` [m], all else where it was.

        A drift is left where it stood, which it may overlap. ``refer``: what of it stands at s, its "entry", "centre"
        or "exit". Raises LatticeError naming what stands there and the nearest place that has room.

        >>> from lattice import Lattice, Quadrupole
        >>> cell = Lattice.placed("cell", [(1.0, Quadrupole("qf", length=0.4, k1=1.0))], length=2.0)
        >>> cell = cell.moved("qf", to=1.1)
        >>> [(e.name, round(e.length, 9)) for e in cell]
        [('drift_01', 0.8), ('qf_left_1_1', 0.1), ('qf', 0.4), ('drift_02_1', 0.7)]
        """
        row = self.index(name)
        element = self.elements[row]
        beside = [one for one in self.elements[max(row - 1, 0) : row + 2] if isinstance(one, Drift)]
        aperture = beside[0].aperture if beside else element.aperture
        left = parts.drift_left(replace(element, aperture=aperture), {one.name for one in self.elements})
        kept = (left,) if left.length != 0.0 else ()
        without = self._with_elements((*self.elements[:row], *kept, *self.elements[row + 1 :]))
        return without.insert(element, at=to, refer=refer)

    def _rows_of(self, name: str) -> set[int]:
        """Rows of an element: of all that bear the name, or of the one ``qf::1``."""
        key = str(name).lower()
        found = {row for row, element in enumerate(self.elements) if element.name == key}
        return found or {self.index(key)}

    def closed_to(self, length: float, drift: str = "closing") -> Self:
        """New lattice with a drift at its end that makes it ``length`` [m] long; LatticeError where it is longer."""
        rest = float(length) - float(self._plain_s()[-1])
        if rest < -parts.TOUCHING:
            raise LatticeError(f"lattice '{self.name}' is {-rest:.6g} m longer than {length:g} m")
        return self if rest <= parts.TOUCHING else self + Drift(drift, length=rest)

    def starting_at(self, place: str) -> Self:
        """The ring that begins at another place: the entrance of an element, or behind it ("name:end")."""
        row = self.row(place) % len(self)
        return self._with_elements((*self.elements[row:], *self.elements[:row]))

    def reversed(self) -> Self:
        """The lattice as a beam meets it that is flown back: see ``lattice.building.mirror.reversed_elements``.

        An element that looks otherwise from its other side (a bend with two pole faces, a solenoid, a cavity off
        crest) is called "name_rev"; reversed twice, everything has its own name again.
        """
        return self._with_elements(reversed_elements(self.elements))

    def __add__(self, other: Element | ElementSequence) -> Self:
        """One lattice behind the other, with the name of the first and the parameters of both.

        Raises LatticeError where an element's name or a parameter means two things (see ``renamed``), and for two
        particles.
        """
        if not isinstance(other, (Element, ElementSequence)):
            return NotImplemented
        new, parameters = self._joined(other)
        return self._behind((*self.elements, *new), parameters, other)

    def __radd__(self, other: Element) -> Self:
        return self._with_elements((other, *self.elements)) if isinstance(other, Element) else NotImplemented

    def __mul__(self, times: int) -> Self:
        """The lattice ``times`` over: rows of tables are then "qf::0", "qf::1" ..., the elements one family."""
        if isinstance(times, bool) or not isinstance(times, (int, np.integer)):
            return NotImplemented
        if times < 1:
            raise LatticeError(f"a lattice can stand once or more often, found {times} * '{self.name}'")
        return self._with_elements(self.elements * int(times))

    __rmul__ = __mul__

    def _joined(self, what: Any) -> tuple[tuple[Element, ...], dict[str, Any]]:
        """The elements of ``what``, and the parameters of this lattice with those that they bring."""
        new, brought = expanded_elements((what,))
        return new, parts.merged([self.parameters.definitions, *brought])

    def _behind(self, elements: Elements, parameters: Mapping[str, Any], other: Element | ElementSequence) -> Self:
        theirs = other if isinstance(other, ElementSequence) else self
        particles = [one for one in (self.particle, theirs.particle) if one is not None]
        if len(particles) == 2 and particles[0] != particles[1]:
            raise LatticeError(
                f"'{self.name}' is for {particles[0]} and '{theirs.name}' for {particles[1]}: give both one particle "
                "(lattice.with_particle)"
            )
        warnings = dict.fromkeys((*self.warnings, *theirs.warnings))
        particle = particles[0] if particles else None
        return type(self)(self.name, elements=elements, parameters=parameters, particle=particle, warnings=warnings)
