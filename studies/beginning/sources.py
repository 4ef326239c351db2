"""What a study is begun from: a machine by name, or a file, and what has to be said of that."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lattice import InputError, Lattice, UnstableOptics
from optics import twiss
from optics.linear.optics import Optics
from studies.spec.builtin import looks_like_file
from studies.spec.subjects import lattice_of

SPECIES, ENERGY = "proton", 100.0  # of a file that names no particle; MeV/u
START = {"betx": 10.0, "bety": 10.0}  # of a line, m


@dataclass(frozen=True)
class Source:
    """A lattice to begin from: the keys that name it, those of them that are assumed, and its optics.

    ``optics``: None for a line, whose optics depends on its start. ``lattice`` None for what is no lattice file.
    """

    keys: Mapping[str, Any]
    assumed: tuple[str, ...] = ()
    lattice: Lattice | None = None
    optics: Optics | None = None


@dataclass(frozen=True)
class Given:
    """What the command line says of a file: sequence, particle, energy [MeV/u], where files that it calls may be."""

    sequence: str | None = None
    particle: str | None = None
    energy: float | None = None
    root: Path | None = None

    def keys(self, target: Path) -> dict[str, Any]:
        """The same as keys of a study file at ``target``."""
        root = None if self.root is None else relative(self.root, target)
        named: dict[str, Any] = {"sequence": self.sequence, "root": root, "particle": self.particle}
        named |= {"kinetic_energy_MeV_per_u": self.energy}
        return {key: value for key, value in named.items() if value is not None}


def source_of(subject: str, given: Given, target: Path) -> Source:
    """A machine, or a lattice file for a study that will stand at ``target``.

    InputError for an unknown machine or a lattice that cannot be, FileError for a file that cannot be read.
    """
    if not looks_like_file(subject):
        for option, value in (("--sequence", given.sequence), ("--root", given.root)):
            if value is not None:
                raise InputError(f"{option} belongs to a lattice file; '{subject}' is a machine")
        return Source({"machine": subject.lower(), **given.keys(target)})
    named = {"lattice": relative(Path(subject), target), **given.keys(target)}
    alone = lattice_of(subject, given.sequence, root=given.root)
    assumed = _unstated(alone, given)
    full = {"particle": given.particle or SPECIES, "kinetic_energy_MeV_per_u": given.energy or ENERGY}
    named |= {key: full[key] for key in assumed}
    particle, energy = named.get("particle"), named.get("kinetic_energy_MeV_per_u")
    lattice = lattice_of(subject, given.sequence, particle, energy, given.root)
    return Source(named, assumed, lattice, _optics(lattice))


def relative(file: Path, target: Path) -> str:
    """A file as a study at ``target`` names it."""
    return Path(os.path.relpath(file, target.parent)).as_posix()


def _unstated(lattice: Lattice, given: Given) -> tuple[str, ...]:
    """Keys of particle and energy that neither the file nor the command line says."""
    if lattice.particle is not None:
        return ()
    named = {"particle": given.particle, "kinetic_energy_MeV_per_u": given.energy}
    return tuple(key for key, value in named.items() if value is None)


def _optics(lattice: Lattice) -> Optics | None:
    try:
        return twiss(lattice)
    except UnstableOptics:
        return None
