"""What a command works on: a machine by name, or a lattice file with what its options add."""

from __future__ import annotations

from pathlib import Path

from lattice import InputError, Lattice, ReferenceParticle
from machines.registry import ring_named
from studies.spec.builtin import looks_like_file
from studies.spec.lattice_files import read_lattice


def lattice_of(
    subject: str, sequence: str | None = None, particle: str | None = None, energy: float | None = None
) -> Lattice:
    """Lattice of a machine (at its default working point) or a file, with its particle where one is known.

    ``energy`` in MeV/u. InputError for an unknown machine and for options that do not fit.
    """
    if looks_like_file(subject):
        lattice = read_lattice(Path(subject), sequence)
    else:
        if sequence is not None:
            raise InputError(f"--sequence belongs to a lattice file; '{subject}' is a machine")
        lattice = ring_named(subject).lattice()
    return lattice.with_particle(given_particle(lattice.particle, particle, energy))


def given_particle(
    own: ReferenceParticle | None, species: str | None, energy: float | None
) -> ReferenceParticle | None:
    """The lattice's own particle with another species or energy [MeV/u]; None where there is none at all."""
    if species is None and energy is None:
        return own
    kind = species if species is not None or own is None else own.kind
    if kind is None:
        raise InputError("the energy of which particle? give one too (proton, carbon-12, ...)")
    if energy is None and own is None:
        raise InputError(f"a {species} of which energy? give its kinetic energy in MeV/u too")
    kinetic = own.kinetic_energy_per_u if energy is None and own is not None else float(energy or 0.0) * 1e6
    return ReferenceParticle(kind, kinetic_energy_per_u=kinetic)
