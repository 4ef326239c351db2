"""A CNAO-like synchrotron for protons and carbon ions, in three variants: data, each number's origin in SOURCES.md.

``cnao()`` is the ring as built (77.648 m), ``pimms()`` the design it grew from (75.24 m), ``medaustron()`` the CNAO
ring with protons to 800 MeV, which stands for MedAustron's. All else that is known: ``machines.registry.ring_named``.
"""

from __future__ import annotations

from lattice import Lattice
from machines.registry import ring_named

__all__ = ["cnao", "medaustron", "pimms"]


def cnao(working_point: str | None = None) -> Lattice:
    """The CNAO ring at a working point (default: design extraction, 60 MeV protons); InputError if unknown."""
    return ring_named("cnao").lattice(working_point)


def pimms(working_point: str | None = None) -> Lattice:
    """The PIMMS ring at a working point (default: design extraction, 200 MeV protons); InputError if unknown."""
    return ring_named("pimms").lattice(working_point)


def medaustron(working_point: str | None = None) -> Lattice:
    """The CNAO ring for protons to 800 MeV (default: extraction, 800 MeV protons); InputError if unknown."""
    return ring_named("medaustron").lattice(working_point)
