"""Sequences of elements put together, cut and closed: what ``Lattice`` is built with.

Everything here takes elements in order and returns new ones; where things stand is said by row (position in the
sequence) or by s [m].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lattice.elements import Drift, Element
from lattice.errors import InputError, LatticeError, did_you_mean
from lattice.expressions.comparison import alike, compute_alike

#: m; sources give positions to ten digits, so neighbours may miss or overlap by a few 1e-9.
TOUCHING = 1e-8
#: What of an element stands at the place that is given for it: its entrance, its centre or its exit.
REFER = {"entry": 0.0, "centre": 0.5, "exit": 1.0}


def between_drifts(
    placed: Iterable[tuple[float, Element]], length: float, refer: str, drift: str, aperture: Any
) -> Iterator[Element]:
    """The elements in the order of their places, with drifts between them and one that closes the ``length``.

    Raises LatticeError where two overlap, or one ends behind the length.
    """
    share, end, number, last = refer_share(refer), 0.0, 0, "the beginning"
    for place, element in sorted(placed, key=lambda one: one[0]):
        own = plain_length(element)
        gap = float(place) - share * own - end
        if gap < -TOUCHING:
            raise LatticeError(f"'{element.name}' begins {-gap:.3g} m before the end of {last}")
        if gap > TOUCHING:
            number += 1
            yield Drift(f"{drift}_{number:02d}", length=gap, aperture=aperture)
            end += gap
        yield element
        end, last = end + own, f"'{element.name}'"
    if length - end < -TOUCHING:
        raise LatticeError(f"the elements are {end - length:.3g} m longer than the {length:g} m that they shall fill")
    if length - end > TOUCHING:
        yield Drift(f"{drift}_{number + 1:02d}", length=length - end, aperture=aperture)


def refer_share(refer: str) -> float:
    """Which part of an element lies in front of its place: 0, 1/2 or 1."""
    if refer not in REFER:
        raise InputError(f"refer must be one of {', '.join(REFER)}, found {refer!r}{did_you_mean(str(refer), REFER)}")
    return REFER[refer]


def plain_length(element: Element) -> float:
    """Length [m] of an element; LatticeError for one that is a parameter, where a number is needed."""
    length = getattr(element, "length", 0.0)
    if isinstance(length, str):
        raise LatticeError(f"{element.where('length')} is '{length}': a place in m needs elements of known lengths")
    return float(length)


def lengths_of(elements: Iterable[Element]) -> list[float | str]:
    """Lengths as they are written, in m or as expressions."""
    return [getattr(element, "length", 0.0) for element in elements]


def difference(whole: Iterable[float | str], less: Iterable[float | str]) -> float | str:
    """What is left of lengths without others: a number, or an expression where one of them is."""
    signed = [*((1.0, one) for one in whole), *((-1.0, one) for one in less)]
    number = sum(sign * one for sign, one in signed if isinstance(one, float))
    texts = [f"{'+' if sign > 0 else '-'}({one})" for sign, one in signed if isinstance(one, str)]
    return "".join([repr(number), *texts]) if texts else number


def split_drifts(
    elements: Sequence[Element], rows: range, inside: float, new: Sequence[Element], after: float
) -> tuple[Element, ...]:
    """The elements with ``new`` in the drifts of ``rows``, ``inside`` [m] behind the entrance of the first; no length
    changes.

    The pieces of drift "d" are "d_1" and "d_2", or the next numbers that no element has. Lengths that are expressions
    stay so: the drift behind gives way. ``after``: what is left for it now [m].
    """
    drifts = elements[rows.start : rows.stop]
    back = difference(lengths_of(drifts), [inside, *lengths_of(new)])
    taken = {element.name for element in (*elements, *new)}
    pieces = []
    for drift, length, now in ((drifts[0], inside, inside), (drifts[-1], back, after)):
        name = next(free_names(drift.name, taken))
        if now > TOUCHING:
            pieces.append([replace(drift, name=name, length=length)])  # type: ignore[call-arg]
            taken.add(name)
        else:
            pieces.append([])
    return (*elements[: rows.start], *pieces[0], *new, *pieces[1], *elements[rows.stop :])


def free_names(name: str, taken: set[str]) -> Iterator[str]:
    """``name_1``, ``name_2`` ... that are not taken."""
    number = 0
    while True:
        number += 1
        if f"{name}_{number}" not in taken:
            yield f"{name}_{number}"


def drift_left(element: Element, taken: set[str]) -> Drift:
    """A drift of the length and aperture of an element that goes, "qf_left_1" or the next name that is not taken."""
    name = next(free_names(f"{element.name}_left", taken))
    return Drift(name, length=getattr(element, "length", 0.0), aperture=element.aperture)


def renamed(element: Element, names: Mapping[str, str], prefix: str) -> Element:
    """The element under another name: that of ``names``, else with ``prefix`` before its own."""
    name = names.get(element.name, prefix + element.name)
    return element if name == element.name else replace(element, name=name)


def merged(parts: Iterable[Mapping[str, Any]], overridden: Iterable[str] = ()) -> dict[str, Any]:
    """The parameters of lattices that are put together; LatticeError where two of them mean different things.

    ``overridden``: names that the whole defines itself, so that the parts need not agree on them.
    """
    found: dict[str, Any] = {}
    free = set(overridden)
    for part in parts:
        for name, value in part.items():
            if name not in free and name in found and not same(found[name], value):
                raise LatticeError(
                    f"parameter '{name}' has two values, {found[name]!s:.40} and {value!s:.40}: rename one of them "
                    f"(lattice.renamed(parameters={{'{name}': ...}})), or give parameters=, which holds for both"
                )
            found[name] = value
    return found


def same(first: Any, second: Any) -> bool:
    """Whether two definitions of a parameter are the same number, array or expression."""
    if isinstance(first, str) or isinstance(second, str):
        return bool(first is second or (type(first) is type(second) and alike(first, second)))
    return np.array_equal(first, second)


def computed_same(first: Any, second: Any) -> bool:
    """Whether two definitions of a parameter are the same number or array, or expressions of one function."""
    texts = isinstance(first, str) and isinstance(second, str)
    return compute_alike(first, second) if texts else same(first, second)


def same_elements(first: Sequence[Element], second: Sequence[Element]) -> bool:
    """Whether two sequences have the same elements in the same order, expressions by what they compute."""
    pairs = dict.fromkeys(zip(first, second, strict=False))
    return len(first) == len(second) and all(one == other or _same_element(one, other) for one, other in pairs)


def _same_element(first: Element, second: Element) -> bool:
    ours, theirs = first.strengths(), second.strengths()
    if type(first) is not type(second):
        return False
    return first == replace(second, **{name: ours[name] for name in ours if _same_strength(ours[name], theirs[name])})


def _same_strength(first: Any, second: Any) -> bool:
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(map(_same_strength, first, second))
    return first == second or (isinstance(first, str) and isinstance(second, str) and compute_alike(first, second))


_WORD_OR_NUMBER = re.compile(
    r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[ed][+-]?[0-9]+)?|[a-z_][a-z0-9_.$@#]*(?:->[a-z][a-z0-9_]*)?"
)


def with_names(expression: Any, names: Mapping[str, str]) -> Any:
    """An expression (or a tuple of strengths) in which parameters bear their new names; numbers stay."""
    if isinstance(expression, tuple):
        return tuple(with_names(part, names) for part in expression)
    if not isinstance(expression, str):
        return expression
    return _WORD_OR_NUMBER.sub(lambda found: names.get(found[0], found[0]), expression.lower())


def with_parameter_names(element: Element, names: Mapping[str, str]) -> Element:
    """The element with its strengths by the new names of the parameters."""
    old = element.strengths()
    new = {attribute: with_names(value, names) for attribute, value in old.items()}
    return element if new == old else replace(element, **new)
