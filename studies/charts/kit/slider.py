"""One picture of several at a time, with a slider over them; without scripts the one that is shown stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studies.charts.style import Layout, Trace

#: Pixels that a slider takes below a figure.
HEIGHT = 84
SHARED = -1


def one_at_a_time(pictures: Sequence[Sequence[Trace]], shown: int) -> list[Trace]:
    """All traces of all pictures, those of picture ``shown`` visible."""
    return [{**trace, "visible": number == shown} for number, part in enumerate(pictures) for trace in part]


def owners(pictures: Sequence[Sequence[Trace]], shared: int = 0) -> list[int]:
    """The number of the picture that each trace belongs to, after ``shared`` ones that are always there."""
    return [SHARED] * shared + [number for number, part in enumerate(pictures) for _ in part]


def slider(
    labels: Sequence[str],
    owner: Sequence[int],
    changes: Sequence[Layout],
    *,
    prefix: str,
    shown: int = 0,
    room: int = 44,
) -> dict[str, Any]:
    """A slider with a stop for each label that shows the picture's own traces and makes its changes of the layout.

    ``owner`` as of ``owners``; ``prefix`` stands before the label of the stop, ``room`` [px] above the slider.
    """
    return {
        "active": shown,
        "steps": [_step(*one, owner) for one in zip(range(len(labels)), labels, changes, strict=True)],
        "x": 0.0,
        "len": 1.0,
        "y": 0.0,
        "yanchor": "top",
        "pad": {"t": room, "b": 4},
        "currentvalue": {"prefix": prefix, "xanchor": "left", "font": {"size": 12}},
        "font": {"size": 10},
        "ticklen": 4,
    }


def _step(number: int, label: str, change: Layout, owner: Sequence[int]) -> dict[str, Any]:
    visible = [one in (SHARED, number) for one in owner]
    return {"label": label, "method": "update", "args": [{"visible": visible}, change]}
