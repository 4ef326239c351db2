"""What is seen of a run while it runs: a line a stage with its number and time, on a terminal a clock below."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TextIO, TypeVar

from studies.terminal import LOGGER, visible

_EVERY = 1.0  # s between two looks at the clock
_CLEAR = "\r\x1b[K"

T = TypeVar("T")


def clock(seconds: float) -> str:
    """Minutes and seconds: ``1:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def duration(seconds: float) -> str:
    """A time in words: ``48 s``, ``3 min 20 s``."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def live(stream: TextIO) -> bool:
    """True for a terminal that may be drawn on: no NO_COLOR, no dumb one."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Stages(logging.StreamHandler[TextIO]):
    """Messages of a run: every stage with its number and the time since the start, warnings as they are.

    On a terminal a line below tells how long the last stage has been going on, until the next one or a bar takes its
    place; ``quiet`` shows warnings only, ``verbose`` what is told of details too.
    """

    def __init__(self, verbose: bool = False, quiet: bool = False, stream: TextIO | None = None) -> None:
        super().__init__(stream or sys.stderr)
        self.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
        self._started = self._since = time.monotonic()
        self._number, self._last, self._shown = 0, "", False
        self._ended = threading.Event()
        if live(self.stream) and not quiet:
            threading.Thread(target=self._watch, daemon=True).start()

    def format(self, record: logging.LogRecord) -> str:
        """A stage with its number and time, a warning with its word."""
        text = super().format(record)
        if record.levelno == logging.INFO:
            return visible(f"{self._number:3d}  {clock(time.monotonic() - self._started)}  {text}")
        return visible(text if record.levelno < logging.INFO else f"{record.levelname.lower()}: {text}")

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message, in the place of the line that tells the time."""
        if record.levelno == logging.INFO:
            self._number += 1
            self._last, self._since = record.getMessage(), time.monotonic()
        self.wipe()
        super().emit(record)

    def tick(self) -> None:
        """Tell how long the last stage has been going on; nothing while a bar is drawn."""
        seconds = time.monotonic() - self._since
        if not self._last or seconds < 2 * _EVERY or _bar_is_drawn():
            return
        self.acquire()
        try:
            self.stream.write(f"{_CLEAR}     {clock(seconds)} in: {visible(self._last)[:60]}")
            self.stream.flush()
            self._shown = True
        finally:
            self.release()

    def wipe(self) -> None:
        """Take the line that tells the time away."""
        if self._shown:
            self.stream.write(_CLEAR)
            self.stream.flush()
            self._shown = False

    def close(self) -> None:
        """End the clock."""
        self._ended.set()
        self.wipe()
        super().close()

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY):
            self.tick()


def _bar_is_drawn() -> bool:
    bars = sys.modules.get("tqdm.std")
    return bars is not None and any(not bar.disable for bar in list(getattr(bars.tqdm, "_instances", ())))


def shows_progress() -> bool:
    """True when a progress bar may be drawn: standard error is a terminal, and neither -q nor NO_COLOR is given."""
    if not live(sys.stderr) or not LOGGER.isEnabledFor(logging.INFO):
        return False
    terminals = [one for one in LOGGER.handlers if isinstance(one, logging.StreamHandler)]
    return any(one.level <= logging.INFO for one in terminals)


def steps(items: Sequence[T], unit: str) -> Iterator[T]:
    """The items one by one; on a terminal with a bar that counts them in ``unit`` ("energies")."""
    if len(items) < 2 or not shows_progress():
        yield from items
        return
    from tqdm import tqdm

    with tqdm(items, unit=f" {unit}", leave=False, file=sys.stderr) as bar:
        yield from bar
