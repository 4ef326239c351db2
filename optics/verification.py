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
from lattice.errors import did_you_mean
from optics.engine_optics import EngineOptics
from optics.model import checked_particle
from optics.optics import Optics
from optics.twiss import twiss


@dataclass(frozen=True)
class Tolerance:
    """Largest difference still explained, and the ``reason`` for it.

    ``limit`` is in the quantity's unit, growing with the quantity where that is above 1; ``relative`` to it throughout.
    """

    limit: float
    reason: str
    relative: bool = False


_STEP = "Xsuite differentiates its tracking numerically (steps of 1e-6 m and 1e-6 in dp/p)"
_STEPS = "Xsuite takes the difference of two tunes that lie 1e-4 in dp/p apart, each good to 3e-10"

#: Measured on PIMMS and CNAO, full and linear edges, with and without a gap, on and off momentum: tunes within 3e-10,
#: betas 2e-9, alphas 5e-9, dispersion 2e-8 m and its slope 4e-9, chromaticity 5e-6, momentum compaction 1e-10.
XSUITE_TOLERANCES: Mapping[str, Tolerance] = {
    "qx": Tolerance(1e-9, _STEP),
    "qy": Tolerance(1e-9, _STEP),
    "dqx": Tolerance(1e-5, _STEPS),
    "dqy": Tolerance(1e-5, _STEPS),
    "momentum_compaction": Tolerance(1e-9, _STEP),
    "s": Tolerance(1e-9, "sums of lengths in another order"),
    "betx": Tolerance(1e-8, _STEP, relative=True),
    "bety": Tolerance(1e-8, _STEP, relative=True),
    "alfx": Tolerance(3e-8, _STEP),
    "alfy": Tolerance(3e-8, _STEP),
    "mux": Tolerance(1e-9, _STEP),
    "muy": Tolerance(1e-9, _STEP),
    "dx": Tolerance(3e-8, _STEP),
    "dpx": Tolerance(1e-8, _STEP),
    "dy": Tolerance(3e-8, _STEP),
    "dpy": Tolerance(1e-8, _STEP),
    "x": Tolerance(1e-9, "Xsuite's search for the closed orbit stops at 1e-11"),
    "px": Tolerance(1e-9, "Xsuite's search for the closed orbit stops at 1e-11"),
    "y": Tolerance(1e-9, "Xsuite's search for the closed orbit stops at 1e-11"),
    "py": Tolerance(1e-9, "Xsuite's search for the closed orbit stops at 1e-11"),
}
_ROUNDING = (
    "MAD-X computes matrices and second-order maps in closed form: rounding is left, and our slices where bends focus"
)
_ORBIT = "MAD-X expands its maps about the reference orbit"

#: Measured on the same rings: 2e-15 in tunes, 1e-13 in the functions and the chromaticity; with combined-function
#: bends 3e-11.
MADX_TOLERANCES: Mapping[str, Tolerance] = {
    **{
        name: Tolerance(1e-10, _ROUNDING)
        for name in ("qx", "qy", "mux", "muy", "alfx", "alfy", "dx", "dpx", "dy", "dpy")
    },
    **{name: Tolerance(1e-10, _ROUNDING, relative=True) for name in ("betx", "bety")},
    **{name: Tolerance(1e-9, _ROUNDING) for name in ("dqx", "dqy", "momentum_compaction")},
    **{name: Tolerance(1e-9, _ORBIT) for name in ("x", "px", "y", "py")},
    "s": XSUITE_TOLERANCES["s"],
}
SCALARS = ("qx", "qy", "dqx", "dqy", "momentum_compaction")


@dataclass(frozen=True, eq=False)
class Verification:
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


def verify(
    subject: Any,
    particle: ReferenceParticle | None = None,
    *,
    start: Mapping[str, float] | None = None,
    fringe: str | None = None,
    delta: float = 0.0,
    engine: str = "xsuite",
) -> Verification:
    """Compare our Twiss with ``engine`` ("xsuite", or "madx" where cpymad is installed) on one lattice.

    ``subject`` is a Lattice or a result that holds one (of ``match``), whose particle and fringe are then used unless
    others are given; ``fringe`` is else "full". ``start`` as for ``twiss``. A number that either engine cannot give
    (nan) counts as out of tolerance. Raises InputError for a batch of lattices, an unknown
    engine, or a missing cpymad; UnstableOptics when there is no optics to compare.
    """
    lattice = _lattice_of(subject)
    particle = checked_particle(lattice, particle or getattr(subject, "particle", None))
    edges: str = fringe if fringe is not None else getattr(subject, "fringe", "full")
    if engine not in _ENGINES:
        raise InputError(f"engine must be 'xsuite' or 'madx', found {engine!r}{did_you_mean(str(engine), _ENGINES)}")
    ours = twiss(lattice, particle, start=start, fringe=edges, delta=delta)
    reference, tolerances = _ENGINES[engine](lattice, particle, start, edges, delta)
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


Conditions = tuple[Lattice, ReferenceParticle, Mapping[str, float] | None, str, float]
Answer = tuple[EngineOptics, Mapping[str, Tolerance]]


def _xsuite(
    lattice: Lattice, particle: ReferenceParticle, start: Mapping[str, float] | None, fringe: str, delta: float
) -> Answer:
    from optics.xsuite_engine import xsuite_twiss

    return xsuite_twiss(lattice, particle, start=start, fringe=fringe, delta=delta), XSUITE_TOLERANCES


def _madx(
    lattice: Lattice, particle: ReferenceParticle, start: Mapping[str, float] | None, fringe: str, delta: float
) -> Answer:
    from optics.madx_engine import has_comparable_chromaticity, madx_twiss

    if delta != 0.0:
        raise InputError("MAD-X is compared on momentum only: leave delta at 0, or use engine='xsuite'")
    left_out = () if has_comparable_chromaticity(lattice, fringe) else ("dqx", "dqy")
    tolerances = {name: tolerance for name, tolerance in MADX_TOLERANCES.items() if name not in left_out}
    return madx_twiss(lattice, particle, start=start, fringe=fringe), tolerances


_ENGINES: dict[str, Callable[..., Answer]] = {"xsuite": _xsuite, "madx": _madx}


def _compared(ours: Optics, reference: EngineOptics, tolerances: Mapping[str, Tolerance]) -> Iterator[dict[str, Any]]:
    for quantity in (name for name in XSUITE_TOLERANCES if name in tolerances):
        tolerance = tolerances[quantity]
        if quantity not in SCALARS:
            yield _worst(quantity, ours.table[quantity], reference.table[quantity], tolerance)
        elif ours.periodic:
            whole = pd.Index(["whole ring"])
            mine, theirs = (pd.Series([getattr(optics, quantity)], index=whole) for optics in (ours, reference))
            yield _worst(quantity, mine, theirs, tolerance)


def _worst(quantity: str, ours: pd.Series, reference: pd.Series, tolerance: Tolerance) -> dict[str, Any]:
    """The row of the table: the place where the difference is largest against its tolerance, nan before all."""
    difference = ours.to_numpy() - reference.to_numpy()
    size = np.abs(reference.to_numpy())
    limit = tolerance.limit * (size if tolerance.relative else np.maximum(size, 1.0))
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
