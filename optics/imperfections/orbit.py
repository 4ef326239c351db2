"""Closed orbits: what monitors read, what correctors do to it, and the correction of it.

The response matrix is the exact derivative of the closed orbit of the maps, by a complex step in each kick: in a ring
without coupling R_ij = sqrt(b_i b_j) cos(|mu_i - mu_j| - pi Q) / (2 sin pi Q) (E. D. Courant & H. S. Snyder, Ann. Phys.
3, 1 (1958), equation 4.6), and what bends, edges and sextupoles off axis add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lattice import Element, InputError, Kicker, Lattice, Monitor, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from optics.closed import closed
from optics.imperfections.errors import Imperfect
from optics.imperfections.orbit_kicks import Method, kicks_for
from optics.maps.lattices.checked import checked_particle
from optics.maps.lattices.trajectories import orbits
from optics.selection import selected, with_distinct_names

PLANES = ("x", "y")
_STEP = 1e-30  # rad: a complex step has no cancellation, so it may be as small as one likes
_DEAF = 1e-9  # m/rad: a response below this is none


def monitors_of(lattice: Lattice, plane: str, wanted: str | Iterable[str] | None = None) -> list[str]:
    """Names of the monitors that measure in ``plane`` ("x" or "y"), all or ``wanted`` ones; InputError without any."""
    return _instruments(lattice, Monitor, plane, wanted, "monitors")


def correctors_of(lattice: Lattice, plane: str, wanted: str | Iterable[str] | None = None) -> list[str]:
    """Names of the kickers that act in ``plane``, all or ``wanted`` ones; InputError without any."""
    return _instruments(lattice, Kicker, plane, wanted, "correctors")


def _instruments(
    lattice: Lattice, kind: type[Monitor | Kicker], plane: str, wanted: str | Iterable[str] | None, what: str
) -> list[str]:
    if plane not in PLANES:
        raise InputError(f"a plane is 'x' or 'y', found {plane!r}")
    chosen = set(selected(lattice, wanted, what)) if wanted is not None else None
    every = {e.name: e for e in lattice.elements if isinstance(e, kind) and e.plane in (plane, "both")}
    names = [name for name in every if chosen is None or name in chosen]
    if not names:
        among = f" among {wanted!r}" if wanted is not None else ""
        does = "measure" if kind is Monitor else "act"
        others = f" ({len(every)} others do)" if every else ""
        raise InputError(f"lattice '{lattice.name}' has no {what}{among} that {does} in {plane}{others}")
    return names


def steering(name: str, plane: str) -> str:
    """The parameter that ``steerable`` gives a corrector."""
    return f"{name}_steer_{plane}"


def steerable(lattice: Lattice) -> Lattice:
    """The lattice with a parameter [rad] for the kick of each corrector in its planes, added to what it has: 0.

    Monitors and correctors that stand several times get names of their own.
    """
    names = [element.name for element in lattice.elements if isinstance(element, (Kicker, Monitor))]
    lattice, _ = with_distinct_names(lattice, names)
    added: dict[str, float] = {}
    elements = [
        _steered(element, added, lattice) if isinstance(element, Kicker) else element for element in lattice.elements
    ]
    if not added:
        return lattice
    return Lattice(
        lattice.name,
        elements=elements,
        parameters={**lattice.parameters.definitions, **added},
        particle=lattice.particle,
        warnings=lattice.warnings,
    )


def _steered(kicker: Kicker, added: dict[str, float], lattice: Lattice) -> Element:
    changes: dict[str, Any] = {}
    for plane, attribute in (("x", "hkick"), ("y", "vkick")):
        name = steering(kicker.name, plane)
        if kicker.plane in (plane, "both") and name not in lattice.parameters:
            written = getattr(kicker, attribute)
            changes[attribute] = name if written == 0.0 else f"({written}) + {name}"
            added[name] = 0.0
    return replace(kicker, **changes)


def closed_orbits(lattice: Lattice, particle: ReferenceParticle | None = None, *, fringe: str = "full") -> Array:
    """Closed orbit (batch, rows, 6) at the entrance of each element and the end; nan where a lattice has none.

    One lattice without a closed orbit raises UnstableOptics.
    """
    particle = checked_particle(lattice, particle)
    return orbits(lattice, particle, fringe=fringe)


def readings(lattice: Lattice, orbit: Array, monitors: Sequence[str], plane: str) -> Array:
    """Orbit (..., monitors) [m] in the middle of monitors: they are straight, so it is the mean of their ends."""
    rows = np.array([lattice.index(name) for name in monitors])
    coordinate = orbit[..., 2 * PLANES.index(plane)]
    middle: Array = 0.5 * (coordinate[..., rows] + coordinate[..., rows + 1])
    return middle


@closed
@dataclass(frozen=True, eq=False)
class OrbitResponse:
    """``matrix`` (monitors, correctors) [m/rad] of one plane: reading for a kick."""

    plane: str
    monitors: tuple[str, ...]
    correctors: tuple[str, ...]
    matrix: Array


def orbit_response(
    lattice: Lattice,
    particle: ReferenceParticle | None = None,
    plane: str = "x",
    *,
    monitors: str | Iterable[str] | None = None,
    correctors: str | Iterable[str] | None = None,
    fringe: str = "full",
) -> OrbitResponse:
    """Exact orbit response of a ring in one plane, about its closed orbit.

    ``monitors``, ``correctors``: kinds, parameters or names with ``*``; all that serve the plane without them.
    InputError for a batch, where there are none, and for a corrector that no monitor sees; UnstableOptics without a
    closed orbit.
    """
    if lattice.batch is not None:
        raise InputError(f"lattice '{lattice.name}' holds {lattice.batch} lattices in one; take one of them first")
    ring = steerable(lattice)
    seen, acting = monitors_of(ring, plane, monitors), correctors_of(ring, plane, correctors)
    steps = np.eye(len(acting)) * 1j * _STEP
    stepped = ring.with_parameters({steering(name, plane): step for name, step in zip(acting, steps, strict=True)})
    moved = readings(stepped, closed_orbits(stepped, particle, fringe=fringe), seen, plane)
    matrix = moved.imag.T / _STEP
    if not np.all(np.isfinite(matrix)):
        raise UnstableOptics(f"lattice '{lattice.name}' has no closed orbit for correctors to move")
    _refuse_deaf(matrix, acting, plane)
    return OrbitResponse(plane, tuple(seen), tuple(acting), matrix)


def _refuse_deaf(matrix: Array, correctors: Sequence[str], plane: str) -> None:
    deaf = [name for name, column in zip(correctors, matrix.T, strict=True) if np.max(np.abs(column)) < _DEAF]
    if deaf:
        raise InputError(f"the orbit response is singular: no monitor sees what {', '.join(deaf)} does in {plane}")


@closed
@dataclass(frozen=True, eq=False)
class Correction:
    """A corrected ring (or batch): ``machines`` with their correctors set.

    By plane: ``responses``; ``kicks`` (machines, correctors) [rad]; ``before``, ``after`` (machines, monitors) [m]:
    what the monitors read, their own errors included. ``orbits`` (machines, rows, 6): the closed ones before and after.
    """

    machines: Imperfect
    responses: Mapping[str, OrbitResponse]
    kicks: Mapping[str, Array]
    before: Mapping[str, Array]
    after: Mapping[str, Array]
    orbits: tuple[Array, ...] = ()

    @property
    def largest_kicks(self) -> Array:
        """Largest |kick| of a corrector in each machine: (machines,) [rad]."""
        return np.asarray(np.max([np.abs(kicks).max(axis=1) for kicks in self.kicks.values()], axis=0))


def correct_orbit(
    machines: Imperfect,
    particle: ReferenceParticle | None = None,
    *,
    planes: Sequence[str] = PLANES,
    monitors: str | Iterable[str] | None = None,
    correctors: str | Iterable[str] | None = None,
    method: Method = "svd",
    cut: float = 1e-3,
    number: int | None = None,
    limit: float | None = None,
    iterations: int = 2,
    fringe: str = "full",
    responses: Mapping[str, OrbitResponse] | None = None,
) -> Correction:
    """Correct what the monitors of each machine read, with the response of the ideal ring, as a control room would.

    method "svd": least squares, singular values below ``cut`` times the largest left out; "micado": the best ``number``
    correctors of each machine (B. Autin & Y. Marti, CERN ISR-MA/73-17). ``limit`` [rad] bounds each kick. Repeated
    ``iterations`` times, for the orbit is not linear in the kicks. ``responses``: those of the ideal ring by plane
    where they are known already. Raises as ``orbit_response``.
    """
    particle = checked_particle(machines.ideal, particle)
    responses = responses or {
        plane: orbit_response(machines.ideal, particle, plane, monitors=monitors, correctors=correctors, fringe=fringe)
        for plane in planes
    }
    return corrected(
        machines,
        responses,
        lambda ring: closed_orbits(ring, particle, fringe=fringe),
        method=method,
        cut=cut,
        number=number,
        limit=limit,
        iterations=iterations,
    )


def corrected(
    machines: Imperfect,
    responses: Mapping[str, OrbitResponse],
    orbits: Callable[[Lattice], Array],
    *,
    method: Method,
    cut: float,
    number: int | None,
    limit: float | None,
    iterations: int,
) -> Correction:
    """Machines corrected with ``responses`` by plane; ``orbits`` gives those of lattices, (machines, rows, 6)."""
    ring = steerable(machines.lattice)
    kicks = {plane: np.zeros((machines.machines, len(r.correctors))) for plane, r in responses.items()}
    orbit = uncorrected = orbits(ring)
    read = before = _read(machines, ring, responses, orbit)
    for _ in range(iterations):
        for plane, response in responses.items():
            unkicked = read[plane] - kicks[plane] @ response.matrix.T
            kicks[plane] = kicks_for(response.matrix, unkicked, method, cut=cut, number=number, limit=limit)
        ring = kicked(ring, responses, kicks)
        orbit = orbits(ring)
        read = _read(machines, ring, responses, orbit)
    return Correction(replace(machines, lattice=ring), responses, kicks, before, read, (uncorrected, orbit))


def _read(machines: Imperfect, ring: Lattice, responses: Mapping[str, OrbitResponse], orbit: Array) -> dict[str, Array]:
    """What the monitors of each plane read, with their errors."""
    return {
        plane: machines.read(readings(ring, orbit, response.monitors, plane), response.monitors, plane)
        for plane, response in responses.items()
    }


def kicked(ring: Lattice, responses: Mapping[str, OrbitResponse], kicks: Mapping[str, Array]) -> Lattice:
    """A ``steerable`` lattice with its correctors set: ``kicks`` by plane (machines, correctors) [rad].

    Kicks of several machines make a batch of one lattice: one line, beams that enter it differently.
    """
    values = {
        steering(name, plane): column if ring.batch or len(column) > 1 else float(column[0])
        for plane, response in responses.items()
        for name, column in zip(response.correctors, kicks[plane].T, strict=True)
    }
    return ring.with_parameters(values)
