"""A run folder from its opening to its end: built beside its place and put there whole.

Until then whatever the folder held stays, also when the new run fails, is killed, or finds the disk full.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lattice import InputError
from lattice.errors import FileError
from lattice.files import write_text_atomic
from studies.results import StudyResult
from studies.runs.contents import (
    DOSSIER_FILES,
    FAILED,
    FILES,
    FOLDERS,
    LOG,
    LOG_TITLE,
    RESULTS,
    ROWS,
    is_complete,
    is_run,
)
from studies.runs.interruption import uninterrupted
from studies.runs.locks import LOCK, only_writer
from studies.runs.rows import kept_rows
from studies.runs.store import Render
from studies.runs.swap import clear_away, swap_in, swapped
from studies.runs.writing import write_files

Written = TypeVar("Written")


@dataclass(frozen=True)
class RunFolder:
    """A folder that is being written: ``path`` as the user calls it, ``place`` where that is, ``built`` the new run.

    ``movable`` when the folder itself can change places with the one that is built beside it.
    """

    path: Path
    place: Path
    built: Path
    movable: bool

    def finish(
        self,
        result: StudyResult,
        render: Render,
        log: Callable[[], str],
        save: Callable[[Path], None] | None = None,
    ) -> dict[str, Any]:
        """Write the whole run, put it in its place, and return the object of results.json. FileError when it cannot."""
        return self.put(lambda built: write_files(built, result, render, log, save))

    def put(self, write: Callable[[Path], Written]) -> Written:
        """Let ``write`` fill the folder beside, put that in its place, and return its answer. FileError where not."""
        try:
            written = write(self.built)
            with uninterrupted():
                swap_in(self.built, self.place, self.movable)
        except OSError as error:
            raise FileError(f"{self.path}: the folder cannot be written ({_reason(error)})") from None
        return written

    def keep_log(self, text: str) -> Path:
        """Leave the log of a run that failed, without touching a finished one; returns its path."""
        name = FAILED if is_complete(self.place) else LOG
        with suppress(FileError):
            write_text_atomic(self.place / name, f"{LOG_TITLE}\n{text}")
        return self.path / name


@contextmanager
def open_run(folder: Path, force: bool = False, resume: bool = False) -> Iterator[RunFolder]:
    """Hold a folder ready for a run while it is computed; what comes to nothing leaves nothing.

    InputError when it holds a finished run or finished rows of a scan (and neither ``force`` nor ``resume``), or files
    that are no run's; FileError when it cannot be written, or another process is writing there.
    """
    with open_folder(folder, lambda: check_folder(folder, force or resume)) as run, _marked(run.place):
        yield run


@contextmanager
def open_folder(folder: Path, check: Callable[[], None]) -> Iterator[RunFolder]:
    """As ``open_run`` for a folder of another kind: ``check`` raises what speaks against writing there."""
    check()
    with ExitStack() as stack:
        place = _made(folder, stack)
        try:
            stack.enter_context(only_writer(place, folder))
            check()
            _clear_leftovers(place)
            run = _begun(folder, place)
        except OSError as error:
            raise _cannot_be_written(folder, error) from None
        stack.callback(_remove, run.built)
        yield run


def check_folder(folder: Path, may_replace: bool) -> None:
    """InputError when a run cannot be written there because of what the folder holds."""
    if not os.path.isdir(folder):
        return
    if is_complete(folder) and is_run(folder) and not may_replace:
        raise InputError(f"{folder} holds a finished run: give --force to replace it, or another folder with --out")
    found = held_files(folder, (*FILES, *FOLDERS, *DOSSIER_FILES))
    if found and not is_run(folder):
        raise InputError(f"{folder} is no run folder but holds {found}: give another folder with --out")
    rows = 0 if may_replace else kept_rows(folder)
    if rows:
        raise InputError(
            f"{folder} holds {rows:,} finished rows of what was interrupted: --resume goes on with them, --force "
            "throws them away"
        )


def held_files(folder: Path, names: Sequence[str]) -> str:
    """Those of the files that the folder holds, listed; "" for none."""
    return ", ".join(name for name in names if os.path.lexists(folder / name))


def _made(folder: Path, stack: ExitStack) -> Path:
    """The place of the folder, made where there was none; what was made and stays empty is removed in the end."""
    try:
        place = folder.resolve()
        for missing in reversed(list(_missing(place))):
            missing.mkdir(exist_ok=True)
            stack.callback(_remove_if_empty, missing)
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle, ValueError: no name
        stack.close()
        raise _cannot_be_written(folder, error) from None
    return place


def _missing(folder: Path) -> Iterator[Path]:
    """The folders on the way that do not exist yet, deepest first."""
    while not folder.is_dir() and folder != folder.parent:
        yield folder
        folder = folder.parent


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _cannot_be_written(folder: Path, error: Exception) -> FileError:
    return FileError(f"{folder}: the run folder cannot be written ({_reason(error)}); give another with --out")


def _reason(error: Exception) -> str:
    in_the_way = isinstance(error, (FileExistsError, NotADirectoryError)) and "is in the way" not in str(error)
    return "a file of that name is in the way" if in_the_way else getattr(error, "strerror", None) or str(error)


def _scratch(place: Path) -> tuple[Path, Path]:
    """Where a run is built: beside its place, or inside it."""
    return place.with_name(f".{place.name}.partial"), place / ".partial"


def _begun(folder: Path, place: Path) -> RunFolder:
    """Beside the place, where files move in one step; inside it when the folder itself cannot be moved."""
    beside, inside = _scratch(place)
    if _can_move(place):
        with suppress(OSError):  # no right to make a folder beside, or no hard links
            beside.mkdir()
            beside.chmod(place.stat().st_mode & 0o7777)
            os.link(place / LOCK, beside / LOCK)  # the same lock, whichever folder has the place
            return RunFolder(folder, place, beside, movable=True)
        _remove(beside)
    inside.mkdir()
    (inside / LOCK).touch()
    return RunFolder(folder, place, inside, movable=False)


def _can_move(place: Path) -> bool:
    """False for mount points, and for the folder that this process (and most likely a shell) works in."""
    same_disk = place.stat().st_dev == place.parent.stat().st_dev and place != place.parent
    try:
        here = Path.cwd()
    except OSError:  # the folder that we work in is gone
        return same_disk
    return same_disk and place not in (here, *here.parents)


def _clear_leftovers(place: Path) -> None:
    """Remove what a killed process left; of a run that had just been put in its place others' files are kept."""
    for built in _scratch(place):
        for left in (built, swapped(built)):
            if os.path.lexists(left) and not _is_ours(left):
                raise FileExistsError(17, f"{left} is in the way")
        _remove(built)
        if swapped(built).is_dir():
            clear_away(swapped(built), place)


def _is_ours(left: Path) -> bool:
    names = os.listdir(left) if left.is_dir() and not left.is_symlink() else [""]
    return not names or LOCK in names or RESULTS in names


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _marked(place: Path) -> Iterator[None]:
    """A folder without a finished run says that one was begun; when nothing came of it, nothing stays."""
    marks = not is_run(place)
    if marks:
        write_text_atomic(place / LOG, f"{LOG_TITLE}\nbegun, not finished\n")
    begun = (place / LOG).read_bytes() if marks else b""
    try:
        yield
    finally:
        with suppress(OSError):
            nothing_new = (place / LOG).read_bytes() == begun and not (place / ROWS).exists()
            if marks and nothing_new and not is_complete(place):
                (place / LOG).unlink()
