"""The fast turn is that of the one map, to rounding, and its quick test lets nobody pass who may leave."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from extraction.spill.fate import CIRCULATES
from extraction.spill.lanes.group import track_groups
from extraction.spill.lanes.moments import new_limits
from extraction.spill.lanes.rows import (
    LANES,
    N_OWN,
    N_STATE,
    PY,
    SLOPE,
    STATUS,
    T,
    X,
)
from extraction.spill.lanes.threads import track
from extraction.spill.lanes.turn import count_outside
from extraction.spill.sections.kicks import FIFTH, FOURTH, UNITS
from extraction.spill.sections.layout import Layout
from extraction.spill.sections.one_turn import SectionalMap
from extraction.spill.sections.proof import carried
from extraction.spill.sections.shears import drifts_before
from extraction.spill.setup import empty_record
from lattice.arrays import Array

#: Side, position, thickness, length, angle, kick, gap of wires that nobody reaches.
NOTHING_LIMITS = (np.full((1, 1, 2), np.inf), np.zeros((1, 1, 1, 2)))
NO_WIRES = (1.0, 1e3, 1e-4, 0.8, 0.0, 2.5e-3, 0.0)


def rotation(phase: float, beta: float = 4.0, alpha: float = 0.7, beta_2: float = 9.0, alpha_2: float = -1.1) -> Array:
    """A section of this phase advance [rad]."""
    begin = np.array([[np.sqrt(beta), 0.0], [-alpha / np.sqrt(beta), 1.0 / np.sqrt(beta)]])
    end = np.array([[np.sqrt(beta_2), 0.0], [-alpha_2 / np.sqrt(beta_2), 1.0 / np.sqrt(beta_2)]])
    turn = np.array([[np.cos(phase), np.sin(phase)], [-np.sin(phase), np.cos(phase)]])
    return end @ turn @ np.linalg.inv(begin)


def turn_of(phases: list[tuple[float, float]], terms: int) -> SectionalMap:
    """Sections of these phase advances, every other one from the first place to the second, and kicks between them."""
    places = [(4.0, 0.7), (9.0, -1.1)] * len(phases)
    ends = [*pairwise(places[: len(phases)]), (places[len(phases) - 1], places[0])]
    matrices = np.array(
        [[rotation(phase, *a, *b) for phase in both] for both, (a, b) in zip(phases, ends, strict=True)]
    )
    kicks = UNITS[:terms] * np.random.default_rng(3).uniform(-1.0, 1.0, (len(phases) - 1, terms))
    return SectionalMap(matrices, kicks, np.array([1e-3, -2e-4, 3e-4, 1e-4]), 1e-6, np.zeros((0, 12)))


def fast(one: SectionalMap, coordinates: Array, turns: int) -> tuple[Array, Array]:
    """Coordinates (n, 4) by the compiled turn, and the drifts that went before sections."""
    cuts, terms = one.kicks.shape
    ellipse = (4.0, 0.7, 4.0, 0.7)
    drifts = drifts_before(one.matrices[None], carried(one.matrices[None], ellipse)[0])
    state = np.zeros((N_STATE, LANES))
    state[X : PY + 1], state[STATUS] = coordinates.T, CIRCULATES
    table = Layout(cuts, terms, 0).pack(one)[None, :, None]
    no_places = (np.zeros(cuts + 2, dtype=np.int64), np.zeros((0, 6)), np.zeros((1, 0, 1)), np.ones((1, 1)))
    track(
        state,
        empty_record(LANES),
        0,
        1,
        turns,
        (np.ascontiguousarray(table), 0.0, 1.0, 0.3, drifts, terms),
        (np.zeros(1), np.ones(1), 0, 1.0),
        NO_WIRES,
        (NOTHING_LIMITS[0], np.array(ellipse), NOTHING_LIMITS[1], np.ones(2), *no_places, np.zeros((0, 30, 1))),
        (-1, np.zeros(2, dtype=complex), 0, 1e-6, 0.0),
        (np.zeros(1), 0.0),
    )
    return state[X : PY + 1].T, drifts


#: Phase advances [rad] in x and y of three sections: ordinary ones; half a turn and a whole one; next to none.
PHASES = {
    "ordinary": [(0.9, 0.7), (1.4, -0.8), (2.0, 3.9)],
    "half a turn": [(np.pi, 0.7), (1.4, np.pi + 0.01), (2.0 * np.pi, np.pi - 0.1)],
    "none": [(1e-9, 0.7), (1.4, 1e-3), (0.0, 2.0)],
}


@pytest.mark.parametrize("terms", [FOURTH, FIFTH])
@pytest.mark.parametrize("case", PHASES)
def test_shears_are_the_sections_of_the_map_to_rounding(case: str, terms: int) -> None:
    """Sections that are no lens, drift and lens by themselves too: at half a turn, and where there is no advance."""
    one = turn_of(PHASES[case], terms)
    begun = one.orbit + np.random.default_rng(4).uniform(-1.0, 1.0, (LANES, 4)) * [1e-2, 3e-3, 1e-2, 3e-3]
    found, drifts = fast(one, begun, 5)
    # Five turns of some hundred operations, each of which rounds to 1e-16 of numbers that are as large as these.
    np.testing.assert_allclose(found, one.track(begun, 5), rtol=0, atol=1e-14)
    assert bool(np.any(drifts)) == (case != "ordinary")


def test_one_compiled_turn_serves_every_spill() -> None:
    """Compiling takes long: whatever is tracked, arguments are of one type."""
    fast(turn_of(PHASES["ordinary"], FOURTH), np.zeros((LANES, 4)), 1)
    fast(turn_of(PHASES["none"], FIFTH), np.zeros((LANES, 4)), 1)
    assert len(track_groups.signatures) == 1  # type: ignore[attr-defined]


def _lanes(one: Any) -> Array:
    return np.ascontiguousarray(np.asarray(one).T).ravel()


@pytest.mark.parametrize("side", [1, -1])
def test_the_quick_test_passes_nobody_who_may_reach_the_wires(side: int) -> None:
    """Against the two depths that ``fate`` starts from, at many points: where it passes, both are negative."""
    draw = np.random.default_rng(5)
    orbit, slope = draw.uniform(-1.0, 1.0, (LANES, 4)) * [5e-3, 1e-3, 0.0, 0.0], draw.uniform(0.9, 1.1, LANES)
    position, length, angle = side * 0.03, 0.8, side * 1e-3
    wires, ellipse = (float(side), position, 1e-4, length, angle, 2.5e-3, 0.0), np.array([9.0, -1.5, 5.0, 0.4])
    lens = np.concatenate([np.zeros((2, LANES)), draw.uniform(-0.3, 0.3, (2, LANES))])
    own = np.zeros(N_OWN * LANES)
    own[SLOPE * LANES : (SLOPE + 1) * LANES], own[T * LANES : (T + 1) * LANES] = slope, 0.0
    new_limits(np.zeros(N_STATE * LANES), own, np.full((1, 1, 2), np.inf), lens.ravel(), _lanes(orbit), ellipse, wires)
    passed = 0
    for _ in range(400):
        z = draw.uniform(-1.0, 1.0, (LANES, 4)) * [0.04, 6e-3, 0.02, 4e-3]
        inner = z - np.stack([0.0 * slope, lens[2] * z[:, 0], 0.0 * slope, lens[3] * z[:, 2]], axis=1)
        if count_outside(_lanes(inner), own, ellipse[0], ellipse[2]) < LANES:  # one lane at a time
            for lane in range(LANES):
                alone = np.zeros((LANES, 4))
                alone[lane] = inner[lane]
                if count_outside(_lanes(alone), own, ellipse[0], ellipse[2]) == 0:
                    passed += 1
                    x, outwards = z[lane, 0] + orbit[lane, 0], (z[lane, 1] + orbit[lane, 1]) * slope[lane] - angle
                    depth = side * (x - position)
                    assert depth < 0.0
                    assert depth + side * outwards * length < 0.0
    assert passed > 1000  # of 12,800
