"""JSON Schema of study files, made of the tables that read them; a key's text is the docstring below it."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from studies.registry import spec_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LEFT_OUT = ("title", "default")  # a title repeats the key; a default of null is none that TOML can write

Schema = dict[str, Any]


def json_schema(word: str) -> Schema:
    """What a study file of this kind (a word of ``registry.ROOMS``) may say, as JSON Schema 2020-12.

    It accepts every file that is a study, but for keys as older files call them; what keys must be to each other (lower
    below upper, a name that the lattice has) only reading it tells.
    """
    made = spec_of(word).model_json_schema(schema_generator=_Described)
    return {"$schema": DIALECT, "title": f"study = {word}", **_plain(made)}


class _Described(GenerateJsonSchema):
    """As pydantic makes them, with the text of every key."""

    def model_schema(self, schema: Any) -> Schema:
        """The schema of one table."""
        found = super().model_schema(schema)
        for key, text in texts_of(schema["cls"]).items():
            if key in found.get("properties", {}):
                found["properties"][key]["description"] = text
        return found


@cache
def texts_of(table: type[BaseModel]) -> dict[str, str]:
    """The text of each key of a table, its own and those that it has from others: the docstring below the key."""
    found: dict[str, str] = {}
    for kind in reversed(table.__mro__):
        if issubclass(kind, BaseModel) and kind is not BaseModel:
            found |= _texts_in(kind)
    return found


def _texts_in(kind: type[BaseModel]) -> dict[str, str]:
    body = next(
        node.body
        for node in _tree(kind.__module__).body
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    )
    return {_key(node): text for node, below in pairwise(body) if (text := _text(below)) and _key(node)}


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))


def _key(node: ast.stmt) -> str:
    return node.target.id if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else ""


def _text(node: ast.stmt) -> str:
    value = node.value if isinstance(node, ast.Expr) else None
    return inspect.cleandoc(value.value) if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _plain(node: Any) -> Any:
    """A schema without what TOML cannot say (null) and what says nothing."""
    if isinstance(node, list):
        return [_plain(part) for part in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _plain(part) for key, part in node.items() if not _says_nothing(key, part)}
    if "properties" in plain:  # keys may be called title or default
        plain["properties"] = {key: _plain(part) for key, part in node["properties"].items()}
    if "patternProperties" in plain:  # names of another pattern are refused, as the reader does
        plain["additionalProperties"] = False
    return _one_of_them(plain)


def _says_nothing(key: str, part: Any) -> bool:
    return key in _LEFT_OUT and (key == "title" or part in (None, [], {}) or isinstance(part, dict))


def _one_of_them(schema: Schema) -> Schema:
    """``anyOf`` something and null is that something."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if not kinds:
        return schema
    rest = {key: part for key, part in schema.items() if key != "anyOf"}
    return {**kinds[0], **rest} if len(kinds) == 1 else {"anyOf": kinds, **rest}
