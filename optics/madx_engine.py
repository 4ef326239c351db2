"""MAD-X as a second reference, through cpymad where that is installed: its Twiss in our conventions.

MAD-X gives first-order dispersion and chromaticity per PT: both are multiplied by beta0. Its ``chrom`` option is not
used, which is wrong in small rings. Its bends have their full fringe, to second order about the reference orbit and
without the gap's part in the chromaticity: that is comparable for "full" and no gap only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from lattice import Element, InputError, Lattice, LatticeError, ReferenceParticle, UnstableOptics
from optics.engine_optics import EngineOptics

_DISPERSION = ("dx", "dpx", "dy", "dpy")
_COLUMNS = ("s", "x", "px", "y", "py", "betx", "alfx", "mux", "bety", "alfy", "muy", *_DISPERSION)


def madx_twiss(
    lattice: Lattice, particle: ReferenceParticle, *, start: Mapping[str, float] | None = None, fringe: str = "full"
) -> EngineOptics:
    """Twiss by MAD-X: periodic, or from ``start``; chromaticity is nan where it is not comparable, and for lines.

    Raises InputError without cpymad, LatticeError naming an element MAD-X cannot express, UnstableOptics when it finds
    no solution.
    """
    madx = _started()
    try:
        madx.input(_sequence(lattice, particle))
        columns, summary = _twiss(madx, lattice, start, particle.beta)
        name = f"MAD-X {madx.version.release} (cpymad {version('cpymad')})"
    finally:
        madx.quit()
    index = pd.Index([*lattice.names, "_end"], name="name")
    table = pd.DataFrame(columns, index=index)
    table[list(_DISPERSION)] *= particle.beta
    closed = start is None
    chromatic = closed and has_comparable_chromaticity(lattice, fringe)
    return EngineOptics(
        engine=name,
        table=table,
        qx=summary["q1"] if closed else nan,
        qy=summary["q2"] if closed else nan,
        dqx=summary["dq1"] * particle.beta if chromatic else nan,
        dqy=summary["dq2"] * particle.beta if chromatic else nan,
        momentum_compaction=summary["alfa"] if closed else nan,
    )


def has_comparable_chromaticity(lattice: Lattice, fringe: str) -> bool:
    """True when MAD-X computes the chromaticity of the model that is compared."""
    bends = [lattice.resolved(element).strengths() for element in lattice.elements if element.kind == "bend"]
    return fringe == "full" and not any(bend["hgap"] and (bend["fint"] or bend["fintx"]) for bend in bends)


def _started() -> Any:
    try:
        from cpymad.madx import Madx
    except ImportError:
        raise InputError("MAD-X is driven through cpymad, which is not installed: pip install cpymad") from None
    return Madx(stdout=False)


def _twiss(
    madx: Any, lattice: Lattice, start: Mapping[str, float] | None, beta: float
) -> tuple[dict[str, Any], dict[str, float]]:
    """Columns at the entrances and the end (MAD-X's are at exits, after a first row for the start), and scalars."""
    conditions = {key: value / beta if key in _DISPERSION else value for key, value in (start or {}).items()}
    try:
        madx.twiss(**conditions)
    except Exception:  # cpymad's error is a RuntimeError without the reason, which MAD-X only prints
        raise UnstableOptics(f"MAD-X finds no optics for '{lattice.name}'") from None
    rows = slice(len(lattice) + 1)
    columns = {column: np.array(madx.table.twiss[column][rows], dtype=float) for column in _COLUMNS}
    return columns, {name: float(madx.table.summ[name][0]) for name in ("q1", "q2", "dq1", "dq2", "alfa")}


def _sequence(lattice: Lattice, particle: ReferenceParticle) -> str:
    """MAD-X input with numbers only; elements are numbered, so that any name will do."""
    beam = f"beam, particle=ion, mass={particle.mass * 1e-9!r}, charge={particle.charge}, energy="
    lines = [f"{beam}{particle.total_energy * 1e-9!r};"]
    unique, indices = lattice.unique_elements
    lines += [f"e{n}: {_definition(lattice.resolved(element))};" for n, element in enumerate(unique)]
    lines += [f"ring: line=({','.join(f'e{n}' for n in indices)});", "use, sequence=ring;"]
    return "\n".join(lines)


def _definition(element: Element) -> str:
    writer = _WRITERS.get(element.kind)
    if writer is not None:
        return writer(element)
    if element.kind == "rfgap":
        raise LatticeError(f"RFGap '{element.name}': MAD-X has no element for the gap of a linac cell")
    length = element.strengths().get("length", 0.0)
    return f"drift, l={length!r}" if length else "marker"


def _with(kind: str, **attributes: Any) -> str:
    return ", ".join([kind, *(f"{name}={value!r}" for name, value in attributes.items())])


def _bend(bend: Any) -> str:
    fintx = bend.fint if bend.fintx is None else bend.fintx
    field = {} if bend.k0 is None else {"k0": bend.k0}
    body = {"l": bend.length, "angle": bend.angle, "k1": bend.k1, "k2": bend.k2, "tilt": bend.tilt, **field}
    faces = {"e1": bend.e1, "e2": bend.e2, "h1": bend.h1, "h2": bend.h2, "hgap": bend.hgap}
    cuts = [f", {cut}=true" for cut in ("kill_ent_fringe", "kill_exi_fringe") if getattr(bend, cut)]
    return _with("sbend", **body, **faces, fint=bend.fint, fintx=fintx) + "".join(cuts)


def _multipole(multipole: Any) -> str:
    knl, ksl = (", ".join(map(repr, strengths or (0.0,))) for strengths in (multipole.knl, multipole.ksl))
    return f"multipole, knl={{{knl}}}, ksl={{{ksl}}}, lrad={multipole.lrad!r}, tilt={multipole.tilt!r}"


_WRITERS: dict[str, Callable[[Any], str]] = {
    "bend": _bend,
    "quadrupole": lambda e: _with("quadrupole", l=e.length, k1=e.k1, k1s=e.k1s, tilt=e.tilt),
    "sextupole": lambda e: _with("sextupole", l=e.length, k2=e.k2, k2s=e.k2s, tilt=e.tilt),
    "octupole": lambda e: _with("octupole", l=e.length, k3=e.k3, k3s=e.k3s, tilt=e.tilt),
    "multipole": _multipole,
    "solenoid": lambda e: _with("solenoid", l=e.length, ks=e.ks),
    "kicker": lambda e: _with("kicker", l=e.length, hkick=e.hkick, vkick=e.vkick, tilt=e.tilt),
}


def available() -> bool:
    """True where cpymad is installed."""
    try:
        version("cpymad")
    except PackageNotFoundError:
        return False
    return True
