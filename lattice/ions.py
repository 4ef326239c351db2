"""Names of ions that keep electrons, as sources and injectors have them: ``C4+``, ``carbon-12 4+``, ``H2+``, ``H-``."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Chemical symbols for the atoms of the table of species; a mass number may stand before: 3He2+.
SYMBOLS = {
    "h": "hydrogen-1",
    "p": "hydrogen-1",
    "d": "deuteron",
    "he": "helium-4",
    "3he": "helium-3",
    "li": "lithium-7",
    "c": "carbon-12",
    "o": "oxygen-16",
    "ne": "neon-20",
    "ar": "argon-40",
    "pb": "lead-208",
}
_MASS_NUMBER = {"1h": "h", "2h": "d", "4he": "he", "7li": "li", "12c": "c", "16o": "o", "20ne": "ne", "40ar": "ar"}
_MOLECULES = {"h2+": 2, "h3+": 3, "d2+": 2}
_NAME = re.compile(r"([a-z]+-\d+|deuteron|\d*[a-z]+)[ _]?(?:(\d*)(\+)|(-))")


@dataclass(frozen=True)
class Ion:
    """``atoms`` of one kind (a name of the table of species, or "hydrogen-1") with a ``charge`` together."""

    atom: str
    charge: int
    atoms: int = 1


def atom_called(symbol: str, mass_number: str) -> str | None:
    """The atom of the table of species with this symbol and this mass number, or the usual one without: c 12.

    >>> atom_called("c", "12"), atom_called("he", "")
    ('carbon-12', 'helium-4')
    """
    own = f"{mass_number}{symbol}"
    return SYMBOLS.get(_MASS_NUMBER.get(own, own))


def ion_called(name: str) -> Ion | None:
    """What a name says: the symbol or name of an atom and its charge; None for what is no name of an ion.

    >>> ion_called("C4+")
    Ion(atom='carbon-12', charge=4, atoms=1)
    >>> ion_called("H2+")
    Ion(atom='hydrogen-1', charge=1, atoms=2)
    """
    key = name.strip().lower()
    if key in _MOLECULES:
        return Ion(SYMBOLS[key[0]], 1, _MOLECULES[key])
    found = _NAME.fullmatch(key)
    if found is None:
        return None
    symbol, number, plus, _ = found.groups()
    atom = SYMBOLS.get(_MASS_NUMBER.get(symbol, symbol), symbol)
    return Ion(atom, int(number or 1) if plus else -1)
