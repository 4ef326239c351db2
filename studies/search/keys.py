"""Studies with numbers at dotted keys set: what a search moves of a study that has no lattice's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from lattice import InputError
from studies.spec.checking import checked
from studies.spec.schema import StudySpec

Spec = TypeVar("Spec", bound=StudySpec)


def with_keys(study: Spec, values: Mapping[str, float]) -> Spec:
    """The study with numbers at dotted keys (``section.ccl.tanks``; lists count from 0), checked as if read so.

    A table that is not there is made; what the study leaves to its machine stays so. InputError for a place that no
    list has.
    """
    content: Any = study.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    for key, value in values.items():
        content = _set(content, key.split("."), value, key)
    return checked(type(study), content, "search.vary")


def _set(content: Any, parts: list[str], value: float, key: str) -> Any:
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(content, list):
        if not first.isdecimal() or int(first) >= len(content):
            raise InputError(f"search.vary: '{key}': '{first}' is no place in a list of {len(content)} (from 0)")
        return [_set(one, rest, value, key) if i == int(first) else one for i, one in enumerate(content)]
    known = content if isinstance(content, dict) else {}
    return {**known, first: _set(known.get(first), rest, value, key)}


def value_at(content: Mapping[str, Any], key: str) -> float | None:
    """The number at a dotted key; entries of a list by number or by their ``name``. None where there is none."""
    here: Any = content
    for part in key.split("."):
        here = _entered(here, part)
    return float(here) if isinstance(here, (int, float)) and not isinstance(here, bool) else None


def _entered(content: Any, part: str) -> Any:
    if isinstance(content, Mapping):
        return content.get(part)
    if isinstance(content, (list, tuple)):
        if part.isdecimal():
            return content[int(part)] if int(part) < len(content) else None
        return next((one for one in content if isinstance(one, Mapping) and one.get("name") == part), None)
    return None


def nearest_key(content: Mapping[str, Any], key: str) -> str:
    """``; did you mean '...'`` among the keys of the table that a dotted key stops in."""
    parts, here = key.split("."), content
    for number, part in enumerate(parts):
        inside: Any = _entered(here, part)
        if inside is None:
            names = [str(name) for name in here] if isinstance(here, Mapping) else []
            near = get_close_matches(part, names, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            return f": nothing is called '{part}'{f' in {chr(46).join(parts[:number])}' if number else ''}{hint}"
        here = inside
    return ""
