"""Machines with errors in a study: orbits before and after correction, optics after it, and the room the beam has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from lattice import HadronOpticsError, InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.aperture import fits, wires_of
from optics.engines.imperfections import xsuite_closed_orbit
from optics.imperfections.ensemble import Ensemble, ensemble, rooms_at_wires, rooms_in_chamber
from optics.imperfections.errors import Imperfect, MagnetErrors, draw_errors, draw_together
from optics.imperfections.orbit import (
    PLANES,
    Correction,
    OrbitResponse,
    correct_orbit,
    correctors_of,
    monitors_of,
)
from optics.statistics import least_sample, percentile, share
from studies.judging import ALONE, BOTH, ROUNDING, Number
from studies.ring_optics.spec import ImperfectionsSpec, OpticsStudy
from studies.runs.logs import LOGGER
from studies.spec.errors import ErrorsSpec
from studies.spec.resolution import BeamCase, Resolved

#: What a requirement on many machines holds for: this part of them.
PERCENT = 95.0
#: The machine that is drawn by itself and computed by Xsuite too.
SHOWN = 0


#: The study's own working point.
OWN = ""


@dataclass(frozen=True)
class Operated:
    """The machines at one working point, and what they are ``after`` their orbits are corrected."""

    machines: Imperfect
    correction: Correction
    after: Ensemble


@dataclass(frozen=True)
class Imperfections:
    """The machines of a study ``before`` and ``after`` the ``correction`` of their orbits.

    ``rooms`` (machines,) [m], by the beam's name: least distance after correction of each beam, at its own working
    point, from its aperture and from the wires of the electrostatic septum; ``wires``: from these alone.
    ``residual``: largest difference of machine SHOWN's orbit from Xsuite's [m], or None and why in ``alone``.
    ``uncorrected``: why there is no correction and nothing after it, "" where there is. ``points``: the
    machines by working point, that of the study itself being OWN.
    """

    spec: ImperfectionsSpec
    before: Ensemble
    correction: Correction | None
    after: Ensemble | None
    rooms: Mapping[str, Array]
    residual: float | None
    alone: str = ""
    wires: Mapping[str, Array] = field(default_factory=dict)
    uncorrected: str = ""
    points: Mapping[str, Operated] = field(default_factory=dict)

    @property
    def states(self) -> dict[str, Ensemble]:
        """The machines "before" and, where there is one, "after" the correction."""
        return {"before": self.before, **({} if self.after is None else {"after": self.after})}


def with_imperfections(resolved: Resolved[OpticsStudy], final: Lattice, engines: bool = True) -> Imperfections | None:
    """What the study's errors make of its final lattice; None without a table of them. Raises as ``correct_orbit``.

    ``engines``: one of the machines is computed by Xsuite too.
    """
    spec = resolved.study.imperfections
    if spec is None:
        return None
    if resolved.start is not None:
        raise InputError("imperfections are those of a ring: a study with start conditions has no closed orbit")
    LOGGER.info("%d machines with errors, orbits corrected by %s", spec.machines, spec.method)
    if why := without_instruments(final, spec):
        errors = [magnet_errors(one) for one in spec.errors]
        machines = draw_errors(final, errors, resolved.study.seed, spec.machines)
        before = ensemble(machines, resolved.particle, fringe=resolved.study.model.fringe)
        return Imperfections(spec, before, None, None, {}, None, why, uncorrected=why)
    points = _at_points(resolved, final, (spec,), spec.machines)
    found, own = _of_points(points, resolved, spec), points[OWN]
    beside = _beside_xsuite if engines else _alone
    residual, alone = beside(own.correction, own.after, resolved.particle, resolved.study.model.fringe)
    return replace(found, residual=residual, alone=alone)


def with_other_errors(
    resolved: Resolved[OpticsStudy],
    final: Lattice,
    specs: Sequence[ImperfectionsSpec],
    machines: int,
    known: Imperfections,
) -> list[Imperfections]:
    """Machines of tables that differ from the study's in their ``errors`` alone, all of them in one batch.

    ``known``: what the study's own table makes of its final lattice.
    """
    LOGGER.info("%d machines of each of %d tables of errors", machines, len(specs))
    every = _of_points(_at_points(resolved, final, specs, machines, known.points), resolved, specs[0])
    parts = (slice(index * machines, (index + 1) * machines) for index in range(len(specs)))
    return [replace(some_machines(every, part), spec=spec) for part, spec in zip(parts, specs, strict=True)]


def some_machines(found: Imperfections, rows: slice) -> Imperfections:
    """Some of the machines, as far as numbers of them go."""

    def of(ensemble: Ensemble) -> Ensemble:
        orbit = {plane: values[rows] for plane, values in ensemble.orbit.items()}
        return replace(ensemble, orbit=orbit, table=ensemble.table.iloc[rows].reset_index(drop=True))

    correction = found.correction
    if correction is not None:
        parts = {name: _rows(getattr(correction, name), rows) for name in ("kicks", "before", "after")}
        orbits = tuple(orbit[rows] for orbit in correction.orbits)
        correction = replace(correction, orbits=orbits, **parts)  # type: ignore[arg-type]
    return replace(
        found,
        before=of(found.before),
        correction=correction,
        after=None if found.after is None else of(found.after),
        rooms=_rows(found.rooms, rows),
        wires=_rows(found.wires, rows),
    )


def _rows(arrays: Mapping[str, Array], rows: slice) -> dict[str, Array]:
    return {name: values[rows] for name, values in arrays.items()}


def without_instruments(ring: Lattice, spec: ImperfectionsSpec) -> str:
    """Why a ring's orbit cannot be corrected, where the study names no instruments and it has none; else ""."""
    for plane in PLANES:
        try:
            if spec.monitors is None:
                monitors_of(ring, plane)
            if spec.correctors is None:
                correctors_of(ring, plane)
        except InputError as error:
            return str(error)
    return ""


def _at_points(
    resolved: Resolved[OpticsStudy],
    final: Lattice,
    specs: Sequence[ImperfectionsSpec],
    machines: int,
    known: Mapping[str, Operated] = MappingProxyType({}),
) -> dict[str, Operated]:
    """Machines of several tables of errors, one behind the other in one batch, at every working point that counts.

    They are the same machines at each, for errors are those of the seed. ``known``: other machines of the same ring,
    whose responses hold.
    """
    points = {OWN: (final, resolved.particle)}
    if any(element.aperture is not None for element in final.elements):
        points |= {_point(case): (case.lattice, case.particle) for case in resolved.beams if not case.follows}
    found = {}
    for name, (lattice, particle) in points.items():
        if name != OWN:
            LOGGER.info("the same machines at '%s'", name)
        responses = known[name].correction.responses if name in known else None
        found[name] = _operated(resolved, lattice, particle, specs, machines, responses)
    return found


def _point(case: BeamCase) -> str:
    return OWN if case.follows else str(case.beam.working_point)


def _operated(
    resolved: Resolved[OpticsStudy],
    lattice: Lattice,
    particle: ReferenceParticle,
    specs: Sequence[ImperfectionsSpec],
    machines: int,
    responses: Mapping[str, OrbitResponse] | None,
) -> Operated:
    """The machines at the working point that ``lattice`` is set to."""
    spec, fringe = specs[0], resolved.study.model.fringe
    errors = [[magnet_errors(one) for one in table.errors] for table in specs]
    drawn = draw_together(lattice, errors, resolved.study.seed, machines)
    correction = corrected(drawn, particle, spec, fringe, responses)
    after = ensemble(correction.machines, particle, fringe=fringe, orbit=correction.orbits[-1][:, 0])
    return Operated(drawn, correction, after)


def corrected(
    machines: Imperfect,
    particle: ReferenceParticle,
    spec: ImperfectionsSpec,
    fringe: str,
    responses: Mapping[str, OrbitResponse] | None = None,
) -> Correction:
    """Machines with their orbits corrected as a study says, ``responses`` where known. Raises as ``correct_orbit``."""
    return correct_orbit(
        machines,
        particle,
        monitors=spec.monitors,
        correctors=spec.correctors,
        method=spec.method,
        cut=spec.singular_value_cut,
        number=spec.correctors_used,
        limit=spec.largest_kick,
        fringe=fringe,
        responses=responses,
    )


def _of_points(
    points: Mapping[str, Operated], resolved: Resolved[OpticsStudy], spec: ImperfectionsSpec
) -> Imperfections:
    own, fringe = points[OWN], resolved.study.model.fringe
    rooms, wires = rooms_of(points, resolved)
    return Imperfections(
        spec=spec,
        before=ensemble(own.machines, resolved.particle, fringe=fringe, orbit=own.correction.orbits[0][:, 0]),
        correction=own.correction,
        after=own.after,
        rooms=rooms,
        residual=None,
        wires=wires,
        points=points,
    )


def rooms_of(
    points: Mapping[str, Operated], resolved: Resolved[OpticsStudy], moved: bool = False
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Rooms of every beam in each machine, and those at the wires alone; nan where it is unstable.

    ``moved``: apertures and wires are those of the study's lattices, not those of the machines.
    """
    ideal = points[OWN].correction.machines.ideal
    if all(element.aperture is None for element in ideal.elements):
        return {}, {}
    rooms, wires = {}, {}
    for case in resolved.beams:
        operated, edge = points[_point(case)], case.beam.edge(case.particle)
        machines, chamber = operated.correction.machines, case.lattice if moved else None
        room = rooms_in_chamber(machines, operated.after, edge, chamber)
        if septum := septum_with_wires(ideal, resolved):
            at_wires = rooms_at_wires(machines, operated.after, edge, septum, chamber)
            wires[case.beam.name], room = at_wires, np.minimum(room, at_wires)
        rooms[case.beam.name] = room
    return rooms, wires


def magnet_errors(spec: ErrorsSpec) -> MagnetErrors:
    """The errors of one table of the study."""
    values: dict[str, Any] = spec.model_dump()
    orders = {kind: {int(n): rms for n, rms in values[kind].items()} for kind in ("normal", "skew")}
    return MagnetErrors(**{**values, **orders})


def _alone(*_: object) -> tuple[None, str]:
    return None, "the second engine was not asked"


def _beside_xsuite(
    correction: Correction, after: Ensemble, particle: ReferenceParticle, fringe: str
) -> tuple[float | None, str]:
    try:
        theirs = xsuite_closed_orbit(correction.machines.one(SHOWN), particle, fringe=fringe)
    except HadronOpticsError as error:
        return None, str(error)
    return max(float(np.max(np.abs(theirs[plane] - after.orbit[plane][SHOWN]))) for plane in PLANES), ""


# ------------------------------------------------------------------------------------------------------ apertures


def septum_with_wires(ideal: Lattice, resolved: Resolved[Any]) -> str:
    """The electrostatic septum, where its wires have a position; "" without."""
    place = resolved.wires.place
    return place if place and wires_position(ideal, place) else ""


def wires_position(lattice: Lattice, septum: str | None) -> float:
    """Position [m] of the wires of an electrostatic septum; 0 where there is none, or none with a position."""
    try:
        return float(wires_of(lattice, septum)) if septum else 0.0
    except InputError:
        return 0.0


# ----------------------------------------------------------------------------------------------------- quantities


def imperfection_number(key: str, found: Imperfections | None) -> Number:
    """A quantity of the machines; InputError where there is none."""
    if found is None:
        raise InputError("the study has no machines with errors: give it a table [imperfections]")
    if found.uncorrected and not key.endswith("_uncorrected"):
        raise InputError(f"orbits are not corrected: {found.uncorrected}")
    if key == "residual_orbit_xsuite":
        return _residual(found)
    if key == "orbit_yield":
        return _yield(found)
    if key == "clearance_es_errors":
        return _wire_room(found)
    values, what = _values(key, found)
    value, error = percentile(values, PERCENT)
    method = f"{what}, {_OF}; error: order statistics of {len(values)} machines at 95 %"
    return Number(value, ROUNDING * abs(value), ALONE, method, statistical=error, withheld=_too_few(values, error))


def _too_few(values: Array, error: float) -> str:
    """Why a percentile must not be judged; "" where it may be."""
    least = least_sample(PERCENT)
    if len(values) >= least or np.isfinite(error):
        return ""
    return f"{len(values)} machines do not bound what {PERCENT:g} % do not exceed (at 95 %): {least} do"


_OF = f"not exceeded by {PERCENT:g} % of the machines"


def _values(key: str, found: Imperfections) -> tuple[Array, str]:
    """One number a machine."""
    before = found.before.table
    if key.endswith("_uncorrected"):
        plane = key.removeprefix("orbit_").removesuffix("_uncorrected")
        return before[f"orbit_max_{plane}"].to_numpy(), f"largest |{plane}| of the closed orbit before correction"
    assert found.after is not None
    assert found.correction is not None
    after = found.after.table
    if key == "corrector_kick":
        return found.correction.largest_kicks, "largest kick of a corrector in a machine"
    if key == "coupling":
        return after["coupling"].to_numpy(), "least distance of the tunes |C-| of a machine after correction"
    if key == "beta_beating":
        what = "largest relative change of a beta function in a machine after correction"
        return found.after.worse_plane("beating_max"), what
    if key == "dispersion_error":
        what = "largest change of the dispersion in a machine after correction"
        return found.after.worse_plane("dispersion_max"), what
    plane = key.removeprefix("orbit_")
    return after[
        f"orbit_max_{plane}"
    ].to_numpy(), f"largest |{plane}| of the closed orbit of a machine after correction"


def _residual(found: Imperfections) -> Number:
    if found.residual is None:
        raise InputError(f"there is nothing to compare with: {found.alone}")
    method = f"machine {SHOWN} after correction, in Xsuite's own misaligned magnets; error: rounding"
    return Number(found.residual, 1e-15, BOTH, method)


def _yield(found: Imperfections) -> Number:
    if not found.rooms:
        raise InputError("no beam lives in the lattice of the study, or nothing has an aperture")
    value, error = share(fits(found.rooms.values()))
    names = ", ".join(f"'{name}'" for name in found.rooms)
    method = f"beams that fit after correction: {names}; error: Wilson's interval of {found.spec.machines} machines"
    return Number(value, 0.0, ALONE, method, statistical=error)


def _wire_room(found: Imperfections) -> Number:
    """The tightest beam's, machine by machine; turned round, for percentiles count missing machines as the largest."""
    if not found.wires:
        raise InputError("the study names no beam, or its ring no electrostatic septum with a position of its wires")
    tightest = np.min(list(found.wires.values()), axis=0)
    value, error = percentile(-tightest, PERCENT)
    worst = min(found.wires, key=lambda name: float(np.nanmedian(found.wires[name])))
    method = (
        f"room at the wires that {PERCENT:g} % of the machines have after correction, most often least of '{worst}'; "
        f"error: order statistics of {len(tightest)} machines at 95 %"
    )
    return Number(-value, ROUNDING, ALONE, method, statistical=error, withheld=_too_few(tightest, error))
