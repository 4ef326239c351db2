"""Reading a study: TOML text, --set changes, and the kind of study that it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lattice.errors import InputError, did_you_mean
from studies.registry import ROOMS, spec_of
from studies.spec.changes import Key, apply_changes
from studies.spec.checking import checked, parse_toml, read_text
from studies.spec.schema import StudySpec
from studies.terminal import LOGGER
from studies.vocabulary.older import rename

_LIMITS = ("lower", "upper", "unit", "quantity", "at")
_CHANGED = "; changed by --set"


def load_study(path: Path, changes: Sequence[str] = (), where: str = "") -> StudySpec:
    """Study from a TOML file with ``key=value`` changes; InputError for its content, FileError for the file.

    Messages call the file ``where`` (its path when that is empty).
    """
    where = where or str(path)
    return validated(parse_toml(read_text(path, "study file"), where), where, changes)


def validated(content: Mapping[str, Any], where: str, changes: Sequence[str] = ()) -> StudySpec:
    """The study that ``content`` with ``changes`` describes; one InputError lists everything that is wrong."""
    merged, changed = apply_changes(content, changes)
    for message in rename(merged, where):
        LOGGER.warning("%s", message)
    for key in changed:
        _tell_changed(merged, key)
    return checked(_kind(merged, where), merged, where, changed)


def _tell_changed(content: Mapping[str, Any], key: Key) -> None:
    """A limit that was changed from outside its file is no longer that of its source: it is assumed, and says so."""
    if len(key) != 3 or key[0] != "requirement" or key[2] not in _LIMITS:
        return
    table = content["requirement"][key[1]]
    table["kind"] = "assumed"
    table.pop("assumed", None)
    if isinstance(source := table.get("source"), str) and not source.endswith(_CHANGED):
        table["source"] = f"{source}{_CHANGED}"


def _kind(content: Mapping[str, Any], where: str) -> type[StudySpec]:
    name = content.get("study")
    known = ", ".join(f"'{kind}'" for kind in ROOMS)
    if name is None:
        guess = next((f" (found '{key}')" for key in content if did_you_mean(key, ["study"])), "")
        raise InputError(f"{where}: study: missing{guess}; expected the question asked, one of {known}")
    if not isinstance(name, str) or name not in ROOMS:
        hint = did_you_mean(name, ROOMS) if isinstance(name, str) else ""
        raise InputError(f"{where}: study: found {name!r}, expected one of {known}{hint}")
    return spec_of(name)
