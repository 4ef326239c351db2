"""IF, WHILE and macros of a MAD-X file as text: conditions, bodies with their lines, arguments put in.

MAD-X user's guide, chapters "Program flow" and "Macros", checked against MAD-X 5.09: a condition is one comparison, or
two joined by ``&&`` or ``||``; a macro's arguments replace their names wherever these letters stand, also inside
other names, one argument after the other; ``$name`` is the whole part of the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lattice.madx.syntax import NAME, Command, split_at_commas
from lattice.madx.text import Statement, split_statements

_COMPARED = re.compile(r"(==|<>|!=|<=|>=|<|>)")
_JOINED = re.compile(r"&&|\|\|")
_CALLED = re.compile(rf"\s*,\s*(?P<name>{NAME})\s*(?:\((?P<given>.*)\))?\s*", re.DOTALL)
_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


@dataclass(frozen=True)
class Block:
    """``keyword (condition) { body }``; ELSE has no condition. ``line``: where the body begins."""

    statement: Statement
    condition: str
    body: str
    line: int

    def statements(self) -> Iterator[Statement]:
        """The statements of the body, each with its own line of the file."""
        return _with_lines(split_statements(self.body, self.statement.file), self.line)


@dataclass(frozen=True)
class Macro:
    """``name(formal, ...): macro = { body }``."""

    statement: Statement
    formal: tuple[str, ...]
    body: str
    line: int

    def statements(self, given: list[str]) -> Iterator[Statement]:
        """The statements of the body with arguments in the place of their names."""
        body = self.body
        for name, value in zip(self.formal, given, strict=True):
            body = body.replace(name, value)
        return _with_lines(split_statements(body, self.statement.file), self.line)


def block(statement: Statement, command: Command) -> Block:
    """The parts of IF, ELSEIF, ELSE or WHILE; FileError when it is not written so."""
    text = statement.text
    begin, end = text.find("{"), text.rstrip().rfind("}")
    head = text[: begin if begin >= 0 else len(text)].strip()
    condition = head[len(command.keyword) :].strip()
    plain = command.keyword == "else"
    if begin < 0 or end != len(text.rstrip()) - 1 or plain != (not condition):
        wanted = "else { ... }" if plain else f"{command.keyword} (a < b) {{ ... }}"
        raise statement.cannot_be_read(f"expected {wanted}")
    if not plain and not (condition.startswith("(") and condition.endswith(")")):
        raise statement.cannot_be_read(f"expected a condition in brackets: {command.keyword} (a < b) {{ ... }}")
    return Block(statement, condition[1:-1], text[begin + 1 : end], statement.line + text.count("\n", 0, begin + 1))


def macro(statement: Statement, command: Command) -> Macro:
    """A macro's definition; FileError when it is not written so."""
    text = statement.text
    begin, end = text.find("{"), text.rstrip().rfind("}")
    if begin < 0 or end < begin or not command.rest.lstrip().startswith("="):
        raise statement.cannot_be_read("expected 'name(argument, ...): macro = { ... }'")
    formal = tuple(part.strip() for part in (command.formal or "()")[1:-1].split(",") if part.strip())
    return Macro(statement, formal, text[begin + 1 : end], statement.line + text.count("\n", 0, begin + 1))


def called(statement: Statement, command: Command) -> tuple[str, list[str]]:
    """Name and arguments of ``exec, name(argument, ...)``."""
    found = _CALLED.fullmatch(command.rest)
    if found is None:
        raise statement.cannot_be_read("expected 'exec, name(argument, ...);'")
    given = [part.strip() for part in split_at_commas(found["given"])] if (found["given"] or "").strip() else []
    return found["name"].lower(), given


def holds(statement: Statement, condition: str, value: Callable[[str], float]) -> bool:
    """Whether a condition holds; ``value`` gives that of an expression. FileError where it is not one."""
    joints = _JOINED.findall(condition)
    if len(joints) > 1:
        raise statement.cannot_be_read("a condition joins two comparisons at most, with && or ||, as in MAD-X")
    parts = [_compared(statement, part, value) for part in _JOINED.split(condition)]
    return any(parts) if joints == ["||"] else all(parts)


def _compared(statement: Statement, text: str, value: Callable[[str], float]) -> bool:
    parts = _COMPARED.split(text)
    if len(parts) != 3 or not parts[0].strip() or not parts[2].strip():
        raise statement.cannot_be_read(f"expected a comparison such as a < b, found '{text.strip()}'")
    return _HOLDS[parts[1]](value(parts[0].strip()), value(parts[2].strip()))


def _with_lines(found: Iterator[Statement], first: int) -> Iterator[Statement]:
    return (replace(statement, line=statement.line + first - 1) for statement in found)
