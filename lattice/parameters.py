"""Safe arithmetic of named parameters: a grammar of our own, never ``eval``.

Expressions stay live: a strength written ``"-1.7*kf"`` is evaluated again whenever ``kf`` changes, with numbers
or with arrays (then everything computed from it is batched along the array).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial, reduce
from graphlib import CycleError, TopologicalSorter
from math import erf
from typing import Any, NoReturn

import numpy as np
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from lattice.arrays import Array
from lattice.errors import InputError, LatticeError, did_you_mean
from lattice.reference import ATOMIC_MASS_UNIT, ELECTRON_MASS, PROTON_MASS, SPEED_OF_LIGHT

Value = float | complex | Array
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
_DRAWS = 32  # numbers at which two expressions are compared
#: Relative, of what is computed in another order or kept as another number: a few units in the last place.
_ROUNDING = 16 * float(np.finfo(float).eps)

#: Names every expression knows, with MAD-X's meaning and units (masses in GeV, hbar in GeV s).
CONSTANTS: dict[str, float] = {
    "pi": np.pi,
    "twopi": 2 * np.pi,
    "e": np.e,
    "degrad": 180 / np.pi,
    "raddeg": np.pi / 180,
    "clight": SPEED_OF_LIGHT,
    "emass": ELECTRON_MASS * 1e-9,
    "pmass": PROTON_MASS * 1e-9,
    "nmass": 0.939_565_421_94,  # CODATA 2022, as the ones below
    "umass": ATOMIC_MASS_UNIT * 1e-9,
    "mumass": 0.105_658_3755,
    "amu0": 4e-7 * np.pi,  # the vacuum's permeability
    "qelect": 1.602_176_634e-19,
    "hbar": 6.582_119_569e-25,
    "erad": 2.817_940_3205e-15,
    "prad": 2.817_940_3205e-15 * ELECTRON_MASS / PROTON_MASS,
}


def _absolute(value: Any) -> Any:
    """|x|, holomorphic along the real axis so that complex-step derivatives pass through (as do the others)."""
    return np.asarray(np.where(np.real(value) < 0, -value, value))[()]


def _error_function(value: Any) -> Any:
    real = np.vectorize(erf, otypes=[float])(np.real(value))
    if np.iscomplexobj(value):
        real = real + 1j * np.imag(value) * (2 / np.sqrt(np.pi)) * np.exp(-(np.real(value) ** 2))
    return np.asarray(real)[()]


def _arc_tangent(y: Any, x: Any) -> Any:
    real = np.arctan2(np.real(y), np.real(x))
    if np.iscomplexobj(y) or np.iscomplexobj(x):
        slope = np.real(x) * np.imag(y) - np.real(y) * np.imag(x)
        real = real + 1j * slope / (np.real(x) ** 2 + np.real(y) ** 2)
    return real


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "abs": _absolute,
    "sinc": lambda x: np.asarray(np.sinc(x / np.pi))[()],
    "erf": _error_function,
    "erfc": lambda x: 1 - _error_function(x),
    "floor": lambda x: np.floor(np.real(x)),
    "ceil": lambda x: np.ceil(np.real(x)),
    "round": lambda x: np.round(np.real(x)),
    "frac": lambda x: x - np.trunc(np.real(x)),
    "min": lambda x, y: np.asarray(np.where(np.real(x) <= np.real(y), x, y))[()],
    "max": lambda x, y: np.asarray(np.where(np.real(x) >= np.real(y), x, y))[()],
    "atan2": _arc_tangent,
}
_TWO_ARGUMENTS = {"min", "max", "atan2"}


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
        (sign, part, _program(part)(values))
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
    return Expression(text, names, tree, _program(tree))


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
        wanted = 2 if function in _TWO_ARGUMENTS else 1
        if arguments != wanted:
            raise LatticeError(f"expression '{text}': {function}() takes {wanted} value(s), found {arguments}")


def _program(node: Tree[Token] | Token) -> Program:
    """A node as a function of the values: trees are looked at once, however often their parameters change."""
    assert isinstance(node, Tree)
    kind, parts = node.data, node.children
    if kind == "number":
        number = np.float64(str(parts[0]).replace("d", "e"))
        return lambda values: number
    if kind == "name":
        return partial(_look_up, str(parts[0]))
    if kind == "call":
        return _call(FUNCTIONS[str(parts[0])], [_program(part) for part in parts[1:]])
    if kind == "sign":
        inner = _program(parts[-1])
        odd = [str(sign) for sign in parts[:-1]].count("-") % 2
        return (lambda values: -inner(values)) if odd else inner
    if kind == "pow":
        powers = [_program(part) for part in parts]
        return lambda values: reduce(np.power, [power(values) for power in powers])
    return _chain(parts)


def _call(function: Callable[..., Any], arguments: Sequence[Program]) -> Program:
    return lambda values: function(*(argument(values) for argument in arguments))


def _chain(parts: Sequence[Tree[Token] | Token]) -> Program:
    """A sum or product from the left: value, operator, value, operator, value ..."""
    first = _program(parts[0])
    rest = [(_OPERATORS[str(sign)], _program(part)) for sign, part in zip(parts[1::2], parts[2::2], strict=True)]

    def value(values: Mapping[str, Any]) -> Any:
        result = first(values)
        for operator, part in rest:
            result = operator(result, part(values))
        return result

    return value


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
        ours, theirs = (np.broadcast_to(_program(one)(values), _DRAWS) for one in (first, second))
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


_OPERATORS: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


def _look_up(name: str, values: Mapping[str, Any]) -> Any:
    if name in values:
        return np.asarray(values[name])[()]
    if name in CONSTANTS:
        return np.float64(CONSTANTS[name])
    raise LatticeError(f"unknown parameter '{name}'{did_you_mean(name, values)}")


class Parameters(Mapping[str, Any]):
    """Read-only view of parameter values, found in any case; dependent ones are evaluated."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = {key.lower(): value for key, value in definitions.items()}
        self._values = evaluate_all(self._definitions)

    def changed(self, changes: Mapping[str, Any]) -> Parameters:
        """With other numbers for some that are independent, by lower-case name; what depends on them is evaluated."""
        new = object.__new__(Parameters)
        new._definitions = {**self._definitions, **changes}
        new._values = evaluate_all(new._definitions) if self.dependent else new._definitions
        new.__dict__["dependent"] = self.dependent
        return new

    def __getitem__(self, name: str) -> Any:
        key = name.lower()
        if key not in self._values:
            raise LatticeError(f"unknown parameter '{name}'{did_you_mean(key, self._values)}")
        return self._values[key]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __setitem__(self, name: str, value: object) -> NoReturn:
        raise InputError(self._cannot_be_set(str(name)))

    def __delitem__(self, name: str) -> NoReturn:
        raise InputError("parameters never change: a lattice without one is Lattice(..., parameters=those that stay)")

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            raise InputError(self._cannot_be_set(name))
        super().__setattr__(name, value)

    def _cannot_be_set(self, name: str) -> str:
        """What messages say where one is set as in a dictionary."""
        way = "with_parameters" if name in self else "with_new_parameters"
        return f"parameters never change: lattice.{way}({name}=...) gives a lattice with this '{name}'"

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Parameters({self._values!r})"

    @property
    def values_by_name(self) -> Mapping[str, Any]:
        """The values by lower-case name."""
        return self._values

    @property
    def definitions(self) -> Mapping[str, Any]:
        """Numbers, arrays and (for dependent parameters) the text of the expressions."""
        return dict(self._definitions)

    def is_dependent(self, name: str) -> bool:
        """True when the parameter is defined by an expression."""
        return isinstance(self._definitions.get(name.lower()), str)

    @cached_property
    def dependent(self) -> frozenset[str]:
        """Names of those that are defined by an expression."""
        return frozenset(name for name, value in self._definitions.items() if isinstance(value, str))

    def sources(self, name: str) -> tuple[str, ...]:
        """The free parameters that this one depends on, through others too; itself where it is free.

        >>> Parameters({"kf": 1.2, "ratio": 1.7, "kd": "-ratio*kf", "kd2": "0.9*kd"}).sources("kd2")
        ('kf', 'ratio')
        """
        found: set[str] = set()
        open_names = {name.lower()}
        while open_names:
            one = open_names.pop()
            found.add(one)
            if isinstance(text := self._definitions[one], str):
                open_names |= (parse_expression(text).names & self._definitions.keys()) - found
        return tuple(sorted(found - self.dependent))

    def following(self, names: Collection[str]) -> frozenset[str]:
        """These names, and those of all that depends on them."""
        found = frozenset(names)
        for _ in self.dependent:
            uses = (name for name in self.dependent - found if parse_expression(self._definitions[name]).names & found)
            more = found.union(uses)
            if more == found:
                break
            found = more
        return found


def evaluate_all(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Values of all definitions, dependent ones after what they depend on; a cycle is a LatticeError."""
    values = {name: definition for name, definition in definitions.items() if not isinstance(definition, str)}
    dependent = {name: parse_expression(text) for name, text in definitions.items() if isinstance(text, str)}
    uses = {name: sorted(expression.names & dependent.keys()) for name, expression in dependent.items()}
    try:
        order = list(TopologicalSorter(uses).static_order())
    except CycleError as error:
        raise LatticeError(f"parameters depend on each other in a circle: {' <- '.join(error.args[1])}") from None
    for name in order:
        values[name] = _evaluate_definition(name, dependent[name], values)
    return {name: values[name] for name in definitions}


def _evaluate_definition(name: str, expression: Expression, values: Mapping[str, Any]) -> Any:
    try:
        return expression.evaluate(values)
    except LatticeError as error:
        raise LatticeError(f"parameter '{name}': {error}") from None
