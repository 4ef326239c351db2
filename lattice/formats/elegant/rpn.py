"""Reverse Polish arithmetic of elegant: ``0.3 sto kf`` on lines that begin with ``%``, and in quotes in elements.

Semantics: the manual of the SDDS toolkit, "rpn calculator module". Each text has a stack of its own; what is defined
elsewhere (``udf``, files of definitions) is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from math import pi

from lattice.errors import LatticeError, did_you_mean
from lattice.formats.quantity import Quantity, called, combined, negative, number
from lattice.formats.variables import Variables
from lattice.madx.text import Statement

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?")
_LONGEST_STACK = 1000
_OPERATORS = {"+": "+", "-": "-", "*": "*", "mult": "*", "/": "/", "pow": "^"}
_FUNCTIONS = {"sqrt": "sqrt", "exp": "exp", "ln": "log", "abs": "abs", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh"}
_FUNCTIONS |= {name: name for name in ("sin", "cos", "tan", "asin", "acos", "atan")}
_CONSTANTS = {"pi": Quantity(pi, "pi"), "c_mks": Quantity(299_792_458.0, "clight")}
_TO_RADIANS = combined("/", Quantity(pi, "pi"), number(180.0))


def _of_degrees(function: str, a: Quantity) -> Quantity:
    return called(function, combined("*", a, _TO_RADIANS))


def _in_degrees(function: str, a: Quantity) -> Quantity:
    return combined("/", called(function, a), _TO_RADIANS)


_UNARY: dict[str, Callable[[Quantity], Quantity]] = {
    "chs": negative,
    "rec": lambda a: combined("/", number(1.0), a),
    "sqr": lambda a: combined("*", a, a),
    **{name: partial(called, ours) for name, ours in _FUNCTIONS.items()},
    **{f"d{name}": partial(_of_degrees, name) for name in ("sin", "cos", "tan")},
    **{f"da{name}": partial(_in_degrees, f"a{name}") for name in ("sin", "cos", "tan")},
}
_BINARY: dict[str, Callable[[Quantity, Quantity], Quantity]] = {
    **{name: partial(combined, sign) for name, sign in _OPERATORS.items()},
    "max2": partial(called, "max"),
    "min2": partial(called, "min"),
    "hypot": lambda a, b: called("sqrt", combined("+", combined("*", a, a), combined("*", b, b))),
}


class Calculator:
    """Follows texts of the calculator; variables that it stores are those of the file."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables

    def follow(self, statement: Statement, text: str) -> Quantity | None:
        """Compute a text: the number on top of the stack, None where there is none. FileError tells the word."""
        try:
            return self.computed(statement, text)
        except LatticeError as error:
            raise statement.cannot_be_read(str(error)) from None

    def computed(self, statement: Statement, text: str) -> Quantity | None:
        """The same with LatticeError, which names no place; ``statement`` is where variables are set."""
        stack: list[Quantity] = []
        words = iter(text.split())
        for word in words:
            if word == "sto":
                self._store(statement, next(words, ""), stack)
            else:
                self._step(word, stack)
            if len(stack) > _LONGEST_STACK:
                raise LatticeError(f"more than {_LONGEST_STACK} numbers on the stack")
        return stack[-1] if stack else None

    def _store(self, statement: Statement, name: str, stack: list[Quantity]) -> None:
        if not name or not stack or _NUMBER.fullmatch(name):
            raise LatticeError("expected a number before 'sto' and the name of a variable after it")
        self._variables.assign(statement, name, stack[-1])

    def _step(self, word: str, stack: list[Quantity]) -> None:
        if _NUMBER.fullmatch(word):
            stack.append(number(float(word.lower().replace("d", "e"))))
        elif (variable := self._variable(word)) is not None:
            stack.append(variable)
        elif word in _UNARY:
            stack.append(_UNARY[word](*_taken(word, stack, 1)))
        elif word in _BINARY:
            stack.append(_BINARY[word](*_taken(word, stack, 2)))
        elif word in ("=", "swap", "pop", "cle", "rcl"):
            _rearranged(word, stack)
        else:
            raise LatticeError(
                f"'{word[:60]}' is no number, no variable set before, and no function that is read"
                f"{did_you_mean(word, [*self._variables.known(), *_UNARY, *_BINARY])}"
            )

    def _variable(self, word: str) -> Quantity | None:
        """A variable, also in capitals, as elegant turns what stands without quotes; or a constant."""
        return self._variables.get(word) or self._variables.get(word.upper()) or _CONSTANTS.get(word)


def _taken(word: str, stack: list[Quantity], count: int) -> list[Quantity]:
    """The last numbers of the stack, taken from it."""
    if len(stack) < count:
        raise LatticeError(f"'{word}' needs {count} numbers on the stack, found {len(stack)} in this text")
    taken = stack[-count:]
    del stack[-count:]
    return taken


def _rearranged(word: str, stack: list[Quantity]) -> None:
    if word == "=":
        stack.extend(_taken(word, stack, 1) * 2)
    elif word == "swap":
        stack.extend(reversed(_taken(word, stack, 2)))
    elif word == "pop":
        _taken(word, stack, 1)
    elif word == "cle":
        stack.clear()
