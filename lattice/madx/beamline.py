"""SEQUENCE and LINE: from positions and lists of names to elements in order, with the drifts between them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lattice.errors import InputError, did_you_mean
from lattice.madx.arithmetic import Strength, Sum
from lattice.madx.syntax import split_at_commas, unquoted
from lattice.madx.text import Statement

#: MAD-X closes gaps and overlaps up to this length [m] between neighbours.
CLOSED_GAP = 1e-6
MOST_ELEMENTS = 1_000_000
_START = Sum()
_DEEPEST = 100
_MEMBER = re.compile(r"(?P<minus>-?)\s*(?:(?P<count>\d+)\s*\*)?\s*(?P<minus2>-?)\s*(?P<body>.+)", re.DOTALL)


@dataclass(frozen=True)
class Placement:
    """An element or a sequence put into a sequence, at a position from its start or from another element."""

    name: str
    at: Strength
    origin: str | None
    statement: Statement


@dataclass
class Sequence:
    """A SEQUENCE: its length, what its positions refer to, and what stands in it."""

    name: str
    length: Strength
    refer: str
    refpos: str | None
    statement: Statement
    items: list[Placement] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Line:
    """A LINE: its members as written."""

    name: str
    members: str
    statement: Statement


@dataclass(frozen=True)
class Placed:
    """An element with its entrance in the outermost sequence, and the one that its ``from=`` counts from."""

    name: str
    entry: Sum
    length: Sum
    statement: Statement
    origin: str | None = None


class Beamlines:
    """All sequences and lines of a file.

    ``length_of`` gives an element's length, ``kept`` the form in which a strength is kept.
    """

    def __init__(
        self,
        length_of: Callable[[str, Statement], Strength],
        kept: Callable[[Statement, Strength], Strength],
    ) -> None:
        self.length_of = length_of
        self.kept = kept
        self.sequences: dict[str, Sequence] = {}
        self.lines: dict[str, Line] = {}
        self._known_entries: dict[str, list[tuple[Placement, Sum]]] = {}
        self._known_lines: dict[str, list[tuple[str, Statement]]] = {}
        self._open_lines: set[str] = set()
        self._visits = 0

    def names(self) -> list[str]:
        """Sequences and lines in order of definition."""
        return [*self.sequences, *self.lines]

    def statement(self, name: str) -> Statement:
        """Where a sequence or line is defined."""
        return (self.sequences.get(name) or self.lines[name]).statement

    def chosen(self, wanted: str | None, used: list[str], file: str) -> str:
        """The sequence to read: the one asked for, the only one, or the only one that the file USEs."""
        known = self.names()
        if wanted is not None:
            if wanted.lower() not in known:
                raise InputError(
                    f"{file} has no sequence '{wanted}'{did_you_mean(wanted, known)}"
                    f" Its sequences: {', '.join(known) or 'none'}"
                )
            return wanted.lower()
        candidates = known if len(known) == 1 else [name for name in dict.fromkeys(used) if name in known]
        if len(candidates) == 1:
            return candidates[0]
        if not known:
            raise InputError(f"{file} defines no sequence and no line: nothing to read")
        raise InputError(
            f"{file} holds several sequences, name one of them: {', '.join(known)} (as sequence, or with --sequence)"
        )

    # -- sequences --

    def placed(self, sequence: Sequence, start: Sum = _START, depth: int = 0) -> Iterator[Placed]:
        """Elements of a sequence that starts at ``start``, nested sequences expanded."""
        if depth > _DEEPEST:
            raise sequence.statement.cannot_be_read(f"sequence '{sequence.name}' contains itself, or nests too deep")
        for item, entry in self._entries(sequence):
            self._visits += 1
            if self._visits > MOST_ELEMENTS:
                raise sequence.statement.cannot_be_read(f"this sequence has more than {MOST_ELEMENTS:,} elements")
            position = start + entry
            if item.name in self.sequences:
                yield from self.placed(self.sequences[item.name], position, depth + 1)
            else:
                yield Placed(item.name, position, self._length(item), item.statement, item.origin)

    def _entries(self, sequence: Sequence) -> list[tuple[Placement, Sum]]:
        """Each item of a sequence with the position of its entrance, in order of definition."""
        if sequence.name in self._known_entries:
            return self._known_entries[sequence.name]
        entries: dict[int, Sum] = {}
        centres: dict[str, Sum] = {}
        waiting: dict[str, list[tuple[int, Placement]]] = {}
        ready = deque(enumerate(sequence.items))
        while ready:
            place, item = ready.popleft()
            if item.origin is not None and item.origin not in centres:
                waiting.setdefault(item.origin, []).append((place, item))
                continue
            entries[place] = self._entry(sequence, item, centres)
            centres.setdefault(item.name, entries[place] + self._length(item) * 0.5)
            ready.extend(waiting.pop(item.name, ()))
        if waiting:
            raise _no_origin(sequence, min(waiting.popitem()[1], key=lambda entry: entry[0])[1], centres)
        self._known_entries[sequence.name] = [(item, entries[place]) for place, item in enumerate(sequence.items)]
        return self._known_entries[sequence.name]

    def _entry(self, sequence: Sequence, item: Placement, centres: dict[str, Sum]) -> Sum:
        at = Sum.of(self.kept(item.statement, item.at))
        start = _START if item.origin is None else centres[item.origin]
        return start + at - self._reference(sequence, item)

    def _length(self, item: Placement) -> Sum:
        if item.name in self.sequences:
            return Sum.of(self.kept(item.statement, self.sequences[item.name].length))
        return Sum.of(self.length_of(item.name, item.statement))

    def _reference(self, sequence: Sequence, item: Placement) -> Sum:
        """Distance from the entrance of an item to the point its position is given for."""
        inner = self.sequences.get(item.name)
        if inner is not None and inner.refpos is not None:
            for found, entry in self._entries(inner):
                if found.name == inner.refpos:
                    return entry + self._length(found) * 0.5
            raise inner.statement.cannot_be_read(f"refpos: sequence '{inner.name}' has no element '{inner.refpos}'")
        return self._length(item) * {"entry": 0.0, "centre": 0.5, "exit": 1.0}[sequence.refer]

    # -- lines --

    def flat(self, name: str, statement: Statement, depth: int = 0) -> list[tuple[str, Statement]]:
        """Elements of a line in order, lines within it expanded; each with the statement that puts it there."""
        if name not in self.lines:
            return [(name, statement)]
        line = self.lines[name]
        if depth > _DEEPEST or name in self._open_lines:
            raise line.statement.cannot_be_read(f"line '{name}' contains itself, or nests too deep")
        if name not in self._known_lines:
            self._open_lines.add(name)
            self._known_lines[name] = self._members(line.members, line.statement, depth + 1)
            self._open_lines.remove(name)
        return self._known_lines[name]

    def _members(self, text: str, statement: Statement, depth: int) -> list[tuple[str, Statement]]:
        """``a, -b, 3*(c, d)``: members repeated, and reflected where a minus stands before them."""
        if depth > _DEEPEST:
            raise statement.cannot_be_read("the brackets of this line nest too deep")
        result: list[tuple[str, Statement]] = []
        for piece in split_at_commas(text):
            found = _MEMBER.fullmatch(piece.strip())
            if not found:
                raise statement.cannot_be_read("expected names, separated by commas, in this line")
            body = self._body(found["body"].strip(), statement, depth)
            count = int(found["count"] or 1) if len(found["count"] or "") < 9 else MOST_ELEMENTS + 1
            if len(result) + count * max(len(body), 1) > MOST_ELEMENTS:
                raise statement.cannot_be_read(f"this line has more than {MOST_ELEMENTS:,} elements")
            reflected = bool(found["minus"]) != bool(found["minus2"])
            result.extend((body[::-1] if reflected else body) * count)
        return result

    def _body(self, body: str, statement: Statement, depth: int) -> list[tuple[str, Statement]]:
        if body.startswith("(") and body.endswith(")"):
            return self._members(body[1:-1], statement, depth + 1)
        if "(" in body or ")" in body:
            raise statement.cannot_be_read(
                f"'{body[:40]}' has arguments, or lacks a bracket: lines with arguments are not read, write them out"
            )
        name = unquoted(body).lower()
        if not re.fullmatch(r"[^\s*+\-/]+", name):
            raise statement.cannot_be_read(f"expected a name in this line, found '{body[:40]}'")
        return self.flat(name, statement, depth)


def _no_origin(sequence: Sequence, item: Placement, known: dict[str, Sum]) -> Exception:
    origin = str(item.origin)
    if any(other.name == origin for other in sequence.items):
        return item.statement.cannot_be_read(f"'{item.name}' and others are placed from each other in a circle")
    return item.statement.cannot_be_read(
        f"sequence '{sequence.name}' has no element '{origin}' to place '{item.name}' from{did_you_mean(origin, known)}"
    )
