"""Reads a machine of this package from its TOML files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from lattice import ReferenceParticle
from machines.cnao_like.data import read
from machines.cnao_like.ring import build_ring, group_tables
from machines.machine import Machine, MachineBeam, MagnetFamily, Rating, WorkingPoint
from machines.requirements import Requirement


@cache
def definition(name: str) -> Machine:
    """The machine described by ``<name>.toml``, the ring file it names, and requirements.toml."""
    about = read(name)
    geometry = read(about["ring"])
    groups = group_tables(geometry)
    return Machine(
        name=name,
        title=about["title"],
        ring=build_ring(name, geometry),
        working_points=_working_points(about),
        default_working_point=about["default_working_point"],
        energies=_energies(about["energies_MeV_per_u"]),
        families=_families(groups),
        ratings=MappingProxyType({rating["quantity"]: Rating(**rating) for rating in geometry["rating"]}),
        beams=tuple(MachineBeam(**beam) for beam in about["beam"]),
        places=MappingProxyType(geometry["places"]),
        roles=_roles(groups),
        requirements=_requirements(name),
        assumptions=tuple(about["assumptions"]),
        references=tuple(about["references"]),
    )


def _working_points(about: Mapping[str, Any]) -> Mapping[str, WorkingPoint]:
    points = (_working_point(table, about["strengths"]) for table in about["working_point"])
    return MappingProxyType({point.name: point for point in points})


def _working_point(table: Mapping[str, Any], sets: Mapping[str, Mapping[str, float]]) -> WorkingPoint:
    """``strengths`` of the table is the name of a set of strengths that several points share."""
    own = {key: value for key, value in table.items() if key not in ("species", "kinetic_energy_MeV_per_u")}
    particle = ReferenceParticle(table["species"], kinetic_energy_per_u=table["kinetic_energy_MeV_per_u"] * 1e6)
    return WorkingPoint(**{**own, "particle": particle, "strengths": MappingProxyType(sets[table["strengths"]])})


def _energies(table: Mapping[str, tuple[float, float]]) -> Mapping[str, tuple[float, float]]:
    return MappingProxyType({species: (low * 1e6, high * 1e6) for species, (low, high) in table.items()})


def _families(groups: Mapping[str, Mapping[str, Any]]) -> Mapping[str, MagnetFamily]:
    return MappingProxyType(
        {group["supply"]: _family(group) for group in groups.values() if "supply" in group},
    )


def _family(group: Mapping[str, Any]) -> MagnetFamily:
    return MagnetFamily(
        name=group["supply"],
        kind=group["kind"],
        parameter=group["supply"],
        plane=group["plane"],
        elements=tuple(element for element, _ in group["at"]),
        amperes_per_gradient=group.get("amperes_per_gradient"),
    )


def _roles(groups: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
    named = (group for group in groups.values() if "role" in group)
    return MappingProxyType({element: group["role"] for group in named for element, _ in group["at"]})


def _requirements(machine: str) -> tuple[Requirement, ...]:
    tables = (table for table in read("requirements")["requirement"] if machine in table["machines"])
    return tuple(_requirement(table, machine) for table in tables)


def _requirement(table: Mapping[str, Any], machine: str) -> Requirement:
    own = {key: value for key, value in table.items() if key != "machines"}
    return Requirement(**{**own, "study": f"{machine}-{table['study']}"})
