"""What may stand behind a key, in words, and a value to show where there is none."""

from __future__ import annotations

import re
from typing import Any

from studies.spec.json_schema import Schema

_WORD, _TEXT = "name", "..."
_ORDER = "4"  # of a multipole


def allowed(schema: Schema) -> str:
    """The words or the range of numbers that a key takes: ``> 0``, ``1 to 1000``, ``"up" or "down"``; "" for any."""
    if "enum" in schema:
        *others, last = [f'"{one}"' for one in schema["enum"]]
        return f"{', '.join(others)} or {last}" if others else last
    inside = schema.get("items") or _of_names(schema)
    if isinstance(inside, dict):
        return allowed(inside)
    found = dict.fromkeys(filter(None, map(allowed, schema.get("anyOf", ()))))
    return " or ".join(found) if found else _range(schema)


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    signs = {">=": low, ">": schema.get("exclusiveMinimum"), "<=": high, "<": schema.get("exclusiveMaximum")}
    return ", ".join(f"{sign} {bound:g}" for sign, bound in signs.items() if bound is not None)


def _of_names(schema: Schema) -> Any:
    """What stands behind the names of a table that names its keys freely."""
    patterns = schema.get("patternProperties")
    return next(iter(patterns.values())) if patterns else schema.get("additionalProperties")


def example(schema: Schema) -> Any:
    """A value that the schema takes: its default, else one that shows the kind."""
    if "default" in schema:
        return schema["default"]
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [""])[0])
    if "anyOf" in schema:
        return example(schema["anyOf"][0])
    return _EXAMPLES[schema["type"]](schema)


def _number(schema: Schema) -> float:
    candidates = (0.0, 1.0, 0.5, schema.get("minimum", 0.0), schema.get("maximum", 0.0))
    return next(float(one) for one in candidates if _within(float(one), schema))


def _within(value: float, schema: Schema) -> bool:
    return (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and not value <= schema.get("exclusiveMinimum", value - 1)
        and not value >= schema.get("exclusiveMaximum", value + 1)
    )


def _list(schema: Schema) -> list[Any]:
    parts = schema.get("prefixItems") or [schema.get("items", {"type": "string"})] * max(1, schema.get("minItems", 1))
    return [example(part) for part in parts]


def _named(schema: Schema) -> dict[str, Any]:
    inside = _of_names(schema)
    if not isinstance(inside, dict):
        return {}
    pattern = next(iter(schema.get("patternProperties", {"": None})))
    return {_WORD if re.search(pattern, _WORD) else _ORDER: example(inside)}


_EXAMPLES = {
    "string": lambda schema: _WORD if "pattern" in schema else _TEXT,
    "boolean": lambda schema: False,
    "integer": lambda schema: schema.get("minimum", 1),
    "number": _number,
    "array": _list,
    "object": _named,
}
