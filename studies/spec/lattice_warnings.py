"""What a reader of lattices passed over, told briefly: many of one kind are one line."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FEW = 3  # of one kind that are each told
_PLACE = re.compile(r"^(?P<file>[^:\n]*):(?P<line>\d+): (?P<text>.*)$", re.DOTALL)
_REASON = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)$", re.DOTALL)
_OWN = re.compile(r"'[^']*'|\d+(?:\.\d*)?(?:e[-+]?\d+)?", re.IGNORECASE)


def told(warnings: Iterable[str]) -> list[str]:
    """Warnings in their order; of more than three of one kind the first, with how many more there are and where.

    >>> told(f"a.seq:{n}: q{n}: marker (the length of 'q{n}' is not kept)" for n in range(1, 71))
    ["a.seq:1: q1: marker (the length of 'q1' is not kept), and 69 more of this kind (lines 2 to 70)"]
    """
    kinds: dict[str, list[str]] = {}
    for warning in warnings:
        kinds.setdefault(_kind(warning), []).append(warning)
    return [line for found in kinds.values() for line in _lines(found)]


def _lines(found: list[str]) -> list[str]:
    if len(found) <= _FEW:
        return found
    lines = [int(place["line"]) for place in map(_PLACE.match, found[1:]) if place]
    where = f" (lines {min(lines)} to {max(lines)})" if lines else ""
    return [f"{found[0]}, and {len(found) - 1} more of this kind{where}"]


def _kind(warning: str) -> str:
    """The reason without the names and numbers in it; without a reason the file and the command."""
    place = _PLACE.match(warning)
    if place is None:
        return _OWN.sub("", warning)
    reason = _REASON.search(place["text"])
    own = reason[1] if reason else re.split(r"[,;\s]", place["text"], maxsplit=1)[0]
    return f"{place['file']}: {_OWN.sub('', own)}"
