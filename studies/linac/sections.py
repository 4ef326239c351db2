"""Sections of a linac's table with a study's changes: keys, gradients, gradients along a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lattice import InputError
from lattice.errors import did_you_mean

Sections = Sequence[Mapping[str, Any]]


def with_gradients(sections: Sections, gradients: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Sections with other gradients; InputError for an unknown section or another number of them."""
    names = [section["name"] for section in sections]
    _check_known("gradients", sections, gradients)
    for name, values in gradients.items():
        wanted = len(sections[names.index(name)]["gradients_T_per_m"])
        if len(values) != wanted:
            raise InputError(f"gradients: section '{name}' has {wanted} quadrupoles, found {len(values)} gradients")
    changed = {name: list(values) for name, values in gradients.items()}
    return [{**one, "gradients_T_per_m": changed.get(one["name"], one["gradients_T_per_m"])} for one in sections]


def with_sections(
    sections: Sections, keys: Mapping[str, Mapping[str, Any]], lines: Mapping[str, Sequence[float]]
) -> list[dict[str, Any]]:
    """Sections with other ``keys``, by section, and gradients along ``lines`` [T/m], by section.

    Tables within a section (``supply``) keep the keys that are not named. InputError for an unknown section.
    """
    _check_known("section", sections, keys)
    _check_known("gradient_lines", sections, lines)
    changed = [_with_keys(one, keys.get(one["name"], {})) for one in sections]
    return [_on_line(one, lines[one["name"]]) if one["name"] in lines else one for one in changed]


def _check_known(key: str, sections: Sections, asked: Iterable[str]) -> None:
    names = [section["name"] for section in sections]
    for name in asked:
        if name not in names:
            raise InputError(f"{key}: there is no section '{name}'{did_you_mean(name, names)}")


def _with_keys(section: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    own = dict(section)
    for key, value in keys.items():
        own[key] = {**own[key], **value} if isinstance(value, Mapping) and isinstance(own.get(key), Mapping) else value
    return own


def _on_line(section: Mapping[str, Any], line: Sequence[float]) -> dict[str, Any]:
    """Gradients whose sizes follow the line from the first quadrupole to the last; the first keeps its sign."""
    before = section["gradients_T_per_m"]
    count = int(section["tanks"]) if section["kind"] == "tanks" else len(before)
    sizes = np.interp(np.linspace(0.0, 1.0, count), np.linspace(0.0, 1.0, len(line)), line)
    first = -1.0 if before[0] < 0 else 1.0
    return {**section, "gradients_T_per_m": [float(first * (-1) ** i * size) for i, size in enumerate(sizes)]}
