"""PTC as a third reference, the one in MAD-X, through cpymad where that is installed: its Twiss in our conventions.

PTC integrates the exact Hamiltonian of every element (``exact=true``; method 6, 30 slices) in truncated power series,
so that optics at another momentum and about a large orbit are its own, with no differences taken. Its variables are
those of ``time=false``: delta = dp/p, as ours. Quadrupole fringes are off, those of bends are part of its exact bends.
E. Forest, F. Schmidt, E. McIntosh, "Introduction to the Polymorphic Tracking Code", CERN-SL-2002-044 (AP).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from lattice import Bend, Element, InputError, Lattice, LatticeError, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from optics.engines.engine_optics import EngineOptics
from optics.engines.madx_session import madx_holding, madx_version

_LAYOUT = (
    "ptc_create_universe; ptc_create_layout, time=false, model=2, method=6, nst=30, exact=true;"
    "ptc_setswitch, fringe=false, time=false, totalpath=false;"
)
#: Of PTC's table for each of our columns.
_COLUMNS = {
    **{name: name for name in ("s", "x", "px", "y", "py")},
    **{"dx": "disp1", "dpx": "disp2", "dy": "disp3", "dpy": "disp4", "mux": "mu1", "muy": "mu2"},
    **{"betx": "beta11", "betx2": "beta12", "bety1": "beta21", "bety": "beta22"},
    **{"alfx": "alfa11", "alfx2": "alfa12", "alfy1": "alfa21", "alfy": "alfa22"},
}
_STARTS = ("betx", "alfx", "bety", "alfy", "dx", "dpx", "dy", "dpy", "x", "px", "y", "py")
_BETAS = ("betx", "betx2", "bety1", "bety")
_HINT = 1e-12  # 1/m^4: 1e-19 rad a metre at 10 mm
_UNBOUNDED = 1e-6  # of an eigenvalue of one turn, beyond what rounding leaves of a product of large matrices


def ptc_twiss(
    lattice: Lattice,
    particle: ReferenceParticle,
    *,
    start: Mapping[str, float] | None = None,
    fringe: str = "full",
    delta: float = 0.0,
) -> EngineOptics:
    """Twiss by PTC: periodic, or from ``start``; around dp/p = ``delta``. Scalars of a line are nan.

    Raises FileError without cpymad, InputError for edges to first order (PTC has none), LatticeError naming an element
    that PTC cannot express or models otherwise, UnstableOptics when it finds no solution.
    """
    if fringe != "full":
        raise InputError("PTC's exact bends have their full fringe: compare fringe='full', or use engine='xsuite'")
    for element in lattice.unique_elements[0]:
        _check(lattice.resolved(element))
    with madx_holding(lattice, particle) as madx:
        madx.input(_whole_fields(lattice))
        columns, summary = _twiss(madx, lattice, start, delta)
        name = f"PTC of {madx_version(madx)}"
    table = pd.DataFrame(columns, index=pd.Index([*lattice.names, "_end"], name="name"))
    closed = start is None
    return EngineOptics(
        engine=name,
        table=table,
        qx=float(table["mux"].iloc[-1]) if closed else nan,
        qy=float(table["muy"].iloc[-1]) if closed else nan,
        dqx=summary["dq1"] if closed else nan,
        dqy=summary["dq2"] if closed else nan,
        momentum_compaction=summary["alpha_c"] if closed else nan,
    )


def _whole_fields(lattice: Lattice) -> str:
    """A hint of an octupole in each combined bend: PTC expands the curved field to the degree of the last multipole."""
    elements = ((n, lattice.resolved(element)) for n, element in enumerate(lattice.unique_elements[0]))
    combined = (n for n, element in elements if isinstance(element, Bend) and (element.k1 or element.k2))
    return " ".join(f"e{n}, k3={_HINT!r};" for n in combined)


def has_gaps(lattice: Lattice) -> bool:
    """True where a finite gap acts: there PTC's chromaticity is not that of the field."""
    bends = (lattice.resolved(element).strengths() for element in lattice.elements if element.kind == "bend")
    return any(bend["hgap"] and (bend["fint"] or bend["fintx"]) for bend in bends)


def has_comparable_chromaticity(lattice: Lattice) -> bool:
    """False where PTC's second order is not the field's: finite gaps, and gradients behind turned pole faces."""
    bends = (lattice.resolved(element) for element in lattice.unique_elements[0] if element.kind == "bend")
    return not has_gaps(lattice) and not any(_parts(bend) for bend in bends)


def is_parted(lattice: Lattice) -> bool:
    """True where PTC's third order is another than ours: gaps, gradients behind turned pole faces, thin bends."""
    return has_gaps(lattice) or any(_parts(lattice.resolved(element)) for element in lattice.unique_elements[0])


def _parts(element: Any) -> bool:
    if element.kind == "bend":
        return bool(element.k1 and (element.e1 or element.e2))
    return element.kind == "multipole" and any(k and k[0] for k in (element.knl, element.ksl))


def _check(element: Element) -> None:
    """LatticeError for what PTC passes over, or takes for another thing than MAD-X and we do."""
    for meant, kind, reason in _OTHERWISE:
        if element.kind == kind and meant(element):
            raise LatticeError(f"{kind} '{element.name}': {reason}")


_OTHERWISE: tuple[tuple[Any, str, str], ...] = (
    (lambda e: e.ex != 0.0 or e.ey != 0.0, "separator", "PTC's electric fields are not those of MAD-X's ELSEPARATOR"),
    (lambda e: e.h1 != 0.0 or e.h2 != 0.0, "bend", "PTC has no curved pole face as MAD-X's h1, h2"),
    (
        lambda e: e.kill_ent_fringe or e.kill_exi_fringe,
        "bend",
        "PTC's kill_ent_fringe and kill_exi_fringe leave the turned face, MAD-X's and ours do not",
    ),
)


def _twiss(
    madx: Any, lattice: Lattice, start: Mapping[str, float] | None, delta: float
) -> tuple[dict[str, Array], dict[str, float]]:
    """Columns at the entrances and the end (PTC's are at exits, after a first row for the start), and scalars."""
    text = f"ptc_twiss, icase=5, no=2, deltap={delta!r}, deltap_dependency, rmatrix, table=ptc_twiss"
    try:
        madx.input(f"{_LAYOUT} {text}{_conditions(start, delta)};")
        table, summary = madx.table.ptc_twiss, madx.table.ptc_twiss_summary
        columns = {ours: np.array(table[theirs][: len(lattice) + 1], float) for ours, theirs in _COLUMNS.items()}
        turn = np.array([[table[f"re{i}{j}"][len(lattice)] for j in (1, 2, 3, 4)] for i in (1, 2, 3, 4)])
        scalars = {name: float(summary[name][0]) for name in ("dq1", "dq2", "alpha_c")}
    except (RuntimeError, AttributeError, KeyError, TypeError, IndexError):  # PTC prints its reason, leaves no table
        raise UnstableOptics(f"PTC finds no optics for '{lattice.name}'") from None
    if start is None and np.max(np.abs(np.linalg.eigvals(turn))) > 1.0 + _UNBOUNDED:
        raise UnstableOptics(f"PTC finds no bounded motion in '{lattice.name}'")
    for name in _BETAS:
        columns[name] = columns[name] / (1.0 + delta)
    begin = start or {}
    return {**columns, **{mu: columns[mu] + begin.get(mu, 0.0) for mu in ("mux", "muy")}}, scalars


def _conditions(start: Mapping[str, float] | None, delta: float) -> str:
    """What PTC starts from. Its betas are those of slopes, (1 + dp/p) times ours of momenta."""
    if start is None:
        return ", closed_orbit"
    scale = {name: 1.0 + delta if name[:3] in ("bet", "alf") else 1.0 for name in _STARTS}
    return "".join(f", {name}={start[name] * scale[name]!r}" for name in _STARTS if name in start)
