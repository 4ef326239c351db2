"""In which figure each number of the machines is drawn: a few panels a figure, so that all can be read on paper."""

from __future__ import annotations

from collections.abc import Sequence

_PANELS = 6
_ID = "tolerances-numbers"


def panels_of(names: Sequence[str]) -> dict[str, list[str]]:
    """Figures of the numbers ``names``, by id: at most so many each, as even as they get.

    >>> panels_of(["a", "b", "c"])
    {'tolerances-numbers': ['a', 'b', 'c']}
    """
    figures = -(-len(names) // _PANELS)
    begins = [len(names) * i // figures for i in range(figures + 1)]
    ids = [_ID, *(f"{_ID}-{i}" for i in range(2, figures + 1))]
    return {id: list(names[begins[i] : begins[i + 1]]) for i, id in enumerate(ids[:figures])}


def figure_of(name: str, names: Sequence[str]) -> str:
    """The id of the figure that shows a number."""
    return next(id for id, shown in panels_of(names).items() if name in shown)
