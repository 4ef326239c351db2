"""Expressions of Bmad: infix arithmetic that is evaluated at once, with attributes of elements among its names.

Semantics: the Bmad manual, "arithmetic expressions" and "intrinsic functions". Random numbers are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import e, factorial, pi, sqrt

from lattice.errors import LatticeError, did_you_mean
from lattice.formats.bmad.species import species_called
from lattice.formats.quantity import Quantity, called, combined, negative, number
from lattice.madx.syntax import unquoted
from lattice.reference import ATOMIC_MASS_UNIT, ELECTRON_MASS, PROTON_MASS, SPEED_OF_LIGHT

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?)(?![\w.\[])
    | (?P<name>[A-Za-z_][\w.\\\#]*(?:\[[^\[\]]*\])?)
    | (?P<sign>[-+*/^(),]))\s*""",
    re.VERBOSE,
)
_DEEPEST = 60
#: Bmad's constants and those of PALS (r_electron, r_proton), SI and eV;
#: those of MAD (emass, pmass) in GeV. Masses are CODATA 2022, as everywhere here.
CONSTANTS: dict[str, Quantity] = {
    "pi": Quantity(pi, "pi"),
    "twopi": Quantity(2 * pi, "twopi"),
    "fourpi": Quantity(4 * pi),
    "e": Quantity(e),
    "e_log": Quantity(e),
    "sqrt_2": Quantity(sqrt(2.0)),
    "degrad": Quantity(180 / pi, "degrad"),
    "degrees": Quantity(pi / 180, "raddeg"),
    "raddeg": Quantity(pi / 180, "raddeg"),
    "c_light": Quantity(SPEED_OF_LIGHT, "clight"),
    "m_electron": Quantity(ELECTRON_MASS),
    "m_proton": Quantity(PROTON_MASS),
    "emass": Quantity(ELECTRON_MASS * 1e-9, "emass"),
    "pmass": Quantity(PROTON_MASS * 1e-9, "pmass"),
    "atomic_mass_unit": Quantity(ATOMIC_MASS_UNIT),
    "e_charge": Quantity(1.602_176_634e-19, "qelect"),
    "r_e": Quantity(2.817_940_3205e-15, "erad"),
    "r_electron": Quantity(2.817_940_3205e-15, "erad"),
    "r_proton": Quantity(2.817_940_3205e-15 * ELECTRON_MASS / PROTON_MASS, "prad"),
    "r_p": Quantity(2.817_940_3205e-15 * ELECTRON_MASS / PROTON_MASS, "prad"),
    "h_planck": Quantity(4.135_667_696e-15),
    "h_bar_planck": Quantity(6.582_119_569e-16),
    "fine_struct_const": Quantity(7.297_352_5693e-3),
}
#: What older files write without defining it; a file may.
OLD_CONSTANTS = {"clight": Quantity(SPEED_OF_LIGHT, "clight")}
_ONE = number(1.0)
_SAME = ("sqrt", "log", "exp", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh")
_FUNCTIONS: dict[str, Callable[[Quantity], Quantity]] = {
    **{name: lambda a, name=name: called(name, a) for name in (*_SAME, "atanh", "abs", "sinc", "floor")},  # type: ignore[misc]
    "ceiling": lambda a: called("ceil", a),
    "cot": lambda a: combined("/", _ONE, called("tan", a)),
    "coth": lambda a: combined("/", _ONE, called("tanh", a)),
    "int": lambda a: combined("-", a, called("frac", a)),
    "factorial": lambda a: _factorial(a),
}


def _factorial(a: Quantity) -> Quantity:
    if a.text or a.value != int(a.value) or not 0 <= a.value <= 100:
        raise LatticeError("factorial() takes a whole number from 0 to 100")
    return number(float(factorial(int(a.value))))


class Evaluator:
    """Evaluates expressions; ``variable`` finds a name or ``element[attribute]``, None where there is none."""

    def __init__(self, variable: Callable[[str], Quantity | None], known: Callable[[], list[str]]) -> None:
        self._variable, self._known = variable, known

    def evaluate(self, text: str) -> Quantity:
        """The value of an expression; LatticeError tells the place that cannot be read."""
        return _Reading(text, self._variable, self._known).whole()


class _Reading:
    """One expression, word by word: sums of products of signed powers, from the left."""

    def __init__(self, text: str, variable: Callable[[str], Quantity | None], known: Callable[[], list[str]]) -> None:
        self._text, self._variable, self._known = text, variable, known
        self._at, self._depth = 0, 0
        self._next: re.Match[str] | None = None
        self._step()

    def whole(self) -> Quantity:
        result = self._sum()
        if self._next is not None or self._at < len(self._text.rstrip()):
            raise self._unread()
        return result

    def _step(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        self._next = found
        self._begin = self._at
        self._at = found.end() if found else self._at

    def _unread(self) -> LatticeError:
        rest = self._text[self._begin :].strip()[:20]
        return LatticeError(
            f"cannot read the expression '{self._text.strip()[:80]}' at {repr(rest) if rest else 'its end'}"
        )

    def _taken(self, signs: str) -> str:
        """The next sign, taken, where it is one of these; else nothing."""
        sign = self._next["sign"] if self._next is not None else None
        if not sign or sign not in signs:
            return ""
        self._step()
        return sign

    def _sum(self) -> Quantity:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise LatticeError(f"the expression '{self._text[:60]}' is too deeply nested")
        result = self._product()
        while sign := self._taken("+-"):
            result = combined(sign, result, self._product())
        self._depth -= 1
        return result

    def _product(self) -> Quantity:
        result = self._signed()
        while sign := self._taken("*/"):
            result = combined(sign, result, self._signed())
        return result

    def _signed(self) -> Quantity:
        minus = False
        while sign := self._taken("+-"):
            minus ^= sign == "-"
        power = self._power()
        return negative(power) if minus else power

    def _power(self) -> Quantity:
        result = self._atom()
        while self._taken("^"):
            minus = self._taken("-") == "-"
            exponent = self._atom()
            result = combined("^", result, negative(exponent) if minus else exponent)
        return result

    def _atom(self) -> Quantity:
        found = self._next
        if found is not None and found["number"]:
            self._step()
            return number(float(found["number"].lower().replace("d", "e")))
        if found is not None and found["name"]:
            self._step()
            name = found["name"].lower()
            return self._call(name) if self._taken("(") else self._named(name)
        if self._taken("("):
            result = self._sum()
            self._close()
            return result
        raise self._unread()

    def _close(self) -> None:
        if not self._taken(")"):
            raise self._unread()

    def _named(self, name: str) -> Quantity:
        found = self._variable(name)
        if found is None:
            found = CONSTANTS.get(name)
        if found is None:
            known = [*self._known(), *CONSTANTS]
            raise LatticeError(f"'{name[:60]}' is not defined before this place{did_you_mean(name, known)}")
        return found

    def _call(self, name: str) -> Quantity:
        if name in ("mass_of", "charge_of"):
            return self._of_species(name)
        if name == "atan2":
            y = self._sum()
            if not self._taken(","):
                raise self._unread()
            result = called("atan2", y, self._sum())
        elif name in _FUNCTIONS:
            result = _FUNCTIONS[name](self._sum())
        else:
            raise LatticeError(f"the function {name}() is not read: write the number it gives")
        self._close()
        return result

    def _of_species(self, function: str) -> Quantity:
        """The mass [eV] or charge [e] of the species that is named in the brackets."""
        end = self._text.find(")", self._begin)
        species = None if end < 0 else species_called(unquoted(self._text[self._begin : end]))
        if species is None:
            raise LatticeError(f"{function}(): expected the name of a particle that is known here")
        self._at = end + 1
        self._step()
        return number(species.mass if function == "mass_of" else float(species.charge))
