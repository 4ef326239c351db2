"""The machines the toolkit knows by name, by kind: a new one is a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from lattice import InputError
from lattice.errors import did_you_mean
from machines.machine import Machine

if TYPE_CHECKING:
    from machines.linacs.machine import LinacMachine
    from machines.lines.machine import LineMachine
    from machines.rings.machine import RingMachine

Some = TypeVar("Some", bound=Machine, covariant=True)


@dataclass(frozen=True)
class Kind(Generic[Some]):
    """Machines of one kind: the word for it, and for each name the function that reads the machine's data."""

    word: str
    machines: Mapping[str, Callable[[], Some]]


@cache
def _ring(name: str) -> RingMachine:
    from machines.rings.reader import read_ring

    return read_ring(files("machines").joinpath("cnao_like"), name)


@cache
def _linac() -> LinacMachine:
    from machines.linacs.reader import read_linac

    return read_linac(files("machines").joinpath("compact_linac"))


@cache
def _line(name: str, folder: str, file: str) -> LineMachine:
    from machines.lines.reader import read_line

    return read_line(files("machines").joinpath(folder), name, file)


@cache
def _gantry(name: str, joint: str) -> LineMachine:
    from machines.lines.gantries import read_gantry

    return read_gantry(files("machines").joinpath("cnao_like"), name, "gantry", joint)


RINGS: Kind[RingMachine] = Kind("ring", {name: partial(_ring, name) for name in ("cnao", "pimms", "medaustron")})
LINACS: Kind[LinacMachine] = Kind("linac", {"linac": _linac})
LINES: Kind[LineMachine] = Kind(
    "line",
    {
        "cnao-room3": partial(_line, "cnao-room3", "cnao_like", "hebt_room3"),
        "cnao-gantry": partial(_gantry, "cnao-gantry", "rotator"),
        "cnao-gantry-plain": partial(_gantry, "cnao-gantry-plain", "turn"),
        "linac-room": partial(_line, "linac-room", "compact_linac", "room"),
    },
)
KINDS: tuple[Kind[Machine], ...] = (RINGS, LINACS, LINES)

#: Name of each machine of any kind, and the function that returns it (its data are read on the first call).
MACHINES: Mapping[str, Callable[[], Machine]] = MappingProxyType(
    {name: read for kind in KINDS for name, read in kind.machines.items()}
)


def machine_named(name: str) -> Machine:
    """The machine called ``name`` (any case), of any kind; InputError suggests the nearest when there is none."""
    return MACHINES[_known(name)]()


def ring_named(name: str) -> RingMachine:
    """The ring called ``name`` (any case); InputError for an unknown name and for a machine of another kind."""
    return _of_kind(RINGS, name)


def linac_named(name: str) -> LinacMachine:
    """The linac called ``name`` (any case); InputError for an unknown name and for a machine of another kind."""
    return _of_kind(LINACS, name)


def line_named(name: str) -> LineMachine:
    """The line called ``name`` (any case); InputError for an unknown name and for a machine of another kind."""
    return _of_kind(LINES, name)


def kind_of(name: str) -> str:
    """ "ring", "linac" or "line": the kind of a machine, without reading it; InputError for an unknown name."""
    key = _known(name)
    return next(kind.word for kind in KINDS if key in kind.machines)


def _of_kind(kind: Kind[Some], name: str) -> Some:
    key = _known(name)
    if key not in kind.machines:
        raise InputError(
            f"machine '{name}' is a {kind_of(key)}, here a {kind.word} is needed: {', '.join(kind.machines)}"
        )
    return kind.machines[key]()


def _known(name: str) -> str:
    """The key of a machine's name; InputError suggests the nearest."""
    key = str(name).strip().lower()
    if key not in MACHINES:
        raise InputError(f"unknown machine '{name}'{did_you_mean(key, MACHINES) or '.'} Known: {', '.join(MACHINES)}")
    return key
