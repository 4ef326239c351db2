"""Content of files checked against a model: errors name file, key, what was found and what was expected."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lattice.errors import FileError, InputError, did_you_mean
from lattice.files import read_bytes
from studies.spec.changes import Key
from studies.spec.toml_text import value_text

Model = TypeVar("Model", bound=BaseModel)


@contextmanager
def told_in(file: Path | None, key: str = "") -> Iterator[None]:
    """What is wrong with a key is told with the study file, where there is one."""
    try:
        yield
    except InputError as error:
        if file is None:
            raise
        raise type(error)(f"{file.name}: {key}{': ' if key else ''}{error}") from None


class Findings:
    """What is wrong with a file, gathered and told together."""

    def __init__(self) -> None:
        self._found: list[InputError] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """An InputError inside is kept until ``tell``."""
        try:
            yield
        except InputError as error:
            self._found.append(error)

    def tell(self) -> None:
        """InputError with a line for each that was gathered, once; the error itself where it is one."""
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise InputError("\n".join(dict.fromkeys(map(str, self._found))))


def read_text(path: Path, what: str = "file") -> str:
    """Text of a file (a byte order mark aside); FileError says why it cannot be read."""
    try:
        return read_bytes(path, what).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{path}: not a text file (UTF-8 was expected)") from None


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Content of a TOML text; InputError with line and column."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: not valid TOML: {error}") from None
    except (RecursionError, ValueError) as error:  # brackets within brackets, numbers of thousands of digits
        raise InputError(
            f"{where}: this TOML is nested too deep or holds a number that is too long ({error})"
        ) from None


def checked(
    model: type[Model], content: Mapping[str, Any], where: str, changed: Mapping[Key, str] = MappingProxyType({})
) -> Model:
    """``content`` as a ``model``; one InputError lists everything that is wrong with it.

    ``changed``: keys that ``--set`` changed, with its text, which messages name instead of ``where``.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_explain(model, detail, content, where, changed) for detail in _causes(error.errors())]
        raise InputError("\n".join(dict.fromkeys(lines))) from None


def _causes(details: Sequence[Any]) -> list[Any]:
    """The errors without those that only follow from another one deeper in the same table."""
    places = [detail["loc"] for detail in details]
    return [d for d in details if not any(len(o) > len(d["loc"]) and o[: len(d["loc"])] == d["loc"] for o in places)]


_EXPECTED = {
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def _explain(
    kind: type[BaseModel], detail: Any, content: Mapping[str, Any], where: str, changed: Mapping[Key, str]
) -> str:
    key: Key = tuple(part for part in detail["loc"] if part != "[key]")
    place = next((f"--set {text}" for set_key, text in changed.items() if _related(key, set_key)), where)
    name = ".".join(str(part) for part in key) + _called(content, key)
    hint = _whole_list(key, detail) if place.startswith("--set ") else ""
    return f"{place}: {name + ': ' if name else ''}{_reason(kind, key, detail)}{hint}"


def _whole_list(key: Key, detail: Any) -> str:
    """How --set gives a list that the study does not have, where its entries were set by their numbers."""
    given = detail["input"]
    numbered = detail["type"] == "tuple_type" and isinstance(given, dict) and all(map(str.isdecimal, given))
    if not numbered or not given:
        return ""
    try:
        entries = value_text([given[number] for number in sorted(given, key=int)])
    except TypeError:  # a date
        return ""
    return f"; the study has no such list, give it whole: --set '{'.'.join(map(str, key))}={entries}'"


def _called(content: Any, key: Key) -> str:
    """The id or name that an entry of a list has, in brackets: places in lists are hard to count."""
    for part in key:
        inside = isinstance(content, Mapping) and part in content
        if not inside and not (isinstance(content, list) and isinstance(part, int) and part < len(content)):
            return ""
        content = content[part]
        named = content.get("id", content.get("name")) if isinstance(content, Mapping) else None
        if isinstance(part, int) and isinstance(named, str):
            return f" ('{named}')"
    return ""


def _related(key: Key, set_key: Key) -> bool:
    shared = min(len(key), len(set_key))
    return shared > 0 and key[:shared] == set_key[:shared]


def _reason(kind: type[BaseModel], key: Key, detail: Any) -> str:
    problem, context = detail["type"], detail.get("ctx", {})
    if problem == "extra_forbidden":
        allowed = list(_model_at(kind, key[:-1]).model_fields)
        hint = did_you_mean(str(key[-1]), allowed) or "."
        return f"unknown key{hint} Allowed here: {', '.join(allowed)}"
    if problem == "missing":
        return "missing, and the study needs it"
    if problem == "value_error":
        return str(context["error"])
    found = f"found {detail['input']!r}"
    if problem == "too_short":
        return f"{found}, expected at least {context['min_length']}"
    if problem in _EXPECTED:
        return f"{found}, expected {_EXPECTED[problem]}"
    if problem == "literal_error":
        return f"{found}, expected {context['expected']}"
    return f"{found}; {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _model_at(kind: type[BaseModel], key: Key) -> type[BaseModel]:
    model = kind
    for part in key:
        if isinstance(part, str) and part in model.model_fields:
            model = _inner_model(model.model_fields[part].annotation) or model
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inner_model(part))), None)


def merged_tables(content: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a file with a ``change`` in it: tables key by key, all else replaced.

    >>> merged_tables({"beam": {"a": 1, "b": 2}, "list": [1]}, {"beam": {"b": 3}, "list": [4]})
    {'beam': {'a': 1, 'b': 3}, 'list': [4]}
    """
    found = dict(content)
    for key, value in change.items():
        known = found.get(key)
        both = isinstance(value, Mapping) and isinstance(known, Mapping)
        found[key] = merged_tables(known, value) if both else value  # type: ignore[arg-type]
    return found
