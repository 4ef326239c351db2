"""The machines the toolkit knows by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from lattice import InputError
from lattice.errors import did_you_mean
from machines.cnao_like.definition import definition
from machines.machine import Machine

if TYPE_CHECKING:
    from machines.compact_linac.machine import LinacMachine

#: Name of each machine, and the function that returns it (its data are read on the first call).
MACHINES: Mapping[str, Callable[[], Machine]] = MappingProxyType(
    {name: partial(definition, name) for name in ("cnao", "pimms", "medaustron")}
)


def _linac() -> LinacMachine:
    from machines.compact_linac.definition import definition as linac  # compiled maps are not loaded before they serve

    return linac()


#: The same for linacs.
LINACS: Mapping[str, Callable[[], LinacMachine]] = MappingProxyType({"linac": _linac})


def machine_named(name: str) -> Machine:
    """The ring called ``name`` (any case); InputError suggests the nearest when there is none."""
    key = name.strip().lower() if isinstance(name, str) else str(name)
    if key in LINACS:
        raise InputError(f"machine '{name}' is a linac, not a ring: run linac-optics or linac-energy-switching")
    if key not in MACHINES:
        raise InputError(f"unknown machine '{name}'{did_you_mean(key, MACHINES)} Known: {', '.join(MACHINES)}")
    return MACHINES[key]()


def linac_named(name: str) -> LinacMachine:
    """The linac called ``name`` (any case); InputError suggests the nearest when there is none."""
    key = name.strip().lower()
    if key in MACHINES:
        raise InputError(f"machine '{name}' is a ring: a study of a linac takes one of {', '.join(LINACS)}")
    if key not in LINACS:
        raise InputError(f"unknown linac '{name}'{did_you_mean(key, LINACS)} Known: {', '.join(LINACS)}")
    return LINACS[key]()
