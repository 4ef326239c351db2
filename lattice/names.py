"""Names and texts that may go into any file and onto any terminal: what cannot be seen is refused."""

from __future__ import annotations

import re

from lattice.errors import LatticeError
from lattice.expressions.functions import CONSTANTS

#: What a whole lattice has by names of old, and those of today.
OLDER = {"circumference": "length"}
_LONGEST = 200
_PARAMETER = re.compile(r"[a-z_][a-z0-9_.$@#]*(->[a-z][a-z0-9_]*)?")
#: Constants that no parameter may redefine; ``e`` is a name that people use, and then means the parameter.
_TAKEN = CONSTANTS.keys() - {"e"}


def checked_title(what: str, name: object) -> str:
    """A name of one line without quotes; LatticeError for control characters, those that turn the text, and no text."""
    if not isinstance(name, str) or not name.strip():
        raise LatticeError(f"{what} must be a text, found {name!r}")
    if len(name) > _LONGEST or not name.isprintable() or any(quote in name for quote in "\"'"):
        raise LatticeError(
            f"{what} must be one line of at most {_LONGEST} characters without quotes and control characters, "
            f"found {name[:60]!a}"
        )
    return name


def checked_parameter_name(name: object) -> str:
    """Name of a parameter in lower case, as expressions can use it; LatticeError for another."""
    key = name.lower() if isinstance(name, str) else ""
    if not _PARAMETER.fullmatch(key):
        shown = ascii(name[:60] if isinstance(name, str) else name)
        raise LatticeError(f"the name of a parameter is letters, digits and _ . $ @ #, a letter first, found {shown}")
    if key in _TAKEN:
        raise LatticeError(f"parameter '{key}': this is a constant ({CONSTANTS[key]:g}) in every expression; rename it")
    return key
