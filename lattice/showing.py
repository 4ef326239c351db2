"""How values show themselves: some lines of text, the same as a table in a notebook, and a chart when it is asked.

Nothing here draws. As pandas finds who plots for it, a value finds the pictures of ``studies.charts`` by the entry
points of the installed toolkit (group ``hadron_optics.charts``), at the moment that one is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from importlib.metadata import entry_points
from typing import Any

from lattice.arguments import ToldArguments
from lattice.errors import InputError

GROUP = "hadron_optics.charts"
LINES = 9  # below the name of the kind
_WIDTH = 100
_FEW = 6  # numbers of an array that are written out


class Showing(metaclass=ToldArguments):
    """A value of the toolkit in ten lines at most: what ``summary`` tells of it, by default its fields in their order.

    Arrays and tables are told by their shape. A notebook shows the same lines, and below them the value's own table
    where it has one (``_frame``).
    """

    def summary(self) -> Mapping[str, Any]:
        """What is told of the value, by name, the most important first."""
        assert is_dataclass(self)
        return {field.name: getattr(self, field.name) for field in fields(self) if not field.name.startswith("_")}

    def __repr__(self) -> str:
        rows = _rows(self.summary())
        width = max((len(name) for name, _ in rows), default=0)
        return "\n".join([type(self).__name__, *(f"  {name:<{width}}  {words}".rstrip() for name, words in rows)])

    def _repr_html_(self) -> str:
        told = _rows(self.summary())
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(words)}</td></tr>" for name, words in told)
        frame = self._frame()
        below = frame._repr_html_() if frame is not None else ""
        return f"<table><caption>{escape(type(self).__name__)}</caption>{rows}</table>{below}"

    def _frame(self) -> Any:
        """The pandas table that a notebook shows below the lines, or None."""
        return None


def _rows(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [(name, told(value)) for name, value in summary.items()]
    if len(rows) <= LINES:
        return rows
    others = ", ".join(name for name, _ in rows[LINES - 1 :])
    return [*rows[: LINES - 1], ("and", _cut(others))]


def told(value: Any) -> str:
    """One value in less than a line: a number with eight digits, an array or a table by its shape."""
    if isinstance(value, (bool, int)) or value is None:
        return str(value)
    if isinstance(value, (float, complex)):
        return f"{value:.8g}"
    if isinstance(value, str):
        return _cut(value)
    return _cut(_of_many(value))


def _of_many(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape == ():
        return told(value.item())
    if shape is not None and len(shape) == 1 and shape[0] <= _FEW:
        return ", ".join(told(part) for part in value.tolist())
    if shape is not None:
        kind = "table" if hasattr(value, "columns") else "array"
        return f"{kind} of {' x '.join(map(str, shape))}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {told(part)}" for key, part in value.items()) or "none"
    if isinstance(value, Sequence) and not hasattr(value, "elements"):
        return ", ".join(_short(part) for part in value) or "none"
    return _short(value)


def _short(value: Any) -> str:
    """A part of a value: by its own words if these take one line, else by its kind and name."""
    if isinstance(value, Showing) or is_dataclass(value):
        name = getattr(value, "name", "")
        return f"{type(value).__name__} {name}".strip() if isinstance(name, str) else type(value).__name__
    return told(value) if isinstance(value, (bool, int, float, complex, str)) or hasattr(value, "shape") else str(value)


def _cut(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 4].rstrip(", ") + " ..."


def chart(picture: str, /, **data: Any) -> Any:
    """The plotly figure that draws ``picture`` of finished ``data``; InputError where nothing installed draws."""
    for found in _entries(picture):
        return found.load()(**data)
    raise InputError(
        f"nothing that draws '{picture}' is installed (entry points '{GROUP}'): install hadron-optics itself, "
        "as `make` or `pip install .` do; a copy of its folders is not enough"
    )


def _entries(picture: str) -> Iterator[Any]:
    yield from entry_points(group=GROUP, name=picture)
