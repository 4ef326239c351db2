"""A study file as text, every key that it may hold explained: what is said, and as comments what is not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studies.beginning.values import allowed, example
from studies.spec.json_schema import Schema
from studies.spec.toml_text import value_text

WIDTH = 120
_COLUMN = 44  # where comments begin


@dataclass(frozen=True)
class Begun:
    """A study to begin from.

    ``content``: what it says; ``assumed``: dotted keys of it whose values nobody stated; ``shown``: values that keys
    which are not set show in their comments instead of a default.
    """

    content: Mapping[str, Any]
    assumed: tuple[str, ...] = ()
    shown: Mapping[str, Any] = field(default_factory=dict)


def study_text(schema: Schema, begun: Begun, head: Iterable[str]) -> str:
    """The file of a study whose kind has this schema; reading it gives ``begun.content`` and nothing else."""
    lines = [*(f"# {line}".rstrip() for line in head), "", *_Writer(schema, begun).lines()]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Place:
    """A table: its schema, its path, what it says (None: it is not there), and what its keys show."""

    schema: Schema
    path: tuple[str, ...]
    said: Mapping[str, Any] | None
    shown: Mapping[str, Any]


@dataclass(frozen=True)
class _Writer:
    schema: Schema
    begun: Begun

    def lines(self) -> Iterator[str]:
        yield from self._table(_Place(self.schema, (), self.begun.content, self.begun.shown))

    def _table(self, place: _Place) -> Iterator[str]:
        """Its values, then its tables, as TOML wants them."""
        properties = place.schema["properties"]
        for key, schema in properties.items():
            if self._inner(schema) is None:
                yield from self._value(place, key, schema)
        for key, schema in properties.items():
            if self._inner(schema) is not None:
                yield from self._inner_tables(place, key, schema)

    def _inner(self, schema: Schema) -> Schema | None:
        """The table that a key holds, or holds many of; None for a value."""
        named = schema.get("$ref") or (schema.get("items") or {}).get("$ref")
        return self.schema["$defs"][named.rpartition("/")[2]] if named else None

    def _value(self, place: _Place, key: str, schema: Schema) -> Iterator[str]:
        said = place.said is not None and key in place.said
        value = place.said[key] if said and place.said else place.shown.get(key, example(schema))
        written = f"{'' if said else '#'}{key} = {value_text(value)}"
        yield from _commented(written, self._comment(place, key, schema, said))

    def _comment(self, place: _Place, key: str, schema: Schema, said: bool) -> str:
        dotted = (*place.path, key)
        text = schema.get("description", "")
        parts = [text if text.endswith("...") else text.removesuffix("."), allowed(schema)]
        if said and any(".".join(dotted[:n]) in self.begun.assumed for n in range(1, len(dotted) + 1)):
            parts.append("assumed")
        elif not said and "default" not in schema:
            parts.append("needed" if key in place.schema.get("required", ()) else "not set")
        return "; ".join(filter(None, parts))

    def _inner_tables(self, place: _Place, key: str, schema: Schema) -> Iterator[str]:
        inner, many = self._inner(schema), schema.get("type") == "array"
        assert inner is not None
        said, path = (place.said or {}).get(key), (*place.path, key)
        entries: Sequence[Any] = (said if many else [said]) if said else [None]
        shown = place.shown.get(key, {})
        yield ""
        yield from _wrapped(self._comment(place, key, schema, bool(said)).removesuffix("; not set"))
        for number, entry in enumerate(entries):
            header = f"[[{'.'.join(path)}]]" if many else f"[{'.'.join(path)}]"
            yield from [""] if number else []
            yield header if entry is not None else f"#{header}"
            if number == 0:
                yield from self._table(_Place(inner, path, entry, shown))
            else:  # the keys were explained with the first
                yield from (f"{name} = {value_text(value)}" for name, value in entry.items())


def _commented(written: str, comment: str) -> Iterator[str]:
    line = f"{written:<{_COLUMN}}  # {comment}"
    if len(line) <= WIDTH:
        yield line
    else:
        yield from _wrapped(comment)
        yield written


def _wrapped(comment: str) -> Iterator[str]:
    yield from textwrap.wrap(comment, WIDTH, initial_indent="# ", subsequent_indent="#   ")
