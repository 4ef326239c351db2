"""What one statement says: an assignment of a variable, or a command with its attributes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lattice.madx.text import Statement

NAME = r"[A-Za-z_][A-Za-z0-9_.$@#]*"
_ASSIGNMENT = re.compile(
    rf"(?P<kinds>(?:(?:const|real|int|shared)\s+)*)(?P<name>{NAME}(?:\s*->\s*\w+)?)\s*(?P<sign>:\s*=|=)(?P<value>.*)",
    re.IGNORECASE | re.DOTALL,
)
_COMMAND = re.compile(
    r"""(?:(?P<label>"[^"]*"|'[^']*'|[^\s,:;=(){}"']+)\s*(?P<formal>\([^)]*\))?\s*:(?!\s*=)\s*)?"""
    r"""(?P<keyword>"[^"]*"|'[^']*'|[^\s,:;=(){}"']+)\s*(?P<rest>.*)""",
    re.DOTALL,
)
_NO_NAME = re.compile(r"[-+*/^<>&|\s]")
_ATTRIBUTE = re.compile(rf"(?P<name>{NAME})\s*(?P<sign>:\s*=|=)(?P<value>.*)", re.DOTALL)
_FLAG = re.compile(rf"(?P<sign>[-+]?)\s*(?P<name>{NAME})")
_SPLIT = re.compile(r"\"[^\"]*\"|'[^']*'|[,(){}]")


@dataclass(frozen=True)
class Assignment:
    """``name = text`` or, deferred, ``name := text``; ``whole`` cuts the value to an integer.

    ``misplaced``: ``const real`` for ``real const``.
    """

    name: str
    text: str
    deferred: bool
    constant: bool
    whole: bool
    misplaced: bool = False


@dataclass(frozen=True)
class Attribute:
    """``name = text``, ``name := text`` (deferred), or a flag: ``name`` (text "true") and ``-name`` ("false")."""

    name: str
    text: str
    deferred: bool = False
    flag: bool = False


@dataclass(frozen=True)
class Command:
    """``label(formal): keyword rest``, names in lower case and without quotes."""

    label: str | None
    formal: str | None
    keyword: str
    rest: str


def parse(statement: Statement) -> Assignment | Command:
    """Read one statement; FileError naming its place when it is neither an assignment nor a command."""
    if found := _ASSIGNMENT.fullmatch(statement.text):
        kinds = found["kinds"].lower().split()
        return Assignment(
            re.sub(r"\s", "", found["name"]).lower(),
            found["value"].strip(),
            deferred=found["sign"] != "=",
            constant="const" in kinds,
            whole="int" in kinds,
            misplaced="const" in kinds[:-1],
        )
    found = _COMMAND.fullmatch(statement.text.strip())
    if not found:
        raise statement.cannot_be_read("cannot make sense of this statement: expected 'name = value' or a command")
    label = unquoted(found["label"]).lower() if found["label"] else None
    if label is not None and (not label or _NO_NAME.search(label)):
        raise statement.cannot_be_read(f"'{label}' cannot be a name: expected letters, digits and . _ $")
    keyword = unquoted(found["keyword"]).lower()
    if label and keyword.startswith("macro") and found["rest"].lstrip().startswith("="):
        keyword = "macro"  # "macros" too, as in MAD-X
    return Command(label, found["formal"], keyword, found["rest"])


def attributes(statement: Statement, command: Command) -> tuple[Attribute, ...]:
    """The attributes of a command in order; FileError when they are not separated by commas."""
    rest = command.rest.strip()
    if not rest:
        return ()
    if not rest.startswith(","):
        raise statement.cannot_be_read(f"expected ',' or ';' after '{command.keyword}', found '{_start(rest)}'")
    pieces = split_at_commas(rest[1:])
    return tuple(_attribute(statement, piece.strip()) for piece in pieces if piece.strip())


def _attribute(statement: Statement, piece: str) -> Attribute:
    if found := _ATTRIBUTE.fullmatch(piece):
        value = found["value"].strip()
        _refuse_missing_separator(statement, found["name"], value)
        return Attribute(found["name"].lower(), value, deferred=found["sign"] != "=")
    if found := _FLAG.fullmatch(piece):
        return Attribute(found["name"].lower(), "false" if found["sign"] == "-" else "true", flag=True)
    raise statement.cannot_be_read(f"expected 'attribute = value', found '{_start(piece)}'")


def _refuse_missing_separator(statement: Statement, name: str, value: str) -> None:
    """``k1=0.3`` and then ``qd: quadrupole`` on the next line: the ``;`` is missing."""
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", value)
    if not value:
        raise statement.cannot_be_read(f"expected a value after '{name} ='")
    if ":" in bare or "=" in bare:
        raise statement.cannot_be_read(f"expected ',' or ';' after the value of '{name}', found '{_start(value)}'")


def split_at_commas(text: str) -> list[str]:
    """Cut at the commas that are outside of brackets and strings."""
    pieces, depth, begin = [], 0, 0
    for found in _SPLIT.finditer(text):
        token = found[0]
        if token in "({":
            depth += 1
        elif token in ")}":
            depth -= 1
        elif token == "," and depth == 0:
            pieces.append(text[begin : found.start()])
            begin = found.end()
    return [*pieces, text[begin:]]


def unquoted(text: str) -> str:
    """The text without the quotes around it, and stripped."""
    text = text.strip()
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1].strip() if quoted else text


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


def _start(text: str) -> str:
    return " ".join(text.split())[:40]
