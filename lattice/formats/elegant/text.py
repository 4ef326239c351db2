"""The text of an elegant file as statements: a statement a line, ``&`` at its end goes on with the next one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lattice.files import read_bytes
from lattice.madx.text import Statement, decode

_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|[^"!]+|"|!')


def read_statements(path: Path) -> Iterator[Statement]:
    """Statements of a file in order; FileError when it is missing, no text, or has a quote that does not end."""
    text = decode(read_bytes(path, "elegant file"), str(path), "elegant")
    pieces: list[str] = []
    first = 0
    for number, line in enumerate(text.split("\n"), 1):
        first = first if pieces else number
        kept = _without_comment(line, Statement(line, str(path), number)).rstrip()
        if line.startswith("!"):
            continue
        if kept.endswith("&"):
            pieces.append(kept[:-1])
            continue
        pieces.append(kept)
        joined, pieces = "".join(pieces).strip(), []
        if joined:
            yield Statement(joined, str(path), first)
    if pieces:
        last = Statement("".join(pieces), str(path), first)
        raise last.cannot_be_read("the file ends within this statement: expected a line after '&'")


def _without_comment(line: str, place: Statement) -> str:
    """The line up to a ``!`` outside of quotes."""
    kept: list[str] = []
    for piece in _PIECE.findall(line):
        if piece == "!":
            break
        if piece == '"':
            raise place.cannot_be_read("a text in quotes begins here and does not end on its line")
        kept.append(piece)
    return "".join(kept)
