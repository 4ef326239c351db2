"""Kobayashi's Hamiltonian: its own laws, to rounding, and one turn of the kicked rotation that it averages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from extraction import Kobayashi
from extraction.resonance.third_integer import triangle_area

ABOVE = Kobayashi(
    tune_distance=2e-3, virtual_sextupole=25.0, virtual_phase=0.07, betx=12.0, alfx=-0.8, orbit=(1e-3, -2e-4)
)
BOTH = pytest.mark.parametrize(
    "one", [ABOVE, replace(ABOVE, tune_distance=-2e-3, fraction=2 / 3)], ids=["above", "below"]
)


@BOTH
def test_vertices_are_where_the_flow_stands_still(one: Kobayashi) -> None:
    scale = one.epsilon * np.max(np.abs(one.normalised_vertices))
    np.testing.assert_allclose(one.three_turns(one.normalised_vertices), 0.0, atol=1e-14 * abs(scale))
    levels = one.hamiltonian(one.normalised_vertices)
    np.testing.assert_allclose(levels, levels[0], rtol=1e-13)  # all three on one level


@BOTH
def test_separatrices_are_the_level_of_the_vertices_inside_and_beyond(one: Kobayashi) -> None:
    level = one.hamiltonian(one.normalised_vertices[0])
    assert len(one.separatrices()) == 3
    for vertex, other in one.separatrices():
        along = np.linspace(-2.0, 1.0, 13)[:, None]  # from beyond the vertex to the other one
        np.testing.assert_allclose(one.hamiltonian(vertex + along * (other - vertex)), level, rtol=1e-11)
        assert one.three_turns(vertex - 0.1 * (other - vertex)) @ (vertex - other) > 0  # leaves outwards
        assert one.three_turns(vertex + 0.1 * (other - vertex)) @ (other - vertex) > 0  # and inwards


@BOTH
def test_flow_is_hamiltons(one: Kobayashi) -> None:
    point, h = np.array([3e-4, -5e-4]), 1e-7
    steps = h * np.eye(2)
    # cubic: the second difference of a central difference is exact up to h^2 S/4 = 6e-14
    slopes = [(one.hamiltonian(point + s) - one.hamiltonian(point - s)) / (2 * h) for s in steps]
    np.testing.assert_allclose(one.three_turns(point), [slopes[1], -slopes[0]], rtol=1e-6)


@BOTH
def test_one_turn_takes_each_vertex_to_the_next(one: Kobayashi) -> None:
    # On the resonance a turn is a clockwise rotation by 2 pi n/3 in (X, P).
    angle = 2 * np.pi * one.fraction
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(
        one.normalised_vertices @ turn.T, np.roll(one.normalised_vertices, -1, axis=0), atol=1e-16
    )


@BOTH
def test_area_is_that_of_the_triangle_everywhere(one: Kobayashi) -> None:
    assert triangle_area(one.normalised_vertices) == pytest.approx(one.stable_area, rel=1e-13)
    assert triangle_area(one.fixed_points) == pytest.approx(one.stable_area, rel=1e-12)  # (X, P) -> (x, px) keeps area


def test_places_and_coordinates_are_inverse_to_each_other() -> None:
    points = np.array([[1e-3, 2e-3], [-4e-4, 0.0], [0.0, 1e-5]])
    np.testing.assert_allclose(ABOVE.at_sextupole(ABOVE.at_place(points)), points, atol=1e-18)
    np.testing.assert_allclose(ABOVE.normalised(ABOVE.physical(points)), points, atol=1e-17)
    assert tuple(ABOVE.physical(np.zeros(2))) == ABOVE.orbit
    # Courant-Snyder: X^2 + P^2 = gamma x^2 + 2 alpha x px + beta px^2
    x, px = (ABOVE.physical(points) - ABOVE.orbit).T
    gamma = (1 + ABOVE.alfx**2) / ABOVE.betx
    invariant = gamma * x**2 + 2 * ABOVE.alfx * x * px + ABOVE.betx * px**2
    np.testing.assert_allclose(invariant, np.sum(points**2, axis=1), rtol=1e-12)


@BOTH
def test_three_turns_of_the_kicked_rotation_tend_to_the_flow(one: Kobayashi) -> None:
    # The map that the Hamiltonian averages: rotation by 2 pi Q after a kick S X^2. At amplitudes and distances scaled
    # down together, what is left over is one order higher: it falls in proportion.
    errors = []
    for scale in (1.0, 0.1):
        small = replace(one, tune_distance=scale * one.tune_distance)
        start = 0.4 * scale * np.array([1e-3, 7e-4])
        point = start.copy()
        angle = 2 * np.pi * (round(3 * one.fraction) / 3 + small.tune_distance)
        for _ in range(3):
            x, p = point[0], point[1] + one.virtual_sextupole * point[0] ** 2
            point = np.array([np.cos(angle) * x + np.sin(angle) * p, -np.sin(angle) * x + np.cos(angle) * p])
        errors.append(
            np.linalg.norm(point - start - small.three_turns(start)) / np.linalg.norm(small.three_turns(start))
        )
    assert errors[0] < 0.1
    assert errors[1] == pytest.approx(errors[0] / 10, rel=0.2)


@BOTH
def test_spiral_step_is_the_flow_on_the_separatrix(one: Kobayashi) -> None:
    # Far out the distance from the triangle matters no more, and dx = 3/4 S sqrt(betx) X A is the projected flow.
    x_septum = 1.0
    errors = []
    for scale in (1.0, 0.1):
        small = replace(one, tune_distance=scale * one.tune_distance)
        x = (x_septum - small.orbit[0]) / np.sqrt(small.betx)
        steps = []
        for vertex, other in small.separatrices():
            begin, end = small.at_place(np.stack([vertex, other]))
            part = (x - begin[0]) / (begin - end)[0]
            if part > 0:
                point = begin + part * (begin - end)
                flow = small.at_place(small.three_turns(small.at_sextupole(point)))
                steps.append((np.hypot(*point), flow[0] * np.sqrt(small.betx)))
        expected = min(steps)[1]
        errors.append(abs(small.spiral_step(x_septum) / expected - 1))
    assert errors[0] < 2e-2
    assert errors[1] < 0.15 * errors[0]  # first order in the triangle's size


def test_no_step_inside_the_triangle() -> None:
    right = float(np.max(ABOVE.fixed_points[:, 0]))
    assert np.isfinite(ABOVE.spiral_step(1.01 * right))
    assert np.isnan(ABOVE.spiral_step(0.5 * right))
