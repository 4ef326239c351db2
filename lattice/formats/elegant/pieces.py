"""Bends of one name in a row: for elegant they are pieces of one magnet, without pole faces between them.

Source: ``determine_bend_flags`` in elegant's ``bend_matrix.c``. Markers and watch points between them do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from lattice.elements import Bend

_THIN = ("MARK", "WATCH")


def inner_faces(names: Sequence[str], kinds: Sequence[str]) -> dict[int, tuple[bool, bool]]:
    """Places of the elements that follow, or are followed by, one of their own name: which faces are inside."""
    counted = [place for place, kind in enumerate(kinds) if kind not in _THIN]
    found: dict[int, tuple[bool, bool]] = {}
    for before, after in pairwise(counted):
        if names[before] == names[after]:
            found[before] = (found.get(before, (False, False))[0], True)
            found[after] = (True, False)
    return found


def cut_faces(bend: Bend, first: bool, last: bool) -> dict[str, bool]:
    """Flags that cut the inner faces off, those that act."""
    entrance = first and _acts(bend, bend.e1, bend.h1) and not bend.kill_ent_fringe
    exit_ = last and _acts(bend, bend.e2, bend.h2) and not bend.kill_exi_fringe
    return ({"kill_ent_fringe": True} if entrance else {}) | ({"kill_exi_fringe": True} if exit_ else {})


def _acts(bend: Bend, angle: object, curvature: object) -> bool:
    return any(value != 0.0 for value in (angle, curvature, bend.hgap))
