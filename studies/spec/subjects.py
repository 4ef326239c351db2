"""What a command works on: a machine by name, or a lattice file with what its options add."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lattice import InputError, Lattice, ReferenceParticle, UnstableOptics
from lattice.survey import turns_once
from machines.registry import LINES, line_named, ring_named
from optics.linear.rings import AS_A_CELL, taken_as
from studies.spec.builtin import looks_like_file
from studies.spec.lattice_files import read_lattice


def lattice_of(
    subject: str,
    sequence: str | None = None,
    particle: str | None = None,
    energy: float | None = None,
    root: Path | None = None,
) -> Lattice:
    """Lattice of a ring (at its default working point), of a line or of a file, with its particle where one is known.

    ``energy`` in MeV/u; ``root``: where files that the file calls may lie. InputError for an unknown machine and
    for options that do not fit.
    """
    if looks_like_file(subject):
        lattice = read_lattice(Path(subject), sequence, root)
    else:
        for option, value in (("--sequence", sequence), ("--root", root)):
            if value is not None:
                raise InputError(f"{option} belongs to a lattice file; '{subject}' is a machine")
        lattice = _built_in(subject)
    return lattice.with_particle(given_particle(lattice.particle, particle, energy))


def _built_in(name: str) -> Lattice:
    return line_named(name).line if name.strip().lower() in LINES.machines else ring_named(name).lattice()


def told_as_a_cell(lattice: Lattice, start: str) -> str:
    """The warning that a lattice without a start is taken as periodic, "" of a ring; ``start``: how one is given."""
    cell = taken_as(lattice)
    return f"'{lattice.name}' is taken as {cell.split(';')[0]}; a line needs its {start}" if cell else ""


def with_known_particle(lattice: Lattice) -> Lattice:
    """The lattice itself; InputError names the options when it says of no particle."""
    if lattice.particle is None:
        raise InputError(
            f"lattice '{lattice.name}' names no particle: give --particle and --energy (MeV/u), for example "
            f"--particle proton --energy 60"
        )
    return lattice


@contextmanager
def start_hinted(start: Mapping[str, float] | None, lattice: Lattice) -> Iterator[None]:
    """An error for want of stable optics says how to give a start, where none is and the lattice is no ring."""
    try:
        yield
    except UnstableOptics as error:
        if start or turns_once(lattice):
            raise
        unstable = str(error).split(AS_A_CELL)[0]
        raise UnstableOptics(
            f"{unstable}\nA line that is no ring needs its start conditions: --start betx=9.07 --start bety=3.5 ... "
            "(in a study file a table [start] with betx, bety ...)"
        ) from None


def given_particle(
    own: ReferenceParticle | None, species: str | None, energy: float | None
) -> ReferenceParticle | None:
    """The lattice's own particle with another species or energy [MeV/u]; None where there is none at all."""
    if species is None and energy is None:
        return own
    kind = species if species is not None or own is None else own.kind
    if kind is None:
        raise InputError("the energy of which particle? give one too: particle, or --particle (proton, carbon-12, ...)")
    if energy is None and own is None:
        raise InputError(
            f"a {species} of which energy? give its kinetic energy in MeV/u too: kinetic_energy_MeV_per_u, or --energy"
        )
    kinetic = own.kinetic_energy_per_u if energy is None and own is not None else float(energy or 0.0) * 1e6
    return ReferenceParticle(kind, kinetic_energy_per_u=kinetic)
