"""An Xsuite line or environment as JSON, checked entry by entry: nothing in it is evaluated.

Xsuite's own loader hands both sides of every entry of ``_var_manager`` to Python. Here they are parsed by our grammar
of expressions, elements are of known classes with numbers and words in known fields, and the rest is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from lattice.errors import FileError, InputError, did_you_mean, listed
from optics.engines.xsuite.expressions import text_of
from optics.engines.xsuite.recovering import acts, check_known
from optics.engines.xsuite.source import Place, SourceElement

#: Makes an element's fields complete: class name and what the file gives, to all fields as plain values.
Complete = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
#: Names of the fields that a class takes.
Known = Callable[[str], frozenset[str]]

MOST_ELEMENTS = 1_000_000
MOST_DISTINCT = 100_000
_LONGEST_LIST = 50
_HIGHEST_ORDER = 50
_LONGEST_CHAIN = 50  # of replicas
_NAME = r"""\[(?P<quote>['"])(?P<name>[^'"\\]+)(?P=quote)\]"""
_VARIABLE = re.compile(r"vars" + _NAME)
_FIELD = re.compile(r"element_refs" + _NAME + r"\.(?P<field>[a-z][a-z0-9_]*)(?:\[(?P<index>\d{1,3})\])?")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")
#: What an element of a file has beside its fields: for people, and for Xsuite's own book-keeping.
_ABOUT = frozenset(("__class__", "prototype", "extra", "name_associated_aperture"))


class Document:
    """One line of the file's content; a ``Source``."""

    def __init__(self, content: Any, line: str | None, known: Known, complete: Complete) -> None:
        if not isinstance(content, dict) or not content.keys() & {"elements", "lines"}:
            raise FileError("this is JSON, but neither an Xsuite line nor an environment")
        self._content, self._known, self._complete = content, known, complete
        self.name, self._line = _chosen(content, line)
        self._elements = _elements(content)
        self.element_names = _names(self._line, self._elements)
        self._values = _table(_table(content, "_var_management_data"), "var_values")
        self.variables: Sequence[str] = [name for name in self._values if not name.startswith("__")]
        self._definitions, self._deferred = _expressions(content)
        self.variables = [*self.variables, *(self._definitions.keys() - self._values.keys())]

    @property
    def metadata(self) -> Any:
        """What the line remembers."""
        return _table(self._line, "metadata")

    @property
    def particle(self) -> tuple[float, float, float] | None:
        """Mass, charge and momentum of the line's reference particle."""
        found = self._line.get("particle_ref", self._content.get("particle_ref"))
        if isinstance(found, str):
            known = {**_table(self._content, "particles"), **_table(self._line, "env_particles")}
            if found not in known:
                raise FileError(f"particle_ref: there is no particle {found[:60]!r}{did_you_mean(found, known)}")
            found = known[found]
        if found is None:
            return None
        if not isinstance(found, dict):
            raise FileError(f"particle_ref must be an object, found {str(found)[:60]!r}")
        mass, charge, momentum = (_first(f"particle_ref: {key}", found.get(key)) for key in ("mass0", "q0", "p0c"))
        return mass, charge, momentum

    def variable(self, name: str) -> tuple[float, str | None]:
        """Value and expression of a variable."""
        expression = self._definitions.get(name)
        value = self._values.get(name, 0.0 if expression is not None else None)
        return _number(f"variable '{name[:60]}'", value), expression

    def element(self, name: str) -> SourceElement:
        """An element with all its fields; one that repeats another (a Replica) has those of the other."""
        name = self._original(name)
        entry = self._entry(name)
        kind = entry["__class__"]
        check_known(name, kind)
        given = {field: value for field, value in entry.items() if self._is_given(name, kind, field, value)}
        if kind == "RBend" and "length_straight" in given:
            given.pop("length", None)  # Xsuite writes both, and takes the arc from the chord
        try:
            fields = self._complete(kind, given)
        except Exception as error:  # whatever Xsuite's constructors say of wrong values
            raise FileError(f"element '{name[:60]}': Xsuite cannot build this {kind} ({error})") from None
        return SourceElement(kind, fields, self._expressions(name, kind, fields))

    def _entry(self, name: str) -> Mapping[str, Any]:
        """What the file says of an element: an object with a class."""
        entry = self._elements.get(name)
        if not isinstance(entry, dict):
            raise FileError(f"element '{name[:60]}' must be an object, found {str(entry)[:60]!r}")
        if not isinstance(entry.get("__class__"), str):
            raise FileError(f"element '{name[:60]}' has no __class__")
        return entry

    def _original(self, name: str) -> str:
        """The element that a chain of replicas ends in."""
        seen: list[str] = []
        while self._entry(name)["__class__"] == "Replica":
            seen.append(name)
            name = self._entry(name).get("parent_name", "")
            if not isinstance(name, str) or name in seen or name not in self._elements or len(seen) > _LONGEST_CHAIN:
                raise FileError(f"Replica '{seen[-1][:60]}': parent_name {str(name)[:60]!r} is no other element")
        return name

    def _expressions(self, name: str, kind: str, fields: Mapping[str, Any]) -> Mapping[Place, str]:
        """Deferred expressions of an element; FileError where one has no place in it."""
        found = self._deferred.get(name, {})
        for field, index in found:
            value = fields.get(field)
            fits = isinstance(value, list) and index < len(value) if index is not None else isinstance(value, float)
            if not fits:
                place = field if index is None else f"{field}[{index}]"
                raise FileError(f"_var_manager: the {kind} '{name[:60]}' has no number {place[:60]}")
        return found

    def _is_given(self, name: str, kind: str, field: str, value: Any) -> bool:
        """True for a field that is kept, checked; what the class does not know must not act."""
        place = f"{kind} '{name[:60]}': {field[:60]}"
        if field in _ABOUT:
            return False
        if field not in self._known(kind):
            if acts(value):
                raise FileError(f"{place} is no field of Xsuite's {kind}: take it out of the file")
            return False
        _check_value(place, value)
        if field == "order" and not 0 <= value <= _HIGHEST_ORDER:
            raise FileError(f"{place} must be a whole number up to {_HIGHEST_ORDER}, found {value!r}")
        return True


def _check_value(place: str, value: Any) -> None:
    if isinstance(value, list):
        if len(value) > _LONGEST_LIST:
            raise FileError(f"{place} holds {len(value)} numbers, at most {_LONGEST_LIST} are read")
        for part in value:
            _number(place, part)
    elif isinstance(value, str):
        if not _WORD.fullmatch(value):
            raise FileError(f"{place} must be a number or a word, found {value[:60]!r}")
    elif not isinstance(value, bool):
        _number(place, value)


def _chosen(content: Mapping[str, Any], wanted: str | None) -> tuple[str | None, Mapping[str, Any]]:
    """Name and content of the line that is read."""
    if "lines" not in content:
        if wanted is not None:
            raise InputError(f"the file holds one line without a name; leave out the name '{wanted}'")
        return None, content
    lines = _table(content, "lines")
    if wanted not in lines and (wanted is not None or len(lines) != 1):
        hint = did_you_mean(wanted, lines) if wanted is not None else ""
        raise InputError(f"the file holds {len(lines)} lines; name one of them: {listed(lines)}{hint}")
    name = wanted if wanted is not None else next(iter(lines))
    return name, _table(lines, name)


def _elements(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The elements by name; the oldest files have two lists."""
    elements = content.get("elements")
    if isinstance(elements, list):
        names = content.get("element_names")
        if not isinstance(names, list) or len(names) != len(elements) or not all(isinstance(n, str) for n in names):
            raise FileError("elements and element_names must be lists of one length")
        by_name = dict(zip(names, elements, strict=True))
        other = next((n for n, element in zip(names, elements, strict=True) if by_name[n] != element), None)
        if other is not None:
            raise FileError(f"element_names: two different elements are called {other[:60]!r}")
        return by_name
    return _table(content, "elements")


def _names(line: Mapping[str, Any], elements: Mapping[str, Any]) -> list[str]:
    names = line.get("element_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FileError(
            "element_names must be a list of names; a line that is still being composed has none: end_compose() it in "
            "Xsuite and write it again"
        )
    unknown = next((name for name in names if name not in elements), None)
    if unknown is not None:
        raise FileError(f"element_names: there is no element {unknown[:60]!r}{did_you_mean(unknown, elements)}")
    distinct = len(set(names))
    if len(names) > MOST_ELEMENTS or distinct > MOST_DISTINCT:
        raise FileError(
            f"the line has {len(names):,} elements, {distinct:,} of them different; at most {MOST_ELEMENTS:,} and "
            f"{MOST_DISTINCT:,} are read"
        )
    return names


def _expressions(content: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, dict[Place, str]]]:
    """Deferred expressions of variables, and of elements by name and place; FileError for all that is none."""
    entries = content.get("_var_manager", [])
    if not isinstance(entries, list):
        raise FileError("_var_manager must be a list of pairs")
    variables: dict[str, str] = {}
    elements: dict[str, dict[Place, str]] = {}
    for number, entry in enumerate(entries):
        target, text = _entry(number, entry)
        if variable := _VARIABLE.fullmatch(target):
            kept: dict[Any, str] = variables
            key: Any = variable["name"]
        elif field := _FIELD.fullmatch(target):
            kept = elements.setdefault(field["name"], {})
            key = (field["field"], None if field["index"] is None else int(field["index"]))
        else:
            raise FileError(f"_var_manager, entry {number}: {target[:80]!r} is neither a variable nor a field")
        if key in kept:
            raise FileError(f"_var_manager, entry {number}: {target[:80]} is defined twice")
        kept[key] = text
    return variables, elements


def _entry(number: int, entry: Any) -> tuple[str, str]:
    """Target and expression of an entry, both text, the expression arithmetic that we can read."""
    place = f"_var_manager, entry {number}"
    if not (isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry)):
        raise FileError(f"{place}: expected a pair of texts, found {str(entry)[:80]!r}")
    target, text = entry
    if text_of(text, {}) is None:
        raise FileError(
            f"{place}: the expression of {target[:80]} is no arithmetic of numbers, variables and functions that is "
            f"known here: {text[:80]!r}. Give it a number in Xsuite and write the file again; nothing was evaluated"
        )
    return target, text


def _table(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = content.get(key, {})
    if not isinstance(found, dict):
        raise FileError(f"{key[:60]} must be an object, found {str(found)[:60]!r}")
    return found


def _first(place: str, value: Any) -> float:
    """A number, or the first of a list of numbers."""
    if isinstance(value, list) and value:
        value = value[0]
    return _number(place, value)


def _number(place: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise FileError(f"{place} must be a number, found {str(value)[:60]!r}")
    return float(value)
