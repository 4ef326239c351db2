"""What the maps of a lattice are asked with: the particle and the fringe fields."""

from __future__ import annotations

from lattice import InputError, Lattice, ReferenceParticle
from lattice.errors import did_you_mean
from optics.maps.steps import FRINGES


def checked_fringe(fringe: str) -> str:
    """``fringe`` if it is one of "full" and "linear", else InputError."""
    if fringe not in FRINGES:
        raise InputError(f"fringe must be 'full' or 'linear', found {fringe!r}{did_you_mean(str(fringe), FRINGES)}")
    return fringe


def checked_particle(lattice: Lattice, particle: ReferenceParticle | None) -> ReferenceParticle:
    """The given particle, or else the lattice's own; InputError when there is neither."""
    chosen = particle if particle is not None else lattice.particle
    if chosen is None:
        raise InputError(
            f"lattice '{lattice.name}' names no particle: pass one, such as "
            "ReferenceParticle('proton', kinetic_energy_per_u=100e6), or take lattice.with_particle(...)"
        )
    if not isinstance(chosen, ReferenceParticle):
        raise InputError(f"particle must be a ReferenceParticle, found {chosen!r}")
    return chosen
