"""Read a MAD-X file: follow its statements, then build the lattice of one of its sequences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lattice.errors import FileError, HadronOpticsError, LatticeError, did_you_mean
from lattice.files import other_reader
from lattice.lattice import Lattice
from lattice.madx.arithmetic import Strength
from lattice.madx.beam import KNOWN as BEAM_ATTRIBUTES
from lattice.madx.beam import NOT_KEPT, Beam
from lattice.madx.beam import NUMBERS as BEAM_NUMBERS
from lattice.madx.beamline import Beamlines, Line, Placement, Sequence
from lattice.madx.build import Builder, Definition
from lattice.madx.calls import CalledFiles
from lattice.madx.classes import CLASSES, LISTS, TEXTS, UNSUPPORTED
from lattice.madx.commands import BLOCKS, ENDS, PASSED_OVER, REFUSED, PassedOver
from lattice.madx.flow import FLOW, Flow
from lattice.madx.syntax import Assignment, Attribute, Command, attributes, parse, split_at_commas, unquoted
from lattice.madx.text import Statement, read_statements
from lattice.madx.values import Options
from lattice.madx.variables import Variables

_DEEPEST_CALL = 20
_MOST_CALLS = 1000
_REFER = {"entry": "entry", "centre": "centre", "center": "centre", "exit": "exit"}
#: Parents of septa in the files we write, now and in former ones; Xsuite's loader knows no ELSEPARATOR.
_SEPTA = {"electrostatic_septum": ("placeholder", "elseparator"), "magnetic_septum": ("placeholder",)}


def read_madx(path: str | Path, sequence: str | None = None, root: str | Path | None = None) -> Lattice:
    """The lattice of one SEQUENCE or LINE of a MAD-X file.

    ``sequence`` may be omitted when there is one, or one that the file USEs. ``:=`` stays an expression of
    parameters; drifts between elements are called drift_0, drift_1 ... ; BEAM becomes ``particle``. Statements that
    do not change the lattice are passed over and listed in one line of ``warnings``, with their places; nothing is
    executed.

    Equation:
        MAD-X's: K_n = d^n By/dx^n / (B rho), RBEND of straight length L has the arc L (angle/2) / sin(angle/2).

    Returns:
        Lattice, in MAD-X's units (m, rad, m^-n), the energy of BEAM in eV.

    Raises:
        FileError: missing, no text, cut off, a statement that cannot be understood or honoured.
        LatticeError: values that make no sense.
        InputError: which sequence?

    Source:
        The MAD-X user's guide, checked against MAD-X 5.09.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("cell.seq").write_text("kf = 2; q: quadrupole, l=0.3, k1:=kf; d: drift, l=1; cell: line=(q, d);")
        >>> cell = read_madx("cell.seq")
        >>> print(round(cell.length, 9), dict(cell.parameters))
        1.3 {'kf': 2.0}
    """
    reader = _Reader(Path(path), None if root is None else Path(root))
    try:
        reader.read(reader.path, depth=0)
        return reader.lattice(sequence)
    except HadronOpticsError as error:
        if hint := other_reader(path, "read_madx"):
            raise type(error)(f"{error}{hint}") from None
        raise


class _Reader:
    """What the statements so far have defined."""

    def __init__(self, path: Path, root: Path | None) -> None:
        self.path, self.called = path, CalledFiles(path, root)
        self.warnings: list[str] = []
        self.passed = PassedOver()
        self.variables = Variables(self.note, self._attribute_value)
        self.definitions: dict[str, Definition] = {}
        self.builder = Builder(self.definitions, self.variables, self.note)
        self.beamlines = Beamlines(self.builder.length, self.builder.kept)
        self.open_sequence: Sequence | None = None
        self.beams: dict[str | None, Beam] = {}
        self.options = Options()
        self.used: dict[str, Options] = {}
        self.uses: list[tuple[Statement, str]] = []
        self.block: tuple[Statement, str] | None = None
        self.ended = False
        self.calls = 0
        self.flow = Flow(self._number, self.note)

    def note(self, statement: Statement, reason: str = "") -> None:
        """Put a statement into the warnings."""
        self.warnings.append(f"{statement.noted} ({reason})" if reason else statement.noted)

    # -- statements --

    def read(self, path: Path, depth: int) -> None:
        """Follow the statements of a file."""
        self._follow_all(read_statements(path), depth)
        if depth == 0:
            self._refuse_open_ends()

    def _follow_all(self, statements: Iterable[Statement], depth: int) -> str:
        """Follow statements; "return" where one of them ends the file that they stand in."""
        with self.flow.inside():
            for statement in statements:
                if self.ended:
                    self.note(statement, "not read, the file has stopped before")
                    break
                if self._follow(statement, depth) == "return":
                    return "return"
        return ""

    def _number(self, statement: Statement, text: str) -> float:
        return self.variables.number(statement, self.variables.strength(statement, text, deferred=False))

    def _refuse_open_ends(self) -> None:
        if self.open_sequence is not None:
            name = self.open_sequence.name
            raise self.open_sequence.statement.cannot_be_read(
                f"sequence '{name}' begins here and never ends: expected 'endsequence;' before the end of the file"
            )
        if self.block is not None:
            statement, end = self.block
            raise statement.cannot_be_read(f"this block never ends: expected '{end};' before the end of the file")

    def _follow(self, statement: Statement, depth: int) -> str:
        if statement.text.lstrip().startswith("#") and self.open_sequence is None:
            self.note(statement, "begins with '#': not followed")
            return ""
        node = parse(statement)
        if not (isinstance(node, Command) and node.keyword in ("else", "elseif")):
            self.flow.taken = None
        if self.block is not None:
            if isinstance(node, Command) and node.keyword == self.block[1]:
                self.block = None
        elif isinstance(node, Assignment):
            self._assign(statement, node)
        elif node.keyword == "call":
            self._call(statement, node, depth)
        elif node.keyword in FLOW and node.keyword not in self.definitions:
            return self.flow.follow(statement, node, partial(self._follow_all, depth=depth))
        elif node.keyword in REFUSED and node.keyword not in self.definitions:
            raise statement.cannot_be_read(
                f"{node.keyword.upper()} would change the lattice and is not honoured: {REFUSED[node.keyword]}"
            )
        else:
            self._command(statement, node)
            return node.keyword
        return ""

    def _assign(self, statement: Statement, node: Assignment) -> None:
        if "->" not in node.name:
            if node.misplaced:
                self.note(
                    statement, "MAD-X knows 'real const' and 'int const' only, and takes 'const real' for nothing"
                )
            self.variables.assign(statement, node)
            return
        owner, name = node.name.split("->")
        change = Attribute(name, node.text, node.deferred)
        if owner == "beam":
            self._change_beam(statement, [change])
        elif owner in self.definitions:
            self._change(statement, owner, [change])
        else:
            raise statement.cannot_be_read(f"there is no element '{owner}'{did_you_mean(owner, self.definitions)}")

    def _command(self, statement: Statement, node: Command) -> None:
        keyword = node.keyword
        if keyword == "sequence" and node.label:
            self._begin_sequence(statement, node)
        elif keyword == "endsequence":
            self._end_sequence(statement)
        elif keyword == "line" and node.label:
            self._define_line(statement, node)
        elif keyword in ("beam", "resbeam", "option", "use"):
            {"beam": self._beam, "resbeam": self._reset_beam, "option": self._option, "use": self._use}[keyword](
                statement, node
            )
        elif keyword in BLOCKS or (keyword in PASSED_OVER and keyword not in self.definitions):
            self._pass_over(statement, node)
        else:
            self._element(statement, node)

    def _pass_over(self, statement: Statement, node: Command) -> None:
        keyword = node.keyword
        self.passed.add(statement, keyword)
        if node.keyword in ("beta0", "savebeta"):
            self._initial_optics(statement, node)
        if keyword in BLOCKS:
            self.block = (statement, BLOCKS[keyword])
        self.ended = keyword in ENDS

    def _initial_optics(self, statement: Statement, node: Command) -> None:
        """What a BETA0 says can be referred to; what a SAVEBETA saves is not known here."""
        given = attributes(statement, node)
        for label in (unquoted(attribute.text).lower() for attribute in given if attribute.name == "label"):
            self.variables.results.add(label)
        if node.keyword == "beta0" and node.label:
            numbers = [a for a in given if a.name not in ("beta0", "range", "sequence") and not a.flag]
            values = {attribute.name: self._value(statement, attribute) for attribute in numbers}
            self.definitions[node.label] = Definition(node.label, "beta0", values, statement)

    # -- files --

    def _call(self, statement: Statement, node: Command, depth: int) -> None:
        given = {attribute.name: attribute for attribute in attributes(statement, node)}
        if "file" not in given:
            raise statement.cannot_be_read('call: expected file="name"')
        self.calls += 1
        if depth >= _DEEPEST_CALL or self.calls > _MOST_CALLS:
            raise statement.cannot_be_read("call: files call each other in a circle, or too many of them")
        self.read(self.called.file(statement, given["file"].text), depth + 1)

    # -- elements --

    def _element(self, statement: Statement, node: Command) -> None:
        known = node.keyword in self.definitions or node.keyword in CLASSES or node.keyword in UNSUPPORTED
        is_sequence = node.keyword in self.beamlines.names() and not node.label
        if not known and not is_sequence:
            self._of_nothing(statement, node)
            return
        given = attributes(statement, node)
        if self.open_sequence is not None and (is_sequence or any(a.name == "at" for a in given)):
            self._place(statement, node, given, self.open_sequence)
        elif is_sequence:
            raise statement.cannot_be_read(f"'{node.keyword}, at=...' belongs inside a sequence")
        elif node.label:
            self._define(statement, node.label, node.keyword, given)
        elif node.keyword in self.definitions:
            self._change(statement, node.keyword, given)
        else:
            self.note(statement, "defaults of a class are not followed")

    def _of_nothing(self, statement: Statement, node: Command) -> None:
        """``pr.qsk42, ksl := {...};`` of an element that is not there changes nothing, and MAD-X passes it over."""
        changes = [] if node.label or self.open_sequence is not None else attributes(statement, node)
        commands = (*CLASSES, *PASSED_OVER, *BLOCKS, *REFUSED, "sequence", "endsequence", "line", "beam", "use", "call")
        if not changes or any(a.flag for a in changes) or did_you_mean(node.keyword, commands):
            raise self._unknown(statement, node)
        nearest = did_you_mean(node.keyword, self.definitions)
        self.note(statement, f"there is no element '{node.keyword}'{nearest}: passed over, as in MAD-X")

    def _unknown(self, statement: Statement, node: Command) -> FileError:
        known = [*self.definitions, *CLASSES, *PASSED_OVER, *self.beamlines.names(), "sequence", "endsequence", "line"]
        if node.label and node.keyword in self.beamlines.names():
            raise statement.cannot_be_read(
                f"'{node.keyword}' is a sequence or line and must stand without a label: write `{node.keyword}, at=...`"
            )
        what = "element class" if node.label else "command or element"
        return statement.cannot_be_read(f"unknown {what} '{node.keyword}'{did_you_mean(node.keyword, known)}")

    def _define(self, statement: Statement, name: str, parent: str, given: tuple[Attribute, ...]) -> None:
        if name in CLASSES and name not in _SEPTA:
            raise statement.cannot_be_read(f"'{name}' is a MAD-X class and cannot name an element")
        if name in self.beamlines.names():
            raise statement.cannot_be_read(f"'{name}' is already the name of a sequence or line")
        if name == parent:
            self.note(statement, "an element cannot be its own class: ignored, as in MAD-X; leave the label out")
            return
        if parent in self.definitions:
            known = self.definitions[parent]
            base, inherited = known.base, dict(known.attributes)
            if known.base in _SEPTA.get(parent, ()) and not known.attributes:
                base = parent
        else:
            base, inherited = parent, {}
        self.definitions[name] = Definition(name, base, inherited, statement)
        self._change(statement, name, given)

    def _change(self, statement: Statement, name: str, given: Any) -> None:
        definition = self.definitions[name]
        changes = {attribute.name: self._value(statement, attribute) for attribute in given}
        for attribute in changes:
            self._refuse_unknown_attribute(statement, definition, attribute)
        changes.pop("at", None)
        changes.pop("from", None)
        definition.attributes.update(changes)
        if changes:
            definition.statement = statement
        self.variables.forget_values()

    @staticmethod
    def _refuse_unknown_attribute(statement: Statement, definition: Definition, attribute: str) -> None:
        known = CLASSES.get(definition.base)
        if known is not None and known.standing(attribute) == "unknown":
            raise statement.makes_no_sense(
                f"{definition.base} '{definition.name}' has no attribute '{attribute}'"
                f"{did_you_mean(attribute, (*known.takes, *known.refuses, 'l', 'aperture', 'apertype'))}"
            )

    def _value(self, statement: Statement, attribute: Attribute) -> Any:
        """An attribute's value: a text, a list of strengths, a number or an expression."""
        text = attribute.text
        if attribute.flag and attribute.name in LISTS:
            raise statement.cannot_be_read(f"expected a list after '{attribute.name}': {attribute.name}={{value, ...}}")
        if attribute.name in TEXTS:
            return unquoted(text) if text.startswith(('"', "'")) else text.lower()
        if attribute.flag or text.lower() in ("true", "false"):
            on = text.lower() == "true"
            return 0.5 if on and attribute.name in ("fint", "fintx") else float(on)
        if attribute.name in LISTS:
            return self._list(statement, attribute)
        return self.variables.strength(statement, text, attribute.deferred)

    def _list(self, statement: Statement, attribute: Attribute) -> tuple[Strength, ...]:
        text = attribute.text
        if text.startswith("{") != text.endswith("}"):
            raise statement.cannot_be_read(f"the list of '{attribute.name}' is written {{value, value, ...}}")
        pieces = [piece.strip() for piece in split_at_commas(text.removeprefix("{").removesuffix("}"))]
        if not pieces[-1]:
            pieces.pop()
        return tuple(self.variables.strength(statement, piece or "0", attribute.deferred) for piece in pieces)

    def _attribute_value(self, owner: str, name: str) -> Strength:
        """The value of ``owner->name`` in an expression."""
        if owner == "beam" or owner.startswith("beam%"):
            return self._beam_value(name)
        if owner in self.variables.results:
            raise LatticeError(f"'{owner}' holds results of MAD-X, which are not computed here: write the number")
        if owner not in self.definitions:
            raise LatticeError(f"there is no element '{owner}'{did_you_mean(owner, self.definitions)}")
        value = self.definitions[owner].attributes.get(name, -1.0 if name == "fintx" else 0.0)
        if not isinstance(value, (float, str)) or name in TEXTS:
            raise LatticeError(f"'{owner}->{name}' is not a number")
        return value

    # -- sequences and lines --

    def _begin_sequence(self, statement: Statement, node: Command) -> None:
        name = str(node.label)
        if self.open_sequence is not None:
            other = self.open_sequence
            raise statement.cannot_be_read(
                f"sequence '{other.name}' of line {other.statement.line} has not ended: expected 'endsequence;'"
            )
        given = {attribute.name: attribute for attribute in attributes(statement, node)}
        unknown = given.keys() - {"l", "refer", "refpos", "add_pass", "next_sequ"}
        if unknown:
            raise statement.cannot_be_read(f"a sequence has no attribute '{min(unknown)}'")
        if "l" not in given:
            raise statement.cannot_be_read(f"sequence '{name}' has no length: expected l = ...")
        if "next_sequ" in given or "add_pass" in given:
            raise statement.cannot_be_read("next_sequ and add_pass of a sequence are not honoured: take them out")
        refer = unquoted(given["refer"].text).lower() if "refer" in given else "centre"
        if refer not in _REFER:
            raise statement.cannot_be_read(f"refer is entry, centre or exit, found '{refer}'")
        refpos = unquoted(given["refpos"].text).lower() if "refpos" in given else None
        length = self._value(statement, given["l"])
        self.open_sequence = Sequence(name, length, _REFER[refer], refpos, statement)

    def _end_sequence(self, statement: Statement) -> None:
        if self.open_sequence is None:
            raise statement.cannot_be_read("'endsequence' without a sequence before it")
        self.beamlines.lines.pop(self.open_sequence.name, None)
        self.beamlines.sequences[self.open_sequence.name] = self.open_sequence
        self.open_sequence = None

    def _place(self, statement: Statement, node: Command, given: tuple[Attribute, ...], sequence: Sequence) -> None:
        by_name = {attribute.name: attribute for attribute in given}
        if "at" not in by_name:
            raise statement.cannot_be_read(f"expected at = ... for '{node.keyword}' in sequence '{sequence.name}'")
        at = self._value(statement, by_name["at"])
        origin = unquoted(by_name["from"].text).lower() if "from" in by_name else None
        others = tuple(attribute for attribute in given if attribute.name not in ("at", "from"))
        name = node.keyword
        if node.label and node.label != node.keyword:
            name = node.label
            if name in sequence.labels:
                raise statement.cannot_be_read(f"'{name}' is defined twice in sequence '{sequence.name}'")
            sequence.labels.add(name)
            self._define(statement, name, node.keyword, others)
        elif others:
            self.note(statement, "attributes beside 'at' and 'from' are ignored without a new label, as in MAD-X")
        if name in CLASSES:
            raise statement.cannot_be_read(f"expected the name of an element: 'name: {name}, at = ...'")
        sequence.items.append(Placement(name, at, origin, statement))

    def _define_line(self, statement: Statement, node: Command) -> None:
        name, rest = str(node.label), node.rest.lstrip(" \n\t:").removeprefix("=").strip()
        if node.formal:
            raise statement.cannot_be_read("a line with arguments is not read: write the lines out")
        if not (rest.startswith("(") and rest.endswith(")")):
            raise statement.cannot_be_read("expected 'name: line = (member, member, ...)'")
        if name in self.definitions:
            raise statement.cannot_be_read(f"'{name}' is already the name of an element")
        self.beamlines.sequences.pop(name, None)
        self.beamlines.lines[name] = Line(name, rest[1:-1], statement)

    # -- beam and options --

    def _beam(self, statement: Statement, node: Command) -> None:
        self._change_beam(statement, attributes(statement, node))

    def _change_beam(self, statement: Statement, given: Any) -> None:
        by_name = {attribute.name: attribute for attribute in given}
        for name in by_name.keys() - BEAM_ATTRIBUTES:
            raise statement.cannot_be_read(f"beam has no attribute '{name}'{did_you_mean(name, BEAM_ATTRIBUTES)}")
        owner = unquoted(by_name["sequence"].text).lower() if "sequence" in by_name else None
        particle = unquoted(by_name["particle"].text).lower() if "particle" in by_name else None
        numbers = {
            name: self.variables.number(statement, self._value(statement, attribute))
            for name, attribute in by_name.items()
            if name in BEAM_NUMBERS
        }
        if lost := sorted(by_name.keys() & NOT_KEPT):
            self.note(statement, f"{', '.join(lost)} of BEAM: no lattice keeps this, give it to optics.Beam")
        beam = self.beams.get(owner) or Beam(statement)
        self.beams[owner] = beam.updated(statement, particle, numbers)
        self.variables.forget_values()

    def _reset_beam(self, statement: Statement, node: Command) -> None:
        by_name = {attribute.name: attribute for attribute in attributes(statement, node)}
        self.beams.pop(unquoted(by_name["sequence"].text).lower() if "sequence" in by_name else None, None)
        self.variables.forget_values()

    def _beam_value(self, name: str) -> float:
        beam = self.beams.get(None)
        if beam is None:
            raise LatticeError(f"beam->{name} is used before any BEAM statement")
        value = beam.attribute(name)
        if value is None:
            raise LatticeError(f"beam->{name} is not followed here: write the number")
        return value

    def _option(self, statement: Statement, node: Command) -> None:
        for attribute in attributes(statement, node):
            if attribute.name in ("rbarc", "thin_foc"):
                self.options = replace(self.options, **{attribute.name: self._value(statement, attribute) != 0.0})
        self.passed.add(statement, "option")

    def _use(self, statement: Statement, node: Command) -> None:
        given = attributes(statement, node)
        for attribute in given:
            if attribute.name in ("sequence", "period"):
                self.used[unquoted(attribute.text).lower()] = self.options
            elif attribute.flag and attribute.name in self.beamlines.names():
                self.used[attribute.name] = self.options
        self.uses.append((statement, _whole(given)))

    def _note_uses(self, name: str) -> None:
        """Every USE is listed but those that say no more than which sequence is read."""
        for statement, used in self.uses:
            if used != name:
                self.note(statement)

    # -- the lattice --

    def lattice(self, wanted: str | None) -> Lattice:
        """The lattice of the wanted sequence, with all variables as parameters."""
        name = self.beamlines.chosen(wanted, list(self.used), str(self.path))
        self._note_uses(name)
        self.warnings.extend(self.passed.told())
        elements, parameters = self.builder.build(name, self.beamlines, self.used.get(name, self.options))
        beam = self.beams.get(name) or self.beams.get(None)
        if beam is not None and not beam.named:
            self.note(beam.statement, "no particle given: MAD-X's default, positrons, is taken")
        particle = beam.particle() if beam is not None else None
        try:
            return Lattice(name, elements=elements, parameters=parameters, particle=particle, warnings=self.warnings)
        except LatticeError as error:
            raise LatticeError(f"{self.path}: {error}") from None


def _whole(given: tuple[Attribute, ...]) -> str:
    """What a USE names when it says nothing else, such as a RANGE; "" otherwise."""
    if len(given) != 1 or not (given[0].flag or given[0].name in ("sequence", "period")):
        return ""
    return given[0].name if given[0].flag else unquoted(given[0].text).lower()
