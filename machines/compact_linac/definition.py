"""Reads the linac of this package from its TOML files."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from machines.compact_linac.machine import LinacMachine
from machines.compact_linac.table import LinacTable
from machines.requirements import Requirement

NAME = "linac"


@cache
def definition() -> LinacMachine:
    """The LIGHT-like linac of linac.toml with the requirements of requirements.toml."""
    return LinacMachine(NAME, section_table(), requirements())


def section_table() -> LinacTable:
    """The section table of linac.toml."""
    return LinacTable.model_validate(_read("linac"))


def requirements() -> tuple[Requirement, ...]:
    """The requirements on a linac, whose ``study`` is linac-optics or linac-energy-switching."""
    return tuple(Requirement(**table) for table in _read("requirements")["requirement"])


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
