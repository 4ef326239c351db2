"""Xsuite as a program: its name in reports, and how it is kept quiet."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from importlib.metadata import version


def engine_version() -> str:
    """The engine as reports name it, for example ``"Xsuite 0.67.0 (xtrack 0.118.0)"``."""
    return f"Xsuite {version('xsuite')} (xtrack {version('xtrack')})"


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Xsuite reports progress on standard output and error; a library should not."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
