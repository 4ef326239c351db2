"""Machines with errors in a study: orbits before and after correction, optics after it, and the room the beam has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import HadronOpticsError, InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.aperture import fits, tightest_rooms
from optics.engines.imperfections import xsuite_closed_orbit
from optics.imperfections.ensemble import Ensemble, ensemble
from optics.imperfections.errors import MagnetErrors, draw_errors
from optics.imperfections.orbit import PLANES, Correction, correct_orbit
from optics.linear.functions import Functions
from optics.statistics import least_sample, percentile, share
from studies.judging import ALONE, BOTH, ROUNDING, Number
from studies.ring_optics.spec import ErrorsSpec, ImperfectionsSpec, OpticsStudy
from studies.runs.logs import LOGGER
from studies.spec.resolution import BeamCase, Resolved

#: What a requirement on many machines holds for: this part of them.
PERCENT = 95.0
#: The machine that is drawn by itself and computed by Xsuite too.
SHOWN = 0


@dataclass(frozen=True)
class Imperfections:
    """The machines of a study ``before`` and ``after`` the ``correction`` of their orbits.

    ``rooms`` (machines,) [m]: least distance of a beam from its aperture after correction, by the beam's name.
    ``residual``: largest difference of machine SHOWN's orbit from Xsuite's [m], or None and why in ``alone``.
    """

    spec: ImperfectionsSpec
    before: Ensemble
    correction: Correction
    after: Ensemble
    rooms: Mapping[str, Array]
    residual: float | None
    alone: str = ""


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
    particle, fringe = resolved.particle, resolved.study.model.fringe
    errors = [magnet_errors(one) for one in spec.errors]
    machines = draw_errors(final, errors, resolved.study.seed, spec.machines)
    correction = correct_orbit(
        machines,
        particle,
        monitors=spec.monitors,
        correctors=spec.correctors,
        method=spec.method,
        cut=spec.singular_value_cut,
        number=spec.correctors_used,
        limit=spec.largest_kick,
        fringe=fringe,
    )
    after = ensemble(correction.machines, particle, fringe=fringe)
    beside = _beside_xsuite if engines else _alone
    residual, alone = beside(correction, after, particle, fringe)
    return Imperfections(
        spec=spec,
        before=ensemble(machines, particle, fringe=fringe),
        correction=correction,
        after=after,
        rooms=_rooms(correction.machines.lattice, after.inside, resolved.beams),
        residual=residual,
        alone=alone,
    )


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


def _rooms(lattice: Lattice, inside: Functions, cases: tuple[BeamCase, ...]) -> dict[str, Array]:
    """Least room of each beam that lives in the study's own lattice, in each machine; nan where it is unstable."""
    if all(element.aperture is None for element in lattice.elements):
        return {}
    found = [case for case in cases if case.follows]
    return {case.beam.name: tightest_rooms(lattice, inside, case.beam.edge(case.particle)) for case in found}


# ----------------------------------------------------------------------------------------------------- quantities


def imperfection_number(key: str, found: Imperfections | None) -> Number:
    """A quantity of the machines; InputError where there is none."""
    if found is None:
        raise InputError("the study has no machines with errors: give it a table [imperfections]")
    if key == "residual_orbit_xsuite":
        return _residual(found)
    if key == "orbit_yield":
        return _yield(found)
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
    before, after = found.before.table, found.after.table
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
    plane, table = key[len("orbit_")], before if key.endswith("_uncorrected") else after
    when = "before" if key.endswith("_uncorrected") else "after"
    return table[
        f"orbit_max_{plane}"
    ].to_numpy(), f"largest |{plane}| of the closed orbit of a machine {when} correction"


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
