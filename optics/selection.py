"""Which elements are meant: by kind, by the parameter that sets them, or by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from lattice import Element, InputError, Lattice
from lattice.elements import ELEMENT_KINDS
from lattice.errors import did_you_mean
from lattice.expressions.parsing import parse_expression


def selected(lattice: Lattice, wanted: str | Iterable[str], what: str) -> list[str]:
    """Names of the elements of one or several kinds, parameters or names (``*`` stands for anything), in order.

    InputError for a word that means nothing in this lattice; ``what`` is how it calls the elements.
    """
    words = [wanted] if isinstance(wanted, str) else list(wanted)
    found = {name for word in words for name in _meant(lattice, word.strip().lower(), what)}
    return [name for name in dict.fromkeys(element.name for element in lattice.elements) if name in found]


def _meant(lattice: Lattice, word: str, what: str) -> list[str]:
    elements = list({element.name: element for element in lattice.elements}.values())
    names = [element.name for element in elements if element.kind == word]
    names = names or [element.name for element in elements if word in parameters_of(element)]
    names = names or [element.name for element in elements if fnmatchcase(element.name, word)]
    if not names:
        known = [*dict.fromkeys(element.kind for element in elements), *lattice.parameters, *(e.name for e in elements)]
        kind = f" (it has no {word})" if word in ELEMENT_KINDS else ""
        raise InputError(
            f"lattice '{lattice.name}' has no {what} '{word}'{kind}{did_you_mean(word, known) or '.'} "
            "Give a kind (quadrupole), a parameter that sets them, or names (with * for anything)"
        )
    return names


def parameters_of(element: Element) -> set[str]:
    """Names that the element's strengths are written in."""
    return {
        name
        for value in element.strengths().values()
        for text in (value if isinstance(value, tuple) else (value,))
        if isinstance(text, str)
        for name in parse_expression(text).names
    }


def free_parameters(lattice: Lattice, names: Iterable[str]) -> list[str]:
    """The parameters that can be set and that ``names`` are or depend on, through any number of others, by name."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [name for name in names if name in lattice.parameters]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        written = lattice.parameters.definitions[name]
        if not isinstance(written, str):
            found.add(name)
            continue
        waiting += [n for n in parse_expression(written).names if n in lattice.parameters and n not in seen]
    return sorted(found)


def with_distinct_names(lattice: Lattice, names: Iterable[str]) -> tuple[Lattice, dict[str, list[str]]]:
    """The lattice with elements of these ``names`` that stand several times called name_0, name_1 ....

    And what became of each name. InputError where such a name is taken.
    """
    new: dict[str, list[str]] = {name: [name] for name in names}
    repeated = {name for name in new if f"{name}::0" in lattice.names}
    if not repeated:
        return lattice, new
    new |= {name: [] for name in repeated}
    taken = {element.name for element in lattice.elements}
    elements: list[Element] = []
    for element in lattice.elements:
        if element.name in repeated:
            name = f"{element.name}_{len(new[element.name])}"
            new[element.name].append(name)
            if name in taken:
                raise InputError(f"'{element.name}' stands several times in '{lattice.name}', and there is a '{name}'")
            element = replace(element, name=name)
        elements.append(element)
    distinct = Lattice(
        lattice.name,
        elements=elements,
        parameters=lattice.parameters.definitions,
        particle=lattice.particle,
        warnings=lattice.warnings,
    )
    return distinct, new
