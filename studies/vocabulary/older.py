"""Keys and quantities of study files by the names that they had: read under those of today, and told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lattice.errors import InputError
from lattice.names import OLDER as OLDER_QUANTITIES

#: Of each kind of study the tables whose keys had other names.
OLDER_KEYS: Mapping[str, Mapping[tuple[str, ...], Mapping[str, str]]] = {
    "delivery": {("source",): {"rms_momentum_spread": "momentum_spread_rms"}},
    "extraction": {("spill", "knockout"): {"element": "at"}},
    "linac-energy-switching": {("energies",): {"lowest_MeV": "lower_MeV", "highest_MeV": "upper_MeV"}},
    "switching-comparison": {
        ("cyclotron",): {"lowest_MeV_per_u": "lower_MeV_per_u", "highest_MeV_per_u": "upper_MeV_per_u"}
    },
}


def rename(content: dict[str, Any], where: str = "") -> list[str]:
    """Give keys and quantities of a study, in place, the names of today; a message for each that had another.

    Raises:
        InputError: a table has a key under both names.
    """
    return [*keys_renamed(content, where), *_quantities(content, where, "")]


def keys_renamed(content: dict[str, Any], where: str) -> Iterator[str]:
    """The same of keys alone, a message each; a study that was run is read so."""
    for path, names in OLDER_KEYS.get(str(content.get("study")), {}).items():
        table: Any = content
        for part in path:
            table = table.get(part) if isinstance(table, dict) else None
        for old in [old for old in names if isinstance(table, dict) and old in table]:
            key, new = ".".join((*path, old)), names[old]
            if new in table:
                raise InputError(f"{where}: {key}: {old} and {new} are one key: leave {old} out")
            table[new] = table.pop(old)
            yield f"{where}: {key} is called {new} today, and read as that: write {new}"


def _quantities(value: Any, where: str, key: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _quantities(one, where, f"{key}.{number}")
    elif isinstance(value, dict):
        for name, one in value.items():
            inside = f"{key}.{name}" if key else str(name)
            if name == "quantity" and isinstance(one, str) and one.lower() in OLDER_QUANTITIES:
                value[name] = OLDER_QUANTITIES[one.lower()]
                yield f"{where}: {inside}: '{one}' is called '{value[name]}' today, and read as that: write that"
            yield from _quantities(one, where, inside)
