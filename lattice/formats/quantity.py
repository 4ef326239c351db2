"""Numbers of a file with the expression behind them: computed at once, and kept in words of our grammar.

Codes that evaluate at once (elegant, Bmad) give a strength the value that its variables have where it stands. Here the
arithmetic is done on both, the number and its text, so that a strength stays an expression of parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from lattice.errors import LatticeError
from lattice.expressions.functions import FUNCTIONS

ATOM, PRODUCT, SUM = 3, 2, 1
_LONGEST = 10_000
_DEEPEST = 90


@dataclass(frozen=True)
class Quantity:
    """A ``value``, and the expression that it has now; ``text`` is empty for what is only a number.

    ``rank`` says what brackets the text needs beside an operator, ``depth`` how deep its own nest.
    """

    value: float
    text: str = ""
    rank: int = ATOM
    depth: int = 0

    def within(self, least: int) -> str:
        """The text, in brackets where its rank is below ``least``."""
        text = self.text or repr(self.value).removesuffix(".0")
        rank = self.rank if self.text else PRODUCT if text.startswith("-") else ATOM
        return f"({text})" if rank < least else text


def number(value: float) -> Quantity:
    """A number; LatticeError where it is not finite."""
    if not isfinite(value):
        raise LatticeError(f"the number {value} is not finite")
    return Quantity(float(value))


def combined(sign: str, a: Quantity, b: Quantity) -> Quantity:
    """a + b, a - b, a * b, a / b or a ^ b."""
    if sign == "/" and b.value == 0.0:
        raise LatticeError("division by zero")
    with np.errstate(all="ignore"):
        value = float(_OPERATIONS[sign](np.float64(a.value), np.float64(b.value)))
    left, right = {"+": (SUM, PRODUCT), "-": (SUM, PRODUCT), "^": (ATOM, ATOM)}.get(sign, (PRODUCT, ATOM))
    behind = b.within(right)
    behind = f"({behind})" if behind.startswith("-") else behind
    gap = "" if sign == "^" else " "
    rank = SUM if sign in "+-" else PRODUCT
    return _made(value, f"{a.within(left)}{gap}{sign}{gap}{behind}", rank, a, b)


def negative(a: Quantity) -> Quantity:
    """-a."""
    return _made(-a.value, f"-{a.within(ATOM)}", PRODUCT, a)


def called(function: str, *arguments: Quantity) -> Quantity:
    """The value of one of the functions that expressions know."""
    with np.errstate(all="ignore"):
        value = float(FUNCTIONS[function](*(np.float64(argument.value) for argument in arguments)))
    return _made(value, f"{function}({', '.join(part.within(SUM) for part in arguments)})", ATOM, *arguments)


def _made(value: float, text: str, rank: int, *parts: Quantity) -> Quantity:
    """A result, with its text where one of its parts has one."""
    shown = text if len(text) <= 60 else text[:57] + "..."
    if not isfinite(value):
        raise LatticeError(f"'{shown}' has no finite value")
    if not any(part.text for part in parts):
        return Quantity(value)
    depth = 1 + max(part.depth for part in parts)
    if len(text) > _LONGEST or text.count("(") > _DEEPEST < depth:
        raise LatticeError(f"the expression '{shown}' is too long or too deeply nested")
    return Quantity(value, text, rank, depth)


_OPERATIONS: dict[str, Any] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
}
