"""MAD-X as a second reference, through cpymad where that is installed: its Twiss in our conventions.

MAD-X gives first-order dispersion and chromaticity per PT: both are multiplied by beta0. Its ``chrom`` option and its
``deltap`` are not used: in small rings both move the tunes by another amount than its own chromaticity. Betas and
alphas are its Mais-Ripken ones (``ripken``), since its betx of coupled optics is that of a mode in a plane of its own
(Edwards-Teng). Its bends have their full fringe, to second order about the reference orbit and without the gap's part
in the chromaticity: that is comparable for "full" and no gap only. So is the chromaticity of coupled rings not, which
it takes from the maps' change along the dispersion without that of the modes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from lattice import Lattice, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from optics.engines.engine_optics import EngineOptics
from optics.engines.madx_session import madx_holding, madx_version

_DISPERSION = ("dx", "dpx", "dy", "dpy")
_COLUMNS = ("s", "x", "px", "y", "py", *_DISPERSION)
#: MAD-X's name of a mode (second digit) seen in a plane (first digit).
_RIPKEN = {
    "betx": "beta11",
    "betx2": "beta12",
    "bety1": "beta21",
    "bety": "beta22",
    "alfx": "alfa11",
    "alfx2": "alfa12",
    "alfy1": "alfa21",
    "alfy": "alfa22",
}


def madx_twiss(
    lattice: Lattice, particle: ReferenceParticle, *, start: Mapping[str, float] | None = None, fringe: str = "full"
) -> EngineOptics:
    """Twiss by MAD-X: periodic, or from ``start``; chromaticity is nan where it is not comparable, and for lines.

    Raises FileError without cpymad, LatticeError naming an element MAD-X cannot express, UnstableOptics when it finds
    no solution.
    """
    with madx_holding(lattice, particle) as madx:
        columns, summary = _twiss(madx, lattice, start, particle.beta)
        name = madx_version(madx)
    index = pd.Index([*lattice.names, "_end"], name="name")
    table = pd.DataFrame(columns, index=index)
    table[list(_DISPERSION)] *= particle.beta
    closed = start is None
    coupled = bool(np.any(table[["betx2", "bety1"]].to_numpy()))
    chromatic = closed and not coupled and has_comparable_chromaticity(lattice, fringe)
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
    """True when MAD-X computes the chromaticity of the model that is compared (thin solenoids do not know delta)."""
    bends = [lattice.resolved(element).strengths() for element in lattice.elements if element.kind == "bend"]
    if any(element.kind == "thinsolenoid" for element in lattice.elements):
        return False
    return fringe == "full" and not any(bend["hgap"] and (bend["fint"] or bend["fintx"]) for bend in bends)


def _twiss(
    madx: Any, lattice: Lattice, start: Mapping[str, float] | None, beta: float
) -> tuple[dict[str, Any], dict[str, float]]:
    """Columns at the entrances and the end (MAD-X's are at exits, after a first row for the start), and scalars."""
    begin = {key: value for key, value in (start or {}).items() if key != "zeta"}  # on which nothing static depends
    conditions = {key: value / beta if key in _DISPERSION else value for key, value in begin.items()}
    try:
        madx.twiss(ripken=True, rmatrix=True, **conditions)
    except Exception:  # cpymad's error is a RuntimeError without the reason, which MAD-X only prints
        raise UnstableOptics(f"MAD-X finds no optics for '{lattice.name}'") from None
    rows = slice(len(lattice) + 1)
    raw = {column: np.array(madx.table.twiss[column][rows], dtype=float) for column in _needed()}
    summary = {name: float(madx.table.summ[name][0]) for name in ("q1", "q2", "dq1", "dq2", "alfa")}
    if start is None:
        raw |= _transfers(madx, raw, rows)
    return {column: raw[column] for column in _COLUMNS} | _ripken(raw), summary


def _transfers(madx: Any, raw: Mapping[str, Array], rows: slice) -> dict[str, Array]:
    """The matrices from the start of a ring, which MAD-X gives of lines only: of a ring they are those of a turn."""
    orbit = {name: float(raw[name][0]) for name in ("x", "px", "y", "py")}
    madx.twiss(betx=1.0, bety=1.0, rmatrix=True, **orbit)
    return {name: np.array(madx.table.twiss[name][rows], dtype=float) for name in _MATRIX}


_BLOCK = ("1", "2", "3", "4")
_MIXING = ("r11", "r12", "r21", "r22")
_MATRIX = tuple(f"re{i}{j}" for i in _BLOCK for j in _BLOCK)


def _needed() -> Iterator[str]:
    yield from (*_COLUMNS, "mux", "muy", *_RIPKEN.values(), *_MIXING, *_MATRIX)


def _ripken(raw: Mapping[str, Array]) -> dict[str, Array]:
    """Betas, alphas and phases of both modes in both planes.

    Behind a strong rotation MAD-X exchanges the planes of its modes without saying so, and its Mais-Ripken functions
    are then of no use: mode 1 has the share g^2 in x by its transfer matrix, where its mixing matrix R tells
    1 - g^2 = 1 / (1 + det R). There the functions are those of its first modes carried by its transfer matrices.
    """
    modes = _modes(raw)
    share = np.linalg.det(modes[:, :2, :2])
    told = 1.0 / (1.0 + _determinant(raw))
    exchanged = np.abs(share - (1.0 - told)) < np.abs(share - told)
    theirs = {name: raw[column] for name, column in _RIPKEN.items()} | {"mux": raw["mux"], "muy": raw["muy"]}
    return {name: np.where(exchanged, _carried(modes, name), values) for name, values in theirs.items()}


#: First row and column of the block that shows a mode in a plane.
_BLOCKS = {"x": (0, 0), "x2": (0, 2), "y1": (2, 0), "y": (2, 2)}


def _carried(modes: Array, name: str) -> Array:
    """A beta, alpha or phase (in turns since the start, below one) as the modes (rows, 4, 4) show it."""
    kind = name.rstrip("xy12")
    i, k = _BLOCKS[name.removeprefix(kind)]
    x, p = modes[:, i, k : k + 2], modes[:, i + 1, k : k + 2]
    if kind == "mu":
        phase = np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi)
        return np.asarray((phase - phase[0]) % 1.0)
    return np.asarray(np.sum(x * x, axis=1) if kind == "bet" else -np.sum(x * p, axis=1))


def _modes(raw: Mapping[str, Array]) -> Array:
    """MAD-X's modes at its start, carried by its transfer matrices (rows, 4, 4)."""
    transfer = np.array([[raw[f"re{i}{j}"] for j in _BLOCK] for i in _BLOCK]).transpose(2, 0, 1)
    r = np.array([raw[name][0] for name in _MIXING]).reshape(2, 2)
    conjugate = np.array([[r[1, 1], -r[0, 1]], [-r[1, 0], r[0, 0]]])
    start = np.block([[np.eye(2), conjugate], [-r, np.eye(2)]])
    scale = 1.0 + _determinant(raw)[0]  # beta11 = betx / scale
    for i, mode in ((0, "11"), (2, "22")):
        beta, alpha = scale * raw[f"beta{mode}"][0], scale * raw[f"alfa{mode}"][0]
        root = np.sqrt(beta)
        start[:, i : i + 2] = start[:, i : i + 2] @ np.array([[root, 0.0], [-alpha / root, 1.0 / root]])
    modes: Array = transfer @ start / np.sqrt(scale)
    return modes


def _determinant(raw: Mapping[str, Array]) -> Array:
    determinant: Array = raw["r11"] * raw["r22"] - raw["r12"] * raw["r21"]
    return determinant
