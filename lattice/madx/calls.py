"""Files that a MAD-X file calls: beside it, never outside of its folder."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from lattice.madx.syntax import unquoted
from lattice.madx.text import Statement


def called_file(main: Path, statement: Statement, text: str) -> Path:
    """The file of a CALL: beside the calling file, and never outside the folder of the file being read."""
    name = unquoted(text)
    outside = PureWindowsPath(name).is_absolute() or PureWindowsPath(name).drive or name.startswith(("/", "~"))
    called = Path(statement.file).parent / name
    try:
        if not outside and name == text and not called.exists():  # MAD-X lowers what is not in quotes
            called = Path(statement.file).parent / name.lower()
        inside = called.resolve().is_relative_to(main.parent.resolve())
    except (OSError, ValueError, RuntimeError):
        inside = False
    if outside or ".." in PureWindowsPath(name).parts or not inside:
        raise statement.cannot_be_read(f"call: '{name}' is outside the folder of {main.name}: put the file beside it")
    if not _is_file(called):
        raise statement.cannot_be_read(f"call: there is no file '{name}' in {called.parent}")
    return called


def _is_file(path: Path) -> bool:
    """False also for names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
