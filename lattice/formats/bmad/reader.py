"""Read a lattice file of Bmad: follow its statements, then build the lattice of one of its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from lattice.elements import Element
from lattice.errors import LatticeError, did_you_mean
from lattice.formats.bmad.beam import Beam
from lattice.formats.bmad.expression import CONSTANTS, OLD_CONSTANTS, Evaluator
from lattice.formats.bmad.kinds import BUILDERS, READABLE, REFUSED, SILENT, USUAL_TILTS, BmadGiven, aperture
from lattice.formats.bmad.statements import CONTROLLERS, PASSED_OVER, SETTINGS
from lattice.formats.bmad.statements import REFUSED as REFUSED_STATEMENTS
from lattice.formats.bmad.text import read_statements
from lattice.formats.given import Definition, Inheritance, Unread, Value
from lattice.formats.lines import Line, Lines, Member
from lattice.formats.names import Names, element_name
from lattice.formats.quantity import Quantity, number
from lattice.formats.variables import Variables
from lattice.lattice import Lattice
from lattice.madx.calls import CalledFiles
from lattice.madx.syntax import split_at_commas, unquoted
from lattice.madx.text import Statement

_DEEPEST_CALL = 20
_MOST_CALLS = 1000
_MOST_CHANGES = 1_000_000
_NAME = r"[A-Za-z_][\w.\\#]*"
_DEFINITION = re.compile(
    rf"(?P<name>{_NAME})\s*(?P<formal>\([^)]*\))?\s*:(?!=)\s*(?P<kind>{_NAME})\s*(?P<more>\[[^\]]*\])?\s*(?P<rest>.*)",
    re.DOTALL,
)
_CHANGE = re.compile(r"(?P<name>[^\s\[\]=,]+)\[(?P<attribute>[^\[\]]+)\]\s*:?=(?P<value>.*)", re.DOTALL)
_ASSIGNMENT = re.compile(rf"(?P<redef>redef\s*:\s*)?(?P<name>{_NAME})\s*:?=(?P<value>.*)", re.DOTALL | re.IGNORECASE)
_ATTRIBUTE = re.compile(r"(?P<name>[A-Za-z_][\w.%()\[\]]*)\s*(?::?=\s*(?P<value>.*))?", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][\w.:%/\\-]*")
_SHORTEST = 3
_PARTS = re.compile(r"[-/%:\\\\]")
_TEXTS = frozenset(("type", "alias", "descrip"))
#: Attributes that only set others, each for itself: what is said last holds.
_SETS = {
    "x_limit": ("x1_limit", "x2_limit"),
    "y_limit": ("y1_limit", "y2_limit"),
    "aperture": ("x1_limit", "x2_limit", "y1_limit", "y2_limit"),
}


def read_bmad(path: str | Path, line: str | None = None, root: str | Path | None = None) -> Lattice:
    """The lattice of one line of a lattice file of Bmad (``.bmad``).

    ``line`` may be omitted when the file USEs one, has one, or one stands in no other. Constants become parameters, and
    what is computed of them stays an expression; parameter[particle] with parameter[p0c] or parameter[e_tot] become
    ``particle``. ``call`` reads files of the same folder and those below, or of ``root`` and below. Statements without
    meaning for a lattice are listed in ``warnings``; nothing is executed.

    Returns:
        Lattice, in m, rad and m^-n; the energy of its particle in eV.

    Raises:
        FileError: missing, no text, what cannot be understood or honoured (superposition, overlays,
            lines with arguments, elements turned round).
        LatticeError: values that make no sense, kinds that cannot be held.
        InputError: which line?

    Source:
        The Bmad manual of 2024.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("cell.bmad").write_text("kf = 2\\nq: quadrupole, l = 0.3, k1 = kf/2\\ncell: line = (q)\\n")
        >>> print(read_bmad("cell.bmad")["q"].k1)
        kf / 2
    """
    reader = _Reader(Path(path), None if root is None else Path(root))
    reader.read(reader.path, depth=0)
    return reader.lattice(line)


class _Reader:
    """What the statements so far have defined, by lower-case names."""

    def __init__(self, path: Path, root: Path | None) -> None:
        self.path, self.called = path, CalledFiles(path, root)
        self.warnings: list[str] = []
        self.variables = Variables(self.note)
        self.evaluator = Evaluator(self._variable, self._known)
        self.beam = Beam(self.note)
        self.definitions: dict[str, Definition] = {}
        self.lines = Lines(_key, minus_turns=False)
        self.names = Names(element_name)
        self.used: list[str] = []
        self.built: dict[str, Element] = {}
        self.calls = self.changes = 0
        self.absent: list[str] = []
        self.inheritance = Inheritance()

    def note(self, statement: Statement, reason: str = "") -> None:
        """Put a statement into the warnings."""
        self.warnings.append(f"{statement.noted} ({reason})" if reason else statement.noted)

    def read(self, path: Path, depth: int) -> None:
        """Follow the statements of a file up to RETURN, END_FILE or its end."""
        title_follows = False
        for statement in read_statements(path):
            word = _first_word(statement.text)
            if title_follows:
                self.note(statement, "title")
            elif word in ("return", "end_file"):
                self.note(statement)
                break
            else:
                self._follow(statement, word, depth)
            title_follows = not title_follows and statement.text.strip().lower().rstrip(",") == "title"

    def _follow(self, statement: Statement, word: str, depth: int) -> None:
        text = statement.text
        if word in PASSED_OVER:
            self.note(statement)
        elif word in REFUSED_STATEMENTS and not re.match(r"\w+\s*[:=]", text):
            raise statement.cannot_be_read(f"{word.upper()} is not honoured: {REFUSED_STATEMENTS[word]}")
        elif (command := re.fullmatch(r"(use|call|beam)\s*,(.*)", text, re.DOTALL | re.IGNORECASE)) is not None:
            {"use": self._use, "beam": self._beam}.get(command[1].lower(), lambda s, rest: self._call(s, rest, depth))(
                statement, command[2]
            )
        elif (change := _CHANGE.fullmatch(text)) is not None:
            self._change(
                statement, change["name"].lower(), change["attribute"].strip().lower(), change["value"].strip()
            )
        elif (found := _ASSIGNMENT.fullmatch(text)) is not None:
            self._assign(statement, found["name"].lower(), found["value"], again=bool(found["redef"]))
        elif (found := _DEFINITION.fullmatch(text)) is not None:
            self._define(statement, found)
        else:
            raise statement.cannot_be_read("expected 'name: kind, attribute = value, ...', 'name = value' or a command")

    # -- commands --

    def _use(self, statement: Statement, rest: str) -> None:
        self.used = [_key(name) for name in rest.split(",")]
        if len(self.used) > 1:
            self.note(statement, "several branches: name the line that is to be read")

    def _beam(self, statement: Statement, rest: str) -> None:
        for name, text in self._pieces(statement, rest):
            if name == "particle":
                self.beam.particle_called(statement, unquoted(text or ""))
            elif name in ("energy", "pc"):
                value = self._evaluated(statement, text or "")
                self.beam.energy(statement, {"energy": "e_tot", "pc": "p0c"}[name], 1e9 * value.value)
            else:
                self.note(statement, f"{name} of BEAM is not kept")

    def _call(self, statement: Statement, rest: str, depth: int) -> None:
        given = dict(self._pieces(statement, rest))
        name = given.get("file") or given.get("filename")
        if not name:
            raise statement.cannot_be_read("call: expected file = name")
        self.calls += 1
        if depth >= _DEEPEST_CALL or self.calls > _MOST_CALLS:
            raise statement.cannot_be_read("call: files call each other in a circle, or too many of them")
        self.read(self.called.file(statement, f'"{unquoted(name)}"'), depth + 1)

    def _assign(self, statement: Statement, name: str, text: str, again: bool) -> None:
        if name in CONSTANTS:
            raise statement.cannot_be_read(f"'{name}' is a constant of Bmad and keeps its value: take this line out")
        if self.variables.get(name) is not None and not again:
            raise statement.cannot_be_read(f"'{name}' is set already: Bmad wants 'redef: {name} = ...'")
        self.variables.assign(statement, name, self._evaluated(statement, text))

    # -- values --

    def _evaluated(self, statement: Statement, text: str) -> Quantity:
        self.absent.clear()
        try:
            value = self.evaluator.evaluate(unquoted(text))
        except LatticeError as error:
            raise statement.cannot_be_read(str(error)) from None
        for name in self.absent:
            self.note(statement, f"{name} is not given up to here, and is 0")
        return value

    def _variable(self, name: str) -> Quantity | None:
        """A constant of the file, or an attribute as it stands."""
        if "[" not in name:
            return self.variables.get(name) or OLD_CONSTANTS.get(name)
        owner, attribute = name[:-1].split("[")
        if owner == "beam":
            value = self.beam.value({"energy": "e_tot", "pc": "p0c"}.get(attribute.strip(), ""))
            return None if value is None else number(1e-9 * value)
        if owner in ("parameter", "beginning"):
            value = self.beam.value(attribute.strip())
            return None if value is None else number(value)
        if owner not in self.definitions:
            return None
        value_here = self.definitions[owner].attributes.get(attribute.strip())
        if value_here is None:
            self.absent.append(name)
            return number(0.0)
        return value_here if isinstance(value_here, Quantity) else None

    def _known(self) -> list[str]:
        return [*self.variables.known(), *self.definitions]

    def _value(self, statement: Statement, kind: str, name: str, text: str | None) -> Value:
        """The value of an attribute: a number, or a word where it is no expression."""
        if text is None:
            return self._usual(statement, kind, name)
        if name in _TEXTS or text.startswith(('"', "'", "{")):
            return unquoted(text)
        if _WORD.fullmatch(text) and not any(map(self._names_a_number, _PARTS.split(text.lower()))):
            return Unread.told(text, f"'{text}' is no number and no name defined before line {statement.line}")
        return self._evaluated(statement, text)

    def _names_a_number(self, word: str) -> bool:
        """``pi`` of pi/4, ``lq`` of lq/2: then it is an expression, not a word with a slash."""
        return word in CONSTANTS or ("[" not in word and self._variable(word) is not None)

    def _usual(self, statement: Statement, kind: str, name: str) -> Value:
        """What an attribute is that stands without a value."""
        if name in ("fint", "fintx"):
            return number(0.5)
        if name == "tilt" and kind in USUAL_TILTS:
            return number(USUAL_TILTS[kind])
        if name == "ref_tilt":
            return number(1.5707963267948966)
        if found := re.fullmatch(r"t(\d{1,2})", name):
            return number(1.5707963267948966 / (int(found[1]) + 1))
        if name == "superimpose":
            return "true"
        raise statement.cannot_be_read(f"expected a value after '{name} ='")

    def _pieces(self, statement: Statement, text: str) -> Iterator[tuple[str, str | None]]:
        """Attributes separated by commas: name and text, None where there is no value."""
        for piece in filter(str.strip, split_at_commas(text)):
            found = _ATTRIBUTE.fullmatch(piece.strip())
            if found is None or found["value"] == "":
                raise statement.cannot_be_read(f"expected 'attribute = value', found '{piece.strip()[:40]}'")
            yield found["name"].lower(), None if found["value"] is None else found["value"].strip()

    # -- definitions --

    def _define(self, statement: Statement, found: re.Match[str]) -> None:
        name, kind, rest = found["name"].lower(), found["kind"].lower(), found["rest"].strip()
        if name in self.definitions or name in self.lines.lines:
            raise statement.cannot_be_read(f"'{name}' is defined twice")
        if kind in ("line", "list"):
            self._define_line(statement, name, found)
            return
        base, inherited = self._kind(statement, kind)
        if base in CONTROLLERS:
            self._controller(statement, base, rest)
            return
        if found["formal"] or found["more"] or (rest and not rest.startswith(",")):
            raise statement.cannot_be_read(f"expected ',' after '{kind}', found '{rest[:40]}'")
        definition = Definition(name, base, self.inheritance.of(statement, inherited), statement)
        self.definitions[name] = definition
        for attribute, text in self._pieces(statement, rest[1:]):
            self._set(statement, definition, attribute, text)

    def _define_line(self, statement: Statement, name: str, found: re.Match[str]) -> None:
        if found["kind"].lower() == "list" or found["formal"] or found["more"]:
            what = "a list" if found["kind"].lower() == "list" else "a line with arguments, or with multipass,"
            raise statement.cannot_be_read(f"{what} is not read: write the members into the lines")
        members = re.fullmatch(r"=\s*\((.*)\)", found["rest"].strip(), re.DOTALL)
        if members is None:
            raise statement.cannot_be_read("expected 'name: line = (member, member, ...)'")
        self.lines.lines[name] = Line(members[1], statement)

    def _kind(self, statement: Statement, kind: str) -> tuple[str, dict[str, Value]]:
        """The kind that a word means (Bmad takes the beginning of one), and what an element bequeaths."""
        if kind in self.definitions:
            return self.definitions[kind].kind, self.definitions[kind].attributes
        known = (*BUILDERS, *REFUSED, *CONTROLLERS)
        fitting = [kind] if kind in known else [name for name in known if name.startswith(kind)]
        if len(fitting) > 1 or (fitting and len(kind) < _SHORTEST):
            raise statement.cannot_be_read(f"'{kind}' may mean {', '.join(sorted(fitting))}: write more of the word")
        if not fitting:
            raise statement.cannot_be_read(
                f"unknown kind of element '{kind}'{did_you_mean(kind, [*known, *self.definitions, 'line'])}"
            )
        return fitting[0], {}

    def _controller(self, statement: Statement, kind: str, rest: str) -> None:
        """A group or girder that does nothing is passed over."""
        _, _, after = rest.partition("}")
        idle = kind in ("group", "girder") and not re.search(r"=\s*[^{\s]", re.sub(r"\{[^{}]*\}", "{", after))
        if not idle:
            raise statement.cannot_be_read(f"{kind.upper()} {CONTROLLERS[kind]}")
        self.note(statement, "does nothing as it stands")

    def _change(self, statement: Statement, owner: str, attribute: str, text: str) -> None:
        if owner in ("parameter", "beginning"):
            self._beam_parameter(statement, attribute, text)
        elif owner in SETTINGS:
            self.note(statement)
        elif owner in self.lines.lines:
            self._line_parameter(statement, owner, attribute)
        else:
            for definition in self._matching(statement, owner):
                self.changes += 1
                if self.changes > _MOST_CHANGES:
                    raise statement.cannot_be_read(f"more than {_MOST_CHANGES:,} attributes are changed up to here")
                self._set(statement, definition, attribute, text)

    def _line_parameter(self, statement: Statement, line: str, name: str) -> None:
        """What a line begins with; its particle is read where it is said of the whole file."""
        if name in ("particle", "p0c", "e_tot"):
            raise statement.cannot_be_read(f"'{line}' is a line: say it of the file, parameter[{name}] = ...")
        self.note(statement)

    def _set(self, statement: Statement, definition: Definition, attribute: str, text: str | None) -> None:
        value = self._value(statement, definition.kind, attribute, text)
        if attribute == "superimpose" and value not in ("f", "F", "false", "False"):
            raise statement.cannot_be_read(
                f"'{definition.name}' is superimposed, which is not honoured: {REFUSED_STATEMENTS['superimpose']}"
            )
        definition.attributes.update(dict.fromkeys(_SETS.get(attribute, (attribute,)), value))
        definition.changed = None if statement is definition.statement else statement

    def _beam_parameter(self, statement: Statement, name: str, text: str) -> None:
        if name == "particle":
            self.beam.particle_called(statement, unquoted(text))
        elif name in ("e_tot", "p0c"):
            self.beam.energy(statement, name, self._evaluated(statement, text).value)
        else:
            self.note(statement)

    def _matching(self, statement: Statement, pattern: str) -> list[Definition]:
        """Elements that a name means, with ``*``, ``%`` and ``kind::`` in it."""
        kind, _, name = pattern.rpartition("::")
        if re.search(r"[#>:~&]|^\d", name):
            raise statement.cannot_be_read(
                f"'{pattern}' means elements of an expanded lattice: change those of the file"
            )
        wild = name.replace("%", "?")
        base = self._kind(statement, kind)[0] if kind and kind != "*" else ""
        found = [
            definition
            for definition in self.definitions.values()
            if fnmatchcase(definition.name, wild) and base in ("", definition.kind)
        ]
        if not found and wild == name and "*" not in name:
            raise statement.cannot_be_read(f"there is no element '{pattern}'{did_you_mean(name, self.definitions)}")
        return found

    # -- the lattice --

    def lattice(self, wanted: str | None) -> Lattice:
        """The lattice of the wanted line."""
        name = self.lines.chosen(None if wanted is None else wanted.lower(), self.used, str(self.path))
        members = self.lines.elements(name)
        if not members:
            raise self.lines.lines[name].statement.makes_no_sense(f"line '{name}' has no elements")
        particle = self.beam.particle()
        elements = [self._element(member) for member in members]
        parameters = self.variables.parameters()
        for theirs, ours in {**self.variables.changed_names(), **self.names.changed()}.items():
            self.warnings.append(f"{self.path.name}: '{theirs}' is called {ours} here")
        try:
            return Lattice(name, elements=elements, parameters=parameters, particle=particle, warnings=self.warnings)
        except LatticeError as error:
            raise LatticeError(f"{self.path}: {error}") from None

    def _element(self, member: Member) -> Element:
        if member.turned:
            raise member.statement.cannot_be_read(f"'{member.name}' is turned round (--), which is not honoured")
        if member.name not in self.built:
            definition = self.definitions.get(member.name)
            if definition is None:
                hint = did_you_mean(member.name, [*self.definitions, *self.lines.lines])
                raise member.statement.cannot_be_read(f"there is no element '{member.name}'{hint}")
            self.built[member.name] = self._built(definition)
        return self.built[member.name]

    def _built(self, definition: Definition) -> Element:
        given = BmadGiven(self.names.of(definition.name), definition, self.variables, self.note)
        given.particle, given.charge = self.beam.particle(), self.beam.charge
        try:
            if definition.kind in REFUSED:
                raise LatticeError(
                    f"'{definition.name}' is a {definition.kind}, which cannot be held: replace it by elements that "
                    f"can ({', '.join(READABLE)}), or take it out"
                )
            if given.word("is_on", "t") in ("f", "false"):
                raise LatticeError(
                    f"'{definition.name}' is off (is_on): make it a drift, or a bend without field errors"
                )
            element = BUILDERS[definition.kind](given)
            opening = aperture(given)
            given.check_rest(SILENT, ())
        except LatticeError as error:
            raise definition.makes_no_sense(error) from None
        return element if opening is None else replace(element, aperture=opening)


def _key(text: str) -> str:
    return unquoted(text).lower()


def _first_word(text: str) -> str:
    found = re.match(r"\s*([A-Za-z_]\w*)(?=\s|,|$)", text)
    return found[1].lower() if found else ""
