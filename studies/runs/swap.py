"""A run that was built beside its place is put there whole; what others have put into the old folder goes along.

The two folders change places in one step, and then the old files of ours are removed and those of others moved over.
Where folders cannot change places (a mount point, a file system without it) the files are moved one by one,
results.json (of a dossier its data) last: until then the folder is an interrupted run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from itertools import count
from pathlib import Path

from studies.runs.contents import FOLDERS, LAST, listed_files, own_files
from studies.runs.exchange import exchange, sync_folder
from studies.runs.locks import LOCK
from studies.runs.logs import LOGGER


def swap_in(built: Path, folder: Path, movable: bool) -> None:
    """Put the run in ``built`` at ``folder``; afterwards ``built`` is gone. ``movable``: the folder itself may move.

    A folder called ``built`` that is left over by a kill is ours as a whole, one called ``swapped(built)`` may be an
    old run with files of others in it (``clear_away``).
    """
    _sync(built)
    if movable and _exchanged(built, folder):
        return
    _move_in(built, folder)
    sync_folder(folder)
    shutil.rmtree(built, ignore_errors=True)


def swapped(built: Path) -> Path:
    """What a built folder is called while it changes places with the old one."""
    return built.with_name(f"{built.name}.old")


def _exchanged(built: Path, folder: Path) -> bool:
    ready = swapped(built)
    built.rename(ready)
    if not exchange(ready, folder):
        ready.rename(built)
        return False
    sync_folder(folder.parent)
    clear_away(ready, folder)
    return True


def _sync(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            handle = os.open(Path(place) / name, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        sync_folder(Path(place))


def clear_away(old: Path, folder: Path) -> None:
    """Remove what is left of a run at ``old``: our files vanish, those of others move to their place in ``folder``."""
    _clear(old, folder, own_files(old) | {LOCK}, "")
    with suppress(OSError):
        old.rmdir()


def _clear(old: Path, folder: Path, own: Collection[str], below: str) -> None:
    for entry in sorted(os.scandir(old), key=lambda entry: entry.name):
        name = f"{below}{entry.name}"
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_folder and name in FOLDERS:
            _clear(Path(entry.path), folder, own, f"{name}/")
            Path(entry.path).rmdir()
        elif name in own and not is_folder:
            os.unlink(entry.path)
        else:
            _keep(Path(entry.path), folder / name)


def _keep(path: Path, target: Path) -> None:
    """Move what is not ours to ``target``, or beside it where the run has a file of that name."""
    with suppress(FileExistsError):
        target.parent.mkdir(parents=True)
    free = target
    for number in count(1):
        if not os.path.lexists(free):
            break
        free = target.with_name(f"{target.name}.kept{number}")
    path.rename(free)
    if free != target:
        LOGGER.warning("%s was not written by the toolkit: kept as %s", target, free.name)


def _move_in(built: Path, folder: Path) -> None:
    own = own_files(folder)
    new = sorted(listed_files(built), key=lambda name: name in LAST)
    for name in own.intersection(LAST):
        (folder / name).unlink(missing_ok=True)
    for name in FOLDERS:
        _out_of_the_way(folder, name, own)
    for name in own - set(new):
        if not (folder / name).is_dir():
            (folder / name).unlink(missing_ok=True)
    for name in (name for name in new if name != LOCK):
        _out_of_the_way(folder, name, own)
        (folder / name).parent.mkdir(exist_ok=True)
        (built / name).rename(folder / name)
    _remove_empty(folder)


def _out_of_the_way(folder: Path, name: str, own: Collection[str]) -> None:
    """Keep what others have put where the run has a file or a folder."""
    path = folder / name
    is_folder = name in FOLDERS and path.is_dir() and not path.is_symlink()
    is_ours = name in own and (path.is_symlink() or not path.is_dir())
    if os.path.lexists(path) and not is_folder and not is_ours:
        _keep(path, path)


def _remove_empty(folder: Path) -> None:
    for name in FOLDERS:
        with suppress(OSError):
            (folder / name).rmdir()
