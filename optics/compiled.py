"""The one decorator for compiled functions: numba, cached in the user's cache folder, never in the source tree."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def _user_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))


def _newest_source() -> str:
    """Numba looks only at the file of the cached function; a change in one that it calls must count too."""
    return str(max(path.stat().st_mtime_ns for path in Path(__file__).parent.rglob("*.py")))


_settings: Any = numba.config
if not _settings.CACHE_DIR:
    _settings.CACHE_DIR = str(_user_cache() / "hadron-optics" / "numba" / _newest_source())


def compiled(function: Function) -> Function:
    """Compile on first call for each argument type; division by zero gives inf or nan as in numpy."""
    return cast(Function, numba.njit(cache=True, error_model="numpy", nogil=True)(function))


def inlined(function: Function) -> Function:
    """As ``compiled``, and always merged into its caller, so that a loop over it can become vector instructions."""
    return cast(Function, numba.njit(cache=True, error_model="numpy", nogil=True, forceinline=True)(function))
