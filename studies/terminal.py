"""Results for a terminal: aligned tables on standard output, no colour unless a terminal wants it."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

#: Where everything says what it does: to the terminal and to log.txt.
LOGGER = logging.getLogger("hadron_optics")
_COLORS = {"PASS": "green", "FAIL": "red", "NOT EVALUATED": "yellow", "ok": "green", "OUT": "red"}


#: What a terminal would obey instead of show, except line ends, tabs and the colours of this module.
_NOT_SHOWN = re.compile(r"(?P<colour>\x1b\[(?:3[0-7]|0)m)|[^\n\t]")


def visible(text: str) -> str:
    """The text with everything escaped that cannot be seen or turns what stands around it."""
    return text if text.isprintable() else _NOT_SHOWN.sub(_seen, text)


def _seen(found: re.Match[str]) -> str:
    character = found[0]
    return character if found["colour"] or character.isprintable() else ascii(character)[1:-1]


def show(text: str = "") -> None:
    """Print results; colour codes are dropped when standard output is no terminal, a reader that left is no error."""
    try:
        click.echo(visible(text), color=_colored())
    except BrokenPipeError:
        silence_stdout()


def open_closed_streams() -> None:
    """Give standard output and error a place that keeps nothing where the caller has closed them (``>&-``)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open until Python ends


def silence_stdout() -> None:
    """Let everything that is still printed, also at Python's end, go nowhere instead of into a closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _colored() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], numeric: Sequence[int] = ()) -> str:
    """An aligned table; columns listed in ``numeric`` are right-aligned. Words of verdict get their colour."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["  ".join(_padded(row[c], widths[c], c in numeric) for c in range(len(widths))).rstrip() for row in cells]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _padded(cell: str, width: int, right: bool) -> str:
    padded = cell.rjust(width) if right else cell.ljust(width)
    return click.style(padded, fg=_COLORS[cell]) if cell in _COLORS and _colored() else padded


def number(value: float | None, digits: int = 7) -> str:
    """A number in few words, "-" for none."""
    return "-" if value is None else f"{value:.{digits}g}"


@contextmanager
def unheard() -> Iterator[None]:
    """Leave out what is told of the way: of one case of very many nobody wants to hear it."""
    level = LOGGER.level
    LOGGER.setLevel(logging.WARNING)
    try:
        yield
    finally:
        LOGGER.setLevel(level)
