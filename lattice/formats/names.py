"""Names of other codes in ours: characters that ours cannot have are exchanged, and two names stay two."""

from __future__ import annotations

import re
from collections.abc import Callable

from lattice.expressions.functions import CONSTANTS

_ELEMENT = re.compile(r"[\s,;:=(){}\"'\x00-\x1f\x7f-\x9f]+")
_PARAMETER = re.compile(r"[^a-z0-9_.$@#]+")


def element_name(name: str) -> str:
    """A name as elements may bear it."""
    text = "".join(letter if letter.isprintable() else "_" for letter in name.lower())
    return _ELEMENT.sub("_", text) or "_"


def parameter_name(name: str) -> str:
    """A name as parameters may bear it; a constant of our expressions gets an underscore."""
    text = _PARAMETER.sub("_", name.lower())
    text = text if re.match("[a-z_]", text) else f"x{text}"
    return f"{text}_" if text in CONSTANTS.keys() - {"e"} else text


class Names:
    """Our names of one sort of things, each once; ``legal`` makes a name that we can have."""

    def __init__(self, legal: Callable[[str], str]) -> None:
        self._legal = legal
        self._ours: dict[str, str] = {}
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def of(self, name: str) -> str:
        """Our name of what the file calls ``name``."""
        if name not in self._ours:
            self._ours[name] = self._free(self._legal(name))
            self._taken.add(self._ours[name])
        return self._ours[name]

    def _free(self, name: str) -> str:
        found, number = name, self._numbers.get(name, 1)
        while found in self._taken:
            number += 1
            found = f"{name}_{number}"
        self._numbers[name] = number
        return found

    def changed(self) -> dict[str, str]:
        """Those that are called otherwise here, case apart."""
        return {name: ours for name, ours in self._ours.items() if name.lower() != ours}
