"""Signals that end a command: SIGTERM is Ctrl-C, and neither comes between steps that belong together."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM.

    A kind of its own, for where a plain KeyboardInterrupt passes through a text that is executed (a dataclass being
    made), CPython notes it as unhandled, and ``python -m`` ends by the signal whatever its exit code is.
    """


def terminate_as_interrupt() -> None:
    """Let SIGTERM do from now on what Ctrl-C does; a Ctrl-C that is ignored stays so."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM; one that came is heard at the end. Of use in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])
