"""Names of particles in Bmad: ``proton``, ``#12C+6``, ``He++``."""

from __future__ import annotations

import re

from lattice.errors import InputError
from lattice.expressions.functions import CONSTANTS
from lattice.reference import SPECIES, Species, species_named

_ATOM = re.compile(r"(?:#(?P<nucleons>\d{1,3}))?(?P<symbol>[A-Z][a-z]?)(?P<charge>\++|\+\d{1,3})")
_MUON = CONSTANTS["mumass"] * 1e9
_FUNDAMENTAL = {
    **{name: SPECIES[name] for name in ("proton", "antiproton", "electron", "positron", "deuteron")},
    "helion": SPECIES["helium-3"],
    "muon": Species("muon", _MUON, -1),
    "antimuon": Species("antimuon", _MUON, 1),
}


def species_called(name: str) -> Species | None:
    """The species of a name, an atom's isotope by default the usual one; None for what is not known here."""
    if name.lower() in _FUNDAMENTAL:
        return _FUNDAMENTAL[name.lower()]
    found = _ATOM.fullmatch(name)
    if found is None:
        return None
    plus = found["charge"]
    charge = int(plus[1:]) if len(plus) > 1 and plus[1].isdigit() else len(plus)
    try:
        return species_named(f"{found['nucleons'] or ''}{found['symbol']}{charge}+")
    except InputError:
        return None


def is_mixed(name: str) -> bool:
    """True where Bmad takes the mass of the natural mixture of isotopes: an atom without its number of nucleons."""
    return name.lower() not in _FUNDAMENTAL and not name.startswith("#")
