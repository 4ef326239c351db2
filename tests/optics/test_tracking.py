"""Tracking: one turn is the product of the maps, invariants over many, apertures, losses, synchrotron motion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import (
    Aperture,
    Collimator,
    Drift,
    InputError,
    Lattice,
    Marker,
    Quadrupole,
    ReferenceParticle,
    RFCavity,
)
from lattice.reference import SPEED_OF_LIGHT
from machines.cnao_like import cnao
from optics import track, twiss
from optics.beams.openings import is_inside
from optics.engines.xsuite.passages import xsuite_track
from optics.engines.xsuite.tracker import XsuiteTracker
from optics.maps.lattices.turns import turns

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
FAR = np.array([[5e-3, 1e-3, -4e-3, 5e-4, 0.02, 1e-3], [-8e-3, 2e-4, 3e-3, -1e-3, -0.1, -2e-3]])


def quiet(ring: Lattice) -> Lattice:
    """The ring with its sextupoles and cavity off."""
    off = {name: 0.0 for name in ring.parameters if name in ("s0", "s1", "sr", "volt")}
    return ring.with_parameters(off)


def test_one_turn_is_the_product_of_the_maps() -> None:
    ring = cnao()
    turn = turns(ring, PROTON, "full")[0]
    # 1e-14: the same operations on numpy arrays and compiled, rounded differently in 200 steps
    np.testing.assert_allclose(track(ring, PROTON, FAR).coordinates, turn.track(FAR), rtol=0, atol=1e-14)
    h, matrix = 1e-6, turn.jacobian(np.zeros(6))[1]
    steps = h * np.eye(6)
    ends = track(ring, PROTON, np.concatenate([steps, -steps])).coordinates
    np.testing.assert_allclose((ends[:6] - ends[6:]).T / (2 * h), matrix, atol=1e-8)  # h^2 of third derivatives


def test_a_turn_of_cnao_ends_where_xsuite_ends_it() -> None:
    # Xsuite's 28 kicks a quadrupole move particles at 8 mm by 4e-10 m in three turns, paraxial quadrupoles by 1e-6.
    ours = track(cnao(), PROTON, FAR, turns=3, history=True).history
    assert ours is not None
    theirs = xsuite_track(cnao(), PROTON, FAR, turns=3)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        track(quiet(cnao()), PROTON, FAR, turns=3).coordinates,
        xsuite_track(quiet(cnao()), PROTON, FAR, turns=3)[-1],
        rtol=0,
        atol=1e-9,
    )


def test_the_invariant_is_kept_for_a_thousand_turns() -> None:
    # Without sextupoles the ring is linear but for x'^3 and the bends' own terms: at 10 um they are 1e-9 of it.
    ring = quiet(cnao())
    optics, turn = twiss(ring), turns(ring, PROTON, "full")[0]
    betx, alfx = optics["betx"][0], optics["alfx"][0]
    state = np.array([[1e-5, 0, 0, 0, 0, 0]])
    invariants = []
    for _ in range(1000):
        state = turn.track(state)
        x, px = state[0, :2]
        invariants.append((x**2 + (alfx * x + betx * px) ** 2) / betx)
    assert np.ptp(invariants) < 2e-5 * invariants[0]
    # no drift: symplectic maps, so that the last tenth is like the first
    assert np.mean(invariants[-100:]) == pytest.approx(np.mean(invariants[:100]), rel=1e-6)


def test_synchrotron_tune() -> None:
    # nu^2 = -h eta q V cos(phi) / (2 pi beta^2 E) (S.Y. Lee, chapter 3), below transition with phi = 0; with one kick a
    # turn, sin(pi Qs) = pi nu
    ring, voltage, harmonic = quiet(cnao()), 1e5, 1
    with_rf = Lattice("rf", elements=[ring, RFCavity("gap", volt=voltage, harmon=harmonic)], particle=PROTON)
    optics = twiss(ring, PROTON)
    assert optics.slip_factor < 0
    energy = PROTON.total_energy * PROTON.beta**2
    slow = np.sqrt(harmonic * abs(optics.slip_factor) * voltage / (2 * np.pi * energy))
    dispersion = np.array([optics["dx"][0], optics["dpx"][0], 0, 0, 0, 1.0])
    history = track(with_rf, PROTON, 1e-6 * dispersion[None], turns=300, history=True).history
    assert history is not None
    delta = history[:, 0, 5]
    down = np.flatnonzero((delta[:-1] > 0) & (delta[1:] <= 0))
    crossings = down + delta[down] / (delta[down] - delta[down + 1])
    # 1e-3: crossings of a sampled sine are interpolated, and the cavity stands where there is some dispersion
    assert 1 / np.mean(np.diff(crossings)) == pytest.approx(np.arcsin(np.pi * slow) / np.pi, rel=1e-3)


def test_a_cavity_acts_as_xsuites() -> None:
    cavity = RFCavity("rf", length=0.4, volt=3e5, freq=20e6, lag=0.15)
    line = Lattice("line", elements=[cavity, Drift("d", length=1.0)])
    theirs = xsuite_track(line, PROTON, FAR)[-1]
    np.testing.assert_allclose(track(line, PROTON, FAR).coordinates, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("aperture", "inside", "outside"),
    [
        (Aperture("rectangle", 2.0, 1.0), [(2.0, 1.0), (-2.0, -1.0)], [(2.1, 0.0), (0.0, -1.1)]),
        (Aperture("ellipse", 2.0, 1.0), [(2.0, 0.0), (1.4, 0.7)], [(1.5, 0.7), (0.0, 1.1)]),
        (Aperture("rectangle", 2.0, 1.0, 0.5, -0.2), [(2.5, -1.2), (-1.5, 0.8)], [(-1.6, 0.0), (0.0, 0.9)]),
        (Aperture("ellipse", 2.0, 1.0, 0.5), [(2.5, 0.0), (-1.5, 0.0)], [(-1.6, 0.0)]),
        (
            Aperture("rectellipse", 2.0, 1.0, ellipse_x=2.5, ellipse_y=1.0),
            [(2.0, 0.59), (0.0, 1.0)],
            [(2.0, 0.61), (2.1, 0.0)],
        ),
    ],
)
def test_openings(aperture: Aperture, inside: list[tuple[float, float]], outside: list[tuple[float, float]]) -> None:
    for points, wanted in ((inside, True), (outside, False)):
        x, y = np.array(points).T
        assert list(is_inside(aperture, x, y)) == [wanted] * len(points)


def test_lost_particles_are_written_down_where_and_when() -> None:
    opening = Aperture("rectangle", 0.01, 0.01)
    ring = Lattice(
        "ring", elements=[Drift("a", length=1.0), Collimator("c", length=0.1, aperture=opening), Marker("m")]
    )
    slopes = np.array([0.0, 4e-3, 2e-2, np.nan, 2.0])  # stays; lost in the third turn, the first; no number; no flight
    start = np.zeros((5, 6))
    start[:, 1] = slopes
    result = track(ring, PROTON, start, turns=3, history=True)
    assert list(result.alive) == [True, False, False, False, False]
    assert np.isnan(result.coordinates[1:]).all()
    lost = result.lost.set_index("particle")
    assert list(lost.loc[[2, 1], "turn"]) == [0, 2]
    assert list(lost.loc[[2, 1], "element"]) == ["c", "c"]
    assert lost.loc[2, "x"] == pytest.approx(2e-2, rel=1e-3)  # at the entrance, 1 m on
    assert list(lost.loc[[3, 4], "element"]) == ["a", "c"]
    assert lost.loc[2, "s"] == 1.0
    assert result.history is not None
    assert result.history.shape == (4, 5, 6)
    assert list(np.isnan(result.history[1:, 1, 0])) == [False, False, True]
    free = track(ring, PROTON, start[:3], turns=3, apertures=False)
    assert free.alive.all()
    assert free.lost.empty


def test_an_opening_is_watched_at_both_ends_of_an_element() -> None:
    """Behind the narrow pipe everything is wide: who leaves it within the pipe is lost at its exit, s = 3 m."""
    pipe = [
        Drift("wide", length=1.0),
        Drift("pipe", length=2.0, aperture=Aperture("ellipse", 0.01, 0.02)),
        Drift("d", length=1.0),
    ]
    start = np.zeros((4, 6))
    start[:, 1] = [0.0, 3e-3, 4e-3, 1.1e-2]  # 0, 9, 12 and 33 mm at the exit, 11 mm at the entrance for the last
    for line in (pipe, pipe[:2]):  # something behind it, or nothing
        result = track(Lattice("line", elements=line), PROTON, start)
        assert list(result.alive) == [True, True, False, False]
        assert list(result.lost["element"]) == ["pipe", "pipe"]
        assert list(result.lost.set_index("particle").loc[[2, 3], "s"]) == [3.0, 1.0]
        assert result.lost.set_index("particle").loc[2, "x"] == pytest.approx(
            3 * 4e-3, rel=1e-4
        )  # x' = px (1 + px^2/2)


def test_the_lost_are_those_of_xsuite() -> None:
    """A magnet that blows up a beam before a wide pipe: limits at both of its ends, as Xsuite's line has them."""
    opening = Aperture("rectellipse", 0.02, 0.012, ellipse_x=0.021, ellipse_y=0.015)
    line = Lattice(
        "line",
        elements=[Quadrupole("q", length=0.6, k1=6.0, aperture=opening), Drift("d", length=1.0)],
        particle=PROTON,
    )
    rng = np.random.default_rng(5)
    start = np.column_stack([rng.normal(0.0, 8e-3, (300, 4)) * [1.0, 1.0, 0.8, 1.0], np.zeros((300, 2))])
    ours = track(line, PROTON, start)
    theirs = XsuiteTracker(line, PROTON, apertures=True).track(start, 1)
    at_exit = ours.lost["s"] > 0.0
    assert at_exit.sum() > 20  # with those at the entrance alone the two would differ
    np.testing.assert_array_equal(np.sort(ours.lost["particle"]), np.flatnonzero(theirs.place >= 0))


def test_a_particle_lost_in_the_last_element_is_not_alive() -> None:
    result = track(Lattice("line", elements=[Drift("d", length=1.0)]), PROTON, np.array([[0, 2.0, 0, 0, 0, 0]]))
    assert not result.alive.any()
    assert list(result.lost["element"]) == ["_end"]
    assert np.isnan(result.coordinates).all()


def test_input_is_left_alone_and_one_particle_may_be_a_row() -> None:
    before = FAR.copy()
    track(cnao(), None, before)
    np.testing.assert_array_equal(before, FAR)
    np.testing.assert_array_equal(track(cnao(), None, FAR[0]).coordinates[0], track(cnao(), None, FAR).coordinates[0])


def test_monitors_see_what_a_track_to_their_place_ends_with() -> None:
    ring = cnao()
    found = track(ring, PROTON, FAR, turns=3, history=True, monitors=["symp", "_end", ring.names[3] + ":end"])
    assert found.seen is not None
    assert found.history is not None
    assert found.seen.shape == (3, 3, 2, 6)
    # exact: the same operations, however many elements are behind
    np.testing.assert_array_equal(found.seen[:, 1], found.history[1:])
    for turn, start in enumerate(found.history[:-1]):
        np.testing.assert_array_equal(found.seen[turn, 0], track(ring[:"symp"], PROTON, start).coordinates)
        np.testing.assert_array_equal(found.seen[turn, 2], track(ring[:4], PROTON, start).coordinates)
    chosen = track(ring, PROTON, FAR, turns=3, monitors=["symp"], monitor_turns=[0, 2])
    np.testing.assert_array_equal(chosen.seen, found.seen[[0, 2]][:, [0]])
    assert track(ring, PROTON, FAR).seen is None


def test_monitors_and_history_know_the_lost_over_hundreds_of_turns() -> None:
    """A line of 1 m, turn after turn: who begins at x with slope x' stands at x + turns x', until the opening."""
    opening = Aperture("rectangle", 1e-2, 1.0)
    elements = [Drift("d", length=1.0), Collimator("c", aperture=opening), Marker("m")]
    start = np.zeros((200, 6))
    start[:, 1] = np.linspace(2.5e-5, 2e-3, 200)  # the slowest is lost after 400 m
    result = track(Lattice("l", elements=elements), PROTON, start, turns=350, history=True, monitors=["m"])
    slopes = start[:, 1] / np.sqrt(1.0 - start[:, 1] ** 2)
    turn = np.ceil(1e-2 / slopes).astype(int) - 1
    lost = result.lost.sort_values("particle")
    np.testing.assert_array_equal(result.alive, turn >= 350)
    np.testing.assert_array_equal(lost["turn"], turn[turn < 350])
    assert set(lost["element"]) == {"c"}
    assert result.lost["turn"].is_monotonic_increasing
    wanted = slopes * np.arange(1, 351)[:, None]
    wanted[np.arange(350)[:, None] >= turn] = np.nan
    assert result.seen is not None
    assert result.history is not None
    np.testing.assert_allclose(result.seen[:, 0, :, 0], wanted, rtol=1e-12)  # 350 additions
    np.testing.assert_array_equal(result.history[1:], result.seen[:, 0])


K = Lattice("k", elements=[Quadrupole("q", length=1.0, k1="k")], parameters={"k": 1.0}, particle=PROTON)


@pytest.mark.parametrize(
    ("lattice", "coordinates", "options", "message"),
    [
        (K, np.zeros((2, 5)), {}, r"shape \(n, 6\).*found \(2, 5\)"),
        (K, np.zeros((2, 2, 6)), {}, r"shape \(n, 6\)"),
        (K, "abc", {}, "must be numbers"),
        (K, FAR, {"turns": 0}, "turns must be a whole number above 0"),
        (K, FAR, {"turns": 1.5}, "turns must be a whole number above 0"),
        (K, FAR, {"fringe": "no"}, "fringe must be"),
        (K, FAR, {"monitors": "q"}, "monitors must be a list of places"),
        (K, FAR, {"monitors": ["p"]}, "has no element 'p'"),
        (K, FAR, {"monitors": ["q"], "monitor_turns": [1]}, r"from 0 to 0, found \[1\]"),
        (K, FAR, {"turns": 3, "monitors": ["q"], "monitor_turns": [2, 0]}, "must rise"),
        (K.with_parameters(k=[1.0, 2.0]), FAR, {}, "holds 2"),
        (K.with_parameters(k=1.0 + 1e-30j), FAR, {}, "real parameters"),
        (K.with_particle(None), FAR, {}, "names no particle"),
    ],
)
def test_wrong_input_is_refused(lattice: Lattice, coordinates: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        track(lattice, None, coordinates, **options)


def test_the_revolution_frequency_of_a_harmonic_cavity() -> None:
    length, harmonic = 77.648, 3
    ring = [RFCavity("rf", volt=1e4, harmon=harmonic), Drift("d", length=length)]
    plain = RFCavity("rf", volt=1e4, freq=harmonic * PROTON.beta * SPEED_OF_LIGHT / length)
    by_harmonic = track(Lattice("r", elements=ring), PROTON, FAR, turns=2).coordinates
    by_frequency = track(Lattice("r", elements=[plain, ring[1]]), PROTON, FAR, turns=2).coordinates
    np.testing.assert_allclose(by_harmonic, by_frequency, atol=1e-15)


@pytest.mark.parametrize("delta", [-1.0, -1.5])
def test_what_has_no_momentum_is_lost(delta: float) -> None:
    """It does not move forwards: p = p0 (1 + dp/p)."""
    found = track(cnao(), None, np.array([[0.0, 0.0, 0.0, 0.0, 0.0, delta], [0.0] * 6]))
    assert list(found.alive) == [False, True]
    assert list(found.lost["particle"]) == [0]


LINE = Lattice("line", elements=[Drift("d", length=1.0)])


def test_a_table_is_read_by_the_names_of_its_columns() -> None:
    start = np.arange(1.0, 13.0).reshape(2, 6) * 1e-5
    table = pd.DataFrame(start, columns=["x", "px", "y", "py", "zeta", "delta"])
    turned = table[["delta", "py", "x", "zeta", "y", "px"]].assign(particle=["a", "b"])
    assert np.array_equal(track(LINE, PROTON, turned).coordinates, track(LINE, PROTON, start).coordinates)
    with pytest.raises(InputError, match="py, delta missing"):
        track(LINE, PROTON, table[["x", "px", "y", "zeta"]])


def test_millimetres_are_refused_but_one_who_is_far_off_is_lost() -> None:
    start = np.array([[3.0, 0, 0, 0, 0, 0], [-2.0, 0, 0, 0, 0, 0], [np.nan] * 6])
    with pytest.raises(InputError, match=r"x of the middle particle .* found 2\.5: if that is in mm"):
        track(LINE, PROTON, start)
    assert track(LINE, PROTON, np.diag([3.0, 0, 0, 0, 0, 0])[:3]).alive.shape == (3,)


def test_what_was_tracked_tells_who_is_alive_and_where_the_others_were_lost() -> None:
    wall = Drift("wall", length=1.0, aperture=Aperture("ellipse", 0.01, 0.01))
    found = track(Lattice("line", elements=[wall]), PROTON, np.array([[0.0] * 6, [0.02, 0, 0, 0, 0, 0]]))
    assert found.summary() == {"alive": "1 of 2", "lost": "1 in wall", "coordinates": "array of 2 x 6"}
    assert found == found
