"""Numbers along the axes of a drawing as plain text.

Matplotlib's own pass through its setter of formulas, which takes a third of the time of a drawing.
"""

from __future__ import annotations

import re
from math import isclose, log10

from matplotlib.ticker import Formatter, ScalarFormatter

from studies.vocabulary.typesetting import unit_text

_POWER = re.compile(r"1e([-\N{MINUS SIGN}]?)0*(\d+)")


class LinearTicks(ScalarFormatter):
    """Numbers of a linear axis; a power of ten that they share, or what is taken off them, stands at its end."""

    def __init__(self) -> None:
        super().__init__(useMathText=False)

    def get_offset(self) -> str:
        """``×10⁻⁵`` where matplotlib writes 1e-5; "" for none."""
        return _POWER.sub(lambda found: f"×{_power(found[1], found[2])}", super().get_offset())


class LogTicks(Formatter):
    """Numbers of a logarithmic axis: powers of ten as such, 0.01 to 100 in full."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The text at ``x``."""
        power = round(log10(x))
        if abs(power) <= 2 or not isclose(x, 10.0**power, rel_tol=1e-9):
            return f"{x:g}"
        return unit_text(f"10^{power}")


def _power(sign: str, digits: str) -> str:
    return unit_text(f"10^{'-' if sign else ''}{digits}")
