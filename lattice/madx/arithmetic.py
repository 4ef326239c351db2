"""Arithmetic of strengths: with numbers it calculates, with expressions it writes a longer expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

Strength = float | str

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.$@#]*|\d+\.?\d*|\(?-?\d+\.?\d*(e[+-]?\d+)?\)?")
_SCALED = re.compile(r"\((?P<inner>.*)\)\*1e(?P<power>-?\d+)", re.DOTALL)


def plus(a: Strength, b: Strength) -> Strength:
    """a + b."""
    if isinstance(a, float) and isinstance(b, float):
        return a + b
    if a == 0.0:
        return b
    return a if b == 0.0 else f"{bracketed(a)}+{bracketed(b)}"


def minus(a: Strength, b: Strength) -> Strength:
    """a - b."""
    if isinstance(a, float) and isinstance(b, float):
        return a - b
    return a if b == 0.0 else f"{bracketed(a)}-{bracketed(b)}"


def half(a: Strength) -> Strength:
    """a / 2."""
    return a / 2 if isinstance(a, float) else f"{bracketed(a)}/2"


@dataclass(frozen=True)
class Sum:
    """A length or position: a number [m] and multiples of expressions; what cancels is gone."""

    constant: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, strength: Strength) -> Sum:
        """A strength as a sum."""
        return cls(strength) if isinstance(strength, float) else cls(0.0, {strength: 1.0})

    def __add__(self, other: Sum) -> Sum:
        terms = dict(self.terms)
        for text, factor in other.terms.items():
            terms[text] = terms.get(text, 0.0) + factor
        return Sum(self.constant + other.constant, {text: factor for text, factor in terms.items() if factor != 0.0})

    def __mul__(self, factor: float) -> Sum:
        return Sum(self.constant * factor, {text: own * factor for text, own in self.terms.items()})

    def __sub__(self, other: Sum) -> Sum:
        return self + other * -1.0

    @property
    def strength(self) -> Strength:
        """A number, or an expression where something varies."""
        if not self.terms:
            return self.constant
        parts = [repr(self.constant)] if self.constant else []
        parts += [_term(text, factor) for text, factor in self.terms.items()]
        return re.sub(r"^\+", "", "".join(parts))


def _term(text: str, factor: float) -> str:
    sign = "-" if factor < 0 else "+"
    return f"{sign}{bracketed(text)}" if abs(factor) == 1 else f"{sign}{abs(factor)!r}*{bracketed(text)}"


def times_power_of_ten(a: Strength, power: int) -> Strength:
    """a * 10^power, the digits of a number shifted (1.1 * 1e6 is then 1100000) and an inverse factor undone."""
    if isinstance(a, float):
        return float(Decimal(repr(a)).scaleb(power))
    found = _SCALED.fullmatch(a)
    if found and int(found["power"]) == -power and _balanced(found["inner"]):
        return found["inner"]
    return f"({a})*1e{power}"


def bracketed(a: Strength) -> str:
    """The text of a strength, fit to stand beside an operator."""
    text = repr(a) if isinstance(a, float) else a
    return text if _SIMPLE.fullmatch(text) and not text.startswith("-") else f"({text})"


def _balanced(text: str) -> bool:
    """True when no bracket closes before it opens: then the brackets around ``text`` belong together."""
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
