"""Changes of a study from the command line: ``--set dotted.key=value``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from lattice.errors import InputError

Key = tuple[str | int, ...]


def apply_changes(content: Mapping[str, Any], changes: Sequence[str]) -> tuple[dict[str, Any], dict[Key, str]]:
    """New content with each ``dotted.key=value`` set, and the keys that were set with their text."""
    merged: Any = _copied(content)
    changed: dict[Key, str] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or not name.strip():
            raise InputError(f"--set {change}: expected KEY=VALUE, for example --set kinetic_energy_MeV_per_u=100")
        key = _parsed_key(name.strip())
        _set(merged, key, toml_value(text.strip()), change)
        changed[key] = change
    return merged, changed


def toml_value(text: str) -> Any:
    """A value as TOML writes it; a bare word is text."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except (RecursionError, ValueError):  # brackets within brackets, numbers of thousands of digits
        raise InputError(f"--set: '{text[:40]}...' is nested too deep, or a number that is too long") from None
    return parsed["value"] if len(parsed) == 1 else text


def _parsed_key(name: str) -> Key:
    if name.startswith("parameters."):  # names of parameters may hold dots
        return ("parameters", name.removeprefix("parameters."))
    return tuple(int(part) if part.isdecimal() else part for part in name.split("."))


def _set(content: Any, key: Key, value: Any, change: str) -> None:
    for part in key[:-1]:
        content = _entered(content, part, change)
    last = key[-1]
    if isinstance(content, list):
        _entered(content, last, change)
    elif not isinstance(content, dict):
        raise InputError(f"--set {change}: '{last}' cannot be set inside the value {content!r}")
    content[last] = value


def _entered(content: Any, part: str | int, change: str) -> Any:
    if isinstance(content, dict):
        return content.setdefault(str(part), {})
    if isinstance(content, list):
        if isinstance(part, int) and part < len(content):
            return content[part]
        raise InputError(f"--set {change}: '{part}' is no place in a list of {len(content)} (they count from 0)")
    raise InputError(f"--set {change}: '{part}' cannot be set inside the value {content!r}")


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(part) for key, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, (list, tuple)) else value
