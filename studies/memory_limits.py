"""Want of memory, told from errors of the program. Imports nothing heavy: it may be asked when little is left."""

from __future__ import annotations

import errno
from collections.abc import Iterator

#: What loaders of libraries say when no memory can be mapped.
_LOADERS = ("failed to map segment", "cannot allocate memory", "cannot map zero-fill", "could not find/load shared")
_NEEDED = 1.4e9  # bytes of address space, measured: an optics study, Xsuite and the report included, runs in 1.38e9
_HOPELESS = 1.3e9  # and none in less than this: libraries of C++ then end the process without a word from us
_HOPELESS_TO_READ = 0.6e9  # a report rendered or a file converted; at half of it Python itself crawls


def is_want_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that it came of, says that memory could not be had."""
    return any(_says_so(one) for one in _chain(error))


def _says_so(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    limited = address_space() is not None or not isinstance(error, OSError)
    return isinstance(error, (OSError, ImportError)) and limited and any(one in str(error).lower() for one in _LOADERS)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        yield following
        seen.add(id(following))
        following = following.__cause__ or following.__context__


def is_hopeless(computes: bool) -> bool:
    """Whether no command can run within the limit of this process, one that ``computes`` or only reads and writes."""
    limit = address_space()
    return limit is not None and limit < (_HOPELESS if computes else _HOPELESS_TO_READ)


def address_space() -> int | None:
    """The limit of this process's address space in bytes (``ulimit -v``); None without one."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def told() -> str:
    """What a person can do about it."""
    limit = address_space()
    here = f"this process may use {limit / 1e9:.2g} GB (ulimit -v); " if limit is not None else ""
    return (
        f"there is not enough memory: {here}a study needs some {_NEEDED / 1e9:g} GB of address space, with spills, "
        f"large scans and each of --jobs more. Raise the limit, close other programs, or ask for less (fewer --jobs, a "
        f"coarser grid, fewer particles)"
    )
