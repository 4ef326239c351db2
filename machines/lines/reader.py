"""Reads a transfer line from its TOML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any

from lattice import Aperture, Element, InputError, Lattice
from lattice.arrays import ClosedMapping
from lattice.elements import ELEMENT_KINDS
from lattice.errors import did_you_mean
from machines.lines.machine import EnteringBeam, LineMachine
from machines.requirements import Requirement, Unasked, requirement_from
from machines.rings.machine import Rating
from machines.tables import check_keys, read_toml, record

_PIPE = "pipe"


@dataclass(frozen=True)
class LineFile:
    """``<name>.toml``: ``elements`` by their centres ``at`` [m], drifts between them as wide as the "pipe".

    ``apertures``: shape and half sizes [m]; ``strengths``: parameters that the elements name and their values.
    """

    title: str
    length: float
    start: str
    isocentre: str
    energies_MeV_per_u: Mapping[str, Sequence[float]]
    apertures: Mapping[str, Mapping[str, Any]]
    elements: Sequence[Mapping[str, Any]]
    ring: str = ""
    ring_place: str = ""
    linac: str = ""
    strengths: Mapping[str, float] = field(default_factory=dict)
    rating: Sequence[Mapping[str, Any]] = ()
    beam: Sequence[Mapping[str, Any]] = ()
    sections: Mapping[str, str] = field(default_factory=dict)
    assumptions: Sequence[str] = ()
    references: Sequence[str] = ()


def read_line(folder: Traversable, name: str, file: str) -> LineMachine:
    """The line of ``<file>.toml`` with the requirements that name it, in requirements.toml of the ``folder``.

    FileError where a file cannot be read; InputError names a wrong key and where it stands; LatticeError where elements
    overlap.
    """
    where = f"{file}.toml"
    about = record(LineFile, read_toml(folder, file), where)
    _check_source(about, where)
    asked = read_toml(folder, "requirements").get("requirement", [])
    return LineMachine(
        name=name,
        title=about.title,
        line=_line(name, about, where),
        ring=about.ring,
        ring_place=about.ring_place,
        linac=about.linac,
        isocentre=about.isocentre,
        energies=ClosedMapping(
            {species: (low * 1e6, high * 1e6) for species, (low, high) in about.energies_MeV_per_u.items()}
        ),
        ratings=ClosedMapping(
            {one.quantity: one for one in (record(Rating, table, f"{where}, rating") for table in about.rating)}
        ),
        sections=ClosedMapping(dict(about.sections)),
        beams=tuple(record(EnteringBeam, table, f"{where}, beam") for table in about.beam),
        requirements=tuple(_requirements(asked, name)),
        assumptions=tuple(about.assumptions),
        references=tuple(about.references),
        unasked=tuple(_unasked(asked, name)),
    )


def _check_source(about: LineFile, where: str) -> None:
    """A line leaves a ring at an element, or a linac at its exit."""
    if bool(about.ring) == bool(about.linac):
        raise InputError(f"{where}: a line begins at a ring or at a linac: give either ring or linac")
    if bool(about.ring) != bool(about.ring_place):
        raise InputError(f"{where}: ring and ring_place belong together: the ring, and the element where it is left")


def _line(name: str, about: LineFile, where: str) -> Lattice:
    check_keys(about.apertures, (_PIPE,), f"{where}, apertures")
    openings = {key: record(Aperture, table, f"{where}, aperture '{key}'") for key, table in about.apertures.items()}
    placed = [_placed(table, openings, where) for table in about.elements]
    return Lattice.placed(name, placed, length=about.length, aperture=openings[_PIPE], parameters=dict(about.strengths))


def _placed(table: Mapping[str, Any], openings: Mapping[str, Aperture], where: str) -> tuple[float, Element]:
    """An element and the place of its centre [m]."""
    owner = f"{where}, element '{table.get('name', '?')}'"
    check_keys(table, ("name", "kind", "at"), owner)
    kind, opening = str(table["kind"]), str(table.get("aperture", _PIPE))
    if kind not in ELEMENT_KINDS:
        raise InputError(f"{owner}: unknown kind '{kind}'{did_you_mean(kind, ELEMENT_KINDS)}")
    if opening not in openings:
        raise InputError(f"{owner}: unknown aperture '{opening}'{did_you_mean(opening, openings)}")
    own = {key: value for key, value in table.items() if key not in ("kind", "at", "aperture")}
    return float(table["at"]), record(ELEMENT_KINDS[kind], {**own, "aperture": openings[opening]}, owner)


def _requirements(tables: list[dict[str, Any]], line: str) -> Iterator[Requirement]:
    """Those that name the line; ``study`` is the kind of study that judges them."""
    for table in tables:
        where = f"requirements.toml, {table.get('id', '?')}"
        if line in table.get("machines", ()):
            check_keys(table, ("machines", "study"), where)
            own = {key: value for key, value in table.items() if key not in ("machines", "not_asked")}
            yield requirement_from(own, where)


def _unasked(tables: list[dict[str, Any]], line: str) -> Iterator[Unasked]:
    """What other lines are asked by the kinds of study that this one has, with the reason of ``not_asked``, by line."""
    studies = {table["study"] for table in tables if line in table.get("machines", ())}
    for table in tables:
        if table.get("study") in studies and line not in table.get("machines", (line,)):
            stated = f"it is stated for {' and '.join(table['machines'])} only"
            reason = table.get("not_asked", {}).get(line, stated)
            yield Unasked(table["id"], table["text"], f"{line}-{table['study']}", reason)
