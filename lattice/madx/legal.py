"""Names that MAD-X takes, and lattices whose parameters bear them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from lattice.elements import Element
from lattice.expressions.functions import CONSTANTS
from lattice.lattice import Lattice
from lattice.madx.classes import CLASSES, UNSUPPORTED
from lattice.madx.commands import PASSED_OVER, REFUSED
from lattice.madx.syntax import words

#: What MAD-X and Xsuite's loader of MAD-X files both take; MAD-X alone would take $ @ # too.
_LEGAL_NAME = re.compile(r"[a-z][a-z0-9_.]*")
_LONGEST_NAME = 40  # MAD-X keeps 47 characters; room for a number
#: Words that name neither an element nor a parameter in MAD-X.
_KEYWORDS = frozenset(
    (*CLASSES, *UNSUPPORTED, *PASSED_OVER, *REFUSED, *CONSTANTS, "beam", "resbeam", "sequence", "endsequence", "line")
) | words(
    "add2expr antiproton call const couple deselect electron endmatch endtrack etable fix int ion level match negmuon"
    " positron posmuon proton readcorr real save_state setcorr shared siman sxfwrite table taper track use use_macro"
)
#: A number, or a name that is not a function's.
_NUMBER_OR_NAME = re.compile(
    r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[ed][+-]?[0-9]+)?"
    r"|(?P<name>[a-z_][a-z0-9_.$@#]*(?:->[a-z][a-z0-9_]*)?)(?![a-z0-9_.$@#]|\s*\()"
)


def legal_names(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """For each name one that MAD-X takes: letters, digits, ``_ .``, not one of its own words, all different.

    None of them is one of ``taken``.
    """
    used = set(taken)
    legal = {n: n for n in names if _LEGAL_NAME.fullmatch(n) and len(n) <= _LONGEST_NAME and n not in _KEYWORDS | used}
    used |= legal.keys()
    for name in names:
        if name not in legal:
            legal[name] = _unused(re.sub(r"[^a-z0-9_.]+", "_", name)[:_LONGEST_NAME], used)
            used.add(legal[name])
    return legal


def _unused(name: str, taken: set[str]) -> str:
    stem = name if _LEGAL_NAME.fullmatch(name) else f"x{name}"
    candidates = (f"{stem}_{number}" for number in range(1, len(taken) + 3))
    return stem if stem not in taken | _KEYWORDS else next(name for name in candidates if name not in taken)


def illegal_parameters(lattice: Lattice, reserved: Collection[str]) -> dict[str, str]:
    """New names of the parameters that MAD-X cannot take, or whose names are ``reserved``."""
    names = list(lattice.parameters)
    good = {name for name in names if _is_legal_parameter(name) and name not in reserved}
    return legal_names([name for name in names if name not in good], {*good, *reserved})


def _is_legal_parameter(name: str) -> bool:
    return bool(_LEGAL_NAME.fullmatch(name)) and len(name) <= 47 and name not in _KEYWORDS


def with_parameters_called(lattice: Lattice, names: Mapping[str, str]) -> Lattice:
    """The same lattice, some parameters under other names."""
    if not names:
        return lattice
    definitions = lattice.parameters.definitions
    return Lattice(
        lattice.name,
        elements=[_element_with(element, names) for element in lattice.elements],
        parameters={names.get(name, name): _with(value, names) for name, value in definitions.items()},
        particle=lattice.particle,
        warnings=lattice.warnings,
    )


def _element_with(element: Element, names: Mapping[str, str]) -> Element:
    return replace(element, **{key: _with(value, names) for key, value in element.strengths().items()})


def _with(value: Any, names: Mapping[str, str]) -> Any:
    """A strength or definition, its parameters under their new names."""
    if isinstance(value, tuple):
        return tuple(_with(part, names) for part in value)
    if not isinstance(value, str):
        return value
    return _NUMBER_OR_NAME.sub(lambda found: names.get(found["name"] or "", found[0]), value.lower())
