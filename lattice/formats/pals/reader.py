"""Read a PALS file: its facility's definitions, then the lattice of one of its beam lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lattice.elements import Drift, Element
from lattice.errors import FileError, HadronOpticsError, InputError, LatticeError, did_you_mean
from lattice.formats.bmad.beam import Beam
from lattice.formats.bmad.expression import CONSTANTS, Evaluator
from lattice.formats.given import Definition, Inheritance, Value
from lattice.formats.names import Names, element_name
from lattice.formats.pals.kinds import BUILDERS, SILENT, PalsGiven, aperture
from lattice.formats.pals.text import Table, read_document
from lattice.formats.quantity import Quantity, number
from lattice.formats.variables import Variables
from lattice.interchange import element_from_data, element_to_data
from lattice.lattice import Lattice
from lattice.madx.beamline import MOST_ELEMENTS
from lattice.madx.calls import CalledFiles
from lattice.madx.syntax import words
from lattice.madx.text import Statement

#: Where we keep what PALS has no word for.
EXTENSION = "hadron_optics"
_DEEPEST = 50
_MOST_FILES = 1000
_ITEM = words("repeat direction placement inherit name kind")
_ROOT = words("version authors notes reminders phase_space_coordinates extension_labels facility")
_REFUSED = words("set sets controllers controller superimpose girders adjustments")
_TEXTS = words("species_ref shape location zero_phase cavity_type ref_coords ref_geometry multipole_type material")
_EXPRESSION = re.compile(r"expr\((.*)\)", re.DOTALL)
_GROUP = re.compile(r"[A-Z]\w*P|" + EXTENSION)
_WORD = re.compile(r"[A-Za-z_][\w.]*")


def read_pals(path: str | Path, line: str | None = None, root: str | Path | None = None) -> Lattice:
    """The lattice of one beam line of a PALS file (``.pals.yaml`` or ``.pals.json``).

    ``line`` may be omitted when the lattice that is used (or the last one) has one branch, or there is one line that
    stands in no other. Constants and variables become parameters, expressions stay expressions; the ReferenceP of a
    BeginningEle becomes ``particle``. ``include`` reads files of the same folder and those below, or of ``root`` and
    below.

    Returns:
        Lattice, in m, rad and m^-n; the energy of its particle in eV.

    Raises:
        FileError: missing, no text, what cannot be understood or honoured, PyYAML is missing.
        LatticeError: values that make no sense, kinds that cannot be held.
        InputError: which line?

    Source:
        The standard, text of August 2026.

    Example:
        >>> from lattice import Quadrupole, write_pals
        >>> write_pals(Lattice("cell", elements=[Quadrupole("q", length=0.3, k1=1.2)]), "cell.pals.yaml")
        >>> print(read_pals("cell.pals.yaml")["q"].k1)
        1.2
    """
    reader = _Reader(Path(path), None if root is None else Path(root))
    reader.read(reader.path, 0)
    return reader.lattice(line)


class _Reader:
    """What the facility defines."""

    def __init__(self, path: Path, root: Path | None) -> None:
        self.path, self.called = path, CalledFiles(path, root)
        self.warnings: list[str] = []
        self.variables = Variables(self.note)
        self.evaluator = Evaluator(self._variable, lambda: [*self.pending, *self.variables.known()])
        self.pending: dict[str, tuple[Statement, Any]] = {}
        self.beam = Beam(self.note)
        self.entries: dict[str, tuple[Statement, Table]] = {}
        self.lattices: dict[str, tuple[Statement, Table]] = {}
        self.used: str | None = None
        self.names = Names(element_name)
        self.built: dict[str, Element] = {}
        self.flat: dict[str, list[Element]] = {}
        self.beginnings: set[str] = set()  # they tell the particle, and are no elements
        self.files = self.drifts = self.depth = 0
        self.inheritance = Inheritance()

    def note(self, statement: Statement, reason: str = "") -> None:
        """Put a statement into the warnings."""
        self.warnings.append(f"{statement.noted} ({reason})" if reason else statement.noted)

    def read(self, path: Path, depth: int) -> None:
        """Take the definitions of a file and of those that it includes."""
        document = read_document(path, included=depth > 0)
        for key in document.keys() - _ROOT:
            self.note(Statement(key, str(path), document.line), "this key is not read")
        facility = document.get("facility")
        if not isinstance(facility, list):
            raise FileError(f"{path}: expected a list 'facility:' under 'PALS:'")
        for item in facility:
            if not isinstance(item, Table) or len(item) != 1:
                place = Statement("", str(path), getattr(item, "line", document.line))
                raise place.cannot_be_read(f"facility: expected '- name: ...', found {str(item)[:60]!r}")
            ((name, content),) = item.items()
            self._define(Statement(name, str(path), item.line), name, content, depth)

    def _define(self, statement: Statement, name: str, content: Any, depth: int) -> None:
        if name == "include":
            self._include(statement, content, depth)
        elif name == "use":
            self.used = str(content)
        elif name in ("constants", "variables"):
            self._set_all(statement, content)
        elif name in _REFUSED:
            raise statement.cannot_be_read(f"{name}: changes elements and is not honoured: write the values into them")
        elif not isinstance(content, Table):
            raise statement.cannot_be_read(f"{name}: expected a table with a kind, found {str(content)[:60]!r}")
        elif content.get("kind") in ("constant", "variable"):
            self._set(statement, name, content.get("value"))
        elif "kind" not in content and "inherit" not in content:
            self.note(statement, "has no kind: data of a program")
        elif name in self.entries or name in self.lattices:
            raise statement.cannot_be_read(f"'{name}' is defined twice")
        else:
            (self.lattices if content.get("kind") == "Lattice" else self.entries)[name] = (statement, content)

    def _include(self, statement: Statement, name: Any, depth: int) -> None:
        self.files += 1
        if depth >= _DEEPEST or self.files > _MOST_FILES or not isinstance(name, str):
            raise statement.cannot_be_read("include: expected the name of a file; in a circle, or too many of them")
        self.read(self.called.file(statement, f'"{name}"'), depth + 1)

    # -- values --

    def _set_all(self, statement: Statement, content: Any) -> None:
        for table in content if isinstance(content, list) else [content]:
            if not isinstance(table, Table):
                raise statement.cannot_be_read(f"{statement.text}: expected 'name: value', found {str(table)[:60]!r}")
            for name, value in table.items():
                self._set(Statement(name, statement.file, table.line or statement.line), name, value)

    def _set(self, statement: Statement, name: str, value: Any) -> None:
        key = name.lower()
        if key in self.pending:
            raise statement.cannot_be_read(f"'{name}' is defined twice (names that differ in case only are the same)")
        self.pending[key] = (statement, value)

    def _variable(self, name: str) -> Quantity | None:
        """A constant or variable, computed when it is first asked for."""
        if self.variables.get(name) is None and name in self.pending:
            statement, value = self.pending[name]
            self.depth += 1
            if self.depth > _DEEPEST:
                raise LatticeError(f"'{name}' depends on itself, or on too many others in a chain")
            found = self._value(statement, name, value)
            self.depth -= 1
            if not isinstance(found, Quantity):
                raise LatticeError(f"'{name}' must be a number, found '{found[:40]}'")
            self.variables.assign(statement, name, found)
        return self.variables.get(name)

    def _value(self, statement: Statement, name: str, value: Any) -> Value:
        """A number, an expression, or a word."""
        if value is None:
            return number(0.0)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            try:
                return number(float(value))
            except LatticeError as error:
                raise statement.makes_no_sense(f"{name}: {error}") from None
        if not isinstance(value, str):
            raise statement.cannot_be_read(f"{name}: expected a number or a text, found {str(value)[:60]!r}")
        return self._evaluated(statement, name, value.strip())

    def _evaluated(self, statement: Statement, name: str, text: str) -> Value:
        told = _EXPRESSION.fullmatch(text)
        known = text.lower() in self.pending or text.lower() in CONSTANTS
        if not told and _WORD.fullmatch(text) and not known:
            return text
        try:
            return self.evaluator.evaluate(told[1] if told else text)
        except LatticeError as error:
            raise statement.cannot_be_read(f"{name}: {error}") from None

    # -- elements --

    def _definition(self, statement: Statement, name: str, content: Table, depth: int = 0) -> Definition:
        """An element with what it inherits, its parameters as ``Group.parameter``."""
        for key in ("kind", "inherit"):
            if not isinstance(content.get(key, ""), str):
                raise statement.cannot_be_read(f"{key} of '{name}': expected a name, found {str(content[key])[:60]!r}")
        kind, attributes = content.get("kind"), {}
        if (parent := content.get("inherit")) is not None:
            if parent not in self.entries or depth > _DEEPEST:
                raise statement.cannot_be_read(
                    f"inherit: there is no '{parent}'{did_you_mean(str(parent), self.entries)}"
                )
            above = self._definition(*self._named(str(parent)), depth + 1)
            kind, attributes = kind or above.kind, self.inheritance.of(statement, above.attributes)
        if kind not in BUILDERS:
            known = ", ".join(sorted(BUILDERS))
            raise statement.cannot_be_read(
                f"'{name}' is of kind {kind!r}, which cannot be held; those that can: {known}"
            )
        return Definition(name, str(kind), {**attributes, **dict(self._flat(statement, content))}, statement)

    def _named(self, name: str) -> tuple[Statement, str, Table]:
        statement, content = self.entries[name]
        return statement, name, content

    def _flat(self, statement: Statement, content: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
        for key, value in content.items():
            if key in _ITEM or key == EXTENSION:
                continue
            if isinstance(value, Table) and not _GROUP.fullmatch(key):
                self.note(statement, f"{key} of '{statement.text}': data of a program")
            elif key in ("MetaP", "TwissP", "FloorP", "TrackingP"):
                if key == "TwissP":
                    self.note(statement, "TwissP is not kept: give the start with the command")
            elif isinstance(value, Table):
                for parameter, part in value.items():
                    if isinstance(part, (Table, list)):
                        part = "given" if part else None
                    is_text = parameter in _TEXTS and isinstance(part, str)
                    yield f"{key}.{parameter}", part if is_text else self._value(statement, f"{key}.{parameter}", part)
            else:
                yield key, self._value(statement, key, value)

    def _built(self, statement: Statement, name: str, content: Table) -> Element:
        definition = self._definition(statement, name, content)
        if definition.kind in ("BeginningEle", "Beginning"):
            self._reference(definition)
            self.beginnings.add(name)
        given = PalsGiven(self.names.of(name), definition, self.variables, self.note)
        given.particle = self.beam.particle()
        try:
            if given.word("is_on", "true") == "false":
                raise LatticeError(f"'{name}' is off (is_on): take it out, or make it a drift")
            element, opening = BUILDERS[definition.kind](given), aperture(given)
            given.check_rest(SILENT, ())
        except LatticeError as error:
            raise definition.statement.makes_no_sense(error) from None
        element = element if opening is None else replace(element, aperture=opening)
        data = content.get(EXTENSION)
        return element if not isinstance(data, Table) else self._extended(statement, element, data)

    @staticmethod
    def _extended(statement: Statement, element: Element, data: Table) -> Element:
        """With what PALS has no word for, as our own files have it: a kind, or flags and words of the element's."""
        known = {k: list(v) if isinstance(v, tuple) else v for k, v in element_to_data(element).items()}
        kept = {key: known[key] for key in ("length", "aperture") if key in known} if "kind" in data else known
        try:
            return element_from_data(element.name, {**kept, **data})
        except HadronOpticsError as error:
            raise statement.makes_no_sense(error) from None

    def _reference(self, definition: Definition) -> None:
        """The particle of the line's beginning."""
        given = definition.attributes
        species = given.get("ReferenceP.species_ref")
        if isinstance(species, str) and species:
            self.beam.particle_called(definition.statement, species)
        for key, way in (("ReferenceP.pc_ref", "p0c"), ("ReferenceP.E_tot_ref", "e_tot")):
            value = given.get(key)
            if isinstance(value, Quantity) and value.value != 0.0:
                self.beam.energy(definition.statement, way, value.value)

    # -- lines --

    def _members(self, name: str, open_lines: tuple[str, ...] = ()) -> list[Element]:
        """Elements of a beam line in order, found once."""
        if name not in self.flat:
            self.flat[name] = self._found(name, open_lines)
        return self.flat[name]

    def _found(self, name: str, open_lines: tuple[str, ...]) -> list[Element]:
        statement, content = self.entries[name]
        items = content.get("line")
        if name in open_lines or len(open_lines) > _DEEPEST:
            raise statement.cannot_be_read(f"line '{name}' contains itself, or nests too deep")
        if not isinstance(items, list):
            raise statement.cannot_be_read(f"BeamLine '{name}': expected a list 'line:'")
        if content.get("multipass"):
            raise statement.cannot_be_read(f"BeamLine '{name}': multipass is not read")
        found: list[Element] = []
        for item in items:
            found += self._item(statement, item, (*open_lines, name))
            if len(found) > MOST_ELEMENTS:
                raise statement.cannot_be_read(f"this line has more than {MOST_ELEMENTS:,} elements")
        return [*found, *self._rest(statement, name, content.get("length"), found)]

    def _rest(self, statement: Statement, name: str, length: Any, found: list[Element]) -> list[Element]:
        """The drift up to the length that a line says it has."""
        if length is None:
            return []
        whole, lengths = self._value(statement, "length", length), [getattr(e, "length", 0.0) for e in found]
        if not isinstance(whole, Quantity) or any(isinstance(part, str) for part in lengths):
            raise statement.cannot_be_read(
                f"BeamLine '{name}': its length is a number, where those of its elements are"
            )
        rest = whole.value - sum(lengths)
        if rest < -1e-9:
            raise statement.makes_no_sense(f"BeamLine '{name}' is longer than its length of {whole.value:g} m")
        return [self._free_drift(rest)] if rest > 1e-9 else []

    def _free_drift(self, length: float) -> Drift:
        self.drifts += 1
        return Drift(self.names.of(f"drift_{self.drifts}"), length=length)

    def _item(self, line: Statement, item: Any, open_lines: tuple[str, ...]) -> list[Element]:
        name, content, place = self._parts(line, item)
        repeat, direction = content.get("repeat", 1), content.get("direction", 1)
        if direction not in (1, 1.0):
            raise place.cannot_be_read(f"'{name}' is turned round (direction), which is not honoured")
        if not isinstance(repeat, (int, float)) or abs(repeat) > MOST_ELEMENTS or repeat != int(repeat):
            raise place.cannot_be_read(
                f"repeat: expected a whole number up to {MOST_ELEMENTS:,}, found {str(repeat)[:40]!r}"
            )
        body = [*self._placed(place, content.get("placement")), *self._body(place, name, content, open_lines)]
        if len(body) * abs(repeat) > MOST_ELEMENTS:
            raise place.cannot_be_read(f"this line has more than {MOST_ELEMENTS:,} elements")
        return (body if repeat > 0 else body[::-1]) * abs(int(repeat))

    @staticmethod
    def _parts(line: Statement, item: Any) -> tuple[str, Table, Statement]:
        if isinstance(item, str):
            return item, Table(), line
        if isinstance(item, Table) and len(item) == 1:
            ((name, content),) = item.items()
            if isinstance(content, Table):
                return name, content, Statement(name, line.file, item.line or line.line)
        raise line.cannot_be_read(f"expected a name, or '- name: ...', in this line, found {str(item)[:60]!r}")

    def _placed(self, place: Statement, placement: Any) -> list[Element]:
        """The drift before an item that is placed behind the one before it."""
        if placement is None:
            return []
        if not isinstance(placement, Table) or placement.keys() - {"offset"}:
            raise place.cannot_be_read("placement: only an offset from the end of the item before is read")
        offset = self._value(place, "offset", placement.get("offset"))
        if not isinstance(offset, Quantity) or offset.value < 0.0:
            raise place.cannot_be_read("placement: offset must be a number, 0 or more")
        return [self._free_drift(offset.value)] if offset.value else []

    def _body(self, place: Statement, name: str, content: Table, open_lines: tuple[str, ...]) -> list[Element]:
        own = Table({key: value for key, value in content.items() if key not in ("repeat", "direction", "placement")})
        parent = own.get("inherit", name)
        if isinstance(parent, str) and parent in self.entries and self.entries[parent][1].get("kind") == "BeamLine":
            if own.keys() - {"inherit"}:
                raise place.cannot_be_read(f"'{name}' changes a line in place: define a line of its own")
            return self._members(parent, open_lines)
        if own and name in self.entries:
            own.setdefault("inherit", name)
            raise place.cannot_be_read(f"'{name}' changes an element in place: give the changed one a name of its own")
        element = self._element(place, name, own)
        return [] if name in self.beginnings else [element]

    def _element(self, place: Statement, name: str, own: Table) -> Element:
        if not own and name not in self.entries and name not in self.built:
            raise place.cannot_be_read(f"there is no element '{name}'{did_you_mean(name, self.entries)}")
        if own and name in self.built:
            raise place.cannot_be_read(f"'{name}' is defined twice")
        if name not in self.built:
            statement, content = (place, own) if own else self.entries[name]
            self.built[name] = self._built(statement, name, content)
        return self.built[name]

    # -- the lattice --

    def lattice(self, wanted: str | None) -> Lattice:
        """The lattice of the wanted line."""
        for name in self.pending:
            try:
                self._variable(name)
            except LatticeError as error:
                raise self.pending[name][0].makes_no_sense(error) from None
        name = self._chosen(wanted)
        elements = self._members(name)
        if not elements:
            raise self.entries[name][0].makes_no_sense(f"line '{name}' has no elements")
        parameters = self.variables.parameters()
        for theirs, ours in {**self.variables.changed_names(), **self.names.changed()}.items():
            self.warnings.append(f"{self.path.name}: '{theirs}' is called {ours} here")
        try:
            return Lattice(
                element_name(name),
                elements=elements,
                parameters=parameters,
                particle=self.beam.particle(),
                warnings=self.warnings,
            )
        except LatticeError as error:
            raise LatticeError(f"{self.path}: {error}") from None

    def _chosen(self, wanted: str | None) -> str:
        lines = {name: content for name, (_, content) in self.entries.items() if content.get("kind") == "BeamLine"}
        if wanted is not None:
            found = {name.lower(): name for name in lines}.get(wanted.lower())
            if found is None:
                raise InputError(f"{self.path} has no line '{wanted}'{did_you_mean(wanted, lines)}")
            return found
        candidates = self._branches() or list(lines)
        if len(candidates) > 1 and not self.lattices:
            inner = {self._parent(item) for content in lines.values() for item in _items(content)}
            candidates = [name for name in lines if name not in inner]
        if len(candidates) == 1 and candidates[0] in lines:
            return candidates[0]
        raise InputError(f"{self.path}: name one of its lines: {', '.join(list(lines)[:20]) or 'there is none'}")

    def _branches(self) -> list[str]:
        """Lines of the lattice that is used."""
        name = self.used if self.used in self.lattices else next(reversed(self.lattices), None)
        if name is None:
            return [self.used] if self.used is not None else []
        branches = self.lattices[name][1].get("branches")
        return [self._parent(item) for item in branches] if isinstance(branches, list) else []

    @staticmethod
    def _parent(item: Any) -> str:
        if isinstance(item, Table) and len(item) == 1:
            ((name, content),) = item.items()
            return str(content.get("inherit", name)) if isinstance(content, Table) else name
        return str(item)


def _items(content: Table) -> list[Any]:
    items = content.get("line")
    return items if isinstance(items, list) else []
