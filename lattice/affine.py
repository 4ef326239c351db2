"""Strengths that follow parameters in straight lines: a constant and a factor for each, read from the expression."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
from lark import Token, Tree

from lattice.arrays import Array
from lattice.errors import LatticeError
from lattice.expressions.functions import CONSTANTS
from lattice.expressions.parsing import parse_expression
from lattice.parameters import Parameters


def affine(text: str, parameters: Parameters, moved: Mapping[str, Array]) -> Array | None:
    """A text as a straight line c (1 + p,) of p knobs: c[0] + c[1] k_1 + ... + c[p] k_p.

    ``moved``: the straight line of every parameter that the knobs move, at least one; other dependent parameters are
    followed to what they depend on. None where the text holds functions, powers, products or quotients of what is
    moved, and where a number is no real one.
    """
    if text in moved:
        return moved[text]
    one = np.zeros_like(next(iter(moved.values())))
    one[0] = 1.0
    try:
        found = _value(parse_expression(text).tree, parameters, moved, one)
    except (_Bent, LatticeError):
        return None
    return found if np.isfinite(found).all() else None


class _Bent(Exception):
    """A text that is no straight line."""


def _value(node: Tree[Token] | Token, parameters: Parameters, moved: Mapping[str, Array], one: Array) -> Array:
    assert isinstance(node, Tree)
    kind, parts = node.data, node.children
    if kind == "number":
        return float(str(parts[0]).replace("d", "e")) * one
    if kind == "name":
        return _of_name(str(parts[0]), parameters, moved, one)
    if kind not in ("sign", "sum", "product"):
        raise _Bent
    values = [_value(part, parameters, moved, one) for part in parts if isinstance(part, Tree)]
    if kind == "sign":
        return -values[0] if parts.count("-") % 2 else values[0]  # type: ignore[arg-type]
    pairs = zip(parts[1::2], values[1:], strict=True)
    return reduce(lambda left, pair: _joined(left, str(pair[0]), pair[1]), pairs, values[0])


def _of_name(name: str, parameters: Parameters, moved: Mapping[str, Array], one: Array) -> Array:
    if name in moved:
        return moved[name]
    if parameters.is_dependent(name):
        return _value(parse_expression(parameters.definitions[name]).tree, parameters, moved, one)
    value = parameters[name] if name in parameters else CONSTANTS[name]
    if not isinstance(value, float):
        raise _Bent
    return value * one


def _joined(left: Array, operator: str, right: Array) -> Array:
    """Sum, difference, product or quotient of two straight lines, where it is one."""
    if operator in "+-":
        return left + right if operator == "+" else left - right
    if operator == "*" and not left[1:].any():
        left, right = right, left
    if right[1:].any() or (operator == "/" and right[0] == 0.0):
        raise _Bent
    return np.asarray(left * right[0] if operator == "*" else left / right[0])
