"""Reads a linac from its TOML files."""

from __future__ import annotations

from importlib.resources.abc import Traversable

from machines.linacs.machine import LinacMachine
from machines.linacs.table import LinacTable
from machines.requirements import requirement_from
from machines.tables import read_toml


def read_linac(folder: Traversable) -> LinacMachine:
    """The linac of linac.toml, the section table, in ``folder`` with the requirements of requirements.toml.

    The ``study`` of a requirement is linac-optics or linac-energy-switching; those that name ``machines`` are of lines
    behind it. FileError where a file cannot be read,
    pydantic's ValidationError (a ValueError) for a wrong key of the table, InputError for one of a requirement.
    """
    tables = [one for one in read_toml(folder, "requirements")["requirement"] if "machines" not in one]
    requirements = (requirement_from(table, f"requirements.toml, {table.get('id', '?')}") for table in tables)
    return LinacMachine.of(read_table(folder), tuple(requirements))


def read_table(folder: Traversable) -> LinacTable:
    """The section table of linac.toml in ``folder``."""
    return LinacTable.model_validate(read_toml(folder, "linac"))
