"""The table of docs/codes.md: ``python -m benchmarks.codes.table`` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.codes.field import FieldRing
from benchmarks.codes.rings import LARGE, SIX, compact, large
from lattice import Lattice
from optics import Optics, twiss
from optics.engines.madx_session import madx_holding
from optics.engines.ptc import ptc_twiss
from optics.engines.xsuite.twiss import xsuite_twiss

QUANTITIES = ("qx", "qy", "dqx", "dqy")
HEAD = ("ring", "dp/p", "quantity", "ours", "PTC", "MAD-X", "Xsuite", "field", "the field says")
_SPREAD = 3e-3  # dp/p of the differences that give the field's chromaticity, less ours by the same differences
#: Below these a difference is that of numerical methods: tunes and chromaticity, by code.
FLOORS = {"PTC": (2e-9, 1e-6), "MAD-X": (2e-9, 1e-6), "Xsuite": (2e-9, 2e-5), "field": (2e-7, 1e-4)}


@dataclass(frozen=True)
class Case:
    """A ring of ``cells`` equal cells at ``delta``; edges of ``width`` in the field (0: none)."""

    name: str
    cell: Lattice
    cells: int
    delta: float = 0.0
    width: float = 0.0
    hard: bool = True
    says: str = "all"

    @property
    def ring(self) -> Lattice:
        """The whole ring."""
        return Lattice("ring", elements=self.cell.elements * self.cells, particle=self.cell.particle)


_KICKS = (2e-3, 1e-3)
CASES = (
    Case("large", large(), LARGE),
    Case("large", large(), LARGE, delta=5e-3, says="all but MAD-X's expansion"),
    Case("compact", compact(), SIX),
    Case("compact, orbit", compact(kicks=_KICKS), SIX, delta=2e-3, says="ours, PTC, Xsuite"),
    Case("octupoles, orbit", compact(octupole=40.0, kicks=_KICKS), SIX, says="ours, PTC, Xsuite"),
    Case("combined, orbit", compact(k1=-0.2, k2=1.0, kicks=_KICKS), SIX, delta=2e-3, says="ours, PTC"),
    Case("coupled", compact(tilt=0.03), SIX, says="ours, PTC, Xsuite"),
    Case("turned faces", compact(e1=0.2, e2=0.2), SIX, width=0.004),
    Case("gradient behind faces", compact(e1=0.2, e2=0.2, k1=-0.2), SIX, width=0.004, says="ours, MAD-X"),
    Case("finite gap", compact(e1=0.2, e2=0.2, hgap=0.01, fint=0.5), SIX, width=0.02, hard=False, says="ours, Xsuite"),
)


def compared(case: Case) -> Iterator[tuple[str, ...]]:
    """Rows of the table: ours, and the others less ours."""
    ours = twiss(case.ring, delta=case.delta)
    mine = np.array([ours.scalar(name) for name in QUANTITIES])
    others = {"PTC": _ptc(case), "MAD-X": _madx(case), "Xsuite": _xsuite(case), "field": _field(case, ours)}
    for i, quantity in enumerate(QUANTITIES):
        cells = [_cell(code, quantity, values[i] - mine[i]) for code, values in others.items()]
        yield case.name, f"{case.delta:g}", quantity, f"{mine[i]:.6f}", *cells, case.says


def _cell(code: str, quantity: str, difference: float) -> str:
    floor = FLOORS[code][quantity.startswith("d")]
    if np.isnan(difference):
        return "-"
    return f"< {floor:.0e}" if abs(difference) < floor else f"{difference:+.1e}"


def _ptc(case: Case) -> Any:
    assert case.cell.particle is not None
    found = ptc_twiss(case.ring, case.cell.particle, delta=case.delta)
    return [getattr(found, name) for name in QUANTITIES]


def _xsuite(case: Case) -> Any:
    found = xsuite_twiss(case.ring, case.cell.particle, delta=case.delta)
    return [getattr(found, name) for name in QUANTITIES]


def _madx(case: Case) -> Any:
    """Its own numbers, times beta0; none at another momentum."""
    if case.delta != 0.0 or case.cell.particle is None:
        return [np.nan] * 4
    with madx_holding(case.ring, case.cell.particle) as madx:
        madx.twiss()
        summary = madx.table.summ
        tunes = [float(summary[name][0]) for name in ("q1", "q2")]
        return [*tunes, *(float(summary[name][0]) * case.cell.particle.beta for name in ("dq1", "dq2"))]


def _field(case: Case, ours: Optics) -> Any:
    """Tunes, and chromaticity by differences: those of the field less those of ours, beside our exact one."""
    spread = case.delta + _SPREAD * np.array([-1.0, 0.0, 1.0])
    mine = [twiss(case.ring, delta=float(delta)) for delta in spread]
    known = np.array([[one.qx, one.qy] for one in mine])
    found = _of_width(case, spread, known, case.width)
    if case.hard and case.width:
        found = 2 * _of_width(case, spread, known, case.width / 2) - found
    slope = ((found - known)[2] - (found - known)[0]) / (2 * _SPREAD)
    return [*found[1], ours.dqx + slope[0], ours.dqy + slope[1]]


def _of_width(case: Case, spread: Any, known: Any, width: float) -> Any:
    ring = FieldRing(case.cell, case.cells, width)
    return np.array([ring.tunes(float(d), (q[0], q[1])) for d, q in zip(spread, known, strict=True)])


def main() -> None:
    """Print the table."""
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for case in CASES:
        for row in compared(case):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
