"""The text of a Bmad file as statements: one a line, or several between ``;``; some lines go on with the next one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lattice.files import read_bytes
from lattice.madx.text import Statement, decode

_PIECE = re.compile(r"\"[^\"]*\"|'[^']*'|[^\"'!;]+|[\"'!;]")
_GOES_ON = (",", "(", "{", "[", "=")
_BELONGS_BEFORE = (",", ")", "}", "]", "=")


def read_statements(path: Path) -> Iterator[Statement]:
    """Statements of a file in order; FileError when it is missing, no text, or has a quote that does not end."""
    text = decode(read_bytes(path, "Bmad file"), str(path), "Bmad")
    waiting: list[Statement] = []  # the pieces of one statement that is not known to have ended
    for piece in _pieces(text, str(path)):
        if waiting and not _continues(waiting[-1].text, piece.text):
            yield _joined(waiting)
            waiting = []
        waiting.append(piece)
    if waiting:
        last = _joined(waiting)
        if last.text.endswith(("&", *_GOES_ON)):
            raise last.cannot_be_read(f"the file ends within this statement, after '{last.text[-1]}'")
        yield last


def _continues(before: str, after: str) -> bool:
    return before.endswith(("&", *_GOES_ON)) or after.startswith(_BELONGS_BEFORE)


def _joined(pieces: list[Statement]) -> Statement:
    text = " ".join([*(piece.text.removesuffix("&").rstrip() for piece in pieces[:-1]), pieces[-1].text])
    return Statement(text, pieces[0].file, pieces[0].line)


def _pieces(text: str, file: str) -> Iterator[Statement]:
    """Lines without comments, cut at ``;``, the empty ones left out."""
    for number, line in enumerate(text.split("\n"), 1):
        kept: list[str] = []
        for piece in _PIECE.findall(line):
            if piece == "!":
                break
            if piece in ('"', "'") and not re.match(r"\s*(print|title)\b", line, re.IGNORECASE):
                raise Statement(line, file, number).cannot_be_read("a text in quotes begins here and does not end")
            if piece == ";":
                yield from _kept(kept, file, number)
                kept = []
            else:
                kept.append(piece)
        yield from _kept(kept, file, number)


def _kept(pieces: list[str], file: str, number: int) -> Iterator[Statement]:
    joined = "".join(pieces).strip()
    if joined:
        yield Statement(joined, file, number)
