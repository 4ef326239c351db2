"""Reading a study: TOML text, --set changes, validation, and errors that name file, key, found and expected."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lattice.errors import FileError, InputError, did_you_mean
from lattice.files import read_bytes
from studies.registry import STUDY_KINDS
from studies.spec.schema import AnyStudy

Key = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


def load_study(path: Path, changes: Sequence[str] = (), where: str = "") -> AnyStudy:
    """Study from a TOML file with ``key=value`` changes; InputError for its content, FileError for the file.

    Messages call the file ``where`` (its path when that is empty).
    """
    where = where or str(path)
    return validated(parse_toml(read_text(path, "study file"), where), where, changes)


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


def validated(content: Mapping[str, Any], where: str, changes: Sequence[str] = ()) -> AnyStudy:
    """The study that ``content`` with ``changes`` describes; one InputError lists everything that is wrong."""
    merged, changed = apply_changes(content, changes)
    kind = _kind(merged, where)
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        lines = [_explain(kind, detail, where, changed) for detail in _causes(error.errors())]
        raise InputError("\n".join(dict.fromkeys(lines))) from None


def checked(model: type[Model], content: Mapping[str, Any], where: str) -> Model:
    """``content`` as a ``model``; one InputError lists everything that is wrong with it."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_explain(model, detail, where, {}) for detail in _causes(error.errors())]
        raise InputError("\n".join(dict.fromkeys(lines))) from None


def _causes(details: Sequence[Any]) -> list[Any]:
    """The errors without those that only follow from another one deeper in the same table."""
    places = [detail["loc"] for detail in details]
    return [d for d in details if not any(len(o) > len(d["loc"]) and o[: len(d["loc"])] == d["loc"] for o in places)]


def _kind(content: Mapping[str, Any], where: str) -> type[AnyStudy]:
    name = content.get("study")
    known = ", ".join(f"'{kind}'" for kind in STUDY_KINDS)
    if name is None:
        guess = next((f" (found '{key}')" for key in content if did_you_mean(key, ["study"])), "")
        raise InputError(f"{where}: study: missing{guess}; expected the question asked, one of {known}")
    if not isinstance(name, str) or name not in STUDY_KINDS:
        hint = did_you_mean(name, STUDY_KINDS) if isinstance(name, str) else ""
        raise InputError(f"{where}: study: found {name!r}, expected one of {known}{hint}")
    return STUDY_KINDS[name]


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


def _explain(kind: type[BaseModel], detail: Any, where: str, changed: Mapping[Key, str]) -> str:
    key: Key = tuple(part for part in detail["loc"] if part != "[key]")
    place = next((f"--set {text}" for set_key, text in changed.items() if _related(key, set_key)), where)
    name = ".".join(str(part) for part in key)
    return f"{place}: {name + ': ' if name else ''}{_reason(kind, key, detail)}"


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
