"""Published numbers of synchrotrons that treat patients: what a study's key numbers are held against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from lattice.errors import InputError
from machines.tables import read_toml, record

#: The machines, in the order of the columns.
SYNCHROTRONS = ("CNAO", "MedAustron", "HIT")


@dataclass(frozen=True)
class PublishedNumber:
    """What is published of a ``machine``: a ``value``, or a range from ``lower`` to ``upper``, in ``unit``.

    ``of`` is the word for what it says. ``read`` is False for a number that is quoted after the literature while its
    ``source`` itself was not read here. Raises InputError for one that is neither a value nor a range, for another
    machine than these and without a source.
    """

    of: str
    machine: str
    unit: str
    source: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    read: bool = True

    def __post_init__(self) -> None:
        ends = (self.lower, self.upper)
        if (self.value is None) == (ends == (None, None)) or (None in ends and ends != (None, None)):
            raise InputError(f"'{self.of}' of {self.machine} needs a value, or lower and upper")
        if self.machine not in SYNCHROTRONS:
            raise InputError(f"'{self.of}' of '{self.machine}': the machines are {', '.join(SYNCHROTRONS)}")
        if not self.source.strip():
            raise InputError(f"'{self.of}' of {self.machine} needs its source")


@cache
def published_numbers() -> tuple[PublishedNumber, ...]:
    """All of them, in the order of the file."""
    tables = read_toml(files("machines"), "published")["number"]
    return tuple(record(PublishedNumber, table, "published.toml") for table in tables)


def published(of: str) -> dict[str, PublishedNumber]:
    """What is published of a kind of number, by machine; empty where nothing is known.

    >>> published("bend_field")["CNAO"].value
    1.5
    """
    return {one.machine: one for one in published_numbers() if one.of == of}
