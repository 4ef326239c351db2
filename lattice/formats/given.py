"""Elements as a file defines them, and what their kind makes of it: nothing that is said is left out without a word."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache

from lattice.elements import Marker
from lattice.errors import LatticeError
from lattice.formats.quantity import Quantity
from lattice.formats.variables import Variables
from lattice.madx.arithmetic import Strength
from lattice.madx.text import Statement

Value = Quantity | str


class Unread(str):
    """A text that is no number, and why: an error only where a number is wanted of it."""

    reason = ""

    @classmethod
    def told(cls, text: str, reason: object) -> Unread:
        """The text with the reason."""
        made = cls(text)
        made.reason = str(reason)
        return made


@lru_cache(maxsize=10_000)
def _is_one_of(attribute: str, patterns: frozenset[str]) -> bool:
    return any(fnmatchcase(attribute, pattern) for pattern in patterns)


@dataclass
class Definition:
    """An element as defined so far: its kind, its attributes (inherited ones too), where it stands and last changed."""

    name: str
    kind: str
    attributes: dict[str, Value]
    statement: Statement
    changed: Statement | None = None

    def makes_no_sense(self, reason: object) -> LatticeError:
        """The error for an element whose values make no sense."""
        also = f" (changed by {self.changed.where}: {self.changed.shown})" if self.changed is not None else ""
        return self.statement.makes_no_sense(f"{reason}{also}")


#: What all elements of a file take over from others; a lattice of 100,000 elements has some ten each.
MOST_INHERITED = 3_000_000


@dataclass
class Inheritance:
    """What elements take over from others, within bounds."""

    taken: int = 0

    def of(self, statement: Statement, attributes: dict[str, Value]) -> dict[str, Value]:
        """A copy of the attributes of the element that is inherited from."""
        self.taken += len(attributes)
        if self.taken > MOST_INHERITED:
            raise statement.cannot_be_read(f"elements inherit more than {MOST_INHERITED:,} attributes up to here")
        return dict(attributes)


@dataclass
class Given:
    """The attributes of one element for the one who builds it; ``name`` is ours. Absent ones are 0."""

    name: str
    definition: Definition
    variables: Variables
    note: Callable[[Statement, str], None]
    asked: set[str] = field(default_factory=set)

    def __getitem__(self, attribute: str) -> Strength:
        return self.get(attribute, 0.0)

    def get(self, attribute: str, default: float) -> Strength:
        """A number or an expression."""
        found = self._found(attribute)
        return default if found is None else self.variables.strength(self._quantity(attribute, found))

    def number(self, attribute: str, default: float = 0.0) -> float:
        """A number, also where an expression stands: for what our elements keep as a number."""
        found = self._found(attribute)
        return default if found is None else self._quantity(attribute, found).value

    def quantity(self, attribute: str) -> Quantity:
        """The number with its expression, to be computed with."""
        found = self._found(attribute)
        return Quantity(0.0) if found is None else self._quantity(attribute, found)

    def strength(self, value: Quantity) -> Strength:
        """What was computed, as an element takes it."""
        return self.variables.strength(value)

    def word(self, attribute: str, default: str = "") -> str:
        """A word in lower case."""
        found = self._found(attribute)
        if isinstance(found, Quantity):
            return found.text.lower() or repr(found.value)
        return default if found is None else found.lower()

    def has(self, *attributes: str) -> bool:
        """True when one of these is given."""
        return any(attribute in self.definition.attributes for attribute in attributes)

    def acts(self, attribute: str) -> bool:
        """True unless it is 0, whatever the variables are, or not given."""
        found = self._found(attribute)
        return isinstance(found, str) or (found is not None and (found.value != 0.0 or bool(found.text)))

    def told(self, reason: str) -> None:
        """Put this element into the warnings."""
        self.note(self.definition.statement, reason)

    def refuse(self, attribute: str, reason: str = "cannot be held here; set it to 0, or take it out") -> None:
        """LatticeError where the attribute acts."""
        if self.acts(attribute):
            raise LatticeError(f"{self.definition.kind} '{self.definition.name}': {attribute} {reason}")

    def check_rest(self, silent: frozenset[str], noted: Collection[str]) -> None:
        """Refuse, or note, what acts and was not asked for. ``silent`` may hold patterns with ``*``."""
        for attribute in sorted(self.definition.attributes.keys() - self.asked):
            if _is_one_of(attribute, silent) or not self.acts(attribute):
                continue
            if attribute not in noted:
                self.refuse(attribute)
            self.told(f"{attribute} of '{self.definition.name}' is not kept")

    def _found(self, attribute: str) -> Value | None:
        self.asked.add(attribute)
        return self.definition.attributes.get(attribute)

    def _quantity(self, attribute: str, found: Value) -> Quantity:
        if isinstance(found, Quantity):
            return found
        if isinstance(found, Unread):
            raise LatticeError(f"{self.definition.kind} '{self.definition.name}': {attribute}: {found.reason}")
        raise LatticeError(
            f"{self.definition.kind} '{self.definition.name}': {attribute} must be a number, found '{found[:60]}'"
        )


def without_length(v: Given, *strengths: str) -> Marker:
    """A magnet of no length: its strength acts over nothing, which is told where there is any."""
    acting = [strength for strength in strengths if v.acts(strength)]  # all are asked for
    if acting:
        v.told(f"'{v.definition.name}' has no length, so that its strength does nothing: held as a marker")
    return Marker(v.name)
