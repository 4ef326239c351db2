"""Writing TOML: the standard library reads it only. Tables, lists, text, numbers and booleans, nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(content: Mapping[str, Any]) -> str:
    """TOML text that ``tomllib.loads`` reads back as the same values; TypeError for what TOML cannot hold."""
    return "\n".join(_table(content, ())).strip() + "\n"


def value_text(value: Any) -> str:
    """A value in one line, a table as ``{ a = 1 }``; TypeError for what TOML cannot hold.

    >>> value_text({"lower": 0.5, "names": ["a", "b"]})
    '{ lower = 0.5, names = ["a", "b"] }'
    """
    if _is_table(value):
        inside = ", ".join(f"{_key(key)} = {value_text(part)}" for key, part in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(value_text, value))}]"
    return _value(value)


def _table(content: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    tables = {key: value for key, value in content.items() if _is_table(value) or _is_table_list(value)}
    yield from (f"{_key(key)} = {_value(value)}" for key, value in content.items() if key not in tables)
    for key, value in tables.items():
        inner = (*path, key)
        header = ".".join(map(_key, inner))
        for table in value if _is_table_list(value) else (value,):
            yield f"\n[[{header}]]" if _is_table_list(value) else f"\n[{header}]"
            yield from _table(table, inner)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_table_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(part, Mapping) for part in value)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_value, value))}]"
    raise TypeError(f"TOML cannot hold {value!r}")


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
