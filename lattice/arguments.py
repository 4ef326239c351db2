"""Values that are made with wrong arguments say what they take, in words: one place for all kinds of values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import Parameter, Signature, signature
from typing import Any

from lattice.errors import ArgumentError, did_you_mean, listed

_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class ToldArguments(type):
    """Kind of a value that is made by its fields: a wrong argument is an ArgumentError that names the right ones.

    >>> from lattice import Drift
    >>> try:
    ...     Drift("d", l=1.0)
    ... except ArgumentError as error:
    ...     print(error)
    Drift has no 'l'; did you mean 'length'? Drift takes name and, by name, aperture, length
    """

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        """The value; ArgumentError where the arguments are not those of its kind."""
        try:
            return super().__call__(*args, **keywords)
        except TypeError:
            if fault := wrong_arguments(cls, cls.__signature__, args, keywords):
                raise ArgumentError(fault) from None
            raise

    @property
    def __signature__(cls) -> Signature:
        """What ``help`` shows: the arguments of the kind itself."""
        own = signature(cls.__init__)  # type: ignore[misc]
        return own.replace(parameters=list(own.parameters.values())[1:], return_annotation=Signature.empty)


def wrong_arguments(kind: type, takes: Signature, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> str:
    """What is wrong with the arguments of a kind of value, and what it takes; "" where nothing is."""
    try:
        takes.bind(*args, **keywords)
    except TypeError:
        return f"{_fault(kind.__name__, takes, args, keywords)} {kind.__name__} takes {_taken(takes)}"
    return ""


def _fault(kind: str, takes: Signature, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> str:
    known = takes.parameters
    places = [name for name, one in known.items() if one.kind in _BY_PLACE]
    for name in keywords:
        if name not in known:
            return f"{kind} has no '{name}'{_nearest(name, known) or '.'}"
        if name in places[: len(args)]:
            return f"{kind} is given {name} twice, at its place and by name."
    if len(args) > len(places):
        way = " must be given by its name" if len(known) > len(places) else " is too many"
        return f"{kind}: {args[len(places)]!r:.40}{way}."
    missing = [
        name
        for place, (name, one) in enumerate(known.items())
        if one.default is Parameter.empty and name not in keywords and not (name in places and place < len(args))
    ]
    return f"{kind} needs {listed(missing)}."


def _nearest(name: str, known: Iterable[str]) -> str:
    """The name that begins alike ("l": "length"), or else looks alike."""
    begun = [one for one in known if one.startswith(name.lower())]
    return f"; did you mean '{begun[0]}'?" if len(begun) == 1 else did_you_mean(name, known)


def _taken(takes: Signature) -> str:
    known = takes.parameters
    places = [name for name, one in known.items() if one.kind in _BY_PLACE]
    by_name = [name for name, one in known.items() if one.kind is Parameter.KEYWORD_ONLY]
    named = f"by name, {listed(by_name)}" if by_name else ""
    return " and, ".join(part for part in (listed(places) if places else "", named) if part) or "nothing"
