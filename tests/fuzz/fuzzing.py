"""Valid files with accidents, what a reader makes of them, and the branches of the reader that were reached."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from hypothesis import strategies as st

from lattice import HadronOpticsError
from tests.fuzz.targets import Target

#: A valid file takes below 0.3 s in every reader, traced.
LONGEST = 10.0
_WORD = re.compile(rb'"[^"\n]*"|[A-Za-z_.0-9]+|[^A-Za-z_.0-9\s]')

Accident = tuple[str, float, float, bytes]
Branch = tuple[str, int, int]


def accidents(target: Target) -> st.SearchStrategy[list[Accident]]:
    """Some accidents: what happens, at which share of the file's length, how far it reaches, what comes in."""
    pieces = st.sampled_from([piece.encode() for piece in target.pieces]) if target.pieces else st.nothing()
    coming = pieces | pieces | pieces | st.binary(min_size=1, max_size=4)
    kinds = st.sampled_from(("word", "word", "word", "swap", "swap", "swap", "cut", "into", "twice", "end"))
    place = st.floats(0, 1, exclude_max=True)
    return st.lists(st.tuples(kinds, place, place, coming), min_size=1, max_size=3)


def worn(content: bytes, happened: Iterable[Accident]) -> bytes:
    """The content after the accidents."""
    for kind, place, reach, piece in happened:
        content = _ACCIDENTS[kind](content, int(place * len(content)), int((reach**4) * len(content)), piece)
    return content


def _word(content: bytes, at: int, _: int, piece: bytes) -> bytes:
    """The next word exchanged: what most of the mistakes that matter are."""
    found = _WORD.search(content, at)
    return content if found is None else content[: found.start()] + piece + content[found.end() :]


def _swap(content: bytes, at: int, reach: int, _: bytes) -> bytes:
    """Two words exchanged, the second one soon behind the first or far from it."""
    one = _WORD.search(content, at)
    other = None if one is None else _WORD.search(content, one.end() + reach)
    if one is None or other is None or one.end() > other.start():
        return content
    middle = content[one.end() : other.start()]
    return content[: one.start()] + other[0] + middle + one[0] + content[other.end() :]


_ACCIDENTS: dict[str, Callable[[bytes, int, int, bytes], bytes]] = {
    "word": _word,
    "cut": lambda content, at, reach, piece: content[:at] + content[at + max(reach, 1) :],
    "into": lambda content, at, reach, piece: content[:at] + piece + content[at:],
    "twice": lambda content, at, reach, piece: content[: at + reach] + content[at:],
    "end": lambda content, at, reach, piece: content[:at],
    "swap": _swap,
}


def check(target: Target, folder: Path, content: bytes) -> str:
    """Read the content: "read", or "refused" in words. Everything else a reader may do is an AssertionError."""
    path = folder / target.file
    path.write_bytes(content)
    before = _others(folder, path)
    begin = time.process_time()
    words, outcome = "", "read"
    try:
        target.read(path)
    except HadronOpticsError as error:
        words, outcome = str(error).strip(), "refused"
    except BaseException as error:
        raise AssertionError(f"{target.name}: {type(error).__name__}: {error} from {content[:2000]!r}") from error
    assert words or outcome == "read", f"{target.name}: a message without words"
    assert time.process_time() - begin < LONGEST, f"{target.name} takes too long over {content[:2000]!r}"
    assert _others(folder, path) == before, f"{target.name}: files were made or changed by reading {content[:2000]!r}"
    return outcome


def _others(folder: Path, path: Path) -> dict[Path, int]:
    return {one: one.stat().st_mtime_ns for one in folder.rglob("*") if one.is_file() and one != path}


@contextmanager
def branches(modules: Iterable[ModuleType]) -> Iterator[set[Branch]]:
    """Steps from line to line inside the modules that are taken in here: (file, from, to)."""
    files = {str(module.__file__) for module in modules}
    reached: set[Branch] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        last = frame.f_lineno

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            if event == "line":
                reached.add((frame.f_code.co_filename, last, frame.f_lineno))
                last = frame.f_lineno
            return step

        return step

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield reached
    finally:
        sys.settrace(before)
