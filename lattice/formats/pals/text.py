"""The text of a PALS file as tables that know their line: YAML (PyYAML, when a file is YAML) or JSON."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lattice.errors import FileError
from lattice.files import read_bytes
from lattice.json_text import parse_json
from lattice.madx.text import Statement, decode

#: YAML takes some fifty bytes of memory for one of the file.
_LARGEST = 8_000_000
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INSTALL = "YAML needs PyYAML: pip install 'hadron-optics[formats]', or write the file as JSON (.pals.json)"


class Table(dict[str, Any]):
    """A table and the line where it begins."""

    line = 0


def read_document(path: Path, included: bool = False) -> Table:
    """What stands under ``PALS:``. FileError when the file is missing, no YAML or JSON, or no PALS file.

    A file that is ``included`` may be the entries of a facility alone.
    """
    content = read_bytes(path, "PALS file")
    if path.name.lower().endswith(".json"):
        data = _from_json(content, path)
    else:
        data = _from_yaml(content, path)
    if included and isinstance(data, list):
        return Table(facility=data)
    found = data.get("PALS") if isinstance(data, Table) else None
    if not isinstance(found, Table):
        raise FileError(f"{path}: this is no PALS file: expected a table 'PALS:' with a list 'facility:'")
    return found


def _from_json(content: bytes, path: Path) -> Any:
    data = parse_json(content, path, "a PALS file in JSON")
    try:
        return _with_lines(data)
    except RecursionError:
        raise FileError(f"{path}: lists and tables are nested too deep") from None


def _with_lines(data: Any) -> Any:
    if isinstance(data, dict):
        return Table({str(key): _with_lines(value) for key, value in data.items()})
    return [_with_lines(part) for part in data] if isinstance(data, list) else data


def _from_yaml(content: bytes, path: Path) -> Any:
    try:
        import yaml
    except ImportError:
        raise FileError(f"{path}: {_INSTALL}") from None
    if len(content) > _LARGEST:
        raise FileError(f"{path}: this file is larger than {_LARGEST // 1_000_000} MB; write it as JSON (.pals.json)")
    text = decode(content, str(path), "PALS")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Plain(path, yaml).of(yaml.compose(text, Loader=loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark is not None else ""
        raise FileError(f"{path}{place}: no valid YAML here: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise FileError(f"{path}: lists and tables are nested too deep") from None


class _Plain:
    """Turns nodes of YAML into tables, lists, numbers and texts; no tag makes an object."""

    def __init__(self, path: Path, yaml: Any) -> None:
        self._path, self._yaml = path, yaml
        self._seen: set[int] = set()

    def of(self, node: Any) -> Any:
        """The value of a node; FileError for aliases, which could grow without end, and for keys that stand twice."""
        if node is None:
            return None
        place = Statement("", str(self._path), node.start_mark.line + 1)
        if id(node) in self._seen:
            raise FileError(f"{place.where}: anchors and aliases of YAML are not read: write the value again")
        self._seen.add(id(node))
        if isinstance(node, self._yaml.MappingNode):
            return self._table(node, place)
        if isinstance(node, self._yaml.SequenceNode):
            return [self.of(part) for part in node.value]
        return node.value if node.style else _scalar(node.value)

    def _table(self, node: Any, place: Statement) -> Table:
        table = Table()
        table.line = place.line
        for key, value in node.value:
            name = key.value if isinstance(key, self._yaml.ScalarNode) else None
            if name is None or name in table or name == "<<":
                shown = "a key that is no text" if name is None else f"the key {name[:40]!r} a second time"
                raise FileError(f"{self._path}:{key.start_mark.line + 1}: {shown}, which is not read")
            table[name] = self.of(value)
            if isinstance(table[name], Table):
                table[name].line = key.start_mark.line + 1
        return table


def _scalar(text: str) -> Any:
    """A number, true, false, null or a text: what stands without quotes."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return float(text) if _NUMBER.fullmatch(text) else text
