"""What is read of an Xsuite line, wherever it comes from: a live one, or the JSON of one. Does not import Xsuite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

#: Place of an expression in an element: its field, and the index where the field is a list.
Place = tuple[str, int | None]


@dataclass(frozen=True)
class SourceElement:
    """An Xsuite element: class name, all fields as numbers, lists and words, and what is deferred, by its place."""

    kind: str
    fields: Mapping[str, Any]
    expressions: Mapping[Place, str]


class Source(Protocol):
    """A line: names in order, what it remembers of us, its particle, its variables and its elements."""

    @property
    def name(self) -> str | None:
        """The line's own name."""

    @property
    def element_names(self) -> Sequence[str]:
        """Names of the elements in order."""

    @property
    def metadata(self) -> Any:
        """What ``metadata_of`` left in the line, or something else."""

    @property
    def particle(self) -> tuple[float, float, float] | None:
        """Mass [eV], charge [e] and momentum [eV/c]."""

    @property
    def variables(self) -> Sequence[str]:
        """Names of the variables."""

    def variable(self, name: str) -> tuple[float, str | None]:
        """Value, and the deferred expression behind it in Xsuite's text."""

    def element(self, name: str) -> SourceElement:
        """An element; LatticeError for a class that has no counterpart here."""
