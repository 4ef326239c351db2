"""Beam lines of other codes: repeated, reflected, turned round; expanded within bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from lattice.errors import InputError, did_you_mean
from lattice.madx.beamline import MOST_ELEMENTS
from lattice.madx.syntax import split_at_commas
from lattice.madx.text import Statement

_DEEPEST = 50
_MEMBER = re.compile(r"(?P<signs>-{0,2})\s*(?:(?P<count>\d+)\s*\*)?\s*(?P<body>[^\s*].*)", re.DOTALL)


@dataclass(frozen=True)
class Member:
    """An element in a line: its name, whether the beam comes from its other side, and what puts it there."""

    name: str
    turned: bool
    statement: Statement


@dataclass(frozen=True)
class Line:
    """A line as written."""

    members: str
    statement: Statement


class Lines:
    """All lines of a file; ``key`` makes a name of what stands in a line.

    ``minus_turns``: a minus turns the elements round as it reflects their order (elegant); else two do (Bmad).
    """

    def __init__(self, key: Callable[[str], str], minus_turns: bool) -> None:
        self.lines: dict[str, Line] = {}
        self._key, self._minus_turns = key, minus_turns
        self._flat: dict[str, list[Member]] = {}
        self._open: list[str] = []
        self._written = 0

    def elements(self, name: str) -> list[Member]:
        """The elements of a line in order."""
        line = self.lines[name]
        if name in self._open or len(self._open) > _DEEPEST:
            raise line.statement.cannot_be_read(f"line '{name}' contains itself, or nests too deep")
        if name not in self._flat:
            self._open.append(name)
            self._flat[name] = self._members(line.members, line.statement, 0)
            self._open.pop()
        return self._flat[name]

    def chosen(self, wanted: str | None, used: Collection[str], file: str) -> str:
        """The line asked for, the one that the file uses, or the only one that stands in no other."""
        if not self.lines:
            raise InputError(f"{file} defines no line: nothing to read")
        known = ", ".join(list(self.lines)[:20])
        if wanted is not None:
            if wanted not in self.lines:
                raise InputError(f"{file} has no line '{wanted}'{did_you_mean(wanted, self.lines)} Its lines: {known}")
            return wanted
        candidates = list(used) or (list(self.lines) if len(self.lines) == 1 else self._outermost())
        if len(candidates) == 1 and candidates[0] in self.lines:
            return candidates[0]
        raise InputError(f"{file} holds several lines, name one of them: {known}")

    def _outermost(self) -> list[str]:
        words = re.compile(r"\"[^\"]*\"|[^\s,()*\"-][^\s,()*\"]*")
        inner = {self._key(word) for line in self.lines.values() for word in words.findall(line.members)}
        return [name for name in self.lines if name not in inner]

    def _members(self, text: str, statement: Statement, depth: int) -> list[Member]:
        if depth > _DEEPEST:
            raise statement.cannot_be_read("the brackets of this line nest too deep")
        result: list[Member] = []
        for piece in split_at_commas(text):
            found = _MEMBER.fullmatch(piece.strip())
            if not found:
                raise statement.cannot_be_read(
                    f"expected a name or a list in brackets in this line, found '{piece[:40]}'"
                )
            if found["signs"] and found["body"].startswith("(") and self._minus_turns:
                raise statement.cannot_be_read(
                    f"'{piece.strip()[:40]}': elegant leaves the minus before brackets out; make a line of them"
                )
            body = self._body(found["body"].strip(), statement, depth)
            count = int(found["count"] or 1) if len(found["count"] or "") < 9 else MOST_ELEMENTS + 1
            self._written += count * max(len(body), 1)
            if self._written > 3 * MOST_ELEMENTS or len(result) + count * len(body) > MOST_ELEMENTS:
                raise statement.cannot_be_read(f"this line has more than {MOST_ELEMENTS:,} elements")
            result.extend(self._signed(body, found["signs"]) * count)
        return result

    def _signed(self, body: list[Member], signs: str) -> list[Member]:
        if not signs:
            return body
        if len(signs) == 1 and not self._minus_turns:
            return body[::-1]
        return [Member(member.name, not member.turned, member.statement) for member in reversed(body)]

    def _body(self, body: str, statement: Statement, depth: int) -> list[Member]:
        if body.startswith("(") and body.endswith(")"):
            return self._members(body[1:-1], statement, depth + 1)
        if re.search(r"[(){}\[\]@=]", body) and not body.startswith('"'):
            raise statement.cannot_be_read(
                f"'{body[:40]}': tags, slices and lines with arguments are not read, write the members out"
            )
        name = self._key(body)
        return self.elements(name) if name in self.lines else [Member(name, False, statement)]
