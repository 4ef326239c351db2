"""What a study file need not say: usual values that nobody stated, which the page of the run names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from studies.spec.schema import StudySpec, as_mapping
from studies.spec.types import Table


def unsaid(study: StudySpec, keys: Iterable[str]) -> tuple[str, ...]:
    """Which of ``keys`` a study file leaves out; of a table that it gives in part the dotted keys that it lacks."""
    found: list[str] = []
    for key in keys:
        value = getattr(study, key)
        if key not in study.model_fields_set or value in ((), {}):
            found.append(key)
        elif isinstance(value, Table):
            found += [f"{key}.{inner}" for inner in _left_out(value)]
    return tuple(found)


def _left_out(table: Table) -> Iterator[str]:
    """Numbers that hold their default: words choose a way, and nothing is no value."""
    for key in type(table).model_fields:
        value = getattr(table, key)
        if key not in table.model_fields_set and isinstance(value, (int, float)) and not isinstance(value, bool):
            yield key


def with_unsaid(study: StudySpec, unsaid_keys: Iterable[str]) -> tuple[str, ...] | None:
    """The ``assumed`` of a study: what its file names and what it leaves out; None for nothing."""
    return tuple(dict.fromkeys((*(study.assumed or ()), *unsaid_keys))) or None


def told(study: StudySpec) -> Iterator[str]:
    """A sentence for each key whose value is assumed: ``Assumed, nobody stated it: rf: harmonic 1, ...``."""
    content = as_mapping(study)
    for name in study.assumed or ():
        value: Any = content
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            yield f"Assumed, nobody stated it: {name}: {_words(value)}."


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(part)}" for key, part in value.items() if part not in ([], {}))
    if isinstance(value, Sequence) and not isinstance(value, str):
        joined = "; " if value and isinstance(value[0], Mapping) else ", "
        return joined.join(_words(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
