"""Reads a line that ends in a gantry: a fixed part, a matching module, the joint, and the gantry itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources.abc import Traversable
from typing import Any

from lattice import Aperture, Drift, InputError, Lattice, SRotation
from lattice.arrays import ClosedMapping
from lattice.building.insertions import module, rotator
from lattice.errors import did_you_mean
from machines.lines.barrel import Barrel, barrel
from machines.lines.machine import LineMachine
from machines.lines.reader import read_line
from machines.rings.machine import Rating
from machines.tables import check_keys, read_toml, record

#: How a gantry is joined to what stands still: behind a rotator, or by a plain turn of the frame.
JOINTS = ("rotator", "turn")


@dataclass(frozen=True)
class GantryFile:
    """``<name>.toml``: the ``fixed`` line and the element that it ends behind; ``matching`` and ``rotator``: keywords
    of both in ``lattice.building.insertions``; ``gantry`` (``Barrel``); ``joints``: title and strengths of each.
    """

    fixed: str
    fixed_end: str
    matching: Mapping[str, Any]
    rotator: Mapping[str, Any]
    gantry: Mapping[str, Any]
    apertures: Mapping[str, Mapping[str, Any]]
    joints: Mapping[str, Mapping[str, Any]]
    energies_MeV_per_u: Mapping[str, Sequence[float]]
    sections: Mapping[str, str]
    rating: Sequence[Mapping[str, Any]] = ()
    assumptions: Sequence[str] = ()
    references: Sequence[str] = ()


def read_gantry(folder: Traversable, name: str, file: str, joint: str) -> LineMachine:
    """The line of ``<file>.toml`` with one of its joints ("rotator" or "turn"), and the requirements that name it.

    FileError where a file cannot be read; InputError names a wrong key and where it stands, or what has no room.
    """
    where = f"{file}.toml"
    about = record(GantryFile, read_toml(folder, file), where)
    if joint not in about.joints or joint not in JOINTS:
        hint = did_you_mean(joint, JOINTS) or "."
        raise InputError(f"{where}: no joint '{joint}'{hint} Known: {', '.join(about.joints)}")
    fixed = read_line(folder, name, about.fixed)
    own = about.joints[joint]
    check_keys(own, ("title", "strengths"), f"{where}, joint '{joint}'")
    return replace(
        fixed,
        title=own["title"],
        line=_line(name, about, fixed.line, joint, where).with_parameters(own["strengths"]),
        isocentre="isocentre",
        sections=ClosedMapping(dict(about.sections)),
        settable=tuple(name for name in own["strengths"]),
        energies=ClosedMapping(
            {species: (low * 1e6, high * 1e6) for species, (low, high) in about.energies_MeV_per_u.items()}
        ),
        ratings=ClosedMapping(
            {one.quantity: one for one in (record(Rating, table, f"{where}, rating") for table in about.rating)}
        ),
        assumptions=tuple(about.assumptions),
        references=(*fixed.references, *about.references),
    )


def _line(name: str, about: GantryFile, fixed: Lattice, joint: str, where: str) -> Lattice:
    check_keys(about.apertures, ("pipe", "quadrupole", "bend", "last"), f"{where}, apertures")
    openings = {key: record(Aperture, table, f"{where}, aperture '{key}'") for key, table in about.apertures.items()}
    design = record(Barrel, about.gantry, f"{where}, gantry")
    still = _used(fixed[: fixed.index(about.fixed_end) + 1])
    matching = module("match", aperture=openings["pipe"], **about.matching)
    return (still + matching + _JOINTS[joint](about, openings["pipe"]) + barrel(design, openings)).named(name)


def _used(line: Lattice) -> Lattice:
    """The line with the parameters that its elements name."""
    named = {text for e in line.elements if (text := getattr(e, "k1", None)) in line.parameters}
    kept = {key: value for key, value in line.parameters.items() if key in named}
    return Lattice(line.name, elements=line.elements, parameters=kept)


def _with_rotator(about: GantryFile, aperture: Aperture) -> Lattice:
    return rotator(aperture=aperture, **about.rotator)


def _plain(about: GantryFile, aperture: Aperture) -> Lattice:
    """A turn of the frame in the middle of a drift as long as the rotator."""
    half = Drift("joint", length=rotator(**about.rotator).length / 2, aperture=aperture)
    elements = (half, SRotation("joint_turn", angle="gantry_angle"), half)
    return Lattice("joint", elements=elements, parameters={"gantry_angle": 0.0})


_JOINTS = {"rotator": _with_rotator, "turn": _plain}
