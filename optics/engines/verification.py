"""``verify``: our optics beside an independent engine's on the same lattice, number by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from lattice.showing import Showing
from optics.closed import closed
from optics.engines.engine_optics import EngineOptics
from optics.engines.tolerances import (
    XSUITE_TOLERANCES,
    Tolerance,
    growth,
    madx_tolerances,
    ptc_tolerances,
    xsuite_tolerances,
)
from optics.linear.moments import Moments
from optics.linear.optics import Optics
from optics.linear.twiss import START_CHROMATIC, of_row, twiss
from optics.maps.lattices.checked import checked_particle

SCALARS = ("qx", "qy", "dqx", "dqy", "momentum_compaction")


@closed
@dataclass(frozen=True, eq=False, repr=False)
class Verification(Showing):
    """Outcome of a comparison. ``success``: every quantity within its tolerance; ``message`` says so in words.

    ``table``: one row a quantity, at the place where it differs most: quantity, ours, reference, difference,
    tolerance (both in the quantity's unit), ok, where, reason. ``ours`` and ``reference`` are the two optics,
    ``engines`` the two codes with their versions.
    """

    success: bool
    message: str
    engines: tuple[str, str]
    fringe: str
    table: pd.DataFrame
    ours: Optics
    reference: EngineOptics

    def summary(self) -> Mapping[str, Any]:
        """Whether they agree, in words; the engines; what is nearest to its tolerance, or furthest beyond."""
        table = self.table
        used = (table["difference"].abs() / table["tolerance"]).fillna(np.inf)
        worst = table.loc[used.idxmax()]
        return {
            "success": self.success,
            "message": self.message,
            "engines": self.engines,
            "fringe": self.fringe,
            "table": table,
            "nearest to its tolerance": f"{worst['quantity']} ({worst['where']}): {used.max():.3g} of it",
        }

    def _frame(self) -> pd.DataFrame:
        return self.table


def verify(
    subject: Any,
    particle: ReferenceParticle | None = None,
    *,
    start: Mapping[str, float] | Moments | None = None,
    fringe: str | None = None,
    delta: float | None = None,
    engine: str = "xsuite",
) -> Verification:
    """Compare our Twiss with ``engine`` ("xsuite"; "madx" or "ptc" where cpymad is installed) on one lattice.

    ``subject`` is a Lattice or a result that holds one (of ``match``), whose particle, fringe, start and delta are
    then used unless others are given; ``fringe`` is else "full", delta 0. ``start`` as for ``twiss``. Betas of
    coupled planes are those of both modes in both planes (Mais-Ripken), their phases count up to whole turns. A
    number that either engine cannot give (nan) counts as out of tolerance.

    Equation:
        |ours - theirs| of tunes (turns), of betas (relative), of dispersion (m) and chromaticity, beside a tolerance
        each.

    Returns:
        Verification: ``success``, and every difference with its tolerance, in the units of ``twiss``.

    Raises:
        InputError: a batch of lattices, an unknown engine, what an engine cannot do (delta with MAD-X, linear edges
            with PTC).
        FileError: cpymad is not installed.
        UnstableOptics: there is no optics to compare.

    Source:
        Xsuite (xsuite.readthedocs.io); MAD-X and PTC through cpymad; how far they are apart: docs/codes.md.

    Example:
        >>> from machines.cnao_like import cnao
        >>> verify(cnao()).success
        True
    """
    lattice = _lattice_of(subject)
    particle = checked_particle(lattice, particle or getattr(subject, "particle", None))
    start = start if start is not None else getattr(subject, "start", None)
    start = of_row(start, 0.0 if delta is None else delta)
    if isinstance(start, Moments):
        delta, start = float(start.mean[5]), start.begin
    delta = float(delta if delta is not None else getattr(subject, "delta", 0.0))
    edges: str = fringe if fringe is not None else getattr(subject, "fringe", "full")
    if engine not in _ENGINES:
        known = ", ".join(map(repr, _ENGINES))
        raise InputError(f"engine must be one of {known}, found {engine!r}{did_you_mean(str(engine), _ENGINES)}")
    ours = twiss(lattice, particle, start=start, fringe=edges, delta=delta)
    conditions = {key: value for key, value in (start or {}).items() if key not in START_CHROMATIC}
    reference, tolerances = _ENGINES[engine](ours, conditions or None)
    table = pd.DataFrame(list(_compared(ours, reference, tolerances)))
    success = bool(table["ok"].all())
    return Verification(
        success=success,
        message=_message(lattice, reference, table),
        engines=(f"hadron-optics {_own_version()}", reference.engine),
        fringe=edges,
        table=table,
        ours=ours,
        reference=reference,
    )


def _lattice_of(subject: Any) -> Lattice:
    if isinstance(subject, Optics):
        raise InputError("verify computes the optics itself: give it optics.lattice, and start= for a line")
    lattice = subject if isinstance(subject, Lattice) else getattr(subject, "lattice", None)
    if not isinstance(lattice, Lattice):
        raise InputError(f"verify takes a Lattice or a result that holds one, found {type(subject).__name__}")
    if lattice.batch is not None:
        raise InputError(f"lattice '{lattice.name}' holds {lattice.batch} lattices in one; verify them one by one")
    return lattice


Answer = tuple[EngineOptics, Mapping[str, Tolerance]]


def _xsuite(ours: Optics, start: Mapping[str, float] | None) -> Answer:
    from optics.engines.xsuite.twiss import xsuite_twiss

    reference = xsuite_twiss(ours.lattice, ours.particle, start=start, fringe=ours.fringe, delta=ours.delta)
    return reference, xsuite_tolerances(ours)


def _madx(ours: Optics, start: Mapping[str, float] | None) -> Answer:
    from optics.engines.madx import has_comparable_chromaticity, madx_twiss

    if ours.delta != 0.0:
        raise InputError(
            "MAD-X is compared on momentum only, its optics at another one moves by more than its own chromaticity: "
            "leave delta at 0, or use engine='xsuite'"
        )
    comparable = has_comparable_chromaticity(ours.lattice, ours.fringe) and not ours.coupled
    reference = madx_twiss(ours.lattice, ours.particle, start=start, fringe=ours.fringe)
    return reference, madx_tolerances(ours, chromatic=comparable)


def _ptc(ours: Optics, start: Mapping[str, float] | None) -> Answer:
    from optics.engines.ptc import has_comparable_chromaticity, has_gaps, is_parted, ptc_twiss

    if has_gaps(ours.lattice) and ours.delta != 0.0:
        raise InputError(
            "PTC's kick of a finite gap (hgap fint) changes with momentum otherwise than a field's: leave delta at 0, "
            "or use engine='xsuite'"
        )
    reference = ptc_twiss(ours.lattice, ours.particle, start=start, fringe=ours.fringe, delta=ours.delta)
    comparable = has_comparable_chromaticity(ours.lattice)
    return reference, ptc_tolerances(ours, chromatic=comparable, parted=is_parted(ours.lattice))


_ENGINES: dict[str, Callable[..., Answer]] = {"xsuite": _xsuite, "madx": _madx, "ptc": _ptc}


def _compared(ours: Optics, reference: EngineOptics, tolerances: Mapping[str, Tolerance]) -> Iterator[dict[str, Any]]:
    for quantity in (name for name in XSUITE_TOLERANCES if name in tolerances):
        if (quantity in SCALARS and not ours.periodic) or (quantity in _OTHER_MODE and not ours.coupled):
            continue
        mine, theirs, size = _pair(quantity, ours, reference)
        if ours.coupled and quantity in _PHASES:
            theirs = theirs + (mine - theirs).round()
        yield _worst(quantity, mine, theirs, _limits(tolerances[quantity], size, quantity, ours), tolerances[quantity])


_PHASES = ("qx", "qy", "mux", "muy")
#: The other mode in the same plane.
_OTHER_MODE = {"betx2": "betx", "bety1": "bety"}
_BESIDE = {"betx": "betx2", "bety": "bety1", "alfx": "alfx2", "alfy": "alfy1", **_OTHER_MODE}


def _pair(quantity: str, ours: Optics, reference: EngineOptics) -> tuple[pd.Series, pd.Series, Array]:
    """Our values, the reference's, and the size by which a difference is judged."""
    if quantity in SCALARS:
        whole = pd.Index(["whole ring"])
        mine, theirs = (pd.Series([getattr(optics, quantity)], index=whole) for optics in (ours, reference))
        return mine, theirs, np.abs(mine.to_numpy())
    mine, theirs = ours.table[quantity], reference.table[quantity]
    return mine, theirs, _size(quantity, ours)


def _size(quantity: str, ours: Optics) -> Array:
    """A mode may be all but gone in a plane: its beta counts beside the other's, its phase as well as it is seen."""
    size: Array = np.abs(ours[quantity])
    if quantity in _BESIDE:
        size = size + np.abs(ours[_BESIDE[quantity]])
    if ours.coupled and quantity in ("mux", "muy"):
        own, other = (ours[f"bet{quantity[-1]}"], ours["betx2" if quantity == "mux" else "bety1"])
        with np.errstate(divide="ignore"):
            size = np.maximum(size, np.sqrt(1.0 + other / own))
    return size


def _limits(tolerance: Tolerance, size: Array, quantity: str, ours: Optics) -> Array:
    """The largest difference allowed at every place."""
    limits = tolerance.limit * (size if tolerance.relative else np.maximum(size, 1.0))
    return limits if quantity in SCALARS else limits * growth(quantity, ours)


def _worst(quantity: str, ours: pd.Series, reference: pd.Series, limit: Array, tolerance: Tolerance) -> dict[str, Any]:
    """The row of the table: the place where the difference is largest against its tolerance, nan before all."""
    difference = ours.to_numpy() - reference.to_numpy()
    excess = np.abs(difference) / limit
    place = int(np.argmax(np.where(np.isfinite(excess), excess, np.inf)))
    return {
        "quantity": quantity,
        "ours": float(ours.iloc[place]),
        "reference": float(reference.iloc[place]),
        "difference": float(difference[place]),
        "tolerance": float(limit[place]),
        "ok": bool(isfinite(excess[place]) and excess[place] <= 1.0),
        "where": str(ours.index[place]),
        "reason": tolerance.reason,
    }


def _message(lattice: Lattice, reference: EngineOptics, table: pd.DataFrame) -> str:
    failed = table[~table["ok"]]
    if failed.empty:
        return f"'{lattice.name}' agrees with {reference.engine} in all {len(table)} quantities"
    row = failed.iloc[0]
    others = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return (
        f"'{lattice.name}' differs from {reference.engine} in {row['quantity']}{others}: ours {row['ours']:.12g}, "
        f"theirs {row['reference']:.12g}, difference {row['difference']:.2g}, tolerance {row['tolerance']:.2g} "
        f"({row['where']})"
    )


def _own_version() -> str:
    try:
        return version("hadron-optics")
    except ModuleNotFoundError:
        return "(not installed)"
