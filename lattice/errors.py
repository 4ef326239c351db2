"""Every error the toolkit raises on purpose, the hints they share: the nearest name, and another home."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches


class HadronOpticsError(Exception):
    """Base of all errors raised on purpose; the message says what, where and what to do."""


class InputError(HadronOpticsError):
    """A value, name or study key is wrong (the command exits with 2)."""


class ArgumentError(InputError, TypeError):
    """A value is made with arguments that its kind does not take, or without one that it needs."""


class LatticeError(InputError):
    """An element, parameter or sequence makes no sense; the message names it."""


class FileError(HadronOpticsError):
    """A file could not be read or written (the command exits with 4)."""


class UnstableOptics(HadronOpticsError):
    """The one-turn map has no bounded motion, or no closed orbit (the command exits with 3)."""


class NoSolution(HadronOpticsError):
    """A search ended without an answer (the command exits with 3)."""


def listed(names: Iterable[str], most: int = 12) -> str:
    """Return the names in one line, the first ``most`` of them; "none" when there is none."""
    known = list(names)
    return ", ".join(known[:most]) + (f", ... ({len(known)} in all)" if len(known) > most else "") or "none"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, else ``""``."""
    nearest = get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def counted(number: int, noun: str) -> str:
    """``3 targets``, ``1 target``, ``2 energies``."""
    if number == 1:
        return f"{number} {noun}"
    return f"{number} {noun.removesuffix('y')}ies" if re.search("[^aeiou]y$", noun) else f"{number} {noun}s"


#: What people look for at a lattice, or in the package, that has another name or another home.
_TABLE = "the table of a lattice is optics.elements(lattice), that of its optics optics.twiss(lattice).table"
_XSUITE = (
    "optics.to_xsuite(lattice).to_json(path) writes Xsuite's file, `lattice-optimize convert` files of all formats"
)
_FROM_XSUITE = "optics.from_xsuite(line) takes an xtrack.Line, `lattice-optimize convert` a file of one"
_READ = (
    "from lattice import read_madx (read_json, read_pals, read_bmad, read_elegant) reads files, "
    "`lattice-optimize convert` converts"
)
_WRITE = (
    "from lattice import write_madx (write_json, write_pals): write_madx(lattice, path); "
    "optics.to_xsuite(lattice).to_json(path) writes Xsuite's file, `lattice-optimize convert` converts"
)
_OPTICS = "optics.twiss(lattice) has the optics"

_PLACES = {
    **dict.fromkeys(("table", "to_frame", "to_dataframe", "to_pandas", "frame", "dataframe", "df"), _TABLE),
    **dict.fromkeys(("write_xsuite", "to_xsuite", "save_xsuite"), _XSUITE),
    **dict.fromkeys(("read_xsuite", "from_xsuite", "load_xsuite"), _FROM_XSUITE),
    **dict.fromkeys(("read", "load", "open", "from_file"), _READ),
    **dict.fromkeys(("write", "save", "dump", "export", "to_file", "to_json", "to_madx", "to_pals"), _WRITE),
    **dict.fromkeys(("write_json", "write_madx", "write_pals"), _WRITE),
    **dict.fromkeys(("twiss", "betx", "bety", "qx", "qy", "tunes", "optics"), _OPTICS),
}


def where_else(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that is not there: its home, else the nearest of the known ones.

    >>> where_else("to_frame", ())
    ': the table of a lattice is optics.elements(lattice), that of its optics optics.twiss(lattice).table'
    """
    return f": {_PLACES[name.lower()]}" if name.lower() in _PLACES else did_you_mean(name, known)
