"""When two expressions are one: written alike to the last bit, or one function of their names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from lark import Token, Tree

from lattice.arrays import Array
from lattice.expressions.functions import CONSTANTS
from lattice.expressions.parsing import Expression, parse_expression, program_of

_DRAWS = 32  # numbers at which two expressions are compared
#: Relative, of what is computed in another order or kept as another number: a few units in the last place.
_ROUNDING = 16 * float(np.finfo(float).eps)


def alike(first: str, second: str) -> bool:
    """Whether two expressions give the same number to the last bit, whatever blanks, brackets and factors of 1 or -1.

    >>> alike("-1.7*kf", "-1.0 * ((1.70 * kf))"), alike("2*kf", "kf*2")
    (True, False)
    """
    return first == second or _steps(parse_expression(first).tree) == _steps(parse_expression(second).tree)


@lru_cache(maxsize=65536)
def compute_alike(first: str, second: str) -> bool:
    """Whether two expressions are one function of their names, to a few rounding units.

    They are computed at random numbers of both signs: products and sums of other form agree there to rounding, other
    functions nowhere but by chance. Functions that bend (``max``, ``abs``) may agree on one side alone: each of one
    expression must be in the other, with the same arguments.

    >>> compute_alike("2*pi/k", "(6.283185307179586 / k)"), compute_alike("2*kf", "kf*2.000000000001")
    (True, False)
    """
    return alike(first, second) or _agree(parse_expression(first), parse_expression(second))


def _agree(first: Expression, second: Expression) -> bool:
    return _agree_in_numbers(first.tree, second.tree, first.names | second.names) and all(
        any(_agree_in_calls(one, other, first.names | second.names) for other in others)
        for ones, others in ((_calls(first), _calls(second)), (_calls(second), _calls(first)))
        for one in ones
    )


def _calls(expression: Expression) -> list[Tree[Token]]:
    return list(expression.tree.find_data("call"))


def _agree_in_calls(first: Tree[Token], second: Tree[Token], names: frozenset[str]) -> bool:
    """Whether two calls are of one function, with arguments that agree in numbers."""
    pairs = zip(first.children[1:], second.children[1:], strict=False)
    return first.children[0] == second.children[0] and all(_agree_in_numbers(*pair, names) for pair in pairs)


def _agree_in_numbers(first: Tree[Token] | Token, second: Tree[Token] | Token, names: frozenset[str]) -> bool:
    """Whether both have one number in 3 of 4 draws in which either has any; in the others terms may cancel."""
    values = _drawn(sorted(name for name in names if name not in CONSTANTS or name == "e"))  # a parameter may be "e"
    with np.errstate(all="ignore"):
        ours, theirs = (np.broadcast_to(program_of(one)(values), _DRAWS) for one in (first, second))
        near = np.abs(ours - theirs) <= _ROUNDING * np.abs(ours)  # of infinite ones as well
    known, known_there = np.isfinite(ours), np.isfinite(theirs)
    return bool(4 * np.sum(near & known & known_there) > 3 * np.sum(known | known_there))


def _drawn(names: Sequence[str]) -> dict[str, Array]:
    """Numbers between 0.001 and 3 of either sign for each name, the same at every call."""
    drawing = np.random.default_rng(1)
    sizes = np.exp(drawing.uniform(np.log(1e-3), np.log(3.0), (len(names), _DRAWS)))
    return dict(zip(names, sizes * drawing.choice([-1.0, 1.0], sizes.shape), strict=True))


def _steps(node: Tree[Token] | Token) -> Any:
    """What an expression computes as nested tuples; the sign of a product stands in front of it: ("-", product)."""
    if not isinstance(node, Tree):
        return str(node)
    if node.data == "number":
        return float(str(node.children[0]).replace("d", "e"))
    if node.data == "name" and (name := str(node.children[0])) != "e":  # a parameter may be called so
        return CONSTANTS.get(name, name)
    parts = [_steps(part) for part in node.children]
    if node.data == "sign":
        return _signed(parts.count("-") % 2 == 1, parts[-1])
    if isinstance(parts[0], tuple) and parts[0][0] == node.data:
        parts = [*parts[0][1:], *parts[1:]]  # sums and products go from the left
    return _steps_of_product(parts) if node.data == "product" else (node.data, *parts)


def _steps_of_product(parts: list[Any]) -> Any:
    negative, factors = False, []
    for over, part in zip(("*", *parts[1::2]), parts[::2], strict=True):
        minus = isinstance(part, tuple) and part[0] == "-"
        negative ^= minus
        if (bare := part[1] if minus else part) != 1.0:
            factors += [over, bare]
    factors = factors[1:] if factors[:1] == ["*"] else [1.0, *factors]
    return _signed(negative, factors[0] if len(factors) == 1 else ("product", *factors))


def _signed(negative: bool, steps: Any) -> Any:
    if not negative:
        return steps
    return steps[1] if isinstance(steps, tuple) and steps[0] == "-" else ("-", steps)
