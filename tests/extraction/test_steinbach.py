"""Stacks and extracted beams that are sampled, and the wedge of a ring: closed forms, laws, and arms made by hand."""

from __future__ import annotations

from math import pi
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.polynomial import Chebyshev
from scipy.stats import kstest

from extraction.resonance.diagram import Steinbach, WaitingBeam
from extraction.resonance.momenta import Case, resonant_momentum
from extraction.resonance.steinbach import (
    ExtractedBeam,
    Stack,
    amplitude_of,
    extracted_beam,
    leaving_momentum,
    tip_momentum,
    waiting_stack,
    wedge,
)
from lattice import InputError
from optics import Beam
from tests.extraction_rings import PROTON, SEPTUM, reference, solved

COUNT = 20_000
BEAM = Beam(PROTON, emittance_x=3e-6, emittance_y=8e-6, sigma_delta=5e-4, delta=-2e-3)


def test_the_circle_of_an_amplitude_has_the_area_of_the_triangle() -> None:
    assert pi * amplitude_of(7e-6) ** 2 == pytest.approx(7e-6, rel=1e-15)


def test_half_the_mean_square_amplitude_is_the_horizontal_emittance() -> None:
    """A^2/2 is exponential with the emittance as its mean: four sigma of a million, 0.4 %, and its distribution."""
    many = 1_000_000
    amplitude = waiting_stack(BEAM, many, seed=5).amplitude
    assert np.mean(amplitude**2) / 2 == pytest.approx(3e-6, rel=4 / np.sqrt(many))
    assert kstest(amplitude**2 / 2, "expon", args=(0.0, 3e-6)).pvalue > 0.01


def test_momenta_of_the_stack() -> None:
    """Gaussian of 5e-4 about -2e-3, or even over a full width, and no farther."""
    assert kstest(waiting_stack(BEAM, COUNT, seed=5).delta, "norm", args=(-2e-3, 5e-4)).pvalue > 0.01
    even = waiting_stack(BEAM, COUNT, seed=5, full_width=3e-3).delta
    assert kstest(even, "uniform", args=(-3.5e-3, 3e-3)).pvalue > 0.01
    with pytest.raises(InputError, match="count must be a whole number above 0"):
        waiting_stack(BEAM, 0, seed=1)


def test_a_waiting_beam_by_hand() -> None:
    """Its edge at 2.5 sigma of the horizontal emittance; a thousandth of momenta where no width is known."""
    beam = WaitingBeam((4e-6, 1e-6), 3e-3, 2.5)
    assert (beam.edge_amplitude, beam.span) == pytest.approx((5e-3, 3e-3), rel=1e-15)
    assert WaitingBeam((4e-6, 1e-6), 0.0, 2.5).span == 1e-3


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_wedge_is_a_line_to_its_tip(side: float) -> None:
    """Amplitude 4 |delta| from 1e-3 on, nothing tabulated nearer: 1 mm^1/2 leaves at 2.5e-4 of the tip."""
    import pandas as pd

    deltas = side * np.array([1e-3, 2e-3, 4e-3])
    table = pd.DataFrame({"delta": [0.0, *deltas, -side * 1e-3], "exact": [0.0, 4e-3, 8e-3, 16e-3, np.nan]})
    found = leaving_momentum(table, np.array([1e-3, 6e-3, 12e-3, 20e-3]), side)
    assert found == pytest.approx(side * np.array([2.5e-4, 1.5e-3, 3e-3, np.nan]), nan_ok=True)
    without_tip = table[1:]
    found = leaving_momentum(without_tip, np.array([1e-3, 6e-3]), side)
    assert found == pytest.approx(side * np.array([2.5e-4, 1.5e-3]))


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_what_waits_on_one_side_leaves_on_that_side(side: float) -> None:
    """A wedge of amplitude 4 |delta|, its nearest row on the other side: no particle leaves beyond the resonance."""
    import pandas as pd

    deltas = np.sort(side * np.array([-2e-4, -2e-3, 5e-4, 1e-3, 3e-3]))
    table = pd.DataFrame({"delta": deltas, "tune_distance": -2.0 * deltas, "exact": 4 * np.abs(deltas)})
    found = leaving_momentum(table, np.array([0.0, 4e-4, 1e-3, 6e-3]), side)
    assert found == pytest.approx(side * np.array([0.0, 1e-4, 2.5e-4, 1.5e-3]), abs=1e-12)


def test_the_wedge_of_a_ring_is_that_of_its_triangles() -> None:
    """Both orders of it at dp/p = 0; nothing where no motion is stable."""
    table = wedge(reference(1.664), None, SEPTUM, [0.0, -0.1])
    here = solved(1.664)
    assert pi * table["exact"][0] ** 2 == pytest.approx(here.stable_area, rel=1e-12)
    assert pi * table["kobayashi"][0] ** 2 == pytest.approx(here.kobayashi.stable_area, rel=1e-12)
    assert table["tune_distance"][0] == here.tune_distance
    assert table.loc[1, ["tune_distance", "exact", "kobayashi"]].isna().all()


def test_a_wedge_without_momenta_is_about_the_resonant_one() -> None:
    """The table's own tip is the resonant momentum, and dp/p = 0 is in its range."""
    ring = reference(1.664)
    resonant = resonant_momentum(ring)
    table = wedge(ring)
    assert len(table) == 10
    assert table["delta"].min() < min(0.0, resonant)
    assert table["delta"].max() > max(0.0, resonant)
    assert table.attrs["resonant"] == tip_momentum(table)
    assert np.isnan(tip_momentum(wedge(ring, deltas=[-0.1])))
    assert tip_momentum(table) == pytest.approx(resonant, abs=2e-5)  # the tune's second order in momentum
    (row,) = table.iloc[[2]].to_dict("records")
    same = wedge(ring, ring.particle, "_end", [row["delta"]])
    assert (same["exact"][0], same["kobayashi"][0]) == (row["exact"], row["kobayashi"])


def test_a_wedge_hardly_depends_on_where_it_is_seen() -> None:
    """The area within curved sides is the same everywhere, that of the corners' triangle not quite: both orders differ
    in proportion to the tune distance, by 0.2 and 1 % of the amplitude at 3.2e-3; nearer, at 1e-3, by a third."""
    ring = reference(1.664)
    near, far = (
        wedge(ring, at=place, deltas=[-1.6e-3, -2.57e-3]).iloc[::-1].reset_index() for place in (SEPTUM, "s8_016a_bde")
    )
    exact, leading = ((far[name] / near[name] - 1).abs() for name in ("exact", "kobayashi"))
    assert 1e-3 < exact[0] < 2.5e-3
    assert 5e-3 < leading[0] < 12e-3
    assert exact[1] / exact[0] == pytest.approx(near["tune_distance"][1] / near["tune_distance"][0], rel=0.15)


# ------------------------------------------------------------------------------------------------ what leaves


def arm(x: float, step: float, px: float, kick: float) -> Any:
    """Straight and even in time, from wires at ``x`` on."""
    return SimpleNamespace(
        position=Chebyshev.fit([0.0, 1.0], [x - step / 2, x + step / 2], 1),
        angle=Chebyshev.fit([0.0, 1.0], [px - kick / 2, px + kick / 2], 1),
        crossing=0.5,
    )


#: In disorder, by momentum: steps of 2, 4 and 8 mm.
ARMS = [
    (1e-3, arm(-0.03, -4e-3, 1e-3, 2e-4)),
    (-1e-3, arm(-0.03, -2e-3, 2e-3, 1e-4)),
    (3e-3, arm(-0.03, -8e-3, 0, 4e-4)),
]


@pytest.mark.parametrize(
    ("delta", "step", "px", "kick"),
    [
        (-1e-3, 2e-3, 2e-3, 1e-4),
        (0.0, 3e-3, 1.5e-3, 1.5e-4),
        (1e-3, 4e-3, 1e-3, 2e-4),
        (2.5e-3, 7e-3, 2.5e-4, 3.5e-4),
        (3e-3, 8e-3, 0.0, 4e-4),
    ],
)
def test_particles_fill_a_spiral_step_evenly_on_the_arm_of_their_momentum(
    delta: float, step: float, px: float, kick: float
) -> None:
    """From the wires to a step beyond, px with x; between two arms the arm between them."""
    found = extracted_beam(ARMS, np.full(5000, delta), seed=2)
    part = (-0.03 - found.x) / step
    assert kstest(part, "uniform").pvalue > 0.01
    assert found.px == pytest.approx(px + kick * part, abs=1e-12)
    assert (found.delta == delta).all()


def test_one_arm_says_nothing_of_others() -> None:
    with pytest.raises(InputError, match="at least two momenta"):
        extracted_beam(ARMS[:1], np.zeros(3), seed=1)


def test_moments_of_an_extracted_beam_by_hand() -> None:
    """x: 1, -1 mm about 30 mm, px: 1, 1, -1, -1 mrad about 0, uncorrelated: 1 mm mrad; dp/p 0 to 3 per mille."""
    x, px = 0.03 + 1e-3 * np.array([1, -1, 1, -1]), 1e-3 * np.array([1, 1, -1, -1])
    found = ExtractedBeam(x, px, 1e-3 * np.arange(4))
    assert found.emittance == pytest.approx(1e-6, rel=1e-9)
    assert found.momentum_spread == pytest.approx(1e-3 * np.sqrt(1.25), rel=1e-12)
    sheared = ExtractedBeam(x, px + 0.7 * (x - 0.03), found.delta)
    assert sheared.emittance == pytest.approx(1e-6, rel=1e-9)  # a drift backwards, a lens


def test_momenta_beyond_the_outermost_arms_take_those() -> None:
    """The particles that leave nowhere are left out, each arm is that of its case."""
    leaving = np.array([-4e-3, np.nan, 5e-3, 1e-3])
    stack = Stack(np.zeros(4), np.zeros(4))
    import pandas as pd

    diagram = Steinbach(0.0, 1.0, pd.DataFrame(), stack, leaving)
    cases = [Case(delta, None, cast(Any, one)) for delta, one in ARMS]
    found = diagram.extracted([*cases, Case(7e-3, None, None)], seed=3)
    assert found is not None
    assert list(found.delta) == [-1e-3, 3e-3, 1e-3]
    assert diagram.extracted(cases[:1], seed=3) is None
