"""Expressions in the form MAD-X takes them: no sign after an operator, no ``**``, its own functions only."""

from __future__ import annotations

import re

from lark import Token, Tree

from lattice.errors import LatticeError
from lattice.expressions.functions import FUNCTIONS
from lattice.expressions.parsing import parse_expression

_SIGN_AFTER_OPERATOR = re.compile(r"[-+*/^]\s*[-+]")
_FUNCTIONS = FUNCTIONS.keys() - {"asinh", "acosh", "atanh", "min", "max", "atan2"}


def sign_after_operator(text: str) -> bool:
    """True for ``2*-3`` or ``--x``, which MAD-X takes as 0."""
    return _SIGN_AFTER_OPERATOR.search(text.replace("->", "")) is not None


def madx_expression(text: str) -> str:
    """The expression as MAD-X reads it, unchanged where it can; LatticeError for a function that MAD-X lacks."""
    tree = parse_expression(text).tree
    for call in [*tree.find_data("call")]:
        if str(call.children[0]) not in _FUNCTIONS:
            raise LatticeError(f"MAD-X has no function {call.children[0]}()")
    return _written(tree, outermost=True) if sign_after_operator(text) or "**" in text else text


def _written(node: Tree[Token] | Token, outermost: bool = False) -> str:
    if isinstance(node, Token):
        return str(node)
    kind, parts = node.data, node.children
    if kind in ("number", "name"):
        return str(parts[0])
    if kind == "call":
        return f"{parts[0]}({', '.join(_written(part, outermost=True) for part in parts[1:])})"
    if kind == "sign":
        text = ("-" if _signs(parts).count("-") % 2 else "") + _written(parts[-1])
    else:
        text = ("^" if kind == "pow" else "").join(map(_written, parts))
    return text if outermost else f"({text})"


def _signs(parts: list[Tree[Token] | Token]) -> list[str]:
    return [str(part) for part in parts[:-1]]
