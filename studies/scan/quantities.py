"""Results of a scan that its kernel does not give: fields of the magnets, and the room that beams have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lattice import ElectrostaticSeptum, Lattice
from lattice.arrays import Array
from optics import Optics, twiss
from optics.linear.twiss import functions_inside
from optics.magnets import FIELDS, largest_fields
from studies.ring_optics.clearance import PLANES, SLICES, clearance, clearance_at_septum, edge, openings
from studies.ring_optics.septum import septum_name
from studies.spec.resolution import BeamCase, Resolved

CLEARANCES = (*(f"clearance_{plane}" for plane in PLANES), "clearance_es")
#: The room beams have is judged in scans of at most so many cases: it takes a hundred times longer than the kernel.
MOST_CASES = 20_000
_BATCH = 128  # lattices a call of twiss


def extra_quantities(resolved: Resolved, number: int) -> tuple[str, ...]:
    """The quantities of a study's requirements that are computed here, in a scan of so many cases."""
    asked = [requirement.quantity for requirement in resolved.requirements]
    room = resolved.beams and any(element.aperture is not None for element in resolved.lattice.elements)
    known = (*FIELDS, *(CLEARANCES if room and number <= MOST_CASES else ()))
    return tuple(name for name in dict.fromkeys(asked) if name in known)


def extra_columns(resolved: Resolved, batch: Lattice, names: tuple[str, ...]) -> dict[str, Array]:
    """Column of each quantity, (batch,), nan where motion is not bounded."""
    rigidity = resolved.top_particle.magnetic_rigidity
    columns = {name: largest_fields(name, batch, rigidity) for name in names if name in FIELDS}
    wanted = [name for name in names if name in CLEARANCES]
    if not wanted:
        return columns
    rooms = [_rooms(resolved, beam, batch, wanted) for beam in resolved.beams]
    return {**columns, **{name: np.min([room[name] for room in rooms], axis=0) for name in wanted}}


def _rooms(resolved: Resolved, case: BeamCase, batch: Lattice, wanted: list[str]) -> Mapping[str, Array]:
    """The least room of one beam: in each lattice, or, of a beam at another working point, the same for all."""
    fringe, n = resolved.study.model.fringe, batch.batch or 1
    if not case.follows:
        optics = twiss(case.lattice, case.particle, fringe=fringe, chromatic=False)
        return {name: np.full(n, _room(optics, case, name, resolved)) for name in wanted}
    found: dict[str, list[Array]] = {name: [] for name in wanted}
    values = {name: value for name, value in batch.parameters.items() if isinstance(value, np.ndarray)}
    for begin in range(0, n, _BATCH):
        part = batch.with_parameters({name: value[begin : begin + _BATCH] for name, value in values.items()})
        optics = twiss(part, case.particle, fringe=fringe, chromatic=False)
        for name in wanted:
            at_wires = name == "clearance_es"
            room = _room_at_wires(optics, case, resolved) if at_wires else _least_room(optics, case, name[-1])
            found[name].append(room)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _room(optics: Optics, case: BeamCase, name: str, resolved: Resolved) -> float:
    if name == "clearance_es":
        return clearance_at_septum(optics, case.beam, septum_name(resolved, optics.lattice)).value
    return clearance(optics, case.beam, name[-1]).value


def _room_at_wires(optics: Optics, case: BeamCase, resolved: Resolved) -> Array:
    """As ``studies.ring_optics.clearance.clearance_at_septum``, (batch,)."""
    name = septum_name(resolved, optics.lattice)
    wires = optics.lattice[name]
    position = float(optics.lattice.value(wires.position)) if isinstance(wires, ElectrostaticSeptum) else 0.0
    row = optics.row(name)
    beta, dispersion, orbit = (optics[column][:, row] for column in ("betx", "dx", "x"))
    half = edge(case.beam, optics.particle, beta, dispersion, "x")
    return np.asarray(abs(position) - half - np.sign(position) * orbit)


def _least_room(optics: Optics, case: BeamCase, plane: str) -> Array:
    """As ``studies.ring_optics.clearance.clearance``, (batch,)."""
    fine = functions_inside(optics, SLICES)
    half = edge(case.beam, optics.particle, fine.column(f"bet{plane}"), fine.column(f"d{plane}"), plane)
    orbit = fine.column(plane)
    rooms = openings(optics.lattice)
    sides = np.array([rooms[name] for name in optics.lattice.names])[fine.row_element]
    low, high = (sides[:, 0], sides[:, 1]) if plane == "x" else (sides[:, 2], sides[:, 3])
    ends = (slice(None, -1), slice(1, None))  # both ends of every slice are inside its own aperture
    room = [np.minimum(high - (orbit + half)[:, end], (orbit - half)[:, end] - low) for end in ends]
    least = np.fmin.reduce(np.minimum(*room), axis=1)  # of what has an aperture
    return np.asarray(np.where(np.isfinite(half).all(axis=1), least, np.nan))
