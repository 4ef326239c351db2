"""Files that a lattice file calls: beside it, or within a folder that the user names."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from lattice.files import MAX_BYTES
from lattice.madx.syntax import unquoted
from lattice.madx.text import Statement

#: Of all called files together, one that is called twice counted twice.
MOST_BYTES = MAX_BYTES


class CalledFiles:
    """The files that one file calls, itself or through others."""

    def __init__(self, main: Path, root: Path | None = None) -> None:
        self._main, self._root = main, root
        self._bytes = 0

    def file(self, statement: Statement, text: str) -> Path:
        """The file of a CALL, as ``called_file`` finds it; FileError where all of them come to too much."""
        path = called_file(self._main, statement, text, self._root)
        self._bytes += path.stat().st_size
        if self._bytes > MOST_BYTES:
            raise statement.cannot_be_read(
                f"call: the files called up to here come to more than {MOST_BYTES // 1_000_000} MB together"
            )
        return path


def called_file(main: Path, statement: Statement, text: str, root: Path | None = None) -> Path:
    """The file of a CALL: beside the calling file, and never outside the folder of the file being read.

    With ``root``, never outside that folder instead; ``..`` and whole paths are followed within it.
    """
    name = unquoted(text)
    windows = PureWindowsPath(name)
    whole = windows.is_absolute() or windows.drive or name.startswith(("/", "~"))
    called = Path(statement.file).parent / name
    try:
        if not whole and name == text and not called.exists():  # MAD-X lowers what is not in quotes
            called = Path(statement.file).parent / name.lower()
        inside = called.resolve().is_relative_to((root or main.parent).resolve())
    except (OSError, ValueError, RuntimeError):
        inside = False
    if root is None and (whole or ".." in windows.parts or not inside):
        raise statement.cannot_be_read(
            f"call: '{name}' is outside the folder of {main.name}: put the file beside it, or name a folder that holds "
            "both (--root DIR, root=)"
        )
    if not inside:
        raise statement.cannot_be_read(f"call: '{name}' is outside the folder {root} that --root, or root=, names")
    if not _is_file(called):
        raise statement.cannot_be_read(f"call: there is no file '{name}' in {called.parent}")
    return called


def _is_file(path: Path) -> bool:
    """False also for names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
