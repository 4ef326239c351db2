"""Where compiled code is kept between runs: a folder for each state of the sources, cleared when that state is gone.

Numba looks only at the file of a cached function; a change in one that it calls, in another file, must count too. So
each state of the sources (their place and the newest of them) has a folder of its own, which says whose it is. When a
new one is begun, those are removed whose sources are gone or have changed since: nobody can ask for them any more.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Packages whose functions are compiled into each other, beside each other in the tree or in site-packages.
COMPILED_PACKAGES = ("optics", "extraction")
_OWNER = "sources.txt"  # in a folder: the place of the packages, and the state that the code was compiled from
_FORGOTTEN = 30 * 86400.0  # [s] after its last use a folder that does not say whose it is may go


def cache_folder(sources: Path, caches: Path) -> Path:
    """Folder below ``caches`` for the packages in ``sources`` as they are now; stale ones are removed when it is new.

    A process that still runs from removed sources compiles anew and loses nothing else. Where the folder cannot be
    written nothing is removed and numba finds its own place.
    """
    state = newest(sources)
    name = hashlib.sha256(f"{sources}\n{state}".encode()).hexdigest()[:20]
    folder = caches / name
    if not (folder / _OWNER).is_file():
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _OWNER).write_text(f"{sources}\n{state}\n", encoding="utf-8")
            for one in stale(caches):
                shutil.rmtree(one, ignore_errors=True)
    return folder


def newest(sources: Path) -> int:
    """When the newest source was written [ns]; 0 without any."""
    files = (path for package in COMPILED_PACKAGES for path in (sources / package).rglob("*.py"))
    return max((path.stat().st_mtime_ns for path in files), default=0)


def stale(caches: Path) -> Iterator[Path]:
    """Folders whose sources are gone or have changed; of those that do not say, the ones not used for a month."""
    for folder in sorted(caches.iterdir()):
        if folder.is_dir() and not folder.is_symlink() and _is_stale(folder):
            yield folder


def _is_stale(folder: Path) -> bool:
    try:
        owner = (folder / _OWNER).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return _idle(folder) > _FORGOTTEN
    return len(owner) != 2 or not owner[1].isdigit() or newest(Path(owner[0])) != int(owner[1])


def _idle(folder: Path) -> float:
    """Seconds since a file in a folder was read or written; to look into a folder is not to use it."""
    found = [path.lstat() for path in (folder, *folder.rglob("*"))]
    used = [one.st_mtime for one in found] + [one.st_atime for one in found if not stat.S_ISDIR(one.st_mode)]
    return time.time() - max(used)


def user_caches() -> Path:
    """Where programs of this user keep what can be made again."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
