"""One look for every figure and table: colours, symbols, units, and text that stays text.

A quantity has one symbol, one unit and one colour wherever it is shown. The colours are Okabe and Ito's, which stay
apart for colour-blind readers and in grey. Nothing here needs a drawing library: traces and layouts are plain
dictionaries in plotly's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from lattice import InputError
from studies.vocabulary import COLUMNS, COORDINATES, NUMBERS, QuantityKind

Trace = dict[str, Any]
Layout = dict[str, Any]
Drawing = dict[str, Any]  # {"data": [traces], "layout": layout}

HORIZONTAL = "#0072B2"
VERTICAL = "#D55E00"
DISPERSION = "#009E73"
LONGITUDINAL = "#CC79A7"
LIMIT = "#555555"
REFERENCE = "#000000"
NEUTRAL = "#8A8A8A"
GRID = "#E6E6E6"
INK = "#1A1A1A"
EXACT = HORIZONTAL  # what is tracked
LEADING = NEUTRAL  # the same to leading order
#: One colour for each cause, part or family, apart for colour-blind readers and in grey.
COLORS = ("#0072B2", "#56B4E9", "#D55E00", "#E69F00", "#BDBDBD", "#009E73", "#CC79A7", "#5A5A5A")

_THINNER = 0.6  # lines of the vertical plane: in grey its colour and the horizontal one's are alike
_LETTERS = 4.5  # contrast of letters on white

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class QuantityStyle:
    """How a quantity is shown: ``symbol``, ``unit`` people read, ``scale`` from SI to it, ``color``, meaning."""

    symbol: str
    unit: str
    scale: float
    color: str
    meaning: str

    @property
    def heading(self) -> str:
        """Symbol with its unit in brackets, for an axis or a column: ``betx [m]``."""
        return f"{self.symbol} [{self.unit}]"


#: The colour of what a quantity belongs to.
_COLORS = {
    "horizontal": HORIZONTAL,
    "vertical": VERTICAL,
    "dispersion": DISPERSION,
    "longitudinal": LONGITUDINAL,
}


def style_of(kind: QuantityKind) -> QuantityStyle:
    """How an entry of the vocabulary is shown."""
    return QuantityStyle(kind.symbol, kind.shown or kind.unit, kind.scale, _COLORS.get(kind.plane, INK), kind.text)


QUANTITIES: dict[str, QuantityStyle] = {
    key: style_of(kind) for key, kind in {**COORDINATES, **COLUMNS, **NUMBERS}.items()
}


def line_width(color: str, width: float) -> float:
    """Width of a line where ``width`` is usual [px]: those of the vertical plane are thinner."""
    return round(_THINNER * width, 3) if color == VERTICAL else width


def heading(key: str) -> str:
    """Symbol and unit of a quantity, ``betx [m]``; a key that is not registered is returned as it is."""
    return QUANTITIES[key].heading if key in QUANTITIES else key


def inert(text: object) -> str:
    """Text from outside (names above all) for a figure, which would read ``<`` and ``&`` as markup."""
    return escape(str(text), quote=False)


def tint(color: str, opacity: float) -> str:
    """A colour ``#rrggbb`` made translucent, as ``rgba(r,g,b,opacity)``."""
    red, green, blue = _channels(color)
    return f"rgba({red},{green},{blue},{opacity:g})"


def numbers(values: Iterable[Any], scale: float = 1.0) -> list[float | None]:
    """Plain list of floats to 8 digits (enough for any screen, the same everywhere); not finite becomes None."""
    scaled = np.asarray(list(values), dtype=float) * scale
    return [short(value) if np.isfinite(value) else None for value in scaled]


def short(value: Any) -> float:
    """A number to 8 digits, as ``numbers`` gives them: for places of texts, ranges and domains."""
    return float(f"{float(value):.8g}")


def base_layout(height: int, **more: Any) -> Layout:
    """Layout common to all figures: white, thin axes, light grid, ``height`` in pixels."""
    return {
        "template": "none",
        "height": height,
        "autosize": True,
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": FONT, "size": 13, "color": INK},
        "hoverlabel": {"bgcolor": "white", "bordercolor": NEUTRAL, "font": {"color": INK, "size": 13}},
        "showlegend": False,
        "margin": {"l": 64, "r": 64, "t": 24, "b": 48},
        **more,
    }


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its ``title`` (symbol and unit), thin line and light grid."""
    return {
        "title": {"text": title, "standoff": 8},
        "showline": True,
        "linecolor": NEUTRAL,
        "linewidth": 1,
        "gridcolor": GRID,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": NEUTRAL,
        "exponentformat": "power",
        **more,
    }


def text(content: str, *, color: str = INK, size: int = 12, **place: Any) -> Layout:
    """Text of a figure, without an arrow; ``place`` says where (x, y, xref, yref, anchors).

    Letters of a light colour are darker than lines of it: see ``readable``.
    """
    return {"text": content, "showarrow": False, "font": {"color": readable(color), "size": size}, **place}


def readable(color: str) -> str:
    """A colour ``#rrggbb`` for letters on white: the same hue, as dark as WCAG 2.1 asks (1.4.3: 4.5 to 1)."""
    shades = (_darker(color, step / 100) for step in range(100, 0, -1))
    return next(shade for shade in shades if contrast(shade, "#FFFFFF") >= _LETTERS)


def contrast(one: str, other: str) -> float:
    """Of two colours: (L1 + 0.05) / (L2 + 0.05) of their relative luminances, from 1 to 21 (WCAG 2.1)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [channel / 255 for channel in _channels(color)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _darker(color: str, share: float) -> str:
    return "#" + "".join(f"{round(share * channel):02X}" for channel in _channels(color)) if share < 1 else color


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def pointer(content: str, x: float, y: float, shift: Any) -> Layout:
    """Text a few pixels away from a point, joined to it by a thin line."""
    return {
        "x": short(x),
        "y": short(y),
        "ax": round(float(shift[0]), 2),
        "ay": round(-float(shift[1]), 2),
        "xref": "x",
        "yref": "y",
        "showarrow": True,
        "arrowhead": 0,
        "arrowwidth": 1,
        "arrowcolor": NEUTRAL,
        "text": content,
        "font": {"size": 12, "color": INK},
        "xanchor": _side(float(shift[0])),
        "bgcolor": "rgba(255,255,255,0.75)",
    }


def arrow(content: str, tail: Sequence[float], head: Sequence[float], **more: Any) -> Layout:
    """An arrow from ``tail`` to ``head`` (x and y, in the units of the axes) with a text at its tail."""
    return {
        "x": head[0],
        "y": head[1],
        "ax": tail[0],
        "ay": tail[1],
        "xref": "x",
        "yref": "y",
        "axref": "x",
        "ayref": "y",
        "showarrow": True,
        "arrowhead": 2,
        "arrowwidth": 1.6,
        "arrowcolor": INK,
        "text": content,
        "font": {"size": 12, "color": INK},
        **more,
    }


def _side(shift: float) -> str:
    """Which end of a text stands at the tail of its line: the near one."""
    return "center" if abs(shift) < 15 else "left" if shift > 0 else "right"


def s_axis(s_range: Sequence[float], anchor: str) -> dict[str, Any]:
    """The axis of s under panels that share it; the hover is headed by s with its unit."""
    return axis(heading("s"), range=list(s_range), anchor=anchor, unifiedhovertitle={"text": "s %{x:.3f} m"})


def need(table: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"the {what} lacks the column {', '.join(missing)}; it has {', '.join(map(str, table))}")
