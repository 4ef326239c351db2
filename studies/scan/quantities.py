"""Results of a scan that its kernel does not give: fields of the magnets, and the room that beams have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lattice import Lattice
from lattice.arrays import Array
from optics import Optics, twiss
from optics.aperture import PLANES, clearances, room_at_wires
from optics.magnets import FIELDS, largest_fields, magnet_count
from optics.straights import third_straight
from studies.spec.resolution import BeamCase, Resolved

CLEARANCES = (*(f"clearance_{plane}" for plane in PLANES), "clearance_es")
#: The room beams have is judged in scans of at most so many cases: it takes a hundred times longer than the kernel.
MOST_CASES = 20_000
_MAGNETS, _STRAIGHT = "magnets", "third_straight"
_BATCH = 128  # lattices a call of twiss


def extra_quantities(resolved: Resolved[Any], asked: Sequence[str], number: int) -> tuple[str, ...]:
    """Which of the quantities that are asked for are computed here, in a scan of so many cases."""
    room = resolved.beams and any(element.aperture is not None for element in resolved.lattice.elements)
    known = (*FIELDS, _MAGNETS, _STRAIGHT, *(CLEARANCES if room and number <= MOST_CASES else ()))
    return tuple(name for name in dict.fromkeys(asked) if name in known)


def extra_columns(resolved: Resolved[Any], batch: Lattice, names: tuple[str, ...]) -> dict[str, Array]:
    """Column of each quantity, (batch,), nan where motion is not bounded."""
    rigidity = resolved.top_particle.magnetic_rigidity
    columns = {name: largest_fields(name, batch, rigidity) for name in names if name in FIELDS}
    if _MAGNETS in names:
        columns[_MAGNETS] = np.full(batch.batch or 1, float(magnet_count(batch, ring=True)))
    if _STRAIGHT in names:
        columns[_STRAIGHT] = np.broadcast_to(third_straight(batch, ring=True), batch.batch or 1)
    wanted = [name for name in names if name in CLEARANCES]
    if not wanted:
        return columns
    rooms = [_rooms(resolved, beam, batch, wanted) for beam in resolved.beams]
    return {**columns, **{name: np.min([room[name] for room in rooms], axis=0) for name in wanted}}


def _rooms(resolved: Resolved[Any], case: BeamCase, batch: Lattice, wanted: list[str]) -> Mapping[str, Array]:
    """The least room of one beam: in each lattice, or, of a beam at another working point, the same for all."""
    n = batch.batch or 1
    parts = _parts(batch, n) if case.follows else iter([case.lattice])
    each = [_rooms_of_part(resolved, case, part, wanted) for part in parts]
    return {name: np.broadcast_to(np.concatenate([part[name] for part in each]), n) for name in wanted}


def _rooms_of_part(resolved: Resolved[Any], case: BeamCase, part: Lattice, wanted: list[str]) -> dict[str, Array]:
    optics = twiss(part, case.particle, fringe=resolved.study.model.fringe, chromatic=False)
    return {name: _room(optics, case, name, resolved) for name in wanted}


def _parts(batch: Lattice, n: int) -> Iterator[Lattice]:
    """The lattices of a batch, so many at a time."""
    values = {name: value for name, value in batch.parameters.items() if isinstance(value, np.ndarray)}
    for begin in range(0, n, _BATCH):
        yield batch.with_parameters({name: value[begin : begin + _BATCH] for name, value in values.items()})


def _room(optics: Optics, case: BeamCase, name: str, resolved: Resolved[Any]) -> Array:
    edge = case.beam.edge(case.particle)
    if name == "clearance_es":
        return np.atleast_1d(room_at_wires(optics, edge, resolved.septum))
    return clearances(optics, edge, name[-1])
