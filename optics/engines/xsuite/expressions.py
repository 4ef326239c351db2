"""Expressions of parameters as Xsuite's deferred expressions, and back. Does not import Xsuite."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from lark import Token, Tree

from lattice.errors import LatticeError
from lattice.parameters import CONSTANTS, parse_expression

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_FUNCTIONS = {"sqrt", "log", "log10", "exp", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh"}
_FUNCTIONS |= {"tanh", "abs", "floor", "ceil", "round"}
_VARIABLE = re.compile(r"""vars\[['"]([^'"\]]+)['"]\]""")
_FUNCTION = re.compile(r"""\bf(?:\.(\w+)|\[['"](\w+)['"]\])\(""")


def deferred(text: str, variables: Mapping[str, Any], functions: Any) -> Any:
    """Deferred expression over ``variables`` (by our names), or None where Xsuite lacks a function it uses."""
    try:
        return _translate(parse_expression(text).tree, variables, functions)
    except _NoCounterpart:
        return None


class _NoCounterpart(Exception):
    """A function that Xsuite's expressions lack."""


def _translate(node: Tree[Token] | Token, variables: Mapping[str, Any], functions: Any) -> Any:
    assert isinstance(node, Tree)
    kind, parts = node.data, node.children
    if kind == "number":
        return float(str(parts[0]).replace("d", "e"))
    if kind == "name":
        name = str(parts[0])
        return variables[name] if name in variables else CONSTANTS[name]
    if kind == "call":
        if str(parts[0]) not in _FUNCTIONS:
            raise _NoCounterpart
        return getattr(functions, str(parts[0]))(*(_translate(part, variables, functions) for part in parts[1:]))
    operands = [_translate(part, variables, functions) for part in parts if isinstance(part, Tree)]
    if kind == "sign":
        return -operands[0] if parts.count("-") % 2 else operands[0]  # type: ignore[arg-type]
    if kind == "pow":
        return reduce(operator.pow, operands)
    signs = [str(part) for part in parts if not isinstance(part, Tree)]
    return reduce(
        lambda left, term: _OPERATORS[term[0]](left, term[1]), zip(signs, operands[1:], strict=True), operands[0]
    )


def text_of(expression: str, names: Mapping[str, str]) -> str | None:
    """Xsuite's text of an expression in our grammar, variables renamed by ``names``.

    None when it holds more than numbers, variables and functions.
    """
    text = _VARIABLE.sub(lambda found: names.get(found[1], found[1]), expression)
    text = _FUNCTION.sub(lambda found: f"{found[1] or found[2]}(", text).replace("**", "^")
    try:
        parse_expression(text)
    except LatticeError:
        return None
    return text
