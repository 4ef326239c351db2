"""The machines the toolkit knows by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from lattice import InputError
from lattice.errors import did_you_mean
from machines.cnao_like.definition import definition
from machines.machine import Machine

#: Name of each machine, and the function that returns it (its data are read on the first call).
MACHINES: Mapping[str, Callable[[], Machine]] = MappingProxyType(
    {name: partial(definition, name) for name in ("cnao", "pimms", "medaustron")}
)


def machine_named(name: str) -> Machine:
    """The machine called ``name`` (any case); InputError suggests the nearest when there is none."""
    key = name.strip().lower() if isinstance(name, str) else str(name)
    if key not in MACHINES:
        raise InputError(f"unknown machine '{name}'{did_you_mean(key, MACHINES)} Known: {', '.join(MACHINES)}")
    return MACHINES[key]()
