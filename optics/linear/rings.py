"""Is a lattice whose periodic optics is asked a ring, or a line that was given no start?"""

from __future__ import annotations

import warnings
from math import isclose, pi
from typing import Any

import numpy as np

from lattice import Bend, Lattice
from lattice.memory import Kept
from lattice.survey import turns_once

_START = "start={'betx': 9.0, 'bety': 4.0, ...}"
AS_A_CELL = "; it is taken as "
_ASKED = Kept[str, str]("whether a lattice is a ring", at_most=1)
_STRAIGHT = 1e-6  # rad


def taken_as(lattice: Lattice) -> str:
    """What periodic optics takes a lattice for that is no whole ring, with the remedy; "" of a ring.

    A whole ring's bends turn the orbit once round.
    """
    if turns_once(lattice):
        return ""
    return f"a cell that repeats, its bends turn {np.degrees(_turned(lattice)):.4g} degrees; a line takes {_START}"


def told_of_a_line(lattice: Lattice) -> str:
    """The end of a message about optics that are not stable: the remedy where the lattice is no ring."""
    cell = taken_as(lattice)
    return f"{AS_A_CELL}{cell}" if cell else ""


def warn_of_a_line(lattice: Lattice, stacklevel: int = 3) -> None:
    """A UserWarning, once of a lattice, where its periodic optics is that of no machine.

    The cells of a ring turn by 360 degrees / n, those of a channel not at all: another angle closes no orbit.
    """
    if _asked(lattice):
        warnings.warn(
            f"lattice '{lattice.name}' has no start and is taken as periodic, but its bends turn "
            f"{np.degrees(_turned(lattice)):.4g} degrees, which is no part of a ring: a line takes {_START}",
            stacklevel=stacklevel,
        )


def told_elsewhere(lattice: Lattice) -> None:
    """The caller says itself what ``warn_of_a_line`` would."""
    _asked(lattice)


def _asked(lattice: Lattice) -> bool:
    """True the first time that a lattice is asked for which is no ring and no cell of one."""
    kept = lattice.memory.of(_ASKED)
    if kept:
        return False
    lattice.memory.keep(_ASKED, "", "asked")
    angle = _turned(lattice)
    return abs(angle) > _STRAIGHT and not isclose(2 * pi / abs(angle), round(2 * pi / abs(angle)), rel_tol=1e-3)


def _turned(lattice: Lattice) -> float:
    """By how much the bends turn the orbit [rad], of a batch those of its first lattice."""
    angles: list[Any] = [lattice.value(one.angle) for one in lattice.elements if isinstance(one, Bend)]
    return float(sum(np.real(np.ravel(angle)[0]) for angle in angles))
