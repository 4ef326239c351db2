"""Boxes of text in pixels, from the left and from the top; letters are measured in a font that is wider than most."""

from __future__ import annotations

import html
import re
import warnings
from dataclasses import dataclass
from functools import cache

from matplotlib.font_manager import findfont
from matplotlib.ft2font import FT2Font

_LINE = 1.2  # of the size of its letters: the height of a line
_PAD = 0.5  # px around a text


@dataclass(frozen=True)
class Box:
    """A rectangle: left, top, right, bottom [px]."""

    left: float
    top: float
    right: float
    bottom: float

    def moved(self, right: float, down: float) -> Box:
        """The same elsewhere."""
        return Box(self.left + right, self.top + down, self.right + right, self.bottom + down)

    def meets(self, other: Box) -> bool:
        """True where both have area in common."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def within(self, width: float, height: float) -> bool:
        """True when none of it is cut off by a figure of that size."""
        return self.left >= 0 and self.top >= 0 and self.right <= width and self.bottom <= height


def plain_text(text: str) -> str:
    """Plotly's text without its markup: ``<br>`` becomes a new line, other tags go, entities are decoded."""
    return html.unescape(re.sub(r"</?[a-zA-Z][^<>]*>", "", re.sub(r"<br\s*/?>", "\n", text)))


def text_size(text: str, size: float) -> tuple[float, float]:
    """Width and height [px] of plotly's text in letters of that size."""
    lines = plain_text(text).split("\n")
    return max(_line_width(line, size) for line in lines) + 2 * _PAD, _LINE * size * len(lines) + 2 * _PAD


@cache
def _line_width(line: str, size: float) -> float:
    font = _font()
    font.set_size(size, 72)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that this font lacks are as wide as its box for them
        font.set_text(line)
    return float(font.get_width_height()[0]) / 64


@cache
def _font() -> FT2Font:
    return FT2Font(findfont("DejaVu Sans"))
