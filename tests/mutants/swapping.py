"""A change put into a running Python: the code of live functions is exchanged, so nothing is imported again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import CodeType, FunctionType


def swap(file: str, before: str, after: str, functions: list[str]) -> int:
    """Give functions of a module (an outer one before those in it) the code of a changed source; how many there were.

    ValueError when the change takes a variable of an outer function away.
    """
    old, new = (_codes(compile(source, file, "exec", dont_inherit=True)) for source in (before, after))
    found = 0
    for one in [one for one in gc.get_objects() if type(one) is FunctionType]:
        code = one.__code__
        if code.co_qualname in functions and code.co_filename == file:
            place = [was.co_firstlineno for was in old[code.co_qualname]].index(code.co_firstlineno)
            one.__code__ = _fitting(new[code.co_qualname][place], code)
            found += 1
    return found


def _fitting(new: CodeType, old: CodeType) -> CodeType:
    if new.co_freevars != old.co_freevars:
        raise ValueError(f"{old.co_qualname}: other variables of outer functions")
    return new


def _codes(module: CodeType) -> dict[str, list[CodeType]]:
    """Every code object of a module by its dotted name, in the order of the source."""
    found: dict[str, list[CodeType]] = {}
    for code in _inside(module):
        found.setdefault(code.co_qualname, []).append(code)
    return found


def _inside(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _inside(one)
