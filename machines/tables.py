"""TOML files of machines: read from any folder, their tables made into values, wrong keys named."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, TypeVar

from lattice import FileError, InputError
from lattice.errors import did_you_mean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Value = TypeVar("Value", bound=DataclassInstance)


def read_toml(folder: Traversable, name: str) -> dict[str, Any]:
    """Content of ``<name>.toml`` in a folder; FileError where it is missing or no TOML."""
    file = folder.joinpath(f"{name}.toml")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, too many digits or brackets
        raise FileError(f"{file}: is no TOML: {error}") from None


def record(kind: type[Value], table: Mapping[str, Any], where: str) -> Value:
    """A table as a value of a dataclass whose fields are its keys.

    InputError names an unknown key (and the nearest there is) or a missing one, and ``where``.
    """
    known = {field.name: field for field in fields(kind)}
    for key in table:
        if key not in known:
            raise InputError(f"{where}: unknown key '{key}'{did_you_mean(key, known) or '.'} Known: {', '.join(known)}")
    check_keys(table, [name for name, field in known.items() if _needed(field)], where)
    return kind(**table)


def check_keys(table: Mapping[str, Any], needed: Iterable[str], where: str) -> None:
    """InputError naming the keys that a table lacks, and ``where``."""
    missing = [name for name in needed if name not in table]
    if missing:
        raise InputError(f"{where}: missing {', '.join(missing)}")


def _needed(field: Field[Any]) -> bool:
    return field.init and field.default is MISSING and field.default_factory is MISSING
