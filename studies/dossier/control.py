"""The control page of a dossier, from ``dossier.toml``: what the document is called, who stands for it, its history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from studies.spec.checking import checked, parse_toml, read_text
from studies.spec.types import Table, Text


def _day(found: Any) -> str:
    """A day as TOML writes it, 2026-11-30, with or without quotes; ValueError for anything else."""
    try:
        return date.fromisoformat(str(found) if type(found) is date else found).isoformat()
    except (TypeError, ValueError):
        raise ValueError(f"found {found!r}, expected a date, for example 2026-11-30") from None


def _persons(found: Any) -> Any:
    """One name, one table or a list of them, as a list of tables."""
    several = found if isinstance(found, (list, tuple)) else [found]
    return [{"name": one} if isinstance(one, str) else one for one in several]


Day = Annotated[str, BeforeValidator(_day)]


class Person(Table):
    """Who prepared, checked or approved: ``name``, in which ``role``, and when."""

    name: Text
    role: Text | None = None
    date: Day | None = None


class Change(Table):
    """One version of the document: what changed in it, when, and by whom."""

    version: Text
    change: Text
    date: Day | None = None
    by: Text | None = None


Persons = Annotated[tuple[Person, ...], BeforeValidator(_persons)]


class Control(Table):
    """The keys of ``dossier.toml``; all may be left out."""

    title: Text | None = None
    version: Text | None = None
    date: Day | None = None
    prepared: Persons = ()
    checked: Persons = ()
    approved: Persons = ()
    history: tuple[Change, ...] = ()

    @property
    def signatures(self) -> tuple[tuple[str, tuple[Person, ...]], ...]:
        """Who prepared, checked and approved, in this order."""
        return ("Prepared", self.prepared), ("Checked", self.checked), ("Approved", self.approved)


def read_control(path: Path) -> Control:
    """The control file. FileError when it cannot be read; InputError names a wrong key or value."""
    return control_of(parse_toml(read_text(path, "control file"), str(path)), str(path))


def control_of(content: Mapping[str, Any], where: str) -> Control:
    """What a control file holds, checked; InputError as ``read_control``."""
    return checked(Control, content, where)
