"""The part of JSON Schema 2020-12 that our own schemas are written in: what is wrong with a value, place by place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
_TOLD = {"$schema", "$defs", "title", "description", "default", "discriminator"}
_BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, bound: value >= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
    "minLength": lambda value, bound: len(value) >= bound,
    "minItems": lambda value, bound: len(value) >= bound,
    "maxItems": lambda value, bound: len(value) <= bound,
    "pattern": lambda value, bound: re.search(bound, value) is not None,
    "const": lambda value, bound: value == bound,
    "enum": lambda value, bound: value in bound,
}


def wrong(value: Any, schema: dict[str, Any], whole: dict[str, Any] | None = None, at: str = "") -> Iterator[str]:
    """What a schema refuses of a value. KeyError for a word of JSON Schema that is not known here."""
    whole = whole or schema
    if "type" in schema and not _is(value, schema["type"]):
        yield f"{at}: no {schema['type']}"
        return
    for word, part in schema.items():
        if word not in _TOLD | {"type"}:
            yield from _refused(word, part, value, schema, whole, at)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))  # type: ignore[arg-type]


def _refused(word: str, part: Any, value: Any, schema: dict[str, Any], whole: dict[str, Any], at: str) -> Iterator[str]:
    if word == "$ref":
        yield from wrong(value, whole["$defs"][part.rpartition("/")[2]], whole, at)
    elif word in ("anyOf", "oneOf"):
        if all(any(True for _ in wrong(value, one, whole, at)) for one in part):
            yield f"{at}: none of {len(part)}"
    elif word == "required":
        yield from (f"{at}: lacks {key}" for key in part if key not in value)
    elif word == "properties":
        for key in part.keys() & value.keys():
            yield from wrong(value[key], part[key], whole, f"{at}.{key}")
    elif word == "propertyNames":
        for key in value:
            yield from wrong(key, part, whole, f"{at}.{key}")
    elif word == "patternProperties":
        for key, (_, its) in ((key, pair) for key in value for pair in part.items() if re.search(pair[0], key)):
            yield from wrong(value[key], its, whole, f"{at}.{key}")
    elif word == "additionalProperties":
        for key in (one for one in value if not _named(one, schema)):
            yield from _of_others(value[key], part, whole, f"{at}.{key}")
    elif word in ("items", "prefixItems"):
        for number, one in enumerate(value):
            its = part if word == "items" else part[number] if number < len(part) else {}
            yield from wrong(one, its, whole, f"{at}.{number}")
    elif not _BOUNDS[word](value, part):
        yield f"{at}: {value!r} against {word} {part!r}"


def _named(key: str, schema: dict[str, Any]) -> bool:
    patterns = schema.get("patternProperties", ())
    return key in schema.get("properties", ()) or any(re.search(pattern, key) for pattern in patterns)


def _of_others(value: Any, part: Any, whole: dict[str, Any], at: str) -> Iterator[str]:
    if part is False:
        yield f"{at}: unknown key"
    elif part is not True:
        yield from wrong(value, part, whole, at)
