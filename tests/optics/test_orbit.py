"""Closed orbits and their correction: the formula of one kick, the response, SVD and MICADO, what cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lattice import InputError, Kicker, Lattice, Monitor
from optics import twiss
from optics.imperfections.errors import Imperfect, MagnetErrors, draw_errors
from optics.imperfections.orbit import correct_orbit, correctors_of, monitors_of, orbit_response, steerable, steering
from optics.imperfections.orbit_kicks import kicks_for, micado
from tests.optics.test_imperfections import ring

RANDOM = np.random.default_rng(3)
MATRIX = RANDOM.normal(size=(9, 6))
READINGS = RANDOM.normal(size=(4, 9))


def machines(n: int | None = 4) -> Imperfect:
    errors = [
        MagnetErrors(magnets=("quadrupole", "bend"), dx=1e-4, dy=1e-4, roll=1e-4, field=2e-4),
        MagnetErrors(magnets="monitor", dx=5e-5, dy=5e-5),
    ]
    return draw_errors(ring(), errors, 1, n)


def test_the_orbit_of_one_kick() -> None:
    """x = k sqrt(b b0) cos(|mu - mu0| - pi Q) / (2 sin pi Q) (Courant & Snyder 1958): linear, vertical, no edges in y.

    Courant and Snyder hold at fixed momentum; a kick of 1e-8 leaves sextupoles out (1e-8 of it).
    """
    plain = ring()
    tw = twiss(plain)
    kick = 1e-8
    moved = steerable(plain).with_parameters({steering("cv2", "y"): kick})
    place = plain.index("cv2")
    middle = Lattice(
        "m",
        elements=[
            *plain.elements[:place],
            Kicker("h", length=0.1, plane="y"),
            Kicker("i", length=0.1, plane="y"),
            *plain.elements[place + 1 :],
        ],
        parameters=dict(plain.parameters),
        particle=plain.particle,
    )
    at = twiss(middle)
    b0, mu0 = at["bety"][place + 1], at["muy"][place + 1]
    phase = np.abs(tw["muy"] - mu0)
    law = kick * np.sqrt(tw["bety"] * b0) * np.cos(2 * np.pi * phase - np.pi * tw.qy) / (2 * np.sin(np.pi * tw.qy))
    assert twiss(moved)["y"] == pytest.approx(law, abs=1e-6 * np.max(np.abs(law)))


@pytest.mark.parametrize("plane", ["x", "y"])
def test_the_response_is_the_derivative_of_the_orbit(plane: str) -> None:
    """Against a central difference of 1e-6 rad: its error is of order kick^2, its rounding 1e-16 / 1e-6."""
    plain = ring()
    response = orbit_response(plain, plane=plane)
    name = steering(response.correctors[1], plane)
    up, down = (twiss(steerable(plain).with_parameters({name: kick}))[plane] for kick in (1e-6, -1e-6))
    rows = [plain.index(monitor) for monitor in response.monitors]
    slope = [(up[row] + up[row + 1] - down[row] - down[row + 1]) / 4e-6 for row in rows]
    assert response.matrix[:, 1] == pytest.approx(slope, abs=1e-6)


def test_svd_is_least_squares_and_a_cut_makes_kicks_smaller() -> None:
    kicks = kicks_for(MATRIX, READINGS, cut=0.0)
    assert kicks == pytest.approx(-np.linalg.lstsq(MATRIX, READINGS.T, rcond=None)[0].T, abs=1e-13)
    assert np.linalg.norm(kicks_for(MATRIX, READINGS, cut=0.5)) < np.linalg.norm(kicks)


def test_micado_with_all_correctors_is_svd_without_cut() -> None:
    all_ = kicks_for(MATRIX, READINGS, "micado", number=6)
    assert all_ == pytest.approx(kicks_for(MATRIX, READINGS, "svd", cut=0.0), abs=1e-13)


def test_micado_takes_the_best_next_corrector() -> None:
    """Against all candidates solved one by one."""
    chosen = micado(MATRIX, READINGS[0], 3)
    for step in range(3):

        def left(extra: int, before: list[int] = chosen[:step]) -> float:
            columns = MATRIX[:, [*before, extra]]
            fit = np.linalg.lstsq(columns, READINGS[0], rcond=None)[0]
            return float(np.linalg.norm(READINGS[0] - columns @ fit))

        assert chosen[step] == min((c for c in range(6) if c not in chosen[:step]), key=left)


@pytest.mark.parametrize("method", ["svd", "micado"])
def test_limits_are_kept_and_do_their_best(method: Any) -> None:
    free = kicks_for(MATRIX, READINGS, method, cut=0.0)
    limit = 0.5 * float(np.max(np.abs(free)))
    bounded = kicks_for(MATRIX, READINGS, method, cut=0.0, limit=limit)
    assert np.max(np.abs(bounded)) <= limit * (1 + 1e-12)
    for one, free_one, reading in zip(bounded, free, READINGS, strict=True):
        clipped = np.linalg.norm(reading + MATRIX @ np.clip(free_one, -limit, limit))
        assert np.linalg.norm(reading + MATRIX @ one) <= clipped * (1 + 1e-9)


def test_as_many_correctors_as_monitors_leave_nothing_to_read() -> None:
    """Six and six a plane: what remains is the second order of the second pass, 1e-6 of the first reading."""
    done = correct_orbit(machines(), cut=0.0)
    for plane in ("x", "y"):
        assert np.max(np.abs(done.after[plane])) < 1e-3 * np.max(np.abs(done.before[plane]))
    one = correct_orbit(machines(None), cut=0.0)
    assert one.kicks["x"][0] == pytest.approx(done.kicks["x"][0], rel=1e-9)


def test_a_monitor_that_stands_wrong_is_believed() -> None:
    """With perfect magnets the correction brings the orbit to the displaced zeros."""
    wrong = draw_errors(ring(), MagnetErrors(magnets="monitor", dx=1e-4, dy=1e-4), 1)
    done = correct_orbit(wrong, cut=0.0, iterations=3)
    orbit = twiss(done.machines.lattice)["y"]
    rows = np.array([done.machines.lattice.index(name) for name in done.responses["y"].monitors])
    offsets = wrong.offsets(done.responses["y"].monitors, "dy")[0]
    assert 0.5 * (orbit[rows] + orbit[rows + 1]) == pytest.approx(offsets, abs=1e-9)


def test_what_a_monitor_reads() -> None:
    """By hand: an orbit of 3 mm, a zero 1 mm too high, a scale of 1.1, 0.2 mm of noise: (3 - 1) 1.1 + 0.2."""
    drawn = machines(1)
    own = {"dx": np.array([1e-3]), "gain_x": np.array([0.1]), "noise_x": np.array([2e-4])}
    wrong = replace(drawn, values={"mh1": own})
    read = wrong.read(np.array([[3e-3, 3e-3]]), ["mh1", "mh2"], "x")
    assert read[0] == pytest.approx([2.4e-3, 3e-3], rel=1e-14)


def test_the_noise_of_monitors_is_steered_into_the_machine() -> None:
    """With perfect magnets the orbit comes to minus what the noise adds; a wrong scale alone steers nothing."""
    noisy = correct_orbit(draw_errors(ring(), MagnetErrors(magnets="monitor", noise=1e-4), 1), cut=0.0, iterations=3)
    orbit = twiss(noisy.machines.lattice)["y"]
    rows = np.array([noisy.machines.lattice.index(name) for name in noisy.responses["y"].monitors])
    noise = noisy.machines.offsets(noisy.responses["y"].monitors, "noise_y")[0]
    assert 0.5 * (orbit[rows] + orbit[rows + 1]) == pytest.approx(-noise, abs=1e-9)
    scaled = correct_orbit(draw_errors(ring(), MagnetErrors(magnets="monitor", gain=0.1), 1))
    assert scaled.largest_kicks[0] == 0.0


def test_instruments_are_those_of_their_plane() -> None:
    assert monitors_of(ring(), "x") == [f"mh{i}" for i in range(6)]
    assert correctors_of(ring(), "y", "cv[12]") == ["cv1", "cv2"]


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"plane": "s"}, "a plane is 'x' or 'y'"),
        ({"monitors": "mv*"}, "has no monitors among 'mv*' that measure in x (6 others do)"),
        ({"correctors": "kick*"}, "has no correctors 'kick*'"),
    ],
)
def test_what_is_missing_is_said(keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        orbit_response(ring(), **keywords)
    assert words in str(caught.value)


def test_a_ring_without_correctors_and_one_that_no_monitor_sees() -> None:
    plain = ring()
    bare = [element for element in plain.elements if not isinstance(element, Kicker)]
    with pytest.raises(InputError, match="has no correctors that act in x"):
        orbit_response(Lattice("bare", elements=bare, parameters=dict(plain.parameters), particle=plain.particle))
    blind = [element for element in plain.elements if not isinstance(element, Monitor)]
    with pytest.raises(InputError, match="has no monitors that measure in x"):
        orbit_response(Lattice("blind", elements=blind, parameters=dict(plain.parameters), particle=plain.particle))


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"method": "svdd"}, "did you mean 'svd'"),
        ({"cut": 1.0}, "from 0 to below 1"),
        ({"method": "micado", "number": 7}, "must be 1 to 6"),
        ({"limit": 0.0}, "must be positive"),
    ],
)
def test_numbers_that_make_no_sense(keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        kicks_for(MATRIX, READINGS, **keywords)
    assert words in str(caught.value)
