"""The text of a MAD-X file as statements with their place: comments and line ends are gone, strings are whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lattice.errors import FileError, LatticeError
from lattice.files import read_bytes

_TOKEN = re.compile(
    r"""(?P<comment>!.*|//.*) | (?P<block>/\*) | (?P<string>"[^"\n]*"|'[^'\n]*') | (?P<quote>["'])
      | (?P<end>;) | (?P<open>\{) | (?P<close>\}) | (?P<text>[^!/"';{}]+|/)""",
    re.VERBOSE,
)
#: Statements that may end with their closing brace.
_BLOCK = re.compile(r"(if|else|elseif|while)\b|[^;{]*:\s*macro\b", re.IGNORECASE)
_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Statement:
    """One statement: its text without the final ``;``, and the file and line where it begins."""

    text: str
    file: str
    line: int

    @property
    def where(self) -> str:
        """How errors name this place."""
        return f"{self.file}:{self.line}"

    @property
    def shown(self) -> str:
        """The text on one line, shortened."""
        text = " ".join(self.text.split())
        return text if len(text) <= 100 else text[:97] + "..."

    @property
    def noted(self) -> str:
        """How warnings name this statement: file, line, text."""
        return f"{Path(self.file).name}:{self.line}: {self.shown}"

    def cannot_be_read(self, reason: str) -> FileError:
        """The error for a statement that cannot be understood or honoured."""
        return FileError(f"{self.where}: {reason}\n  {self.shown}")

    def makes_no_sense(self, reason: object) -> LatticeError:
        """The error for a statement whose values make no sense."""
        return LatticeError(f"{self.where}: {reason}")


def read_statements(path: Path) -> Iterator[Statement]:
    """Statements of the file in order; FileError when it is missing, no text, or ends too early."""
    return split_statements(decode(read_bytes(path, "MAD-X file"), str(path)), str(path))


def decode(content: bytes, file: str, what: str = "MAD-X") -> str:
    """Text of a file in UTF-8 or Latin-1, whatever its line ends; FileError when it is binary."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")  # DOS files may end with that byte
    if found := _UNREADABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise FileError(f"{file}:{line}: byte {ord(found[0]):#04x} found: this file is binary, one of {what} is text")
    return text


def split_statements(text: str, file: str) -> Iterator[Statement]:
    """Cut ``text`` at each ``;`` that is not within a comment, a string or braces."""
    place = _Place(text, file)
    pieces: list[str] = []
    braces: list[int] = []
    first = 1
    while place.offset < len(text):
        kind, piece, line = place.take()
        if kind == "end" and not braces:
            if pieces:
                yield Statement("".join(pieces), file, first)
            pieces = []
            continue
        if kind == "open":
            braces.append(line)
        elif kind == "close":
            if not braces:
                raise FileError(f"{file}:{line}: '}}' without a '{{' before it")
            braces.pop()
        if not pieces:
            piece = piece.lstrip()
            first = place.line - piece.count("\n")
        if piece:
            pieces.append(piece)
        if kind == "close" and not braces and _BLOCK.match("".join(pieces)):
            yield Statement("".join(pieces), file, first)
            pieces = []
    if braces:
        raise FileError(f"{file}:{braces[-1]}: the '{{' here is never closed: expected a '}}' before the file ends")
    if pieces:
        last = Statement("".join(pieces), file, first)
        raise last.cannot_be_read("the file ends within this statement: expected a ';'")


class _Place:
    """Where the splitter is: offset and line; hands out one token after the other."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.offset, self.line = 0, 1

    def take(self) -> tuple[str, str, int]:
        """Kind, text (comments become a blank) and line of the next token."""
        found = _TOKEN.match(self.text, self.offset)
        assert found is not None, "every character belongs to a token"
        kind, piece, line = str(found.lastgroup), found[0], self.line
        if kind == "quote":
            raise FileError(f"{self.file}:{line}: a text in quotes begins here and does not end on its line")
        if kind == "block":
            piece = self._block_comment(line)
        self.offset += len(piece)
        self.line += piece.count("\n")
        return (kind, " " if kind in ("comment", "block") else piece, line)

    def _block_comment(self, line: int) -> str:
        end = self.text.find("*/", self.offset + 2)
        if end < 0:
            raise FileError(f"{self.file}:{line}: the comment '/*' here is never closed: expected a '*/'")
        return self.text[self.offset : end + 2]
