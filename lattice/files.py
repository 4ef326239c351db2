"""Files read within bounds and written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from lattice.errors import FileError

MAX_BYTES = 50_000_000
#: Who reads a file, by the end of its name.
READERS = {
    ".seq": "lattice.read_madx",
    ".madx": "lattice.read_madx",
    ".mad": "lattice.read_madx",
    ".lte": "lattice.read_elegant",
    ".bmad": "lattice.read_bmad",
    ".pals.yaml": "lattice.read_pals",
    ".pals.yml": "lattice.read_pals",
    ".pals.json": "lattice.read_pals",
    ".xsuite.json": "optics.engines.xsuite.files.read_xsuite_json",
    ".json": "lattice.read_json",
}
_HANDED_OVER = (Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd"))


def read_bytes(path: str | Path, what: str = "file") -> bytes:
    """Content of ``path``; FileError when it is missing, no file, unreadable, or larger than 50 MB.

    A pipe or a device that lies in a folder is refused: to open one may wait for ever. What the shell hands over
    (``/dev/fd/63``) is read.
    """
    path = Path(path)
    try:
        check_is_file(path, what)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such {what}{_nearest(path)}") from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot read this {what}: {_reason(error)}") from None
    if len(content) > MAX_BYTES:
        raise FileError(f"{path}: this {what} is larger than {MAX_BYTES // 1_000_000} MB, which no {what} needs")
    return content


def other_reader(path: str | Path, own: str) -> str:
    """What to say after an error of a reader ``own``, where the name of the file belongs to another one."""
    reader = next((reader for end, reader in READERS.items() if str(path).lower().endswith(end)), "")
    return f"; a file of this name is read by {reader}" if reader and not reader.endswith(f".{own}") else ""


def check_is_file(path: Path, what: str = "file") -> None:
    """FileError for a folder, a pipe, a socket or a device; nothing is opened, and what is missing passes."""
    if path.is_dir():
        raise FileError(f"{path}: this is a folder, a {what} was expected")
    if path.exists() and not path.is_file() and path.parent not in _HANDED_OVER:
        raise FileError(f"{path}: this is a pipe or a device, a {what} was expected")


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write ``text`` (UTF-8, newlines as they are) to ``path``, whole or not at all; FileError when that fails."""
    write_bytes_atomic(path, text.encode("utf-8"))


def write_bytes_atomic(path: str | Path, content: bytes) -> None:
    """Write ``content`` to ``path``, whole or not at all; FileError when that fails.

    The bytes go to the disk first and replace ``path`` in one step then. Where the system can hold a file without a
    name (Linux, most file systems), the new one gets its name as its last step, so that a kill leaves nothing behind.
    """
    path = Path(path)
    try:
        mode = _mode_for(path)
        folder = os.open(path.parent, os.O_RDONLY)
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot write this file: {_reason(error)}") from None
    temporary = f".{path.name[:50]}.{token_hex(4)}.tmp"
    try:
        _write(temporary, content, mode, folder)
        os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except BaseException as error:
        with suppress(OSError, ValueError):
            os.unlink(temporary, dir_fd=folder)
        if isinstance(error, (OSError, ValueError)):
            raise FileError(f"{path}: cannot write this file: {_reason(error)}") from None
        raise
    finally:
        os.close(folder)


def _write(name: str, content: bytes, mode: int, folder: int) -> None:
    """A file of that name in an open folder, with its bytes on the disk."""
    handle, named = _new_file(name, folder)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
        os.fchmod(stream.fileno(), mode)
        if not named:
            # os.link follows the link of /proc only through linkat, which it calls when it is given folders
            os.link(f"/proc/self/fd/{stream.fileno()}", name, src_dir_fd=folder, dst_dir_fd=folder)


def _new_file(name: str, folder: int) -> tuple[int, bool]:
    """A new file, open for writing, and whether it has its name already (private until its mode is set)."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
        with suppress(OSError):  # the file system knows no files without a name
            return os.open(".", os.O_WRONLY | os.O_TMPFILE, 0o600, dir_fd=folder), False
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder), True


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
