"""Transfer lines as studies name them: a known machine, or a lattice file; what lies outside a machine's range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from lattice import Lattice, ReferenceParticle
from lattice.files import read_bytes
from machines.lines.machine import LineMachine
from studies.spec.lattice_files import called_within, read_lattice


class OfALine(Protocol):
    """What a study file of a line says of it."""

    @property
    def lattice(self) -> str | None:
        """A lattice file, relative to the study's."""

    @property
    def sequence(self) -> str | None:
        """The sequence of it."""

    @property
    def root(self) -> str | None:
        """The folder of files that it calls."""

    @property
    def parameters(self) -> Mapping[str, float]:
        """Values of its parameters."""


def line_of(study: OfALine, machine: LineMachine | None, file: Path | None) -> tuple[Lattice, dict[str, bytes]]:
    """The line with the study's parameters, and the files that it was read from, by name."""
    if machine is not None:
        return machine.line.with_parameters(study.parameters), {}
    path = (file.parent if file else Path()) / str(study.lattice)
    root = called_within(study.root, file)
    return read_lattice(path, study.sequence, root).with_parameters(study.parameters), {path.name: read_bytes(path)}


def place_in(line: Lattice, place: str) -> str:
    """The name of a place of a line; LatticeError suggests the nearest for one that it has not."""
    line.row(place)
    return place


def outside_of(species: str, particles: Sequence[ReferenceParticle], machine: LineMachine | None) -> str:
    """Why energies lie outside what the line is described for; "" where they do not, or without a machine."""
    if machine is None:
        return ""
    if species not in machine.energies:
        return f"{machine.name} is described for {', '.join(machine.energies)}, not for {species}"
    low, top = machine.energies[species]
    wrong = [
        one.kinetic_energy_per_u
        for one in particles
        if not low * (1 - 1e-9) <= one.kinetic_energy_per_u <= top * (1 + 1e-9)
    ]
    if not wrong:
        return ""
    told = f"{wrong[0] / 1e6:g} MeV/u" if len(wrong) == 1 else f"{wrong[0] / 1e6:g} to {wrong[-1] / 1e6:g} MeV/u"
    return f"{told} lies outside the energies of {machine.name} ({species}: {low / 1e6:g} to {top / 1e6:g} MeV/u)"
