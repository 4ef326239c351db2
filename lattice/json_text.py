"""JSON from strangers: bounded, every key once, and an error of ours for everything that is no JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lattice.errors import FileError


def parse_json(content: bytes, path: str | Path, what: str, *, nan: bool = False) -> Any:
    """The value of a JSON text in UTF-8; ``what`` was expected in it, as messages say.

    ``nan`` lets NaN and Infinity in, which some programs write. Raises FileError with the line for what is no JSON, for
    nesting that is too deep and for a key that stands twice in one object.
    """
    constant = float if nan else _no_number
    try:
        return json.loads(
            content.decode("utf-8-sig"), parse_constant=constant, parse_int=_integer, object_pairs_hook=_each_once
        )
    except UnicodeDecodeError:
        raise FileError(f"{path}: this is no text in UTF-8, {what} was expected") from None
    except json.JSONDecodeError as error:
        raise FileError(f"{path}:{error.lineno}: no valid JSON here: {error.msg}") from None
    except RecursionError:
        raise FileError(f"{path}: brackets are nested too deep, {what} was expected") from None
    except ValueError as error:
        raise FileError(f"{path}: this is not {what}: {error}") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of two values under one key the first would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:60]!r} stands twice in one object")
    return found


def _integer(text: str) -> int | float:
    """Whole numbers beyond 64 bits become floats, so that they end as "not finite" and not as an overflow."""
    return int(text) if len(text) < 19 else float(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number that a file may hold here")
