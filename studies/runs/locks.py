"""One writer a folder at a time: a lock that ends with the process that holds it, however that ends.

The lock is ``flock(2)`` on a file inside the folder: a kill releases it, a file that is left over locks nothing. Who
holds it stands in the file, for the message that the next one gets.
"""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lattice.errors import FileError
from studies.runs.logs import LOGGER

LOCK = ".lock"
#: Who leaves a folder that many share holds it alone for an instant [s].
_LEAVING_S = 2.0
#: What a file system without locks answers (some of clusters are mounted so).
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)


@contextmanager
def only_writer(folder: Path, shown: Path | None = None) -> Iterator[None]:
    """Be the one process that writes into ``folder`` (messages call it ``shown``).

    FileError when another one does, naming it, and when no lock can be made there.
    """
    with _held(folder / LOCK, fcntl.LOCK_EX, shown or folder):
        yield


@contextmanager
def one_of_many(folder: Path, own: Path, shown: Path | None = None) -> Iterator[None]:
    """Be one of the processes that share ``folder``, beside no only writer, and the only one that holds ``own``.

    FileError when ``only_writer`` holds the folder, or another process the lock file ``own``.
    """
    shown = shown or folder
    with _held(folder / LOCK, fcntl.LOCK_SH, shown), _held(own, fcntl.LOCK_EX, shown):
        yield


@contextmanager
def _held(path: Path, way: int, shown: Path) -> Iterator[None]:
    handle = _acquired(path, way, shown)
    try:
        yield
    finally:
        with suppress(OSError):
            if _is_alone(handle) and _is_same(handle, path):
                path.unlink()
        os.close(handle)


def _is_alone(handle: int) -> bool:
    """True when no other process shares the lock; it is held by this one alone from then on."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        return error.errno in _NO_LOCKS
    return True


def _acquired(path: Path, way: int, shown: Path) -> int:
    """An open file that is locked and still stands at ``path``: its last holder may just have removed it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            _lock(handle, way, shown)
            if _is_same(handle, path):
                _sign(handle)
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int, way: int, shown: Path) -> None:
    until = time.monotonic() + (_LEAVING_S if way == fcntl.LOCK_SH else 0.0)
    try:
        while not _locked(handle, way):
            if time.monotonic() >= until:
                raise _taken(handle, shown)
            time.sleep(0.05)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        LOGGER.warning("%s: this file system has no locks; let no second run write there", shown)


def _locked(handle: int, way: int) -> bool:
    try:
        fcntl.flock(handle, way | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken(handle: int, shown: Path) -> FileError:
    return FileError(
        f"{shown}: another lattice-optimize is writing there ({_holder(handle)}); wait until it has finished, or "
        "give another folder with --out"
    )


def _is_same(handle: int, path: Path) -> bool:
    """True when ``path`` is the open file."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False


def _sign(handle: int) -> None:
    """Write who holds the lock; nobody needs to know when there is no room for it."""
    with suppress(OSError):
        os.ftruncate(handle, 0)
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        os.pwrite(handle, f"process {os.getpid()} on {platform.node()} since {since}\n".encode(), 0)


def _holder(handle: int) -> str:
    try:
        words = os.pread(handle, 200, 0).decode("utf-8", "replace").strip()
    except OSError:
        words = ""
    return "".join(letter for letter in words if letter.isprintable()) or "it does not say which"
