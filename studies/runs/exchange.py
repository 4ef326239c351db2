"""Two folders that change places in one step, so that at each moment one whole folder has the name."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = _RENAME_SWAP = 2


def exchange(one: Path, other: Path) -> bool:
    """Let two folders change places at once; False where the system or the file system cannot do that.

    Linux' ``renameat2`` with RENAME_EXCHANGE, macOS' ``renamex_np`` with RENAME_SWAP.
    """
    first, second = os.fsencode(one), os.fsencode(other)
    system = ctypes.CDLL(None, use_errno=True)
    if hasattr(system, "renameat2"):
        return bool(system.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _RENAME_EXCHANGE) == 0)
    if hasattr(system, "renamex_np"):
        return bool(system.renamex_np(first, second, _RENAME_SWAP) == 0)
    return False


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
