"""Reads a ring from its TOML files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from typing import Any

from lattice import InputError, ReferenceParticle
from lattice.arrays import ClosedMapping
from lattice.errors import did_you_mean
from machines.requirements import Requirement, Unasked, requirement_from
from machines.rings.files import GeometryFile, Group, MachineFile
from machines.rings.geometry import build_ring
from machines.rings.machine import MachineBeam, MagnetFamily, Rating, RingMachine, WorkingPoint
from machines.tables import check_keys, read_toml, record

_PARTICLE = ("species", "kinetic_energy_MeV_per_u")  # keys of a working point that are one value of it


def read_ring(folder: Traversable, name: str) -> RingMachine:
    """The ring of ``<name>.toml``, the geometry file it names, and requirements.toml, all in ``folder``.

    FileError where a file cannot be read; InputError names a wrong key and where it stands; LatticeError where elements
    overlap.
    """
    about = record(MachineFile, read_toml(folder, name), f"{name}.toml")
    geometry = record(GeometryFile, read_toml(folder, about.ring), f"{about.ring}.toml")
    ratings = (record(Rating, table, f"{about.ring}.toml, rating") for table in geometry.rating)
    groups = tuple(geometry.groups())
    asked = read_toml(folder, "requirements").get("requirement", [])
    return RingMachine(
        name=name,
        title=about.title,
        ring=build_ring(name, geometry),
        working_points=ClosedMapping({point.name: point for point in _working_points(about, f"{name}.toml")}),
        default_working_point=about.default_working_point,
        energies=_energies(about.energies_MeV_per_u),
        families=ClosedMapping({family.name: family for family in _families(groups)}),
        ratings=ClosedMapping({rating.quantity: rating for rating in ratings}),
        beams=tuple(record(MachineBeam, table, f"{name}.toml, beam") for table in about.beam),
        places=ClosedMapping(dict(geometry.places)),
        roles=ClosedMapping({element: group.role for group in groups if group.role for element, _ in group.at}),
        requirements=tuple(_requirements(asked, name)),
        assumptions=tuple(about.assumptions),
        references=tuple(about.references),
        unasked=tuple(_unasked(asked, name)),
    )


def _working_points(about: MachineFile, file: str) -> Iterator[WorkingPoint]:
    for table in about.working_point:
        where = f"{file}, working point '{table.get('name', '?')}'"
        check_keys(table, (*_PARTICLE, "strengths"), where)
        own = {key: value for key, value in table.items() if key not in _PARTICLE}
        kinetic = table["kinetic_energy_MeV_per_u"] * 1e6
        particle = ReferenceParticle(table["species"], kinetic_energy_per_u=kinetic)
        strengths = ClosedMapping(_strengths(table["strengths"], about, where))
        yield record(WorkingPoint, {**own, "particle": particle, "strengths": strengths}, where)


def _strengths(name: str, about: MachineFile, where: str) -> dict[str, float]:
    """The set of strengths called ``name``, which several working points may share."""
    if name not in about.strengths:
        raise InputError(f"{where}: there are no strengths '{name}'{did_you_mean(name, about.strengths)}")
    return dict(about.strengths[name])


def _energies(table: Mapping[str, Any]) -> Mapping[str, tuple[float, float]]:
    return ClosedMapping({species: (low * 1e6, high * 1e6) for species, (low, high) in table.items()})


def _families(groups: tuple[Group, ...]) -> Iterator[MagnetFamily]:
    """A family for every group with a supply, whose name is that of the parameter."""
    for group in groups:
        if group.supply is not None:
            yield MagnetFamily(
                name=group.supply,
                kind=group.kind,
                parameter=group.supply,
                plane=str(group.plane),
                elements=tuple(element for element, _ in group.at),
                amperes_per_gradient=group.amperes_per_gradient,
            )


def _unasked(tables: list[dict[str, Any]], machine: str) -> Iterator[Unasked]:
    """Requirements of other machines, with the reason that their table gives in ``not_asked``, by machine."""
    asked = {(table["id"], table["study"]) for table in tables if machine in table["machines"]}
    for table in tables:
        if (table["id"], table["study"]) not in asked:
            stated = f"it is stated for {' and '.join(table['machines'])} only"
            reason = table.get("not_asked", {}).get(machine, stated)
            yield Unasked(table["id"], table["text"], f"{machine}-{table['study']}", reason)


def _requirements(tables: list[dict[str, Any]], machine: str) -> Iterator[Requirement]:
    """Those that name the machine; ``study`` "optics" of machine "cnao" is the study cnao-optics."""
    for table in tables:
        where = f"requirements.toml, {table.get('id', '?')}"
        check_keys(table, ("machines", "study"), where)
        if machine in table["machines"]:
            own = {key: value for key, value in table.items() if key not in ("machines", "not_asked")}
            yield requirement_from({**own, "study": f"{machine}-{table['study']}"}, where)
