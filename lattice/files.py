"""Files read within bounds and written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from lattice.errors import FileError

MAX_BYTES = 50_000_000


def read_bytes(path: str | Path, what: str = "file") -> bytes:
    """Content of ``path``; FileError when it is missing, no file, unreadable, or larger than 50 MB."""
    path = Path(path)
    try:
        if path.is_dir():
            raise FileError(f"{path}: this is a folder, a {what} was expected")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such {what}{_nearest(path)}") from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot read this {what}: {_reason(error)}") from None
    if len(content) > MAX_BYTES:
        raise FileError(f"{path}: this {what} is larger than {MAX_BYTES // 1_000_000} MB, which no {what} needs")
    return content


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write ``text`` (UTF-8, newlines as they are) to ``path``, whole or not at all; FileError when that fails."""
    write_bytes_atomic(path, text.encode("utf-8"))


def write_bytes_atomic(path: str | Path, content: bytes) -> None:
    """Write ``content`` to ``path``, whole or not at all; FileError when that fails.

    The bytes go to a temporary file beside ``path`` that then replaces it in one step.
    """
    path = Path(path)
    try:
        mode = _mode_for(path)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".tmp", dir=path.parent)
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot write this file: {_reason(error)}") from None
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException as error:
        with suppress(OSError):
            Path(temporary).unlink()
        if isinstance(error, OSError):
            raise FileError(f"{path}: cannot write this file: {_reason(error)}") from None
        raise


def _mode_for(path: Path) -> int:
    """Permissions of the file that is replaced, or those a new file gets (temporary files are private)."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _nearest(path: Path) -> str:
    from lattice.errors import did_you_mean

    try:
        return did_you_mean(path.name, {entry.name for entry in path.parent.iterdir()})
    except (OSError, ValueError):
        return ""
