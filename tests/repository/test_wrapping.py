"""Prose in the sources fills its lines: no debris of an automatic re-wrap, a word alone where the next would fit."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.checkout import PROJECT, ROOT, tracked_files

WIDTH: int = PROJECT["tool"]["ruff"]["line-length"]
FEW = 2  # words: what a person leaves alone on a line on purpose is longer, or ends its paragraph
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def debris(text: str) -> list[int]:
    """Numbers of the lines that hold few words though the next word would have stood beside them."""
    lines = text.splitlines()
    broken = [pair for found in (_docstring_pairs(text, lines), _string_pairs(text, lines)) for pair in found]
    return [number for number, words, following in broken if _leaves_room(lines[number - 1], words, following)]


def _leaves_room(line: str, words: str, following: str) -> bool:
    return len(words.split()) <= FEW and len(line) + 1 + len(following.split()[0]) <= WIDTH


def _docstring_pairs(text: str, lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """(line number, its words, the line that follows in the same paragraph) of prose, not of examples and tables."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            place = node.body[0]
            rows = lines[place.lineno - 1 : place.end_lineno]
            paragraphs = re.split(r"\n\s*\n", "\n".join(rows))
            number = place.lineno
            for paragraph in paragraphs:
                if not re.search(r"^\s*(>>>|\\b|\.\.)", paragraph, flags=re.MULTILINE):
                    yield from _pairs(paragraph.split("\n"), number)
                number += paragraph.count("\n") + 2


def _pairs(rows: list[str], number: int) -> Iterator[tuple[int, str, str]]:
    for i, (row, following) in enumerate(pairwise(rows)):
        same_indent = len(row) - len(row.lstrip()) == len(following) - len(following.lstrip())
        if same_indent and row.strip(' "') and following.strip(' "'):
            yield number + i, row.strip(' "'), following.strip(' "')


def _string_pairs(text: str, lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """(line number, words of a piece of text, the piece on the next line that Python joins to it)."""
    pieces = list(_pieces(text))
    for piece, following in pairwise(pieces):
        if piece is None or following is None or piece[0] != piece[2] or following[0] == piece[2]:
            continue
        words, after = (lines[row - 1][begin:end].strip("rf\"' ") for row, begin, _, end in (piece, following))
        if words and after and following[0] == following[2]:
            yield piece[0], words, after


def _pieces(text: str) -> Iterator[tuple[int, int, int, int] | None]:
    """Row and column where each string begins and ends; None for everything between strings but comments."""
    depth, begin = 0, (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        name = tokenize.tok_name[token.type]
        if name == "FSTRING_START":  # Python 3.12 and later take an f-string to pieces
            begin = begin if depth else token.start
            depth += 1
        elif name == "FSTRING_END":
            depth -= 1
            if not depth:
                yield (*begin, *token.end)
        elif depth or name in ("NL", "COMMENT"):
            continue
        else:
            yield (*token.start, *token.end) if name == "STRING" else None


def test_debris_is_found() -> None:
    caption = 'f"Envelopes of {n} sizes "\n    "and "\n    "energy spread of the bunch."'
    docstring = '"""Tunes of a ring\n\n    and\n    of a line [1].\n    """'
    assert debris(f"def drawn(n: int) -> str:\n    {docstring}\n    return (\n    {caption}\n    )\n") == [4, 9]


def test_what_people_break_on_purpose_is_left_alone() -> None:
    example = '"""Squares.\n\n>>> 3 * 3\n9\n>>> 2\n2\n"""\n'
    full = f'text = (\n    "{"word " * 22}"\n    "last "\n    "{"letters" * 16}"\n)\n'
    assert debris(example + full) == []


def test_no_line_of_prose_holds_a_word_alone() -> None:
    sources = [path for path in tracked_files() if path.suffix == ".py"]
    found = [f"{path.relative_to(ROOT)}:{number}" for path in sources for number in debris(Path(path).read_text())]
    assert found == []
