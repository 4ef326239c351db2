"""Separatrices as they are drawn, and the rows of variations: geometry and differences that hold at any ring."""

from __future__ import annotations

from dataclasses import replace
from math import pi, sqrt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction.drivers.drivers import BetatronCore, ConstantOptics
from extraction.resonance import variations
from extraction.resonance.lines import _POINTS, _straight_arms, _thinned, in_both_planes
from extraction.resonance.momenta import Case
from extraction.resonance.separatrices import _Way
from extraction.septum import Septum, electric_field, magnetic_field
from lattice import InputError, NoSolution, ReferenceParticle
from lattice.reference import SPEED_OF_LIGHT
from tests.studies import extraction_made as made

CARBON = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)


def leading(share: float = 1.0) -> Any:
    return replace(made.kobayashi(), share=share)


@pytest.mark.parametrize("limit", [0.02, 0.05])
def test_straight_arms_leave_their_vertex_away_from_the_other_as_far_as_asked(limit: float) -> None:
    """In normalised coordinates limit / sqrt(betx) long, on the line through both vertices, outwards."""
    one = leading()
    arms = list(_straight_arms(one, limit))
    assert len(arms) == 3
    for (begin, end), (vertex, other) in zip(arms, one.separatrices(), strict=True):
        first, second = one.at_place(vertex), one.at_place(other)
        assert begin == pytest.approx(first)
        assert np.linalg.norm(end - begin) == pytest.approx(limit / sqrt(one.betx))
        inwards = (second - first) / np.linalg.norm(second - first)
        assert (end - begin) / np.linalg.norm(end - begin) == pytest.approx(-inwards)


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_both_planes_show_the_same_points(share: float) -> None:
    """Whatever is drawn as x and x' comes back from what is drawn in m^1/2; walls are scaled by sqrt(betx)."""
    one = leading(share)
    line = np.array([[0.01, 1e-3, 0.5, 0.5], [0.02, 2e-3, 0.5, 0.5]])
    points, turns = np.array([[0.0, 1e-4], [0.01, 2e-4]]), np.array([[0.03, -1e-3]])
    found = in_both_planes(2e-3, one, ([line], [2 * line], points), turns, (-0.03, 2e-4), 0.04)
    assert found.delta == 2e-3
    for name in ("points", "turns", "leading_points"):
        assert one.physical(getattr(found.normalised, name)) == pytest.approx(getattr(found.physical, name))
    for name in ("arms", "sides", "leading_arms"):
        for normal, physical in zip(getattr(found.normalised, name), getattr(found.physical, name), strict=True):
            assert one.physical(normal) == pytest.approx(physical)
    assert found.physical.arms[0] == pytest.approx(line[:, :2])
    assert found.physical.sides[0] == pytest.approx(2 * line[:, :2])
    assert found.normalised.wall == pytest.approx(((-0.03 - one.orbit[0]) / sqrt(one.betx), 2e-4 / sqrt(one.betx)))
    bare = in_both_planes(0.0, one, ([], [], points), turns, None, 0.04)
    assert bare.normalised.wall is None


def test_an_arm_is_thinned_evenly_from_its_fixed_point_to_its_end() -> None:
    """10,000 points in any order along a bent line: some 70, in order, both ends kept, no step far from the mean."""
    t = np.linspace(0.0, 1.0, 10_000) ** 2
    arm = np.stack([1e-2 * t, 1e-4 * t**2, t, t], axis=1)
    mixed = arm[np.concatenate([[0], 1 + np.random.default_rng(1).permutation(len(arm) - 1)])]
    thin = _thinned(mixed)
    assert _POINTS - 2 <= len(thin) <= _POINTS
    assert (thin[0] == arm[0]).all()
    assert (thin[-1] == arm[-1]).all()
    assert (np.diff(thin[:, 0]) > 0).all()
    steps = np.linalg.norm(np.diff(thin[:, :2] / [1e-2, 1e-4], axis=0), axis=1)
    assert steps.max() < 1.1 * steps.mean()


@pytest.mark.parametrize(
    ("x_wall", "wall"), [(-0.04, (-0.04, -0.012)), (0.04, (0.04, 0.012)), (None, None), (0.0, None)]
)
def test_a_wall_is_thick_to_the_outside(x_wall: float | None, wall: tuple[float, float] | None) -> None:
    way = _Way(None, made.SEPTUM, 0, (None, None), x_wall)  # type: ignore[arg-type]
    assert way.wall == (None if wall is None else pytest.approx(wall))


def test_an_angle_turns_with_its_own_momentum() -> None:
    """px over 1 + dp/p, of the next three turns too."""
    one = made.case(0)
    assert one.arm is not None
    assert one.angle == pytest.approx(one.arm.px / 0.998)
    assert one.turned == pytest.approx(one.arm.spiral_kick / 0.998)
    assert np.isnan(Case(0.0, None, None).turned)


def test_the_second_engine_s_largest_difference_counts() -> None:
    """Points 1.5e-4 and 1e-4, angles 2e-5 and 4e-5, positions 7e-5; areas of OTHER over 12e-6 and 18e-6."""
    found = made.engines()
    assert found.separatrix == pytest.approx(max(1.5e-4, 4e-9 / 12e-6, 1e-9 / 18e-6))
    assert found.arm == pytest.approx(7e-5)
    assert found.largest(lambda row: row.delta) == pytest.approx(1e-3)
    assert found.largest(lambda row: -5.0) == 5.0


# ----------------------------------------------------------------------------------------------- septa and drivers


def test_fields_of_septa_give_their_kicks() -> None:
    """kick = E L / (B rho beta c) between the plates, and B L / B rho in the magnet."""
    septum = Septum("es", -0.03, kick=-2.5e-3, length=0.8, magnetic_at="ms", magnetic_kick=0.06, magnetic_length=1.2)
    stiffness = CARBON.magnetic_rigidity
    found = electric_field(septum, CARBON) * 0.8 / (stiffness * CARBON.beta * SPEED_OF_LIGHT)
    assert found == pytest.approx(2.5e-3)
    assert magnetic_field(septum, CARBON) * 1.2 / stiffness == pytest.approx(0.06)
    for missing in ({"length": 0.0}, {"kick": 0.0}):
        with pytest.raises(InputError, match="needs the length and the kick"):
            electric_field(replace(septum, **missing), CARBON)  # type: ignore[arg-type]
    for missing in ({"magnetic_length": 0.0}, {"magnetic_kick": 0.0}):
        with pytest.raises(InputError, match="'ms' needs its length and its kick"):
            magnetic_field(replace(septum, **missing), CARBON)  # type: ignore[arg-type]


def test_a_core_s_flux_is_the_voltage_of_its_acceleration_times_the_time() -> None:
    """dp = q E t, with E C t the flux: C B rho dp/p, of 77 m and 1 per mille."""
    ring: Any = SimpleNamespace(length=77.0)
    assert BetatronCore.flux(ring, CARBON, 1e-3) == pytest.approx(77.0 * CARBON.momentum / SPEED_OF_LIGHT / 6 * 1e-3)


@pytest.mark.parametrize("scaling", [0.0, 2e-3, -0.01])
def test_magnets_and_momentum_grow_together(scaling: float) -> None:
    driver = ConstantOptics([(0.0, 0.0), (1.0, scaling)])
    assert (1.0 + driver.momentum_shift(1.0)) * (1.0 + scaling) == pytest.approx(1.0)
    assert (1.0 + driver.momentum_shift(0.5)) * (1.0 + scaling / 2) == pytest.approx(1.0)


# ------------------------------------------------------------------------------------------------------ variations


class Setting:
    """A lattice of one number, k = 0.5."""

    def __init__(self, k: float = 0.5) -> None:
        self.ring = SimpleNamespace(parameters={"k": k}, index=lambda name: 3)
        self.septum = made.SEPTUM
        self.delta, self.fringe = 1e-3, "full"

    def changed(self, name: str, value: float) -> Setting:
        assert name == "k"
        return Setting(value)

    def chromaticity(self) -> float:
        return -4.0 + 2.0 * (self.ring.parameters["k"] - 0.5)


def value(setting: Any) -> float:
    return float(setting.ring.parameters["k"])


def test_a_slope_is_that_of_the_parabola() -> None:
    assert variations._slope(Setting(), "k", lambda s: 3 * value(s) ** 2) == pytest.approx(3.0)  # type: ignore[arg-type]


def test_a_scan_of_the_tune_goes_to_the_distances_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tune of -3 a unit of k: settings at 0.5 to 3 times the distance of the design, which comes first."""
    monkeypatch.setattr(variations, "_row", lambda s, **more: {**more, "tune_distance": -2e-3 - 3.0 * (value(s) - 0.5)})
    found = variations._tune_scan(Setting(), {"tune_distance": -2e-3}, "k", -3.0)  # type: ignore[arg-type]
    assert list(found["tune_distance"]) == pytest.approx([-2e-3, *(-2e-3 * f for f in variations._TUNES)])
    assert found["value"][0] == 0.5


def test_a_scan_of_the_sextupole_scales_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variations, "_row", lambda s, **more: {**more, "virtual_sextupole": value(s)})
    found = variations._sextupole_scan(Setting(), {"virtual_sextupole": 0.5}, "k")  # type: ignore[arg-type]
    assert list(found["value"]) == pytest.approx([0.5, *(0.5 * f for f in variations._SEXTUPOLES)])
    assert list(found["virtual_sextupole"]) == pytest.approx(list(found["value"]))


@pytest.mark.parametrize("residual", [0.6, -0.6, 0.0])
def test_a_scan_of_chromaticities_holds_that_of_the_hardt_condition(
    residual: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The residual R = R0 - 4 pi side (Q' - Q'0) / |S| is 0 within it, with room; rows are in order."""

    def row(setting: Any, at: float | None = None) -> dict[str, Any]:
        chromaticity = setting.chromaticity()
        left = residual - 4 * pi * made.SEPTUM.side * (chromaticity + 4.0) / 12.0
        return {"value": value(setting), "dqx": chromaticity, "virtual_sextupole": 12.0, "leading": left}

    monkeypatch.setattr(variations, "_hardt_row", row)
    found = variations._hardt_scan(Setting(), "k")  # type: ignore[arg-type]
    asked = -4.0 + residual * 12.0 / (4 * pi * made.SEPTUM.side)
    room = max(0.75 * abs(asked + 4.0), 0.3)
    assert list(found["dqx"]) == sorted(found["dqx"])
    assert (found["dqx"].min(), found["dqx"].max()) == pytest.approx((min(asked, -4) - room, max(asked, -4) + room))
    assert variations.zero_crossing(found["dqx"], found["leading"]) == pytest.approx(asked)
    assert len(found) == variations._CHROMATICITIES + 1


def test_a_family_s_sensitivity_is_what_a_ten_thousandth_does(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ("tune_distance", "px", "step", "area")
    monkeypatch.setattr(
        variations, "_row", lambda s: {**{key: n * value(s) for n, key in enumerate(keys, 1)}, "reason": "told"}
    )
    design = {key: n * 0.5 for n, key in enumerate(keys, 1)}
    found = variations._sensitivity(Setting(), design, "k", "quadrupole")  # type: ignore[arg-type]
    for number, key in enumerate(keys, 1):
        assert found[key] == pytest.approx(number * 0.5 * 1e-4)
    assert (found["family"], found["strength"], found["reason"]) == ("k", 0.5, "told")


def test_the_leading_divergence_is_the_derivative_of_the_angle(monkeypatch: pytest.MonkeyPatch) -> None:
    """px = 2 dp/p + 5 (dp/p)^2 at 1e-3: 2.01; without an arm it is none."""

    def resonance(ring: Any, at: str, delta: float, fringe: str) -> Any:
        return SimpleNamespace(kobayashi=SimpleNamespace(arm=lambda x: SimpleNamespace(px=2 * delta + 5 * delta**2)))

    monkeypatch.setattr(variations, "third_integer_resonance", resonance)
    assert variations._leading_divergence(Setting()) == pytest.approx(2.01)  # type: ignore[arg-type]
    none = SimpleNamespace(kobayashi=SimpleNamespace(arm=lambda x: None))
    monkeypatch.setattr(variations, "third_integer_resonance", lambda *a, **k: none)
    assert np.isnan(variations._leading_divergence(Setting()))  # type: ignore[arg-type]


def test_a_row_keeps_what_was_found_before_there_was_no_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each number of the resonance under its own name."""

    def arm(x: float) -> Any:
        raise NoSolution("inside")

    kobayashi = SimpleNamespace(stable_area=2e-6, spiral_step=lambda x: 7e-3)
    found = SimpleNamespace(tune_distance=-1e-3, virtual_sextupole=12.0, stable_area=3e-6, kobayashi=kobayashi, arm=arm)
    monkeypatch.setattr(variations, "third_integer_resonance", lambda *a, **k: found)
    row = variations._row(Setting(), value=4.0)  # type: ignore[arg-type]
    expected = {"value": 4.0, "tune_distance": -1e-3, "virtual_sextupole": 12.0, "area": 3e-6, "leading_area": 2e-6}
    assert {key: row[key] for key in expected} == expected
    assert (row["leading_step"], row["reason"]) == (7e-3, "inside")
    assert np.isnan([row["px"], row["step"]]).all()
    assert isinstance(variations.NOT_VARIED.tune, pd.DataFrame)
