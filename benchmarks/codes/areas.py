"""The stable areas of docs/codes.md by several codes: ``python -m benchmarks.codes.areas`` prints them.

Each code finds its own points of period three, by Newton's method on three of its turns, from ours on; its area is that
of their triangle. The field's is that of bends integrated through soft edges of 4, 2 and 1 mm, and from them of none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.codes.field import FieldRing
from extraction import ThirdIntegerResonance, third_integer_resonance
from extraction.resonance.second_engine import Tracking, tracked_resonance
from lattice import Bend, Lattice, Quadrupole
from machines.cnao_like import pimms
from optics.engines.madx_session import madx_holding
from optics.engines.xsuite.passages import xsuite_passage

_LAYOUT = (
    "ptc_create_universe; ptc_create_layout, time=false, model=2, method=6, nst=30, exact=true;"
    "ptc_setswitch, fringe=false, time=false, totalpath=false;"
)
_TURNS = "closed_orbit=false, onetable=true, dump=true, maxaper={1, 1, 1, 1, 1, 1}; ptc_track_end;"


@contextmanager
def ptc_tracking(ring: Lattice, at: str) -> Iterator[Tracking]:
    """PTC's turns from the entrance of ``at`` for dp/p = 0: a function of coordinates (n, 6) and a number of turns."""
    first = ring.index(at)
    elements = [*ring.elements[first:], *ring.elements[:first]]
    turned = Lattice(ring.name, elements=elements, parameters=ring.parameters.definitions, particle=ring.particle)
    assert turned.particle is not None
    with madx_holding(turned, turned.particle) as madx:
        madx.input(_LAYOUT)

        def passed(states: Any, turns: int) -> Any:
            for x, px, y, py, *_ in np.asarray(states).tolist():
                madx.input(f"ptc_start, x={x!r}, px={px!r}, y={y!r}, py={py!r};")
            madx.input(f"ptc_track, icase=4, turns={turns}, {_TURNS}")
            table = madx.table.trackone
            last = np.asarray(table["turn"]) == turns
            ends = [np.asarray(table[name])[last] for name in ("x", "px", "y", "py")]
            return np.column_stack([*ends, np.zeros((len(states), 2))])

        yield passed


@dataclass(frozen=True)
class Area:
    """A ring whose triangle is looked at from the entrance of ``at``."""

    name: str
    ring: Lattice
    at: str = "es"

    def ours(self) -> ThirdIntegerResonance:
        """The resonance by our maps."""
        return third_integer_resonance(self.ring, at=self.at)


def _pimms(k1: float, skew: float = 0.0, **strengths: float) -> Lattice:
    """The PIMMS ring with its resonance sextupole, ``k1`` in its bends and a skew gradient in one quadrupole."""
    ring, first = pimms().with_parameters(xrr_a=6.0, **strengths), True
    elements = list(ring.elements)
    for i, element in enumerate(elements):
        if isinstance(element, Bend):
            elements[i] = replace(element, k1=k1)
        elif isinstance(element, Quadrupole) and first:
            elements[i], first = replace(element, name="skewed", k1s=skew), False
    return Lattice("pimms", elements=elements, parameters=ring.parameters.definitions, particle=ring.particle)


_UPRIGHT = {"qf1": 0.3144403371189302, "qd": -0.5241789313643334}  # matched: Qx 1.664, Qy 1.72
_COMBINED = {"qf1": 0.16117961479406268, "qd": -0.6454577007757929}  # the same
AREAS = (
    Area("PIMMS", _pimms(0.0, **_UPRIGHT)),
    Area("PIMMS, skew", _pimms(0.0, skew=0.01, **_UPRIGHT)),
    Area("PIMMS, k1 in bends", _pimms(0.03, **_COMBINED)),
)


def by_codes(case: Area) -> tuple[float, float, float]:
    """Our area [m], and how much larger PTC's and Xsuite's are, relative."""
    ours = case.ours()
    first = case.ring.index(case.at)
    with ptc_tracking(case.ring, case.at) as turn:
        ptc = tracked_resonance(turn, ours).area
    passage = xsuite_passage(case.ring, case.ring.particle, "full", first, first + len(case.ring))
    xsuite = tracked_resonance(passage, ours).area
    return ours.stable_area, ptc / ours.stable_area - 1.0, xsuite / ours.stable_area - 1.0


def by_field(case: Area, widths: tuple[float, float, float] = (0.004, 0.002, 0.001)) -> float:
    """How much larger the field's area is, relative: from soft edges of three widths [m], each half the one before."""
    ours = case.ours()
    wide, half, quarter = (tracked_resonance(_in_field(case, w), ours).area / ours.stable_area - 1.0 for w in widths)
    return (8.0 * quarter - 6.0 * half + wide) / 3.0  # without the width and its square


def _in_field(case: Area, width: float) -> Tracking:
    first = case.ring.index(case.at)
    elements = [*case.ring.elements[first:], *case.ring.elements[:first]]
    cell = Lattice("ring", elements=elements, parameters=case.ring.parameters.definitions, particle=case.ring.particle)
    ring = FieldRing(cell, 1, width)

    def passed(states: Any, turns: int) -> Any:
        z = np.asarray(states)[:, [0, 1, 2, 3, 5]]
        for _ in range(turns):
            z = ring.through(z)
        return np.column_stack([z[:, :4], np.zeros(len(z)), z[:, 4]])

    return passed


def main() -> None:
    """Print the table."""
    for case in AREAS:
        area, *others = by_codes(case)
        cells = [f"{one:+.1e}" for one in (*others, by_field(case))]
        print(f"| {case.name} | {area:.6e} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
