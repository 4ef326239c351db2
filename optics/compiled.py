"""The one decorator for compiled functions: numba, cached in the user's cache folder, never in the source tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from optics.caching import cache_folder, user_caches

Function = TypeVar("Function", bound=Callable[..., Any])

_settings: Any = numba.config
if not _settings.CACHE_DIR:
    _settings.CACHE_DIR = str(cache_folder(Path(__file__).parents[1], user_caches() / "hadron-optics" / "numba"))


def compiled(function: Function) -> Function:
    """Compile on first call for each argument type; division by zero gives inf or nan as in numpy."""
    return cast(Function, numba.njit(cache=True, error_model="numpy", nogil=True)(function))


def inlined(function: Function) -> Function:
    """As ``compiled``, and always merged into its caller, so that a loop over it can become vector instructions."""
    return cast(Function, numba.njit(cache=True, error_model="numpy", nogil=True, forceinline=True)(function))
