"""Errors of a linac, each by itself: what is wrong alike, what by itself, and how far; gradients along knots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lattice import InputError
from lattice.arrays import Array
from optics.linac import Linac, Tank
from optics.linac.structure.errors import Errors, with_errors
from optics.linac.switching.all_energies import _applied, _parameters, hats
from tests.linac_machines import ccl, ccl_bunch

NONE = Errors(offset=0, roll=0, gradient=0, amplitude=0, phase=0, tank_amplitude=0, tank_phase=0, cut=2.0)
SAMPLES = 60


def deviations(errors: Errors, seed: int) -> tuple[Array, Array]:
    """Relative field and phase [rad] of every tank, off by what a sample of errors does."""
    ideal, wrong = ccl().tanks, with_errors(ccl(), errors, seed=seed).tanks
    fields = [one.e0 / other.e0 - 1.0 for one, other in zip(wrong, ideal, strict=True)]
    phases = [one.rf_phase - other.rf_phase for one, other in zip(wrong, ideal, strict=True)]  # type: ignore[operator]
    return np.array(fields), np.array(phases)


def by_unit(values: Array) -> list[Array]:
    units = np.array([tank.unit for tank in ccl().tanks])
    return [values[units == unit] for unit in ccl().units]


def test_tanks_of_a_unit_are_wrong_alike_in_field_and_in_phase_independently() -> None:
    """Deviations of unit variance, cut at 2: rms 0.8796 (variance 0.7737); 60 samples of all units: 4 % is a standard
    deviation of it where there are some 600, 5 % that of a correlation."""
    drawn = [deviations(replace(NONE, amplitude=1e-3, phase=2e-3), seed) for seed in range(SAMPLES)]
    of_units = np.array([[[own[0] for own in by_unit(part)] for part in one] for one in drawn])  # samples, 2, units
    for fields, phases in drawn[:3]:
        for values in (*by_unit(fields), *by_unit(phases)):
            assert values == pytest.approx(np.full(len(values), values[0]), abs=1e-12)
    fields, phases = of_units[:, 0].ravel() / 1e-3, of_units[:, 1].ravel() / 2e-3
    assert [fields.std(), phases.std()] == pytest.approx([0.7737**0.5] * 2, rel=0.12)
    assert max(np.abs(fields).max(), np.abs(phases).max()) <= 2.0 + 1e-9
    assert abs(np.corrcoef(fields, phases)[0, 1]) < 0.2


def test_each_tank_is_wrong_by_itself_too() -> None:
    drawn = [deviations(replace(NONE, tank_amplitude=3e-3, tank_phase=1e-3), seed) for seed in range(SAMPLES // 3)]
    fields, phases = (np.array([one[k] for one in drawn]) for k in (0, 1))
    assert [fields.std() / 3e-3, phases.std() / 1e-3] == pytest.approx([0.7737**0.5] * 2, rel=0.12)
    assert abs(np.corrcoef(fields.ravel(), phases.ravel())[0, 1]) < 0.2
    assert abs(np.corrcoef(fields[:, 0], fields[:, 1])[0, 1]) < 0.8  # of one unit


def test_fields_of_unit_and_tank_multiply_and_phases_add() -> None:
    """The draws are the same whatever they are for."""
    unit, tank = replace(NONE, amplitude=0.1, phase=0.2), replace(NONE, tank_amplitude=0.3, tank_phase=0.05)
    both = replace(NONE, amplitude=0.1, phase=0.2, tank_amplitude=0.3, tank_phase=0.05)
    (a, p), (b, q), (c, r) = (deviations(one, 5) for one in (unit, tank, both))
    assert 1 + c == pytest.approx((1 + a) * (1 + b), rel=1e-12)
    assert r == pytest.approx(p + q, rel=1e-12)


@pytest.mark.parametrize("name", ["offset", "roll", "gradient"])
def test_quadrupoles_are_wrong_in_what_is_asked_alone(name: str) -> None:
    """dx and dy, the roll, the gradient in parts of itself: 60 samples of all quadrupoles."""
    moved: dict[str, list[float]] = {"dx": [], "dy": [], "roll": [], "gradient": []}
    for seed in range(SAMPLES // 3):
        wrong = with_errors(ccl(), replace(NONE, **{name: 1e-3}), seed=seed)
        for one, ideal in zip(wrong.quadrupoles, ccl().quadrupoles, strict=True):
            values = (one.dx, one.dy, one.roll, one.gradient / ideal.gradient - 1.0)
            for own, value in zip(moved.values(), values, strict=True):
                own.append(value)
    wanted = {"offset": ("dx", "dy"), "roll": ("roll",), "gradient": ("gradient",)}[name]
    for column, found in moved.items():
        expected = 0.7737**0.5 * 1e-3 if column in wanted else 0.0
        assert np.std(found) == pytest.approx(expected, rel=0.12, abs=1e-12), column
    if name == "offset":
        assert abs(np.corrcoef(moved["dx"], moved["dy"])[0, 1]) < 0.2


def test_errors_come_on_top_and_grow_with_their_scale() -> None:
    errors = replace(NONE, offset=1e-4, roll=1e-3, gradient=1e-2, amplitude=1e-2, phase=1e-2)
    twice = with_errors(with_errors(ccl(), errors, seed=1), errors, seed=1).quadrupoles[0]
    once, scaled = (with_errors(ccl(), one, seed=1).quadrupoles[0] for one in (errors, errors.scaled(2.0)))
    assert (twice.dx, twice.dy, twice.roll) == pytest.approx((2 * once.dx, 2 * once.dy, 2 * once.roll), rel=1e-12)
    assert (scaled.dx, scaled.dy, scaled.roll) == pytest.approx((2 * once.dx, 2 * once.dy, 2 * once.roll), rel=1e-12)
    ideal = ccl().quadrupoles[0].gradient
    assert twice.gradient / ideal == pytest.approx((once.gradient / ideal) ** 2, rel=1e-12)
    assert errors.scaled(3.0).cut == errors.cut


def test_a_linac_before_its_design_pass_has_no_phase_to_be_wrong() -> None:
    bare = [replace(one, rf_phase=None) if isinstance(one, Tank) else one for one in ccl().pieces]
    with pytest.raises(InputError, match="run the design pass first"):
        with_errors(Linac("bare", ccl().particle, tuple(bare)), NONE, seed=1)


# ------------------------------------------------------------------------------------------- gradients along knots


def test_hats_are_straight_lines_between_knots() -> None:
    """Five quadrupoles on three knots: at, half way, at, half way, at; every row adds up to 1."""
    expected = [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]]
    assert hats(5, 3) == pytest.approx(np.array(expected))
    assert hats(41, 7).sum(axis=1) == pytest.approx(np.ones(41))


@pytest.mark.parametrize("knots", [2, 4, 60])
def test_gradients_on_a_line_and_the_beam_come_back_from_their_knots(knots: int) -> None:
    """Of fewer knots than quadrupoles and of more; signs alternate, strengths rise evenly from 100 to 180 T/m."""
    magnets = ccl().quadrupoles
    strengths = np.linspace(100.0, 180.0, len(magnets)) * np.sign([magnet.gradient for magnet in magnets])
    linac = ccl().with_gradients([float(value) for value in strengths])
    again, beam = _applied(linac, ccl_bunch(), _parameters(linac, ccl_bunch(), knots), knots)
    assert [magnet.gradient for magnet in again.quadrupoles] == pytest.approx(list(strengths), rel=1e-9)
    for name in ("betx", "alfx", "bety", "alfy", "emittance_x"):
        assert getattr(beam, name) == pytest.approx(getattr(ccl_bunch(), name), rel=1e-12)
