"""Trajectories of lines: responses, correction, what arrives and what supplies do, beside closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lattice import Bend, Drift, Element, InputError, Kicker, Lattice, Marker, Monitor, Quadrupole, ReferenceParticle
from optics import Moments, twiss
from optics.imperfections.errors import MagnetErrors, draw_errors
from optics.line.response import responses
from optics.line.steering import PART, arrivals, correct_trajectory, sensitivities, trajectory_response
from optics.maps.lattices.trajectories import trajectories

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=120e6)
BEGIN = {"betx": 6.0, "alfx": 0.5, "bety": 4.0, "alfy": -0.3}


def line(bends: bool = False) -> Lattice:
    """Two cells of quadrupoles, each with a corrector and a monitor; a bend in front where asked."""
    cell: list[Element] = []
    for n in (1, 2, 3):
        cell += [
            Kicker(f"c{n}"),
            Drift(f"h{n}", length=0.2),
            Quadrupole(f"f{n}", length=0.3, k1="kf"),
            Drift(f"d{n}", length=1.0),
            Quadrupole(f"g{n}", length=0.3, k1="kd"),
            Drift(f"e{n}", length=0.8),
            Monitor(f"m{n}"),
        ]
    front: list[Element] = [Bend("b", length=0.8, angle=0.3, e1=0.1, e2=0.05)] if bends else []
    return Lattice("line", elements=[*front, *cell, Marker("iso")], parameters={"kf": 1.4, "kd": -1.3})


def beam() -> Moments:
    return Moments.from_functions(PROTON, BEGIN, emittance_x=2e-6, emittance_y=1e-6, sigma_delta=5e-4)


@pytest.mark.parametrize("plane", ["x", "y"])
def test_a_line_answers_to_a_kick_as_the_root_of_both_betas_times_the_sine(plane: str) -> None:
    """x = sqrt(b b0) sin(mu - mu0) theta (E. D. Courant & H. S. Snyder, Ann. Phys. 3, 1, 1958), correctors thin."""
    found = trajectory_response(line(), PROTON, plane)
    optics = twiss(line(), PROTON, start=BEGIN)
    assert found.correctors == ("c1", "c2", "c3")
    for column, corrector in enumerate(found.correctors):
        for row, monitor in enumerate(found.monitors):
            away = 2 * np.pi * (optics.value(f"mu{plane}", monitor) - optics.value(f"mu{plane}", corrector))
            betas = optics.value(f"bet{plane}", monitor) * optics.value(f"bet{plane}", corrector)
            wanted = np.sqrt(betas) * np.sin(away)
            assert found.matrix[row, column] == pytest.approx(wanted if away > 0 else 0.0, rel=1e-6, abs=1e-9)


def test_a_corrector_that_no_monitor_sees_is_left_out_and_one_alone_is_told() -> None:
    ends = Lattice("ends", elements=(Kicker("c1", length=0.1), Monitor("m"), Kicker("c2", length=0.1)))
    assert trajectory_response(ends, PROTON).correctors == ("c1",)
    with pytest.raises(InputError, match="no monitor stands behind a corrector that acts in x"):
        trajectory_response(ends, PROTON, correctors="c2")


def test_steering_brings_to_the_axis_what_monitors_read() -> None:
    """As many correctors as monitors and none of their errors: to the steps of a nonlinear map, within three."""
    drawn = draw_errors(line(), MagnetErrors(magnets="quadrupole", dx=2e-4, dy=2e-4), 3, 20)
    start = np.random.default_rng(5).normal(size=(20, 6)) * [1e-3, 1e-4, 1e-3, 1e-4, 0.0, 0.0]
    found = correct_trajectory(drawn, PROTON, start, cut=0.0)
    assert np.abs(found.before["x"]).max() > 1e-3
    assert np.abs(found.after["x"]).max() < 1e-8
    assert np.abs(found.after["y"]).max() < 1e-8
    bounded = correct_trajectory(drawn, PROTON, start, cut=0.0, limit=2e-4)
    assert bounded.largest_kicks.max() <= 2e-4 * (1 + 1e-9)
    assert found.largest_kicks.max() > 2e-4


def test_each_line_of_a_batch_carries_its_own_beam() -> None:
    """As the lines one by one; what does not fit together is told."""
    drawn = draw_errors(line(bends=True), MagnetErrors(magnets="quadrupole", dx=3e-4, roll=1e-3), 7, 3)
    start = np.array([[1e-3, 0.0, 2e-3, 0.0, 0.0, 1e-3], [0.0] * 6, [0.0, 1e-4, 0.0, 0.0, 0.0, 0.0]])
    together = trajectories(drawn.lattice, PROTON, start)
    for k in range(3):
        alone = trajectories(drawn.one(k).lattice, PROTON, start[k])
        assert together[k] == pytest.approx(alone[0], abs=1e-15)
    with pytest.raises(InputError, match="2 trajectories do not belong to 3 lattices"):
        trajectories(drawn.lattice, PROTON, start[:2])


def test_what_arrives_has_the_moments_of_the_matrix() -> None:
    """Sigma = R Sigma0 R^T about the axis; points one rms away differ by the third order, 1e-5 of a size here."""
    own = line(bends=True)
    found = arrivals(own, PROTON, beam(), np.zeros(6), "iso")
    optics = twiss(own, PROTON, start=beam())
    assert found.sizes[0] == pytest.approx([float(optics.value(f"size_{p}", "iso")) for p in "xy"], rel=1e-5)
    assert np.abs(found.position).max() < 1e-12


def _of(found: Any, supply: str) -> Any:
    return next(one for one in found if one.supply == supply)


def test_a_bend_out_of_its_field_moves_the_beam_as_a_momentum_does_the_other_way() -> None:
    """To first order a field of 1 + e is a momentum of 1 - e in that bend alone: x = -e R16 (Brown, SLAC-75)."""
    own = line(bends=True)
    found = _of(sensitivities(own, PROTON, beam(), "iso"), "b")
    matrix = twiss(own, PROTON, start=BEGIN).matrix("iso")
    assert found.x == pytest.approx(-PART * matrix[0, 5], rel=1e-3)
    assert abs(found.y) < 1e-12
    assert abs(matrix[0, 5]) > 0.1


def test_a_strength_changes_sizes_as_exact_derivatives_say() -> None:
    """d ln sigma = dSigma/dk k 1e-4 / 2 Sigma, by a complex step through the line; a centred beam does not move."""
    own = line(bends=True)
    found = _of(sensitivities(own, PROTON, beam(), "iso"), "kf")
    exact = responses(own, PROTON, {"kf": np.array([1.4])}, beam().sigma[None], "iso")
    for plane, row in (("x", 0), ("y", 2)):
        wanted = 0.5 * 1.4 * PART * exact.end_slopes[0, 0, row, row] / exact.end[0, row, row]
        assert getattr(found, f"size_{plane}") == pytest.approx(wanted, rel=1e-3)
    assert abs(found.x) < 1e-12
