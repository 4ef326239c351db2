"""The electrostatic septum of a ring, by the names that the study, the machine or the lattice give it."""

from __future__ import annotations

from typing import Any

from lattice import InputError, Lattice
from studies.spec.resolution import Resolved


def septum_name(resolved: Resolved[Any], lattice: Lattice) -> str:
    """The electrostatic septum: the machine's, or the only one; InputError without."""
    machine = resolved.machine
    if machine is not None and "electrostatic_septum" in machine.places:
        return machine.places["electrostatic_septum"]
    septa = [
        name
        for name, element in zip(lattice.names, lattice.elements, strict=True)
        if element.kind == "electrostaticseptum"
    ]
    if len(septa) != 1:
        raise InputError(f"'{lattice.name}' has {len(septa)} electrostatic septa, one is needed")
    return septa[0]
