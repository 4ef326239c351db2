"""Read a lattice file of elegant: follow its statements, then build the lattice of one of its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lattice.building.mirror import reversed_elements
from lattice.elements import Bend, Element
from lattice.errors import LatticeError, did_you_mean
from lattice.formats.elegant.kinds import BUILDERS, NOTED, SILENT
from lattice.formats.elegant.pieces import cut_faces, inner_faces
from lattice.formats.elegant.rpn import Calculator
from lattice.formats.elegant.text import read_statements
from lattice.formats.given import Definition, Given, Inheritance, Unread, Value
from lattice.formats.lines import Line, Lines, Member
from lattice.formats.names import Names, element_name
from lattice.formats.quantity import number
from lattice.formats.variables import Variables
from lattice.lattice import Lattice
from lattice.madx.calls import CalledFiles
from lattice.madx.syntax import split_at_commas
from lattice.madx.text import Statement

_DEEPEST_CALL = 10  # elegant's own bound
_MOST_CALLS = 1000
_NAME = r'"[^"]*"|[^\s",:=()]+'
_DEFINITION = re.compile(rf"(?P<name>{_NAME})\s*:\s*(?P<kind>{_NAME})\s*(?P<rest>.*)", re.DOTALL)
_ATTRIBUTE = re.compile(r'(?P<name>[A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(?P<value>"(?:\\.|[^"\\])*"|[^"]+)', re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?")
_TEXTS = frozenset(
    ("filename", "group", "label", "mode", "fiducial", "body_focus_model", "method", "open_side", "insert_from")
)


def read_elegant(path: str | Path, line: str | None = None, root: str | Path | None = None) -> Lattice:
    """The lattice of one line of a lattice file of elegant (``.lte``).

    ``line`` may be omitted when the file USEs one, has one, or one stands in no other. Variables of ``%`` lines become
    parameters, and what is computed of them in quotes stays an expression. ``#INCLUDE:`` reads files of the same folder
    and those below, or of ``root`` and below. A reflected bend has its faces exchanged, as in elegant. The file has no
    particle. Statements without meaning for a lattice are listed in ``warnings``; nothing is executed.

    Returns:
        Lattice, in m, rad and m^-n.

    Raises:
        FileError: missing, no text, what cannot be understood or honoured.
        LatticeError: values that make no sense, kinds that cannot be held.
        InputError: which line?

    Source:
        Manual and source of elegant 2024.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("cell.lte").write_text("Q: QUAD, L=0.3, K1=1.2\\nCELL: LINE=(Q)\\n")
        >>> print(read_elegant("cell.lte").length)
        0.3
    """
    reader = _Reader(Path(path), None if root is None else Path(root))
    reader.read(reader.path, depth=0)
    return reader.lattice(line)


class _Reader:
    """What the statements so far have defined; names are as elegant has them: in capitals without quotes."""

    def __init__(self, path: Path, root: Path | None) -> None:
        self.path, self.called = path, CalledFiles(path, root)
        self.warnings: list[str] = []
        self.variables = Variables(self.note)
        self.calculator = Calculator(self.variables)
        self.definitions: dict[str, Definition] = {}
        self.lines = Lines(_key, minus_turns=True)
        self.names = Names(element_name)
        self.used: list[str] = []
        self.built: dict[str, Element] = {}
        self.calls = 0
        self.inheritance = Inheritance()
        self.title_follows = False

    def note(self, statement: Statement, reason: str = "") -> None:
        """Put a statement into the warnings."""
        self.warnings.append(f"{statement.noted} ({reason})" if reason else statement.noted)

    def read(self, path: Path, depth: int) -> None:
        """Follow the statements of a file up to USE, RETURN or its end."""
        ended = False
        for statement in read_statements(path):
            if ended:
                self.note(statement, "and what follows: elegant reads no further than USE or RETURN")
                break
            ended = self._follow(statement, depth) in ("use", "return")

    def _follow(self, statement: Statement, depth: int) -> str:
        text = statement.text
        if self.title_follows:
            self.title_follows = False
            self.note(statement, "title")
        elif text.startswith("%"):
            self.calculator.follow(statement, text[1:])
        elif text.upper().startswith("#INCLUDE:"):
            self._include(statement, text[len("#INCLUDE:") :].strip(), depth)
        elif (found := _DEFINITION.fullmatch(text)) is not None:
            self._define(statement, _key(found["name"]), found["kind"], found["rest"].strip())
        else:
            return self._command(statement)
        return ""

    def _command(self, statement: Statement) -> str:
        word, _, rest = statement.text.partition(",")
        keyword = word.strip().upper()
        if keyword == "USE" and rest.strip():
            self.used = [_key(rest)]
        elif keyword in ("RETURN", "TITLE"):
            self.title_follows = keyword == "TITLE"
            self.note(statement)
        else:
            raise statement.cannot_be_read("expected 'name: kind, attribute=value, ...', a line, '%' or #INCLUDE")
        return keyword.lower()

    def _include(self, statement: Statement, name: str, depth: int) -> None:
        self.calls += 1
        if depth >= _DEEPEST_CALL or self.calls > _MOST_CALLS:
            raise statement.cannot_be_read("#INCLUDE: files include each other in a circle, or too many of them")
        self.read(self.called.file(statement, name), depth + 1)

    # -- definitions --

    def _define(self, statement: Statement, name: str, kind: str, rest: str) -> None:
        if name in self.definitions or name in self.lines.lines:
            raise statement.cannot_be_read(f"'{name}' is defined twice")
        if _key(kind) == "LINE":
            found = re.fullmatch(r"=\s*\((.*)\)", rest, re.DOTALL)
            if found is None:
                raise statement.cannot_be_read("expected 'name: LINE=(member, member, ...)'")
            self.lines.lines[name] = Line(found[1], statement)
            return
        if rest and not rest.startswith(","):
            raise statement.cannot_be_read(f"expected ',' after '{kind}', found '{rest[:40]}'")
        base, inherited = self._kind(statement, kind)
        given = dict(self._attributes(statement, rest[1:]))
        self.definitions[name] = Definition(name, base, {**inherited, **given}, statement)

    def _kind(self, statement: Statement, kind: str) -> tuple[str, dict[str, Value]]:
        """The kind that a word means (elegant takes QUADRUPOLE for QUAD, and QUA), and what an element bequeaths."""
        key = _key(kind)
        if key not in BUILDERS and key in self.definitions:
            return self.definitions[key].kind, self.inheritance.of(statement, self.definitions[key].attributes)
        fitting = [key] if key in BUILDERS else [n for n in BUILDERS if n.startswith(key) or key.startswith(n)]
        if len(fitting) > 1:
            raise statement.cannot_be_read(f"'{kind}' may mean {', '.join(fitting)}: write more of the word")
        if not fitting:
            known = [*BUILDERS, *self.definitions, "LINE"]
            raise statement.cannot_be_read(
                f"unknown kind of element '{kind}'{did_you_mean(key, map(str.lower, known))}"
            )
        return fitting[0], {}

    def _attributes(self, statement: Statement, text: str) -> Iterable[tuple[str, Value]]:
        for piece in filter(str.strip, split_at_commas(text)):
            found = _ATTRIBUTE.fullmatch(piece.strip())
            if found is None:
                raise statement.cannot_be_read(f"expected 'attribute=value', found '{piece.strip()[:40]}'")
            name = found["name"].lower()
            yield name, self._value(statement, name, found["value"].strip())

    def _value(self, statement: Statement, name: str, text: str) -> Value:
        if _NUMBER.fullmatch(text):
            try:
                return number(float(text.lower().replace("d", "e")))
            except LatticeError as error:
                raise statement.makes_no_sense(f"{name}: {error}") from None
        inner = text[1:-1].replace('\\"', '"') if text.startswith('"') else text
        if name in _TEXTS:
            return inner
        try:
            value = self.calculator.computed(statement, inner)
        except LatticeError as error:
            return Unread.told(inner, error)  # the name of a file, or a word of elegant's
        return Unread.told(inner, "expected a value") if value is None else value

    # -- the lattice --

    def lattice(self, wanted: str | None) -> Lattice:
        """The lattice of the wanted line."""
        name = self.lines.chosen(self._line_called(wanted), self.used, str(self.path))
        members = self.lines.elements(name)
        if not members:
            raise self.lines.lines[name].statement.makes_no_sense(f"line '{name}' has no elements")
        elements = self._pieces(members, [self._element(member) for member in members])
        parameters = self.variables.parameters()
        for theirs, ours in {**self.variables.changed_names(), **self.names.changed()}.items():
            self.warnings.append(f"{self.path.name}: '{theirs}' is called {ours} here")
        try:
            return Lattice(element_name(name), elements=elements, parameters=parameters, warnings=self.warnings)
        except LatticeError as error:
            raise LatticeError(f"{self.path}: {error}") from None

    def _line_called(self, wanted: str | None) -> str | None:
        """A line is found in any case."""
        lower = {name.lower(): name for name in self.lines.lines}
        return None if wanted is None else lower.get(wanted.lower(), wanted)

    def _element(self, member: Member) -> Element:
        key = member.name
        if key not in self.built:
            definition = self.definitions.get(key)
            if definition is None:
                hint = did_you_mean(key, [name.lower() for name in (*self.definitions, *self.lines.lines)])
                raise member.statement.cannot_be_read(f"there is no element '{key}'{hint}")
            self.built[key] = self._built(definition)
        element = self.built[key]
        return reversed_elements([element])[0] if member.turned and isinstance(element, Bend) else element

    def _pieces(self, members: list[Member], elements: list[Element]) -> list[Element]:
        """With bends that follow each other under one name as pieces of one magnet."""
        kinds = [self.definitions[member.name].kind for member in members]
        for at, (first, last) in sorted(inner_faces([member.name for member in members], kinds).items()):
            bend = elements[at]
            if isinstance(bend, Bend):
                elements[at] = self._piece(members[at], bend, cut_faces(bend, first, last))
        return elements

    def _piece(self, member: Member, whole: Bend, cuts: dict[str, bool]) -> Bend:
        """The bend without these faces, under a name of its own."""
        if not cuts:
            return whole
        key = f"{member.name} {'turned ' if member.turned else ''}{' '.join(cuts)}"
        if key not in self.built:
            self.note(self.definitions[member.name].statement, "pieces in a row are one magnet: no faces between them")
            place = "inner" if len(cuts) > 1 else "last" if "kill_ent_fringe" in cuts else "first"
            self.built[key] = replace(whole, name=self.names.of(f"{whole.name}_{place}"), **cuts)  # type: ignore[arg-type]
        return self.built[key]  # type: ignore[return-value]

    def _built(self, definition: Definition) -> Element:
        given = Given(self.names.of(definition.name), definition, self.variables, self.note)
        try:
            element = BUILDERS[definition.kind](given)
            given.check_rest(SILENT, NOTED)
        except LatticeError as error:
            raise definition.statement.makes_no_sense(error) from None
        return element


def _key(text: str) -> str:
    """The name that elegant gives: what has no quotes is in capitals."""
    text = text.strip()
    return text[1:-1] if text.startswith('"') and text.endswith('"') and len(text) > 1 else text.upper()
