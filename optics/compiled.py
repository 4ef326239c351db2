"""The decorators for compiled functions: numba, cached in the user's cache folder, never in the source tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import types

from optics.caching import cache_folder, user_caches

Function = TypeVar("Function", bound=Callable[..., Any])

_settings: Any = numba.config
if not _settings.CACHE_DIR:
    _settings.CACHE_DIR = str(cache_folder(Path(__file__).parents[1], user_caches() / "hadron-optics" / "numba"))


def _njit(function: Any, **options: Any) -> Any:
    """Numba's decorator with what all compiled functions have in common; none is called from C."""
    common: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
    return _of_types(numba.njit(**common, **options)(function))


def _of_types(function: Any) -> Any:
    """One code for all numbers: one that is written out in a call would have its own, with all that it calls."""
    template, plain = function.get_call_template, cast(Any, types).unliteral
    function.get_call_template = lambda args, kws: template(tuple(plain(one) for one in args), kws)
    return function


def compiled(function: Function) -> Function:
    """Compile on first call for each argument type; division by zero gives inf or nan as in numpy."""
    return cast(Function, _njit(function))


def inner(function: Function) -> Function:
    """As ``compiled``, for what only compiled functions call: the way in from Python is not compiled with it."""
    return cast(Function, _njit(function, no_cpython_wrapper=True))


def part(function: Function) -> Function:
    """As ``inner``, written out where it is called: of much compiled code, each layer around it costs seconds."""
    return cast(Function, _njit(function, no_cpython_wrapper=True, inline="always"))


def contracted(function: Function) -> Function:
    """As ``compiled``; a product and a sum may be one operation, which rounds once, where the processor has it."""
    made: Any = numba.njit(cache=True, error_model="numpy", nogil=True, fastmath={"contract"})
    return cast(Function, _of_types(made(function)))


def inlined(function: Function) -> Function:
    """As ``compiled``, and always merged into its caller, so that a loop over it can become vector instructions."""
    return cast(Function, _njit(function, forceinline=True))


def merged(function: Function) -> Function:
    """As ``inlined``, and a product and a sum may be one operation, as in ``contracted``."""
    return cast(Function, _njit(function, forceinline=True, fastmath={"contract"}))
