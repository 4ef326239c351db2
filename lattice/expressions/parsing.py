"""Expressions as functions of their names: a grammar of our own, never ``eval``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from typing import Any

import numpy as np
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from lattice.errors import LatticeError, did_you_mean
from lattice.expressions.functions import CONSTANTS, FUNCTIONS, TWO_ARGUMENTS

Program = Callable[[Mapping[str, Any]], Any]  # of the values by name

# MAD-X precedence: a sign binds weaker than ^ and stronger than * and /; ^ groups from the left, 2^3^2 = 64. Chains
# are flat nodes, so that long sums do not nest.
_GRAMMAR = r"""
?start: sum
?sum: product (SIGN product)*
?product: signed (OVER signed)*
?signed: power | SIGN+ power -> sign
?power: atom ("^" exponent)+ -> pow | atom "**" exponent -> pow | atom
?exponent: atom | SIGN+ atom -> sign
?atom: NUMBER -> number
     | NAME "(" [sum ("," sum)*] ")" -> call
     | NAME -> name
     | "(" sum ")"
SIGN: "+" | "-"
OVER: "*" | "/"
NUMBER: /([0-9]+\.?[0-9]*|\.[0-9]+)([eEdD][+-]?[0-9]+)?/
NAME: /[A-Za-z_][A-Za-z0-9_.$@#]*(->[A-Za-z][A-Za-z0-9_]*)?/
%ignore /\s+/
"""
_PARSER = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)
_MAX_LENGTH = 20_000
_MAX_NESTING = 100
_OPERATORS: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its ``text`` and the ``names`` of the parameters and constants it uses.

    ``tree`` is what the text was parsed to, ``program`` the same as functions within functions.
    """

    text: str
    names: frozenset[str]
    tree: Tree[Token]
    program: Program

    def value(self, values: Mapping[str, Any]) -> Any:
        """Value for the given parameters (numbers or arrays), nan or infinite where there is none."""
        with np.errstate(all="ignore"):
            return self.program(values)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Value for the given parameters (numbers or arrays); LatticeError when it is not finite."""
        result = self.value(values)
        if not np.all(np.isfinite(result)):
            raise LatticeError(f"expression '{self.text}' has no finite value here (found {result})")
        return result if isinstance(result, np.ndarray) else _python_number(result)

    def is_quotient_by_zero(self, values: Mapping[str, Any]) -> bool:
        """True for a product of finite parts one of which is divided by 0."""
        with np.errstate(all="ignore"):
            return _is_quotient_by_zero(self.tree, values)


def _is_quotient_by_zero(node: Tree[Token] | Token, values: Mapping[str, Any]) -> bool:
    if not isinstance(node, Tree) or node.data != "product":
        return False
    factors = [
        (sign, part, program_of(part)(values))
        for sign, part in zip(("*", *node.children[1::2]), node.children[::2], strict=True)
    ]
    rest = [part for _, part, value in factors if not np.all(np.isfinite(value))]
    if not all(_is_quotient_by_zero(part, values) for part in rest):
        return False
    return bool(rest) or any(sign == "/" and np.all(value == 0.0) for sign, _, value in factors)


def _python_number(value: Any) -> float | complex:
    return complex(value) if np.iscomplexobj(value) else float(value)


@lru_cache(maxsize=65536)
def parse_expression(text: str) -> Expression:
    """Parse arithmetic over lower-cased names; LatticeError shows the place that could not be read."""
    if len(text) > _MAX_LENGTH or _nesting(text) > _MAX_NESTING:
        raise LatticeError(f"expression is too long or too deeply nested: {text[:60]!r}...")
    try:
        tree = _PARSER.parse(text.lower())
    except UnexpectedInput as error:
        raise LatticeError(f"cannot read the expression '{text}' at {_place(error, text)}") from None
    _check_calls(tree, text)
    names = frozenset(str(node.children[0]) for node in tree.find_data("name"))
    return Expression(text, names, tree, program_of(tree))


def _place(error: UnexpectedInput, text: str) -> str:
    at = error.pos_in_stream
    ended = at is None or getattr(getattr(error, "token", None), "type", "") == "$END"
    return "its end" if ended else f"'{text[at:][:20]}'"


def _nesting(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _check_calls(tree: Tree[Token], text: str) -> None:
    for call in tree.find_data("call"):
        function, arguments = str(call.children[0]), len(call.children) - 1
        if function not in FUNCTIONS:
            raise LatticeError(f"expression '{text}': unknown function '{function}'{did_you_mean(function, FUNCTIONS)}")
        wanted = 2 if function in TWO_ARGUMENTS else 1
        if arguments != wanted:
            raise LatticeError(f"expression '{text}': {function}() takes {wanted} value(s), found {arguments}")


def program_of(node: Tree[Token] | Token) -> Program:
    """A node as a function of the values: trees are looked at once, however often their parameters change."""
    assert isinstance(node, Tree)
    kind, parts = node.data, node.children
    if kind == "number":
        number = np.float64(str(parts[0]).replace("d", "e"))
        return lambda values: number
    if kind == "name":
        return partial(_look_up, str(parts[0]))
    if kind == "call":
        return _call(FUNCTIONS[str(parts[0])], [program_of(part) for part in parts[1:]])
    if kind == "sign":
        inner = program_of(parts[-1])
        odd = [str(sign) for sign in parts[:-1]].count("-") % 2
        return (lambda values: -inner(values)) if odd else inner
    if kind == "pow":
        powers = [program_of(part) for part in parts]
        return lambda values: reduce(np.power, [power(values) for power in powers])
    return _chain(parts)


def _call(function: Callable[..., Any], arguments: Sequence[Program]) -> Program:
    return lambda values: function(*(argument(values) for argument in arguments))


def _chain(parts: Sequence[Tree[Token] | Token]) -> Program:
    """A sum or product from the left: value, operator, value, operator, value ..."""
    first = program_of(parts[0])
    rest = [(_OPERATORS[str(sign)], program_of(part)) for sign, part in zip(parts[1::2], parts[2::2], strict=True)]

    def value(values: Mapping[str, Any]) -> Any:
        result = first(values)
        for operator, part in rest:
            result = operator(result, part(values))
        return result

    return value


def _look_up(name: str, values: Mapping[str, Any]) -> Any:
    if name in values:
        return np.asarray(values[name])[()]
    if name in CONSTANTS:
        return np.float64(CONSTANTS[name])
    raise LatticeError(f"unknown parameter '{name}'{did_you_mean(name, values)}")
