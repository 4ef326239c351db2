"""Variables of a MAD-X file: ``=`` evaluates now, ``:=`` stays an expression.

An undefined variable is 0, as in MAD-X, and is noted. ``element->attribute`` and ``beam->attribute`` stand for the
values they have; in an expression that is kept they are replaced by what they stand for.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from math import isfinite, trunc

from lattice.errors import LatticeError
from lattice.expressions.functions import CONSTANTS
from lattice.expressions.parsing import parse_expression
from lattice.lattice import COUNTS_AS_0
from lattice.madx.arithmetic import Strength, bracketed
from lattice.madx.expression import sign_after_operator
from lattice.madx.syntax import Assignment, unquoted
from lattice.madx.text import Statement
from lattice.parameters import evaluate_all

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eEdD][-+]?\d+)?")
_REFERENCE = re.compile(r"[A-Za-z_][A-Za-z0-9_.$@#]*\s*->\s*[A-Za-z][A-Za-z0-9_]*")
_NOT_READ = re.compile(r"\b(table|tabindex|tabstring|ranf|gauss|tgauss|user0|user1|user2)\s*\(")
_LONGEST = 10_000
_MOST_EVALUATIONS = 400_000


class Variables:
    """What the file has defined so far. ``attribute`` finds the value of ``element->attribute``."""

    def __init__(self, note: Callable[[Statement, str], None], attribute: Callable[[str, str], Strength]) -> None:
        self._note = note
        self._attribute = attribute
        self._definitions: dict[str, Strength] = {}
        self._places: dict[str, Statement] = {}
        self._unread: dict[str, Statement] = {}
        self._fixed: set[str] = set()
        self._undefined: set[str] = set()
        self._has_references = False
        self._evaluations = 0
        self._values: dict[str, float] = {}  # as long as nothing changes
        self._elsewhere: dict[str, float] = {}
        self.results: set[str] = set()  # names under which MAD-X would keep what it computes

    def assign(self, statement: Statement, assignment: Assignment) -> None:
        """Define a variable; what cannot be read is noted, and an error only where it is used."""
        name = assignment.name
        if name in CONSTANTS or name in self._fixed:
            self._note(statement, "a constant keeps its value, as in MAD-X")
            return
        self._places[name] = statement
        text = assignment.text
        if text[:1] in ("'", '"') or _NOT_READ.search(text.lower()) or self._is_result(text):
            self._unread[name] = statement
            self._definitions.pop(name, None)
            self._note(statement, "this value is not read")
        else:
            value = self.strength(statement, text, assignment.deferred and not assignment.whole)
            self._unread.pop(name, None)
            self._definitions[name] = float(trunc(value)) if assignment.whole and isinstance(value, float) else value
        if assignment.constant:
            self._fixed.add(name)
        if name in self._values:
            self._values = {}

    def _is_result(self, text: str) -> bool:
        return any(found[0].split("->")[0].strip().lower() in self.results for found in _REFERENCE.finditer(text))

    def get(self, name: str) -> Strength | None:
        """The definition of a variable, if there is one."""
        return self._definitions.get(name)

    def forget_values(self) -> None:
        """To be called when something that ``element->attribute`` may refer to has changed."""
        if self._has_references:
            self._values = {}

    def strength(self, statement: Statement, text: str, deferred: bool) -> Strength:
        """The value now or, if deferred, the expression (a number where nothing is named in it)."""
        if _NUMBER.fullmatch(text):
            number = float(text.lower().replace("d", "e"))
            if not isfinite(number):
                raise statement.makes_no_sense(f"the number {text} is too large")
            return number
        text = self._checked(statement, text)
        if deferred and not parse_expression(text).names <= CONSTANTS.keys():
            return text
        return self.number(statement, text)

    def number(self, statement: Statement, strength: Strength) -> float:
        """The value now."""
        if isinstance(strength, float):
            return strength
        try:
            expression = parse_expression(strength)
            values = self._evaluated(statement, expression.names)
            number = expression.evaluate(values)
        except LatticeError as error:
            raise statement.makes_no_sense(error) from None
        assert isinstance(number, float)
        return number

    def _checked(self, statement: Statement, text: str) -> str:
        text = " ".join(unquoted(text).lower().split())
        text = re.sub(r"\s*->\s*", "->", text)
        self._has_references = self._has_references or "->" in text
        if found := _NOT_READ.search(text):
            raise statement.cannot_be_read(f"{found[1]}() is not read: write the number it should give")
        if sign_after_operator(text):
            raise statement.cannot_be_read(
                f"a sign after an operator in '{text[:60]}': MAD-X takes such an expression as 0; write 2*(-3)"
            )
        try:
            parse_expression(text)
        except LatticeError as error:
            raise statement.cannot_be_read(str(error)) from None
        return text

    def _evaluated(self, statement: Statement, names: Iterable[str]) -> dict[str, float]:
        """Values of ``names`` and of all they depend on."""
        needed: dict[str, Strength] = {}
        known: dict[str, float] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in needed or name in known:
                continue
            if name in self._values:
                known[name] = self._values[name]
                continue
            needed[name] = self._meaning(statement, name)
            if isinstance(text := needed[name], str):
                waiting.extend(parse_expression(text).names)
        self._evaluations += len(needed)
        if self._evaluations > _MOST_EVALUATIONS:
            raise statement.cannot_be_read(
                f"more than {_MOST_EVALUATIONS:,} values had to be computed up to here: long chains of variables are "
                "computed again after every change; define them once, before they are used"
            )
        values = {**known, **evaluate_all({**known, **needed})}
        self._values.update(values)
        return values

    def _meaning(self, statement: Statement, name: str) -> Strength:
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in self._unread:
            raise LatticeError(f"'{name}' has a value that is not read, see {self._unread[name].where}")
        if "->" in name:
            return self._attribute(*name.split("->"))
        if name not in self._definitions:
            self._note_undefined(statement, name)
        return self._definitions.get(name, 0.0)

    def _note_undefined(self, statement: Statement, name: str) -> None:
        if name not in self._undefined:
            self._undefined.add(name)
            self._note(statement, f"'{name}' {COUNTS_AS_0}")

    # -- when the whole file has been read --

    def kept(self, statement: Statement, strength: Strength) -> Strength:
        """A strength as a lattice keeps it: names that are nowhere defined become parameters of value 0."""
        if isinstance(strength, float):
            return strength
        text = self._without_references(statement, strength)
        expression = parse_expression(text)
        if expression.names <= CONSTANTS.keys() - self._definitions.keys():
            return self.number(statement, text)
        for name in sorted(
            name for name in expression.names if name not in CONSTANTS and name not in self._definitions
        ):
            if name in self._unread:
                raise statement.makes_no_sense(f"'{name}' has a value that is not read, see {self._unread[name].where}")
            self._note_undefined(statement, name)
            self._definitions[name] = 0.0
        return text

    def _without_references(self, statement: Statement, text: str) -> str:
        for _ in range(100):
            if "->" not in text:
                return text
            try:
                text = _REFERENCE.sub(lambda found: bracketed(self._attribute(*found[0].split("->"))), text)
            except LatticeError as error:
                raise statement.makes_no_sense(error) from None
            if len(text) > _LONGEST:
                break
        raise statement.makes_no_sense(f"'{text[:60]}...' refers to attributes that refer to each other, or too many")

    def parameters(self) -> dict[str, Strength]:
        """All variables that could be read, as parameters of a lattice."""
        dropped = set(self._unread)
        while users := [name for name, value in self._definitions.items() if self._uses(value, dropped)]:
            dropped.update(users)
            for name in users:
                self._note(self._places[name], "depends on a value that is not read")
                self._unread[name] = self._places[name]
                del self._definitions[name]
        for name, value in list(self._definitions.items()):
            self._definitions[name] = self.kept(self._places[name], value) if isinstance(value, str) else value
        return self._checked_values()

    @staticmethod
    def _uses(value: Strength, names: set[str]) -> bool:
        return isinstance(value, str) and not names.isdisjoint(parse_expression(value).names)

    def _settle_quotients_by_zero(self) -> None:
        """``x := a/b`` with b = 0 counts as 0, as in MAD-X (a knob without the numbers that it divides by)."""
        for name, value in self._definitions.items():
            if isinstance(value, str) and self._is_quotient_by_zero(self._places[name], value):
                self._definitions[name], self._values = 0.0, {}
                self._note(self._places[name], "divided by 0: counts as 0, as in MAD-X")

    def _is_quotient_by_zero(self, place: Statement, text: str) -> bool:
        expression = parse_expression(text)
        try:
            return expression.is_quotient_by_zero(self._evaluated(place, expression.names))
        except LatticeError:
            return False

    def _checked_values(self) -> dict[str, Strength]:
        try:
            evaluate_all(self._definitions)
        except LatticeError:
            self._values = {}
            self._settle_quotients_by_zero()
            for name, value in self._definitions.items():
                if isinstance(value, str):
                    self.number(self._places[name], value)  # says where
            evaluate_all(self._definitions)
        return dict(self._definitions)

    def value_elsewhere(self, strength: Strength) -> float | None:
        """The value after all variables have changed a little, to see what varies; None where there is none."""
        if isinstance(strength, float):
            return strength
        try:
            self._elsewhere = self._elsewhere or evaluate_all(self._changed())
            value: float = parse_expression(strength).evaluate(self._elsewhere)
        except LatticeError:  # some value was at the edge of what its function takes
            return None
        return value

    def _changed(self) -> dict[str, Strength]:
        dice = random.Random(20)  # the same for every file
        return {
            name: value if isinstance(value, str) else value * (1 + 0.01 * dice.random()) + 1e-3 * dice.random()
            for name, value in self._definitions.items()
        }
