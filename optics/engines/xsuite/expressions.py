"""Expressions of parameters as Xsuite's deferred expressions, and back, by grammar alone. Does not import Xsuite."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any

from lark import Token, Tree

from lattice.errors import LatticeError
from lattice.expressions.functions import CONSTANTS
from lattice.expressions.parsing import parse_expression

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_FUNCTIONS = {"sqrt", "log", "log10", "exp", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh"}
_FUNCTIONS |= {"tanh", "abs", "floor", "ceil", "round"}
#: Functions of Xsuite that are ours of the same name; some are written by it only where a file was made by hand.
_READ_FUNCTIONS = _FUNCTIONS | {"sinc", "erf", "erfc", "frac"}
#: All that Xsuite writes into an expression of variables; whatever else stands in one is refused.
_TOKEN = re.compile(
    r"""
    \s*(?:
        vars\[(?P<quote>['"])(?P<variable>[^'"\[\]\\]+)(?P=quote)\]
      | f(?:\.(?P<function>\w+)|\[(?P<quotes>['"])(?P<item>\w+)(?P=quotes)\])\s*(?=\()
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])
      | (?P<sign>\*\*|[-+*/(),])
    )\s*""",
    re.VERBOSE,
)
_VARIABLE = re.compile(r"[a-z_][a-z0-9_.$@#]*(->[a-z][a-z0-9_]*)?")


def deferred(text: str, variables: Mapping[str, Any], functions: Any) -> Any:
    """Deferred expression over ``variables`` (by our names), or None where Xsuite lacks a function it uses."""
    try:
        return _translate(parse_expression(text).tree, variables, functions)
    except _NoCounterpart:
        return None


class _NoCounterpart(Exception):
    """What one of the two grammars has and the other lacks."""


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

    None when it holds more than numbers, variables, functions that both have, and + - * / **.
    """
    try:
        text = "".join(_pieces(expression, names))
        parse_expression(text)
    except (_NoCounterpart, LatticeError):
        return None
    return text


def _pieces(expression: str, names: Mapping[str, str]) -> Iterator[str]:
    """The expression word by word; Python and our grammar agree on precedence (chains of ** are refused)."""
    at, after_operand = 0, False
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        is_operand = found is not None and found["sign"] is None
        if found is None or (is_operand and after_operand):
            raise _NoCounterpart
        yield _piece(found, names)
        at, after_operand = found.end(), is_operand


def _piece(found: re.Match[str], names: Mapping[str, str]) -> str:
    if (variable := found["variable"]) is not None:
        name = names.get(variable, variable).lower()
        if not _VARIABLE.fullmatch(name):
            raise _NoCounterpart
        return name
    if (function := found["function"] or found["item"]) is not None:
        if function not in _READ_FUNCTIONS:
            raise _NoCounterpart
        return function
    sign = found["sign"]
    return found["number"] or (f" {sign} " if sign in _OPERATORS else sign)
