"""Every error the toolkit raises on purpose, and the nearest-name hint they share."""

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
