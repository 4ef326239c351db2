"""From the definitions of a MAD-X file to elements in order, and the parameters their strengths refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lattice.elements import Drift, Element
from lattice.errors import LatticeError, did_you_mean
from lattice.madx.arithmetic import Strength, Sum, minus
from lattice.madx.beamline import CLOSED_GAP, Beamlines, Placed
from lattice.madx.classes import CLASSES, SEPTUM, TEXTS, ElementClass, length_of
from lattice.madx.text import Statement
from lattice.madx.values import Options, Values
from lattice.madx.variables import Variables

_LONGEST_POSITION = 2000
_ROUNDING = 1e-9
_CONSTANT = 1e-10  # what changes less than this (m, 1/m) when all variables change by 1e-3 and more does not vary


@dataclass
class Definition:
    """An element as defined so far: its MAD-X class, its attributes (inherited ones too), where it last changed."""

    name: str
    base: str
    attributes: dict[str, Any]
    statement: Statement


class Builder:
    """Makes our elements from ``definitions``, and drifts where the positions leave room."""

    def __init__(
        self, definitions: dict[str, Definition], variables: Variables, note: Callable[[Statement, str], None]
    ) -> None:
        self.definitions = definitions
        self.variables = variables
        self.note = note
        self.options = Options()
        self._elements: dict[str, Element] = {}
        self._values: dict[str, Values] = {}
        self._septum_variables: set[str] = set()
        self._next_drift = 0

    def build(self, name: str, beamlines: Beamlines, options: Options) -> tuple[Sequence[Element], dict[str, Strength]]:
        """Elements of the sequence or line ``name``, and all parameters."""
        self.options = options
        self.variables.parameters()
        if name in beamlines.sequences:
            sequence = beamlines.sequences[name]
            length = Sum.of(self.kept(sequence.statement, sequence.length))
            end = Placed("the end of the sequence", length, Sum(), sequence.statement)
            elements = list(self._with_drifts(beamlines.placed(sequence), end))
        else:
            elements = [self.element(item, place) for item, place in self._line(name, beamlines)]
        if not elements:
            raise beamlines.statement(name).makes_no_sense(f"'{name}' has no elements and no length")
        parameters = self.variables.parameters()
        return elements, {key: value for key, value in parameters.items() if key not in self._septum_variables}

    @staticmethod
    def _line(name: str, beamlines: Beamlines) -> Iterator[tuple[str, Statement]]:
        """Elements of a line; a sequence in it stands for its elements."""
        members = beamlines.flat(name, beamlines.statement(name))
        for member, place in members:
            if member in beamlines.sequences:
                raise place.cannot_be_read(
                    f"'{member}' is a sequence: MAD-X takes elements and lines in a line. Make '{member}' a line, or "
                    f"place it in a sequence ({member}, at=...;)"
                )
            yield member, place

    # -- elements --

    def kept(self, statement: Statement, strength: Strength) -> Strength:
        """A strength as the lattice keeps it."""
        return self.variables.kept(statement, strength)

    def length(self, name: str, statement: Statement) -> Strength:
        """Length of an element along the reference orbit."""
        return length_of(self._definition(name, statement).base, self._values_of(name, statement))

    def element(self, name: str, statement: Statement) -> Element:
        """The element called ``name``, made once."""
        if name not in self._elements:
            place = self._definition(name, statement).statement
            try:
                element = CLASSES[self.definitions[name].base].build(self._values_of(name, statement))
                self._check(element, place)
            except LatticeError as error:
                raise error if str(error).startswith(place.file) else place.makes_no_sense(error) from None
            self._elements[name] = element
        return self._elements[name]

    def _check(self, element: Element, place: Statement) -> None:
        """Refuse expressions whose value makes no sense now."""
        for attribute, value in element.strengths().items():
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, str):
                    element.check_number(attribute, self.variables.number(place, part))

    def _definition(self, name: str, statement: Statement) -> Definition:
        if name not in self.definitions:
            raise statement.cannot_be_read(f"there is no element '{name}'{did_you_mean(name, self.definitions)}")
        definition = self.definitions[name]
        if definition.base not in CLASSES:
            raise definition.statement.makes_no_sense(
                f"'{name}' is a {definition.base.upper()}, which cannot be held: replace it by elements that can"
                f" ({', '.join(sorted(CLASSES))}), or take it out"
            )
        return definition

    def _values_of(self, name: str, statement: Statement) -> Values:
        if name not in self._values:
            definition = self._definition(name, statement)
            place = definition.statement
            given = dict(self._given(definition, CLASSES[definition.base]))
            self._values[name] = Values(
                name,
                given,
                self.options,
                lambda strength: self._vanishes(place, strength),
                lambda reason: self.note(place, reason),
                lambda strength: self.variables.number(place, strength),
            )
        return self._values[name]

    def _given(self, definition: Definition, known: ElementClass) -> Iterator[tuple[str, Any]]:
        """Attributes the builder takes; others are refused, noted or passed over."""
        for attribute, value in definition.attributes.items():
            standing = known.standing(attribute)
            if standing == "taken":
                yield attribute, self._kept(definition, attribute, value)
            elif standing != "silent" and self._differs_from_zero(definition, attribute, value):
                if standing == "refused":
                    raise definition.statement.makes_no_sense(
                        f"{definition.base} '{definition.name}': {attribute} changes the optics and cannot be held;"
                        " set it to 0 or describe the element in another way"
                    )
                self.note(definition.statement, f"{attribute} of '{definition.name}' has no effect and is not kept")
        if definition.base.endswith("_septum"):
            yield from self._septum(definition)

    def _kept(self, definition: Definition, attribute: str, value: Any) -> Any:
        place = definition.statement
        if attribute in TEXTS:
            return value
        if definition.base == "marker" and attribute == "l":  # it has none, whatever the name stands for
            return self.variables.number(place, value)
        if attribute in ("aperture", "aper_offset", "xsize", "ysize", "kill_ent_fringe", "kill_exi_fringe"):
            if isinstance(value, tuple):
                return tuple(self.variables.number(place, part) for part in value)
            return self.variables.number(place, value)
        if isinstance(value, tuple):
            return tuple(self.kept(place, part) for part in value)
        return self.kept(place, value)

    def _differs_from_zero(self, definition: Definition, attribute: str, value: Any) -> bool:
        if attribute in TEXTS or (attribute in ("fintx", "aper_vx", "aper_vy")):
            return False
        parts = value if isinstance(value, tuple) else (value,)
        return any(self.variables.number(definition.statement, part) != 0.0 for part in parts)

    def _septum(self, definition: Definition) -> Iterator[tuple[str, Any]]:
        """What only our own files say of a septum, in variables called ``element.attribute``."""
        for attribute in SEPTUM:
            variable = f"{definition.name}.{attribute}"
            if (value := self.variables.get(variable)) is not None:
                self._septum_variables.add(variable)
                yield attribute, self.kept(definition.statement, value)

    # -- drifts --

    def _with_drifts(self, placed: Iterable[Placed], end: Placed) -> Iterator[Element]:
        exit_so_far = Sum()
        before = "the start of the sequence"
        last: Placed | None = None
        for item in (*placed, end):
            gap = (item.entry - exit_so_far).strength
            if last is not None and item is not end:
                self._refuse_out_of_order(item, last, gap)
            drift = self._drift(gap, before, item)
            if drift is not None:
                yield drift
            if item is not end:
                yield self.element(item.name, item.statement)
            exit_so_far, last = item.entry + item.length, item
            before = f"'{item.name}'"

    def _refuse_out_of_order(self, item: Placed, last: Placed, gap: Strength) -> None:
        """FileError for an element that overlaps the one written before it, because it begins before that one does."""
        place = item.statement
        if self.variables.number(place, gap) >= -CLOSED_GAP:
            return
        here, there = (self.variables.number(place, one.entry.strength) for one in (item, last))
        if here - there < -CLOSED_GAP:
            origins = dict.fromkeys(one.origin for one in (item, last) if one.origin is not None)
            counted_from = "".join(f"; from={name} counts from the centre of '{name}'" for name in origins)
            raise place.makes_no_sense(
                f"'{item.name}' stands before '{last.name}' in the machine and behind it in the file: it begins at "
                f"s = {here:.9g} m, '{last.name}' at s = {there:.9g} m{counted_from}. Put the elements of a sequence "
                "in the order of their places, as MAD-X wants them"
            )

    def _drift(self, gap: Strength, before: str, item: Placed) -> Drift | None:
        place = item.statement
        value = self.variables.number(place, gap)
        after = item.name if item.name.startswith("the ") else f"'{item.name}'"
        if value < -CLOSED_GAP:
            raise place.makes_no_sense(f"{before} and {after} overlap by {-value:.9g} m: correct their positions")
        gap = self._settled(gap, value, place)
        if isinstance(gap, float) and gap <= CLOSED_GAP:
            if abs(gap) > _ROUNDING:
                self.note(place, f"{gap:.3g} m between {before} and {after} closed, as MAD-X does")
            return None
        return Drift(self._free_name(), length=gap)

    def _settled(self, gap: Strength, value: float, place: Statement) -> Strength:
        """The gap as a number where it is the same whatever the variables are; never negative."""
        if isinstance(gap, float) or self._is_constant(gap, value):
            return value
        if len(gap) > _LONGEST_POSITION:
            self.note(place, "the expression of this position is too long, it is fixed at its value")
            return value
        return minus(gap, value) if value < 0 else gap

    def _is_constant(self, strength: Strength, value: float) -> bool:
        elsewhere = self.variables.value_elsewhere(strength)
        return elsewhere is not None and abs(elsewhere - value) <= _CONSTANT

    def _vanishes(self, place: Statement, strength: Strength) -> bool:
        """True when a strength is 0 whatever the variables are."""
        value = self.variables.number(place, strength)
        return abs(value) <= _CONSTANT and self._is_constant(strength, value)

    def _free_name(self) -> str:
        while f"drift_{self._next_drift}" in self.definitions:
            self._next_drift += 1
        self._next_drift += 1
        return f"drift_{self._next_drift - 1}"
