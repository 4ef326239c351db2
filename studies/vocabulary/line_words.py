"""What magnets of a line are called: by its section, their kind and where they stand among those of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from lattice import Bend, Element, Lattice, Quadrupole

_KINDS: tuple[tuple[type[Element], str], ...] = ((Quadrupole, "quadrupole"), (Bend, "bend"))


def magnet_words(line: Lattice, sections: Mapping[str, str]) -> dict[str, str]:
    """``{"g_q4": "gantry quadrupole 4"}``, counted along each section from 1.

    ``sections`` has their words by the letters that names of their elements begin with; elsewhere none is said.
    """
    counts: Counter[str] = Counter()
    words: dict[str, str] = {}
    for element in line.elements:
        kind = next((word for of, word in _KINDS if isinstance(element, of)), "")
        if kind and element.name not in words:
            called = f"{_section(element.name, sections)} {kind}".strip()
            counts[called] += 1
            words[element.name] = f"{called} {counts[called]}"
    return words


def strength_words(line: Lattice, words: Mapping[str, str]) -> dict[str, str]:
    """Of the parameters that set quadrupoles: ``{"la_k": "achromat quadrupoles 1 and 3"}``, from their ``words``."""
    set_by: defaultdict[str, list[str]] = defaultdict(list)
    for element in line.elements:
        strength = getattr(element, "k1", None)
        if isinstance(strength, str) and strength in line.parameters and element.name in words:
            set_by[strength].append(words[element.name])
    return {name: _together(list(dict.fromkeys(called))) for name, called in set_by.items()}


def _section(name: str, sections: Mapping[str, str]) -> str:
    return next((word for begin, word in sections.items() if name.startswith(begin)), "")


def _together(called: list[str]) -> str:
    """``rotator quadrupoles 2 and 6``; those of other sections by all their words."""
    if len(called) == 1:
        return called[0]
    kinds, numbers = zip(*(one.rsplit(" ", 1) for one in called), strict=True)
    if len(set(kinds)) > 1:
        return ", ".join(called)
    return f"{kinds[0]}s {', '.join(numbers[:-1])} and {numbers[-1]}"
