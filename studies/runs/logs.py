"""Messages of a run: to standard error as far as -v and -q ask, and all of them, with times, to log.txt.

Times, host, workers and paths go here and nowhere else.
"""

from __future__ import annotations

import io
import logging
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from studies.runs.stages import Stages, duration, shows_progress
from studies.terminal import LOGGER, unheard

__all__ = ["LOGGER", "RunLog", "messages", "shows_progress", "unheard"]


class RunLog(logging.Handler):
    """Keeps every message with its time, for log.txt."""

    def __init__(self, jobs: int = 1) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self.started = time.time()
        self.lines = list(_circumstances(jobs))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.lines.append(self.format(record))

    def told(self) -> None:
        """Say how long it took; no part of what a run is, so that it stands on the terminal alone."""
        LOGGER.info("took %s", duration(time.time() - self.started))

    def text(self) -> str:
        """The log so far, with the time it took."""
        text = "\n".join([*self.lines, f"took {time.time() - self.started:.2f} s"]) + "\n"
        return text.encode("utf-8", "backslashreplace").decode()  # names of files are any bytes


def _circumstances(jobs: int) -> Iterator[str]:
    yield f"begun {time.strftime('%Y-%m-%d %H:%M:%S %z')}"
    yield f"host {platform.node()}, {platform.platform()}, {os.cpu_count()} processors, {jobs} worker(s)"
    yield f"python {sys.executable}"
    yield f"folder {os.getcwd()}"
    yield f"command {' '.join(sys.argv)}"


@contextmanager
def messages(verbose: bool = False, quiet: bool = False, log: RunLog | None = None) -> Iterator[None]:
    """Send messages to standard error and to ``log``; what libraries print goes to the log too, never to stdout."""
    terminal = Stages(verbose, quiet)
    handlers: list[logging.Handler] = [terminal, *([log] if log else [])]
    warned = logging.getLogger("py.warnings")
    warned.propagate = False
    logging.captureWarnings(True)
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.propagate = False
    for handler in handlers:
        LOGGER.addHandler(handler)
        if handler is log or verbose:
            warned.addHandler(handler)
    try:
        with redirect_stdout(_LogWriter()):
            yield
    finally:
        logging.captureWarnings(False)
        for handler in handlers:
            LOGGER.removeHandler(handler)
            warned.removeHandler(handler)
        terminal.close()


class _LogWriter(io.TextIOBase):
    """A stand-in for standard output: whole lines become debug messages."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for line in filter(str.strip, text.splitlines()):
            LOGGER.debug(line.rstrip())
        return len(text)
