"""Focusing of a linac: phase advance period by period, the matched beam, gradients graded along the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from lattice import InputError, NoSolution, UnstableOptics
from lattice.arrays import Array
from optics.linac.line import DRIFT, GAP, Line, line_of, rows_of
from optics.linac.structure.linac import Linac, Pipe, Tank
from optics.linac.structure.reference import Reference, reference_of
from optics.linac.transport import Transport, canonical_matrices, transport, transport_of


@dataclass(frozen=True)
class Period:
    """A focusing period, from ``s`` to ``end`` [m], and its phase advances [turns] with and without the RF's kick.

    nan where the period on its own does not focus.
    """

    s: float
    end: float
    energy: float
    mux: float
    muy: float
    mux_without_rf: float
    muy_without_rf: float


def periods(linac: Linac, magnets: int = 2) -> tuple[Period, ...]:
    """Phase advance of every stretch of ``magnets`` quadrupoles, from the middle of one to the middle of another.

    cos(mu) = trace / 2 of the block normalised to determinant 1; without RF: the same magnets for a beam that coasts
    with the energy at the stretch's start.
    """
    line = line_of(linac)
    reference = reference_of(linac, line)
    whole = transport_of(linac, line, reference)
    rows = _middles(whole)
    spans = zip(rows, rows[magnets:], advances(whole, magnets), strict=False)
    return tuple(_period(line, reference, whole, (first, last), here) for first, last, here in spans)


def advances(run: Transport, magnets: int = 2) -> Array:
    """Phase advances [turns] in x and y of the stretches of ``periods`` by the matrices of ``run``, (periods, 2).

    nan where a stretch on its own does not focus. ``run`` may be of either engine.
    """
    rows = _middles(run)
    spans = zip(rows, rows[magnets:], strict=False)
    found = [[_advance(block[i : i + 2, i : i + 2]) for i in (0, 2)] for block in (_unit(run, *span) for span in spans)]
    return np.array(found).reshape(-1, 2)


def _middles(run: Transport) -> list[int]:
    """Rows of a run at the middles of the quadrupoles."""
    return [_middle(run.piece, run.linac.place(magnet.name)) for magnet in run.linac.quadrupoles]


def _unit(run: Transport, first: int, last: int) -> Array:
    """Matrix between two rows, a plane's block of it with determinant 1."""
    return np.asarray(run.between(first, last) * np.sqrt(run.momentum[last] / run.momentum[first]))


def structure_periods(linac: Linac) -> tuple[Period, ...]:
    """Focusing periods that lie inside structures, with a tank on both sides of their middle quadrupole.

    Matching sections are no periods.
    """
    return tuple(period for period, inside in zip(periods(linac), in_structures(linac), strict=True) if inside)


def in_structures(linac: Linac) -> Array:
    """Which of the periods of two quadrupoles are those of ``structure_periods``, (periods,)."""
    fed = np.array([_stands_alone(linac, magnet.name) for magnet in linac.quadrupoles], dtype=bool)
    return np.asarray(fed[:-2] & fed[1:-1] & fed[2:])


def _stands_alone(linac: Linac, name: str) -> bool:
    """True for a quadrupole that is the only one between two tanks."""
    kinds = [type(piece) for piece in linac.pieces]
    place = linac.place(name)
    before = next((kind for kind in reversed(kinds[:place]) if kind is not Pipe), None)
    after = next((kind for kind in kinds[place + 1 :] if kind is not Pipe), None)
    return before is Tank and after is Tank


def _middle(pieces: Array, number: int) -> int:
    """Row in the middle of piece ``number``; ``pieces`` of all rows."""
    first, last = np.searchsorted(pieces, [number, number + 1])
    return int(first + last) // 2


def _period(line: Line, reference: Reference, whole: Transport, span: tuple[int, int], here: Array) -> Period:
    first, last = span
    kinds = np.where(line.kind[first:last] == GAP, DRIFT, line.kind[first:last])
    stretch = rows_of(line, first, last)._replace(kind=kinds)
    coasting = canonical_matrices(stretch, 0.0, reference.w[first])[-1]
    return Period(
        float(whole.s[first]),
        float(whole.s[last]),
        float(whole.energy[first]),
        *(float(advance) for advance in here),
        *(_advance(coasting[i : i + 2, i : i + 2]) for i in (0, 2)),
    )


def matched_start(linac: Linac, magnets: int = 2) -> dict[str, float]:
    """betx, alfx, bety, alfy [m] at the start from which the beam is matched to the first focusing period.

    The periodic solution from the middle of the first quadrupole to the middle of the one ``magnets`` later, carried
    back. Raises UnstableOptics where that period does not focus.
    """
    whole = transport(linac)
    if len(linac.quadrupoles) <= magnets:
        raise InputError(f"linac '{linac.name}' has no period of {magnets} quadrupoles to be matched to")
    first, last = (_middles(whole)[i] for i in (0, magnets))
    start: dict[str, float] = {}
    for i, plane in ((0, "x"), (2, "y")):
        block = whole.between(first, last)[i : i + 2, i : i + 2]
        block = block / np.sqrt(np.linalg.det(block))
        back = np.linalg.inv(whole.matrices[first][i : i + 2, i : i + 2])
        beta, alpha = _periodic(linac, plane, block)
        start[f"bet{plane}"], start[f"alf{plane}"] = _carried(back / np.sqrt(np.linalg.det(back)), beta, alpha)
    return start


def _periodic(linac: Linac, plane: str, block: Array) -> tuple[float, float]:
    half_trace = 0.5 * float(np.trace(block))
    if abs(half_trace) >= 1.0:
        raise UnstableOptics(
            f"linac '{linac.name}': its first focusing period does not focus in {plane} (half trace {half_trace:.3g}): "
            "change the gradients"
        )
    sine = float(np.copysign(np.sqrt(1.0 - half_trace**2), block[0, 1]))
    return float(block[0, 1]) / sine, 0.5 * float(block[0, 0] - block[1, 1]) / sine


def _carried(block: Array, beta: float, alpha: float) -> tuple[float, float]:
    root = np.array([[np.sqrt(beta), 0.0], [-alpha / np.sqrt(beta), 1.0 / np.sqrt(beta)]])
    here = block @ root
    ellipse = here @ here.T
    return float(ellipse[0, 0]), -float(ellipse[0, 1])


def match_section(
    linac: Linac,
    magnets: Sequence[str],
    start: Mapping[str, float],
    at: str,
    goal: Mapping[str, float],
    ceiling: float,
    miss: float = 0.01,
) -> Linac:
    """The linac with gradients of ``magnets`` that carry betx, alfx, bety, alfy from ``start`` to ``goal`` at ``at``.

    ``at`` is the entrance of a piece; no gradient exceeds ``ceiling`` [T/m] in size. Raises NoSolution, with the
    closest that was found, when the goal is missed by more than the share ``miss`` in beta or of (1 + alpha^2)^(1/2) in
    alpha.
    """
    first = [float(linac.magnet(name).gradient) for name in magnets]
    upstream = replace(linac, pieces=linac.pieces[: linac.place(at) + 1])

    def misses(gradients: Array) -> Array:
        run = transport(upstream.with_gradients(dict(zip(magnets, map(float, gradients), strict=True))))
        row = run.row(at)
        found: list[float] = []
        for plane in ("x", "y"):
            beta, alpha, _ = run.twiss(plane, start[f"bet{plane}"], start[f"alf{plane}"])
            wanted = goal[f"alf{plane}"]
            found += [np.log(beta[row] / goal[f"bet{plane}"]), (alpha[row] - wanted) / np.hypot(1.0, wanted)]
        return np.array(found)

    best = least_squares(misses, np.clip(first, -ceiling, ceiling), bounds=(-ceiling, ceiling), x_scale=ceiling)
    if np.max(np.abs(best.fun)) > miss:
        text = ", ".join(
            f"{key} {value:+.2g}" for key, value in zip(("betx", "alfx", "bety", "alfy"), best.fun, strict=True)
        )
        raise NoSolution(
            f"linac '{linac.name}': {len(magnets)} gradients up to {ceiling:g} T/m do not match the beam at '{at}': "
            f"the closest misses by {text} (relative): give more magnets, or a higher ceiling"
        )
    return linac.with_gradients(dict(zip(magnets, map(float, best.x), strict=True)))


def grade_gradients(linac: Linac, advance: float, ceiling: float) -> Linac:
    """The linac with gradients that give every focusing period the phase ``advance`` [turns] in both planes.

    Least squares over all gradients; signs stay, none exceeds ``ceiling`` [T/m]. With acceleration: the RF's
    defocusing is part of the period. Raises InputError for an advance outside 0 to 1/2 or fewer than 4 magnets.
    """
    if not 0.0 < advance < 0.5:
        raise InputError(f"a phase advance of {advance!r} turns a period cannot be had: it must lie between 0 and 0.5")
    if len(linac.quadrupoles) < 4:
        raise InputError(f"linac '{linac.name}' has {len(linac.quadrupoles)} quadrupoles, grading needs 4 or more")
    signs = np.sign([magnet.gradient for magnet in linac.quadrupoles])
    wanted = float(np.cos(2.0 * np.pi * advance))
    count = len(signs)
    near = np.abs(np.subtract.outer(np.arange(count - 2) + 1, np.arange(count))) <= 1

    def misses(strengths: Array) -> Array:
        return (_half_traces(linac.with_gradients([float(g) for g in signs * strengths])) - wanted).T.ravel()

    start = np.full(count, 0.7 * ceiling)
    found = least_squares(
        misses, start, bounds=(0.0, ceiling), jac_sparsity=np.vstack([near, near]).astype(int), x_scale=ceiling
    )
    return linac.with_gradients([float(g) for g in signs * found.x])


def _half_traces(linac: Linac) -> Array:
    """Half the trace of every period's block of determinant 1 in x and y, (periods, 2)."""
    whole = transport(linac)
    rows = _middles(whole)
    blocks = [_unit(whole, a, b) for a, b in zip(rows, rows[2:], strict=False)]
    return np.array([[0.5 * np.trace(m[i : i + 2, i : i + 2]) for i in (0, 2)] for m in blocks])


def _advance(block: Array) -> float:
    half_trace = 0.5 * float(np.trace(block))
    return float(np.arccos(half_trace)) / (2.0 * np.pi) if abs(half_trace) < 1.0 else float("nan")
